"""One DEALER at a time: what comes out of the newest one, and what goes into it. It decides nothing.

ZeroMQ facts that shape it: a reconnect is silent, so its beginning, the broken connection, is told through the socket's
monitor; the default linger holds the process up at its exit; a full queue drops or blocks, so there is no limit to the
one that sends, which holds no more than what callers asked for.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import Any, Final

import zmq

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError

#: How soon ZeroMQ tries again to connect, at first and at most.
_RECONNECT_MS: Final = 50
_RECONNECT_MS_MAX: Final = 500
#: How long a closing socket goes on delivering what was handed to it.
_LINGER_MS: Final = 100
#: Frames at least so long are not copied when they are sent.
_COPY_BYTES: Final = 65_536
_MESSAGES_A_TURN: Final = 256


class Link:
    """To be used from one thread."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._is_lost = False

    def open(self) -> None:
        """Drops the socket that is there and connects a new one; raises E_USAGE where ZeroMQ does not take the
        endpoint, and E_IO where there is no socket to be had."""
        self._drop(0)
        self._is_lost = False
        try:
            socket = self._context.socket(zmq.DEALER)
            self._socket = socket
            socket.linger = 0
            socket.sndhwm = 0
            socket.reconnect_ivl = _RECONNECT_MS
            socket.reconnect_ivl_max = _RECONNECT_MS_MAX
            self._monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            self._drop(0)
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                raise BinglideError("E_IO", f"no socket for {self.endpoint}: {error.strerror}") from None
            raise BinglideError("E_USAGE", f"{self.endpoint} is no endpoint: {error.strerror}") from None

    def send(self, frames: Sequence[Buffer]) -> None:
        if self._socket is None:
            return
        try:
            for at, frame in enumerate(frames):
                more = zmq.SNDMORE if at + 1 < len(frames) else 0
                self._socket.send(frame, zmq.NOBLOCK | more, copy=len(frame) < _COPY_BYTES)
        except zmq.ZMQError:
            self._is_lost = True

    def received(self) -> Iterator[list[Buffer]]:
        """What has come and was not read yet, so much of it that callers are not kept waiting; ends with the socket
        that it began with."""
        socket = self._socket
        for _ in range(_MESSAGES_A_TURN):
            if socket is None or socket is not self._socket:
                return
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError:
                self._is_lost = True
                return
            yield [frame.buffer.toreadonly() for frame in frames]

    def lost(self) -> bool:
        """True once for each socket whose connection broke. To be asked when all was read."""
        while self._monitor is not None:
            try:
                self._monitor.recv_multipart(zmq.NOBLOCK)
                self._is_lost = True
            except zmq.ZMQError:
                break
        was_lost, self._is_lost = self._is_lost, False
        return was_lost

    @property
    def pollable(self) -> list[Any]:
        return [socket for socket in (self._socket, self._monitor) if socket is not None]

    def close(self) -> None:
        """For good; what was sent is handed over for a moment more."""
        self._drop(_LINGER_MS)
        self._context.term()

    def _drop(self, linger_ms: int) -> None:
        socket, monitor = self._socket, self._monitor
        self._socket = self._monitor = None
        if socket is None:
            return
        if monitor is not None:
            socket.disable_monitor()
            monitor.close(0)
        socket.close(linger_ms)
