"""Readers of a header map's entries. Each raises Invalid naming the entry and what it takes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NoReturn

from . import payloads as p
from .codec import PlainMap
from .errors import MESSAGE_CHARS_MAX, Fault, Invalid, is_error_code
from .ids import SAFE_INTEGER_MAX, is_client_id, is_token, parse_job_id
from .params import ParamValue, is_number, is_whole


def wrong(name: str, wanted: str) -> NoReturn:
    raise Invalid(f"{name} is not {wanted}")


def mapping(value: Any, name: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else wrong(name, "a map")


def listing(value: Any, name: str) -> list[Any]:
    return value if isinstance(value, list) else wrong(name, "a list")


def integer(value: Any, name: str, least: int = 0) -> int:
    return int(value) if is_whole(value) and value >= least else wrong(name, f"a whole number from {least}")


def text(value: Any, name: str) -> str:
    return value if isinstance(value, str) else wrong(name, "a text")


def boolean(value: Any, name: str, otherwise: bool) -> bool:
    if value is None:
        return otherwise
    return value if isinstance(value, bool) else wrong(name, "true or false")


def number(value: Any, name: str) -> float:
    return value if is_number(value) else wrong(name, "a number")


def octets(value: Any, name: str) -> bytes:
    """Bytes; of a text its UTF-8 (G-11)."""
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else wrong(name, "bytes")


def token(value: Any, name: str) -> str:
    return value if is_token(value) else wrong(name, "1 to 255 printable ASCII characters")


def texts(value: Any, name: str) -> list[str]:
    return [text(item, name) for item in listing(value, name)]


def request_id(it: PlainMap) -> int:
    return integer(it.get("requestId"), "requestId")


def attempt(value: Any) -> int:
    return integer(value, "attempt", 1)


def epoch(it: PlainMap) -> str:
    return token(it.get("epoch"), "epoch")


def client_id(value: Any) -> str:
    return value if is_client_id(value) else wrong("clientId", "16 to 64 base32 characters")


def job_id(value: Any) -> str:
    return value if isinstance(value, str) and parse_job_id(value) else wrong("jobId", "a job id")


def pair(value: Any, name: str) -> tuple[int, int]:
    items = listing(value, name)
    if len(items) != 2:
        wrong(name, "a pair")
    start = integer(items[0], name)
    return (start, integer(items[1], name, start))


def fault(it: PlainMap) -> Fault:
    code = it.get("code")
    job, service = it.get("jobId"), it.get("service")
    return Fault(
        code=str(code) if is_error_code(code) else "E_SERVICE",
        message=text(it.get("message"), "message")[:MESSAGE_CHARS_MAX],
        job_id=job if isinstance(job, str) else None,
        service=service if isinstance(service, str) else None,
        range=None if it.get("range") is None else pair(it["range"], "range"),
    )


def scalars(value: Any) -> dict[str, p.Scalar]:
    """What a report says of the whole range beside its arrays."""
    return {name: _scalar(item, name) for name, item in mapping(value, "scalars").items()}


def _scalar(item: Any, name: str) -> p.Scalar:
    if isinstance(item, dict):
        return p.Stretch(integer(item.get("start"), name), integer(item.get("length"), name))
    return item if item is None or isinstance(item, bool) else number(item, name)


def work(value: Any) -> p.TaskWork:
    it = mapping(value, "work")
    seek = it.get("seekMs")
    return p.TaskWork(
        bytes_read=integer(it.get("bytesRead"), "work.bytesRead"),
        ms=max(0, number(it.get("ms"), "work.ms")),
        seek_ms=None if seek is None else max(0, number(seek, "work.seekMs")),
    )


def _extent(value: Any) -> p.Extent:
    it = {"path": value} if isinstance(value, (str, bytes)) else mapping(value, "extent")
    path = octets(it.get("path"), "path")
    if path[:1] != b"/":
        wrong("path", "absolute")
    if integer(0 if it.get("offset") is None else it["offset"], "offset") != 0:
        wrong("offset", "0, and only whole files are taken yet")
    length = it.get("length")
    return p.Extent(path, 0, None if length is None else integer(length, "length"))


def _input(value: Any) -> tuple[p.Extent, ...]:
    """A list of extents, or, for those who write by hand, a single extent or a bare path."""
    extents = tuple(_extent(item) for item in value) if isinstance(value, list) else (_extent(value),)
    return extents if len(extents) == 1 else wrong("input", "a list of exactly one extent")


def _range(value: Any) -> tuple[int, int | None]:
    if value is None:
        return (0, None)
    items = listing(value, "range")
    if len(items) > 2:
        wrong("range", "a pair")
    start, end = [*items, None, None][:2]
    return (
        0 if start is None else integer(start, "range", -SAFE_INTEGER_MAX),
        None if end is None else integer(end, "range", -SAFE_INTEGER_MAX),
    )


def version(value: Any) -> int | str:
    if isinstance(value, str):
        return value
    return int(value) if is_whole(value) else wrong("version", "a number or text")


def query(service: str, it: PlainMap) -> p.Query:
    inputs = listing(it.get("inputs"), "inputs")
    if not 1 <= len(inputs) <= 2:
        wrong("inputs", "a list of one or two")
    cells, params = it.get("cells"), it.get("params")
    return p.Query(
        service=service,
        inputs=tuple(_input(item) for item in inputs),
        version=None if it.get("version") is None else version(it["version"]),
        range=_range(it.get("range")),
        cells=p.DEFAULT_CELLS if cells is None else integer(cells, "cells", 1),
        snap=boolean(it.get("snap"), "snap", False),
        params={} if params is None else mapping(params, "params"),
        cache=boolean(it.get("cache"), "cache", True),
    )


def _identity(value: Any) -> p.StatIdentity:
    it = mapping(value, "identity")
    return p.StatIdentity(
        dev=text(it.get("dev"), "dev"),
        ino=text(it.get("ino"), "ino"),
        size=integer(it.get("size"), "size"),
        mtime_ns=text(it.get("mtimeNs"), "mtimeNs"),
        ctime_ns=text(it.get("ctimeNs"), "ctimeNs"),
    )


def _task_input(value: Any) -> p.TaskInput:
    it = mapping(value, "input")
    return p.TaskInput(octets(it.get("path"), "path"), _identity(it.get("identity")))


def params(value: Any) -> Mapping[str, ParamValue]:
    it = mapping(value, "params")
    if not all(isinstance(item, (int, float, str)) for item in it.values()):
        wrong("params", "a map of numbers, texts and booleans")
    return it


def task(it: PlainMap) -> p.Task:
    kind, form = it.get("kind"), it.get("form")
    if kind not in ("exact", "sample"):
        wrong("task.kind", "exact or sample")
    if form not in ("summed", "whole"):
        wrong("task.form", "summed or whole")
    inputs = listing(it.get("inputs"), "inputs")
    if not 1 <= len(inputs) <= 2:
        wrong("inputs", "a list of one or two")
    runs = tuple(pair(run, "run") for run in listing(it.get("runs"), "runs"))
    if not runs or (kind == "exact" and len(runs) > 1):
        wrong("runs", "one run, or several of a sample")
    if any(after[0] < before[1] for before, after in itertools.pairwise(runs)):
        wrong("runs", "ascending and apart")
    read_ms_max = it.get("readMsMax")
    return p.Task(
        kind=str(kind),
        inputs=tuple(_task_input(item) for item in inputs),
        runs=runs,
        cell_bytes=integer(it.get("cellBytes"), "cellBytes"),
        form=str(form),
        params=params(it.get("params")),
        read_ms_max=None if read_ms_max is None else number(read_ms_max, "task.readMsMax"),
    )


def input_report(value: Any) -> p.InputReport:
    it = mapping(value, "input")
    hashed = it.get("hash")
    return p.InputReport(
        path=octets(it.get("path"), "path"),
        size=integer(it.get("size"), "size"),
        hash=None if hashed is None else text(hashed, "hash"),
        identity=text(it.get("identity"), "identity"),
    )


def report_work(value: Any) -> p.Work:
    it = mapping(value, "work")
    first = it.get("firstReportMs")
    return p.Work(
        bytes_read=integer(it.get("bytesRead"), "bytesRead"),
        bytes_hashed=integer(it.get("bytesHashed"), "bytesHashed"),
        tasks=integer(it.get("tasks"), "tasks"),
        chunks_cached=integer(it.get("chunksCached"), "chunksCached"),
        chunks_computed=integer(it.get("chunksComputed"), "chunksComputed"),
        first_report_ms=None if first is None else number(first, "firstReportMs"),
        elapsed_ms=number(it.get("elapsedMs"), "elapsedMs"),
    )
