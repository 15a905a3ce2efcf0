"""ENT: Shannon entropy in bits a byte, per cell and of the whole range, with the lowest and highest of the aligned
4096-byte blocks in each cell. The twin of workers/services/ent.ts, part for part.

Cells add up by their counts (form ``summed``); blocks of at most 64 KiB are computed whole and travel as one number
(form ``whole``). A block counts for the extremes where it lies inside a row whole; the file's own last block may be
short.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from binglide.protocol.entropy import blocks_q
from binglide.services.hist import histogram
from binglide.worker import Service, TaskView, field, param, serve

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

LEAF_BYTES = 4096
_LOW, _HIGH = 2**31 - 1, -(2**31)


def _leaves(x: Bytes, starts: Ints, file_end: int) -> tuple[Ints, Ints, Ints]:
    """Counts of each row, and the lowest and highest Q of the whole leaves in it (the identities: it has none)."""
    rows, own = x.shape
    if own < LEAF_BYTES:
        return _short_leaves(x, starts, file_end)
    if own % LEAF_BYTES or rows == 1 or (starts % LEAF_BYTES).any():
        found = [_row_leaves(x[i], int(starts[i]), file_end) for i in range(rows)]
        counts, low, high = zip(*found, strict=True)
        return np.array(counts), np.array(low), np.array(high)
    leaves = histogram(x.reshape(-1, LEAF_BYTES))
    q = blocks_q(leaves).reshape(rows, -1)
    return leaves.reshape(rows, -1, 256).sum(axis=1), q.min(axis=1), q.max(axis=1)


def _short_leaves(x: Bytes, starts: Ints, file_end: int) -> tuple[Ints, Ints, Ints]:
    """No row has a whole leaf, but for one that holds all of the file's own last."""
    rows, own = x.shape
    counts = histogram(x)
    low, high = np.full(rows, _LOW), np.full(rows, _HIGH)
    if int(starts[-1]) + own == file_end:
        _, low[-1], high[-1] = _row_leaves(x[-1], int(starts[-1]), file_end)
    return counts, low, high


def _row_leaves(row: Bytes, start: int, file_end: int) -> tuple[Ints, int, int]:
    end = start + len(row)
    head = min(len(row), -start % LEAF_BYTES)
    whole = (len(row) - head) // LEAF_BYTES
    tail = head + whole * LEAF_BYTES
    counts = np.zeros(256, np.int64)
    q: list[Ints] = []
    if whole:
        leaves = histogram(row[head:tail].reshape(whole, LEAF_BYTES))
        counts += leaves.sum(axis=0)
        q.append(blocks_q(leaves))
    for piece, is_leaf in ((row[:head], False), (row[tail:], end == file_end)):
        if len(piece):
            some = histogram(piece[np.newaxis, :])
            counts += some[0]
            if is_leaf:
                q.append(blocks_q(some))
    every = np.concatenate(q) if q else np.zeros(0, np.int64)
    return counts, int(every.min(initial=_LOW)), int(every.max(initial=_HIGH))


class Ent(Service):
    name = "ENT"
    version = 1
    help = "entropy along the file"
    block = param(0, low=0, help="bytes in a cell; 0: as many cells as asked for")
    counts = field("u8", shape=(256,), merge="sum", cells=True, per_byte_max=1, form="summed")
    q = field("u4", merge="once", cells=True, form="whole")
    total = field("u8", shape=(256,), merge="sum", per_byte_max=1, form="whole")
    qmin = field("i4", merge="min", cells=True)
    qmax = field("i4", merge="max", cells=True)
    report = (
        {"name": "h", "of": "counts", "finish": "entropy", "scope": "both"},
        {"name": "h", "of": "q", "finish": "q24", "scope": "cell"},
        {"name": "h", "of": "total", "finish": "entropy", "scope": "whole"},
        {"name": "min", "of": "qmin", "finish": "q24", "scope": "cell"},
        {"name": "max", "of": "qmax", "finish": "q24", "scope": "cell"},
    )

    def compute(self, x: Bytes, task: TaskView) -> Mapping[str, Any]:
        counts, low, high = _leaves(x, task.offsets, task.sizes[0])
        found = {"qmin": low, "qmax": high}
        if task.form == "summed":
            return {"counts": counts, **found}
        return {"q": blocks_q(counts), "total": counts, **found}


if __name__ == "__main__":
    serve(Ent)
