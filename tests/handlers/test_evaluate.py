"""The command `evaluate`, run as a person runs it, on the project's own samples and on small files."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from dedup_core.errors import EventDedupError, InvalidPolicy, WrongLabels
from handlers.cli import app
from handlers.commands.evaluating import evidence_in_words
from infra.errors import NothingToRead

ROOT: Final = Path(__file__).parents[2]
BREISGAU: Final = str(ROOT / "samples" / "breisgau")
SUITE: Final = str(ROOT / "tests" / "golden")
DEFAULT: Final = ROOT / "dedup_core" / "matching.yaml"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *words], catch_exceptions=False)


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def refused(kind: type[EventDedupError], *words: str) -> str:
    with pytest.raises(kind) as error:
        run(*words)
    return str(error.value)


def market(identity: str, title: str, city: str) -> dict[str, object]:
    when = {"date": "2026-03-28", "start_time": "11:00"}
    place = {"name": "Marktplatz", "city": city}
    return {"id": identity, "title": title, "event_dates": [when], "location": place}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give three files: one market in two of them, and a third that is called alike in another town."""
    listings = {
        "blatt": market("1", "Großer Ostermarkt der Töpfer", "Waldkirch"),
        "bote": market("2", "Großer Ostermarkt der Töpfer", "Waldkirch"),
        "fern": market("3", "<script>alert(1)</script> Ostermarkt", "Kiel"),
    }
    for source, listing in listings.items():
        (tmp_path / f"{source}_1.json").write_text(json.dumps({"events": [listing]}), encoding="utf-8")
    return tmp_path


def test_labels_beside_the_files_are_found_and_each_wrong_pair_is_told_with_its_evidence(
    folder: Path,
) -> None:
    (folder / "truth.csv").write_text(
        "source_code,id,cluster\nblatt,1,x\nbote,2,y\nfern,3,y\n", encoding="utf-8"
    )

    result = told(str(folder))

    figures = result["figures"]
    assert (figures["right_pairs"], figures["wrong_merges"], figures["missed_pairs"]) == (0, 1, 1)
    merged, missed = result["mistakes"]["worst"]
    assert [merged["a"]["listing"], merged["b"]["listing"]] == ["blatt:1", "bote:2"]
    assert [missed["a"]["listing"], missed["b"]["listing"]] == ["bote:2", "fern:3"]
    for mistake in (merged, missed):
        bits = [part["bits"] or 0 for part in mistake["evidence"]["parts"]]
        assert sum(bits) == pytest.approx(mistake["evidence"]["weight"], abs=1e-3)
    words = run(str(folder)).stdout
    assert "joined, but two events" in words
    assert "For: title" in words


def test_labelled_pairs_are_measured_without_guessing_at_the_others(folder: Path) -> None:
    pairs = folder / "mine.csv"
    header = "a_source_code,a_id,b_source_code,b_id,label\n"
    pairs.write_text(header + "bote,2,blatt,1,same\nblatt,1,fern,3,different\n", encoding="utf-8")

    figures = told(str(folder), "--truth", str(pairs))["figures"]

    assert (figures["right_pairs"], figures["wrong_merges"], figures["missed_pairs"]) == (1, 0, 0)
    assert figures["bcubed_f1"] is None


def test_what_can_not_be_measured_is_refused_with_the_place_of_the_mistake(folder: Path) -> None:
    truth = folder / "truth.csv"
    missing = refused(NothingToRead, str(folder))
    truth.write_text("source_code,id,cluster\nblatt,1,x\nblatt,1,y\n", encoding="utf-8")
    (folder / "pairs.csv").write_text("", encoding="utf-8")

    doubled = refused(WrongLabels, str(folder), "--truth", str(truth))
    undecided = refused(NothingToRead, str(folder))
    unknown = refused(InvalidPolicy, BREISGAU, "--sweep", "threshold.match=1:2:1")

    assert "no truth.csv or pairs.csv" in missing
    assert doubled == f"{truth.as_posix()}:3: cluster: blatt:1 is in x already, by line 2"
    assert "say with --truth" in undecided
    assert "did you mean thresholds.match" in unknown


