"""The shell around ClientCore: one thread that translates frames to events, performs commands and keeps the time. It
decides nothing about the conversation.

Rules:
- The socket and the core belong to the thread alone. Callers, in any thread, put events into a queue and ring.
- Whatever becomes of the thread, nobody waits for ever: it ends every job and every waiter with it.
- ``post`` takes no lock: finalizers may run in the middle of anything.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import zmq

from ..protocol.decode import decode_to_client
from ..protocol.encode import encode_from_client
from ..protocol.errors import BinglideError, Fault, Invalid, error_of
from ..protocol.ids import client_id_of, job_id_of
from . import events as ev
from .core import ClientCore, ClientCoreOptions
from .link import Link
from .options import ClientTimes
from .private import PrivateBroker

_CLIENT_ID_BYTES: Final = 16
#: How long closing waits for the thread.
_CLOSE_S_MAX: Final = 5.0
_POLL_MS_MAX: Final = 60_000


class JobSink(Protocol):
    """A job as the engine fills it, see job.py."""

    def _deliver(self, answer: Any) -> None: ...

    def _resolve(self, answer: Any) -> None: ...

    def _reject(self, fault: Fault, by_owner: bool) -> None: ...


class Outcome:
    """What somebody waits for: a value or a fault, once. ``on_done`` is called from the engine's thread."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._value: Any = None
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        self._on_done: Callable[[], None] | None = None

    def settle(self, value: Any = None, fault: Fault | None = None) -> None:
        with self._lock:
            if self._done.is_set():
                return
            self._value, self._fault = value, fault
            self._done.set()
            on_done = self._on_done
        if on_done is not None:
            on_done()

    def when_done(self, on_done: Callable[[], None]) -> None:
        with self._lock:
            self._on_done = on_done
            is_done = self._done.is_set()
        if is_done:
            on_done()

    def wait(self) -> Any:
        self._done.wait()
        return self.value()

    def value(self) -> Any:
        if self._fault is not None:
            raise error_of(self._fault)
        return self._value


