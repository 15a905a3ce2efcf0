"""The client's side of a conversation with a broker: no socket, clock or random number in here. This file owns the
conversation, ledger.py what is wanted of it.

Rules:
- HELLO is the first message on every socket and the only one before WELCOME.
- A conversation ends by DISCONNECT, by a broker that is late, by a broken connection, or by a WELCOME of another broker
  life. A new socket follows, at most one every REOPEN_GAP_MS, and everything unfinished is sent again under its old
  number: the broker goes on with the same job or starts it again.
- A report below the completion that was shown is withheld; a job gets nothing after its end.
- Without a broker for ``connect_ms`` (never welcomed) or ``broker_lost_ms`` (welcomed before) what waits ends with an
  error; the search for the broker goes on.
- Times are milliseconds of one steady clock, as ``now``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, NoReturn, TypeAlias

from ..protocol.errors import Fault
from ..protocol.ids import job_id_of
from ..protocol.liveness import Liveness
from ..protocol.messages import ClientDisconnect, ClientHeartbeat, Hello, ToClient, Welcome
from .events import (
    BrokerEnded,
    Cancelled,
    ClientCommand,
    ClientEvent,
    Closed,
    DeadlineReached,
    FailConnect,
    InvalidReceived,
    MessageReceived,
    RejectCancel,
    RejectJob,
    ReopenSocket,
    Requested,
    Send,
    SettleConnect,
    SocketLost,
    Started,
)
from .ledger import Ledger

#: Two sockets are opened at least so far apart, so that a broker that turns us away is not besieged (C-9).
REOPEN_GAP_MS: Final = 100
#: A HELLO without answer is said again on a new socket after so long, the next after twice that, and so on.
HELLO_RETRY_MS: Final = 1000
HELLO_DOUBLINGS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class ClientCoreOptions:
    #: ``client_id_of`` 16 random bytes; names this client on every socket that it opens.
    client_id: str
    #: For messages only.
    endpoint: str
    #: Never welcomed for so long: E_NO_BROKER.
    connect_ms: float
    #: Welcomed before, but away for so long: E_BROKER_LOST.
    broker_lost_ms: float


@dataclass(frozen=True, slots=True)
class _Idle:
    pass


@dataclass(frozen=True, slots=True)
class _Parted:
    """What the last socket says is void; the next one opens at ``reopen_at``. ``tries``: sockets since ``since``."""

    since: float
    tries: int
    reopen_at: float


@dataclass(frozen=True, slots=True)
class _Greeting:
    """HELLO was sent; not welcomed since ``since``."""

    since: float
    tries: int
    opened_at: float
    retry_at: float


@dataclass(frozen=True, slots=True)
class _Welcomed:
    opened_at: float
    epoch: str
    liveness: Liveness


@dataclass(frozen=True, slots=True)
class _Ended:
    fault: Fault


_Link: TypeAlias = _Idle | _Parted | _Greeting | _Welcomed | _Ended


class ClientCore:
    def __init__(self, options: ClientCoreOptions) -> None:
        self._options = options
        self._commands: list[ClientCommand] = []
        self._ledger = Ledger(options.client_id, self._commands.append)
        self._link: _Link = _Idle()
        #: Somebody waits for the first WELCOME.
        self._connecting = True
        self._welcomed_ever = False

    def handle(self, event: ClientEvent, now: float) -> list[ClientCommand]:
        """The one door: what happened, and what is to be done about it."""
        self._on(event, now)
        commands = self._commands.copy()
        self._commands.clear()
        if isinstance(self._link, _Welcomed) and any(isinstance(command, Send) for command in commands):
            self._link.liveness.spoke(now)
        return commands

    def next_deadline(self) -> float:
        """When DeadlineReached is due, in the time of ``handle``; infinity: never."""
        link = self._link
        if isinstance(link, (_Idle, _Ended)):
            return math.inf
        if isinstance(link, _Welcomed):
            return link.liveness.deadline()
        since = link.since
        return min(
            link.reopen_at if isinstance(link, _Parted) else link.retry_at,
            since + self._options.connect_ms if self._connecting else math.inf,
            self._ledger.next_give_up(lambda asked_at: self._given_up_at(since, asked_at)),
        )

    @property
    def open_jobs(self) -> int:
        """Jobs that have not ended."""
        return self._ledger.open_jobs

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        self._ledger.validate()
        assert not self._commands, "every command was returned"
        assert not isinstance(self._link, _Ended) or self._ledger.is_empty, "a closed client wants nothing"
        assert not isinstance(self._link, _Welcomed) or self._welcomed_ever, "a WELCOME is remembered"
        assert not self._connecting or not self._welcomed_ever, "nobody waits for a first WELCOME that came"

    def _on(self, event: ClientEvent, now: float) -> None:
        if isinstance(event, MessageReceived):
            self._on_message(event.message, now)
        elif isinstance(event, InvalidReceived):
            self._on_invalid(event.reason, now)
        elif isinstance(event, Requested):
            self._on_requested(event, now)
        elif isinstance(event, Cancelled):
            if isinstance(self._link, _Ended):
                self._commands.append(RejectCancel(event.job_id, replace(self._link.fault, job_id=event.job_id)))
            else:
                self._ledger.cancel(event.job_id, now)
        elif isinstance(event, DeadlineReached):
            self._on_deadline(now)
        elif isinstance(event, SocketLost):
            self._on_socket_lost(now)
        elif isinstance(event, Started):
            assert isinstance(self._link, _Idle), "a client starts once"
            self._open(now, now, 0)
        elif isinstance(event, BrokerEnded):
            self._end(Fault("E_BROKER_LOST", f"the broker ended: {event.reason}"), False)
        elif isinstance(event, Closed):
            if isinstance(self._link, _Welcomed):
                self._commands.append(Send(ClientDisconnect()))
            self._end(Fault("E_CANCELLED", "the client was closed"), True)
        else:
            _never(event)

    def _on_requested(self, event: Requested, now: float) -> None:
        assert not isinstance(self._link, _Idle), "a client starts before it asks"
        if isinstance(self._link, _Ended):
            job_id = job_id_of(self._options.client_id, event.request_id)
            self._commands.append(RejectJob(event.request_id, replace(self._link.fault, job_id=job_id), False))
        else:
            self._ledger.ask(event.request_id, event.ask, now)

    def _open(self, now: float, since: float, tries: int) -> None:
        retry_at = now + HELLO_RETRY_MS * 2 ** min(tries, HELLO_DOUBLINGS_MAX)
        self._link = _Greeting(since, tries + 1, now, retry_at)
        self._commands += [ReopenSocket(), Send(Hello(self._options.client_id))]

    def _part(self, link: _Welcomed, now: float) -> None:
        """The conversation is over; the next one starts as soon as the last opening is far enough back."""
        self._ledger.parted()
        reopen_at = link.opened_at + REOPEN_GAP_MS
        if now >= reopen_at:
            self._open(now, now, 0)
        else:
            self._link = _Parted(now, 0, reopen_at)

    def _on_socket_lost(self, now: float) -> None:
        link = self._link
        if isinstance(link, _Welcomed):
            self._part(link, now)
        elif isinstance(link, _Greeting):
            # The HELLO may have gone with the connection.
            self._link = _Parted(link.since, link.tries, max(now, link.opened_at + REOPEN_GAP_MS))

    def _on_deadline(self, now: float) -> None:
        link = self._link
        if isinstance(link, _Welcomed):
            if link.liveness.is_late(now):
                self._part(link, now)
            elif link.liveness.beat_is_due(now):
                self._commands.append(Send(ClientHeartbeat()))
        elif isinstance(link, (_Parted, _Greeting)):
            self._give_up(link.since, now)
            if now >= (link.reopen_at if isinstance(link, _Parted) else link.retry_at):
                self._open(now, link.since, link.tries)

    def _given_up_at(self, since: float, asked_at: float) -> float:
        wait_ms = self._options.broker_lost_ms if self._welcomed_ever else self._options.connect_ms
        return max(since, asked_at) + wait_ms

    def _give_up(self, since: float, now: float) -> None:
        endpoint, lost_ms = self._options.endpoint, self._options.broker_lost_ms
        if self._welcomed_ever:
            fault = Fault("E_BROKER_LOST", f"the broker at {endpoint} has been away for {lost_ms:g} ms; ask again")
        else:
            fault = Fault("E_NO_BROKER", f"no broker at {endpoint}; start `binglide up` there")
        if now >= since + self._options.connect_ms:
            self._fail_connect(fault)
        self._ledger.give_up(now, lambda asked_at: self._given_up_at(since, asked_at), fault)

    def _fail_connect(self, fault: Fault) -> None:
        if self._connecting:
            self._commands.append(FailConnect(fault))
        self._connecting = False

    def _end(self, fault: Fault, by_owner: bool) -> None:
        """Everything is over, for good."""
        if isinstance(self._link, _Ended):
            return
        self._fail_connect(fault)
        self._ledger.end(fault, by_owner)
        self._link = _Ended(fault)

    def _on_message(self, message: ToClient, now: float) -> None:
        link = self._link
        if isinstance(link, _Greeting):
            # Everything else in answer to a HELLO, DISCONNECT too, is waited out: the HELLO is repeated.
            if isinstance(message, Welcome):
                self._on_welcome(message, link.opened_at, now)
        elif isinstance(link, _Welcomed):
            link.liveness.heard(now)
            if isinstance(message, Welcome):
                if message.epoch != link.epoch:
                    self._part(link, now)
            elif isinstance(message, ClientDisconnect):
                self._part(link, now)
            elif not isinstance(message, ClientHeartbeat):
                self._ledger.receive(message)

    def _on_welcome(self, welcome: Welcome, opened_at: float, now: float) -> None:
        self._link = _Welcomed(opened_at, welcome.epoch, Liveness(welcome.heartbeat_ms, now))
        self._welcomed_ever = True
        if self._connecting:
            self._commands.append(SettleConnect(welcome))
        self._connecting = False
        self._ledger.welcomed(welcome.epoch, welcome.limits)

    def _on_invalid(self, reason: str, now: float) -> None:
        """Nobody can tell whose answer it was (C-11)."""
        if isinstance(self._link, _Welcomed):
            self._link.liveness.heard(now)
        elif not isinstance(self._link, _Greeting):
            return
        message = f"the broker at {self._options.endpoint} sent something else than BXMDPv2: {reason}"
        fault = Fault("E_PROTOCOL", message)
        self._fail_connect(fault)
        self._ledger.fail_all(fault)


def _never(event: NoReturn) -> NoReturn:
    raise AssertionError(f"no such event: {event}")
