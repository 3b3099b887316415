"""docs/CONFIGURATION.md, written from the settings themselves: python -m tests.deploy.configuration"""

from pathlib import Path

from infra.settings import COMPOSE, PREFIX, Settings

GUIDE = Path(__file__).parents[2] / "docs" / "CONFIGURATION.md"

HEAD = """# Configuration

Written by `python -m tests.deploy.configuration` from `infra/settings.py`; a test holds the two together.

Addresses and secrets come from the environment, and only from there; a variable that is wrong or unknown stops the start and is named. On AWS the
template sets them ([DEPLOY.md](DEPLOY.md) has its parameters). What changes answers, weights and thresholds, is no setting but the policy:
`dedup_core/matching.yaml`, `event-dedup policy show`.

| variable | default | |
|---|---|---|
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
    return HEAD + _rows(own) + BETWEEN + _rows(COMPOSE) + TAIL


def _rows(variables: dict[str, tuple[object, str]] | dict[str, tuple[str, str]]) -> str:
    lines = (
        f"| `{name}` | {'' if default in (None, '') else f'`{default}`'} | {meaning.replace('|', chr(92) + '|')} |\n"
        for name, (default, meaning) in variables.items()
    )
    return "".join(lines)


if __name__ == "__main__":
    GUIDE.write_text(written(), encoding="utf-8")
