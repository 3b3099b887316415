"""Keys as a terminal hands them on: none is lost, none is made up, and the end is one."""

import os
import signal
from collections.abc import Iterator

import pytest

from handlers.keyboard import Key, keyboard

PATIENCE_S = 10


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the end of a terminal at which a person types; the other one is standard input. Who waits in vain is interrupted."""
    person, terminal = os.openpty()

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE_S)
    with os.fdopen(terminal, encoding="utf-8") as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        yield person
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    os.close(person)


def all_of(key: Key) -> str:
    return "".join(iter(key, None))


@pytest.mark.parametrize(
    ("before", "meanwhile", "told"),
    [
        (b"q", b"\x04", "q"),
        (b"sd\x04", b"u", "sd"),  # a pipe's end, as `script` hands it on before anybody asks
        ("Sü".encode(), b"d\x04s", "süd"),
        (b"s\x1b[D\x1bOPk", b"\x1b[1;5C\x04", "sk"),  # arrow to the left is no d
    ],
)
def test_what_was_typed_before_a_key_is_asked_for_is_answered_with_and_the_end_ends(
    typing: int, before: bytes, meanwhile: bytes, told: str
) -> None:
    os.write(typing, before)

    with keyboard() as key:
        first = key()
        os.write(typing, meanwhile)
        rest = all_of(key)

    assert f"{first}{rest}" == told


def test_a_terminal_that_is_gone_ends_the_questions_and_one_that_stays_is_left_as_it_was(
    typing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import termios  # noqa: PLC0415

    person, terminal = os.openpty()
    gone = os.fdopen(terminal, encoding="utf-8")
    before = termios.tcgetattr(typing)

    with keyboard() as key:
        os.write(typing, b"s")
        key()
        changed = termios.tcgetattr(typing)
    after = termios.tcgetattr(typing)
    monkeypatch.setattr("sys.stdin", gone)
    with keyboard() as key:
        os.close(person)
        last = key()
    gone.close()

    assert (before == after, before == changed) == (True, False)
    assert last is None
