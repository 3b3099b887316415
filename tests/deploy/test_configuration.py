from infra.settings import PREFIX, Settings
from tests.deploy.configuration import GUIDE, written


def test_the_guide_says_what_the_settings_are_now() -> None:
    assert GUIDE.read_text(encoding="utf-8") == written()


def test_every_variable_has_a_meaning() -> None:
    rows = {line.split("`")[1]: line for line in written().splitlines() if line.startswith("| `")}

    assert {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} <= set(rows)
    assert [name for name, line in rows.items() if len(line.split(" | ")[2].strip(" |")) < 10] == []
