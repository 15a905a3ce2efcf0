"""What a worker's core is told and what it tells its shell to do. Events are past tense, commands imperative.

``run`` numbers the tasks that this core ever started. An attempt's number would not do: a restarted broker counts
attempts from 1 again while the child may still be busy with one of its last life.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.errors import Fault
from ..protocol.messages import FromWorker, ToWorker
from ..protocol.payloads import FinishTask, PartFrames, Task, TaskWork


@dataclass(frozen=True, slots=True)
class Started:
    pass


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the socket that was opened last; None: frames that do not follow the specification."""

    message: ToWorker | None


@dataclass(frozen=True, slots=True)
class CancelPublished:
    """Off the PUB socket, for all workers: most know nothing of the job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class TaskComputed:
    run: int
    part: PartFrames
    work: TaskWork


@dataclass(frozen=True, slots=True)
class TaskFailed:
    run: int
    fault: Fault
    work: TaskWork


@dataclass(frozen=True, slots=True)
class TaskProgressed:
    """Told before each deadline of a busy worker, and whenever the shell likes."""

    run: int
    bytes_done: int


@dataclass(frozen=True, slots=True)
class TaskWaited:
    """The run's child is still loading what it needs: that time is not the task's."""

    run: int


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    pass


@dataclass(frozen=True, slots=True)
class StopRequested:
    pass


WorkerEvent = (
    Started
    | Received
    | CancelPublished
    | TaskComputed
    | TaskFailed
    | TaskProgressed
    | TaskWaited
    | DeadlineReached
    | StopRequested
)


@dataclass(frozen=True, slots=True)
class OpenSocket:
    pass


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """What was sent just before may still leave, if that goes at once."""


@dataclass(frozen=True, slots=True)
class Send:
    message: FromWorker


@dataclass(frozen=True, slots=True)
class Subscribe:
    endpoint: str


@dataclass(frozen=True, slots=True)
class StartTask:
    run: int
    task: Task | FinishTask


@dataclass(frozen=True, slots=True)
class AbortTask:
    """Ask the run to stop; its end is still told."""

    run: int


@dataclass(frozen=True, slots=True)
class ReplaceChild:
    """Give the run up with the child that is busy with it; nothing is told of it any more."""

    run: int


WorkerCommand = OpenSocket | CloseSocket | Send | Subscribe | StartTask | AbortTask | ReplaceChild
