"""The embedded server on Linux and macOS: create it, start it, hand it to the guardian.

What may go wrong: two starts at once (a lock), a creation cut off half-way (done under another name, then renamed), a pid file left
by a power cut (the process is looked at), a folder whose path is too long for a socket (the socket moves), root (a system user).
"""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from infra.errors import NoPostgres
from infra.local import guardian
from infra.local.package import PROGRAMS

START_S: Final = 120
"""Seconds for a start; a server that was cut off replays its log first."""

SYSTEM_USER: Final = "embedded_postgres"
"""PostgreSQL refuses to run as root; this user runs it then."""

LONGEST_SOCKET: Final = 100
"""Bytes; a path of a Unix socket has at most 107 on Linux and 103 on macOS."""


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Run the server of a folder and give its URL."""
    with guardian.opened(folder, guardian.USERS) as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for one who is stopping the server
        try:
            _post_guardian(folder)
            sockets = _started(folder)
            yield URL.create(
                "postgresql+pg8000",
                username="postgres",
                database="postgres",
                query={"unix_sock": f"{sockets}/.s.PGSQL.5432"},
            ).render_as_string()
        finally:
            _leave(users, folder)


def _leave(users: int, folder: Path) -> None:
    if guardian.taken(users):
        guardian.stop(folder)
        with suppress(OSError):
            _apart(folder).rmdir()
    else:  # others use it, or the guardian is stopping it: then wait until that is done
        fcntl.flock(users, fcntl.LOCK_SH)


def _post_guardian(folder: Path) -> None:
    """Start a guardian, out of reach of this process's signals and pipes."""
    subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, guardian.__file__, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _started(folder: Path) -> Path:
    """Start the server, or find it running; returns the folder of its socket."""
    with guardian.opened(folder, guardian.START) as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        owner = _owner(folder)
        sockets = _socket_folder(folder, owner)
        if guardian.postmaster(folder) is None:
            if not (folder / "data").exists():
                _create(folder, owner)
            (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
            # A list of folders to the server, so a comma must be quoted; and an option to a shell.
            listed = '"' + str(sockets).replace('"', '""') + '"'
            options = f"-c listen_addresses= -k {shlex.quote(listed)}"
            _run(folder, owner, "pg_ctl", "start", "-w", "-t", str(START_S), "-o", options, "-l", "log")
    return sockets


def _create(folder: Path, owner: pwd.struct_passwd) -> None:
    """Create the data folder, whole or not at all. Its order of texts is that of their bytes, as everywhere else in the pipeline."""
    unfinished = folder / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    os.chown(unfinished, owner.pw_uid, owner.pw_gid)
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    _run(
        folder,
        owner,
        "initdb",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        *locale,
        data=unfinished,
    )
    unfinished.rename(folder / "data")


def _owner(folder: Path) -> pwd.struct_passwd:
    """Say who runs the server: the user of this process, or, for root, a system user who can reach folder and programs."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        owner = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _must(folder, ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER])
        owner = pwd.getpwnam(SYSTEM_USER)
    for path in {folder, *folder.parents, *PROGRAMS.parents}:
        if not path.stat().st_mode & stat.S_IXOTH:
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
    return owner


def _socket_folder(folder: Path, owner: pwd.struct_passwd) -> Path:
    """Choose where the socket lies: in the data folder, or, where its path is too long, in a folder for temporary files, closed to others."""
    inside = folder / "data"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
        return inside
    apart = _apart(folder)
    if not apart.is_dir():
        apart.mkdir(mode=0o700)
        os.chown(apart, owner.pw_uid, owner.pw_gid)
    if apart.is_symlink() or apart.stat().st_uid != owner.pw_uid:
        raise NoPostgres(
            f"{apart} belongs to somebody else; choose a data folder with a shorter path than {folder}"
        )
    return apart


def _apart(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"event-dedup-{name}"


def _run(
    folder: Path, owner: pwd.struct_passwd, program: str, *arguments: str, data: Path | None = None
) -> None:
    """Run one of PostgreSQL's programs as the owner, in and on the data folder.

    The folder's name goes by the environment, and its log by a name without folders: pg_ctl hands both to a shell, which would take
    a ``$`` in them for its own.
    """
    data = data or folder / "data"
    as_owner = owner if os.geteuid() == 0 else None
    _must(folder, [PROGRAMS / program, *arguments], owner=as_owner, data=data)


def _must(
    folder: Path,
    command: list[str | Path],
    *,
    owner: pwd.struct_passwd | None = None,
    data: Path | None = None,
) -> None:
    """Run a command to its end. Its output goes to a file: a server that it starts would hold a pipe open for ever."""
    with tempfile.TemporaryFile() as said:
        try:
            subprocess.run(  # noqa: S603 - our own programs
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=data or "/",
                env=_environment() | ({"PGDATA": str(data)} if data else {}),
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=() if owner else None,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())
            log = folder / "data" / "log"
            where = f"; its log is {log}" if log.exists() else ""
            raise NoPostgres(f"PostgreSQL did not start in {folder}: {error}: {words}{where}") from error


def _environment() -> dict[str, str]:
    """Keep what the user set for other servers, such as PGPORT, and for other languages away from this one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