@pytest.mark.parametrize("labels", ["source_code,id,cluster\n", "source_code,id,cluster\nblatt,1,x\n"])
def test_labels_that_judge_no_pair_are_refused_and_not_called_perfect(folder: Path, labels: str) -> None:
    (folder / "truth.csv").write_text(labels, encoding="utf-8")

    missing = refused(NothingToRead, str(folder))

    assert "no two listings have a label" in missing
    assert "truth.csv" in missing


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("clusters: [[a, b]]", "clusters: [[a, c]]", 3, "case"),
        ("source: mag", "source: nobody", None, "listings.a.source"),
        ("city: Hall", "town: Hall", 6, "listings.a.town"),
        ("when: 2026-03-07", "when: 7.3.", 6, "listings.a.when.0"),
        ("- row: 1", "- row: one", 1, "0.row"),
    ],
)
def test_a_mistake_in_a_suite_is_told_with_file_line_and_field(
    tmp_path: Path, old: str, new: str, line: int | None, field: str
) -> None:
    (tmp_path / "hard_cases").mkdir()
    (tmp_path / "sources.yaml").write_text(
        "mag: {habit: short, type: terminliste, ids: pdf}\n", encoding="utf-8"
    )
    suite = (
        "- row: 1\n  cases:\n    - id: r01-one\n      why: because\n      listings:\n"
        "        a: {source: mag, title: One, when: 2026-03-07, city: Hall}\n"
        "        b: {source: mag, title: One, when: 2026-03-07}\n"
        "      expect: {clusters: [[a, b]]}\n  phenomenon: one\n"
    )
    file = tmp_path / "hard_cases" / "rows.yaml"
    file.write_text(suite.replace(old, new, 1), encoding="utf-8")

    message = refused(WrongLabels, str(tmp_path))

    place = f"{file.as_posix()}:{line}: {field}: " if line else f"r01-one: {field}: "
    assert place in message


def test_a_sweep_finds_what_each_policy_by_itself_finds(tmp_path: Path) -> None:
    result = told(BREISGAU, "--sweep", "thresholds.match=0.5,6,20", "--errors", "0")

    policy = run_policy(tmp_path, "match: 4", "match: 20")
    alone = told(BREISGAU, "--policy", policy)
    first, *others = result["sweep"]["variants"]
    assert "floor <= ambiguous <= match" in first["refused"]
    assert first["figures"] is None
    assert [one["changes"]["thresholds.match"] for one in others] == [6, 20]
    assert others[1]["figures"] == alone["figures"] != result["figures"]


def run_policy(folder: Path, old: str, new: str) -> str:
    """Write the package's policy with a line changed; returns its path."""
    text = DEFAULT.read_text(encoding="utf-8")
    changed = re.sub(rf"^  {old}$", f"  {new}", text, flags=re.MULTILINE)
    assert changed != text
    path = folder / "other.yaml"
    path.write_text(changed, encoding="utf-8")
    return str(path)


def test_a_comparison_accounts_for_the_difference_of_the_figures(tmp_path: Path) -> None:
    result = told(BREISGAU, "--compare", run_policy(tmp_path, "match: 4", "match: 20"))

    other, mine = result["comparison"], result["figures"]
    assert other["differences"] == [{"path": "thresholds.match", "before": 4.0, "after": 20.0}]
    lost = [one for one in other["changes"] if one["before"] == "joined" and one["same"]]
    assert mine["right_pairs"] - other["figures"]["right_pairs"] == len(lost) > 0
    assert other["worse"] + other["better"] + other["unlabelled"] == len(other["changes"])


def test_two_policies_of_one_version_are_told_apart_by_their_hashes(tmp_path: Path) -> None:
    policy = run_policy(tmp_path, "match: 4", "match: 20")

    result, words = told(BREISGAU, "--compare", policy), run(BREISGAU, "--compare", policy).stdout
    alone, same = run(BREISGAU).stdout, run(BREISGAU, "--compare", str(DEFAULT)).stdout

    hashes = [one["policy"]["hash"][:12] for one in (result, result["comparison"])]
    head = next(line for line in words.splitlines() if line.startswith("figure "))
    assert [name for name in hashes if f"1 ({name})" in head] == hashes
    assert f"1 ({hashes[0]})" in alone
    assert "The two policies have the same numbers." in same


def test_bits_have_two_digits_so_that_what_is_below_a_threshold_is_not_shown_on_it() -> None:
    parts = [{"name": name, "bits": bits, "seen": ""} for name, bits in (("title", 3.005), ("date", -2.045))]
    evidence = {"parts": parts, "reasons": [], "weight": 0.96, "score": 0.66, "decision": "no_match"}

    words = evidence_in_words(evidence)

    assert words == [
        "For: title +3.00",
        "Against: date -2.04",
        "In all +0.96 bits, no match, probability 0.660.",
    ]


