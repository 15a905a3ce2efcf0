"""Entropy of small blocks as a whole number (section 9.5), the same on every processor and in every language.

T[c] = round(c·log2 c·2^24) and Q = ⌊(T[n] - Σ T[c])/n⌋ in units of 2^-24 bit a byte. T is exact: where float64 comes
too near to a half to tell, the logarithm is made in whole numbers of 2^-100.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from .descriptor import WHOLE_BLOCK_BYTES_MAX

#: Scale of entropy as a whole number: 2^-24 bit a byte.
Q24: Final = 2**24

_FRACTION_BITS: Final = 100
_ONE: Final = 1 << _FRACTION_BITS
#: log2 and two products err by less than so much of the value: four units in the last place.
_RELATIVE_ERROR: Final = 2.0**-50


def _atanh_of_inverse(d: int) -> int:
    """atanh(1/d) = Σ 1/(k·d^k) over odd k, in units of 2^-100."""
    power = _ONE // d
    total, k = power, 3
    while power > 0:
        power //= d * d
        total += power // k
        k += 2
    return total


_LN2: Final = 2 * _atanh_of_inverse(3)


@cache
def _exact_log2(c: int) -> int:
    """log2 c in units of 2^-100, from the primes that c is made of by way of its neighbours."""
    if c == 1:
        return 0
    if c % 2 == 0:
        return _ONE + _exact_log2(c // 2)
    # log2 c = log2 (c-1) + 2 atanh(1/(2c-1)) / ln 2, and c-1 is even.
    return _exact_log2(c - 1) + ((2 * _atanh_of_inverse(2 * c - 1)) << _FRACTION_BITS) // _LN2


@lru_cache(maxsize=1)
def _whole_table() -> npt.NDArray[np.int64]:
    c = np.arange(WHOLE_BLOCK_BYTES_MAX + 1, dtype=np.float64)
    value = c * np.log2(np.maximum(c, 1)) * Q24
    table = np.floor(value + 0.5).astype(np.int64)
    doubtful = np.flatnonzero(np.abs(value - np.floor(value) - 0.5) <= value * _RELATIVE_ERROR)
    for at in doubtful.tolist():
        if at > 1:
            table[at] = ((at * _exact_log2(at) << 24) + (_ONE >> 1)) >> _FRACTION_BITS
    table.flags.writeable = False
    return table


def entropy_table(most: int = WHOLE_BLOCK_BYTES_MAX) -> npt.NDArray[np.int64]:
    """T[0…most], int64, read-only; ``most`` is at most 65536."""
    if not 0 <= most <= WHOLE_BLOCK_BYTES_MAX:
        raise ValueError(f"the entropy table ends at {WHOLE_BLOCK_BYTES_MAX}")
    return _whole_table()[: most + 1]


def blocks_q(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Q of each block from the counts of its values, shape (blocks, values); a block has 1 to 65536 bytes."""
    table = _whole_table()
    n = counts.sum(axis=-1)
    return (table[n] - table[counts].sum(axis=-1)) // n  # type: ignore[no-any-return]
