"""docs/CONFIGURATION.md, written from the settings and the template themselves: python -m tests.deploy.configuration"""

from collections.abc import Iterator
from pathlib import Path

from infra.settings import COMPOSE, PREFIX, Settings
from tests.deploy.translating import resources, source

GUIDE = Path(__file__).parents[2] / "docs" / "CONFIGURATION.md"

HEAD = """# Configuration

Written by `python -m tests.deploy.configuration` from `infra/settings.py`; a test holds the two together.

Addresses and secrets come from the environment, and only from there; a variable that is wrong or unknown stops the start and is named. The third column
says what sets it on AWS: a parameter of the template ([DEPLOY.md](DEPLOY.md)), or one of its resources; where it is empty, the default holds there. What
changes answers, weights and thresholds, is no setting but the policy: `dedup_core/matching.yaml`, `event-dedup policy show`.

| variable | default | on AWS | |
|---|---|---|---|
"""

BETWEEN = """
## Docker Compose

Read by the compose files on top of these, from the environment or `.env`.

| variable | default | |
|---|---|---|
"""

TAIL = """
## Tests

`EVENT_DEDUP_TEST_DATABASE_URL` names a server on which tests may create and drop databases; without it they start one of their own.
"""


def written() -> str:
    """Write the guide."""
    own = {
        f"{PREFIX}{name.upper()}": (field.default, field.description or "")
        for name, field in Settings.model_fields.items()
    }
    return HEAD + "".join(_own_rows(own)) + BETWEEN + _rows(COMPOSE) + TAIL


def _own_rows(variables: dict[str, tuple[object, str]]) -> Iterator[str]:
    by_template = dict(_set_by_template())
    for name, (default, meaning) in variables.items():
        shown = "" if default in (None, "") else f"`{default}`"
        yield f"| `{name}` | {shown} | {by_template.get(name, '')} | {meaning.replace('|', chr(92) + '|')} |\n"


def _set_by_template() -> Iterator[tuple[str, str]]:
    """Say of each variable of a function which parameter or resource gives it."""
    parameters = source()["Parameters"]
    for function in resources("AWS::Lambda::Function").values():
        for variable, value in function["Environment"]["Variables"].items():
            if isinstance(value, dict) and "Ref" in value:
                kind = "parameter" if value["Ref"] in parameters else "resource"
                yield variable, f"{kind} `{value['Ref']}`"


def _rows(variables: dict[str, tuple[str, str]]) -> str:
    lines = (
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning.replace('|', chr(92) + '|')} |\n"
        for name, (default, meaning) in variables.items()
    )
    return "".join(lines)


if __name__ == "__main__":
    GUIDE.write_text(written(), encoding="utf-8")
