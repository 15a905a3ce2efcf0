"""Every message of both dialects as a frozen dataclass. ``encode.py`` and ``decode.py`` turn them into frames and back.

``ToBroker`` is what the broker receives, ``ToClient`` and ``ToWorker`` what it sends. Paths are bytes, offsets are
exclusive at their end, times are in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .codec import Buffer
from .descriptor import Descriptor
from .errors import Fault
from .payloads import FinishTask, Limits, PartFrames, Query, Report, Task, TaskWork

Body = tuple[Buffer, ...]


@dataclass(frozen=True, slots=True)
class Welcome:
    heartbeat_ms: int
    #: Where cancellations are published; workers subscribe to it.
    cancel_endpoint: str
    epoch: str
    limits: Limits


# --- from v2 and plain clients


@dataclass(frozen=True, slots=True)
class Hello:
    client_id: str


@dataclass(frozen=True, slots=True)
class Request:
    request_id: int
    query: Query
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RawRequest:
    """For a service without descriptor, or one of the broker's own: routed whole."""

    request_id: int
    service: str
    body: Body = ()


@dataclass(frozen=True, slots=True)
class ClientCancel:
    """By job id, or by the sender's own request."""

    job_id: str | None = None
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class ClientHeartbeat:
    #: From a client: a large report of that request has arrived.
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class ClientDisconnect:
    pass


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A REQUEST that names itself but asks for nothing that can be understood: its client is told."""

    request_id: int
    service: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class PlainRequest:
    service: str
    body: Body


# --- to v2 and plain clients


@dataclass(frozen=True, slots=True)
class Partial:
    request_id: int
    report: Report


@dataclass(frozen=True, slots=True)
class Final:
    request_id: int
    report: Report


@dataclass(frozen=True, slots=True)
class RawPartial:
    request_id: int
    service: str
    body: Body


@dataclass(frozen=True, slots=True)
class RawFinal:
    request_id: int
    service: str
    body: Body


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    request_id: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class CancelAck:
    """``outcome``: cancelled, ended or unknown."""

    job_id: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PlainClientPartial:
    service: str
    body: Body


@dataclass(frozen=True, slots=True)
class PlainClientFinal:
    """An error is one whose first body frame is PLAIN_ERROR_MARK (see decode.plain_error)."""

    service: str
    body: Body


# --- from v2 and plain workers


@dataclass(frozen=True, slots=True)
class Ready:
    descriptor: Descriptor
    slot: str
    credit: int


@dataclass(frozen=True, slots=True)
class TaskFinal:
    attempt: int
    epoch: str
    part: PartFrames
    work: TaskWork


@dataclass(frozen=True, slots=True)
class TaskError:
    attempt: int
    epoch: str
    fault: Fault
    work: TaskWork


@dataclass(frozen=True, slots=True)
class WorkerHeartbeat:
    attempt: int | None = None
    bytes_done: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerDisconnect:
    pass


@dataclass(frozen=True, slots=True)
class PlainReady:
    service: str


@dataclass(frozen=True, slots=True)
class PlainPartial:
    address: bytes
    body: Body


@dataclass(frozen=True, slots=True)
class PlainFinal:
    address: bytes
    body: Body


@dataclass(frozen=True, slots=True)
class PlainHeartbeat:
    pass


@dataclass(frozen=True, slots=True)
class PlainDisconnect:
    pass


# --- to v2 and plain workers


@dataclass(frozen=True, slots=True)
class Assign:
    attempt: int
    epoch: str
    job_id: str
    task: Task | FinishTask


@dataclass(frozen=True, slots=True)
class WorkerCancel:
    """An empty list of attempts means all of the job; ``waiting``: only what has not begun."""

    job_id: str
    attempts: tuple[int, ...]
    waiting: bool | None = None


@dataclass(frozen=True, slots=True)
class PlainAssign:
    """``address`` stands for the attempt: opaque, to be echoed."""

    address: bytes
    body: Body


FromClient = Hello | Request | RawRequest | ClientCancel | ClientHeartbeat | ClientDisconnect
FromWorker = Ready | TaskFinal | TaskError | WorkerHeartbeat | WorkerDisconnect
FromPlainWorker = PlainReady | PlainPartial | PlainFinal | PlainHeartbeat | PlainDisconnect
ToBroker = FromClient | BadRequest | FromWorker | PlainRequest | FromPlainWorker
ToClient = (
    Welcome | Partial | Final | RawPartial | RawFinal | ErrorMessage | CancelAck | ClientHeartbeat | ClientDisconnect
)
ToPlainClient = PlainClientPartial | PlainClientFinal
ToWorker = Welcome | Assign | WorkerCancel | WorkerHeartbeat | WorkerDisconnect
ToPlainWorker = PlainAssign | PlainHeartbeat | PlainDisconnect
