"""Which runs of a sample are read where reading all of them would take too long, as on a disk that seeks. Pure.

The next so many are passed over, evenly, so that what is read stays spread over the range. Two slow reads tell nothing:
what the next ones will take is the quickest of the last three.
"""

from __future__ import annotations

import math
from typing import Final

#: A read that takes less, in milliseconds, is not worth passing over.
_QUICK_MS: Final = 1.0


class Thinning:
    def __init__(self, count: int, ms_max: float) -> None:
        self._count = count
        self._ms_max = ms_max
        self._spent_ms = 0.0
        # The last read, and the one before it; of fewer than three nothing is known.
        self._last_ms = 0.0
        self._earlier_ms = 0.0
        self._taken = 0

    def next(self, last: int, ms: float) -> int:
        """The index of the run to read after run ``last``, whose read took ``ms``; ``count`` and more: none."""
        self._spent_ms += ms
        estimate = min(ms, self._last_ms, self._earlier_ms)
        self._last_ms, self._earlier_ms = ms, self._last_ms
        if estimate < _QUICK_MS:
            return last + 1
        left = self._count - 1 - last
        affordable = (self._ms_max - self._spent_ms) / estimate
        if affordable < 1 or left == 0:
            return self._count
        step = math.ceil(left / min(left, affordable))
        # Cells have the same number of runs: an even step might read the same strip of each and of no other.
        is_longer = step > 1 and self._taken % 2 == 1
        if step > 1:
            self._taken += 1
        return min(self._count - 1, last + step + (1 if is_longer else 0))
