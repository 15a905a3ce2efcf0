"""What callers may ask for, checked before anything is sent: nonsense raises E_USAGE that names field and value."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from ..protocol.errors import BinglideError
from ..protocol.ids import SAFE_INTEGER_MAX, is_token, parse_job_id
from ..protocol.payloads import DEFAULT_CELLS, Extent, Query
from .range import range_of

T = TypeVar("T")
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

INPUTS_MAX: Final = 2
_ENDPOINT = re.compile(r"(ipc|tcp|inproc)://\S+")


class ClientTimes(NamedTuple):
    """In milliseconds, above 0."""

    #: How long to wait for a broker at first; then E_NO_BROKER.
    connect_ms: float = 1500
    #: How long jobs wait for a broker that was there and went away; then E_BROKER_LOST. How soon an absence is noticed
    #: is the broker's choice: five of its heartbeat intervals at the latest.
    broker_lost_ms: float = 60_000


def _need(ok: bool, field: str, value: object, wanted: str) -> None:
    if not ok:
        raise BinglideError("E_USAGE", f"{field} is {str(repr(value))[:80]}; it takes {wanted}")


def check_endpoint(endpoint: object) -> str:
    is_one = isinstance(endpoint, str) and _ENDPOINT.fullmatch(endpoint) is not None
    _need(is_one, "endpoint", endpoint, "ipc://PATH or tcp://HOST:PORT")
    return str(endpoint)


def check_ms(field: str, value: object) -> float:
    is_time = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
    _need(is_time, field, value, "milliseconds above 0")
    return float(value)  # type: ignore[arg-type]


def check_times(times: ClientTimes) -> ClientTimes:
    return ClientTimes(*(check_ms(field, value) for field, value in times._asdict().items()))


def check_service(service: object) -> str:
    _need(is_token(service), "service", service, "a name of 1 to 255 printable ASCII characters")
    return str(service)


def check_job_id(job_id: object) -> str:
    is_one = isinstance(job_id, str) and parse_job_id(job_id) is not None
    _need(is_one, "job_id", job_id, "the id of a job, as job.id has it")
    return str(job_id)


def check_count(field: str, value: object) -> int:
    """A whole number from 1 of any kind, NumPy's too."""
    number = _whole(value)
    _need(number is not None and 1 <= number <= SAFE_INTEGER_MAX, field, value, "a whole number from 1")
    return operator.index(value)  # type: ignore[arg-type]


def check_body(frames: Sequence[object]) -> tuple[bytes, ...]:
    """Copies: the caller may do with its own buffers as it likes."""
    for frame in frames:
        _need(isinstance(frame, (bytes, bytearray, memoryview)), "body", frame, "bytes")
    return tuple(bytes(frame) for frame in frames)  # type: ignore[call-overload]


def query_of(
    service: object,
    paths: Sequence[Path],
    *,
    range: object = None,
    cells: object = DEFAULT_CELLS,
    snap: object = False,
    params: Mapping[str, object] | None = None,
    cache: object = True,
    version: object = None,
    named: Mapping[str, object] | None = None,
) -> Query:
    """What goes on the wire; paths become absolute here. ``named``: parameters that were given by keyword."""
    folder = os.getcwd()
    _need(1 <= len(paths) <= INPUTS_MAX, "inputs", paths, "one path, or two for a service that compares")
    _need(isinstance(snap, bool), "snap", snap, "True or False")
    _need(isinstance(cache, bool), "cache", cache, "True or False")
    is_version = version is None or isinstance(version, str) or _whole(version) is not None
    _need(is_version, "version", version, "a whole number or a text")
    return Query(
        service=check_service(service),
        version=version if version is None or isinstance(version, str) else _whole(version),
        inputs=tuple((Extent(_path_of(path, folder), 0, None),) for path in paths),
        range=range_of(range),
        cells=check_count("cells", cells),
        snap=bool(snap),
        params=_params_of(params or {}, named or {}),
        cache=bool(cache),
    )


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _params_of(params: Mapping[str, object], named: Mapping[str, object]) -> dict[str, Any]:
    _need(isinstance(params, Mapping), "params", params, "a dict of numbers, texts and truth values")
    twice = sorted(set(params) & set(named))
    _need(not twice, "params", twice, "each parameter once: in params or by keyword")
    return {_name_of(name): _param_of(name, value) for name, value in {**params, **named}.items()}


def _name_of(name: object) -> str:
    _need(isinstance(name, str), "params", name, "names that are texts")
    return str(name)


def _param_of(name: str, value: object) -> int | float | str | bool:
    """As msgpack takes it: what NumPy gives is made plain."""
    if isinstance(value, (bool, str)):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
        if isinstance(value, bool):
            return value
    number = _whole(value)
    if number is not None and abs(number) <= SAFE_INTEGER_MAX:
        return number
    is_finite = isinstance(value, float) and math.isfinite(value)
    _need(is_finite, f"parameter {name}", value, "a finite number, a text, True or False")
    return float(value)  # type: ignore[arg-type]


def _path_of(path: Path, folder: str) -> bytes:
    """Absolute. ``..`` is left to the file system: taken away here, it would leave another folder than a link's."""
    _need(isinstance(path, (str, bytes, os.PathLike)), "input", path, "a path as text, bytes or os.PathLike")
    try:
        given = os.fsencode(path)
    except UnicodeEncodeError:
        raise BinglideError("E_USAGE", f"input is {str(path)[:80]!r}, which is no name of a file here") from None
    _need(len(given) > 0 and b"\0" not in given, "input", path, "a path that is not empty and has no NUL in it")
    absolute = os.path.join(os.fsencode(folder), given)
    return absolute if b".." in absolute.split(b"/") else os.path.normpath(absolute)


def check_errors(errors: object) -> bool:
    """True: errors are handed out; False: they are raised."""
    _need(errors in ("raise", "return"), "errors", errors, '"raise" or "return"')
    return errors == "return"


def check_items(items: Iterable[T]) -> Iterator[T]:
    """What ``map`` goes over; a text is refused, since its letters would be taken for paths."""
    _need(not isinstance(items, (str, bytes)), "paths", items, "a list of paths")
    return iter(items)


def paths_of(item: Path | Sequence[Path]) -> tuple[Path, ...]:
    """One item of what ``map`` goes over: a path, or two in a tuple or list."""
    if isinstance(item, (str, bytes, os.PathLike)):
        return (item,)
    _need(isinstance(item, Iterable), "input", item, "a path, or a pair of paths")
    return tuple(item)
