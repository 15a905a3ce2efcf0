"""HIST: how often each byte value stands in the range. The twin of workers/services/hist.ts, part for part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from binglide.worker import Service, TaskView, field, serve


def histogram(x: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Counts of the 256 byte values in each row: int64[rows, 256]."""
    if len(x) == 1:
        return np.bincount(x[0], minlength=256)[np.newaxis, :]
    # A row of counts after the other: bytes of row i count from 256·i on.
    keys = x + (np.arange(len(x), dtype=np.int32) << 8)[:, np.newaxis]
    return np.bincount(keys.ravel(), minlength=256 * len(x)).reshape(len(x), 256)


class Hist(Service):
    name = "HIST"
    version = 1
    help = "counts of the 256 byte values"
    counts = field("u8", shape=(256,), merge="sum", per_byte_max=1)

    def compute(self, x: npt.NDArray[np.uint8], task: TaskView) -> Mapping[str, Any]:
        return {"counts": histogram(x)}


if __name__ == "__main__":
    serve(Hist)
