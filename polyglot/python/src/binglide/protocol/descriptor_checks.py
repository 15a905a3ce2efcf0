"""The rules D-3 to D-7 for the lists of a descriptor: parameters, fields, outputs. Raises Invalid naming the entry."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeGuard

from .errors import BinglideError, Invalid
from .npy import DTYPES
from .params import PARAM_TYPES, ParamSpec, check_param, is_whole

MERGE_OPERATORS: Final = ("sum", "min", "max", "or", "once", "run", "concat")
#: Operators whose merged rows a service's own finish gets.
FINISHED: Final = ("sum", "min", "max", "or")
_OF_NEIGHBOURS: Final = ("longest", "intervals", "intervalCount", "intervalsTruncated")
FINISHERS: Final = (
    "value",
    "entropy",
    "q24",
    "position",
    *_OF_NEIGHBOURS,
    "chiSquare",
    "chiSquareP",
    "mean",
    "minEntropy",
    "indexOfCoincidence",
    "monteCarloPi",
    "serialCorrelation",
)
#: Numbers in one row of all fields together at the most.
ROW_NUMBERS_MAX: Final = 2**24
#: What reports and tables say of every service beside its outputs.
RESERVED_OUTPUTS: Final = ("n", "start", "state", "onlyA", "onlyB")

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def need(ok: object, what: str) -> None:
    if not ok:
        raise Invalid(f"descriptor: {what}")


def is_count(value: Any) -> TypeGuard[int]:
    return is_whole(value) and value >= 0


class IntBounds:
    """What each int parameter may be: clients choose its value, and rows must not grow with it without bound."""

    def __init__(self, bounds: Mapping[str, tuple[float, float]]) -> None:
        self._bounds = bounds

    def names(self, name: Any) -> bool:
        return isinstance(name, str) and name in self._bounds

    def of(self, size: Any) -> tuple[float, float] | None:
        """The least and the greatest value of a size, a number or a parameter's name; None: it is no size at all."""
        if is_count(size):
            return (size, size)
        return self._bounds.get(size) if isinstance(size, str) else None


def int_bounds(params: Sequence[ParamSpec]) -> IntBounds:
    bounds: dict[str, tuple[float, float]] = {}
    for param in params:
        if param.type != "int":
            continue
        low = -math.inf if param.min is None else param.min
        high = math.inf if param.max is None else param.max
        listed = [float(item) for item in param.one_of if not isinstance(item, str)] if param.one_of else [low, high]
        bounds[param.name] = (max(low, min(listed, default=low)), min(high, max(listed, default=high)))
    return IntBounds(bounds)


def _named_maps(value: Any, what: str, least: int, most: int) -> list[Mapping[str, Any]]:
    """A list of maps with names that differ."""
    need(
        isinstance(value, (list, tuple)) and least <= len(value) <= most,
        f"{what} is not a list of {least} to {most} entries",
    )
    names: set[str] = set()
    for item in value:
        need(isinstance(item, Mapping), f"{what} holds something that is no map")
        name = item.get("name")
        need(isinstance(name, str) and NAME.fullmatch(name), f"an entry of {what} has no name")
        need(name not in names, f"{what} has {name} twice")
        names.add(name)
    return list(value)


def checked_params(service: str, value: Any) -> tuple[ParamSpec, ...]:
    return tuple(_checked_param(service, item) for item in _named_maps(value, "params", 0, 64))


def _checked_param(service: str, it: Mapping[str, Any]) -> ParamSpec:
    name = it["name"]

    def must(ok: object, what: str) -> None:
        need(ok, f"parameter {name}: {what}")

    must(it.get("type") in PARAM_TYPES, "has no type")
    must(isinstance(it.get("help"), str), "help is not a text")
    for bound in ("min", "max"):
        number = it.get(bound, 0)
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
        must(is_number and not math.isnan(number), "min or max is no number")
    one_of = it.get("oneOf")
    is_list = isinstance(one_of, (list, tuple)) and all(isinstance(item, (int, float, str)) for item in one_of)
    must("oneOf" not in it or is_list, "oneOf is not a list of numbers, texts and booleans")
    spec = ParamSpec(
        name=name,
        type=it["type"],
        default=it.get("default"),  # type: ignore[arg-type]  # checked in the next lines
        min=it.get("min"),
        max=it.get("max"),
        one_of=None if one_of is None else tuple(one_of),
        help=it["help"],
    )
    must(isinstance(spec.default, (int, float, str)), "its default is none that it takes")
    try:
        check_param(service, spec, spec.default)
    except BinglideError:
        must(False, "its default is none that it takes")
    return spec


def checked_fields(value: Any, bounds: IntBounds) -> list[Mapping[str, Any]]:
    fields = _named_maps(value, "fields", 1, 64)
    numbers = 0.0
    for it in fields:
        numbers += _checked_field(it, bounds)
        need(numbers <= ROW_NUMBERS_MAX, f"field {it['name']}: a row may have more than {ROW_NUMBERS_MAX} numbers")
    return fields


