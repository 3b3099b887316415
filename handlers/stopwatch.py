"""Stopwatch: how long each stage of a run took."""

import time

from dedup_core.pipeline import Progress


class Stopwatch:
    """Times stages: each runs until the next begins."""

    def __init__(self, then: Progress | None = None) -> None:
        """then: told of each stage as well."""
        self._then = then
        self._begun = self._mark = time.monotonic()
        self._stage = "loading"
        self.seconds: dict[str, float] = {}

    def begin(self, stage: str, share: float) -> None:
        """End the stage that runs, and begin another."""
        now = time.monotonic()
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._mark, 4)
        self._stage, self._mark = stage, now
        if self._then:
            self._then(stage, share)

    def end(self) -> dict[str, float]:
        """End the last stage; returns all seconds with their ``total``."""
        self.begin("", 1.0)
        return {**self.seconds, "total": round(time.monotonic() - self._begun, 4)}
