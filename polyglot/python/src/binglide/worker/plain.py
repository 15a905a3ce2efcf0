"""A plain MDP 0.2 worker (RFC 18): one service, one DEALER, one request at a time.

Rules: READY once a socket; 0 or more PARTIAL and exactly one FINAL a request; heartbeats both ways, also while the
function works, which it does in a thread of its own; after DISCONNECT or silence nothing more is sent, the socket is
closed and a new one opened. Sockets stay in the thread that called ``run``.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import zmq

from ..protocol.codec import Buffer
from ..protocol.decode import decode_to_plain_worker
from ..protocol.encode import encode_from_plain_worker, plain_error_body
from ..protocol.errors import BinglideError, Fault, Invalid
from ..protocol.ids import is_token
from ..protocol.liveness import Liveness
from ..protocol.messages import (
    FromPlainWorker,
    PlainAssign,
    PlainDisconnect,
    PlainFinal,
    PlainHeartbeat,
    PlainPartial,
    PlainReady,
)
from .sockets import FAREWELL_MS, Dealer, wake_pipe

Body = Sequence[Buffer]
#: The request's body frames in, the answer's out: one body, or one body after the other, of which the last is FINAL.
PlainFunction = Callable[[list[bytes]], Body | Iterable[Body]]

#: Conversations that end early are begun again after this, doubled each time …
_REST_MS_MIN: Final = 50.0
#: … up to this, in milliseconds.
_REST_MS_MAX: Final = 5000.0


@dataclass(slots=True)
class _Conversation:
    number: int
    dealer: Dealer
    liveness: Liveness
    opened_at: float
    #: The address of the request under way; None: idle.
    address: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """From the function's thread: ``conversation`` is the one that asked; FINAL or PARTIAL."""

    conversation: int
    body: tuple[Buffer, ...]
    is_final: bool


@dataclass(slots=True)
class _Work:
    """The function's side: requests go in, answers come out, a byte in the pipe tells of them."""

    requests: queue.SimpleQueue[tuple[int, list[bytes]] | None] = field(default_factory=queue.SimpleQueue)
    answers: queue.SimpleQueue[_Answer] = field(default_factory=queue.SimpleQueue)


