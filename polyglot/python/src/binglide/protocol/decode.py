"""Frames to messages. What does not follow the specification raises Invalid with the reason, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from . import fields as read
from . import frames as f
from . import messages as m
from . import payloads as p
from .codec import Buffer, unpack_map
from .descriptor import descriptor_of
from .errors import Fault, Invalid
from .frames import ClientCommand as C
from .frames import Frames, command_of, header_of
from .frames import WorkerCommand as W
from .ids import is_token
from .npy import Array, decode_npy

T = TypeVar("T")

_ARRAY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,127}")


def decode_to_broker(frames: Frames) -> m.ToBroker:
    """What the broker received, routing id already taken off."""
    header = header_of(frames)
    if header == f.CLIENT:
        return _guarded(frames, _from_client)
    if header == f.WORKER:
        return _guarded(frames, _from_worker)
    if header == f.PLAIN_CLIENT:
        return _guarded(frames, _from_plain_client)
    if header == f.PLAIN_WORKER:
        return _guarded(frames, _from_plain_worker)
    raise Invalid("the first frame is no known header")


def decode_to_client(frames: Frames) -> m.ToClient:
    if header_of(frames) != f.CLIENT:
        raise Invalid("the first frame is not BXMC02")
    return _guarded(frames, _to_client)


def decode_to_plain_client(frames: Frames) -> m.ToPlainClient:
    if header_of(frames) != f.PLAIN_CLIENT:
        raise Invalid("the first frame is not MDPC02")
    return _guarded(frames, _to_plain_client)


def decode_to_worker(frames: Frames) -> m.ToWorker:
    if header_of(frames) != f.WORKER:
        raise Invalid("the first frame is not BXMW02")
    return _guarded(frames, _to_worker)


def decode_to_plain_worker(frames: Frames) -> m.ToPlainWorker:
    if header_of(frames) != f.PLAIN_WORKER:
        raise Invalid("the first frame is not MDPW02")
    return _guarded(frames, _to_plain_worker)


def decode_publication(frames: Frames) -> str | None:
    """The job id of a cancellation off the PUB socket; None for a tick, and for anything else (W-1)."""
    if len(frames) != 2 or bytes(frames[0]) != f.CANCEL_TOPIC:
        return None
    return bytes(frames[1]).decode("utf-8", "replace")


def plain_error(body: Frames) -> Fault | None:
    """The fault in a plain client's FINAL, or None where it is an answer (P-3). Raises Invalid."""
    if len(body) != 2 or bytes(body[0]) != f.PLAIN_ERROR_MARK:
        return None
    return read.fault(unpack_map(body[1]))


def decode_report(frames: Frames) -> p.Report:
    """The body frames of a report, as every client gets them: header map, then arrays. Raises Invalid."""
    it = unpack_map(_frame_at(frames, 0))
    names = _names_of(it, len(frames) - 1)
    arrays: dict[str, Array] = {name: decode_npy(frame) for name, frame in zip(names, frames[1:], strict=True)}
    return p.Report(
        job_id=read.job_id(it.get("jobId")),
        service=read.text(it.get("service"), "service"),
        version=read.version(it.get("version")),
        inputs=tuple(read.input_report(item) for item in read.listing(it.get("inputs"), "inputs")),
        range=read.pair(it.get("range"), "range"),
        completion=read.number(it.get("completion"), "completion"),
        exact=read.boolean(it.get("exact"), "exact", False),
        cell_bytes=read.integer(it.get("cellBytes"), "cellBytes"),
        scalars=read.scalars(it.get("scalars")),
        arrays=arrays,
        work=read.report_work(it.get("work")),
    )


def _guarded(frames: Frames, decode: Callable[[int, Frames], T]) -> T:
    command = command_of(frames)
    try:
        return decode(command, frames)
    except (RecursionError, OverflowError, UnicodeError) as error:  # pragma: no cover - belt and braces
        raise Invalid(str(error)) from None


def _frame_at(frames: Frames, at: int) -> Buffer:
    return frames[at] if at < len(frames) else read.wrong("message", f"of at least {at + 1} frames")


def _exactly(frames: Frames, count: int) -> None:
    if len(frames) != count:
        read.wrong("message", f"of exactly {count} frames")


def _only_map(frames: Frames) -> dict[str, Any]:
    """The header map of a message that is nothing else."""
    _exactly(frames, 3)
    return unpack_map(frames[2])


def _optional_map(frames: Frames) -> dict[str, Any]:
    """A heartbeat or disconnect may carry a header map, which must then be one."""
    if len(frames) > 3:
        read.wrong("message", "of two or three frames")
    return unpack_map(frames[2]) if len(frames) == 3 else {}


