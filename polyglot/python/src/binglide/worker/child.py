"""The compute child: gets tasks one at a time, answers each with its part or its fault. Holds no socket of the network
and no state between tasks; the main process may end it at any moment.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import socket
import sys
from dataclasses import dataclass

from ..protocol.npy import decode_npy
from ..protocol.payloads import FinishTask
from .channel import Channel, Message
from .engine import Engine, TaskFailure
from .flags import Flags
from .registry import Place, collect
from .service import define
from .source import Roots


@dataclass(frozen=True, slots=True)
class ChildSetup:
    """The first message to a child."""

    place: Place
    roots: Roots


class _Host:
    """The engine's view of the flags; ends the child where nobody is left to answer."""

    def __init__(self, flags: Flags, parent: int) -> None:
        self._flags = flags
        self._parent = parent
        self.run = 0

    def is_cancelled(self) -> bool:
        return self._flags.is_cancelled(self.run)

    def progressed(self, bytes_done: int) -> None:
        if os.getppid() != self._parent:
            os._exit(0)
        self._flags.progressed(self.run, bytes_done)


def main(fd: int, flags_fd: int, parent: int) -> None:
    """Serves tasks from the pipe until it ends."""
    _end_with(parent)
    _keep_memory()
    with contextlib.suppress(Exception):
        # Where stderr has no descriptor there is nowhere to tell of a crash.
        faulthandler.enable()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the author prints is seen at once, also through a pipe.
        sys.stdout.reconfigure(line_buffering=True)
    channel = Channel(socket.socket(fileno=fd))
    host = _Host(Flags(flags_fd), parent)
    try:
        setup = channel.wait().header
        try:
            engine = Engine(define(collect(setup.place)), setup.roots)
        except BaseException as error:
            channel.send_all(("unloadable", f"{type(error).__name__}: {error}"))
            raise
        channel.send_all(("loaded",))
        while True:
            _answer(channel, engine, host, channel.wait())
    except (EOFError, ConnectionError):
        pass


def _answer(channel: Channel, engine: Engine, host: _Host, message: Message) -> None:
    _, run, task = message.header
    if isinstance(task, FinishTask):
        arrays = {name: decode_npy(frame) for name, frame in zip(task.arrays, message.frames, strict=True)}
        task = FinishTask(task.params, task.rows, arrays)
    host.run = run
    host.progressed(0)
    try:
        result = engine.run(task, host)
    except TaskFailure as failure:
        _flush()
        channel.send_all(("failed", run, failure.fault, failure.work))
    else:
        _flush()
        channel.send_all(("computed", run, result.part.arrays, result.work), result.part.frames)


def _flush() -> None:
    """What the author prints is there when the task ends."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _keep_memory() -> None:
    """What a call of compute frees is there for the next one. By itself glibc gives arrays of a MiB or two back to the
    system and gets them anew, page by page: that took 6 times as long as computing squares of 8 MiB did.
    """
    import ctypes

    trim_threshold, mmap_threshold = -1, -3
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 32 << 20)
        mallopt(trim_threshold, 512 << 20)


def _end_with(parent: int) -> None:
    """Where the system can do it, the child ends with its parent, whatever it computes."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
