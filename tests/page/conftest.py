"""The page in a real browser: the samples in a real Postgres, `event-dedup serve` as a process, headless Chromium.

Whatever a page does, no test passes in which a script failed, the page's policy stopped something, or another host was asked.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from dedup_core.policy import Policy, default_policy
from handlers.described import described
from handlers.match import match
from handlers.web.visiting import SESSION
from infra.store import Store, keys
from tests.conftest import created
from tests.handlers.worlds import lay, take_in
from tests.page.payloads import hostile_file

SAMPLES = Path(__file__).parents[2] / "samples" / "breisgau"
CHROMIUM = "EVENT_DEDUP_TEST_CHROMIUM"
PATIENCE_MS = 20_000
"""How long the browser waits for anything: a machine that is busy with other tests is slow, not wrong."""


def browser_path() -> str | None:
    """Find a Chromium: the one that the variable names, or the system's."""
    named = os.environ.get(CHROMIUM)
    found = (
        [named]
        if named
        else [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    )
    return next((path for path in found if path), None)


def doubtful() -> Policy:
    """Give a policy that asks a person more often than the one in the package: a queue must not depend on how well it is tuned."""
    usual = default_policy()
    thresholds = usual.thresholds.model_copy(update={"match": 10.0, "ambiguous": -4.0})
    return usual.model_copy(update={"thresholds": thresholds})


@dataclass
class Desk:
    """A server with the samples. keys: role -> key."""

    address: str
    store: Store
    keys: dict[str, str]


@pytest.fixture(scope="package")
def desk(
    playwright: Playwright, postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Give the page on the samples and on hostile listings, ingested and matched as always."""
    with ExitStack() as stack:
        url = stack.enter_context(created(postgres, template))
        store = Store.at(url)
        stack.callback(store.engine.dispose)
        policy, folder = doubtful(), tmp_path_factory.mktemp("desk")
        _fill(store, folder / "uploads", policy)
        (folder / "policy.yaml").write_text(described(policy), encoding="utf-8")
        with store.engine.begin() as connection:
            given = {
                role: keys.add_key(connection, name=f"eva the {role}", role=role, author="test")
                for role in ("reader", "editor", "admin")
            }
        yield Desk(stack.enter_context(_served(url, folder / "policy.yaml")), store, given)


def _fill(store: Store, folder: Path, policy: Policy) -> None:
    for path in sorted(SAMPLES.glob("*.json")):
        take_in(store, SAMPLES, path.name)
        if path.name.startswith("amtskal"):  # several runs, so that there is a trend to draw
            match(store=store, policy=policy)
    torn = b'{"events": [{"id": "torn", "ti'
    lay(folder, {"hostile_1.json": hostile_file("a"), "foul_1.json": hostile_file("b"), "torn_1.json": torn})
    for path in sorted(folder.iterdir()):
        take_in(store, folder, path.name)
    match(store=store, policy=policy)


class _served:  # noqa: N801 - a context manager
    """`event-dedup serve` with its matcher; gives its address."""

    def __init__(self, url: str, policy: Path) -> None:
        environment = os.environ | {
            "EVENT_DEDUP_POLICY_FILE": str(policy),
            "EVENT_DEDUP_DATABASE_URL": url,
            "EVENT_DEDUP_REQUESTS_PER_SECOND": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "handlers.cli", "serve", "--port", "0"],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> str:
        told = ""
        assert self.process.stderr is not None
        while not (found := re.search(r"serving (http://\S+);", told)):
            assert self.process.poll() is None, told
            told += self.process.stderr.readline()
        return found[1]

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Give Playwright, or skip with the reason."""
    if browser_path() is None:
        pytest.skip(
            f"no Chromium on this machine: `apt install chromium`, or name one in {CHROMIUM}; without it the page is not tested"
        )
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Give headless Chromium."""
    started = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
    yield started
    started.close()


@dataclass
class Visitor:
    """Somebody at the page. faults: what went wrong behind the scenes; strangers: other hosts that were asked."""

    page: Page
    desk: Desk
    faults: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def see(self, path: str) -> Page:
        """Go to a path below the root, and wait until it is loaded with its scripts."""
        self.page.goto(f"{self.desk.address}/desk{path}")
        return self.page

    def violations(self, *rules: str) -> list[str]:
        """Ask axe-core what keeps people out of what is shown now. rules: only these."""
        asked = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = Axe().run(self.page, options=asked).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]

    def too_wide(self) -> bool:
        """Tell whether the page itself has to be scrolled sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wide


Arrive = Callable[..., Visitor]


@pytest.fixture
def arrive(desk: Desk, browser: Browser) -> Iterator[Arrive]:
    """Give a way to come to the page, with a key and a window of one's own; afterwards nothing may have gone wrong."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def come(
        *, role: str | None = "editor", language: str = "en-GB", width: int = 1280, **more: Any
    ) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 800}, locale=language, **more)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if role is not None:
            context.add_cookies([{"name": SESSION, "value": desk.keys[role], "url": f"{desk.address}/desk"}])
        visitor = Visitor(context.new_page(), desk)
        _watch(visitor)
        visitors.append(visitor)
        return visitor

    yield come
    for context in contexts:
        context.close()
    assert [fault for visitor in visitors for fault in visitor.faults] == []
    assert [stranger for visitor in visitors for stranger in visitor.strangers] == []


ABORTED = ("htmx:afterRequest", "htmx:sendAbort")
"""The two lines that htmx logs, this one after that, of a request that a newer one replaced or that was under way when its page was left."""


def _watch(visitor: Visitor) -> None:
    own = urlsplit(visitor.desk.address).netloc

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visitor.faults.append(message.text)
        if tuple(fault.split(",")[0] for fault in visitor.faults[-2:]) == ABORTED:
            del visitor.faults[-2:]

    def asked(request: Request) -> None:
        if urlsplit(request.url).netloc != own:
            visitor.strangers.append(request.url)

    def opened(dialog: Dialog) -> None:
        visitor.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    visitor.page.on("console", said)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    visitor.page.on("dialog", opened)
    visitor.page.on("request", asked)


@pytest.fixture
def editor(arrive: Arrive) -> Visitor:
    """Give an editor at a desk of usual width."""
    return arrive()
