"""What compute and finish returned, held to what the author declared. Each fault names field, wanted and got."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..protocol.errors import BinglideError
from ..protocol.ids import SAFE_INTEGER_MAX
from ..protocol.npy import DTYPES, INTEGER_RANGE, Array

#: What numbers a field of unsigned, signed and float dtype takes, by NumPy's letters.
_KINDS: Final = {"u": "uib", "i": "uib", "f": "fuib"}


def returned(value: Any, what: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The dict of arrays that it has to be: each declared name, and no other."""
    if not isinstance(value, Mapping):
        raise _fault(f"{what} returned {_kind(value)}; it takes a dict of one array a field")
    for name in value:
        if name not in names:
            raise _fault(f"field {str(name)[:80]}: {what} returned it, but it is not declared")
    return value


def checked(name: str, value: Any, dtype: str, shape: tuple[int, ...], *, one_for_all: bool = False) -> Array:
    """The array of a field as (rows, numbers of a row), any width of the wanted kind; raises E_SERVICE.

    ``one_for_all``: a single row will do as well.
    """
    wanted = f"wanted {dtype} of shape {_shape(shape)}"
    if value is None:
        raise _fault(f"field {name}: {wanted}, got nothing")
    if not isinstance(value, (np.ndarray, np.generic, list, tuple)):
        raise _fault(f"field {name}: {wanted}, got {_kind(value)}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise _fault(f"field {name}: {wanted}, got {error}") from None
    fits = array.shape == shape or (one_for_all and array.shape == (1, *shape[1:]))
    if array.dtype.kind not in _KINDS[dtype[0]] or not fits:
        raise _fault(f"field {name}: {wanted}, got {_dtype(array)} of shape {_shape(array.shape)}")
    check_numbers(name, array, dtype, wanted)
    rows = array.shape[0]
    return array.reshape(rows, -1) if array.size else array.reshape(rows, int(np.prod(shape[1:])))


def check_numbers(name: str, array: Array, dtype: str, wanted: str) -> None:
    """No NaN, and whole numbers within what the dtype carries on the wire."""
    if array.size == 0:
        return
    if dtype[0] == "f":
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise _fault(f"field {name}: {wanted}, got NaN at {_first(np.isnan(array))}")
        return
    if array.dtype.itemsize < 8 and np.can_cast(array.dtype, DTYPES[dtype]):
        return
    low, high = INTEGER_RANGE[dtype]
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        bad = least if least < low else most
        raise _fault(f"field {name}: {wanted}, got {bad} at {_first(array == bad)}")


def output_array(name: str, value: Any, rows: int) -> Array:
    """An array of finish: numbers of a dtype that travels, first axis rows, or one number for a single row."""
    array = np.asarray(value)
    if array.dtype.kind == "b":
        array = array.astype("u1")
    if array.dtype.kind not in "uif":
        raise _fault(f"output {name}: wanted numbers, got {array.dtype}")
    if array.ndim == 0 or array.shape[0] != rows:
        raise _fault(f"output {name}: wanted {rows} rows, got shape {_shape(array.shape)}")
    if array.dtype.kind == "f":
        return array.astype("<f8" if array.dtype.itemsize != 4 else "<f4", copy=False)
    if array.size and (int(array.max()) > SAFE_INTEGER_MAX or int(array.min()) < -SAFE_INTEGER_MAX):
        raise _fault(f"output {name}: wanted numbers within 2^53-1, got {int(array.max())} and {int(array.min())}")
    travels = {"u2": "u2", "u1": "u1", "u4": "u4", "u8": "u8"} if array.dtype.kind == "u" else {"i4": "i4", "i8": "i8"}
    key = f"{array.dtype.kind}{array.dtype.itemsize}"
    return array.astype(DTYPES[travels.get(key, "i4")], copy=False)


def _fault(message: str) -> BinglideError:
    return BinglideError("E_SERVICE", message)


def _first(found: Any) -> tuple[int, ...]:
    return tuple(int(at) for at in np.argwhere(found)[0])


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _dtype(array: Array) -> str:
    name = f"{array.dtype.kind}{array.dtype.itemsize}"
    return name if name in DTYPES else str(array.dtype)


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
