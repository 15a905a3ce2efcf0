"""Python workers at the real broker, asked by the command line: alone, beside TypeScript slots, and as plain peers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from peer import PATIENCE_MS
from support import DIST, PACKAGE, Processes, environment

from binglide.protocol.decode import decode_to_plain_client, plain_error
from binglide.protocol.encode import encode_plain_request
from binglide.protocol.messages import PlainClientFinal, PlainRequest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line with folders of the test's own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", str(DIST / "bin" / "binglide.js"), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(BINGLIDE_RUNTIME_DIR=str(tmp_path), BINGLIDE_CACHE_DIR=str(tmp_path / "cli-cache")),
        )

    return run


def broker(processes: Processes, folder: Path, root: Path, *more: str) -> str:
    endpoint = f"ipc://{folder}/broker"
    node = processes.start(
        "node",
        *(str(DIST / "bin" / "binglide-broker.js"), "--bind", endpoint, "--cache-dir", str(folder / "cache")),
        *("--root", str(root), "--service-wait", "20000", *more),
        env=environment(BINGLIDE_RUNTIME_DIR=str(folder)),
    )
    end = time.monotonic() + PATIENCE_MS / 1e3
    while endpoint not in processes.log_of(node):
        assert node.poll() is None, processes.log_of(node)
        assert time.monotonic() < end, "the broker does not come"
        time.sleep(0.05)
    return endpoint


def served(cli: Cli, endpoint: str, name: str) -> None:
    """Waits until a worker serves it, so that nothing is answered by another."""
    end = time.monotonic() + PATIENCE_MS / 1e3
    while time.monotonic() < end:
        for line in cli("services", "--broker", endpoint).stdout.splitlines():
            row = line.split("\t")
            if row[0] == name and row[3] != "0":
                return
    raise AssertionError(f"nobody serves {name}")


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    return {"fields": report["fields"], "range": report["range"], "exact": report["exact"]}


@pytest.mark.parametrize(
    "command", [["hist"], ["ent", "--cells", "50"], ["ent", "--block", "6000"], ["ent", "--range", "4095:1200001"]]
)
def test_twins_answer_as_the_typescript_services(
    processes: Processes, tmp_path: Path, cli: Cli, mixed_file: Path, command: list[str]
) -> None:
    asked = [*command, "--json", "--no-cache", str(mixed_file)]
    alone = broker(processes, tmp_path, mixed_file.parent, "--cores", "0")
    name = command[0]
    processes.worker("-m", f"binglide.services.{name}", "--broker", alone, "--root", str(mixed_file.parent))
    served(cli, alone, name.upper())
    ours = answer(cli(*asked, "--broker", alone))
    theirs = answer(cli(*asked))
    assert ours == theirs
    assert ours["exact"]


def test_a_mixed_pool_shares_a_job(processes: Processes, tmp_path: Path, cli: Cli, mixed_file: Path) -> None:
    mixed = broker(processes, tmp_path, mixed_file.parent, "--cores", "1")
    for slot in ("p1", "p2"):
        more = ("--broker", mixed, "--slot", slot, "--root", str(mixed_file.parent))
        processes.worker("-m", "binglide.services.ent", *more)
    served(cli, mixed, "ENT")
    asked = ["ent", "--json", str(mixed_file)]
    assert answer(cli(*asked, "--broker", mixed)) == answer(cli(*asked))
    digests = cli("services", "--broker", mixed).stdout.splitlines()
    assert len([line for line in digests if line.startswith("ENT\t")]) == 1


def test_an_authors_service_is_asked_by_its_name(
    processes: Processes, tmp_path: Path, cli: Cli, mixed_file: Path
) -> None:
    endpoint = broker(processes, tmp_path, mixed_file.parent, "--cores", "0")
    processes.worker("period.py", "--broker", endpoint, "--root", str(mixed_file.parent))
    served(cli, endpoint, "PERIOD")
    done = cli("run", "PERIOD", "--max-lag", "3", "--json", "--cells", "5", "--broker", endpoint, str(mixed_file))
    fields = answer(done)["fields"]
    content = np.fromfile(mixed_file, np.uint8)
    whole = [int(np.count_nonzero(content[:-lag] == content[lag:])) for lag in (1, 2, 3)]
    assert fields["matches"] == whole
    starts = fields["cells"]["start"]
    rows = np.reshape(fields["cells"]["matches"], (len(starts), 3)).tolist()
    for start, end, row in zip(starts, [*starts[1:], len(content)], rows, strict=True):
        wanted = [
            np.count_nonzero(content[start:end][: len(content) - lag - start] == content[start + lag : end + lag])
            for lag in (1, 2, 3)
        ]
        assert row == wanted


def test_the_readmes_service_and_a_finish_run_from_their_files(tmp_path: Path, cli: Cli, mixed_file: Path) -> None:
    readme = (PACKAGE / "README.md").read_text("utf-8")
    (nulls,) = (code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "class Nulls" in code)
    (tmp_path / "nulls.py").write_text(nulls, "utf-8")
    fields = answer(cli("run", str(tmp_path / "nulls.py"), str(mixed_file), "--json", "--cells", "4"))["fields"]
    content = np.fromfile(mixed_file, np.uint8)
    assert fields["zeros"] == np.count_nonzero(content == 0)
    edges = np.flatnonzero(np.diff(content == 0, prepend=False, append=False))
    longest = int((edges[1::2] - edges[::2]).argmax())
    start, length = int(edges[2 * longest]), int(edges[2 * longest + 1] - edges[2 * longest])
    assert fields["longest"] == {"start": start, "length": length}
    period = str(PACKAGE / "tests" / "services" / "period.py")
    fields = answer(cli("run", period, str(mixed_file), "--json", "--max-lag", "5"))["fields"]
    assert fields["period"] == int(np.argmax(fields["matches"])) + 1
    assert fields["score"] == max(fields["matches"]) / len(content)
    rows = np.reshape(fields["cells"]["matches"], (len(fields["cells"]["start"]), 5))
    assert fields["cells"]["period"] == (rows.argmax(axis=1) + 1).tolist()


def test_the_command_line_says_where_a_service_failed(
    processes: Processes, tmp_path: Path, cli: Cli, mixed_file: Path
) -> None:
    endpoint = broker(processes, tmp_path, mixed_file.parent, "--cores", "0")
    processes.worker("busy.py", "--broker", endpoint, "--root", str(mixed_file.parent))
    served(cli, endpoint, "BUSY")
    done = cli("run", "BUSY", "--mode", "raise", "--broker", endpoint, str(mixed_file))
    assert done.returncode != 0
    assert "BUSY failed at 0x" in done.stderr
    assert "IndexError: index 7 is out of bounds" in done.stderr
    assert ", busy.py:57;" in done.stderr
    again = cli("run", "BUSY", "--json", "--broker", endpoint, str(mixed_file))
    assert answer(again)["fields"]["total"] == int(np.fromfile(mixed_file, np.uint8).sum(dtype="u8"))


def test_a_plain_worker_serves_through_the_broker(processes: Processes, tmp_path: Path) -> None:
    endpoint = broker(processes, tmp_path, tmp_path, "--cores", "0")
    echo = str(Path(__file__).with_name("services") / "echo.py")
    processes.start(sys.executable, echo, endpoint)
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.connect(endpoint)
        bodies = []
        for word in (b"one two", b"fail", b""):
            socket.send_multipart(encode_plain_request(PlainRequest("echo", (word, b"x"))))
            while True:
                assert socket.poll(PATIENCE_MS)
                message = decode_to_plain_client(socket.recv_multipart())
                bodies.append(message.body)
                if isinstance(message, PlainClientFinal):
                    break
        socket.linger = 0
    assert [tuple(map(bytes, body)) for body in bodies[:3]] == [(b"one", b"x"), (b"two", b"x"), (b"over",)]
    fault = plain_error(bodies[3])
    assert fault is not None
    assert (fault.code, fault.message) == ("E_SERVICE", "echo failed: ValueError: as asked")
    assert tuple(map(bytes, bodies[4])) == (b"over",)


def test_the_descriptor_and_the_bare_times_are_told_without_a_broker(mixed_file: Path) -> None:
    period = str(PACKAGE / "tests" / "services" / "period.py")

    def told(*arguments: str) -> Any:
        command = [sys.executable, period, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)

    described = told("--describe")
    assert (described["name"], described["version"], described["finish"]) == ("PERIOD", 1, True)
    assert described["fields"][0]["shape"] == ["max_lag"]
    bare = told("--bare", str(mixed_file), "--piece-bytes", "1000000", "--params", '{"max_lag": 2}')
    assert (bare["pieces"], bare["bytes"], len(bare["ms"])) == (3, 3_000_000, 3)
    whole = told("--bare", str(mixed_file), "--params", '{"max_lag": 2}', "--cell-bytes", "4096")
    assert (whole["pieces"], whole["bytes"]) == (1, mixed_file.stat().st_size)
    assert min(bare["ms"] + whole["ms"]) > 0
