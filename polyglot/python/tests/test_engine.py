"""The engine on real files: parts against plain NumPy, any split folds to the whole, and every refusal by its code."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import SERVICES
from test_twins import QuietHost, identity_of, task_of

from binglide.protocol.npy import decode_npy, dtype_name
from binglide.protocol.payloads import FinishTask, PartFrames, StatIdentity, Task, TaskInput
from binglide.worker import field, param
from binglide.worker.engine import Engine, TaskFailure
from binglide.worker.service import Service, define

sys.path.insert(0, str(SERVICES))

import itertools

from shapes import Both, Shapes


def computed(engine: Engine, task: Task) -> dict[str, Any]:
    part: PartFrames = engine.run(task, QuietHost()).part
    return {name: decode_npy(frame) for name, frame in zip(part.arrays, part.frames, strict=True)}


def failed(engine: Engine, task: Task | FinishTask) -> tuple[str, str]:
    with pytest.raises(TaskFailure) as caught:
        engine.run(task, QuietHost())
    return caught.value.fault.code, caught.value.fault.message


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(define(Shapes), [os.fsencode(os.path.realpath(tmp_path))])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(11)
    content = random.integers(0, 12, 50_017, np.uint8)
    content[9_000:12_345] = 0
    path = tmp_path / "data.bin"
    path.write_bytes(content.tobytes())
    return path


def zero_runs(cell: Any, start: int) -> list[int]:
    """[start, n, lead, trail, bestStart, bestLength], the slow way."""
    runs, at = [], 0
    while at < len(cell):
        end = at
        while end < len(cell) and cell[end] == 0:
            end += 1
        if end > at:
            runs.append((at, end))
        at = max(end, at + 1)
    best = max(runs, key=lambda run: (run[1] - run[0], -run[0]), default=None)
    lead = runs[0][1] if runs and runs[0][0] == 0 else 0
    trail = len(cell) - runs[-1][0] if runs and runs[-1][1] == len(cell) else 0
    found = (start + best[0], best[1] - best[0]) if best else (0, 0)
    return [start, len(cell), lead, trail, *found]


def sevens(cell: Any, start: int, gap: int, limit: int) -> tuple[list[list[int]], list[int]]:
    intervals: list[list[int]] = []
    for at in (np.flatnonzero(cell == 7) + start).tolist():
        if intervals and at - intervals[-1][1] <= gap:
            intervals[-1][1] = at + 1
        else:
            intervals.append([at, at + 1])
    index = [len(intervals), intervals[0][0], intervals[-1][1]] if intervals else [0, 0, 0]
    return intervals[:limit], index


@pytest.mark.parametrize("cell", [0, 4096, 1500, 16384, 500])
@pytest.mark.parametrize("span", [(0, 50_017), (1, 50_016), (8_999, 30_001), (49_990, 50_017), (4096, 8192)])
@pytest.mark.parametrize("batch", [1, 3_000, 1 << 20])
def test_parts_are_what_plain_numpy_says(
    engine: Engine, data: Path, cell: int, span: tuple[int, int], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binglide.worker.engine.BATCH_BYTES_MIN", batch)
    monkeypatch.setattr("binglide.worker.engine.BATCH_BYTES_MAX", batch)
    engine.batch_bytes = batch
    content = np.fromfile(data, np.uint8)
    start, end = span
    part = computed(engine, task_of(data, [span], cell, params={"gap": 2}))
    edges = [start, *range((start // cell + 1) * cell, end, cell), end] if cell else [start, end]
    cells = [(content[a:b], a, b) for a, b in itertools.pairwise(edges)]
    assert part["total"].tolist() == [int(x.sum(dtype="u8")) for x, _, _ in cells]
    assert part["low"].tolist() == [int(x.min()) for x, _, _ in cells]
    assert part["high"].tolist() == [float(x.max()) for x, _, _ in cells]
    assert part["bits"].tolist() == [int(np.bitwise_or.reduce(content[start:end]))]
    ahead = [int(np.count_nonzero(content[a:b][: len(content) - 5 - a] == content[a + 5 : b + 5])) for _, a, b in cells]
    assert part["ahead"].tolist() == ahead
    wanted = [int(np.count_nonzero(content[start:end] == k)) for k in range(4) for _ in range(2)]
    assert part["pairs"].reshape(-1).tolist() == wanted
    assert part["zeros"].tolist() == [zero_runs(x, a) for x, a, _ in cells]
    kept, index = zip(*(sevens(x, a, 2, 5) for x, a, _ in cells), strict=True)
    assert part["places.index"].tolist() == list(index)
    assert part["places"].tolist() == [row for rows in kept for row in rows]
    assert dtype_name(part["ahead"]) == "u8"
    assert dtype_name(part["total"]) == ("u2" if cell == 0 and end - start < 250 else dtype_name(part["total"]))


def test_two_inputs_are_read_side_by_side(tmp_path: Path, data: Path) -> None:
    content = np.fromfile(data, np.uint8)
    other = tmp_path / "other.bin"
    other.write_bytes(np.roll(content, 2)[:40_000].tobytes())
    b = np.fromfile(other, np.uint8)
    engine = Engine(define(Both), [bytes(tmp_path.resolve())])
    for shift, (start, end) in [(0, (0, 40_000)), (2, (0, 39_998)), (-5, (5, 40_005)), (2, (100, 39_998))]:
        inputs = tuple(TaskInput(bytes(path), identity_of(path)) for path in (data, other))
        task = Task("exact", inputs, ((start, end),), 4096, "summed", {"shift": shift})
        part = computed(engine, task)
        beside = b[start + shift : end + shift]
        assert part["same"].sum() == np.count_nonzero(content[start:end] == beside)
        ahead = b[start + shift + 3 : end + shift + 3]
        assert part["beside"].tolist() == [np.count_nonzero(content[start : start + len(ahead)] == ahead)]
    beyond = Task("exact", inputs, ((0, 40_001),), 4096, "summed", {"shift": 0})
    assert failed(engine, beyond)[0] == "E_CHANGED"


def test_samples_say_which_cells_they_saw(engine: Engine, data: Path) -> None:
    runs = [(0, 500), (600, 1100), (4096, 4596), (16_384, 16_484), (16_500, 18_900)]
    part = computed(engine, task_of(data, runs, 4096, kind="sample", params={"gap": 2}))
    content = np.fromfile(data, np.uint8)
    assert part["n"].tolist() == [1000, 500, 0, 0, 2500]
    wanted = [content[0:500].sum() + content[600:1100].sum(), content[4096:4596].sum()]
    assert part["total"].tolist()[:4] == [*wanted, 0, 0]
    assert part["low"].tolist()[2:4] == [255, 255]
    assert part["zeros"].tolist() == [[0] * 6] * 5
    assert part["places"].shape[0] == 0
    mean = content[0:500].sum() / 1000 + content[600:1100].sum() / 1000
    assert part["lo"][0] < mean < part["hi"][0]
    assert np.isnan(part["lo"][1:4]).all()


def test_runs_that_look_far_ahead_need_no_more_memory_than_others(mixed_file: Path) -> None:
    class Far(Service):
        name, version, row, overlap = "FAR", 1, 4096, 1 << 20
        total = field("u8", merge="sum")

        def compute(self, x: Any, task: Any) -> Any:
            return {"total": x[:, task.own :].sum(axis=1, dtype="u8")}

    engine = Engine(define(Far), [b"/"])
    size = mixed_file.stat().st_size
    runs = [(at, at + 4096) for at in range(0, size - 4096, 65536)]
    part = computed(engine, task_of(mixed_file, runs, 65536, kind="sample"))
    content = np.fromfile(mixed_file, np.uint8)
    assert part["total"].tolist() == [sum(int(content[end : end + (1 << 20)].sum(dtype="u8")) for _, end in runs)]
    assert engine.buffer(0, 0).size < 4 << 20


def test_slow_reads_of_a_sample_are_passed_over(engine: Engine, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**9))
    monkeypatch.setattr("binglide.worker.source.time.perf_counter", lambda: next(ticks) * 0.01)
    runs = [(at, at + 50) for at in range(0, 50_000, 100)]
    part = computed(engine, task_of(data, runs, 4096, kind="sample", params={"gap": 2}, read_ms_max=500.0))
    seen = part["n"]
    assert 0 < seen.sum() < 100 * 50
    assert np.count_nonzero(seen) > 8


def test_what_is_no_file_of_ours_is_refused_by_its_code(engine: Engine, data: Path, tmp_path: Path) -> None:
    size = data.stat().st_size
    outside = tmp_path.parent / "outside.bin"
    outside.write_bytes(b"x" * 9)
    link, folder, pipe, gone = (tmp_path / name for name in ("link", "folder", "pipe", "gone"))
    link.symlink_to(outside)
    folder.mkdir()
    os.mkfifo(pipe)
    anything = StatIdentity("1", "1", 9, "1", "1")
    refused = {link: "E_OUTSIDE_ROOTS", folder: "E_DIRECTORY", pipe: "E_NOT_SEEKABLE", gone: "E_NOT_FOUND"}
    for path, code in refused.items():
        task = Task("exact", (TaskInput(bytes(path), anything),), ((0, 9),), 0, "summed", {})
        assert failed(engine, task)[0] == code
    assert failed(engine, task_of(data, [(0, size + 1)]))[0] == "E_CHANGED"
    other = Task("exact", (TaskInput(bytes(data), anything),), ((0, 9),), 0, "summed", {})
    assert failed(engine, other)[0] == "E_CHANGED"
    assert failed(engine, task_of(data, [(0, 9)], params={"gap": -1})) == (
        "E_PARAM",
        "SHAPES: gap is -1; it takes a number from 0 to ∞",
    )
    relative = Task("exact", (TaskInput(b"data.bin", anything),), ((0, 9),), 0, "summed", {})
    assert failed(engine, relative)[0] == "E_PROTOCOL"
    two = Task("exact", (other.inputs[0],) * 2, ((0, 9),), 0, "summed", {})
    assert failed(engine, two) == ("E_PROTOCOL", "task of SHAPES: 2 inputs, not 1")


def test_a_file_that_grows_while_it_is_read_is_not_answered(data: Path, tmp_path: Path) -> None:
    class Grower(Shapes):
        name = "GROWER"

        def compute(self, x: Any, task: Any) -> Any:
            with data.open("ab") as opened:
                opened.write(b"more")
            return super().compute(x, task)

    engine = Engine(define(Grower), [bytes(tmp_path.resolve())])
    code, message = failed(engine, task_of(data, [(0, 5000)]))
    assert (code, message) == ("E_CHANGED", f"{data} grew while it was read")


def test_an_author_cannot_write_to_the_rows(data: Path, tmp_path: Path) -> None:
    class Writer(Shapes):
        name = "WRITER"

        def compute(self, x: Any, task: Any) -> Any:
            x[0, 0] = 1

    code, message = failed(Engine(define(Writer), [b"/"]), task_of(data, [(0, 5000)]))
    assert code == "E_SERVICE"
    assert message.startswith("WRITER failed at 0x0: ValueError: assignment destination is read-only, test_engine.py:")


RETURNS: list[tuple[Any, str]] = [
    (None, "compute returned None; it takes a dict of one array a field"),
    ({}, "field total: wanted u8 of shape (5,), got nothing"),
    ({"total": np.zeros(5)}, "field total: wanted u8 of shape (5,), got f8 of shape (5,)"),
    ({"total": np.zeros((5, 1), "u8")}, "field total: wanted u8 of shape (5,), got u8 of shape (5, 1)"),
    ({"total": np.array([1, 2, -3, 4, 5])}, "field total: wanted u8 of shape (5,), got -3 at (2,)"),
    ({"total": np.full(5, 2**53, "u8")}, "field total: wanted u8 of shape (5,), got 9007199254740992 at (0,)"),
    ({"total": "five"}, "field total: wanted u8 of shape (5,), got a str"),
    ({"total": np.zeros(5, "u8"), "x": 1}, "field x: compute returned it, but it is not declared"),
    ({"total": np.full(5, 256_000, "u8")}, "field total: wanted at most 255 for each of 5000 bytes, got 1280000"),
]


@pytest.mark.parametrize(("value", "message"), RETURNS)
def test_what_compute_returned_is_held_to_the_declaration(
    data: Path, monkeypatch: pytest.MonkeyPatch, value: Any, message: str
) -> None:
    class Wrong(Service):
        name, version, row = "WRONG", 1, 1000
        total = Shapes.total

        def compute(self, x: Any, task: Any) -> Any:
            return value

    code, text = failed(Engine(define(Wrong), [b"/"]), task_of(data, [(0, 5000)]))
    assert code == "E_SERVICE"
    assert text.removeprefix("WRONG failed at 0x0: ") == message


def test_a_field_of_the_range_may_come_as_one_row_for_all_that_was_given(data: Path) -> None:
    class Whole(Service):
        name, version, row = "WHOLE", 1, 1000
        total = field("u8", shape=(2,), merge="sum")
        most = field("u1", merge="max")

        def compute(self, x: Any, task: Any) -> Any:
            return {"total": np.array([[x.size, np.count_nonzero(x)]], "u8"), "most": x.max(keepdims=True)[0]}

    content = np.frombuffer(data.read_bytes(), np.uint8)
    engine = Engine(define(Whole), [b"/"])
    part = computed(engine, task_of(data, [(10, 40_123)]))
    assert part["total"].ravel().tolist() == [40_113, np.count_nonzero(content[10:40_123])]
    assert part["most"].ravel().tolist() == [content[10:40_123].max()]
    sample = computed(engine, task_of(data, [(0, 4096), (20_000, 24_000)], 0, kind="sample"))
    assert sample["total"].ravel().tolist()[0] == 8096


def test_a_finish_gets_no_rows_of_a_field_of_the_other_form() -> None:
    class Blocks(Service):
        name, version = "BLOCKS", 1
        total = field("u8", merge="sum", cells=True)
        most = field("u4", merge="max", cells=True, form="whole")

        def compute(self, x: Any, task: Any) -> Any:
            raise AssertionError("nothing is to be computed")

        def finish(self, part: Any) -> Any:
            return {"twice": part.total * 2}

    engine = Engine(define(Blocks), [b"/"])
    rows = {"n": np.array([8, 8], "u8"), "total": np.array([3, 4], "u8")}
    part = engine.run(FinishTask({}, 2, rows), QuietHost()).part
    assert decode_npy(part.frames[0]).tolist() == [6, 8]
    code, message = failed(engine, FinishTask({}, 2, {"n": rows["n"]}))
    assert (code, message.startswith("rows to finish are n; BLOCKS takes")) == ("E_PROTOCOL", True)


def test_a_row_without_numbers_is_refused_before_anything_is_read(data: Path) -> None:
    class Empty(Service):
        name, version = "EMPTY", 1
        count = param(0, low=0, high=9)
        total = field("u8", shape=("count", 3), merge="sum")

        def compute(self, x: Any, task: Any) -> Any:
            raise AssertionError("nothing is to be computed")

    engine = Engine(define(Empty), [b"/"])
    message = "EMPTY: field total has the shape (0, 3); its sizes are numbers from 1"
    assert failed(engine, task_of(data, [(0, 5000)])) == ("E_PARAM", message)


def test_rows_overlap_in_memory_and_are_cut_as_the_grid_says(data: Path) -> None:
    calls: list[tuple[tuple[int, ...], tuple[int, ...], int, int]] = []

    class Looker(Service):
        name, version, row, overlap = "LOOKER", 1, 1000, 5
        total = Shapes.ahead

        def compute(self, x: Any, task: Any) -> Any:
            calls.append((x.shape, x.strides, int(task.offsets[0]), task.own))
            assert not x.flags.writeable
            return {"total": np.zeros(len(x), "u8")}

    computed(Engine(define(Looker), [b"/"]), task_of(data, [(500, 50_017)]))
    assert calls == [
        ((1, 505), (500, 1), 500, 500),
        ((49, 1005), (1000, 1), 1000, 1000),
        ((1, 17), (17, 1), 50_000, 17),
    ]


def test_a_copied_file_answers_the_same(engine: Engine, data: Path, tmp_path: Path) -> None:
    copy = tmp_path / os.fsdecode(b"c\xf6py \n.bin")
    shutil.copy(data, copy)
    for name, array in computed(engine, task_of(copy, [(0, 20_000)], 4096)).items():
        np.testing.assert_array_equal(array, computed(engine, task_of(data, [(0, 20_000)], 4096))[name])
