"""A broker of a test's own: one ROUTER and one PUB, to see and say every frame."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import zmq

from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.decode import decode_to_broker
from binglide.protocol.encode import encode_to_plain_worker, encode_to_worker
from binglide.protocol.frames import CANCEL_TOPIC

T = TypeVar("T")

JOB = "26:abcdefghijklmnopqrstuvwx231"
#: What never comes is missed after so long: a test hangs no longer, and asserts nothing about time.
PATIENCE_MS = 20_000


class Peer:
    """``expect`` what a worker says, ``say`` what a broker says to the worker that spoke last."""

    def __init__(self, folder: Path, heartbeat_ms: int = 50) -> None:
        self.endpoint = f"ipc://{folder}/b"
        self.heartbeat_ms = heartbeat_ms
        self.context: zmq.Context[Any] = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.bind(self.endpoint)
        self.publisher = self.context.socket(zmq.PUB)
        self.publisher.bind(f"ipc://{folder}/c")
        self.cancel_endpoint = f"ipc://{folder}/c"
        self.routing_id = b""
        self.attempts = 0
        #: Messages that came while another was expected.
        self.heard: list[Any] = []
        self._beat_at = 0.0

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.destroy(linger=0)

    def say(self, message: Any) -> None:
        self.send(encode_to_worker(message))

    def say_plain(self, message: Any) -> None:
        self.send(encode_to_plain_worker(message))

    def send(self, frames: list[Any]) -> None:
        self.router.send_multipart([self.routing_id, *frames])

    def publish(self, job_id: str) -> None:
        self.publisher.send_multipart([CANCEL_TOPIC, job_id.encode()])

    def next(self) -> Any:
        """The next message of any worker; beats meanwhile, as a broker does."""
        end = time.monotonic() + PATIENCE_MS / 1e3
        while time.monotonic() < end:
            if self.router.poll(self.heartbeat_ms):
                self.routing_id, *frames = self.router.recv_multipart()
                return decode_to_broker(frames)
            self.beat()
        raise AssertionError(f"nothing came; heard before: {self.heard[-5:]}")

    def beat(self) -> None:
        if self.routing_id and self.attempts:
            self.say(m.WorkerHeartbeat())

    def expect(self, kind: type[T], *, attempt: int | None = None) -> T:
        """The next message of that kind, and of that attempt; others are kept in ``heard``."""
        end = time.monotonic() + PATIENCE_MS / 1e3
        while time.monotonic() < end:
            message = self.next()
            if isinstance(message, kind) and attempt in (None, getattr(message, "attempt", None)):
                return message
            self.heard.append(message)
            if time.monotonic() - self._beat_at > self.heartbeat_ms / 1e3:
                self._beat_at = time.monotonic()
                self.beat()
        raise AssertionError(f"no {kind.__name__} came; heard: {self.heard[-5:]}")

    def welcome(self) -> m.Ready:
        """Waits for READY and answers it."""
        ready = self.expect(m.Ready)
        self.attempts = max(1, self.attempts)
        self.say(m.Welcome(self.heartbeat_ms, self.cancel_endpoint, "epoch", p.Limits(1 << 30, 1000)))
        return ready

    def assign(self, task: p.Task | p.FinishTask, job_id: str = JOB) -> int:
        self.attempts += 1
        self.say(m.Assign(self.attempts, "epoch", job_id, task))
        return self.attempts
