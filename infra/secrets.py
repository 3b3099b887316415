"""Secrets: the database's URL out of Secrets Manager."""

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import URL

from infra.errors import WrongSettings

if TYPE_CHECKING:
    from botocore.client import BaseClient


def database_url(client: "BaseClient", arn: str) -> str:
    """Read the URL from a secret: the text itself, or the JSON that RDS keeps (host, port, dbname, username, password; TLS is insisted on).

    Raises:
        WrongSettings: the secret holds neither.
    """
    text: str = client.get_secret_value(SecretId=arn)["SecretString"]  # type: ignore[attr-defined]
    if text.startswith("postgres"):
        return text
    try:
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
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise WrongSettings(
            f"EVENT_DEDUP_DATABASE_SECRET_ARN: the secret is neither a URL nor RDS's JSON: {error!r}"
        ) from error
    return address.render_as_string(hide_password=False)
