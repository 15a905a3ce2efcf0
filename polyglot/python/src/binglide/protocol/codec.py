"""The only user of msgpack: maps in, maps out, with the caps that keep a hostile frame from costing anything.

Rules (G-8 to G-12): one map with text keys and nothing behind it, no key twice, no ``__proto__``, no extension type;
at most 4 MiB, 32 levels and 262,144 values. All of that is checked against the bytes that are there before anything is
built: msgpack sets a list of the announced length aside before it reads one item.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgpack

from .errors import Invalid
from .ids import SAFE_INTEGER_MAX

#: A header frame longer than this is refused before it is decoded.
HEADER_BYTES_MAX: Final = 4 * 1024 * 1024
#: Maps and lists inside each other, the outermost included.
NESTING_MAX: Final = 32
#: Values in one header frame, keys and containers counted too.
VALUES_MAX: Final = 1 << 18

#: A frame as sockets give it.
Buffer = bytes | bytearray | memoryview

PlainMap = Mapping[str, Any]


def pack(value: PlainMap) -> bytes:
    """One header map. Entries that are None are left out; whole floats are written as integers (G-10)."""
    return bytes(msgpack.packb(_plain({k: v for k, v in value.items() if v is not None}), use_bin_type=True))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) and abs(value) <= SAFE_INTEGER_MAX else value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def unpack_map(frame: Buffer) -> dict[str, Any]:
    """The map in one frame; raises Invalid on anything else."""
    if len(frame) > HEADER_BYTES_MAX:
        raise Invalid(f"header of {len(frame)} bytes is over the limit of {HEADER_BYTES_MAX}")
    fault = _fault_of(frame)
    if fault is not None:
        raise Invalid(f"header is not msgpack: {fault}")
    try:
        value = msgpack.unpackb(frame, raw=False, strict_map_key=True, object_pairs_hook=_checked_map)
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"header is not msgpack: {error}") from None
    if not isinstance(value, dict):
        raise Invalid("header is not a msgpack map")
    return value


def _checked_map(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise Invalid("header is not msgpack: a key is no text")
        if key in found:
            raise Invalid(f"header is not msgpack: the key {key[:80]} stands there twice")
        if key == "__proto__":
            raise Invalid("header is not msgpack: the key __proto__ is not taken")
        found[key] = value
    return found


# By type byte: bytes of the length behind it, bytes of the body (-1: the length), values inside for each announced.
_LENGTH = [0] * 256
_BODY = [0] * 256
_ITEMS = [0] * 256
_REFUSED = frozenset([0xC1, *range(0xC7, 0xCA), *range(0xD4, 0xD9)])


def _fill_tables() -> None:
    for tag, body in {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}.items():
        _BODY[tag] = body
    for tag in range(0xA0, 0xC0):
        _BODY[tag] = tag & 31
    for length, tags in {1: (0xC4, 0xD9), 2: (0xC5, 0xDA), 4: (0xC6, 0xDB)}.items():
        for tag in tags:
            _LENGTH[tag], _BODY[tag] = length, -1
    for tag, length, items in ((0xDC, 2, 1), (0xDD, 4, 1), (0xDE, 2, 2), (0xDF, 4, 2)):
        _LENGTH[tag], _ITEMS[tag] = length, items


_fill_tables()


def _fault_of(frame: Buffer) -> str | None:
    """What is wrong with the frame as one msgpack value, without building any of it."""
    data = bytes(frame)
    size = len(data)
    at = values = 0
    left = 1
    outer: list[int] = []
    while True:
        while left == 0:
            if not outer:
                return f"{size - at} bytes too many" if at < size else None
            left = outer.pop()
        left -= 1
        values += 1
        if values > VALUES_MAX:
            return f"more than {VALUES_MAX} values"
        if at >= size:
            return "it ends too early"
        tag = data[at]
        at += 1
        if tag < 0x80 or tag >= 0xE0:
            continue
        if tag in _REFUSED:
            return f"type byte 0x{tag:x} is not taken"
        length_bytes = _LENGTH[tag]
        announced = 0
        if length_bytes:
            if at + length_bytes > size:
                return "it ends too early"
            announced = int.from_bytes(data[at : at + length_bytes], "big")
            at += length_bytes
        items = _ITEMS[tag] * announced if tag >= 0xA0 else (tag & 15) * (2 if tag < 0x90 else 1)
        body = _BODY[tag]
        at += announced if body < 0 else body
        if at > size or items > size - at:
            return "it ends too early"
        if tag < 0xA0 or tag >= 0xDC:
            if len(outer) >= NESTING_MAX:
                return f"deeper than {NESTING_MAX}"
            outer.append(left)
            left = items
