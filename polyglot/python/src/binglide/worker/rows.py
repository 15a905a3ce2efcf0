"""How a run is cut into calls of compute. Pure.

A row is a piece of one cell: rows end on multiples of the service's ``row``, at cell edges and at the run's ends.
Without ``row`` a row is its cell, or, where the cell is long, a stretch of it that ends on a multiple of 4096. All rows
of one call are of the same length and have the same bytes ahead, so that they are one array.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: What a call is given at the most: it stays near the processor while the service goes over it again and again.
BATCH_BYTES_MAX: Final = 512 << 10
BATCH_BYTES_MIN: Final = 64 << 10
PAGE_BYTES: Final = 4096


class Grid(NamedTuple):
    """``row_bytes`` None: rows are cells or stretches of at most ``stretch_bytes``, at least 64 KiB."""

    cell_bytes: int
    row_bytes: int | None
    stretch_bytes: int

    def row_end(self, start: int, end: int) -> int:
        """Where the row that starts at ``start`` ends, at ``end`` at the latest."""
        cell_end = min(end, _next_multiple(start, self.cell_bytes)) if self.cell_bytes else end
        if self.row_bytes is not None:
            return min(cell_end, _next_multiple(start, self.row_bytes))
        if cell_end - start <= self.stretch_bytes:
            return cell_end
        return (start + self.stretch_bytes) // PAGE_BYTES * PAGE_BYTES

    def unit(self) -> int:
        """The step at which rows of full length follow each other; 0: they do not do so evenly."""
        row, cell = self.row_bytes, self.cell_bytes
        if row is None:
            return cell if cell <= self.stretch_bytes else 0
        if cell == 0 or cell % row == 0:
            return row
        return cell if row % cell == 0 else 0


class Cut(NamedTuple):
    """One call: ``rows`` rows of ``own`` bytes from ``start`` on, and ``ahead`` more for the last, by input."""

    start: int
    own: int
    rows: int
    ahead: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.start + self.own * self.rows


def cut(start: int, end: int, grid: Grid, batch_bytes: int, overlap: int, sizes: tuple[int, ...]) -> Cut:
    """The call that begins at ``start``, at least one row.

    ``sizes``: where the inputs end, in positions of the first; bytes ahead are clipped there.
    """
    own = grid.row_end(start, end) - start
    rows = _even_rows(start, end, own, grid, batch_bytes)
    # Rows near the end of the file have fewer bytes ahead: they get calls of their own.
    full = (min(sizes) - overlap - start) // own
    rows = max(1, min(rows, full))
    last = start + rows * own
    return Cut(start, own, rows, tuple(max(0, min(overlap, size - last)) for size in sizes))


def _even_rows(start: int, end: int, own: int, grid: Grid, batch_bytes: int) -> int:
    """How many rows of that length follow each other from ``start`` on."""
    most = max(1, batch_bytes // own)
    unit = grid.unit()
    if unit:
        return min(most, (end - start) // unit) if own == unit and start % unit == 0 else 1
    rows, at = 1, start + own
    while rows < most and at < end and grid.row_end(at, end) - at == own:
        rows, at = rows + 1, at + own
    return rows


def _next_multiple(offset: int, unit: int) -> int:
    return (offset // unit + 1) * unit
