"""Commands of the API: serve it on this machine, and the keys by which it is asked."""
# ruff: noqa: PLC0415 - heavy imports stand inside, so that --help and completion answer at once

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import typer

from handlers.commands.options import ME, AsJson, Author, database

if TYPE_CHECKING:
    from infra.store import Store

KeyName = Annotated[str, typer.Argument(help="Whose it is; the audit trail says so.")]

KEY_COLUMNS = {
    "name": "name",
    "role": "role",
    "created_at": "given",
    "last_used_at": "last used",
    "revoked_at": "revoked",
}


class Role(StrEnum):
    """What a key may do; each what those before it may."""

    reader = "reader"
    editor = "editor"
    admin = "admin"


def serve(
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535)
    ] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    expose: Annotated[
        bool, typer.Option("--expose", help="Listen where others can reach it, too; it speaks no TLS.")
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Processes that answer; each counts requests for itself.", min=1, max=16)
    ] = 1,
    match: Annotated[
        bool,
        typer.Option("--match/--no-match", help="Match here what changes, where no queue wakes a matcher."),
    ] = True,
) -> None:
    """Serve the editor's page and the API on this machine: the page at /desk, and the routes that AWS has.

    Uses EVENT_DEDUP_DATABASE_URL, or else a Postgres of its own below EVENT_DEDUP_DATA_FOLDER (./var). The first start makes a key and
    shows it; `event-dedup keys` has more. Ctrl-C and SIGTERM finish what is being answered.

    **Example:** `event-dedup serve --port 8000`
    """
    from handlers import serving, wiring

    if not expose and not _is_loopback(host):
        raise typer.BadParameter(
            f"others can reach {host}: say --expose if that is meant", param_hint="--host"
        )
    with _prepared() as key, serving.listening(host, port) as listener:
        _greet(f"http://{host}:{listener.getsockname()[1]}", key)
        serving.run(listener, workers=workers, match=match and wiring.settings().match_queue_url is None)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _prepared() -> Iterator[str | None]:
    """Open the database for this process and those that it starts; gives the first key, if this is the first start."""
    from handlers import wiring
    from infra.store import keys

    with database("begin") as store:
        if wiring.settings().database_url is None and wiring.settings().database_secret_arn is None:
            wiring.point_to(store.engine.url.render_as_string(hide_password=False))
        with store.engine.begin() as connection:
            key = keys.first_key(
                connection, name="first", role="admin", author=os.environ.get("USER", "serve")
            )
        yield key


def _greet(address: str, key: str | None) -> None:
    """Say where it is, and how to get in."""
    from handlers.terminal import out, say

    if key is None:
        say("who has no key yet: event-dedup keys add NAME --role editor")
    else:
        say("the first key, which may do everything; it is shown this once:")
        out.print(key, highlight=False, soft_wrap=True)
    say(f"the editor's page: {address}/desk")
    say(f"serving {address}; Ctrl-C ends it")


def keys_add(
    name: KeyName,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.reader,
    author: Author = ME,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once: only its hash is kept.

    **Example:** `event-dedup keys add portal --role reader`
    """
    from handlers.terminal import out, print_json
    from infra.store import keys

    with database("change") as store, store.engine.begin() as connection:
        key = keys.add_key(connection, name=name, role=role.value, author=author)
    if as_json:
        print_json({"name": name, "role": role.value, "key": key})
    else:
        out.print(key, highlight=False, soft_wrap=True)


def keys_list(as_json: AsJson = False) -> None:
    """List keys: whose they are, what they may, and when they were last used.

    **Example:** `event-dedup keys list`
    """
    from handlers.terminal import print_json, table
    from infra.store import keys

    with database("look") as store, store.reading() as connection:
        found = keys.list_keys(connection)
    if as_json:
        print_json(found)
    else:
        table("Keys", found, KEY_COLUMNS)


def keys_revoke(name: KeyName, author: Author = ME, as_json: AsJson = False) -> None:
    """Make a key void; what is served with it ends within seconds.

    **Example:** `event-dedup keys revoke portal`
    """
    from dedup_core.errors import UnknownEvent
    from handlers.terminal import print_json, say

    with database("change") as store:
        if not _revoked(store, name, author):
            raise UnknownEvent(f"there is no valid key named {name}")
    if as_json:
        print_json({"revoked": name})
    say(f"the key {name} is void")


def _revoked(store: "Store", name: str, author: str) -> bool:
    from infra.store import keys

    with store.engine.begin() as connection:
        return keys.revoke_key(connection, name, author=author)
