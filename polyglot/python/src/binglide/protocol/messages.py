"""Every message of both dialects as a frozen dataclass. ``encode.py`` and ``decode.py`` turn them into frames and back.

``ToBroker`` is what the broker receives, ``ToClient`` and ``ToWorker`` what it sends. Paths are bytes, offsets are
exclusive at their end, times are in milliseconds.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .codec import Buffer
from .descriptor import Descriptor
from .errors import Fault
from .npy import Array
from .params import ParamValue

Body = tuple[Buffer, ...]

DEFAULT_CELLS: typing.Final = 1024
#: A partial report with more array bytes (as float64) is acknowledged (C-12).
LARGE_REPORT_BYTES: typing.Final = 256 * 1024
#: States of a cell as they travel in ``cells.state``.
CELL_STATES: typing.Final = ("none", "sampled", "exact")


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of a resource; today a whole file: offset 0, length None or the file's size."""

    path: bytes
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class StatIdentity:
    """What tells two states of a file apart without reading it. Numbers past 2^53-1 are text."""

    dev: str
    ino: str
    size: int
    mtime_ns: str
    ctime_ns: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks of a service with a descriptor.

    ``range``: (start, end) in bytes, negative from the end, end None for the end of the longest input.
    """

    service: str
    inputs: tuple[tuple[Extent, ...], ...]
    version: int | str | None = None
    range: tuple[int, int | None] = (0, None)
    cells: int = DEFAULT_CELLS
    snap: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
    cache: bool = True


@dataclass(frozen=True, slots=True)
class TaskInput:
    path: bytes
    identity: StatIdentity


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker gets. ``exact``: one run; ``sample``: many short ones, ascending, each inside one cell."""

    kind: str
    inputs: tuple[TaskInput, ...]
    #: [start, end) pairs in bytes of the first input.
    runs: tuple[tuple[int, int], ...]
    #: Cells of the part: multiples of this from offset 0; 0: none.
    cell_bytes: int
    form: str
    params: Mapping[str, ParamValue]
    #: A sample that would spend longer on reading, in milliseconds, reads fewer of its runs.
    read_ms_max: float | None = None


@dataclass(frozen=True, slots=True)
class FinishTask:
    """A merged part to finish: ``rows`` rows of each array, the report's cells and, last, the range as a whole."""

    params: Mapping[str, ParamValue]
    rows: int
    #: Read-only, by name: ``n`` and the fields that add up; first axis or numbers in a multiple of ``rows``.
    arrays: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class TaskWork:
    """What a task cost; ``seek_ms``: mean time of a short read elsewhere than where the last one ended."""

    bytes_read: int
    ms: float
    seek_ms: float | None = None


@dataclass(frozen=True, slots=True)
class InputReport:
    path: bytes
    size: int
    #: BLAKE3 of the content in hex; None while unknown.
    hash: str | None
    #: The provisional name made from the file's state.
    identity: str


@dataclass(frozen=True, slots=True)
class Work:
    bytes_read: int
    bytes_hashed: int
    tasks: int
    chunks_cached: int
    chunks_computed: int
    first_report_ms: float | None
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A scalar that is a place: so many bytes from ``start``."""

    start: int
    length: int


Scalar = int | float | bool | None | Stretch


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the header map, and its arrays as read-only views of the frames, ``cells.<name>`` along the cells."""

    job_id: str
    service: str
    version: int | str
    inputs: tuple[InputReport, ...]
    range: tuple[int, int]
    #: Exact bytes by all bytes, 0 to 1.
    completion: float
    exact: bool
    #: Width of the cells in bytes; 0: none.
    cell_bytes: int
    scalars: Mapping[str, Scalar]
    arrays: Mapping[str, Array]
    work: Work

    @property
    def is_large(self) -> bool:
        return sum(array.size * 8 for array in self.arrays.values()) > LARGE_REPORT_BYTES


@dataclass(frozen=True, slots=True)
class Limits:
    message_bytes_max: int
    jobs_max: int


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
class PartFrames:
    """A part as it travels: names, and one array frame each."""

    arrays: tuple[str, ...]
    frames: Body


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
