"""Keyring: whose a key is, remembered for some seconds, so that not each of a program's requests has to ask the database.

A key that is revoked may therefore open for that long. What is nobody's is not remembered: it could be anything, and any number.
"""

import time
from collections.abc import Callable
from typing import Final

from infra.store import Store, keys

REMEMBERED_S: Final = 5.0
MOST: Final = 1000


class Keyring:
    """The keys of a store. Safe to share between threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds."""
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[str, str]]] = {}

    def holder(self, key: str) -> tuple[str, str] | None:
        """Tell whose valid key this is, name and role; null if it is nobody's."""
        remembered = self._known.get(key)
        if remembered is not None and remembered[0] > self._clock():
            return remembered[1]
        with self._store.engine.begin() as connection:
            found = keys.holder_of(connection, key)
        if found is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = (self._clock() + REMEMBERED_S, found)
        return found
