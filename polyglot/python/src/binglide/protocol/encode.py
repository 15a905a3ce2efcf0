"""Messages to frames. Nothing is changed after it was encoded, so that frames may be sent without copying."""

from __future__ import annotations

from dataclasses import fields as slots_of
from typing import Any

from . import frames as f
from . import messages as m
from . import payloads as p
from .codec import Buffer, pack
from .errors import Fault
from .frames import ClientCommand as C
from .frames import WorkerCommand as W
from .frames import envelope
from .npy import encode_npy

_EMPTY = b""


def encode_from_client(message: m.FromClient) -> list[Buffer]:
    if isinstance(message, m.Hello):
        return envelope(f.CLIENT, C.HELLO, pack({"clientId": message.client_id}))
    if isinstance(message, m.Request):
        header = {"requestId": message.request_id, "jobId": message.job_id, **_query_map(message.query)}
        return envelope(f.CLIENT, C.REQUEST, message.query.service, pack(header))
    if isinstance(message, m.RawRequest):
        header = {"requestId": message.request_id, "raw": True}
        return envelope(f.CLIENT, C.REQUEST, message.service, pack(header), *message.body)
    if isinstance(message, m.ClientCancel):
        header = {"jobId": message.job_id, "requestId": message.request_id}
        return envelope(f.CLIENT, C.CANCEL, pack(header))
    if isinstance(message, m.ClientHeartbeat):
        return envelope(f.CLIENT, C.HEARTBEAT, *_optional(seen=message.seen))
    return envelope(f.CLIENT, C.DISCONNECT)


def encode_plain_request(message: m.PlainRequest) -> list[Buffer]:
    return envelope(f.PLAIN_CLIENT, C.REQUEST, message.service, *message.body)


def encode_plain_query(query: p.Query) -> m.PlainRequest:
    """A plain client's request to a service with a descriptor: one msgpack map (P-1)."""
    return m.PlainRequest(query.service, (pack(_query_map(query)),))


def encode_to_client(message: m.ToClient) -> list[Buffer]:
    if isinstance(message, m.Welcome):
        return envelope(f.CLIENT, C.WELCOME, pack(_welcome_map(message)))
    if isinstance(message, (m.Partial, m.Final)):
        command = C.PARTIAL if isinstance(message, m.Partial) else C.FINAL
        return envelope(f.CLIENT, command, message.report.service, *_report_frames(message.request_id, message.report))
    if isinstance(message, (m.RawPartial, m.RawFinal)):
        command = C.PARTIAL if isinstance(message, m.RawPartial) else C.FINAL
        header = {"requestId": message.request_id, "raw": True}
        return envelope(f.CLIENT, command, message.service, pack(header), *message.body)
    if isinstance(message, m.ErrorMessage):
        return envelope(f.CLIENT, C.ERROR, pack({"requestId": message.request_id, **fault_map(message.fault)}))
    if isinstance(message, m.CancelAck):
        return envelope(f.CLIENT, C.CANCEL, pack({"jobId": message.job_id, "outcome": message.outcome}))
    return envelope(f.CLIENT, C.HEARTBEAT if isinstance(message, m.ClientHeartbeat) else C.DISCONNECT)


def encode_to_plain_client(message: m.ToPlainClient) -> list[Buffer]:
    command = C.PARTIAL if isinstance(message, m.PlainClientPartial) else C.FINAL
    return envelope(f.PLAIN_CLIENT, command, message.service, *message.body)


def plain_error_body(fault: Fault) -> tuple[Buffer, ...]:
    """An error to a plain client is a FINAL of two body frames (P-3)."""
    return (f.PLAIN_ERROR_MARK, pack(fault_map(fault)))


def encode_from_worker(message: m.FromWorker) -> list[Buffer]:
    if isinstance(message, m.Ready):
        header = {"descriptor": message.descriptor.map, "slot": message.slot, "credit": message.credit}
        return envelope(f.WORKER, W.READY, message.descriptor.name, pack(header))
    if isinstance(message, m.TaskFinal):
        header = {
            "attempt": message.attempt,
            "epoch": message.epoch,
            "arrays": list(message.part.arrays),
            "work": _work_map(message.work),
        }
        return envelope(f.WORKER, W.FINAL, pack(header), *message.part.frames)
    if isinstance(message, m.TaskError):
        header = {"attempt": message.attempt, "epoch": message.epoch, "work": _work_map(message.work)}
        return envelope(f.WORKER, W.ERROR, pack({**header, **fault_map(message.fault)}))
    if isinstance(message, m.WorkerHeartbeat):
        return envelope(f.WORKER, W.HEARTBEAT, *_optional(attempt=message.attempt, bytesDone=message.bytes_done))
    return envelope(f.WORKER, W.DISCONNECT)


