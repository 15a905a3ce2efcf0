"""Real worker processes and a broker of the test's own: heartbeats, cancellation, deaths, new conversations."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peer import JOB, PATIENCE_MS, Peer
from support import Processes
from test_twins import task_of

from binglide.protocol import messages as m
from binglide.protocol import payloads as p
from binglide.protocol.npy import decode_npy

SIZE = 300_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(np.random.default_rng(5).integers(1, 256, SIZE, np.uint8).tobytes())
    return path


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with Peer(tmp_path) as broker:
        yield broker


def busy(data: Path, mode: str, **params: Any) -> p.Task:
    return task_of(data, [(0, SIZE)], params={"mode": mode, **params})


def start(processes: Processes, peer: Peer, data: Path, *more: str, **options: Any) -> subprocess.Popen[bytes]:
    worker = processes.worker(
        "busy.py", "--broker", peer.endpoint, "--slot", "s1", "--root", str(data.parent), *more, **options
    )
    ready = peer.welcome()
    assert (ready.descriptor.name, ready.descriptor.version, ready.slot) == ("BUSY", 7, "s1")
    return worker


def computes(peer: Peer, data: Path) -> None:
    """The slot takes work again, and what it answers is right."""
    attempt = peer.assign(busy(data, "sum"), "16:aaaaaaaaaaaaaaaa7")
    final = peer.expect(m.TaskFinal, attempt=attempt)
    content = np.fromfile(data, np.uint8)
    assert final.part.arrays == ("total", "least")
    assert decode_npy(final.part.frames[0]).tolist() == [int(content.sum(dtype="u8"))]
    assert decode_npy(final.part.frames[1]).tolist() == [1.0]
    assert final.work.bytes_read == SIZE


def beats_of(peer: Peer, attempt: int, count: int) -> list[m.WorkerHeartbeat]:
    found: list[m.WorkerHeartbeat] = []
    while len(found) < count:
        beat = peer.expect(m.WorkerHeartbeat)
        if beat.attempt == attempt:
            found.append(beat)
    return found


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE_MS / 1e3
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("mode", ["loop", "sleep", "numpy", "catch", "check"])
def test_a_busy_worker_beats_and_is_cancelled(processes: Processes, peer: Peer, data: Path, mode: str) -> None:
    worker = start(processes, peer, data)
    attempt = peer.assign(busy(data, mode))
    beats = beats_of(peer, attempt, 3)
    assert all(beat.bytes_done == 0 for beat in beats)
    peer.say(m.WorkerCancel(JOB, (attempt,)))
    error = peer.expect(m.TaskError, attempt=attempt)
    assert error.fault.code == "E_CANCELLED"
    computes(peer, data)
    assert worker.poll() is None


def test_a_publication_cancels_too(processes: Processes, peer: Peer, data: Path) -> None:
    start(processes, peer, data)
    attempt = peer.assign(busy(data, "check"))
    waiting = peer.assign(busy(data, "sum"))
    beats_of(peer, attempt, 2)
    peer.publish("26:abcdefghijklmnopqrstuvwx2")
    peer.publish(JOB)
    assert peer.expect(m.TaskError, attempt=waiting).fault.code == "E_CANCELLED"
    assert peer.expect(m.TaskError, attempt=attempt).fault.code == "E_CANCELLED"
    computes(peer, data)


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("exit", r"^BUSY ended its process: exit code 3$"),
        ("segv", r"^BUSY ended its process: killed by SIGSEGV$"),
        (
            "raise",
            r"^BUSY failed at 0x0: IndexError: index 7 is out of bounds for axis 0 with size 0, busy\.py:57$",
        ),
        ("leave", r"^BUSY failed at 0x0: SystemExit: enough, busy\.py:\d+$"),
        ("wide", r"^BUSY failed at 0x0: field total: wanted u8 of shape \(1,\), got u8 of shape \(1, 65536\)$"),
        ("nan", r"^BUSY failed at 0x0: field least: wanted f8 of shape \(1,\), got NaN at \(0,\)$"),
    ],
)
def test_a_failing_service_ends_its_task_and_no_more(
    processes: Processes, peer: Peer, data: Path, mode: str, message: str
) -> None:
    worker = start(processes, peer, data)
    for _ in range(2):
        attempt = peer.assign(busy(data, mode))
        error = peer.expect(m.TaskError, attempt=attempt)
        assert error.fault.code == "E_SERVICE"
        assert re.search(message, error.fault.message), error.fault.message
        assert error.fault.range == (0, SIZE)
        assert error.fault.service == "BUSY"
    computes(peer, data)
    assert worker.poll() is None


def test_a_task_without_progress_is_ended_by_the_worker_itself(processes: Processes, peer: Peer, data: Path) -> None:
    start(processes, peer, data, "--stall-ms", "300")
    attempt = peer.assign(busy(data, "loop"))
    error = peer.expect(m.TaskError, attempt=attempt)
    assert error.fault.code == "E_STALLED"
    assert "BUSY made no progress for 0.3 s after 0 bytes" in error.fault.message
    computes(peer, data)


def test_a_file_outside_the_roots_is_not_opened(processes: Processes, peer: Peer, data: Path) -> None:
    start(processes, peer, data)
    attempt = peer.assign(task_of(Path("/etc/hostname"), [(0, 1)], params={}))
    assert peer.expect(m.TaskError, attempt=attempt).fault.code == "E_OUTSIDE_ROOTS"
    attempt = peer.assign(p.FinishTask({}, 1, {}))
    assert peer.expect(m.TaskError, attempt=attempt).fault.code == "E_PROTOCOL"


def test_every_end_of_a_conversation_begins_a_new_one(processes: Processes, peer: Peer, data: Path) -> None:
    start(processes, peer, data)
    first = peer.routing_id
    peer.say(m.WorkerDisconnect())
    peer.welcome()
    second = peer.routing_id
    peer.send([b"BXMW02", b"\x02", b"\x81\xa1a\x01"])
    peer.expect(m.WorkerDisconnect)
    peer.welcome()
    assert len({first, second, peer.routing_id}) == 3
    attempt = peer.assign(busy(data, "loop"))
    beats_of(peer, attempt, 1)
    peer.attempts = 0  # silent from now on: beat() says nothing
    peer.expect(m.Ready)
    peer.attempts = 100
    peer.say(m.Welcome(50, peer.cancel_endpoint, "epoch", p.Limits(1 << 30, 1000)))
    computes(peer, data)
    assert not any(isinstance(item, (m.TaskFinal, m.TaskError)) for item in peer.heard)


@pytest.mark.parametrize("way", ["stdin", "term", "kill"])
def test_nothing_is_left_of_a_worker_that_ends(processes: Processes, peer: Peer, data: Path, way: str) -> None:
    worker = start(processes, peer, data, "--parent", stdin=subprocess.PIPE)
    attempt = peer.assign(busy(data, "print"))
    beats_of(peer, attempt, 1)
    found: list[str] = []
    while not found:
        found = re.findall(r"computing in (\d+)", processes.log_of(worker))
    # What a terminal says is for the parent to hear.
    for number in (signal.SIGINT, signal.SIGHUP):
        worker.send_signal(number)
    beats_of(peer, attempt, 1)
    if way == "stdin":
        assert worker.stdin is not None
        worker.stdin.close()
    else:
        worker.send_signal(signal.SIGTERM if way == "term" else signal.SIGKILL)
    if way != "kill":
        peer.expect(m.WorkerDisconnect)
        assert worker.wait(10) == 0
    assert gone(int(found[0]))
    assert gone(worker.pid)


def test_the_author_finishes_a_merged_part(processes: Processes, peer: Peer, data: Path) -> None:
    processes.worker("period.py", "--broker", peer.endpoint, "--root", str(data.parent))
    ready = peer.welcome()
    assert ready.descriptor.finish
    matches = np.array([[1, 8, 3], [0, 0, 0], [4, 4, 9]], "u8")
    arrays = {"n": np.array([16, 0, 18], "u8"), "matches": matches.reshape(-1)}
    attempt = peer.assign(p.FinishTask({"max_lag": 3}, 3, arrays))
    final = peer.expect(m.TaskFinal, attempt=attempt)
    assert final.part.arrays == ("period", "score")
    period, score = (decode_npy(frame) for frame in final.part.frames)
    assert period.tolist() == [2, 1, 3]
    np.testing.assert_array_equal(score, [0.5, np.nan, 0.5])
    attempt = peer.assign(p.FinishTask({"max_lag": 4}, 3, arrays))
    assert peer.expect(m.TaskError, attempt=attempt).fault.code == "E_PROTOCOL"


def test_a_long_part_comes_whole(processes: Processes, peer: Peer, data: Path) -> None:
    processes.worker("-m", "binglide.services.ent", "--broker", peer.endpoint, "--root", str(data.parent))
    peer.welcome()
    attempt = peer.assign(task_of(data, [(0, SIZE)], 4096, params={"block": 0}))
    final = peer.expect(m.TaskFinal, attempt=attempt)
    counts = decode_npy(final.part.frames[final.part.arrays.index("counts")])
    assert counts.shape == (74, 256)
    assert counts.sum() == SIZE


def test_a_service_that_does_not_start_says_why(processes: Processes, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from binglide.worker import Service, field, param, serve\n"
        "class Bad(Service):\n"
        "    name, version = 'BAD', 1\n"
        "    lag = param(8, low=1, high=2**30)\n"
        "    x = field('u8', shape=('lag', 2), merge='sum')\n"
        "    def compute(self, x, task): return {}\n"
        "serve(Bad)\n"
    )
    worker = processes.start(sys.executable, str(bad), "--broker", "ipc:///nowhere")
    assert worker.wait(20) == 2
    assert processes.log_of(worker) == (
        "binglide: BAD: field x: a row may have more than 16777216 numbers; lag with high=8388608 fits (E_USAGE)\n"
    )