class PlainWorker:
    """Serves ``function`` as an opaque service; ``run`` until ``stop``, which any thread may call.

    What the function raises is answered as an error (P-3): E_SERVICE, or the code of a BinglideError. RFC 18 agrees on
    no interval: ``heartbeat_ms`` has to be about the broker's.
    """

    def __init__(self, endpoint: str, service: str, function: PlainFunction, *, heartbeat_ms: float = 1000) -> None:
        if not is_token(service) or service.startswith("mmi."):
            raise BinglideError(
                "E_USAGE", f"service {service!r}: it takes 1 to 255 printable ASCII characters, not mmi."
            )
        if not heartbeat_ms >= 1:
            raise BinglideError("E_USAGE", f"heartbeat_ms is {heartbeat_ms}; it takes a positive number")
        self._endpoint, self._service, self._function = endpoint, service, function
        self._heartbeat_ms = heartbeat_ms
        self._context: zmq.Context[Any] = zmq.Context()
        self._conversation: _Conversation | None = None
        self._opened = 0
        self._failures = 0
        self._resume_at = 0.0
        self._work = _Work()
        self._wake_read, self._wake_write = wake_pipe()
        self._is_ending = False

    def stop(self) -> None:
        """Takes leave of the broker; what the function still computes is dropped."""
        self._is_ending = True
        self._wake()

    def run(self) -> None:
        """Blocks until ``stop``."""
        threading.Thread(target=self._compute, name=f"binglide {self._service}", daemon=True).start()
        try:
            while not self._is_ending:
                self._turn(time.monotonic() * 1e3)
        finally:
            self._work.requests.put(None)
            self._send(PlainDisconnect(), time.monotonic() * 1e3)
            self._close()
            self._context.destroy(linger=FAREWELL_MS)

    def _turn(self, now: float) -> None:
        conversation = self._conversation
        if conversation is None:
            if now >= self._resume_at:
                self._open(now)
        elif conversation.liveness.is_late(now):
            self._lose(now)
        elif conversation.liveness.beat_is_due(now):
            self._send(PlainHeartbeat(), now)
        conversation = self._conversation
        deadline = self._resume_at if conversation is None else conversation.liveness.deadline()
        poller = zmq.Poller()
        poller.register(self._wake_read, zmq.POLLIN)
        if conversation is not None:
            poller.register(conversation.dealer.socket, zmq.POLLIN)
        ready = dict(poller.poll(max(0, int(deadline - time.monotonic() * 1e3) + 1)))
        now = time.monotonic() * 1e3
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        self._take_answers(now)
        if conversation is not None and conversation.dealer.socket in ready:
            self._receive(conversation, now)

    def _open(self, now: float) -> None:
        self._opened += 1
        dealer = Dealer(self._context, self._endpoint)
        self._conversation = _Conversation(self._opened, dealer, Liveness(self._heartbeat_ms, now), now)
        self._send(PlainReady(self._service), now)

    def _close(self) -> None:
        if self._conversation is not None:
            self._conversation.dealer.close()
        self._conversation = None

    def _lose(self, now: float) -> None:
        """The next conversation begins at once, or later where they keep ending early."""
        assert self._conversation is not None
        lasted = now - self._conversation.opened_at >= self._heartbeat_ms
        self._failures = 0 if lasted else self._failures + 1
        rest = 0.0 if self._failures < 2 else min(_REST_MS_MAX, _REST_MS_MIN * 2.0 ** min(32, self._failures - 2))
        self._resume_at = now + rest
        self._close()

    def _send(self, message: FromPlainWorker, now: float) -> None:
        if self._conversation is not None:
            self._conversation.liveness.spoke(now)
            self._conversation.dealer.send(encode_from_plain_worker(message))

    def _receive(self, conversation: _Conversation, now: float) -> None:
        while conversation is self._conversation:
            frames = conversation.dealer.receive()
            if frames is None:
                return
            try:
                message = decode_to_plain_worker(frames)
            except Invalid:
                message = PlainDisconnect()
            if isinstance(message, PlainHeartbeat):
                conversation.liveness.heard(now)
            elif isinstance(message, PlainAssign) and conversation.address is None:
                conversation.liveness.heard(now)
                conversation.address = message.address
                self._work.requests.put((conversation.number, [bytes(frame) for frame in message.body]))
            else:
                # DISCONNECT, or a broker that does not keep to the protocol: begin anew, and say nothing more.
                self._lose(now)

    def _take_answers(self, now: float) -> None:
        while True:
            try:
                answer = self._work.answers.get_nowait()
            except queue.Empty:
                return
            conversation = self._conversation
            if conversation is None or conversation.number != answer.conversation or conversation.address is None:
                continue
            address = conversation.address
            if answer.is_final:
                conversation.address = None
                self._send(PlainFinal(address, answer.body), now)
            else:
                self._send(PlainPartial(address, answer.body), now)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return

    def _compute(self) -> None:
        """The function's thread."""
        while True:
            request = self._work.requests.get()
            if request is None:
                return
            number, body = request
            for answer_body, is_final in self._bodies(body):
                self._work.answers.put(_Answer(number, answer_body, is_final))
                self._wake()

    def _bodies(self, body: list[bytes]) -> Iterator[tuple[tuple[Buffer, ...], bool]]:
        """Bodies of the answer in order, the last marked; RFC 18 asks for one body frame at least."""
        last: tuple[Buffer, ...] | None = None
        try:
            answer = self._function(body)
            for following in _bodies_of(answer):
                if last is not None:
                    yield last, False
                last = tuple(following) or (b"",)
        except BinglideError as error:
            last = plain_error_body(error.to_fault())
        except Exception as error:
            text = f"{self._service} failed: {type(error).__name__}: {error}".split("\n", 1)[0]
            last = plain_error_body(Fault("E_SERVICE", text, service=self._service))
        yield last or (b"",), True


def _bodies_of(answer: Body | Iterable[Body]) -> Iterator[Body]:
    """A list or tuple of frames is one body; anything else that can be iterated gives bodies."""
    if isinstance(answer, (bytes, bytearray, memoryview)):
        yield [answer]
    elif isinstance(answer, (list, tuple)):
        yield answer
    else:
        for body in answer:
            yield [body] if isinstance(body, (bytes, bytearray, memoryview)) else body


def serve_plain(endpoint: str, service: str, function: PlainFunction, *, heartbeat_ms: float = 1000) -> None:
    """Serves until SIGTERM or Ctrl-C; see PlainWorker."""
    import signal

    worker = PlainWorker(endpoint, service, function, heartbeat_ms=heartbeat_ms)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
