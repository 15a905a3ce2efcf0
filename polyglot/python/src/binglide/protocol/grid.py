"""The grid of a part, and what every number of an empty piece is (A-1, A-7, section 9.3)."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from .descriptor import FieldSpec
from .npy import INTEGER_RANGE, Array, unsigned_for

#: Numbers in a row of a run field, and in a row of a concat field's index.
RUN_WIDTH: Final = 6
INDEX_WIDTH: Final = 3


class Span(NamedTuple):
    """Cells on multiples of ``cell_bytes`` from offset 0, the first and last clipped; 0: one single cell."""

    start: int
    end: int
    cell_bytes: int

    @property
    def cells(self) -> int:
        if self.cell_bytes == 0:
            return 1
        if self.end <= self.start:
            return 0
        return -(-self.end // self.cell_bytes) - self.start // self.cell_bytes

    def cell_of(self, offset: int) -> int:
        """The cell that holds the byte at ``offset``, counted from the span's first."""
        return 0 if self.cell_bytes == 0 else offset // self.cell_bytes - self.start // self.cell_bytes

    def bounds(self, cell: int) -> tuple[int, int]:
        """[start, end) of a cell, clipped by the span."""
        if self.cell_bytes == 0:
            return (self.start, self.end)
        edge = (self.start // self.cell_bytes + cell) * self.cell_bytes
        return (max(self.start, edge), min(self.end, edge + self.cell_bytes))


def identity_of(field: FieldSpec) -> float:
    if field.merge == "once":
        return math.nan
    if field.merge == "min":
        return math.inf if field.dtype.startswith("f") else INTEGER_RANGE[field.dtype][1]
    if field.merge == "max":
        return -math.inf if field.dtype.startswith("f") else INTEGER_RANGE[field.dtype][0]
    return 0


def rest_dtype(field: FieldSpec, span: Span) -> str:
    """The dtype that the field needs in parts of this grid (A-7)."""
    if field.merge != "sum":
        return field.dtype
    if field.per_byte_max is None:
        return "i8" if field.dtype.startswith("i") else "u8"
    size = span.cell_bytes if field.cells and span.cell_bytes > 0 else span.end - span.start
    return unsigned_for(size * field.per_byte_max)


def empty_column(field: FieldSpec, rows: int, width: int, dtype: str) -> Array:
    """``rows`` rows of the field's identity."""
    identity = identity_of(field)
    return np.full((rows, width), identity if dtype.startswith("f") or not math.isnan(identity) else 0, dtype)
