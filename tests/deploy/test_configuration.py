import re

from infra.settings import PREFIX, Settings
from tests.deploy.configuration import GUIDE, written
from tests.deploy.translating import resources


def test_the_guide_says_what_the_settings_are_now() -> None:
    assert GUIDE.read_text(encoding="utf-8") == written()


def test_every_variable_has_a_meaning() -> None:
    rows = {line.split("`")[1]: line for line in written().splitlines() if line.startswith("| `")}

    assert {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} <= set(rows)
    assert [
        name for name, line in rows.items() if len(line.removesuffix(" |").rsplit(" | ", 1)[1]) < 10
    ] == []


def test_what_it_says_to_be_set_on_aws_is_set_by_the_template_s_functions() -> None:
    given = {
        variable
        for function in resources("AWS::Lambda::Function").values()
        for variable in function["Environment"]["Variables"]
        if variable.startswith(PREFIX)
    }

    said = set(
        re.findall(
            r"^\| `(EVENT_DEDUP_\w+)` \| [^|]*\| (?:parameter|resource) `", GUIDE.read_text(), re.MULTILINE
        )
    )

    assert said == given
    assert {
        f"{PREFIX}{name}" for name in ("PUBLIC_URL", "FEED_DOMAIN", "TIME_ZONE", "RETRY_AFTER_S")
    } <= given


def test_the_memory_advised_for_a_million_listings_is_half_as_much_again_as_was_measured() -> None:
    docs = GUIDE.parent
    (peaks,) = re.findall(
        r"^\| 1,000,000 \|.*\| ([\d,]+) \| ([\d,]+) \| yes \|$",
        (docs / "PERFORMANCE.md").read_text(),
        re.MULTILINE,
    )
    (advised,) = re.findall(r"million listings give it (\d+)", (docs / "DEPLOY.md").read_text())

    assert int(advised) > 1.5 * max(int(peak.replace(",", "")) for peak in peaks)
