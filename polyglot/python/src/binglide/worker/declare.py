"""What an author writes in the class body: ``param(64, low=1)`` and ``field("u8", merge="sum")``. Data only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ..protocol.errors import BinglideError
from ..protocol.npy import DTYPES
from ..protocol.params import ParamSpec, ParamValue

T = TypeVar("T", int, float, str, bool)

#: Numbers of a row: how many, int parameters that say so, or a function of the service that gives them.
Shape = Sequence[int | str] | Callable[[Any], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Param:
    default: ParamValue
    low: float | None
    high: float | None
    one_of: tuple[ParamValue, ...] | None
    help: str

    def spec(self, name: str) -> ParamSpec:
        return ParamSpec(name, self.type, self.default, self.low, self.high, self.one_of, self.help)

    @property
    def type(self) -> str:
        if isinstance(self.default, bool):
            return "bool"
        if isinstance(self.default, int):
            return "int"
        return "float" if isinstance(self.default, float) else "string"


@dataclass(frozen=True, slots=True)
class Field:
    #: Of the array that compute returns.
    dtype: str
    shape: Shape | None
    merge: str
    cells: bool
    per_byte_max: int | None
    form: str | None
    gap: int | str | None
    limit: int | None


def param(
    default: T,
    *,
    low: float | None = None,
    high: float | None = None,
    one_of: Sequence[T] | None = None,
    help: str = "",
) -> T:
    """A parameter; its type (whole number, number, text, truth value) is the default's.

    ``low`` and ``high``: the least and the greatest value taken; ``one_of``: the only values taken; ``help``: a line
    for people. In ``compute`` it is the value itself: ``self.max_lag`` is an int.
    """
    found = Param(default, low, high, None if one_of is None else tuple(one_of), help)
    return cast(T, found)


def field(
    dtype: str,
    *,
    merge: str,
    shape: Shape | int | str | None = None,
    cells: bool = False,
    per_byte_max: int | None = None,
    form: str | None = None,
    gap: int | str | None = None,
    limit: int | None = None,
) -> Field:
    """An array of the part.

    ``dtype``: of what compute returns: u1 u2 u4 u8 i4 i8 f4 f8. ``shape``: of one row, numbers
    or names of parameters; left out, a row is one number.
    ``merge``: how pieces become the whole: sum, min, max, or, once, run, concat. ``cells``: a row a cell of the report;
    else one for the whole range. ``per_byte_max``: what one byte of input adds to a sum at the most, which lets parts
    travel in small numbers. ``form``: only in parts of that form (summed, whole). ``gap``, ``limit``: of concat,
    intervals nearer than this are joined, so many rows are kept.
    """
    if dtype not in DTYPES:
        raise BinglideError("E_USAGE", f"field of dtype {dtype!r}; take one of {', '.join(DTYPES)}")
    if isinstance(shape, (int, str)):
        shape = (shape,)
    return Field(dtype, shape, merge, cells, per_byte_max, form, gap, limit)
