"""One DEALER's life: opened, written, closed. A new conversation is a new Dealer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import zmq

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError

#: So long may a last message take to leave a socket that was closed, in milliseconds.
FAREWELL_MS: Final = 100


def wake_pipe() -> tuple[int, int]:
    """Both ends of a pipe by which signals and threads wake a poller; nobody waits on it."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


class Dealer:
    """Connects in the background, again and again, as libzmq does; what is sent meanwhile waits."""

    def __init__(self, context: zmq.Context[Any], endpoint: str) -> None:
        self.socket: zmq.Socket[Any] = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.socket.close()
            text = f"broker {endpoint}: {error}; write ipc:///PATH or tcp://ADDRESS:PORT"
            raise BinglideError("E_USAGE", text) from None

    def send(self, frames: Sequence[Buffer]) -> None:
        """Long frames are not copied: nobody writes to them any more."""
        self.socket.send_multipart(frames, zmq.NOBLOCK, copy=False)

    def receive(self) -> list[bytes] | None:
        """The next message; None: nothing is there."""
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def close(self) -> None:
        """What was sent leaves if that goes at once."""
        self.socket.close(linger=FAREWELL_MS)


class Cancellations:
    """The SUB socket for cancellations: connected to where WELCOME says."""

    def __init__(self, context: zmq.Context[Any], endpoint: str, topic: bytes) -> None:
        self.endpoint = endpoint
        self.socket: zmq.Socket[Any] = context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self.socket.connect(endpoint)

    def receive(self) -> list[bytes] | None:
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None

    def close(self) -> None:
        self.socket.close()
