"""Who is alive: one small clock a peer. Pure: time comes in, in milliseconds.

A peer is late when nothing came from it for ``limit`` intervals (G-16); a beat of our own is due when we sent it
nothing for one interval (G-14).
"""

from __future__ import annotations

from typing import Final

LIVENESS_LIMIT: Final = 5


class Liveness:
    __slots__ = ("_heard_at", "_spoke_at", "interval_ms", "limit")

    def __init__(self, interval_ms: float, now: float, limit: int = LIVENESS_LIMIT) -> None:
        self.interval_ms = interval_ms
        self.limit = limit
        self._heard_at = now
        self._spoke_at = now

    def heard(self, now: float) -> None:
        self._heard_at = max(self._heard_at, now)

    def spoke(self, now: float) -> None:
        self._spoke_at = max(self._spoke_at, now)

    def is_late(self, now: float) -> bool:
        return now >= self.late_at()

    def beat_is_due(self, now: float) -> bool:
        return now >= self._spoke_at + self.interval_ms

    def late_at(self) -> float:
        return self._heard_at + self.interval_ms * self.limit

    def deadline(self) -> float:
        """The next moment at which either answer may change."""
        return min(self.late_at(), self._spoke_at + self.interval_ms)
