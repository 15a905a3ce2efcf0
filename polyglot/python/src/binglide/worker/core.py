"""One v2 worker as a pure state machine: one service, one conversation with one broker (section 14.2).

No socket, file, process or clock: ``handle(event, now)`` returns what the shell is to do; times are in milliseconds.
Rules: every attempt of a living conversation is answered exactly once, by FINAL or ERROR. One task runs, the others
wait in order. Nothing is sent after a conversation ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ..protocol.descriptor import Descriptor
from ..protocol.errors import Fault
from ..protocol.liveness import Liveness
from ..protocol.messages import (
    Assign,
    FromWorker,
    Ready,
    TaskError,
    TaskFinal,
    ToWorker,
    Welcome,
    WorkerCancel,
    WorkerDisconnect,
    WorkerHeartbeat,
)
from ..protocol.payloads import TaskWork
from . import events as e
from .options import WorkerOptions
from .state import Aborting, Busy, Child, Conversation, Free, Registered, Resting, Stopped, Unregistered

_NOTHING_DONE: Final = TaskWork(0, 0)
_CANCELLED: Final = ("E_CANCELLED", "the task was cancelled")


class WorkerCore:
    def __init__(self, descriptor: Descriptor, slot: str, options: WorkerOptions | None = None) -> None:
        self._descriptor = descriptor
        self._slot = slot
        self._options = options or WorkerOptions()
        self._conversation: Conversation = Resting(math.inf)
        self._child: Child = Free()
        # Tasks started so far; names the newest one.
        self._runs = 0
        # Conversations that ended before they had lasted an interval, in a row.
        self._failures = 0
        # Filled by one handle, then returned.
        self._commands: list[e.WorkerCommand] = []

    @property
    def state(self) -> str:
        """What the worker does, in one word: resting, unregistered, idle, working or stopped."""
        if isinstance(self._conversation, Registered):
            return "idle" if isinstance(self._child, Free) else "working"
        return type(self._conversation).__name__.lower()

    @property
    def run(self) -> int | None:
        """The run that the child is busy with."""
        return None if isinstance(self._child, Free) else self._child.run

    def handle(self, event: e.WorkerEvent, now: float) -> list[e.WorkerCommand]:
        if not isinstance(self._conversation, Stopped):
            self._dispatch(event, now)
        commands, self._commands = self._commands, []
        return commands

    def next_deadline(self) -> float:
        return min(self._conversation_deadline(), self._child_deadline())

    def validate(self) -> None:
        """What is always true; asserted after every event in tests."""
        held, child = self._held(), self._child
        queue = self._conversation.queue if isinstance(self._conversation, Registered) else []
        assert not queue or not isinstance(child, Free), "nothing waits for a free child"
        is_registered = isinstance(self._conversation, Registered)
        assert not isinstance(child, Busy) or is_registered, "nobody computes without a broker"
        assert not isinstance(child, Aborting) or child.assignment is None or is_registered, "an answer has an asker"
        assert len({item.attempt for item in held}) == len(held), "an attempt is held once"
        assert len(held) <= self._options.held_max, "no more attempts are held than held_max"

    def _dispatch(self, event: e.WorkerEvent, now: float) -> None:
        if isinstance(event, e.Started):
            self._open(now)
        elif isinstance(event, e.Received):
            self._on_received(event.message, now)
        elif isinstance(event, e.CancelPublished):
            self._cancel(lambda held: held.job_id == event.job_id, now)
        elif isinstance(event, (e.TaskComputed, e.TaskFailed)):
            self._on_ended(event, now)
        elif isinstance(event, e.TaskProgressed):
            self._on_progress(event, now)
        elif isinstance(event, e.TaskWaited):
            if isinstance(self._child, Busy) and self._child.run == event.run:
                self._child.progress_at = now
        elif isinstance(event, e.DeadlineReached):
            self._on_deadline(now)
        else:
            self._on_stop(now)

    # --- the conversation

    def _open(self, now: float) -> None:
        self._conversation = Unregistered(Liveness(self._options.heartbeat_ms, now), now)
        self._commands.append(e.OpenSocket())
        self._send(Ready(self._descriptor, self._slot, self._options.credit), now)

    def _on_received(self, message: ToWorker | None, now: float) -> None:
        conversation = self._conversation
        if not isinstance(conversation, (Unregistered, Registered)):
            return
        if message is None:
            self._leave(now)
            return
        conversation.liveness.heard(now)
        if isinstance(message, Welcome):
            if isinstance(conversation, Unregistered):
                self._conversation = Registered(
                    Liveness(message.heartbeat_ms, now), conversation.opened_at, message.limits.message_bytes_max
                )
                self._commands.append(e.Subscribe(message.cancel_endpoint))
        elif isinstance(message, Assign):
            self._on_assigned(message, now)
        elif isinstance(message, WorkerCancel):
            self._cancel(_meant_by(message), now, waiting=bool(message.waiting))
        elif isinstance(message, WorkerDisconnect):
            self._lose(now)

    def _on_assigned(self, assignment: Assign, now: float) -> None:
        held = self._held()
        conversation = self._conversation
        if not isinstance(conversation, Registered) or any(item.attempt == assignment.attempt for item in held):
            self._leave(now)
        elif len(held) >= self._options.held_max:
            busy = Fault("E_BUSY", f"a worker holds {len(held)} attempts already")
            self._answer_error(assignment, busy, now)
        else:
            conversation.queue.append(assignment)
            self._start_next(now)

    def _leave(self, now: float) -> None:
        """The broker does not follow the specification: say so and begin anew."""
        self._send(WorkerDisconnect(), now)
        self._lose(now)

    def _lose(self, now: float) -> None:
        """The conversation is over, its work dropped. The next begins at once, or later where they keep ending."""
        conversation = self._conversation
        assert isinstance(conversation, (Unregistered, Registered)), "only a conversation is lost"
        lasted = now - conversation.opened_at >= conversation.liveness.interval_ms
        self._failures = 0 if lasted else self._failures + 1
        self._drop_work(now)
        self._commands.append(e.CloseSocket())
        options = self._options
        rest = 0.0
        if self._failures >= 2:
            rest = min(options.reconnect_max_ms, options.reconnect_min_ms * 2.0 ** min(64, self._failures - 2))
        if rest == 0:
            self._open(now)
        else:
            self._conversation = Resting(now + rest)

    def _on_stop(self, now: float) -> None:
        is_open = not isinstance(self._conversation, Resting)
        self._drop_work(now)
        if is_open:
            self._send(WorkerDisconnect(), now)
            self._commands.append(e.CloseSocket())
        self._conversation = Stopped()

    def _send(self, message: FromWorker, now: float) -> None:
        conversation = self._conversation
        assert isinstance(conversation, (Unregistered, Registered)), "a message has a socket to go by"
        conversation.liveness.spoke(now)
        self._commands.append(e.Send(message))

    def _answer_error(self, assignment: Assign, fault: Fault, now: float, work: TaskWork = _NOTHING_DONE) -> None:
        named = Fault(fault.code, fault.message, fault.job_id, fault.service or self._descriptor.name, fault.range)
        self._send(TaskError(assignment.attempt, assignment.epoch, named, work), now)

    # --- the child

    def _held(self) -> list[Assign]:
        running = None if isinstance(self._child, Free) else self._child.assignment
        queue = self._conversation.queue if isinstance(self._conversation, Registered) else []
        return list(queue) if running is None else [running, *queue]

    def _start_next(self, now: float) -> None:
        conversation = self._conversation
        if not isinstance(conversation, Registered) or not isinstance(self._child, Free) or not conversation.queue:
            return
        assignment = conversation.queue.pop(0)
        self._runs += 1
        self._child = Busy(self._runs, assignment, 0, now)
        self._commands.append(e.StartTask(self._runs, assignment.task))

    def _on_ended(self, event: e.TaskComputed | e.TaskFailed, now: float) -> None:
        """Results of replaced children and of earlier runs fall through; one that overtook its cancellation is sent."""
        child = self._child
        if isinstance(child, Free) or child.run != event.run:
            return
        self._child = Free()
        if child.assignment is not None:
            fault = event.fault if isinstance(event, e.TaskFailed) else self._too_long(event)
            if fault is not None:
                self._answer_error(child.assignment, fault, now, event.work)
            elif isinstance(event, e.TaskComputed):
                attempt, epoch = child.assignment.attempt, child.assignment.epoch
                self._send(TaskFinal(attempt, epoch, event.part, event.work), now)
        self._start_next(now)

    def _too_long(self, event: e.TaskComputed) -> Fault | None:
        """What the broker would not take is an error that it understands."""
        size = sum(len(frame) for frame in event.part.frames)
        conversation = self._conversation
        if not isinstance(conversation, Registered) or size <= conversation.message_bytes_max:
            return None
        most = conversation.message_bytes_max
        return Fault("E_CELLS", f"a part of {size} bytes is longer than the broker takes, {most}")

    def _on_progress(self, event: e.TaskProgressed, now: float) -> None:
        child = self._child
        if isinstance(child, Busy) and child.run == event.run and event.bytes_done > child.bytes_done:
            child.bytes_done = event.bytes_done
            child.progress_at = now

    def _cancel(self, is_meant: Callable[[Assign], bool], now: float, waiting: bool = False) -> None:
        """``waiting``: what runs goes on."""
        conversation = self._conversation
        if not isinstance(conversation, Registered):
            return
        meant = [held for held in conversation.queue if is_meant(held)]
        conversation.queue = [held for held in conversation.queue if not is_meant(held)]
        for held in meant:
            self._answer_error(held, Fault(*_CANCELLED), now)
        if not waiting and isinstance(self._child, Busy) and is_meant(self._child.assignment):
            self._abort(self._child.assignment, now)

    def _drop_work(self, now: float) -> None:
        """Everything of this conversation: nobody is left to answer."""
        if isinstance(self._conversation, Registered):
            self._conversation.queue = []
        if isinstance(self._child, Busy):
            self._abort(None, now)
        elif isinstance(self._child, Aborting):
            self._child.assignment = None

    def _abort(self, assignment: Assign | None, now: float) -> None:
        child = self._child
        assert isinstance(child, Busy), "only what runs is aborted"
        self._child = Aborting(child.run, assignment, child.bytes_done, now + self._options.cancel_grace_ms)
        self._commands.append(e.AbortTask(child.run))

    def _replace(self, fault: Fault, ms: float, now: float) -> None:
        child = self._child
        assert not isinstance(child, Free), "only a busy child is replaced"
        self._commands.append(e.ReplaceChild(child.run))
        self._child = Free()
        if child.assignment is not None:
            self._answer_error(child.assignment, fault, now, TaskWork(child.bytes_done, ms))
        self._start_next(now)

    # --- time

    def _conversation_deadline(self) -> float:
        conversation = self._conversation
        if isinstance(conversation, Resting):
            return conversation.until
        return math.inf if isinstance(conversation, Stopped) else conversation.liveness.deadline()

    def _child_deadline(self) -> float:
        child = self._child
        if isinstance(child, Free) or isinstance(self._conversation, Stopped):
            return math.inf
        return child.until if isinstance(child, Aborting) else child.progress_at + self._options.task_stall_ms

    def _on_deadline(self, now: float) -> None:
        if now >= self._child_deadline():
            self._on_child_late(now)
        conversation = self._conversation
        if isinstance(conversation, Resting):
            if now >= conversation.until:
                self._open(now)
        elif not isinstance(conversation, Stopped):
            if conversation.liveness.is_late(now):
                self._lose(now)
            elif conversation.liveness.beat_is_due(now):
                self._beat(now)

    def _on_child_late(self, now: float) -> None:
        child, options = self._child, self._options
        if isinstance(child, Busy):
            ms = options.task_stall_ms
            text = (
                f"{self._descriptor.name} made no progress for {ms / 1000:g} s after {child.bytes_done} bytes; "
                "its loops are to call task.check()"
            )
            self._replace(Fault("E_STALLED", text), ms, now)
        else:
            self._replace(Fault(*_CANCELLED), options.cancel_grace_ms, now)

    def _beat(self, now: float) -> None:
        child = self._child
        if isinstance(child, Free) or child.assignment is None:
            self._send(WorkerHeartbeat(), now)
        else:
            self._send(WorkerHeartbeat(child.assignment.attempt, child.bytes_done), now)


def _meant_by(message: WorkerCancel) -> Callable[[Assign], bool]:
    if message.attempts:
        return lambda held: held.attempt in message.attempts
    return lambda held: held.job_id == message.job_id