def encode_from_plain_worker(message: m.FromPlainWorker) -> list[Buffer]:
    if isinstance(message, m.PlainReady):
        return envelope(f.PLAIN_WORKER, W.READY, message.service)
    if isinstance(message, (m.PlainPartial, m.PlainFinal)):
        command = W.PARTIAL if isinstance(message, m.PlainPartial) else W.FINAL
        return envelope(f.PLAIN_WORKER, command, message.address, _EMPTY, *message.body)
    return envelope(f.PLAIN_WORKER, W.HEARTBEAT if isinstance(message, m.PlainHeartbeat) else W.DISCONNECT)


def encode_to_worker(message: m.ToWorker) -> list[Buffer]:
    if isinstance(message, m.Welcome):
        return envelope(f.WORKER, W.WELCOME, pack(_welcome_map(message)))
    if isinstance(message, m.Assign):
        task, arrays = _task_map(message.task)
        header = {"attempt": message.attempt, "epoch": message.epoch, "jobId": message.job_id, "task": task}
        return envelope(f.WORKER, W.REQUEST, pack(header), *arrays)
    if isinstance(message, m.WorkerCancel):
        header = {"jobId": message.job_id, "attempts": list(message.attempts), "waiting": message.waiting}
        return envelope(f.WORKER, W.CANCEL, pack(header))
    return envelope(f.WORKER, W.HEARTBEAT if isinstance(message, m.WorkerHeartbeat) else W.DISCONNECT)


def encode_to_plain_worker(message: m.ToPlainWorker) -> list[Buffer]:
    if isinstance(message, m.PlainAssign):
        return envelope(f.PLAIN_WORKER, W.REQUEST, message.address, _EMPTY, *message.body)
    return envelope(f.PLAIN_WORKER, W.HEARTBEAT if isinstance(message, m.PlainHeartbeat) else W.DISCONNECT)


def fault_map(fault: Fault) -> dict[str, Any]:
    return _present(
        code=fault.code, message=fault.message, jobId=fault.job_id, service=fault.service, range=fault.range
    )


def _present(**entries: Any) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if value is not None}


def _optional(**entries: Any) -> list[bytes]:
    """A header map where there is something to say."""
    header = _present(**entries)
    return [pack(header)] if header else []


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _map_of(record: Any) -> dict[str, Any]:
    """A flat dataclass as a map, names as the wire has them."""
    return {_camel(slot.name): getattr(record, slot.name) for slot in slots_of(record)}


def _welcome_map(message: m.Welcome) -> dict[str, Any]:
    return {**_map_of(message), "limits": _map_of(message.limits)}


def _query_map(query: p.Query) -> dict[str, Any]:
    return _present(
        version=query.version,
        inputs=[[_map_of(extent) for extent in extents] for extents in query.inputs],
        range=list(query.range),
        cells=query.cells,
        snap=query.snap,
        params=query.params,
        cache=query.cache,
    )


def _work_map(work: p.TaskWork) -> dict[str, Any]:
    return _present(bytesRead=work.bytes_read, ms=work.ms, seekMs=work.seek_ms)


def _task_map(task: p.Task | p.FinishTask) -> tuple[dict[str, Any], list[bytes]]:
    if isinstance(task, p.FinishTask):
        header = {"kind": "finish", "params": task.params, "rows": task.rows, "arrays": list(task.arrays)}
        return header, [encode_npy(array) for array in task.arrays.values()]
    inputs = [{"path": item.path, "identity": _map_of(item.identity)} for item in task.inputs]
    entries = _present(
        kind=task.kind,
        inputs=inputs,
        runs=[list(run) for run in task.runs],
        cellBytes=task.cell_bytes,
        form=task.form,
        params=task.params,
        readMsMax=task.read_ms_max,
    )
    return entries, []


def _report_frames(request_id: int, report: p.Report) -> list[bytes]:
    """The header map, then the arrays in the order that it names."""
    header = {
        **_map_of(report),
        "requestId": request_id,
        "inputs": [_map_of(item) for item in report.inputs],
        "scalars": {
            name: _map_of(item) if isinstance(item, p.Stretch) else item for name, item in report.scalars.items()
        },
        "arrays": list(report.arrays),
        "work": _map_of(report.work),
    }
    return [pack(header), *(encode_npy(array) for array in report.arrays.values())]
