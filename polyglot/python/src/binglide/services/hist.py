"""HIST: how often each byte value stands in the range. The twin of workers/services/hist.ts, part for part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from binglide.worker import Service, TaskView, field, serve

#: From here on the table of pairs costs less than it saves.
_LONG_BYTES = 256 << 10


def histogram(x: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Counts of the 256 byte values in each row: int64[rows, 256]."""
    if len(x) == 1:
        return _of_one(x[0])[np.newaxis, :]
    # A row of counts after the other: bytes of row i count from 256·i on.
    keys = x + (np.arange(len(x), dtype=np.int32) << 8)[:, np.newaxis]
    return np.bincount(keys.ravel(), minlength=256 * len(x)).reshape(len(x), 256)


def _of_one(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Long rows are counted two bytes at a time, which takes two thirds of the time."""
    if len(row) < _LONG_BYTES:
        return np.bincount(row, minlength=256)
    even = len(row) & ~1
    pairs = np.bincount(row[:even].view("<u2"), minlength=65536).reshape(256, 256)
    counts: npt.NDArray[np.int64] = pairs.sum(axis=0) + pairs.sum(axis=1)
    if even < len(row):
        counts[row[-1]] += 1
    return counts


class Hist(Service):
    name = "HIST"
    version = 1
    help = "counts of the 256 byte values"
    counts = field("u8", shape=(256,), merge="sum", per_byte_max=1)

    def compute(self, x: npt.NDArray[np.uint8], task: TaskView) -> Mapping[str, Any]:
        return {"counts": histogram(x)}


if __name__ == "__main__":
    serve(Hist)
