"""Computes one task: opens inputs, reads rows, lets the service compute, folds, and makes the part.

Runs in the compute child; tests call it directly. Rules: the cancel flag is tested and progress told between calls of
compute, which take about 20 ms or a row; every failure comes out as TaskFailure with a typed error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from ..protocol.errors import BinglideError, Fault
from ..protocol.grid import Span
from ..protocol.params import check_params
from ..protocol.payloads import FinishTask, PartFrames, Task, TaskWork
from . import finish
from .blame import blamed
from .fold import PartBuilder
from .rows import BATCH_BYTES_MAX, BATCH_BYTES_MIN, Cut, Grid, cut
from .service import Definition, Service, file_of
from .source import Roots, Source
from .task import Cancelled, TaskView
from .thinning import Thinning

Bytes = npt.NDArray[np.uint8]

#: A call of compute is to take about so long, so that a slow service need not test the cancel flag itself.
BATCH_MS: Final = 20.0
#: The overlap of a row at the most.
OVERLAP_BYTES_MAX: Final = 64 << 20
#: So much of a run the system is told of before it is read.
_AHEAD_BYTES: Final = 8 << 20


class TaskHost(Protocol):
    """What the engine needs of whoever runs it."""

    def is_cancelled(self) -> bool: ...

    def progressed(self, bytes_done: int) -> None: ...


@dataclass(frozen=True, slots=True)
class TaskResult:
    part: PartFrames
    work: TaskWork


class TaskFailure(Exception):
    """A failed task's fault with what it cost."""

    def __init__(self, fault: Fault, work: TaskWork) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.work = work


class Engine:
    """One service's engine: keeps its instance, its buffers and its pace between tasks."""

    def __init__(self, definition: Definition, roots: Roots) -> None:
        self.definition = definition
        self.roots = roots
        self.service: Service = definition.cls()
        self.file = str(file_of(definition.cls))
        self.batch_bytes = BATCH_BYTES_MIN
        self._buffers: list[Bytes] = [np.empty(0, np.uint8), np.empty(0, np.uint8)]

    def run(self, task: Task | FinishTask, host: TaskHost) -> TaskResult:
        """Raises TaskFailure and nothing else."""
        began = time.perf_counter()
        sources: list[Source] = []
        try:
            self._set_params(task)
            if isinstance(task, FinishTask):
                part = finish.run(self.definition, self.service, task, self.file)
            else:
                self._check(task)
                sources.extend(Source(item, self.roots) for item in task.inputs)
                part = _TaskRun(self, task, sources, host).run()
            return TaskResult(part, _work(sources, began))
        except (Exception, Cancelled) as error:
            raise TaskFailure(self._fault_of(error, task, host), _work(sources, began)) from error
        finally:
            for source in sources:
                source.close()

    def buffer(self, index: int, length: int) -> Bytes:
        """Bytes that are used again by the next call."""
        if len(self._buffers[index]) < length:
            self._buffers[index] = np.empty(max(length, BATCH_BYTES_MAX + (64 << 10)), np.uint8)
        return self._buffers[index]

    def pace(self, size: int, ms: float) -> None:
        aim = size / max(ms, 0.01) * BATCH_MS
        self.batch_bytes = int(max(BATCH_BYTES_MIN, min(BATCH_BYTES_MAX, aim)))

    def _set_params(self, task: Task | FinishTask) -> None:
        descriptor = self.definition.descriptor
        for name, value in check_params(descriptor.name, descriptor.params, task.params).items():
            setattr(self.service, name, value)

    def _check(self, task: Task) -> None:
        descriptor = self.definition.descriptor
        if len(task.inputs) != descriptor.inputs:
            text = f"task of {descriptor.name}: {len(task.inputs)} inputs, not {descriptor.inputs}"
            raise BinglideError("E_PROTOCOL", text)

    def _fault_of(self, error: BaseException, task: Task | FinishTask, host: TaskHost) -> Fault:
        service = self.definition.descriptor.name
        if isinstance(error, Cancelled) or host.is_cancelled():
            return Fault("E_CANCELLED", "the task was cancelled", service=service)
        span = None if isinstance(task, FinishTask) else (task.runs[0][0], task.runs[-1][1])
        if isinstance(error, BinglideError):
            fault = error.to_fault()
            return Fault(fault.code, fault.message, service=service, range=fault.range or span)
        failed = blamed(service, error, self.file, "in its engine")
        return Fault(failed.code, failed.message, service=service, range=span)