def _names_of(it: dict[str, Any], arrays: int) -> list[str]:
    """The header's names of the frames behind it."""
    names = read.texts(it.get("arrays"), "arrays")
    if len(names) != arrays:
        read.wrong("arrays", f"the names of {arrays} frames")
    if len(set(names)) != len(names):
        read.wrong("arrays", "without repeats")
    for at, name in enumerate(names):
        if not _ARRAY_NAME.fullmatch(name):
            read.wrong(f"arrays[{at}]", "a name")
    return names


def _printable(frame: Buffer) -> str:
    name = bytes(frame).decode("latin-1")
    return name if is_token(name) else read.wrong("service", "1 to 255 printable ASCII characters")


def _from_client(command: int, frames: Frames) -> m.FromClient | m.BadRequest:
    if command == C.HELLO:
        return m.Hello(read.client_id(_only_map(frames).get("clientId")))
    if command == C.REQUEST:
        service = _printable(_frame_at(frames, 2))
        it = unpack_map(_frame_at(frames, 3))
        number = read.request_id(it)
        if it.get("raw") is True:
            return m.RawRequest(number, service, tuple(frames[4:]))
        return _request(service, number, it, frames)
    if command == C.CANCEL:
        it = _only_map(frames)
        if it.get("jobId") is not None:
            return m.ClientCancel(job_id=read.text(it["jobId"], "jobId"))
        return m.ClientCancel(request_id=read.request_id(it))
    if command == C.HEARTBEAT:
        seen = _optional_map(frames).get("seen")
        return m.ClientHeartbeat(None if seen is None else read.integer(seen, "seen"))
    if command == C.DISCONNECT:
        _optional_map(frames)
        return m.ClientDisconnect()
    return read.wrong("command", "one that a client sends")


def _request(service: str, number: int, it: dict[str, Any], frames: Frames) -> m.Request | m.BadRequest:
    """What its sender can be told of comes back as BadRequest."""
    try:
        _exactly(frames, 4)
        query = read.query(service, it)
        return m.Request(number, query, None if it.get("jobId") is None else read.job_id(it["jobId"]))
    except Invalid as error:
        return m.BadRequest(number, service, Fault("E_PROTOCOL", str(error)))


def _from_plain_client(command: int, frames: Frames) -> m.PlainRequest:
    if command != C.REQUEST:
        read.wrong("command", "REQUEST, the only one that a client sends")
    _frame_at(frames, 3)
    return m.PlainRequest(_printable(frames[2]), tuple(frames[3:]))


def _from_worker(command: int, frames: Frames) -> m.FromWorker:
    if command == W.READY:
        _exactly(frames, 4)
        service = _printable(frames[2])
        it = unpack_map(frames[3])
        descriptor = descriptor_of(read.mapping(it.get("descriptor"), "descriptor"))
        if descriptor.name != service:
            read.wrong("service", "the descriptor’s name")
        return m.Ready(descriptor, read.token(it.get("slot"), "slot"), read.integer(it.get("credit"), "credit", 1))
    if command == W.FINAL:
        it = unpack_map(_frame_at(frames, 2))
        part = p.PartFrames(tuple(_names_of(it, len(frames) - 3)), tuple(frames[3:]))
        return m.TaskFinal(read.attempt(it.get("attempt")), read.epoch(it), part, read.work(it.get("work")))
    if command == W.ERROR:
        it = _only_map(frames)
        return m.TaskError(read.attempt(it.get("attempt")), read.epoch(it), read.fault(it), read.work(it.get("work")))
    if command == W.HEARTBEAT:
        it = _optional_map(frames)
        if it.get("attempt") is None:
            return m.WorkerHeartbeat()
        return m.WorkerHeartbeat(read.attempt(it["attempt"]), read.integer(it.get("bytesDone"), "bytesDone"))
    if command == W.DISCONNECT:
        _optional_map(frames)
        return m.WorkerDisconnect()
    return read.wrong("command", "one that a worker sends")


def _from_plain_worker(command: int, frames: Frames) -> m.FromPlainWorker:
    if command == W.READY:
        _exactly(frames, 3)
        return m.PlainReady(_printable(frames[2]))
    if command in (W.PARTIAL, W.FINAL):
        address, body = _addressed(frames)
        return m.PlainPartial(address, body) if command == W.PARTIAL else m.PlainFinal(address, body)
    return _plain_sign(command, frames, "one that a worker sends")


def _addressed(frames: Frames) -> tuple[bytes, m.Body]:
    _frame_at(frames, 4)
    if len(frames[3]) != 0:
        read.wrong("fourth frame", "empty")
    return bytes(frames[2]), tuple(frames[4:])


