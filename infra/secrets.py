"""Secrets: the database's URL out of Secrets Manager."""

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from infra.errors import WrongSettings

if TYPE_CHECKING:
    from botocore.client import BaseClient


def database_url(client: "BaseClient", arn: str) -> str:
    """Read the URL from a secret: the text itself, or the JSON that RDS keeps (host, port, dbname, username, password; TLS is insisted on).

    Raises:
        WrongSettings: the secret holds neither.
    """
    text: str = client.get_secret_value(SecretId=arn)["SecretString"]  # type: ignore[attr-defined]
    try:
        if text.startswith("postgres"):
            make_url(text)
            return text
        parts: dict[str, Any] = orjson.loads(text)
        address = URL.create(
            "postgresql+pg8000",
            username=parts["username"],
            password=parts["password"],
            host=parts["host"],
            port=int(parts.get("port", 5432)),
            database=parts.get("dbname", "postgres"),
            query={
                "sslmode": parts.get("sslmode", "require")
            },  # RDS always can, and "prefer" would give way to who refuses
        )
    except (ArgumentError, KeyError, TypeError, ValueError) as error:
        lacking = f" (it has no {error})" if isinstance(error, KeyError) else ""
        # Without the cause, which may quote the password: of a URL whose password has an @, what follows it is taken for a port.
        raise WrongSettings(
            f"EVENT_DEDUP_DATABASE_SECRET_ARN: the secret is neither a URL nor RDS's JSON{lacking}"
        ) from None
    return address.render_as_string(hide_password=False)
