"""What the main process and the compute child share while compute holds the latter: which run is to stop, and how far
the running one has come. Runs are numbered from 1; there is no reset to race with.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Final

_BYTES: Final = 24
_CANCEL, _RUN, _DONE = 0, 1, 2


class Flags:
    """Three 64-bit words of shared memory. Each is written by one side only."""

    def __init__(self, fd: int | None = None) -> None:
        if fd is None:
            with tempfile.TemporaryFile() as file:
                file.truncate(_BYTES)
                self.fd = os.dup(file.fileno())
        else:
            self.fd = fd
        self._map = mmap.mmap(self.fd, _BYTES)
        self._words = memoryview(self._map).cast("q")

    def cancel(self, run: int) -> None:
        self._words[_CANCEL] = run

    def is_cancelled(self, run: int) -> bool:
        return self._words[_CANCEL] == run

    def progressed(self, run: int, bytes_done: int) -> None:
        """Bytes first: whoever sees the new run must not see the old one's bytes."""
        self._words[_DONE] = bytes_done
        self._words[_RUN] = run

    def bytes_done(self, run: int) -> int:
        return self._words[_DONE] if self._words[_RUN] == run else 0

    def close(self) -> None:
        self._words.release()
        self._map.close()
        os.close(self.fd)
