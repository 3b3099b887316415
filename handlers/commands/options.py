"""Options: what several commands take, and what they open because of it."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from dedup_core.policy import Policy
    from infra.store import Store

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Limit = Annotated[int, typer.Option(help="Rows at most.", min=1, max=10_000)]
Offset = Annotated[int, typer.Option(help="Rows to skip.", min=0)]


def _policy_instead_of(other: str) -> Any:
    """Give the option that names a policy's file. other: what holds without it."""
    help = f"A matching.yaml to use instead of {other}."
    return typer.Option("--policy", help=help, exists=True, dir_okay=False)


OF_FILES: Final = "that of EVENT_DEDUP_POLICY_FILE or the package"

PolicyFile = Annotated[Path | None, _policy_instead_of("the one in force")]
PolicyOfFiles = Annotated[Path | None, _policy_instead_of(OF_FILES)]
"""Of commands that work on files alone: what was applied in a database is nothing to them."""

PolicyOfEither = Annotated[
    Path | None, _policy_instead_of(f"the one in force; on files, instead of {OF_FILES}")
]
InputFiles = Annotated[list[Path], typer.Argument(help="Input files, or folders of them.", exists=True)]
Author = Annotated[str, typer.Option(help="Who says so.", envvar="USER")]
Found = TypeVar("Found")


def _whoever() -> str:
    """Name who uses this machine: by the system's name, or, as in containers there may be none, by the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


ME = _whoever()
"""Who says so, where neither an option nor USER does: the audit trail names somebody, and never just anybody."""

A_FILE_WAS_REFUSED = 3
"""Exit code: done, but a file was refused."""


def identity(text: str) -> tuple[str, str]:
    """Read ``source_code:id``."""
    source_code, separator, listing_id = text.partition(":")
    if not separator or not source_code or not listing_id:
        raise typer.BadParameter(f"{text!r} is not of the form source_code:id, e.g. bwb:pdf-9a2c5acd-2-2")
    return source_code, listing_id


def found(row: Found | None, what: str) -> Found:
    """Insist on something that was looked up; raises UnknownEvent."""
    from dedup_core.errors import UnknownEvent

    if row is None:
        raise UnknownEvent(f"there is no {what}")
    return row


def chosen_policy(path: Path | None) -> "Policy":
    """Read the policy of an option, of the settings, or of the package."""
    from dedup_core.policy import parse_policy
    from handlers import wiring

    if path is None:
        return wiring.policy_of(wiring.settings())
    return parse_policy(path.read_text(encoding="utf-8"), name=str(path))


def policy_in_force() -> "Policy":
    """Read the policy that the next run has: the one that was applied last, or, where none was or there is no database, the settings' one."""
    from handlers import wiring

    chosen = wiring.settings()
    named = chosen.database_url is not None or chosen.database_secret_arn is not None
    if not named and not (chosen.data_folder / "postgres").exists():
        return chosen_policy(None)
    with database("look") as store:
        return store.policy_in_force() or chosen_policy(None)


def data_folder() -> Path:
    """Tell where the embedded database and the quarantine of folders lie."""
    from handlers import wiring

    return wiring.settings().data_folder


@contextmanager
def database(to: Literal["look", "change", "begin"]) -> Iterator["Store"]:
    """Open the database that the settings name, or else the embedded one, for as long as the block runs.

    to: ``begin`` brings the schema to what this version needs and creates an embedded database; the others insist on both,
        so that a wrong folder or a forgotten variable is told and not answered with an empty table.

    Raises:
        NoPostgres: there is no database to look into.
        SchemaNotReady: it is at another schema.
    """
    from handlers import wiring
    from infra.store import Store

    chosen = wiring.settings()
    if chosen.database_url is not None or chosen.database_secret_arn is not None:
        yield _ready(wiring.store(), upgrade=to == "begin")
        return
    with _embedded(chosen.data_folder / "postgres", create=to == "begin") as url:
        store = Store.at(url)
        try:
            yield _ready(store, upgrade=True)
        finally:
            store.engine.dispose()


def _ready(store: "Store", *, upgrade: bool) -> "Store":
    if upgrade:
        store.upgrade()
    else:
        store.require_head()
    return store


@contextmanager
def _embedded(folder: Path, *, create: bool) -> Iterator[str]:
    import warnings

    from infra.errors import NoPostgres
    from infra.local.postgres import embedded_postgres

    if not create and not folder.exists():
        raise NoPostgres(
            f"there is no database in {folder}: fill one with `event-dedup watch FOLDER`, or name one by "
            "EVENT_DEDUP_DATABASE_URL, or its folder by EVENT_DEDUP_DATA_FOLDER"
        )
    # It warns of a variable of desktops that servers and containers don't set; its lock file then lies in /tmp, which is fine.
    warnings.filterwarnings("ignore", module="platformdirs")
    with embedded_postgres(folder) as url:
        yield url
