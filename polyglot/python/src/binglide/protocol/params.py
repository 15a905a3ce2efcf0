"""Parameters of a service: their types, and the check that every request's parameters pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from .errors import BinglideError
from .ids import SAFE_INTEGER_MAX

ParamValue = int | float | str | bool
Params = Mapping[str, ParamValue]

PARAM_TYPES: Final = ("int", "float", "string", "bool")
_TEXT_CHARS_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter: ``type`` is of PARAM_TYPES; ``min`` and ``max`` are both taken."""

    name: str
    type: str
    default: ParamValue
    min: float | None = None
    max: float | None = None
    one_of: tuple[ParamValue, ...] | None = None
    help: str = ""


def check_params(service: str, specs: Sequence[ParamSpec], given: Mapping[str, Any]) -> dict[str, ParamValue]:
    """The parameters of a request, complete and in the descriptor's order.

    Raises E_PARAM naming the parameter, what came and what is taken.
    """
    names = [spec.name for spec in specs]
    for name in given:
        if name not in names:
            known = ", ".join(names) or "none"
            raise BinglideError("E_PARAM", f"{service} takes no parameter {str(name)[:80]}; it takes {known}")
    return {spec.name: check_param(service, spec, given.get(spec.name)) for spec in specs}


def check_param(service: str, spec: ParamSpec, given: Any) -> ParamValue:
    """The parameter's value, or its default where None is given; raises E_PARAM."""
    value = spec.default if given is None else given

    def bad(wanted: str) -> BinglideError:
        return BinglideError("E_PARAM", f"{service}: {spec.name} is {_shown(value)}; it takes {wanted}")

    if spec.type == "int":
        if not is_whole(value):
            raise bad("a whole number")
        value = int(value)
    elif spec.type == "float":
        if not is_number(value):
            raise bad("a number")
        value = float(value)
    elif spec.type == "bool":
        if not isinstance(value, bool):
            raise bad("true or false")
    elif not isinstance(value, str) or len(value) > _TEXT_CHARS_MAX:
        raise bad(f"a text of at most {_TEXT_CHARS_MAX} characters")
    if spec.one_of is not None and not any(same(value, item) for item in spec.one_of):
        raise bad(f"one of {', '.join(_shown(item) for item in spec.one_of)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        low = -math.inf if spec.min is None else spec.min
        high = math.inf if spec.max is None else spec.max
        if not low <= value <= high:
            raise bad(f"a number from {_bound(low)} to {_bound(high)}")
    checked: ParamValue = value
    return checked


def is_number(value: Any) -> TypeGuard[float]:
    """A finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: Any) -> TypeGuard[float]:
    """A whole number within ±(2^53-1); a float whose value is whole is one."""
    return is_number(value) and value == int(value) and abs(value) <= SAFE_INTEGER_MAX


def same(a: Any, b: Any) -> bool:
    """Equal, and no number for a truth value."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _bound(value: float) -> str:
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    return _shown(value)


def _shown(value: Any) -> str:
    """A value off the wire as a message names it: short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, Mapping):
        return "a map"
    return "bytes" if isinstance(value, bytes) else str(value)[:80]
