"""Settings: addresses and secrets, from the environment. What changes answers is the policy, not a setting.

A variable that is wrong, or that nobody reads because its name is misspelt, stops the start and is named; its value never is.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from infra.errors import WrongSettings

PREFIX: Final = "EVENT_DEDUP_"

FOR_TESTS: Final = f"{PREFIX}TEST_"
"""Variables that only tests read."""

COMPOSE: Final = {
    "IMAGE": (
        "event-dedup:local",
        "The functions' image. For docker-compose.prod.yml by digest: …/event-dedup@sha256:…",
    ),
    "BASE_IMAGE": ("public.ecr.aws/lambda/python:3.13", "What it is built on; add @sha256:… to pin it."),
    "LOCALSTACK_IMAGE": (
        "localstack/localstack:4.14.0",
        "The last LocalStack that needs no account; add @sha256:… to pin it.",
    ),
    "POSTGRES_IMAGE": ("postgres:17-alpine", "The database's image."),
    "POSTGRES_PASSWORD": ("event_dedup", "Of the database on the laptop."),
    "POSTGRES_PORT": ("5432", "Of the database on 127.0.0.1."),
    "API_PORT": ("8080", "Of the API's function on 127.0.0.1."),
    "PGADMIN_IMAGE": ("dpage/pgadmin4:9", "pgAdmin's image (profile dev)."),
    "PGADMIN_PASSWORD": ("event_dedup", "Of dev@example.com in pgAdmin."),
    "PGADMIN_PORT": ("5050", "Of pgAdmin on 127.0.0.1."),
    "AWS_REGION": (
        "",
        "Only docker-compose.prod.yml: the stack's region, and credentials that may read its secret.",
    ),
    "AWS_ACCESS_KEY_ID": ("", "See AWS_REGION."),
    "AWS_SECRET_ACCESS_KEY": ("", "See AWS_REGION."),
    "AWS_SESSION_TOKEN": ("", "See AWS_REGION."),
}
"""Variables of the compose files: default and what it is for."""

DRIVERS: Final = ("postgresql", "postgres", "postgresql+pg8000")


def _postgres(url: SecretStr) -> SecretStr:
    try:
        driver = make_url(url.get_secret_value()).drivername
    except (ArgumentError, ValueError):
        driver = ""  # the cause would show the URL, and with it the password
    if driver not in DRIVERS:
        raise ValueError("write postgresql://user:password@host:5432/name")
    return url


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)  # looks this one up; to list all of them takes a tenth of a second
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("write a name of the IANA data base, such as Europe/Berlin") from error
    return name


class Settings(BaseSettings):
    """Every variable of the environment that event-dedup reads, without its prefix ``EVENT_DEDUP_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = Field(
        None,
        description="postgresql://user:password@host:5432/name. Unset on a laptop: a Postgres of its own is started.",
    )
    database_secret_arn: str | None = Field(
        None,
        description="Used if the URL is unset: Secrets Manager secret that holds it, or host, port, dbname, username, password as JSON.",
    )
    data_folder: Path = Field(
        Path("var"),
        description="Folder of the embedded Postgres and of quarantined files of the directory mode.",
    )
    uploads_bucket: str | None = Field(
        None, description="Bucket that the sweep compares with what was ingested."
    )
    results_bucket: str | None = Field(
        None,
        description="Bucket for receipts and bad files, where nothing triggers ingest. Unset: the bucket that a file came from.",
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
    retry_after_s: Annotated[int, Field(ge=1, le=900)] = Field(
        30,
        description="Seconds until the message of a run that failed comes again; the fifth failure is the last.",
    )
    local_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        4566, description="Port of 127.0.0.1 that the local stack's LocalStack listens on."
    )
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+[^?#\s]*[^/?#\s]$")] | None = Field(
        None,
        description="Where the API is reached from outside, without a slash at its end; feeds name it. Unset: as it was asked.",
    )
    feed_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,200}$")] = Field(
        "event-dedup",
        description="What calendars' ids of events end with. Never change it: every program would take each event for a new one.",
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Europe/Berlin", description="The zone that the listings' times are of."
    )
    policy_file: FilePath | None = Field(
        None,
        description="A matching.yaml to use instead of the one in the package, until one is applied (event-dedup policy apply).",
    )
    roles: dict[str, Literal["reader", "editor", "admin"]] = Field(
        {},
        description='Who may what over HTTP, as JSON: {"portal-editors": "editor", "arn:aws:sts::*:assumed-role/backend/*": "reader"}. '
        "Left: a token's subject or group, or the ARN that signed; * stands for anything but a slash. Keys of the database have roles of their own.",
    )
    role_claim: str = Field(
        "cognito:groups", description="The claim of a token that lists what ROLES knows: its groups."
    )
    requests_per_second: Annotated[int, Field(ge=0)] = Field(
        50, description="What anyone may ask `event-dedup serve`, over ten seconds; 0: no limit."
    )
    threads: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="Requests that `event-dedup serve` answers at once."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        WrongSettings: variables are wrong or unknown; the message names each.
    """
    faults = list(_unknown(os.environ))
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
    except SettingsError as error:
        raise WrongSettings(f"{PREFIX}ROLES: is no JSON") from error.__cause__
    if faults:
        raise WrongSettings("; ".join(faults))
    return settings


def _unknown(environment: Mapping[str, str]) -> list[str]:
    """Name the variables with our prefix that nobody reads."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    strangers = sorted(
        name
        for name in environment
        if name.startswith(PREFIX) and not name.startswith(FOR_TESTS) and name not in known
    )
    return [
        f"{name}: there is no such variable, did you mean {(get_close_matches(name, known, 1) or known)[0]}?"
        for name in strangers
    ]


def environment_example() -> str:
    """Write the `.env.example`: every variable with what it is for and its default."""
    lines = [
        "# Every variable that event-dedup reads, from the environment alone: a copy of this file is loaded by `set -a; . ./.env; set +a`.\n# Secrets never go into an image.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        lines += [f"# {field.description}", f"#{PREFIX}{name.upper()}={default}", ""]
    lines += ["# --- Docker Compose: what its files read on top, and no function does ---", ""]
    for name, (default, description) in COMPOSE.items():
        lines += [f"# {description}", f"#{name}={default}", ""]
    return "\n".join(lines)
