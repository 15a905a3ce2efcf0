"""Columns of the operators that fold between neighbours only: run and concat (section 9.3).

Rows come in order of offset. Helpers for authors: ``marked_runs`` makes the rows of a run field from a mask.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..protocol.descriptor import FieldSpec
from ..protocol.errors import BinglideError
from ..protocol.grid import INDEX_WIDTH, RUN_WIDTH
from ..protocol.ids import SAFE_INTEGER_MAX
from ..protocol.npy import Array

Ints = npt.NDArray[np.int64]


def fold_run(held: list[int], row: list[int]) -> list[int]:
    """held ∘ row: [start, n, lead, trail, bestStart, bestLength] of two stretches, the second behind the first."""
    if row[1] == 0:
        return held
    if held[1] == 0:
        return row
    start, n, lead, trail, best_start, best = held
    next_start, next_n, next_lead, next_trail, next_best_start, next_best = row
    if trail + next_lead > best:
        best_start, best = next_start - trail, trail + next_lead
    if next_best > best:
        best_start, best = next_best_start, next_best
    return [
        start,
        n + next_n,
        n + next_lead if lead == n else lead,
        next_n + trail if next_trail == next_n else next_trail,
        best_start,
        best,
    ]


def marked_runs(mask: npt.NDArray[np.bool_], offsets: Ints) -> Ints:
    """Rows of a run field: ``mask`` marks the own bytes of each row, (rows, own); ``offsets`` is task.offsets."""
    rows, own = mask.shape
    found = np.zeros((rows, RUN_WIDTH), np.int64)
    found[:, 0], found[:, 1] = offsets, own
    for i in range(rows):
        edges = np.flatnonzero(np.diff(mask[i], prepend=False, append=False))
        if edges.size == 0:
            continue
        starts, ends = edges[::2], edges[1::2]
        longest = int((ends - starts).argmax())
        found[i, 2] = ends[0] if starts[0] == 0 else 0
        found[i, 3] = own - starts[-1] if ends[-1] == own else 0
        found[i, 4], found[i, 5] = offsets[i] + starts[longest], ends[longest] - starts[longest]
    return found


class ConcatColumn:
    """The kept rows of a part's cells, end to end, and the index of all. Cells are filled in order."""

    def __init__(self, spec: FieldSpec, cells: int, gap: int, limit: int | None) -> None:
        self.spec = spec
        shape = spec.shape or (1,)
        self.width = int(shape[-1])
        self.index = np.zeros((cells, INDEX_WIDTH), np.int64)
        self._gap = gap
        self._limit = SAFE_INTEGER_MAX if limit is None else limit
        self._kept: list[Ints] = []
        # Of the cell that is being filled: rows kept so far, and the last of them.
        self._cell = -1
        self._cell_kept = 0

    def add(self, cell: int, value: Any) -> None:
        """Rows found in one row of input: numbers of shape (k, width), ascending and apart."""
        rows = self._checked(value)
        if len(rows) == 0:
            return
        if cell != self._cell:
            self._cell, self._cell_kept = cell, 0
        if self._gap >= 0:
            rows = self._joined(rows)
        count, first, last = self.index[cell].tolist()
        ends = rows[:, 1] if self.width > 1 else rows[:, 0]
        if count > 0 and self.width > 1 and rows[0, 0] < last:
            raise self._fault(f"a row starts at {rows[0, 0]}, before the last one ended, {last}")
        skipped = 0
        if count > 0 and self._gap >= 0 and rows[0, 0] - last <= self._gap:
            skipped = 1
            if self._cell_kept == count:
                tail = self._kept[-1]
                tail[-1, 1] = rows[0, 1]
                tail[-1, 2:] += rows[0, 2:]
        kept = rows[skipped : skipped + max(0, self._limit - self._cell_kept)]
        if len(kept):
            self._kept.append(np.array(kept))
            self._cell_kept += len(kept)
        self.index[cell] = (count + len(rows) - skipped, rows[0, 0] if count == 0 else first, ends[-1])

    def rows(self) -> Ints:
        return np.concatenate(self._kept) if self._kept else np.zeros((0, self.width), np.int64)

    def _joined(self, rows: Ints) -> Ints:
        """Intervals of one row of input that are near enough, as one."""
        apart = np.flatnonzero(np.concatenate(([True], rows[1:, 0] - rows[:-1, 1] > self._gap)))
        joined = np.add.reduceat(rows, apart, axis=0)
        joined[:, 0] = rows[apart, 0]
        joined[:, 1] = rows[np.append(apart[1:], len(rows)) - 1, 1]
        return joined

    def _checked(self, value: Any) -> Ints:
        array: Array = np.asarray(value)
        if array.size == 0:
            return np.zeros((0, self.width), np.int64)
        if array.ndim == 1 and self.width == 1:
            array = array.reshape(-1, 1)
        if array.dtype.kind not in "ui" or array.ndim != 2 or array.shape[1] != self.width:
            got = f"{array.dtype} of shape {array.shape}"
            raise self._fault(f"wanted whole numbers of shape (k, {self.width}), got {got}")
        rows = array.astype(np.int64)
        if self.width > 1 and ((rows[:, 1] < rows[:, 0]).any() or (rows[1:, 0] < rows[:-1, 1]).any()):
            raise self._fault("wanted intervals [start, end, ...] that ascend and do not overlap")
        return rows

    def _fault(self, what: str) -> BinglideError:
        return BinglideError("E_SERVICE", f"field {self.spec.name}: {what}")
