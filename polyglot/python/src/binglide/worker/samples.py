"""What a sample's part has besides its service's fields: bytes seen a cell, and the intervals that the runs give.

Runs come in order; each lies in one cell. ``n``, ``lo`` and ``hi`` as section 9.2 has them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..protocol.descriptor import Descriptor
from ..protocol.grid import Span
from ..protocol.npy import Array
from ..protocol.sample import Estimate, bounds_of, estimates, interval_output, intervals

Ints = npt.NDArray[np.int64]


class SampleColumns:
    def __init__(self, descriptor: Descriptor, form: str, span: Span) -> None:
        self._span = span
        self._seen = np.zeros(span.cells, np.int64)
        output = interval_output(descriptor, form) if span.cell_bytes else None
        self._output = output
        self._spec = next((spec for spec in descriptor.fields if output and spec.name == output.of), None)
        #: The field whose rows the intervals are made of; None: there is none.
        self.field = None if self._spec is None else self._spec.name
        # A row a run: of the field, bytes, cell, and the run's number.
        self._rows: list[Array] = []
        self._sizes: list[Ints] = []
        self._cells: list[Ints] = []
        self._runs: list[Ints] = []

    def take(self, array: Array, cells: Ints, runs: Ints, own: int) -> None:
        """Rows of the field, one a row of input."""
        edges = np.flatnonzero(np.diff(runs, prepend=runs[0] - 1))
        is_single = len(edges) == len(array)
        rows = array if is_single else np.add.reduceat(array.astype(np.int64), edges, axis=0)
        self._rows.append(np.array(rows, np.int64))
        self._sizes.append(np.diff(edges, append=len(array)) * own)
        self._cells.append(cells[edges])
        self._runs.append(runs[edges])

    def saw(self, cells: Ints, own: int) -> None:
        np.add.at(self._seen, cells, own)

    def columns(self) -> list[tuple[str, str, Array]]:
        """n, lo and hi with their dtypes."""
        lo = np.full(self._span.cells, np.nan)
        hi = np.full(self._span.cells, np.nan)
        if self._spec is not None and self._output is not None and self._rows:
            found = self._estimates()
            bounds = bounds_of(self._spec, self._output.finish, self._rows[0].shape[1])
            cells = sorted(found)
            told = intervals([found[cell] for cell in cells], self._span.cell_bytes, bounds)
            for cell, (low, high) in zip(cells, told, strict=True):
                lo[cell], hi[cell] = low, high
        return [("n", "u8", self._seen), ("lo", "f8", lo), ("hi", "f8", hi)]

    def _estimates(self) -> dict[int, Estimate]:
        rows, sizes, cells = self._by_run()
        found: dict[int, Estimate] = {}
        edges = np.flatnonzero(np.diff(cells, prepend=-1))
        counts = np.diff(edges, append=len(cells))
        assert self._output is not None
        for count in np.unique(counts).tolist():
            firsts = edges[counts == count]
            at = firsts[:, np.newaxis] + np.arange(count)
            for cell, estimate in zip(
                cells[firsts].tolist(), estimates(rows[at], sizes[at], self._output.finish), strict=True
            ):
                found[cell] = estimate
        return found

    def _by_run(self) -> tuple[Ints, Ints, Ints]:
        """One row a run, also where a run was cut into several calls."""
        rows, sizes = np.concatenate(self._rows), np.concatenate(self._sizes)
        cells, runs = np.concatenate(self._cells), np.concatenate(self._runs)
        edges = np.flatnonzero(np.diff(runs, prepend=-1))
        if len(edges) == len(rows):
            return rows, sizes, cells
        return np.add.reduceat(rows, edges, axis=0), np.add.reduceat(sizes, edges), cells[edges]
