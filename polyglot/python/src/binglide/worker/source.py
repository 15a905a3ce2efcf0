"""Inputs of a task: opened read-only, held to the identity that the task names, read into buffers that are used again.

Rules (W-2, W-3, W-13): only regular files, only under the roots after all links are followed. A file that is not what
the task names, or no longer is when the reading ends, is E_CHANGED. Nothing is opened that is not known to be regular:
to open a device can act on it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from typing import Final

from ..protocol.errors import BinglideError
from ..protocol.payloads import StatIdentity, TaskInput

#: Folders that files may be opened in, links followed.
Roots = Sequence[bytes]

#: Reads up to here tell what a seek costs: the bytes themselves take next to nothing.
_SHORT_READ_BYTES: Final = 64 << 10
#: So few seeks tell nothing.
_SEEKS_MIN: Final = 2

_BY_ERRNO: Final = {
    "ENOENT": ("E_NOT_FOUND", "no such file"),
    "ENOTDIR": ("E_NOT_FOUND", "no such file"),
    "ENAMETOOLONG": ("E_NOT_FOUND", "no such file"),
    "ELOOP": ("E_NOT_FOUND", "its links go round in a circle"),
    "EACCES": ("E_ACCESS", "permission denied"),
    "EPERM": ("E_ACCESS", "permission denied"),
    "EISDIR": ("E_DIRECTORY", "is a folder"),
    "ENXIO": ("E_NOT_SEEKABLE", "is no regular file"),
    "ESPIPE": ("E_NOT_SEEKABLE", "is no regular file"),
}


def _read_at(fd: int, target: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(fd, [target], offset)
    data = os.pread(fd, len(target), offset)
    target[: len(data)] = data
    return len(data)


def resolve_roots(folders: Sequence[str]) -> list[bytes]:
    """Raises E_NOT_FOUND where a root is not there."""
    found = []
    for folder in folders:
        try:
            found.append(os.fsencode(os.path.realpath(folder, strict=True)))
        except OSError:
            raise BinglideError("E_NOT_FOUND", f"--root {folder}: no such folder") from None
    return found


def stat_identity(state: os.stat_result) -> StatIdentity:
    return StatIdentity(
        str(state.st_dev), str(state.st_ino), state.st_size, str(state.st_mtime_ns), str(state.st_ctime_ns)
    )


class Source:
    """One open input; close it. Raises typed errors that name the file."""

    def __init__(self, task_input: TaskInput, roots: Roots) -> None:
        self.name = task_input.path.decode("utf-8", "replace")
        self.identity = task_input.identity
        self.bytes_read = 0
        #: Time spent waiting for reads, in milliseconds.
        self.read_ms = 0.0
        self._position = -1
        self._seeks = 0
        self._seek_ms = 0.0
        try:
            self._fd = _open_regular(task_input.path, self.name, roots)
        except OSError as error:
            raise _typed(error, self.name) from None
        try:
            self.check_unchanged()
            if self.identity.size == 0:
                self._check_empty()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        return self.identity.size

    @property
    def seek_ms(self) -> float | None:
        """Mean time of a short read elsewhere than where the last one ended; None: too few to tell."""
        return None if self._seeks < _SEEKS_MIN else self._seek_ms / self._seeks

    def will_need(self, offset: int, length: int) -> None:
        """The system may begin to read these bytes while others are computed."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._fd, offset, length, os.POSIX_FADV_WILLNEED)

    def read_into(self, target: memoryview, offset: int) -> None:
        """Fills ``target`` with the bytes from ``offset`` on."""
        began = time.perf_counter()
        length, done = len(target), 0
        while done < length:
            try:
                got = _read_at(self._fd, target[done:] if done else target, offset + done)
            except OSError as error:
                raise _typed(error, self.name) from None
            if got == 0:
                self.check_unchanged()
                raise BinglideError("E_CHANGED", f"{self.name} ends at {offset + done}, before its {self.size} bytes")
            done += got
        self.bytes_read += length
        self._timed((time.perf_counter() - began) * 1e3, offset, length)

    def _timed(self, ms: float, offset: int, length: int) -> None:
        self.read_ms += ms
        if offset != self._position and length <= _SHORT_READ_BYTES:
            self._seeks += 1
            self._seek_ms += ms
        self._position = offset + length

    def check_unchanged(self) -> None:
        """Called before the first byte and after the last."""
        try:
            now = stat_identity(os.fstat(self._fd))
        except OSError as error:
            raise _typed(error, self.name) from None
        if now == self.identity:
            return
        word = "grew" if now.size > self.size else "shrank" if now.size < self.size else "changed"
        raise BinglideError("E_CHANGED", f"{self.name} {word} while it was read")

    def close(self) -> None:
        os.close(self._fd)

    def _check_empty(self) -> None:
        """Some files of /proc say that they are empty and yield bytes."""
        try:
            is_empty = os.pread(self._fd, 1, 0) == b""
        except OSError as error:
            raise _typed(error, self.name) from None
        if not is_empty:
            self.check_unchanged()
            raise BinglideError("E_NOT_SEEKABLE", f"{self.name} says that it is empty but yields bytes")


def _open_regular(path: bytes, name: str, roots: Roots) -> int:
    if path[:1] != b"/" or b"\0" in path:
        raise BinglideError("E_PROTOCOL", f"path {name!r} is not absolute")
    real = os.path.realpath(path, strict=True)
    if not any(_is_under(root, real) for root in roots):
        raise BinglideError("E_OUTSIDE_ROOTS", f"{name} is outside the open folders")
    _check_regular(os.stat(real), name)
    # Links are followed already; O_NONBLOCK: what became a pipe meanwhile must not hold us.
    fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_regular(os.fstat(fd), name)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _is_under(root: bytes, path: bytes) -> bool:
    return path == root or path.startswith(root if root.endswith(b"/") else root + b"/")


def _check_regular(state: os.stat_result, name: str) -> None:
    mode = state.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise BinglideError("E_DIRECTORY", f"{name} is a folder")
    kinds = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFBLK: "a block device",
        stat.S_IFCHR: "a character device",
        stat.S_IFSOCK: "a socket",
    }
    raise BinglideError("E_NOT_SEEKABLE", f"{name} is {kinds.get(stat.S_IFMT(mode), 'no regular file')}")


def _typed(error: OSError, name: str) -> BinglideError:
    import errno

    code, text = _BY_ERRNO.get(errno.errorcode.get(error.errno or 0, ""), ("E_IO", error.strerror or str(error)))
    return BinglideError(code, f"{name}: {text}")
