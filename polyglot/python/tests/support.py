"""What tests of real processes share: where the built broker is, files, tasks, brokers and workers that end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
DIST = Path(os.environ.get("BINGLIDE_DIST", PACKAGE.parents[1] / "dist"))
SERVICES = Path(__file__).resolve().parent / "services"


def environment(**more: str) -> dict[str, str]:
    """This package and this interpreter, for whatever is started."""
    own = {"PYTHONPATH": str(PACKAGE / "src"), "PYTHONUNBUFFERED": "1", "BINGLIDE_PYTHON": sys.executable}
    return {**os.environ, **own, **more}


class Processes:
    """Everything that a test started; ended by id when the test ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **more: object) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self._started)}.log").open("wb")
        options: dict[str, object] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "env": environment()}
        process = subprocess.Popen(command, **{**options, **more})  # type: ignore[call-overload]
        log.close()
        self._started.append(process)
        return process  # type: ignore[no-any-return]

    def log_of(self, process: subprocess.Popen[bytes]) -> str:
        return (self.folder / f"{self._started.index(process)}.log").read_text("utf-8", "replace")

    def worker(self, *arguments: str, **more: object) -> subprocess.Popen[bytes]:
        """``worker("period.py", …)`` of tests/services, or ``worker("-m", "binglide.services.hist", …)``."""
        first, *rest = arguments
        head = [first] if first.startswith("-") else [str(SERVICES / first)]
        return self.start(sys.executable, *head, *rest, **more)

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            if process.poll() is None:
                process.kill()
                process.wait(5)
