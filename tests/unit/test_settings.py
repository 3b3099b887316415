from pathlib import Path

import pytest

from infra.errors import WrongSettings
from infra.settings import PREFIX, Settings, environment_example, read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@host/name"),
        ("DATABASE_URL", "user:hunter2@host"),
        ("DATABASE_URL", "postgresql://user:hunter2@host:port/name"),
        ("LOG_LEVEL", "LOUD"),
        ("QUARANTINE_PREFIX", "quarantine"),
        ("POLICY_FILE", "/nowhere/matching.yaml"),
        ("TIME_ZONE", "Europe"),
        ("TIME_ZONE", "../../hunter2"),
        ("PUBLIC_URL", "https://portal.example/?x=hunter2"),
        ("PUBLIC_URL", "https://portal.example/"),
        ("FEED_DOMAIN", "portal@hunter2"),
        ("ROLES", "hunter2: king"),
        ("ROLES", '{"hunter2": "king"}'),
    ],
)
def test_a_wrong_variable_is_named_and_a_password_is_not(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)

    with pytest.raises(WrongSettings, match=f"^{PREFIX}{name}: ") as caught:
        read_settings()

    seen: BaseException | None = caught.value
    while seen is not None:
        assert "hunter2" not in str(seen)
        seen = seen.__cause__


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "LOUD")
    monkeypatch.setenv(f"{PREFIX}RECEIPTS_PREFIX", "receipts")
    monkeypatch.setenv(f"{PREFIX}DATABSE_URL", "postgresql://host/name")

    with pytest.raises(WrongSettings) as caught:
        read_settings()

    assert [fault.split(":")[0] for fault in str(caught.value).split("; ")] == [
        f"{PREFIX}DATABSE_URL",
        f"{PREFIX}RECEIPTS_PREFIX",
        f"{PREFIX}LOG_LEVEL",
    ]
    assert f"did you mean {PREFIX}DATABASE_URL?" in str(caught.value)


def test_what_only_tests_read_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}TEST_DATABASE_URL", "postgresql://host/name")

    assert read_settings() == Settings()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "")
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "")

    settings = read_settings()

    assert settings.database_url is None
    assert settings.log_level == "INFO"


def test_the_settings_never_show_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE_URL", "postgresql://user:hunter2@host/name")

    settings = read_settings()

    assert "hunter2" not in repr(settings)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://user:hunter2@host/name"


def test_the_example_documents_every_variable_as_it_is_now() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert example == environment_example()
    for name, field in Settings.model_fields.items():
        assert f"#{PREFIX}{name.upper()}=" in example
        assert field.description


def test_the_example_as_it_stands_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        name, separator, value = line.removeprefix("#").partition("=")
        if separator and name.startswith(PREFIX):
            monkeypatch.setenv(name, value)

    assert read_settings() == Settings()
