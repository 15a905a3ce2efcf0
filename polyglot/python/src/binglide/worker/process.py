"""A worker process: the shell of one WorkerCore. Its sockets, its clock, its children. Never decides.

One thread with one poller. SIGTERM, SIGINT and SIGHUP take leave of the broker and end with 0. With ``parent`` the last
two are left to the parent, and the process also ends when its stdin does, which happens whatever ended the one who
started it.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from typing import Any, Final

import zmq

from ..protocol.decode import decode_publication, decode_to_worker
from ..protocol.descriptor import Descriptor
from ..protocol.encode import encode_from_worker
from ..protocol.errors import Invalid
from ..protocol.frames import CANCEL_TOPIC
from . import events as e
from .children import Child, Children
from .core import WorkerCore
from .options import WorkerOptions
from .sockets import FAREWELL_MS, Cancellations, Dealer, wake_pipe

#: The longest wait, in milliseconds: children that ended are looked after.
_WAIT_MS_MAX: Final = 5000
#: The child in reserve comes so much later, in milliseconds: a worker that is started for one short answer needs none.
_RESERVE_MS: Final = 300
#: Messages of one socket at a turn.
_TURN_MESSAGES: Final = 64


def now_ms() -> float:
    return time.monotonic() * 1e3


class WorkerProcess:
    def __init__(
        self,
        broker: str,
        descriptor: Descriptor,
        slot: str,
        children: Children,
        options: WorkerOptions,
        *,
        parent: bool,
    ) -> None:
        self._broker = broker
        self._children = children
        self._core = WorkerCore(descriptor, slot, options)
        self._parent = parent
        self._context: zmq.Context[Any] = zmq.Context()
        self._dealer: Dealer | None = None
        self._cancellations: Cancellations | None = None
        self._wake_read, self._wake_write = wake_pipe()
        self._is_started = False
        # When the child in reserve is to be made.
        self._reserve_at = math.inf
        self._is_ending = False

    def run(self) -> int:
        """Until a signal, or until stdin ends where that is the parent; gives the exit code."""
        self._catch_signals()
        try:
            while not self._is_ending:
                self._turn()
        finally:
            self._handle(e.StopRequested())
            self._children.stop()
            if self._cancellations is not None:
                self._cancellations.close()
            self._context.destroy(linger=FAREWELL_MS)
        return 0

    def _catch_signals(self) -> None:
        """A signal wakes the poller by a byte in a pipe."""
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGTERM, self._on_signal)
        # What a terminal says reaches the whole group: a parent decides itself what becomes of its workers.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if self._parent else self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self._is_ending = True

    def _turn(self) -> None:
        if not self._is_started and self._children.is_loaded:
            # Nothing is asked of the broker before a child can compute: a task given to it would wait, and count.
            self._is_started = True
            self._reserve_at = now_ms() + _RESERVE_MS
            self._handle(e.Started())
        if now_ms() >= self._reserve_at:
            self._reserve_at = math.inf
            self._children.keep_reserve()
        ready = self._poll()
        if self._dealer is not None and self._dealer.socket in ready:
            self._receive(self._dealer)
        if self._cancellations is not None and self._cancellations.socket in ready:
            self._listen(self._cancellations)
        for child in self._children.open():
            if child.fileno() in ready:
                self._on_child(child)
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self._parent and 0 in ready and os.read(0, 4096) == b"":
            self._is_ending = True
        self._tell_time()

    def _poll(self) -> dict[Any, int]:
        poller = zmq.Poller()
        poller.register(self._wake_read, zmq.POLLIN)
        if self._parent:
            poller.register(0, zmq.POLLIN)
        if self._dealer is not None:
            poller.register(self._dealer.socket, zmq.POLLIN)
        if self._cancellations is not None:
            poller.register(self._cancellations.socket, zmq.POLLIN)
        for child in self._children.open():
            poller.register(child.fileno(), zmq.POLLIN | (zmq.POLLOUT if child.channel.has_more else 0))
        next_at = min(self._core.next_deadline(), self._reserve_at)
        wait = max(0.0, min(_WAIT_MS_MAX, next_at - now_ms()))
        return dict(poller.poll(math.ceil(wait)))

    def _receive(self, dealer: Dealer) -> None:
        for _ in range(_TURN_MESSAGES):
            frames = dealer.receive() if dealer is self._dealer else None
            if frames is None:
                return
            try:
                message = decode_to_worker(frames)
            except Invalid:
                self._handle(e.Received(None))
            else:
                self._handle(e.Received(message))

    def _listen(self, cancellations: Cancellations) -> None:
        for _ in range(_TURN_MESSAGES):
            frames = cancellations.receive()
            if frames is None:
                return
            job_id = decode_publication(frames)
            if job_id is not None:
                self._handle(e.CancelPublished(job_id))

    def _on_child(self, child: Child) -> None:
        for ended in self._children.ready(child):
            self._handle(ended)

    def _tell_time(self) -> None:
        """The core hears of progress before it judges by the clock."""
        if now_ms() < self._core.next_deadline():
            return
        run = self._core.run
        if run is not None:
            is_loaded = self._children.is_loaded
            done = self._children.bytes_done(run)
            self._handle(e.TaskProgressed(run, done) if is_loaded else e.TaskWaited(run))
        self._handle(e.DeadlineReached())
        self._children.reap()

    def _handle(self, event: e.WorkerEvent) -> None:
        for command in self._core.handle(event, now_ms()):
            self._perform(command)

    def _perform(self, command: e.WorkerCommand) -> None:
        if isinstance(command, e.Send):
            if self._dealer is not None:
                self._dealer.send(encode_from_worker(command.message))
        elif isinstance(command, e.StartTask):
            self._children.start(command.run, command.task)
        elif isinstance(command, e.AbortTask):
            self._children.abort(command.run)
        elif isinstance(command, e.ReplaceChild):
            self._children.replace(command.run)
        elif isinstance(command, e.OpenSocket):
            self._dealer = Dealer(self._context, self._broker)
        elif isinstance(command, e.CloseSocket):
            if self._dealer is not None:
                self._dealer.close()
            self._dealer = None
        else:
            self._subscribe(command.endpoint)

    def _subscribe(self, endpoint: str) -> None:
        if self._cancellations is not None:
            if self._cancellations.endpoint == endpoint:
                return
            self._cancellations.close()
        try:
            self._cancellations = Cancellations(self._context, endpoint, CANCEL_TOPIC)
        except zmq.ZMQError as error:
            # Publications may be lost at any time; nothing but speed depends on them.
            self._cancellations = None
            sys.stderr.write(f"binglide: no cancellations from {endpoint}: {error}\n")
