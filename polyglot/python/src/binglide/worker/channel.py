"""The pipe between the main process and a compute child: a pickled header and raw frames, without a copy of the latter.

A message is two 32-bit numbers (bytes of the header, number of frames), a 64-bit length for each frame, the header, the
frames. Both ends are ours: whoever can write to the pipe is trusted.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ..protocol.codec import Buffer

#: So much is read at a time, so that heartbeats go on beside a long part.
_TURN_BYTES: Final = 4 << 20
_PREFIX: Final = struct.Struct("=II")


class Message(NamedTuple):
    header: Any
    frames: tuple[Buffer, ...]


def _pieces(header: Any, frames: Sequence[Buffer]) -> list[memoryview]:
    head = pickle.dumps(header, protocol=pickle.HIGHEST_PROTOCOL)
    lengths = struct.pack(f"={len(frames)}Q", *map(len, frames))
    small = _PREFIX.pack(len(head), len(frames)) + lengths + head
    return [memoryview(small), *(memoryview(frame) for frame in frames)]


class Channel:
    """One end. ``send`` and ``receive`` never wait on a non-blocking socket; ``send_all`` and ``wait`` do."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._out: deque[memoryview] = deque()
        self._lengths: list[int] = []
        self._buffers: list[bytearray] = []
        self._stage = 0
        self._target = memoryview(bytearray(_PREFIX.size))
        self._buffer: bytearray = self._target.obj  # type: ignore[assignment]

    @property
    def has_more(self) -> bool:
        """Something waits to be sent: call ``flush`` when the socket takes it."""
        return bool(self._out)

    def send(self, header: Any, frames: Sequence[Buffer] = ()) -> None:
        self._out.extend(_pieces(header, frames))
        self.flush()

    def flush(self) -> None:
        """Raises OSError where the other end is gone."""
        while self._out:
            try:
                sent = self.sock.send(self._out[0])
            except (BlockingIOError, InterruptedError):
                return
            if sent == len(self._out[0]):
                self._out.popleft()
            else:
                self._out[0] = self._out[0][sent:]

    def send_all(self, header: Any, frames: Sequence[Buffer] = ()) -> None:
        for piece in _pieces(header, frames):
            self.sock.sendall(piece)

    def wait(self) -> Message:
        """The next message; raises EOFError where the other end is gone."""
        while True:
            message = self._step()
            if message is not None:
                return message

    def receive(self) -> list[Message]:
        """What is there, up to a turn's bytes. Raises EOFError where the other end is gone and nothing is left."""
        found: list[Message] = []
        budget = _TURN_BYTES
        while budget > 0:
            before = len(self._target)
            try:
                message = self._step()
            except (BlockingIOError, InterruptedError):
                break
            except EOFError:
                if found:
                    break
                raise
            budget -= max(64, before)
            if message is not None:
                found.append(message)
        return found

    def _step(self) -> Message | None:
        if len(self._target):
            try:
                got = self.sock.recv_into(self._target[: 1 << 20])
            except ConnectionError:
                raise EOFError from None
            if got == 0:
                raise EOFError
            self._target = self._target[got:]
            if len(self._target):
                return None
        return self._filled()

    def _filled(self) -> Message | None:
        """A buffer is full: the prefix (stage 0), the lengths (1), the header and each frame (2)."""
        data = self._buffer
        if self._stage == 0:
            head, count = _PREFIX.unpack(data)
            self._lengths = [head]
            self._expect(1, 8 * count)
            return None if count else self._filled()
        if self._stage == 1:
            self._lengths += struct.unpack(f"={len(data) // 8}Q", data)
            self._buffers = []
            self._expect(2, self._lengths[0])
            return None
        self._buffers.append(data)
        if len(self._buffers) < len(self._lengths):
            self._expect(2, self._lengths[len(self._buffers)])
            return None
        head_bytes, *frames = self._buffers
        self._buffers = []
        self._expect(0, _PREFIX.size)
        return Message(pickle.loads(head_bytes), tuple(frames))

    def _expect(self, stage: int, length: int) -> None:
        self._stage, self._buffer = stage, bytearray(length)
        self._target = memoryview(self._buffer)
