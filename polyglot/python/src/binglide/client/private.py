"""A broker of our own: a child process that ends when its standard input does, so whatever ends us ends it.

It runs in a session of its own: Ctrl-C in a terminal is for the program that asks, and cancels its job; it must not
take the broker away from under it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

from ..protocol.errors import BinglideError

#: From its start to its first line.
_START_S_MAX: Final = 10.0
#: From the end of its standard input to its own; then it is ended.
_STOP_S_MAX: Final = 5.0
#: What is kept of its complaints for an error message.
_COMPLAINT_BYTES_MAX: Final = 400
_NAME: Final = "binglide-broker"
_ENDPOINT: Final = re.compile(rb"[a-z]+://[!-~]+\r?\n")
_WAY_OUT: Final = (
    "install it with `npm install -g binglide`, name it with connect(program=...) or $BINGLIDE_PROGRAM, "
    "or start `binglide up` and connect to that"
)


def broker_program(given: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> list[str]:
    """The command that starts a broker: ``given``, else $BINGLIDE_PROGRAM, else ``binglide-broker`` on the PATH.

    A script (.js) is run with node. Raises E_NO_BROKER that says how to get one.
    """
    named = os.fspath(given) if given is not None else environment.get("BINGLIDE_PROGRAM")
    path = shutil.which(named or _NAME, path=environment.get("PATH"))
    if named and named.endswith((".js", ".mjs")) and os.path.isfile(named):
        node = shutil.which("node", path=environment.get("PATH"))
        if node is None:
            raise BinglideError("E_NO_BROKER", f"{named} runs with node, which is not on the PATH; install Node.js")
        return [node, os.path.abspath(named)]
    if path is None:
        missing = f"there is no program {named}" if named else f"no broker runs and {_NAME} is not on the PATH"
        raise BinglideError("E_NO_BROKER", f"{missing}; {_WAY_OUT}")
    return [path]


class PrivateBroker:
    """A running one. ``on_end`` is called once, from a thread of its own, with the cause when the process is over."""

    def __init__(self, command: Sequence[str]) -> None:
        """Starts it and waits for its endpoint; raises E_NO_BROKER where it does not come up."""
        try:
            self._process = subprocess.Popen(
                [*command, "--private", "--parent"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise _no_start(error.strerror or str(error), b"") from None
        self._complaint = b""
        self._line = b""
        self._said = threading.Event()
        self._lock = threading.Lock()
        self._on_end: Callable[[str], None] | None = None
        self._cause: str | None = None
        readers = [self._start(self._listen), self._start(self._note)]
        self._watcher = self._start(lambda: self._watch(readers))
        try:
            fault = self._fault_of_start()
        except BaseException:
            self.kill()
            raise
        if fault is not None:
            self.kill()
            raise _no_start(fault, self._complaint)
        self.endpoint: str = self._line.decode().strip()

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, on_end: Callable[[str], None]) -> None:
        with self._lock:
            self._on_end = on_end
            cause = self._cause
        if cause is not None:
            on_end(cause)

    def let_go(self) -> None:
        """Asks it to end, and does not wait for that."""
        _close(self._process.stdin)

    def stop(self) -> None:
        """Asks it to end and waits until it has."""
        self.let_go()
        self._watcher.join(_STOP_S_MAX)
        self.kill()

    def kill(self) -> None:
        self.let_go()
        if self._watcher.is_alive():
            self._process.kill()
            self._watcher.join(_STOP_S_MAX)

    def _start(self, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, name="binglide-broker", daemon=True)
        thread.start()
        return thread

    def _fault_of_start(self) -> str | None:
        """What is wrong with its first line; None where that is its endpoint."""
        if not self._said.wait(_START_S_MAX):
            return f"said nothing for {_START_S_MAX:g} s"
        if not self._line:
            return self._cause
        if not _ENDPOINT.fullmatch(self._line):
            return "said something else than its endpoint"
        return None

    def _listen(self) -> None:
        assert self._process.stdout is not None
        self._line = self._process.stdout.readline(4096)
        if self._line:
            self._said.set()
        while self._process.stdout.read(65536):
            pass

    def _note(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._complaint = (self._complaint + line)[-_COMPLAINT_BYTES_MAX:]

    def _watch(self, readers: Sequence[threading.Thread]) -> None:
        code = self._process.wait()
        # Its last words may still be in the pipes, which a slot that outlives it for a moment may hold open.
        for reader in readers:
            reader.join(1.0)
        if not any(reader.is_alive() for reader in readers):
            _close(self._process.stdout)
            _close(self._process.stderr)
        with self._lock:
            self._cause = f"signal {-code}" if code < 0 else f"exit code {code}"
            on_end = self._on_end
        self._said.set()
        _close(self._process.stdin)
        if on_end is not None:
            on_end(self._cause)


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        pass  # nobody reads it any more: that is what was wanted


def _no_start(cause: str, complaint: bytes) -> BinglideError:
    line = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
    text = f"a broker of our own could not be started ({cause})"
    return BinglideError("E_NO_BROKER", f"{text}: {line}" if line else text)