def _checked_field(it: Mapping[str, Any], bounds: IntBounds) -> float:
    """How many numbers a row of the field may have at the most."""

    def must(ok: object, what: str) -> None:
        need(ok, f"field {it['name']}: {what}")

    dtype, merge, shape, form = it.get("dtype"), it.get("merge"), it.get("shape"), it.get("form")
    must(isinstance(dtype, str) and dtype in DTYPES, "has no dtype")
    must(merge in MERGE_OPERATORS, f"{merge!r:.40} is no merge operator; {' '.join(MERGE_OPERATORS)} are")
    must(isinstance(it.get("cells"), bool), "cells is not true or false")
    must("shape" not in it or (isinstance(shape, (list, tuple)) and len(shape) <= 8), "shape")
    dims = [bounds.of(dim) for dim in shape or ()]
    must(
        all(dim is not None and dim[0] >= 0 for dim in dims),
        "shape holds something that is neither a number nor the name of an int parameter of at least 0",
    )
    must("form" not in it or form in ("summed", "whole"), "form")
    must("gap" not in it or (merge == "concat" and bounds.of(it["gap"]) is not None), "gap")
    must("limit" not in it or (merge == "concat" and is_count(it["limit"])), "limit")
    per_byte = it.get("perByteMax")
    is_unsigned_sum = merge == "sum" and str(dtype).startswith("u")
    must(
        "perByteMax" not in it or (is_unsigned_sum and is_count(per_byte) and it["perByteMax"] >= 1),
        "perByteMax is for unsigned sums",
    )
    _check_merge(it, must)
    return math.prod(dim[1] for dim in dims if dim is not None)


def _check_merge(it: Mapping[str, Any], must: Callable[[object, str], None]) -> None:
    """What each operator can work on; its laws hold only there."""
    merge, dtype, shape = it["merge"], it["dtype"], it.get("shape")
    last = shape[-1] if shape else None
    if merge == "sum":
        must(not dtype.startswith("f"), "sums are whole numbers")
    elif merge == "or":
        must(dtype.startswith("u"), "or is for unsigned numbers")
    elif merge == "once":
        must(it["cells"] and it.get("form") == "whole", "once is for cells of form whole")
    elif merge == "run":
        must(dtype in ("i8", "u8"), "run rests in i8 or u8")
        must(shape is None, "run has a shape of its own")
    elif merge == "concat":
        width: int = last if is_count(last) else 0
        must(shape is not None and len(shape) == 1 and width >= 1, "concat states the length of its rows")
        must("gap" not in it or width >= 2, "intervals have a start and an end")


def finishers_of(merge: str) -> tuple[str, ...]:
    if merge == "run":
        return ("longest",)
    if merge == "concat":
        return ("intervals", "intervalCount", "intervalsTruncated")
    return tuple(finisher for finisher in FINISHERS if finisher not in _OF_NEIGHBOURS)


def checked_report(value: Any, fields: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    need(isinstance(value, (list, tuple)) and len(value) <= 128, "report is not a list of at most 128")
    seen: set[tuple[str, str, str]] = set()
    for it in value:
        need(isinstance(it, Mapping), "report holds something that is no map")
        name, of, finish, scope = it.get("name"), it.get("of"), it.get("finish"), it.get("scope")
        need(isinstance(name, str) and NAME.fullmatch(name), "an output has no name")
        need(name not in RESERVED_OUTPUTS, f"output {name}: the name is taken")
        need(isinstance(of, str) and of in fields, f"output {name} is of no field")
        field = fields[of]
        need(finish in FINISHERS, f"output {name} has no finisher")
        need(finish in finishers_of(field["merge"]), f"output {name}: {finish} is not for {field['merge']}")
        need(scope in ("cell", "whole", "both"), f"output {name} has no scope")
        _check_more(it, fields)
        need(scope == "whole" or field["cells"], f"output {name}: field {of} has no cells")
        need(scope == "whole" or field["merge"] != "concat", f"output {name}: intervals are of the whole")
        places = ("cell", "whole") if scope == "both" else (str(scope),)
        forms = (field["form"],) if "form" in field else ("summed", "whole")
        for key in [(name, place, form) for place in places for form in forms]:
            need(key not in seen, f"output {name} stands there twice")
            seen.add(key)
    return list(value)


def _check_more(it: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> None:
    name, finish = it["name"], it["finish"]
    wanted = 2 if finish == "serialCorrelation" else 0
    given = it.get("with", ())
    need(
        isinstance(given, (list, tuple)) and len(given) == wanted, f"output {name}: {finish} takes {wanted} more fields"
    )
    need(wanted == 0 or it["scope"] == "whole", f"output {name}: {finish} is of the whole")
    need(
        all(
            isinstance(of, str) and of in fields and fields[of]["merge"] not in ("concat", "run", "once")
            for of in given
        ),
        f"output {name} is with no field that it could take",
    )
