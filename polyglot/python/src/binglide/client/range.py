"""Ranges as people write them, and what they mean. Pure.

``START:END``, ``START:+LEN``, ``:END``, ``START:``, ``-LEN:`` (the last LEN bytes); numbers are decimal or 0x; k M G T
are 1024-based, s is a sector of 512; END is exclusive. ``protocol/vectors/ranges.json`` is the contract.
"""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from typing import Final, NamedTuple

from ..protocol.errors import BinglideError
from ..protocol.ids import SAFE_INTEGER_MAX


class RangeSpec(NamedTuple):
    """Resolved where the size is known: a negative number counts from the end; end None is the end of the file."""

    start: int
    end: int | None


WHOLE_RANGE: Final = RangeSpec(0, None)

_UNITS: Final = {"": 1, "s": 512, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_HEX = re.compile(r"0x([0-9a-f]+)", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r"(\d+(?:\.\d+)?)\s*([skmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
#: No number of bytes is written longer; what is costs nothing to refuse.
_CHARS_MAX: Final = 64


def _usage(message: str) -> BinglideError:
    return BinglideError("E_USAGE", message)


def parse_bytes(text: str) -> int:
    """``"64k"``, ``"0x1000"``, ``"1.5G"`` as a number of bytes; raises E_USAGE."""
    found: int | Decimal = -1
    if len(text) <= _CHARS_MAX:
        if hexadecimal := _HEX.fullmatch(text):
            found = int(hexadecimal[1], 16)
        elif decimal := _DECIMAL.fullmatch(text):
            found = Decimal(decimal[1]) * _UNITS[decimal[2].lower()]
    if not 0 <= found <= SAFE_INTEGER_MAX or found != int(found):
        raise _usage(f'"{text[:80]}" is no number of bytes; write 4096, 0x1000, 64k, 1G or 8s')
    return int(found)


def parse_range(text: str) -> RangeSpec:
    """A range as it is written; raises E_USAGE, and E_RANGE where it ends past 2^53-1."""
    parts = text.split(":")
    if len(parts) != 2:
        raise _usage(f"range {text[:80]!r} has no START:END; write 0:1M, 1G:+64k, :4096, 4096: or -1M:")
    first, last = parts[0].strip(), parts[1].strip()
    start = 0 if not first else _from_end(first) if first.startswith("-") else parse_bytes(first)
    if not last:
        return RangeSpec(start, None)
    if last.startswith("+"):
        end = start + parse_bytes(last[1:])
        if start < 0:
            return RangeSpec(start, None if end >= 0 else end)
        if end > SAFE_INTEGER_MAX:
            raise BinglideError("E_RANGE", f"range {text[:80]} ends past 2^53-1")
        return RangeSpec(start, end)
    return RangeSpec(start, _from_end(last) if last.startswith("-") else parse_bytes(last))


def _from_end(text: str) -> int:
    """A negative zero would mean the start of the file, not its end."""
    count = parse_bytes(text[1:])
    if count == 0:
        raise _usage(f"range: {text} counts no byte from the end; leave it out")
    return -count


def resolve_range(spec: RangeSpec, size: int, what: str) -> tuple[int, int]:
    """[start, end) inside a file of ``size`` bytes, which messages call ``what``; raises E_RANGE with the way out."""
    start = size + spec.start if spec.start < 0 else spec.start
    end = size if spec.end is None else size + spec.end if spec.end < 0 else spec.end
    if start < 0:
        raise BinglideError("E_RANGE", f"the range starts {-start} bytes before {what} ({size} bytes) does; try 0:")
    if start > size:
        raise BinglideError("E_RANGE", f"the range starts past {what} ({size:#x}); try 0:")
    if end > size:
        raise BinglideError("E_RANGE", f"the range ends past {what} ({size:#x}); try {start:#x}:")
    if end < start:
        raise BinglideError("E_RANGE", f"the range ends at {end:#x}, before it starts at {start:#x}")
    return start, end


def range_of(given: object) -> RangeSpec:
    """What a caller may give as a range: None (everything), a text, or (start, end) in bytes, end None for the end."""
    if given is None:
        return WHOLE_RANGE
    if isinstance(given, RangeSpec):
        return given
    if isinstance(given, str):
        return parse_range(given)
    wanted = "a text like '1G:+512M', or (start, end) in bytes from 0, end None for the end of the file"
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise _usage(f"range is {str(given)[:80]!r}; it takes {wanted}")
    try:
        start = operator.index(given[0])
        end = None if given[1] is None else operator.index(given[1])
    except TypeError:
        raise _usage(f"range is {str(given)[:80]}; it takes {wanted}") from None
    if not 0 <= start <= SAFE_INTEGER_MAX or (end is not None and not start <= end <= SAFE_INTEGER_MAX):
        raise _usage(f"range is {str(given)[:80]}; it takes {wanted}, the end not before the start")
    return RangeSpec(start, end)
