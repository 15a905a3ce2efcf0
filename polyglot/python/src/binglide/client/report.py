"""A report as a program receives it: scalars by name, arrays as read-only views of the frames that came.

Nothing is copied on the way: what ``cells`` and ``arrays`` hold are views of ZeroMQ's own buffers, which live as long
as a view of them does. Where a short frame lies in such a buffer is ZeroMQ's choice, so a view may be unaligned. NumPy
and pandas do not mind; for a library that does, ``np.require(column, requirements="A")`` copies where that is needed.

Names are those of the wire (``chiSquareP``); only the fixed ones are in Python's case.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

import numpy.typing as npt

from ..protocol.payloads import Report as WireReport
from ..protocol.payloads import Scalar, Work
from .picture import FIXED_COLUMNS, report_html

Array = npt.NDArray[Any]

_CELLS: Final = "cells."


class CellState(IntEnum):
    """What stands in ``cells.state``."""

    NONE = 0
    SAMPLED = 1
    EXACT = 2


class ReportInput(NamedTuple):
    """A file that was read. ``path`` opens it whatever its bytes are (it is what os.fsdecode gives)."""

    path: str
    size: int
    #: BLAKE3 of the content in hex; None while unknown.
    hash: str | None
    #: Names this state of the file before its hash is known: ``~...``.
    identity: str


def _read_only(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError("the cells of a report are read-only; copy them first: dict(report.cells)")


class Cells(dict[str, Array]):
    """Columns along the range by name, one entry a cell: ``start``, ``n`` (exact bytes), the service's outputs, ``lo``
    and ``hi`` (95 % interval of the first of them) and ``state`` (a CellState each).

    A column is an attribute as well (``cells.n``). NaN means that the number is not known yet. A column with several
    numbers a cell has shape (cells, numbers). It is a real dict, so ``pandas.DataFrame(report.cells)`` works where all
    columns are plain; ``to_dict()`` is for all others. Empty for a service without cells.
    """

    __slots__ = ()
    __setitem__ = __delitem__ = update = pop = clear = setdefault = popitem = __ior__ = _read_only

    def __getattr__(self, name: str) -> Array:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no column {name}; there are {', '.join(self) or 'none'}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Cells, (dict(self),))

    @property
    def outputs(self) -> list[str]:
        """Names of the service's own columns, in its order."""
        return [name for name in self if name not in FIXED_COLUMNS]

    def to_dict(self) -> dict[str, Any]:
        """The columns as a plain dict; one with several numbers a cell becomes a list of rows."""
        return {name: column if column.ndim == 1 else list(column) for name, column in self.items()}

    def __repr__(self) -> str:
        return f"<Cells {len(next(iter(self.values()), ()))} x {', '.join(self)}>"


class Report:
    """True of the bytes that it counts; ``exact`` is set in the last one.

    ``report["h"]`` is a scalar or, where there is none of that name, a whole array.
    """

    def __init__(self, report: WireReport) -> None:
        self._wire = report
        self.job_id: str = report.job_id
        self.service: str = report.service
        self.version: int | str = report.version
        #: [start, end) in bytes of the first input.
        self.range: tuple[int, int] = report.range
        #: Exact bytes by all bytes, 0 to 1; never falls within a job.
        self.completion: float = report.completion
        self.exact: bool = report.exact
        #: Width of a cell in bytes; 0: the service has no cells.
        self.cell_bytes: int = report.cell_bytes
        #: What the answer has cost so far: bytes, tasks, chunks and milliseconds.
        self.work: Work = report.work

    @cached_property
    def inputs(self) -> tuple[ReportInput, ...]:
        return tuple(
            ReportInput(os.fsdecode(bytes(each.path)), each.size, each.hash, each.identity)
            for each in self._wire.inputs
        )

    @cached_property
    def scalars(self) -> Mapping[str, Scalar]:
        """Values over the range by name; None: unknown, or there is none. Read-only."""
        return MappingProxyType(dict(self._wire.scalars))

    @cached_property
    def arrays(self) -> Mapping[str, Array]:
        """Whole arrays by name, such as HIST's ``counts``; read-only views of the frames."""
        named = {name: array for name, array in self._wire.arrays.items() if not name.startswith(_CELLS)}
        return MappingProxyType(named)

    @cached_property
    def cells(self) -> Cells:
        """The columns along the range; empty for a service without cells."""
        columns = {
            name.removeprefix(_CELLS): array for name, array in self._wire.arrays.items() if name.startswith(_CELLS)
        }
        rows = columns["start"].size if "start" in columns else 0
        return Cells({name: _by_row(column, rows) for name, column in columns.items()})

    def __reduce__(self) -> tuple[Any, ...]:
        # So that it can go to another process; there its arrays are copies.
        return (Report, (self._wire,))

    def __getitem__(self, name: str) -> Any:
        if name in self.scalars:
            return self.scalars[name]
        if name in self.arrays:
            return self.arrays[name]
        raise KeyError(f"no value {name}; there are {', '.join(self)}")

    def __contains__(self, name: object) -> bool:
        return name in self.scalars or name in self.arrays

    def __iter__(self) -> Iterator[str]:
        yield from self.scalars
        yield from self.arrays

    def __repr__(self) -> str:
        start, end = self.range
        names = " ".join(os.path.basename(each.path) for each in self.inputs)
        done = "exact" if self.exact else f"{100 * self.completion:.1f} %"
        numbers = [
            f"{name}={value:.6g}"
            for name, value in self.scalars.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        ]
        cells = [f"{self.cells.start.size} cells of {self.cell_bytes}"] if "start" in self.cells else []
        return f"<{self.service} {names} {start:#x}:{end:#x} {done}: {', '.join([*numbers[:4], *cells])}>"

    def _repr_html_(self) -> str:
        return report_html(repr(self), self.cells, self.range)


def _by_row(column: Array, rows: int) -> Array:
    """One entry, or one row of numbers, a cell; a column of any other length is left as it came."""
    if column.shape[:1] == (rows,) or rows == 0 or column.size % rows:
        return column
    return column.reshape(rows) if column.size == rows else column.reshape(rows, -1)
