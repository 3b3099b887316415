"""Keyboard: one key at a time, those too that were typed before they were asked for.

A terminal that is switched from lines to keys anew for each key may forget what was typed meanwhile, and then waits for a key that came
long ago. So nothing is flushed here, and what is left of a reading answers the next question. Keys that are no letters (arrows) say nothing.
"""

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import typer

from dedup_core.errors import EventDedupError

Key = Callable[[], str | None]
"""Waits for a key and gives it in lower case; null at the end of the input, of which there is one for good."""

END: Final = frozenset("\x03\x04\0")
"""Ctrl-C, Ctrl-D, and what Linux makes of a Ctrl-D that was typed while the terminal still gave lines."""

ESCAPED: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O?.)?")
"""What arrows and function keys send: its letters are nobody's answer."""


class NoTerminal(EventDedupError):  # noqa: N818
    """There is nobody to ask. Tell it; what can be listed instead is listed by another option."""


@contextmanager
def keyboard() -> Iterator[Key]:
    """Read keys from the terminal until the block ends; it then is as it was.

    Raises:
        NoTerminal: there is none; when the first key is asked for.
    """
    if not sys.stdin.isatty():
        yield _of_another_terminal
        return
    import termios  # noqa: PLC0415 - Windows has none, and help and lists are for it, too

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        yield _Typed(terminal).key
    finally:
        with suppress(termios.error):  # one that was closed needs nothing
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _of_another_terminal() -> str | None:
    """Ask the terminal behind a standard input that is a pipe or a file."""
    try:
        return typer.getchar().lower() or None
    except (EOFError, KeyboardInterrupt):
        return None
    except OSError as error:
        raise NoTerminal("questions are asked at a terminal, and there is none here") from error


class _Typed:
    """What was typed at a terminal and not yet asked for."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._waiting: deque[str] = deque()

    def key(self) -> str | None:
        """Give the next key."""
        try:
            while not self._waiting:
                self._waiting.extend(self._read())
        except KeyboardInterrupt:
            self._waiting.append("\x03")
        if self._waiting[0] in END:
            return None
        return self._waiting.popleft().lower()

    def _read(self) -> str:
        """Read what is there, waiting for something; a terminal that is closed or hung up has come to its end."""
        import termios  # noqa: PLC0415
        import tty  # noqa: PLC0415

        # Each time, as a process that was stopped and goes on finds the terminal as the shell left it.
        try:
            tty.setcbreak(self._terminal, termios.TCSADRAIN)
            typed = os.read(self._terminal, 1024)
        except (OSError, termios.error):
            typed = b""
        return ESCAPED.sub("", typed.decode(errors="ignore")) if typed else "\x04"
