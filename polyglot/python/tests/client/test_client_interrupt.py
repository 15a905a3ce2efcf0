"""Ctrl-C: the job is over, the program is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_fakes import Broker, wait_until

import binglide
from binglide import Client

SOURCE = str(Path(binglide.__file__).parents[1])

PROGRAM = """
import sys, binglide
b = binglide.connect(sys.argv[1])
how, path = sys.argv[2:]
job = None
try:
    if how == "loop":
        job = b.request("HIST", path)
        for report in job:
            print(job.id, flush=True)
    elif how == "body":
        job = b.request("HIST", path)
        for report in job:
            print(job.id, flush=True)
            sys.stdin.read()
    elif how == "final":
        job = b.request("HIST", path)
        print(job.id, flush=True)
        job.final()
    else:
        print(flush=True)
        for _ in b.map("HIST", [path, path]):
            pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
    # Alive and connected: it is not the end of the client that ends the job.
    sys.stdin.read()
    print(b.request("HIST", path, range=":7").final()["n"], flush=True)
"""


@pytest.fixture(params=["loop", "body", "final", "map"])
def process(request: pytest.FixtureRequest, broker: Broker, huge: Path) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, broker.endpoint, request.param, str(huge)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    yield started
    started.kill()
    started.wait()
    for pipe in (started.stdin, started.stdout):
        assert pipe is not None
        pipe.close()


def test_ctrl_c_cancels_the_job_and_the_client_lives(process: subprocess.Popen[str], client: Client) -> None:
    assert process.stdin is not None and process.stdout is not None
    said = process.stdout.readline().strip()
    wait_until(lambda: any(said in job.job_id for job in client.jobs()), "the job in mmi.jobs")
    process.send_signal(signal.SIGINT)
    while (line := process.stdout.readline().strip()) != "interrupted":
        assert line == said, "nothing else is printed before"
    wait_until(lambda: client.jobs() == [], "the end of the job in mmi.jobs")
    process.stdin.close()
    assert process.stdout.readline() == "7\n"
    assert process.wait(20) == 0


def test_ctrl_c_that_nobody_catches_ends_the_program(broker: Broker, client: Client, huge: Path) -> None:
    text = PROGRAM.partition("except")[0] + "finally:\n    pass\n"
    process = subprocess.Popen(
        [sys.executable, "-c", text, broker.endpoint, "loop", str(huge)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert complaint.strip().endswith("KeyboardInterrupt")
    wait_until(lambda: client.jobs() == [], "the end of its job")


def test_ctrl_c_in_a_terminal_leaves_a_broker_of_our_own_alone(folder: Path, huge: Path, program: Path) -> None:
    """A terminal interrupts the whole group of processes, not the one that asked."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("sys.argv[1]", "program=sys.argv[1]"), str(program), "loop", str(huge)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **{name: value for name, value in os.environ.items() if name != "BINGLIDE_BROKER"},
            "PYTHONPATH": SOURCE,
            "BINGLIDE_RUNTIME_DIR": str(folder / "run"),
            "BINGLIDE_CACHE_DIR": str(folder / "cache"),
        },
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        while process.stdout.readline().strip() != "interrupted":
            assert process.poll() is None, "it ended without a word"
        process.stdin.close()
        assert process.stdout.readline() == "7\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
