import json
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_core.errors import UnreadableFile
from dedup_core.events import Rejection
from dedup_core.parsing import parse
from dedup_core.policy import default_policy
from dedup_core.validating import Validated, validate
from tests.faults.poison import (
    BOMBS,
    CAP,
    FILES,
    INJECTIONS,
    LISTINGS,
    POISONS,
    FileRefused,
    Poison,
    file_of,
    injected,
)

INTAKE = default_policy().intake


def taken_in(content: bytes) -> Validated:
    parsed = parse(content, intake=INTAKE)
    validated = validate(parsed, file="bwb_x.json", source_code="bwb", intake=INTAKE)
    assert len(parsed) == validated.listings.height + len(validated.rejections) + validated.duplicates
    return validated


def named(poison: Poison) -> str:
    return poison.name


def test_there_are_more_than_25_kinds_of_poison_and_no_name_twice() -> None:
    names = [poison.name for poison in POISONS]

    assert len(FILES) + len(LISTINGS) > 25
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("poison", POISONS, ids=named)
def test_poison_is_refused_with_its_reason_and_its_neighbours_go_in(poison: Poison) -> None:
    content = poison.content()

    if isinstance(poison.refused, FileRefused):
        with pytest.raises(UnreadableFile) as refused:
            taken_in(content)

        assert poison.refused.reason in str(refused.value)
        return
    validated = taken_in(content)

    assert validated.listings["id"].to_list() == list(poison.accepted)
    assert validated.duplicates == poison.duplicates
    assert [(r.index, r.field) for r in validated.rejections] == [(r.index, r.field) for r in poison.refused]
    for rejection, expected in zip(validated.rejections, poison.refused, strict=True):
        assert expected.reason in rejection.reason


@pytest.mark.parametrize("poison", LISTINGS, ids=named)
def test_what_is_kept_of_a_refused_listing_can_be_stored_and_read(poison: Poison) -> None:
    (rejection,) = taken_in(poison.content()).rejections

    kept = (rejection.reason, rejection.field, rejection.listing_id, rejection.listing)
    assert "\x00" not in "".join(filter(None, kept))
    "".join(filter(None, kept)).encode()
    assert "\\u0000" not in (rejection.listing or "").replace("\\\\u0000", "")
    assert len(rejection.reason) < 300
    if rejection.listing is not None:
        json.loads(rejection.listing, parse_constant=pytest.fail)


def test_only_what_is_too_large_is_not_kept() -> None:
    rejections: list[Rejection] = [r for poison in LISTINGS for r in taken_in(poison.content()).rejections]

    reasons = {r.reason.split()[0] for r in rejections if r.listing is None}

    assert len(rejections) == len(LISTINGS)
    assert reasons == {"is", "has"}
    assert all("expected at most" in r.reason for r in rejections if r.listing is None)


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_html_and_sql_are_text_like_any_other(text: str) -> None:
    given = injected(text)

    validated = taken_in(file_of(given))

    (row,) = validated.listings.drop("id", "source_code", "event_dates").to_dicts()
    texts = [value for value in row.values() if isinstance(value, str)]
    assert texts == [text] * 14
    assert row["highlights"] == [text, f"{text}2"]
    assert row["categories"] == [text]
    assert json.loads(validated.raw[0]) == given


def most_kibibytes() -> int:
    """Read the peak of this process's memory. VmHWM, because ru_maxrss begins with the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


MEASURING = """
import sys
from pathlib import Path
from tests.faults import poison
from tests.faults.test_poison import most_kibibytes, taken_in
from dedup_core.errors import UnreadableFile

taken_in(poison.file_of_many(3000, b'"x":1'))
before = most_kibibytes()
try:
    taken_in(Path(sys.argv[1]).read_bytes())
except UnreadableFile:
    pass
print((most_kibibytes() - before) * 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_less_than_64_mb_over_the_limit(name: str, tmp_path: Path) -> None:
    """The file itself is counted."""
    bomb = tmp_path / "bomb.json"
    bomb.write_bytes(BOMBS[name]())
    run = subprocess.run(
        [sys.executable, "-c", MEASURING, str(bomb)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )

    assert 0 < int(run.stdout) < CAP + 64_000_000
