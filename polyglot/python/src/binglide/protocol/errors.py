"""Every error that a person or a program can receive: one code each, with what the reader can do about it.

A peer's fault becomes one of these codes and travels as an ERROR message. ``BinglideError`` is what callers catch;
``Invalid`` is what decoders raise, and nothing else, on bytes that do not follow the specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ERROR_CATALOGUE: Final[dict[str, str]] = {
    "E_NOT_FOUND": "check the path",
    "E_DIRECTORY": "name a file; -r takes all files of a folder",
    "E_ACCESS": "ask for read permission, or run as a user who has it",
    "E_NOT_SEEKABLE": "save it to a regular file first",
    "E_OUTSIDE_ROOTS": "start the daemon with --root on a folder that holds the file",
    "E_IO": "the disk or file system failed; read the cause in the message",
    "E_CHANGED": "let the writer finish, or name a --range that no longer changes",
    "E_RANGE": "choose a range inside the file",
    "E_CELLS": "ask for fewer cells, or a larger --block",
    "E_PARAM": "correct the parameter; `binglide services` lists them",
    "E_USAGE": "see --help",
    "E_NO_SERVICE": "choose a service that is there; `binglide services` lists them",
    "E_SERVICE": "the fault is in the service, not in the request",
    "E_STALLED": "the service made no progress and was ended; try a smaller range or mend the service",
    "E_CRASHED": "a worker died on this piece three times; the message names it",
    "E_CANCELLED": "the job was cancelled; the same request goes on from what is kept",
    "E_BUSY": "the broker has as many jobs as it takes; wait for one to end",
    "E_NO_JOB": "no such job is running; `binglide jobs` lists them",
    "E_NO_BROKER": "start one with `binglide up`, or leave --broker out",
    "E_BROKER_LOST": "the broker went away and did not come back; ask again",
    "E_EXPIRED": "the answer is no longer kept; ask again",
    "E_INTERNAL": "this is a bug of binglide: please report it with DEBUG=binglide:* set",
    "E_PROTOCOL": "the peer does not follow the specification; read protocol/BXMDPv2.md",
}

#: Longer texts of errors are cut by whoever reads them.
MESSAGE_CHARS_MAX: Final = 4096


def is_error_code(code: object) -> bool:
    return isinstance(code, str) and code in ERROR_CATALOGUE


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as it travels: ``message`` is one line that names the cause and, where it helps, the way out."""

    code: str
    message: str
    job_id: str | None = None
    service: str | None = None
    #: [start, end) in bytes, where the fault belongs to a piece of the input.
    range: tuple[int, int] | None = None


class BinglideError(Exception):
    """What callers of the package catch: ``code`` is of ERROR_CATALOGUE; ``message`` names cause and way out."""

    code: str
    message: str
    job_id: str | None
    service: str | None
    range: tuple[int, int] | None

    def __init__(
        self,
        code: str,
        message: str,
        *,
        job_id: str | None = None,
        service: str | None = None,
        range: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.job_id = job_id
        self.service = service
        self.range = range

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_error_of, (self.to_fault(),))

    def to_fault(self) -> Fault:
        return Fault(self.code, self.message, self.job_id, self.service, self.range)


def error_of(fault: Fault) -> BinglideError:
    """The error that a fault off the wire stands for."""
    return BinglideError(fault.code, fault.message, job_id=fault.job_id, service=fault.service, range=fault.range)


_error_of = error_of


class Invalid(Exception):
    """Bytes of a peer that do not follow the specification. The only thing that a decoder raises."""