def test_a_suite_is_measured_by_row_and_its_rows_add_up() -> None:
    result = told(SUITE)

    *rows, total = result["hard_cases"]["rows"]
    assert [row["row"] for row in rows] == list(range(1, 41))
    for name in ("cases", "exact", "right", "wrong_split", "wrong_merge"):
        assert sum(row[name] for row in rows) == total[name]
    assert total["cases"] - total["right"] == len(result["hard_cases"]["wrong"])
    assert result["figures"]["labelled"] == result["figures"]["listings"]


def test_listings_around_a_suite_are_matched_but_not_judged(folder: Path) -> None:
    alone = told(SUITE)["figures"]

    among = told(SUITE, "--around", str(folder))["figures"]

    assert among["listings"] == alone["listings"] + 3
    assert among["labelled"] == alone["labelled"] == alone["listings"]


class References(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [
            value or ""
            for name, value in attrs
            if name in ("src", "href", "srcset", "action", "data", "poster")
        ]


@pytest.fixture
def page(folder: Path) -> Path:
    (folder / "truth.csv").write_text(
        "source_code,id,cluster\nblatt,1,x\nbote,2,y\nfern,3,y\n", encoding="utf-8"
    )
    path = folder / "report.html"
    policy = run_policy(folder, "match: 4", "match: 30")
    result = run(str(folder), "--html", str(path), "--sweep", "thresholds.match=2:8:2", "--compare", policy)
    assert result.exit_code == 0
    return path


def test_the_page_needs_nothing_else_and_no_listing_can_put_markup_into_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    read = References(text)

    assert set(read.found) == {"data:,"}
    assert re.search(r"https?://|@import|url\(", text) is None
    assert read.tags.count("script") == 3
    assert "alert(1)" in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_page_writes_its_figures_alike_and_every_minus_alike(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    numbers = re.findall(r'<td class="n">([^<]*)</td>', text)

    shares = [number for number in numbers if re.fullmatch(r"[01]\.\d+", number)]
    assert {len(number) for number in shares} == {6}
    assert any(number.startswith("−") for number in numbers)
    assert [number for number in numbers if number.startswith("-")] == []


def test_the_page_asks_how_good_a_policy_is_only_if_there_is_one(page: Path, folder: Path) -> None:
    compared = page.read_text(encoding="utf-8")

    run(str(folder), "--html", str(page), "--compare", str(DEFAULT))
    same = page.read_text(encoding="utf-8")
    run(str(folder), "--html", str(page))
    alone = page.read_text(encoding="utf-8")

    assert ["How good is policy 1?" in text for text in (compared, same, alone)] == [False, False, True]
    assert ["Numbers of the policy that differ" in text for text in (compared, same)] == [True, False]
    assert "The two policies have the same numbers." in same


def test_the_page_says_how_many_of_the_right_cases_are_exact_and_how_many_are_asked_about(
    tmp_path: Path,
) -> None:
    page = tmp_path / "report.html"

    result = json.loads(run(SUITE, "--html", str(page), "--json").stdout)

    total = result["hard_cases"]["rows"][-1]
    tile = f"{total['exact']} exact, {total['review_right']} rightly asked"
    assert tile in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("asked", [(), ("--sweep", "thresholds.match=2:8:2")])
def test_the_page_has_just_what_was_asked_for(asked: tuple[str, ...], page: Path, folder: Path) -> None:
    whole = page.read_text(encoding="utf-8")

    result = run(str(folder), "--html", str(page), *asked)

    assert result.exit_code == 0
    assert ("Sweep of" in page.read_text(encoding="utf-8")) == bool(asked)
    assert "Sweep of" in whole


BROWSER: Final = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed to look at the page with")
def test_a_browser_draws_every_plot_without_a_complaint(page: Path) -> None:
    words = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    words += [
        "--virtual-time-budget=2000",
        f"--user-data-dir={page.parent / 'browser'}",
        "--dump-dom",
        page.as_uri(),
    ]

    seen = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)

    assert [line for line in seen.stderr.splitlines() if "CONSOLE" in line] == []
    assert seen.stdout.count("<canvas") == 4
    pointed_at_nothing = re.findall(r'class="u-value"[^>]*>([^<]+)<', seen.stdout)
    assert set(pointed_at_nothing) <= {"–", "--"}
