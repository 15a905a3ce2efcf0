"""Times the author's bare function: rows as a task would have them, read beforehand, nothing folded or checked."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..protocol.errors import BinglideError
from ..protocol.params import check_params
from .engine import rows_of
from .rows import BATCH_BYTES_MAX, Grid, cut
from .service import Definition
from .task import TaskView


def bare(
    definition: Definition, file: str, piece_bytes: int, cell_bytes: int, params: Mapping[str, Any]
) -> dict[str, Any]:
    """``{"pieces": n, "bytes": b, "ms": [ms of each piece]}``: whole pieces only, unless the file is smaller.

    Raises E_PARAM for parameters that the service does not take, E_USAGE for a service of two inputs, and typed errors
    where the file cannot be read.
    """
    descriptor = definition.descriptor
    if descriptor.inputs != 1:
        raise BinglideError("E_USAGE", f"{descriptor.name} takes two inputs; --bare is for services of one")
    service = definition.cls()
    for name, value in check_params(descriptor.name, descriptor.params, params).items():
        setattr(service, name, value)
    overlap = definition.size_of(descriptor.overlap, vars(service))
    grid = Grid(cell_bytes, definition.cls.row, BATCH_BYTES_MAX)
    try:
        with open(file, "rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            ends = list(range(piece_bytes, size + 1, piece_bytes)) or [size][:size]
            times = []
            view = TaskView("summed", (size,), lambda done: None)
            for start, end in zip([0, *ends], ends, strict=False):
                held = np.frombuffer(os.pread(opened.fileno(), end - start + overlap, start), np.uint8)
                times.append(_piece(service, view, held, start, end, grid, overlap))
    except OSError as error:
        raise BinglideError("E_NOT_FOUND", f"{file}: {error.strerror}") from None
    return {"pieces": len(times), "bytes": ends[-1] if ends else 0, "ms": times}


def _piece(service: Any, view: TaskView, held: Any, start: int, end: int, grid: Grid, overlap: int) -> float:
    calls = []
    at = start
    while at < end:
        piece = cut(at, end, grid, BATCH_BYTES_MAX, overlap, (start + len(held),))
        first = at - start
        rows = held[first : first + piece.rows * piece.own + piece.ahead[0]]
        calls.append((rows_of(rows, piece.rows, piece.own, piece.ahead[0]), piece))
        at = piece.end
    began = time.perf_counter()
    for x, piece in calls:
        view.own, view.rows, view.start = piece.own, piece.rows, piece.start + piece.own * np.arange(piece.rows)
        service.compute(x, view)
    return (time.perf_counter() - began) * 1e3
