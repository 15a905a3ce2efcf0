"""HIST and ENT in Python and in TypeScript: one digest, and parts that are the same to the bit."""

from __future__ import annotations

import base64
import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import DIST

from binglide.protocol.descriptor import digest
from binglide.protocol.npy import decode_npy
from binglide.protocol.payloads import StatIdentity, Task, TaskInput
from binglide.services.ent import Ent
from binglide.services.hist import Hist
from binglide.worker.engine import Engine
from binglide.worker.service import define
from binglide.worker.source import stat_identity

SCRIPT = Path(__file__).with_name("parts_of.mjs")


class QuietHost:
    def is_cancelled(self) -> bool:
        return False

    def progressed(self, bytes_done: int) -> None:
        pass


def identity_of(path: Path) -> StatIdentity:
    return stat_identity(path.stat())


def task_of(path: Path, runs: list[tuple[int, int]], cell: int = 0, **more: Any) -> Task:
    entries = {"kind": "exact", "form": "summed", "params": {}, **more}
    return Task(inputs=(TaskInput(bytes(path), identity_of(path)),), runs=tuple(runs), cell_bytes=cell, **entries)


def theirs(tasks: list[tuple[str, Task]]) -> list[dict[str, bytes]]:
    given = []
    for service, task in tasks:
        (item,) = task.inputs
        identity = dataclasses.asdict(item.identity)
        identity["mtimeNs"], identity["ctimeNs"] = identity.pop("mtime_ns"), identity.pop("ctime_ns")
        entries = {"path": item.path.decode(), "identity": identity}
        asked = {"kind": task.kind, "inputs": [entries], "runs": task.runs, "cellBytes": task.cell_bytes}
        given.append({"service": service, "task": {**asked, "form": task.form, "params": dict(task.params)}})
    command = ["node", str(SCRIPT), str(DIST)]
    done = subprocess.run(command, input=json.dumps(given).encode(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return [{name: base64.b64decode(frame) for name, frame in part.items()} for part in json.loads(done.stdout)]


def ours(service: str, task: Task) -> dict[str, bytes]:
    engine = Engine(define({"HIST": Hist, "ENT": Ent}[service]), [b"/"])
    part = engine.run(task, QuietHost()).part
    return {name: bytes(frame) for name, frame in zip(part.arrays, part.frames, strict=True)}


def tasks(path: Path) -> list[tuple[str, Task]]:
    size = path.stat().st_size
    spans = [(0, size), (1, size - 1), (4095, 1_200_001), (1_000_000, 1_000_000), (size - 5000, size), (8192, 65536)]
    found = [("HIST", task_of(path, [span])) for span in spans]
    for span in spans:
        for cell in (0, 4096, 65536, 1 << 20):
            found.append(("ENT", task_of(path, [span], cell, params={"block": 0})))
    for block in (1000, 4096, 6000, 65536):
        whole = [(0, size), (block, 40 * block), (7 * block, size)]
        found += [("ENT", task_of(path, [span], block, form="whole", params={"block": block})) for span in whole]
    tiny = (size // 48 * 48 - 4800, size)
    found.append(("ENT", task_of(path, [tiny], 48, form="whole", params={"block": 48})))
    return found


def test_digests_are_those_of_the_typescript_services() -> None:
    assert digest(define(Hist).descriptor) == "b5966798f64d2735"
    assert digest(define(Ent).descriptor) == "d95524c65503e1fd"


def test_parts_are_the_same_to_the_bit(mixed_file: Path) -> None:
    asked = tasks(mixed_file)
    for (service, task), wanted in zip(asked, theirs(asked), strict=True):
        got = ours(service, task)
        assert got.keys() == wanted.keys()
        for name, frame in wanted.items():
            assert got[name] == frame, (service, task.runs, task.cell_bytes, task.form, name)


@pytest.mark.parametrize("runs_a_cell", [1, 2, 4])
def test_samples_are_the_same_and_their_intervals_nearly(mixed_file: Path, runs_a_cell: int) -> None:
    cell = 65536
    cells = mixed_file.stat().st_size // cell
    random = np.random.default_rng(3)
    runs = []
    for at in range(cells):
        slots = sorted(random.choice(16, runs_a_cell, replace=False).tolist())
        runs += [(at * cell + slot * 4096, at * cell + slot * 4096 + 4096) for slot in slots]
    del runs[40 * runs_a_cell : 41 * runs_a_cell]
    task = task_of(mixed_file, runs, cell, kind="sample", params={"block": 0})
    (wanted,) = theirs([("ENT", task)])
    got = ours("ENT", task)
    assert got.keys() == wanted.keys()
    for name in ("counts", "qmin", "qmax", "n"):
        assert got[name] == wanted[name], name
    for name in ("lo", "hi"):
        np.testing.assert_allclose(decode_npy(got[name]), decode_npy(wanted[name]), rtol=1e-9, atol=1e-9)
    known = np.isfinite(decode_npy(got["lo"]))
    assert known.any() == (runs_a_cell > 1)