class Engine:
    def __init__(self, endpoint: str, times: ClientTimes, broker: PrivateBroker | None = None) -> None:
        """``broker``: one of our own, which goes when the engine does."""
        self.endpoint = endpoint
        self._broker = broker
        self.client_id = client_id_of(os.urandom(_CLIENT_ID_BYTES))
        self.connected = Outcome()
        self._core = ClientCore(ClientCoreOptions(self.client_id, endpoint, *times))
        self._link = Link(endpoint)
        self._events: deque[ev.ClientEvent] = deque()
        self._ringing, self._rung = socket.socketpair()
        for end in (self._ringing, self._rung):
            end.setblocking(False)
        self._jobs: dict[int, JobSink] = {}
        self._cancels: dict[str, list[Outcome]] = {}
        self._lock = threading.Lock()
        self._requests = 0
        self._opened = False
        self._closing = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"binglide {endpoint}", daemon=True)

    def start(self) -> None:
        self.post(ev.Started())
        self._thread.start()
        if self._broker is not None:
            self._broker.watch(lambda reason: self.post(ev.BrokerEnded(reason)))

    # From any thread

    def post(self, event: ev.ClientEvent) -> None:
        self._events.append(event)
        with contextlib.suppress(OSError):  # full: it is rung already; closed: nobody listens any more
            self._ringing.send(b"\0")

    def request(self, ask: ev.Ask, make: Callable[[str, Callable[[str], None]], Any]) -> Any:
        """The job that ``make`` makes of its id, asked. Raises E_USAGE where the client is closed."""
        with self._lock:
            self._check_open()
            self._requests += 1
            number = self._requests
            job = make(job_id_of(self.client_id, number), self.withdraw)
            self._jobs[number] = job
            self.post(ev.Requested(number, ask))
        return job

    def withdraw(self, job_id: str) -> None:
        self.post(ev.Cancelled(job_id))

    def cancel(self, job_id: str) -> Outcome:
        outcome = Outcome()
        with self._lock:
            self._check_open()
            self._cancels.setdefault(job_id, []).append(outcome)
            self.post(ev.Cancelled(job_id))
        return outcome

    def close_soon(self) -> None:
        """Tells the broker and ends what is under way, without waiting for that."""
        self._closing = True
        self.post(ev.Closed())

    def close(self) -> None:
        self.close_soon()
        if os.getpid() == self._pid and threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_S_MAX)
            if self._broker is not None:
                self._broker.stop()

    def _check_open(self) -> None:
        if os.getpid() != self._pid:
            message = f"this client belongs to process {self._pid}, which this one was forked from; connect again"
            raise BinglideError("E_USAGE", message)
        if self._closing:
            raise BinglideError("E_USAGE", "the client is closed")

    # The thread

    def _run(self) -> None:
        fault = Fault("E_CANCELLED", "the client was closed")
        try:
            self._loop()
        except BinglideError as error:
            fault = error.to_fault()
        except BaseException as error:
            fault = Fault("E_INTERNAL", f"the client's thread failed: {type(error).__name__}: {error}")
            raise
        finally:
            self._end(fault)

    def _end(self, fault: Fault) -> None:
        with self._lock:
            self._closing = True
            jobs, cancels = list(self._jobs.values()), [each for all in self._cancels.values() for each in all]
            self._jobs.clear()
            self._cancels.clear()
        self.connected.settle(fault=fault)
        for job in jobs:
            job._reject(fault, fault.code == "E_CANCELLED")
        for outcome in cancels:
            outcome.settle(fault=fault)
        self._link.close()
        if self._broker is not None:
            self._broker.let_go()
        self._ringing.close()
        self._rung.close()

    def _loop(self) -> None:
        while True:
            self._wait()
            # What waits in the socket is read before time is looked at: a broker is not late because we were busy.
            for frames in self._link.received():
                self._handle(self._event_of(frames))
            if self._link.lost():
                self._handle(ev.SocketLost())
            while self._events:
                event = self._events.popleft()
                self._handle(event)
                if isinstance(event, ev.Closed):
                    return
            if _now() >= self._core.next_deadline():
                self._handle(ev.DeadlineReached())

    def _wait(self) -> None:
        poller = zmq.Poller()
        for readable in [*self._link.pollable, self._rung]:
            poller.register(readable, zmq.POLLIN)
        left_ms = self._core.next_deadline() - _now()
        poller.poll(0 if self._events else min(max(0, math.ceil(min(left_ms, _POLL_MS_MAX))), _POLL_MS_MAX))
        with contextlib.suppress(BlockingIOError):
            while self._rung.recv(4096):
                pass

    def _event_of(self, frames: list[Any]) -> ev.ClientEvent:
        try:
            return ev.MessageReceived(decode_to_client(frames))
        except Invalid as error:
            return ev.InvalidReceived(str(error))

    def _handle(self, event: ev.ClientEvent) -> None:
        for command in self._core.handle(event, _now()):
            self._perform(command)

    def _perform(self, command: ev.ClientCommand) -> None:
        if isinstance(command, ev.Send):
            self._link.send(encode_from_client(command.message))
        elif isinstance(command, ev.ReopenSocket):
            self._reopen()
        elif isinstance(command, ev.DeliverReport):
            self._jobs[command.request_id]._deliver(command.report)
        elif isinstance(command, ev.DeliverRaw):
            self._jobs[command.request_id]._deliver(command.body)
        elif isinstance(command, ev.ResolveFinal):
            self._jobs.pop(command.request_id)._resolve(command.report)
        elif isinstance(command, ev.ResolveRaw):
            self._jobs.pop(command.request_id)._resolve(command.body)
        elif isinstance(command, ev.RejectJob):
            self._jobs.pop(command.request_id)._reject(command.fault, command.by_owner)
        elif isinstance(command, ev.ResolveCancel):
            self._settle_cancels(command.job_id, command.outcome, None)
        elif isinstance(command, ev.RejectCancel):
            self._settle_cancels(command.job_id, None, command.fault)
        elif isinstance(command, ev.SettleConnect):
            self.connected.settle(command.welcome)
        else:
            self.connected.settle(fault=command.fault)

    def _reopen(self) -> None:
        try:
            self._link.open()
        except BinglideError:
            # At first it is the endpoint; later, something that may pass, such as too many open files.
            if not self._opened:
                raise
            self.post(ev.SocketLost())
        self._opened = True

    def _settle_cancels(self, job_id: str, value: ev.CancelOutcome | None, fault: Fault | None) -> None:
        with self._lock:
            waiting = self._cancels.pop(job_id, [])
        for outcome in waiting:
            outcome.settle(value, fault)


def _now() -> float:
    return time.monotonic() * 1000
