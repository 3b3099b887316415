"""Measure the desk in a real browser: from a key of the review to the next case on the screen, and what the first page weighs.

    python -m bench.desk --listings 10000 --keys 30

The time begins when the browser hands the key to the page and ends in the second frame after the next case stands in it, so it holds
the painting, too. Before each key there is a pause, as editors read before they judge, in which the page fetches the next case; with
--pause 0 there is none, and a key waits for the server. Each case is judged, undone and skipped, so the database is left as it was.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import text

from bench.api import fill, serving
from bench.machine import described
from bench.run import RESULTS
from handlers.web.visiting import SESSION
from infra.local.postgres import embedded_postgres
from infra.store import Store, keys

KEYS: Final = {"d": "different", "u": "undo", "k": "skip"}
PATIENCE_MS: Final = 20_000

WATCH: Final = """
() => {
  const shown = () => document.querySelector("input[name=pair]")?.value;
  window.told = new Promise((done) => {
    const was = shown();
    let begun = null;
    window.addEventListener("keydown", () => { begun = performance.now(); }, { capture: true, once: true });
    const look = () => {
      const now = shown();
      if (begun === null || now === was || now === undefined) requestAnimationFrame(look);
      else requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begun)));
    };
    requestAnimationFrame(look);
  });
}
"""


def press(page: Page, key: str, *, pause_s: float) -> float:
    """Press a key of the review; gives the milliseconds until the next case was painted."""
    page.wait_for_timeout(pause_s * 1000)
    page.evaluate(WATCH)
    page.keyboard.press(key)
    taken: float = page.evaluate("window.told")
    return taken


def reviewed(page: Page, address: str, *, presses: int, pause_s: float) -> dict[str, list[float]]:
    """Judge, undo and skip one case after the other."""
    page.goto(f"{address}/desk/review")
    taken: dict[str, list[float]] = {word: [] for word in KEYS.values()}
    for _ in range(presses):
        for key, word in KEYS.items():
            taken[word].append(press(page, key, pause_s=pause_s))
    page.wait_for_load_state("networkidle")
    return taken


def weighed(page: Page, address: str) -> int:
    """Give the bytes that the first page brings along, with all its files, into an empty cache."""
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda request: sizes.append(
            request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"]
        ),
    )
    page.goto(f"{address}/desk")
    page.wait_for_load_state("networkidle")
    return sum(sizes)


def measured(url: str, *, presses: int, pause_s: float, browser: str) -> dict[str, Any]:
    """Measure on a database that is filled."""
    store = Store.at(url)
    with store.engine.begin() as connection:
        keys.revoke_key(connection, "bench", author="bench")
        key = keys.add_key(connection, name="bench", role="editor", author="bench")
        events = connection.scalar(text("SELECT count(*) FROM canonical_events"))
    with serving(url) as (host, _), sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        address = f"http://{host}"
        context = opened.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": SESSION, "value": key, "url": f"{address}/desk"}])
        weight = weighed(context.new_page(), address)
        page = context.new_page()
        reviewed(page, address, presses=2, pause_s=pause_s)  # what is cold is not what is meant
        taken = reviewed(page, address, presses=presses, pause_s=pause_s)
        opened.close()
    store.engine.dispose()
    return {
        "events": events,
        "first_page_bytes": weight,
        "keys": {word: _told(taken[word]) for word in taken},
    }


def _told(taken: list[float]) -> dict[str, float]:
    p50, p95, most = np.percentile(taken, [50, 95, 100])
    return {"presses": len(taken), "p50_ms": float(p50), "p95_ms": float(p95), "most_ms": float(most)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.desk",
        description="Measure the review in headless Chromium, on a PostgreSQL of its own.",
        epilog="example: python -m bench.desk --listings 10000 --keys 30",
    )
    parser.add_argument(
        "--listings", type=int, default=160_000, help="stored listings (default: %(default)s)"
    )
    parser.add_argument("--keys", type=int, default=50, help="presses of each key (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=1, help="seconds before a key (default: %(default)s)")
    parser.add_argument("--browser", default="/usr/bin/chromium", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="keep the database there, and use it again")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (default: 1)")
    parser.add_argument("--no-save", action="store_true", help="leave bench/results as it is")
    asked = parser.parse_args(arguments)
    machine, began = described(), time.monotonic()
    with TemporaryDirectory(prefix="event-dedup-bench-") as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        with embedded_postgres(folder / "postgres") as url:
            store = Store.at(url)
            fill(store, asked.listings, folder, seed=asked.seed)
            store.engine.dispose()
            print(f"filled after {time.monotonic() - began:.0f} s", file=sys.stderr)
            found = measured(url, presses=asked.keys, pause_s=asked.pause, browser=asked.browser)
    command = f"python -m bench.desk --listings {asked.listings} --keys {asked.keys} --pause {asked.pause:g}"
    figures = {"machine": machine, "command": command, **found}
    if not asked.no_save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "desk.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
