"""The main process's hold on its compute children: one that computes, and one in reserve that has loaded everything.

Rules: one run at a time. Each accepted run ends in exactly one event, unless it was given up by ``replace``. A child
that dies takes the running task with it (E_SERVICE) and nothing else; the one in reserve takes its place at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import Final

from ..protocol.errors import BinglideError, Fault
from ..protocol.npy import encode_npy
from ..protocol.payloads import FinishTask, PartFrames, Task, TaskWork
from .channel import Channel, Message
from .child import ChildSetup
from .events import TaskComputed, TaskFailed
from .flags import Flags

_NOTHING_DONE: Final = TaskWork(0, 0)
#: The child's first words: the modules of this process, then the loop of child.py.
_BOOT: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from binglide.worker.child import main; main(*map(int, sys.argv[2:5]))"
)

TaskEnd = TaskComputed | TaskFailed


class Child:
    """One process, its pipe and its flags."""

    def __init__(self, setup: ChildSetup) -> None:
        ours, theirs = socket.socketpair()
        self.flags = Flags()
        arguments = [json.dumps(sys.path), str(theirs.fileno()), str(self.flags.fd), str(os.getpid())]
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self.flags.fd),
                # A group of its own: Ctrl-C is for the main process, and what an author starts ends with the child.
                start_new_session=True,
            )
        finally:
            theirs.close()
        ours.setblocking(False)
        self.channel = Channel(ours)
        self.is_loaded = False
        self.cause = ""
        self.channel.send(setup)

    def fileno(self) -> int:
        return self.channel.sock.fileno()

    def end(self) -> None:
        """By force, with everything that it started: whatever it computes."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.channel.sock.close()
        self.flags.close()

    def died_of(self) -> str:
        """Why it ended, in words; waits for an end that is under way."""
        try:
            code = self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"


class Children:
    """The child that computes, and the one in reserve."""

    def __init__(self, name: str, setup: ChildSetup) -> None:
        self._name = name
        self._setup = setup
        self._current: Child | None = Child(setup)
        self._reserve: Child | None = None
        self._running: tuple[int, Task | FinishTask] | None = None
        self._ended: list[subprocess.Popen[bytes]] = []
        self._is_started = False

    @property
    def is_loaded(self) -> bool:
        """The one that computes has everything: its first task takes no longer than others."""
        return self._current is not None and self._current.is_loaded

    def open(self) -> list[Child]:
        """To be polled: readable, and writable where has_more."""
        return [child for child in (self._current, self._reserve) if child is not None]

    def keep_reserve(self) -> None:
        """Another one loads beside the first from now on."""
        self._is_started = True
        if self._reserve is None:
            self._reserve = Child(self._setup)

    def start(self, run: int, task: Task | FinishTask) -> None:
        self._running = (run, task)
        if self._current is None:
            self._promote()
        self._post(run, task)

    def abort(self, run: int) -> None:
        if self._current is not None and self._is_running(run):
            self._current.flags.cancel(run)

    def replace(self, run: int) -> None:
        """Gives the run up, with the child."""
        if self._is_running(run):
            self._running = None
            if self._current is not None:
                self._discard(self._current)
            self._promote()

    def bytes_done(self, run: int) -> int:
        return 0 if self._current is None else self._current.flags.bytes_done(run)

    def ready(self, child: Child) -> list[TaskEnd]:
        """The child's pipe can be read or written: what ended by that. Raises where the first child does not load."""
        found: list[TaskEnd] = []
        try:
            child.channel.flush()
            for message in child.channel.receive():
                found.extend(self._on_message(child, message))
        except (EOFError, OSError):
            found.extend(self._on_death(child))
        return found

    def stop(self) -> None:
        """Ends all of them, whatever they compute."""
        for child in self.open():
            self._discard(child)
        self._current = self._reserve = None
        self.reap()

    def reap(self) -> None:
        self._ended = [process for process in self._ended if process.poll() is None]

    def _is_running(self, run: int) -> bool:
        return self._running is not None and self._running[0] == run

    def _promote(self) -> None:
        self._current = self._reserve or Child(self._setup)
        self._reserve = Child(self._setup) if self._is_started else None

    def _discard(self, child: Child) -> None:
        child.end()
        self._ended.append(child.process)
        self.reap()

    def _post(self, run: int, task: Task | FinishTask) -> None:
        assert self._current is not None
        frames: list[bytes] = []
        if isinstance(task, FinishTask):
            frames = [encode_npy(array) for array in task.arrays.values()]
            task = FinishTask(task.params, task.rows, dict.fromkeys(task.arrays))  # type: ignore[arg-type]
        try:
            self._current.channel.send(("run", run, task), frames)
        except OSError:
            # It is gone: its pipe tells at the next turn, and the run ends then.
            return

    def _on_message(self, child: Child, message: Message) -> list[TaskEnd]:
        kind, *rest = message.header
        if kind == "loaded":
            child.is_loaded = True
            return []
        if kind == "unloadable":
            child.cause = rest[0]
            return []
        run, what, work = rest
        if child is not self._current or not self._is_running(run):
            return []
        self._running = None
        if kind == "failed":
            return [TaskFailed(run, what, work)]
        return [TaskComputed(run, PartFrames(what, message.frames), work)]

    def _on_death(self, child: Child) -> list[TaskEnd]:
        cause = child.cause or child.died_of()
        was_loaded = child.is_loaded
        self._discard(child)
        if child is self._reserve:
            # Nothing is lost; another one is made when it is needed.
            self._reserve = None
            return []
        self._current = None
        if not was_loaded and not self._is_started:
            raise BinglideError("E_SERVICE", f"{self._name} does not load: {cause}")
        if was_loaded:
            self._promote()
        if self._running is None:
            return []
        (run, task), self._running = self._running, None
        span = None if isinstance(task, FinishTask) else (task.runs[0][0], task.runs[-1][1])
        text = f"{self._name} ended its process: {cause}"
        return [TaskFailed(run, Fault("E_SERVICE", text, service=self._name, range=span), _NOTHING_DONE)]
