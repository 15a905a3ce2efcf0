"""What messages carry: queries, tasks and their parts, reports.

Paths are bytes, offsets are exclusive at their end, times are in milliseconds.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .codec import Buffer
from .npy import Array
from .params import ParamValue

DEFAULT_CELLS: typing.Final = 1024
#: A partial report with more array bytes (as float64) is acknowledged (C-12).
LARGE_REPORT_BYTES: typing.Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of a resource; today a whole file: offset 0, length None or the file's size."""

    path: bytes
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True)
class StatIdentity:
    """What tells two states of a file apart without reading it. Numbers past 2^53-1 are text."""

    dev: str
    ino: str
    size: int
    mtime_ns: str
    ctime_ns: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks of a service with a descriptor.

    ``range``: (start, end) in bytes, negative from the end, end None for the end of the longest input.
    """

    service: str
    inputs: tuple[tuple[Extent, ...], ...]
    version: int | str | None = None
    range: tuple[int, int | None] = (0, None)
    cells: int = DEFAULT_CELLS
    snap: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
    cache: bool = True


@dataclass(frozen=True, slots=True)
class TaskInput:
    path: bytes
    identity: StatIdentity


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker gets. ``exact``: one run; ``sample``: many short ones, ascending, each inside one cell."""

    kind: str
    inputs: tuple[TaskInput, ...]
    #: [start, end) pairs in bytes of the first input.
    runs: tuple[tuple[int, int], ...]
    #: Cells of the part: multiples of this from offset 0; 0: none.
    cell_bytes: int
    form: str
    params: Mapping[str, ParamValue]
    #: A sample that would spend longer on reading, in milliseconds, reads fewer of its runs.
    read_ms_max: float | None = None


@dataclass(frozen=True, slots=True)
class FinishTask:
    """A merged part to finish: ``rows`` rows of each array, the report's cells and, last, the range as a whole."""

    params: Mapping[str, ParamValue]
    rows: int
    #: Read-only, by name: ``n`` and the fields that add up; first axis or numbers in a multiple of ``rows``.
    arrays: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class TaskWork:
    """What a task cost; ``seek_ms``: mean time of a short read elsewhere than where the last one ended."""

    bytes_read: int
    ms: float
    seek_ms: float | None = None


@dataclass(frozen=True, slots=True)
class InputReport:
    path: bytes
    size: int
    #: BLAKE3 of the content in hex; None while unknown.
    hash: str | None
    #: The provisional name made from the file's state.
    identity: str


@dataclass(frozen=True, slots=True)
class Work:
    bytes_read: int
    bytes_hashed: int
    tasks: int
    chunks_cached: int
    chunks_computed: int
    first_report_ms: float | None
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A scalar that is a place: so many bytes from ``start``."""

    start: int
    length: int


Scalar = int | float | bool | None | Stretch


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the header map, and its arrays as read-only views of the frames, ``cells.<name>`` along the cells."""

    job_id: str
    service: str
    version: int | str
    inputs: tuple[InputReport, ...]
    range: tuple[int, int]
    #: Exact bytes by all bytes, 0 to 1.
    completion: float
    exact: bool
    #: Width of the cells in bytes; 0: none.
    cell_bytes: int
    scalars: Mapping[str, Scalar]
    arrays: Mapping[str, Array]
    work: Work

    @property
    def is_large(self) -> bool:
        return sum(array.size * 8 for array in self.arrays.values()) > LARGE_REPORT_BYTES


@dataclass(frozen=True, slots=True)
class Limits:
    message_bytes_max: int
    jobs_max: int


@dataclass(frozen=True, slots=True)
class PartFrames:
    """A part as it travels: names, and one array frame each."""

    arrays: tuple[str, ...]
    frames: tuple[Buffer, ...]