def _work(sources: Sequence[Source], began: float) -> TaskWork:
    seeks = [source.seek_ms for source in sources if source.seek_ms is not None]
    return TaskWork(
        bytes_read=sum(source.bytes_read for source in sources),
        ms=(time.perf_counter() - began) * 1e3,
        seek_ms=max(seeks) if seeks else None,
    )


class _TaskRun:
    """One task under way."""

    def __init__(self, engine: Engine, task: Task, sources: list[Source], host: TaskHost) -> None:
        definition = engine.definition
        descriptor = definition.descriptor
        self._engine, self._task, self._sources, self._host = engine, task, sources, host
        self._overlap = definition.size_of(descriptor.overlap, vars(engine.service))
        self._shift = definition.size_of(descriptor.shift, vars(engine.service))
        if not 0 <= self._overlap <= OVERLAP_BYTES_MAX:
            text = f"{descriptor.name}: an overlap of {self._overlap} is not within 0 and {OVERLAP_BYTES_MAX} bytes"
            raise BinglideError("E_PARAM", text)
        start, end = task.runs[0][0], task.runs[-1][1]
        #: Where the inputs end, in positions of the first.
        self._sizes = tuple(source.size - (self._shift if i else 0) for i, source in enumerate(sources))
        if start < end and (end > min(self._sizes) or start + self._shift < 0):
            text = f"[{start}, {end}) is not inside {sources[0].name}, which has {min(self._sizes)} bytes there"
            raise BinglideError("E_CHANGED", text)
        span = Span(start, end, task.cell_bytes)
        sampled = task.kind == "sample"
        self._builder = PartBuilder(definition, engine.service, span, task.form, sampled=sampled)
        self._view = TaskView(task.form, tuple(source.size for source in sources), self._check)
        # Bytes whose rows are computed, and of the call under way.
        self._done = 0
        self._calling = 0
        self._pending = _Pending()

    def run(self) -> PartFrames:
        if self._task.kind == "sample":
            self._run_sample()
        else:
            self._run_exact(*self._task.runs[0])
        if self._host.is_cancelled():
            raise Cancelled
        for source in self._sources:
            source.check_unchanged()
        return self._builder.frames()

    def _run_exact(self, start: int, end: int) -> None:
        at = told = start
        while at < end:
            if at >= told:
                told = min(end, at + _AHEAD_BYTES)
                self._will_need(at, told)
            piece = self._cut(at, end)
            inputs = [self._read(piece, index) for index in range(len(self._sources))]
            self._call(inputs, piece.start + piece.own * np.arange(piece.rows), piece.own, np.zeros(piece.rows, int))
            at = piece.end

    def _run_sample(self) -> None:
        """Short runs of the same length share calls; where reads are slow, some runs are passed over."""
        runs = self._task.runs
        thinning = Thinning(len(runs), math.inf if self._task.read_ms_max is None else self._task.read_ms_max)
        at, before = 0, 0.0
        while at < len(runs):
            start, end = runs[at]
            while start < end:
                piece = self._cut(start, end)
                self._gather(piece, at)
                start = piece.end
            now = sum(source.read_ms for source in self._sources)
            at, before = thinning.next(at, now - before), now
        self._flush()

    def _gather(self, piece: Cut, run: int) -> None:
        if self._host.is_cancelled():
            raise Cancelled
        pending = self._pending
        if piece.rows > 1:
            self._flush()
            inputs = [self._read(piece, index) for index in range(len(self._sources))]
            starts = piece.start + piece.own * np.arange(piece.rows)
            self._call(inputs, starts, piece.own, np.full(piece.rows, run))
            return
        if pending.starts and not pending.takes(piece, self._engine.batch_bytes):
            self._flush()
        slot = len(pending.starts)
        for index, source in enumerate(self._sources):
            width = piece.own + piece.ahead[index]
            buffer = self._engine.buffer(index, max((slot + 1) * width, pending.room(piece, index)))
            target = buffer[slot * width : (slot + 1) * width]
            source.read_into(target.data, piece.start + (self._shift if index else 0))
        pending.add(piece, run)

    def _flush(self) -> None:
        pending = self._pending
        if not pending.starts:
            return
        inputs = []
        for index in range(len(self._sources)):
            width = pending.own + pending.ahead[index]
            held = self._engine.buffer(index, 0)[: len(pending.starts) * width].reshape(len(pending.starts), width)
            held.flags.writeable = False
            inputs.append(held)
        starts, runs = np.array(pending.starts, np.int64), np.array(pending.runs, np.int64)
        pending.starts, pending.runs = [], []
        self._call(inputs, starts, pending.own, runs)

    def _cut(self, start: int, end: int) -> Cut:
        # A block is computed in one piece: it is a row, and never a stretch of it.
        whole = self._task.form == "whole"
        row = None if whole else self._engine.definition.cls.row
        stretch = BATCH_BYTES_MAX if whole else self._engine.batch_bytes
        grid = Grid(self._task.cell_bytes, row, stretch)
        return cut(start, end, grid, self._engine.batch_bytes, self._overlap, self._sizes)

    def _will_need(self, start: int, end: int) -> None:
        for index, source in enumerate(self._sources):
            source.will_need(start + (self._shift if index else 0), end - start)

    def _read(self, piece: Cut, index: int) -> Bytes:
        """The rows of one input: a view of the buffer in which rows overlap."""
        length = piece.own * piece.rows + piece.ahead[index]
        held = self._engine.buffer(index, length)[:length]
        self._sources[index].read_into(held.data, piece.start + (self._shift if index else 0))
        return rows_of(held, piece.rows, piece.own, piece.ahead[index])

    def _call(self, inputs: list[Bytes], starts: Any, own: int, runs: Any) -> None:
        if self._host.is_cancelled():
            raise Cancelled
        engine, view = self._engine, self._view
        view.own, view.start, view.rows = own, starts, len(starts)
        size = self._calling = own * len(starts)
        began = time.perf_counter()
        try:
            self._builder.take(engine.service.compute(*inputs, view), starts, runs, own)
        except Cancelled:
            raise
        except (Exception, SystemExit, GeneratorExit) as error:
            raise blamed(engine.definition.descriptor.name, error, engine.file, f"at 0x{starts[0]:x}") from error
        engine.pace(size, (time.perf_counter() - began) * 1e3)
        self._done += size
        self._host.progressed(self._done)

    def _check(self, done: float) -> None:
        if self._host.is_cancelled():
            raise Cancelled
        if done > 0:
            self._host.progressed(self._done + int(min(done, 1.0) * self._calling))


def rows_of(held: Bytes, rows: int, own: int, ahead: int) -> Bytes:
    """uint8[rows, own + ahead], read-only; rows overlap in memory, nothing is copied."""
    view: Bytes = np.ndarray((rows, own + ahead), np.uint8, held, 0, (own, 1))
    view.flags.writeable = False
    return view


class _Pending:
    """Runs of a sample that wait for their call, in slots of the buffers."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.runs: list[int] = []
        self.own = 0
        self.ahead: tuple[int, ...] = ()

    def takes(self, piece: Cut, batch_bytes: int) -> bool:
        is_alike = piece.own == self.own and piece.ahead == self.ahead
        return is_alike and (len(self.starts) + 1) * (piece.own + max(piece.ahead)) <= batch_bytes

    def room(self, piece: Cut, index: int) -> int:
        """So many bytes the buffer has to have, that it need not grow while slots are in it."""
        width = piece.own + piece.ahead[index]
        return max(1, BATCH_BYTES_MAX // width) * width if not self.starts else 0

    def add(self, piece: Cut, run: int) -> None:
        self.own, self.ahead = piece.own, piece.ahead
        self.starts.append(piece.start)
        self.runs.append(run)
