"""Stories of the worker's core: events in, the whole command list out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.descriptor import descriptor_of
from binglide.protocol.errors import BinglideError, Fault
from binglide.worker import events as e
from binglide.worker.core import WorkerCore
from binglide.worker.options import WorkerOptions

DESCRIPTOR = descriptor_of(
    {
        "name": "SUM",
        "version": 1,
        "inputs": 1,
        "help": "",
        "params": [],
        "overlap": 0,
        "cached": True,
        "fields": [{"name": "total", "dtype": "u8", "merge": "sum", "cells": False}],
        "report": [],
    }
)
JOB, OTHER = "16:aaaaaaaaaaaaaaaa1", "16:aaaaaaaaaaaaaaaa2"
TASK = p.Task("exact", (p.TaskInput(b"/f", p.StatIdentity("1", "2", 9, "3", "4")),), ((0, 9),), 0, "summed", {})
WELCOME = m.Welcome(1000, "ipc:///c", "epoch", p.Limits(100, 1000))
READY = e.Send(m.Ready(DESCRIPTOR, "slot", 2))
CANCELLED = Fault("E_CANCELLED", "the task was cancelled", service="SUM")
NOTHING = p.TaskWork(0, 0)
WORK = p.TaskWork(9, 2.5)


class Story:
    """A core that is told things at given times, and is checked after each."""

    def __init__(self, **options: Any) -> None:
        self.core = WorkerCore(DESCRIPTOR, "slot", WorkerOptions(**{"credit": 2, "held_max": 3, **options}))

    def at(self, now: float, event: Any) -> list[Any]:
        commands = self.core.handle(event, now)
        self.core.validate()
        return list(commands)

    def hear(self, now: float, message: Any) -> list[Any]:
        return self.at(now, e.Received(message))

    def welcomed(self) -> Story:
        self.at(0, e.Started())
        self.hear(1, WELCOME)
        return self

    def given(self, *attempts: int, job: str = JOB) -> Story:
        for attempt in attempts:
            self.hear(2, assign(attempt, job))
        return self


def assign(attempt: int, job: str = JOB) -> m.Assign:
    return m.Assign(attempt, "epoch", job, TASK)


def error(attempt: int, fault: Fault, work: p.TaskWork = NOTHING) -> e.Send:
    return e.Send(m.TaskError(attempt, "epoch", fault, work))


def part(size: int) -> p.PartFrames:
    return p.PartFrames(("total",), (bytes(size),))


def test_a_worker_says_ready_once_and_works_after_the_welcome() -> None:
    story = Story()
    assert story.core.next_deadline() == math.inf
    assert story.at(0, e.Started()) == [e.OpenSocket(), READY]
    assert story.core.state == "unregistered"
    assert story.hear(5, WELCOME) == [e.Subscribe("ipc:///c")]
    assert story.hear(6, WELCOME) == []
    assert story.hear(7, assign(1)) == [e.StartTask(1, TASK)]
    assert story.hear(8, assign(2)) == []
    assert story.at(9, e.TaskComputed(1, part(10), WORK)) == [
        e.Send(m.TaskFinal(1, "epoch", part(10), WORK)),
        e.StartTask(2, TASK),
    ]
    failed = Fault("E_SERVICE", "SUM failed", service="SUM")
    assert story.at(10, e.TaskFailed(2, failed, WORK)) == [error(2, failed, WORK)]
    assert story.core.state == "idle"


def test_a_task_before_the_welcome_ends_the_conversation() -> None:
    story = Story()
    story.at(0, e.Started())
    leave = [e.Send(m.WorkerDisconnect()), e.CloseSocket()]
    assert story.hear(5, assign(1)) == [*leave, e.OpenSocket(), READY]
    assert story.hear(6, None) == leave
    assert story.core.state == "resting"
    assert story.core.next_deadline() == 56
    assert story.at(56, e.DeadlineReached()) == [e.OpenSocket(), READY]


def test_conversations_that_keep_ending_begin_later_each_time_up_to_a_limit() -> None:
    story = Story(reconnect_min_ms=50, reconnect_max_ms=150)
    now, waits = 0.0, []
    story.at(now, e.Started())
    for _ in range(5):
        story.hear(now, m.WorkerDisconnect())
        waits.append(max(0.0, story.core.next_deadline() - now) if story.core.state == "resting" else 0.0)
        now += waits[-1]
        story.at(now, e.DeadlineReached())
    assert waits == [0, 50, 100, 150, 150]
    story.hear(now + 1000, m.WorkerDisconnect())
    assert story.core.state == "unregistered"


def test_the_same_attempt_twice_ends_the_conversation_and_its_work() -> None:
    story = Story().welcomed().given(1)
    assert story.hear(3, assign(1)) == [
        e.Send(m.WorkerDisconnect()),
        e.AbortTask(1),
        e.CloseSocket(),
        e.OpenSocket(),
        READY,
    ]
    assert story.at(4, e.TaskComputed(1, part(1), WORK)) == []


def test_more_than_held_max_is_answered_busy() -> None:
    story = Story().welcomed().given(1, 2, 3)
    busy = Fault("E_BUSY", "a worker holds 3 attempts already", service="SUM")
    assert story.hear(3, assign(4)) == [error(4, busy)]


def test_a_cancelled_job_ends_what_waits_at_once_and_what_runs_when_it_has_stopped() -> None:
    story = Story().welcomed().given(1, 2)
    story.given(3, job=OTHER)
    assert story.at(5, e.CancelPublished(JOB)) == [error(2, CANCELLED), e.AbortTask(1)]
    assert story.hear(6, m.WorkerCancel(JOB, ())) == []
    stopped = e.TaskFailed(1, CANCELLED, WORK)
    assert story.at(7, stopped) == [error(1, CANCELLED, WORK), e.StartTask(2, TASK)]
    assert story.hear(8, m.WorkerCancel(OTHER, (9,))) == []
    assert story.at(9, e.CancelPublished("16:aaaaaaaaaaaaaaaa9")) == []


def test_what_waits_is_given_back_and_what_runs_goes_on_where_that_is_asked() -> None:
    story = Story().welcomed().given(1, 2)
    assert story.hear(5, m.WorkerCancel(JOB, (1, 2), True)) == [error(2, CANCELLED)]
    assert story.at(6, e.TaskComputed(1, part(1), WORK)) == [e.Send(m.TaskFinal(1, "epoch", part(1), WORK))]


def test_a_final_that_overtook_its_cancellation_is_sent() -> None:
    story = Story().welcomed().given(1)
    assert story.hear(3, m.WorkerCancel(JOB, (1,))) == [e.AbortTask(1)]
    assert story.at(4, e.TaskComputed(1, part(1), WORK)) == [e.Send(m.TaskFinal(1, "epoch", part(1), WORK))]


def test_compute_that_does_not_stop_loses_its_child_and_the_next_task_starts() -> None:
    story = Story().welcomed().given(1)
    story.given(2, job=OTHER)
    story.at(3, e.TaskProgressed(1, 4))
    story.at(10, e.CancelPublished(JOB))
    assert story.core.next_deadline() == 110
    assert story.at(110, e.DeadlineReached()) == [
        e.ReplaceChild(1),
        error(1, CANCELLED, p.TaskWork(4, 100)),
        e.StartTask(2, TASK),
    ]
    assert story.at(111, e.TaskComputed(1, part(1), WORK)) == []


def test_a_task_without_progress_is_stalled() -> None:
    story = Story(task_stall_ms=500).welcomed().given(1)
    story.at(300, e.TaskProgressed(1, 4))
    assert story.at(502, e.DeadlineReached()) == []
    told = "SUM made no progress for 0.5 s after 4 bytes; its loops are to call task.check()"
    stalled = Fault("E_STALLED", told, service="SUM")
    assert story.at(800, e.DeadlineReached()) == [e.ReplaceChild(1), error(1, stalled, p.TaskWork(4, 500))]


def test_what_its_child_takes_to_load_is_not_the_tasks_time() -> None:
    story = Story(task_stall_ms=500).welcomed().given(1)
    story.at(502, e.TaskWaited(1))
    assert story.at(502, e.DeadlineReached()) == []
    assert story.core.next_deadline() == 1001
    assert story.at(1002, e.DeadlineReached())[0] == e.ReplaceChild(1)


def test_heartbeats_say_how_far_the_task_is_and_only_fill_silence() -> None:
    story = Story().welcomed()
    assert story.at(1001, e.DeadlineReached()) == [e.Send(m.WorkerHeartbeat())]
    story.given(1)
    story.hear(1500, m.WorkerHeartbeat())
    story.at(2000, e.TaskProgressed(1, 4))
    assert story.at(2001, e.DeadlineReached()) == [e.Send(m.WorkerHeartbeat(1, 4))]
    story.at(2500, e.TaskComputed(1, part(1), WORK))
    assert story.at(3001, e.DeadlineReached()) == []


def test_a_silent_broker_is_left_with_its_work() -> None:
    story = Story(task_stall_ms=100_000).welcomed().given(1, 2)
    assert story.at(5002, e.DeadlineReached()) == [e.AbortTask(1), e.CloseSocket(), e.OpenSocket(), READY]
    story.hear(5003, WELCOME)
    assert story.hear(5004, assign(1)) == []
    assert story.at(5005, e.TaskFailed(1, CANCELLED, WORK)) == [e.StartTask(2, TASK)]


def test_a_part_longer_than_the_broker_takes_is_an_error_that_says_so() -> None:
    story = Story().welcomed().given(1)
    long = Fault("E_CELLS", "a part of 101 bytes is longer than the broker takes, 100", service="SUM")
    assert story.at(3, e.TaskComputed(1, part(101), WORK)) == [error(1, long, WORK)]


def test_a_stopped_worker_takes_leave_and_does_nothing_more() -> None:
    story = Story().welcomed().given(1)
    assert story.at(3, e.StopRequested()) == [e.AbortTask(1), e.Send(m.WorkerDisconnect()), e.CloseSocket()]
    assert story.hear(4, assign(2)) == []
    assert story.at(9999, e.DeadlineReached()) == []
    assert story.core.next_deadline() == math.inf


@pytest.mark.parametrize("bad", [{"credit": 0}, {"held_max": 1}, {"heartbeat_ms": -1}, {"reconnect_max_ms": 1}])
def test_options_are_checked_by_name(bad: dict[str, int]) -> None:
    with pytest.raises(BinglideError, match=next(iter(bad))) as caught:
        Story(**bad)
    assert caught.value.code == "E_USAGE"
