"""A real broker with slots and files for the client's tests; everything that is started here is ended here, by id."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from client_fakes import Broker, FakeBroker

import binglide

_DIST = Path(os.environ.get("BINGLIDE_DIST") or Path(__file__).parents[4] / "dist")
PROGRAM = _DIST / "bin" / "binglide-broker.js"


@pytest.fixture(scope="session")
def program() -> Path:
    assert PROGRAM.exists(), f"{PROGRAM} is not there: npm run build, or set BINGLIDE_DIST"
    return PROGRAM


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's may have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="bxpy-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(program: Path) -> Iterator[Broker]:
    base = Path(tempfile.mkdtemp(prefix="bxpy-", dir="/tmp"))
    endpoint = f"ipc://{base}/broker.sock"
    command = ["node", program, "--parent", "--bind", endpoint, "--cache-dir", base / "cache", "-j", "2"]
    environment = {**os.environ, "BINGLIDE_RUNTIME_DIR": str(base / "run")}
    process = subprocess.Popen(
        [*map(str, command), "--root", "/", "--heartbeat", "200"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline().decode().strip() == endpoint
        yield Broker(endpoint, base / "cache", base)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def client(broker: Broker) -> Iterator[binglide.Client]:
    with binglide.connect(broker.endpoint) as connected:
        yield connected


@pytest.fixture(scope="session")
def data() -> np.ndarray:
    """3 MiB and a bit: noise, zeros, text."""
    noise = np.random.default_rng(7).integers(0, 256, 3 * 2**20 + 1234, dtype=np.uint8)
    noise[2**20 : 2**20 + 2**19] = 0
    noise[2 * 2**20 :] &= 0x3F
    return noise


@pytest.fixture(scope="session")
def file(broker: Broker, data: np.ndarray) -> Path:
    path = broker.folder / "data.bin"
    data.tofile(path)
    return path


@pytest.fixture(scope="session")
def huge(broker: Broker) -> Path:
    """A sparse TiB: nobody finishes it in the time of a test."""
    path = broker.folder / "huge.img"
    path.touch()
    os.truncate(path, 2**40)
    return path


@pytest.fixture
def fake(folder: Path) -> Iterator[FakeBroker]:
    with FakeBroker(f"ipc://{folder}/fake.sock") as made:
        yield made
