"""The stack on a laptop: LocalStack with the real template, and Postgres, without Docker.

`up` may be cut off anywhere: what it started ends with it, unless it came to its end. `down` leaves no process, and keeps the database;
the bucket and the queues live in LocalStack's memory and go with it.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from infra.errors import NoLocalStack, NoPostgres, RunsElsewhere
from infra.local import guardian, stack_process
from infra.local.postgres import embedded_postgres
from infra.local.stack_deployment import Deployed, deploy, invoke, parameters_of, put_secret
from infra.local.stack_environment import environment
from infra.local.stack_process import PROJECT, LocalStack, Starting
from infra.outages import in_short
from infra.store import Store

NAME: Final = "event-dedup-local"
"""Of the stack."""

TEMPLATE: Final = PROJECT / "template.yaml"
SAMCONFIG: Final = PROJECT / "samconfig.toml"
CODE: Final = ("dedup_core", "handlers", "infra", "migrations")
ANSWER_S: Final = 30
"""Seconds until a LocalStack that runs has to answer; one that is merely busy must not be ended, as its bucket would go with it."""

DATABASE_S: Final = 70
"""Seconds to wait until the embedded Postgres has stopped."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Up:
    """A stack that runs. began: whether this call started LocalStack; seconds: from the call to its readiness."""

    url: str
    deployed: Deployed
    began: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack and where its state lies.

    folder: holds ``stack`` (LocalStack's state and log) and ``postgres``; environment: LocalStack's packages;
    port: of LocalStack on 127.0.0.1; database_url: of a Postgres that runs already, else the embedded one is used;
    template: what is deployed.
    """

    folder: Path
    environment: Path
    port: int
    database_url: str | None = None
    template: Path = TEMPLATE

    @property
    def own(self) -> Path:
        """LocalStack's folder."""
        return (self.folder / "stack").resolve()

    @property
    def log(self) -> Path:
        """What LocalStack itself has written."""
        return self.own / stack_process.LOG

    def found(self) -> LocalStack | None:
        """Find the LocalStack that runs."""
        return stack_process.find(self.own)

    def deployed(self) -> Deployed | None:
        """Recall what was deployed last to the LocalStack that runs."""
        try:
            return Deployed(**orjson.loads((self.own / "deployed.json").read_bytes())["deployed"])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def up(self, say: Say, *, again: bool = False) -> Up:
        """Start what does not run yet, and deploy what is not deployed yet. again: deploy in any case.

        A second call finds what runs and changes nothing, unless the template or the code did.

        Raises:
            NoLocalStack, NoPostgres: something is missing; the message says what.
            RunsElsewhere: it runs on another port than the one asked for.
            NotDeployed: the template was refused.
        """
        begun = time.monotonic()
        _insist_on_runtime_client()
        python = environment(self.environment, say)
        with self._alone(), ExitStack() as stack:
            url, hold = stack.enter_context(self._database())
            running = self._running()
            starting = None
            if running is None:
                say(f"starting LocalStack on 127.0.0.1:{self.port}")
                starting = stack.enter_context(Starting(self.own, python, self.port, hold))
                running = starting.wait()
            deployed = self._deploy(running, url, say, again=again or starting is not None)
            if starting is not None:
                starting.keep()
        return Up(running.url, deployed, starting is not None, round(time.monotonic() - begun, 1))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one `up` or `down` after the other work."""
        self.own.mkdir(parents=True, exist_ok=True)
        with guardian.opened(self.own, "up.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _running(self) -> LocalStack | None:
        running = self.found()
        if running is None:
            return None
        if not running.answers_within(ANSWER_S):  # cut off while it started or stopped
            stack_process.end(running)
            return None
        if running.port != self.port:
            raise RunsElsewhere(
                f"this stack runs already, on port {running.port}: go on with that (--port {running.port}, or "
                f"EVENT_DEDUP_LOCAL_PORT={running.port}), or end it first: event-dedup local down"
            )
        return running

    @contextmanager
    def _database(self) -> Iterator[tuple[str, list[int]]]:
        """Have a database, and the lock that LocalStack has to hold so that the embedded one goes on."""
        if self.database_url is not None:
            _insist_on(self.database_url)
            yield self.database_url, []
            return
        folder = (self.folder / "postgres").resolve()
        with embedded_postgres(folder) as url, guardian.opened(folder, guardian.USERS) as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield url, [users]

    def _deploy(self, running: LocalStack, url: str, say: Say, *, again: bool) -> Deployed:
        if not self.template.exists():
            raise NoLocalStack(
                f"{self.template} is missing: the local stack needs the repository, not only the package"
            )
        digest = _digest(self.template, url)
        known = self.deployed()
        if not again and known is not None and self._digest_deployed() == digest:
            return known
        say(f"deploying {self.template.name}")
        # The functions get the new code one by one; at the very first deployment, when the template has migrated.
        if known is not None:
            _upgrade(url)
        secret = put_secret(running.url, f"{NAME}/database", url)
        deployed = deploy(running.url, NAME, self.template, parameters(secret, digest), say)
        _sweep(running.url, deployed, say)
        note = orjson.dumps({"digest": digest, "deployed": asdict(deployed)}, option=orjson.OPT_INDENT_2)
        stack_process.write(self.own / "deployed.json", note.decode())
        return deployed

    def _digest_deployed(self) -> str | None:
        return str(orjson.loads((self.own / "deployed.json").read_bytes()).get("digest"))

    def down(self, say: Say) -> bool:
        """End LocalStack, the functions and the embedded Postgres; false if nothing ran."""
        with self._alone():
            running = self.found()
            if running is not None:
                stack_process.end(running)
            for name in (stack_process.NOTE, "deployed.json"):
                (self.own / name).unlink(missing_ok=True)
            stopped = self._stop_postgres()
        if not stopped:
            say("Postgres goes on: another command uses it, and the last of them stops it")
        return running is not None

    def postgres_pid(self) -> int | None:
        """Tell which process is the embedded Postgres, or null."""
        server = guardian.postmaster((self.folder / "postgres").resolve())
        return None if server is None else int(server.pid)

    def _stop_postgres(self) -> bool:
        """Wait until the embedded Postgres has stopped, or stop it; false if others use it."""
        folder = (self.folder / "postgres").resolve()
        if not folder.exists():
            return True
        with guardian.opened(folder, guardian.USERS) as users:
            until = time.monotonic() + DATABASE_S
            while not guardian.taken(users):
                if _shared(users) or time.monotonic() > until:
                    return False
                time.sleep(0.05)
            guardian.stop(folder)
        return True


def _shared(users: int) -> bool:
    """Tell whether other commands use the server; else it is its guardian, stopping it, who holds the lock."""
    try:
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(users, fcntl.LOCK_UN)
    return True


def parameters(secret: str, digest: str) -> dict[str, str]:
    """Give the template its parameters. The image's tag is the code's digest: so changed code replaces the functions' processes."""
    own = {"DatabaseSecretArn": secret, "ImageUri": f"event-dedup:{digest}"}
    return {**parameters_of("local", SAMCONFIG), **own}


def _upgrade(url: str) -> None:
    """Bring the schema to head, before new code serves."""
    store = Store.at(url)
    try:
        store.upgrade()
    finally:
        store.engine.dispose()


def _sweep(endpoint: str, deployed: Deployed, say: Say) -> None:
    """Announce what an earlier LocalStack took with it: its queues are gone, and Postgres may be ahead of the last run."""
    found = invoke(endpoint, deployed.functions["SweepFunction"], {})
    if found["behind"]:
        say(f"the matcher is {found['behind']} generations behind, and has been woken")


def _insist_on_runtime_client() -> None:
    if find_spec("awslambdaric") is None:
        raise NoLocalStack(
            "functions can't run as processes here: awslambdaric is missing, which comes ready-made for Linux only; "
            "use Docker Compose, or event-dedup watch"
        )


def _insist_on(url: str) -> None:
    store = Store.at(url)
    try:
        store.engine.connect().close()
    except DBAPIError as error:
        address = make_url(url)
        raise NoPostgres(
            f"EVENT_DEDUP_DATABASE_URL: no Postgres at {address.host}:{address.port or 5432}: {in_short(error)}"
        ) from error
    finally:
        store.engine.dispose()


def _digest(template: Path, database_url: str) -> str:
    """Hash what a deployment is made of: the template, its parameters, the code, the database's address."""
    total = hashlib.sha256(database_url.encode() + template.read_bytes() + SAMCONFIG.read_bytes())
    for path in sorted(path for name in CODE for path in (PROJECT / name).rglob("*")):
        if path.suffix in (".py", ".yaml", ".html", ".css", ".js") and path.is_file():
            total.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:16]
