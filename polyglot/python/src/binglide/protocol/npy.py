"""Arrays as NumPy ``.npy`` frames, version 1.0, little-endian, C order (A-10 to A-12).

What is read is a read-only view of the frame, never a copy; what is written is copied once, or built in its frame from
the start (``new_frame``). Sizes are checked before anything is set aside.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .codec import Buffer
from .errors import Invalid
from .ids import SAFE_INTEGER_MAX

Array = npt.NDArray[Any]

#: Named as NumPy's array protocol names them, little-endian understood.
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    name: np.dtype("<" + name if name != "u1" else "|u1") for name in ("u1", "u2", "u4", "u8", "i4", "i8", "f4", "f8")
}
#: The least and the greatest number that each dtype of whole numbers carries on the wire.
INTEGER_RANGE: Final[dict[str, tuple[int, int]]] = {
    "u1": (0, 2**8 - 1),
    "u2": (0, 2**16 - 1),
    "u4": (0, 2**32 - 1),
    "u8": (0, SAFE_INTEGER_MAX),
    "i4": (-(2**31), 2**31 - 1),
    "i8": (-SAFE_INTEGER_MAX, SAFE_INTEGER_MAX),
}

_MAGIC: Final = b"\x93NUMPY\x01\x00"
#: Numbers of one array at the most: 1 GiB as float64.
_NUMBERS_MAX: Final = 2**27
_DIMENSIONS_MAX: Final = 32


def unsigned_for(most: int) -> str:
    """The smallest unsigned dtype that holds ``most``, a safe integer."""
    return "u1" if most < 2**8 else "u2" if most < 2**16 else "u4" if most < 2**32 else "u8"


class _Header(NamedTuple):
    dtype: str
    shape: tuple[int, ...]
    numbers: int


_ENTRY = re.compile(
    r"""\s*(?:'(?P<descr>descr)'\s*:\s*'(?:\||<)(?P<dtype>u1|(?<=<)[uif][248])'
        |'(?P<order>fortran_order)'\s*:\s*False
        |'(?P<dims>shape)'\s*:\s*\((?P<shape>[0-9, ]*)\))\s*,?\s*""",
    re.VERBOSE,
)


@lru_cache(maxsize=64)
def _parse(header: bytes) -> _Header:
    text = header.decode("latin-1").strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise Invalid(f"array header is not understood: {text[:80]}")
    found: dict[str, str] = {}
    at = 1
    while at < len(text) - 1:
        entry = _ENTRY.match(text, at, len(text) - 1)
        if entry is None:
            raise Invalid(f"array header is not understood: {text[:80]}")
        found.update({key: value for key, value in entry.groupdict().items() if value is not None})
        at = entry.end()
    dtype, dims = found.get("dtype"), found.get("shape")
    if dtype not in DTYPES or dims is None or "order" not in found:
        raise Invalid(f"array header is not understood: {text[:80]}")
    parts = [dim.strip() for dim in dims.split(",")]
    if any(" " in dim or len(dim) > 16 for dim in parts):
        raise Invalid(f"array of shape ({dims[:80]}) is not taken")
    shape = tuple(int(dim) for dim in parts if dim)
    if len(shape) > _DIMENSIONS_MAX or any(dim > SAFE_INTEGER_MAX for dim in shape):
        raise Invalid(f"array of shape ({dims[:80]}) is not taken")
    return _Header(dtype, shape, math.prod(shape))


def decode_npy(frame: Buffer) -> Array:
    """The array in a frame: a read-only view of it. Raises Invalid where the frame is no such array."""
    if len(frame) < 10 or bytes(frame[:8]) != _MAGIC:
        raise Invalid("array frame is not .npy version 1.0")
    body_at = 10 + frame[8] + 256 * frame[9]
    if body_at > len(frame):
        raise Invalid("array frame ends inside its header")
    head = bytes(frame[10:body_at])
    name, shape, count = _parse(head) if len(head) <= 1024 else _parse.__wrapped__(head)
    if count * DTYPES[name].itemsize != len(frame) - body_at or count > _NUMBERS_MAX:
        raise Invalid(f"array of shape {str(shape)[:80]} and dtype {name} does not fit its frame")
    array = np.frombuffer(frame, DTYPES[name], count, body_at).reshape(shape)
    array.flags.writeable = False
    if name in ("u8", "i8"):
        _check_safe(array)
    return array


def _check_safe(array: Array) -> None:
    if array.size and (array.max() > SAFE_INTEGER_MAX or (array.dtype.kind == "i" and array.min() < -SAFE_INTEGER_MAX)):
        raise Invalid("a number in an array is past 2^53-1")


@lru_cache(maxsize=64)
def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    dims = f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"
    descr = "|u1" if dtype == "u1" else f"<{dtype}"
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {dims}, }}"
    # The whole header is padded to 64 bytes, so that the numbers are aligned.
    length = (len(text) + 11 + 63) // 64 * 64 - 10
    return _MAGIC + length.to_bytes(2, "little") + text.ljust(length - 1).encode("ascii") + b"\n"


def dtype_name(array: Array) -> str:
    """``u4`` for an array of 32-bit unsigned numbers; raises ValueError for one that no frame has."""
    name = f"{array.dtype.kind}{array.dtype.itemsize}"
    if name not in DTYPES:
        raise ValueError(f"dtype {array.dtype} does not travel; take one of {', '.join(DTYPES)}")
    return name


def encode_npy(array: Array) -> bytes:
    """One frame: the array's numbers in C order, little-endian. Copied once."""
    name = dtype_name(array)
    plain = np.ascontiguousarray(array, DTYPES[name]).reshape(array.shape)
    return b"".join((_header(name, plain.shape), plain.reshape(-1).view("u1").data))


def new_frame(dtype: str, shape: tuple[int, ...]) -> tuple[bytearray, Array]:
    """A frame of zeros and the array in it, to be written in place before the frame is sent: no copy at all."""
    head = _header(dtype, shape)
    frame = bytearray(len(head) + math.prod(shape) * DTYPES[dtype].itemsize)
    frame[: len(head)] = head
    return frame, np.frombuffer(frame, DTYPES[dtype], -1, len(head)).reshape(shape)
