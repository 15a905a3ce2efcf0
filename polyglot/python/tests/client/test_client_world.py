"""Seeded worlds for the client's core: whatever happens in whatever order, its invariants hold, every job ends exactly
once, nothing follows an end, and what was shown never falls."""

from __future__ import annotations

import random

import pytest
from client_fakes import report_of

from binglide.client import events as ev
from binglide.client.core import ClientCore, ClientCoreOptions
from binglide.protocol.errors import Fault
from binglide.protocol.ids import job_id_of
from binglide.protocol.messages import (
    CancelAck,
    ClientDisconnect,
    ClientHeartbeat,
    ErrorMessage,
    Final,
    Hello,
    Partial,
    RawFinal,
    RawPartial,
    ToClient,
    Welcome,
)
from binglide.protocol.payloads import Limits, Query

ME = "abcdefghijklmnopqrstuvwx23"
OTHER = "26:zyxwvutsrqponmlkjihgfedc327"
STEPS = 400


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.core = ClientCore(ClientCoreOptions(ME, "ipc://x", connect_ms=1500, broker_lost_ms=5000))
        self.now = 0.0
        self.asked = 0
        self.shown: dict[int, float] = {}
        self.ended: set[int] = set()
        self.waiting: set[str] = set()
        self.greeted = False
        self.welcomed = False

    def feed(self, event: ev.ClientEvent) -> None:
        commands = self.core.handle(event, self.now)
        self.core.validate()
        for command in commands:
            self.check(command)

    def check(self, command: ev.ClientCommand) -> None:
        if isinstance(command, ev.ReopenSocket):
            self.greeted = self.welcomed = False
        elif isinstance(command, ev.Send):
            is_hello = isinstance(command.message, Hello)
            assert is_hello != self.greeted, "HELLO is the first message on a socket, and the only HELLO"
            assert is_hello or self.welcomed, "nothing else before WELCOME"
            self.greeted = True
        elif isinstance(command, (ev.DeliverReport, ev.DeliverRaw)):
            assert command.request_id not in self.ended
            if isinstance(command, ev.DeliverReport):
                assert command.report.completion >= self.shown.get(command.request_id, 0)
                self.shown[command.request_id] = command.report.completion
        elif isinstance(command, (ev.ResolveFinal, ev.ResolveRaw, ev.RejectJob)):
            assert command.request_id not in self.ended, "a job ends once"
            self.ended.add(command.request_id)
        elif isinstance(command, (ev.ResolveCancel, ev.RejectCancel)):
            self.waiting.discard(command.job_id)

    def some_event(self) -> ev.ClientEvent:
        pick = self.random
        number = pick.randint(1, self.asked + 1)
        job_id = pick.choice([job_id_of(ME, number), OTHER])
        report = report_of(number, ME, pick.choice([0, 0.25, 0.5, 0.75]), numbers=1)
        kind = pick.randrange(14)
        if kind < 3:
            self.asked += 1
            asks: list[ev.Ask] = [ev.QueryAsk(Query("ENT", ())), ev.RawAsk("echo", (b"x" * pick.randint(0, 12),))]
            return ev.Requested(self.asked, pick.choice(asks))
        if kind == 3:
            self.waiting.add(job_id)
            return ev.Cancelled(job_id)
        if kind == 4:
            faults: list[ev.ClientEvent] = [
                ev.SocketLost(),
                ev.InvalidReceived("bad"),
                ev.MessageReceived(ClientDisconnect()),
            ]
            return pick.choice(faults)
        if kind < 8:
            self.welcomed = True
            epoch = pick.choice(["one", "two"])
            return ev.MessageReceived(Welcome(1000, "ipc://pub", epoch, Limits(10, 10)))
        answers: list[ToClient] = [
            Partial(number, report),
            Partial(number, report),
            RawPartial(number, "echo", ()),
            Final(number, report),
            RawFinal(number, "echo", ()),
            ErrorMessage(number, Fault("E_IO", "no")),
            CancelAck(job_id, pick.choice(["cancelled", "ended", "unknown"])),
            ClientHeartbeat(),
        ]
        return ev.MessageReceived(pick.choice(answers))

    def step(self) -> None:
        self.now += self.random.choice([0, 1, 50, 400])
        if self.now >= self.core.next_deadline():
            self.feed(ev.DeadlineReached())
        # A peer may say WELCOME before HELLO was said; the socket that is there then is the one that counts.
        self.feed(self.some_event())


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_every_job_ends_once(seed: int) -> None:
    world = World(seed)
    world.feed(ev.Started())
    for _ in range(STEPS):
        world.step()
    # Faults are over, and so is the broker: everything must end by itself.
    world.feed(ev.SocketLost())
    for _ in range(200):
        at = world.core.next_deadline()
        if world.core.open_jobs == 0 and not world.waiting:
            break
        world.now = max(world.now, at)
        world.feed(ev.DeadlineReached())
    assert world.asked > 0 and world.ended == set(range(1, world.asked + 1))
    assert world.waiting == set()
