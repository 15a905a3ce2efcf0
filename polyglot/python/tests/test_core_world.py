"""A seeded world around the worker's core: a broker that does anything, a child that does anything, in any order.

The same seed makes the same trace. What is watched: each attempt of a living conversation is answered once and no more,
nothing is sent on a socket that is closed, and when the faults end everything is answered.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
from test_core import DESCRIPTOR, JOB, NOTHING, OTHER, TASK, WELCOME

from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.errors import Fault
from binglide.worker import events as e
from binglide.worker.core import WorkerCore
from binglide.worker.options import WorkerOptions


def computed(run: int, attempt: int) -> e.TaskComputed:
    """A part that says which attempt it is of."""
    return e.TaskComputed(run, p.PartFrames((f"a{attempt}",), (b"",)), NOTHING)


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.core = WorkerCore(DESCRIPTOR, "slot", WorkerOptions(credit=2, held_max=3, task_stall_ms=900))
        self.now = 0.0
        self.attempt = 0
        self.is_open = self.is_welcome = False
        #: Attempts that the living conversation owes an answer.
        self.owed: set[int] = set()
        self.answered = 0
        #: Runs that the child may still end, with the attempt that each is for; and those whose child was replaced.
        self.runs: dict[int, int] = {}
        self.late: dict[int, int] = {}
        self.trace: list[str] = []
        self.tell(e.Started())

    def tell(self, event: e.WorkerEvent) -> None:
        self.trace.append(type(event).__name__)
        for command in self.core.handle(event, self.now):
            self.obey(command)
        self.core.validate()

    def obey(self, command: e.WorkerCommand) -> None:
        self.trace.append(f" {type(command).__name__}")
        if isinstance(command, e.OpenSocket):
            assert not self.is_open, "one socket at a time"
            self.is_open = True
        elif isinstance(command, e.CloseSocket):
            assert self.is_open
            self.is_open = self.is_welcome = False
            self.owed.clear()
        elif isinstance(command, e.Send):
            self.hear(command.message)
        elif isinstance(command, e.StartTask):
            assert self.core.run == command.run
            assert isinstance(command.task, p.Task)
            self.runs[command.run] = int(command.task.read_ms_max or 0)
        elif isinstance(command, e.ReplaceChild):
            self.late[command.run] = self.runs.pop(command.run)

    def hear(self, message: Any) -> None:
        assert self.is_open, "nothing is sent on a closed socket"
        if isinstance(message, (m.TaskFinal, m.TaskError)):
            assert message.attempt in self.owed, "an attempt is answered once, and only while it is owed"
            self.owed.remove(message.attempt)
            self.answered += 1
        if isinstance(message, m.TaskFinal):
            assert message.part.arrays == (f"a{message.attempt}",), "an attempt is answered with its own part"

    def step(self) -> None:
        acts = [self.pass_time, self.pass_time, self.end_run, self.progress, self.broker_says, self.broker_says]
        self.random.choice(acts)()

    def pass_time(self) -> None:
        self.now += self.random.choice([1, 30, 120, 400])
        if self.random.random() < 0.1:
            self.now += 6000
        while self.core.next_deadline() <= self.now:
            self.tell(e.DeadlineReached())

    def end_run(self) -> None:
        held = self.late if self.late and self.random.random() < 0.3 else self.runs
        if held:
            run = self.random.choice(list(held))
            attempt = held.pop(run)
            failed = e.TaskFailed(run, Fault("E_SERVICE", "failed"), NOTHING)
            self.tell(self.random.choice([computed(run, attempt), failed]))

    def progress(self) -> None:
        if self.runs:
            self.tell(e.TaskProgressed(max(self.runs), self.random.randrange(9)))

    def broker_says(self) -> None:
        if not self.is_open:
            return
        if not self.is_welcome:
            self.is_welcome = True
            self.tell(e.Received(WELCOME))
            return
        kind = self.random.random()
        job = self.random.choice([JOB, OTHER])
        if kind < 0.6:
            self.attempt += 1
            self.owed.add(self.attempt)
            task = dataclasses.replace(TASK, read_ms_max=float(self.attempt))
            self.tell(e.Received(m.Assign(self.attempt, "epoch", job, task)))
        elif kind < 0.7:
            self.tell(e.Received(m.WorkerCancel(job, tuple(sorted(self.owed)[:1]))))
        elif kind < 0.8:
            self.tell(e.CancelPublished(job))
        elif kind < 0.95:
            self.tell(e.Received(m.WorkerHeartbeat()))
        else:
            self.tell(e.Received(self.random.choice([None, m.WorkerDisconnect()])))


@pytest.mark.parametrize("seed", range(40))
def test_every_attempt_is_answered_once_whatever_happens(seed: int) -> None:
    world = World(seed)
    for _ in range(400):
        world.step()
    # The faults end: the broker lives, and the child is done with what it has.
    for _ in range(20):
        world.now += 200
        while world.core.next_deadline() <= world.now:
            world.tell(e.DeadlineReached())
        if world.is_open:
            world.tell(e.Received(m.WorkerHeartbeat() if world.is_welcome else WELCOME))
            world.is_welcome = True
        for run in list(world.runs):
            world.tell(computed(run, world.runs.pop(run)))
    assert not world.owed
    assert world.core.state == "idle"
    assert world.answered > 20


def test_the_same_seed_makes_the_same_trace() -> None:
    first, second = World(3), World(3)
    for world in (first, second):
        for _ in range(200):
            world.step()
    assert first.trace == second.trace
    assert len(first.trace) > 200
