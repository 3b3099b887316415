"""Settings: addresses and secrets, from the environment. What changes answers is the policy, not a setting."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import WrongSettings

PREFIX = "EVENT_DEDUP_"


class Settings(BaseSettings):
    """Every variable of the environment that event-dedup reads, without its prefix ``EVENT_DEDUP_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host:5432/name. Unset on a laptop: a Postgres of its own is started.",
    )
    database_secret_arn: str | None = Field(
        None,
        description="Secrets Manager secret that holds the database's URL, or host, port, dbname, username, password.",
    )
    data_folder: Path = Field(
        Path("var"),
        description="Folder of the embedded Postgres and of quarantined files of the directory mode.",
    )
    uploads_bucket: str | None = Field(
        None, description="Bucket that the sweep compares with what was ingested."
    )
    quarantine_prefix: Annotated[str, Field(min_length=1, pattern="/$")] = Field(
        "quarantine/", description="Where bad files are copied; never ingested. Ends with a slash."
    )
    receipts_prefix: Annotated[str, Field(min_length=1, pattern="/$")] = Field(
        "receipts/", description="Where receipts are written; never ingested. Ends with a slash."
    )
    match_queue_url: str | None = Field(None, description="URL of the FIFO queue that wakes the matcher.")
    upload_queue_url: str | None = Field(
        None, description="URL of the queue that brings S3's notifications to ingest."
    )
    policy_file: Path | None = Field(
        None, description="A matching.yaml to use instead of the one in the package."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        WrongSettings: a variable is wrong; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise WrongSettings("; ".join(lines)) from error


def environment_example() -> str:
    """Write the `.env.example`: every variable with what it is for and its default."""
    lines = [
        "# Every variable that event-dedup reads. Copy to .env and fill in; secrets never go into an image.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        lines += [f"# {field.description}", f"#{PREFIX}{name.upper()}={default}", ""]
    return "\n".join(lines)
