"""From rows to the part: owns the part's columns, folds what compute returned into cells, and writes the frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..protocol.codec import Buffer
from ..protocol.descriptor_checks import FINISHED
from ..protocol.errors import BinglideError
from ..protocol.grid import Span, empty_column, rest_dtype
from ..protocol.ids import SAFE_INTEGER_MAX
from ..protocol.npy import INTEGER_RANGE, Array, new_frame
from ..protocol.payloads import PartFrames
from .checks import checked, returned
from .neighbours import ConcatColumn, fold_run
from .samples import SampleColumns
from .service import Definition, FieldPlan, Service

#: A part that would take more is refused: the broker asks for smaller tasks.
PART_BYTES_MAX: Final = 256 << 20

_UFUNCS: Final[dict[str, np.ufunc]] = {"sum": np.add, "min": np.minimum, "max": np.maximum, "or": np.bitwise_or}

Cells = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Column:
    plan: FieldPlan
    dims: tuple[int, ...]
    #: (rows, numbers of a row): sums in int64, the others in the field's own dtype.
    data: Array
    #: No sum of it is above, so far.
    most: int = 0


class PartBuilder:
    """One part under way. ``take`` what compute returned for rows in order of offset, then ask for ``frames``."""

    def __init__(self, definition: Definition, service: Service, span: Span, form: str, *, sampled: bool) -> None:
        self._span = span
        self._sampled = sampled
        plans = [plan for plan in definition.fields if plan.spec.form in (None, form)]
        self._names = tuple(plan.spec.name for plan in definition.fields)
        dims = {plan.spec.name: plan.dims(service) for plan in plans}
        self._check_size(plans, dims)
        self._columns = [self._new_column(plan, dims[plan.spec.name]) for plan in plans if plan.spec.merge != "concat"]
        self._concats = [self._new_concat(plan, service) for plan in plans if plan.spec.merge == "concat"]
        self._sample = SampleColumns(definition.descriptor, form, span) if sampled else None

    def take(self, value: Any, starts: Cells, runs: Cells, own: int) -> None:
        """Folds what compute returned for rows that begin at ``starts``; ``runs``: the number of each one's run."""
        cell_bytes = self._span.cell_bytes
        cells = starts // cell_bytes - self._span.start // cell_bytes if cell_bytes else np.zeros_like(starts)
        arrays = returned(value, "compute", self._names)
        for column in self._columns:
            spec = column.plan.spec
            shape = (len(starts), *column.dims)
            # A field of the whole range may come as one row for all that compute was given.
            one = not spec.cells and spec.merge in FINISHED
            array = checked(spec.name, arrays.get(spec.name), column.plan.field.dtype, shape, one_for_all=one)
            if self._sample is not None and spec.name == self._sample.field:
                self._sample.take(array, cells, runs, own)
            self._fold(column, array, cells if spec.cells else np.zeros(len(array), int))
        if self._sample is not None:
            self._sample.saw(cells, own)
        for concat in self._concats:
            self._take_rows(concat, arrays.get(concat.spec.name), cells)

    def frames(self) -> PartFrames:
        """The part as it travels. Raises E_RANGE where a number does not fit."""
        names: list[str] = []
        frames: list[Buffer] = []

        def add(name: str, dtype: str, data: Array) -> None:
            shape = data.shape[:1] if data.size == data.shape[0] else data.shape
            frame, view = new_frame(dtype, shape)
            view[...] = data.reshape(shape)
            names.append(name)
            frames.append(frame)

        for column in self._columns:
            dtype = rest_dtype(column.plan.spec, self._span)
            self._check_rest(column, dtype)
            add(column.plan.spec.name, dtype, column.data)
        for concat in self._concats:
            add(concat.spec.name, concat.spec.dtype, concat.rows())
            add(f"{concat.spec.name}.index", "i8", concat.index)
        if self._sample is not None:
            for name, dtype, data in self._sample.columns():
                add(name, dtype, data)
        return PartFrames(tuple(names), tuple(frames))

    def _check_size(self, plans: Sequence[FieldPlan], dims: Mapping[str, tuple[int, ...]]) -> None:
        cells = self._span.cells
        wide = sum(8 * (cells if plan.spec.cells else 1) * int(np.prod(dims[plan.spec.name])) for plan in plans)
        if wide > PART_BYTES_MAX:
            raise BinglideError("E_CELLS", f"a part of {cells} cells would take {wide} bytes; ask for fewer cells")

    def _new_column(self, plan: FieldPlan, dims: tuple[int, ...]) -> _Column:
        spec = plan.spec
        dtype = "i8" if spec.merge in ("sum", "run") else spec.dtype
        rows = self._span.cells if spec.cells else 1
        return _Column(plan, dims, empty_column(spec, rows, int(np.prod(dims, dtype=int)), dtype))

    def _new_concat(self, plan: FieldPlan, service: Service) -> ConcatColumn:
        spec = plan.spec
        gap = -1 if spec.gap is None else int(getattr(service, spec.gap) if isinstance(spec.gap, str) else spec.gap)
        return ConcatColumn(spec, self._span.cells if spec.cells else 1, gap, spec.limit)

    def _fold(self, column: _Column, array: Array, cells: Cells) -> None:
        spec, data = column.plan.spec, column.data
        if spec.merge == "run":
            if not self._sampled:
                _fold_runs(data, array, cells)
            return
        if spec.merge == "once":
            data[cells] = array
            return
        if spec.merge == "sum" and array.dtype.itemsize == 8 and array.size:
            # So that int64 itself is never passed, whatever an author adds up.
            column.most += max(abs(int(array.max())), abs(int(array.min())))
            if column.most > 2**62:
                raise BinglideError("E_RANGE", f"field {spec.name}: a sum is past 2^53-1")
        _fold(_UFUNCS[spec.merge], data, array.astype(data.dtype, copy=False), cells)

    def _take_rows(self, concat: ConcatColumn, value: Any, cells: Cells) -> None:
        name = concat.spec.name
        if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != len(cells):
            got = f"{len(value)}" if isinstance(value, (list, tuple, np.ndarray)) else type(value).__name__
            raise BinglideError(
                "E_SERVICE", f"field {name}: wanted a list of {len(cells)} arrays, a row each, got {got}"
            )
        if self._sampled:
            return
        for cell, rows in zip(cells.tolist(), value, strict=True):
            concat.add(cell if concat.spec.cells else 0, rows)

    def _check_rest(self, column: _Column, dtype: str) -> None:
        """Sums within what travels, and within what their bytes can add up to (A-6)."""
        spec, data = column.plan.spec, column.data
        if spec.merge not in ("sum", "run") or data.size == 0:
            return
        low, high = INTEGER_RANGE[dtype]
        least, most = int(data.min()), int(data.max())
        if spec.per_byte_max is not None:
            self._check_per_byte(column, spec.per_byte_max, most)
        elif least < low or most > min(high, SAFE_INTEGER_MAX):
            bad = least if least < low else most
            raise BinglideError("E_RANGE", f"field {spec.name}: {bad} does not fit {dtype}")

    def _check_per_byte(self, column: _Column, per_byte: int, most: int) -> None:
        span, spec = self._span, column.plan.spec
        if not spec.cells or span.cell_bytes == 0:
            sizes = np.array([span.end - span.start])
        else:
            edges = np.arange(span.cells + 1) * span.cell_bytes + span.start // span.cell_bytes * span.cell_bytes
            sizes = np.diff(np.clip(edges, span.start, span.end))
        if most <= int(sizes.min(initial=0)) * per_byte:
            return
        over = column.data.max(axis=1) > sizes * per_byte if column.data.shape[1] else np.zeros(len(sizes), bool)
        if over.any():
            at = int(np.flatnonzero(over)[0])
            value, size = int(column.data[at].max()), int(sizes[at])
            text = f"field {spec.name}: wanted at most {per_byte} for each of {size} bytes, got {value}"
            raise BinglideError("E_SERVICE", text)


def _fold(ufunc: np.ufunc, data: Array, array: Array, cells: Cells) -> None:
    """data[cells[i]] = data[cells[i]] ∘ array[i]; cells never fall."""
    first, last = int(cells[0]), int(cells[-1])
    if first == last:
        row = array[0] if len(array) == 1 else ufunc.reduce(array, axis=0, dtype=data.dtype)
        ufunc(data[first], row, out=data[first])
    elif last - first + 1 == len(array):
        part = data[first : last + 1]
        ufunc(part, array, out=part)
    else:
        edges = np.flatnonzero(np.diff(cells, prepend=first - 1))
        rows = ufunc.reduceat(array, edges, axis=0, dtype=data.dtype)
        found = cells[edges]
        data[found] = ufunc(data[found], rows)


def _fold_runs(data: Array, array: Array, cells: Cells) -> None:
    for cell, row in zip(cells.tolist(), array.tolist(), strict=True):
        data[cell] = fold_run(data[cell].tolist(), row)