def _plain_sign(command: int, frames: Frames, wanted: str) -> m.PlainHeartbeat | m.PlainDisconnect:
    if command not in (W.HEARTBEAT, W.DISCONNECT):
        read.wrong("command", wanted)
    _exactly(frames, 2)
    return m.PlainHeartbeat() if command == W.HEARTBEAT else m.PlainDisconnect()


def _welcome(frames: Frames) -> m.Welcome:
    it = _only_map(frames)
    limits = read.mapping(it.get("limits"), "limits")
    return m.Welcome(
        heartbeat_ms=read.integer(it.get("heartbeatMs"), "heartbeatMs", 1),
        cancel_endpoint=read.text(it.get("cancelEndpoint"), "cancelEndpoint"),
        epoch=read.epoch(it),
        limits=p.Limits(
            message_bytes_max=read.integer(limits.get("messageBytesMax"), "messageBytesMax"),
            jobs_max=read.integer(limits.get("jobsMax"), "jobsMax"),
        ),
    )


def _to_client(command: int, frames: Frames) -> m.ToClient:
    if command == C.WELCOME:
        return _welcome(frames)
    if command in (C.PARTIAL, C.FINAL):
        service = _printable(_frame_at(frames, 2))
        it = unpack_map(_frame_at(frames, 3))
        number = read.request_id(it)
        if it.get("raw") is True:
            body = tuple(frames[4:])
            return m.RawPartial(number, service, body) if command == C.PARTIAL else m.RawFinal(number, service, body)
        report = decode_report(frames[3:])
        return m.Partial(number, report) if command == C.PARTIAL else m.Final(number, report)
    if command == C.ERROR:
        it = _only_map(frames)
        return m.ErrorMessage(read.request_id(it), read.fault(it))
    if command == C.CANCEL:
        it = _only_map(frames)
        outcome = read.text(it.get("outcome"), "outcome")
        if outcome not in ("cancelled", "ended", "unknown"):
            read.wrong("outcome", "a known one")
        return m.CancelAck(read.text(it.get("jobId"), "jobId"), outcome)
    if command == C.HEARTBEAT:
        _optional_map(frames)
        return m.ClientHeartbeat()
    if command == C.DISCONNECT:
        _optional_map(frames)
        return m.ClientDisconnect()
    return read.wrong("command", "one that a broker sends to a client")


def _to_plain_client(command: int, frames: Frames) -> m.ToPlainClient:
    _frame_at(frames, 3)
    service, body = _printable(frames[2]), tuple(frames[3:])
    if command == C.PARTIAL:
        return m.PlainClientPartial(service, body)
    if command == C.FINAL:
        return m.PlainClientFinal(service, body)
    return read.wrong("command", "one that a broker sends to a client")


def _to_worker(command: int, frames: Frames) -> m.ToWorker:
    if command == W.WELCOME:
        return _welcome(frames)
    if command == W.REQUEST:
        it = unpack_map(_frame_at(frames, 2))
        return m.Assign(
            attempt=read.attempt(it.get("attempt")),
            epoch=read.epoch(it),
            job_id=read.job_id(it.get("jobId")),
            task=_task(read.mapping(it.get("task"), "task"), frames),
        )
    if command == W.CANCEL:
        it = _only_map(frames)
        attempts = read.listing(it.get("attempts"), "attempts")
        waiting = read.boolean(it.get("waiting"), "waiting", False) or None
        return m.WorkerCancel(read.job_id(it.get("jobId")), tuple(read.attempt(item) for item in attempts), waiting)
    if command == W.HEARTBEAT:
        _optional_map(frames)
        return m.WorkerHeartbeat()
    if command == W.DISCONNECT:
        _optional_map(frames)
        return m.WorkerDisconnect()
    return read.wrong("command", "one that a broker sends to a worker")


def _task(it: dict[str, Any], frames: Frames) -> p.Task | p.FinishTask:
    if it.get("kind") != "finish":
        _exactly(frames, 3)
        return read.task(it)
    names = _names_of(it, len(frames) - 3)
    rows = read.integer(it.get("rows"), "task.rows", 1)
    arrays = {name: decode_npy(frame) for name, frame in zip(names, frames[3:], strict=True)}
    for name, array in arrays.items():
        if array.size % rows != 0:
            read.wrong(name, f"{rows} rows of numbers")
    return p.FinishTask(read.params(it.get("params")), rows, arrays)


def _to_plain_worker(command: int, frames: Frames) -> m.ToPlainWorker:
    if command == W.REQUEST:
        return m.PlainAssign(*_addressed(frames))
    return _plain_sign(command, frames, "one that a broker sends to a worker")
