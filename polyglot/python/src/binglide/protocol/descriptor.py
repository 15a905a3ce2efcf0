"""What a service says of itself: data only, so that the broker needs to know no service (section 8).

``descriptor_of`` reads and checks a map off the wire, or one that an author's class gave; ``digest`` names it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .descriptor_checks import FINISHED, checked_fields, checked_params, checked_report, int_bounds, is_count, need
from .params import ParamSpec, is_whole

#: Blocks up to here are computed whole (fields of form ``whole``).
WHOLE_BLOCK_BYTES_MAX: Final = 65_536
SERVICE_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{0,31}")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One array of a part. ``shape`` holds numbers and names of int parameters; None: the part itself tells."""

    name: str
    dtype: str
    merge: str
    cells: bool
    shape: tuple[int | str, ...] | None = None
    per_byte_max: int | None = None
    form: str | None = None
    gap: int | str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One value or array of a report: ``of`` names its field, ``scope`` is cell, whole or both."""

    name: str
    of: str
    finish: str
    scope: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A checked descriptor; ``map`` is what travels and what the digest is of."""

    name: str
    version: int | str
    inputs: int
    help: str
    params: tuple[ParamSpec, ...]
    overlap: int | str
    block: str | None
    shift: str | None
    cached: bool
    range_bytes_max: int | None
    finish: bool
    fields: tuple[FieldSpec, ...]
    report: tuple[OutputSpec, ...]
    map: Mapping[str, Any] = field(repr=False)


def descriptor_of(value: Any) -> Descriptor:
    """The descriptor that a map is; raises Invalid naming what is wrong with it."""
    need(isinstance(value, Mapping), "it is not a map")
    it: Mapping[str, Any] = value
    name, version = it.get("name"), it.get("version")
    need(isinstance(name, str) and SERVICE_NAME.fullmatch(name), "name is none of [A-Z][A-Z0-9]{0,31}")
    need(_is_version(version), "version is neither a whole number nor a text")
    need(is_whole(it.get("inputs")) and it["inputs"] in (1, 2), "inputs is neither 1 nor 2")
    need(isinstance(it.get("help"), str), "help is not a text")
    need(isinstance(it.get("cached"), bool), "cached is not true or false")
    limit = it.get("rangeBytesMax")
    need("rangeBytesMax" not in it or is_count(limit), "rangeBytesMax is not a number of bytes")
    need("finish" not in it or it["finish"] is True, "finish is not true")
    params = checked_params(str(name), it.get("params"))
    bounds = int_bounds(params)
    overlap, block, shift = it.get("overlap"), it.get("block"), it.get("shift")
    need(bounds.of(overlap) is not None, "overlap is neither bytes nor an int parameter")
    need("block" not in it or bounds.names(block), "block names no int parameter")
    need("shift" not in it or (bounds.names(shift) and it["inputs"] == 2), "shift names no int parameter of two inputs")
    fields = checked_fields(it.get("fields"), bounds)
    need("finish" not in it or any(item["merge"] in FINISHED for item in fields), "finish has no field to finish")
    report = checked_report(it.get("report"), {item["name"]: item for item in fields})
    return Descriptor(
        name=str(name),
        version=version if isinstance(version, str) else int(version or 0),
        inputs=int(it["inputs"]),
        help=it["help"],
        params=params,
        overlap=overlap if isinstance(overlap, str) else int(overlap or 0),
        block=block,
        shift=shift,
        cached=it["cached"],
        range_bytes_max=None if limit is None else int(limit),
        finish=bool(it.get("finish", False)),
        fields=tuple(_field_of(item) for item in fields),
        report=tuple(
            OutputSpec(item["name"], item["of"], item["finish"], item["scope"], tuple(item.get("with", ())))
            for item in report
        ),
        map=it,
    )


def _is_version(version: Any) -> bool:
    if isinstance(version, str):
        return re.fullmatch(r"[^\n\r\u2028\u2029]{1,128}", version) is not None
    return is_whole(version)


def _field_of(item: Mapping[str, Any]) -> FieldSpec:
    shape = item.get("shape")
    return FieldSpec(
        name=item["name"],
        dtype=item["dtype"],
        merge=item["merge"],
        cells=item["cells"],
        shape=None if shape is None else tuple(shape),
        per_byte_max=item.get("perByteMax"),
        form=item.get("form"),
        gap=item.get("gap"),
        limit=item.get("limit"),
    )


def digest(descriptor: Descriptor | Mapping[str, Any]) -> str:
    """16 hex digits that name a descriptor: equal digests mean equal parts (D-9)."""
    value = descriptor.map if isinstance(descriptor, Descriptor) else descriptor
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def canonical(value: Any) -> str:
    """RFC 8785 JSON with every key ``help`` left out, and every key without a value."""
    if isinstance(value, Mapping):
        keys = sorted(
            (key for key, item in value.items() if item is not None and key != "help"),
            key=lambda key: str(key).encode("utf-16-be", "surrogatepass"),
        )
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A float as ECMAScript writes it: the shortest digits that name it, exponents from 1e21 and below 1e-6."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if 0 < point <= 21:
        return sign + (digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}")
    head = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{sign}{head}e{'+' if point > 0 else '-'}{abs(point - 1)}"
