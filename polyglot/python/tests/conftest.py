"""Fixtures of all tests of workers: processes that end, and a file with something of everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import Processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.end()


@pytest.fixture(scope="session")
def mixed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 MiB and a bit: noise, a constant, text-like stretches, records that drift."""
    random = np.random.default_rng(7)
    pieces = [
        random.integers(0, 256, 1_000_003, np.uint8),
        np.zeros(300_000, np.uint8),
        random.integers(97, 123, 900_001, np.uint8),
        np.repeat(np.arange(256, dtype=np.uint8), 2048),
        random.integers(0, 4, 500_777, np.uint8),
    ]
    path = tmp_path_factory.mktemp("files") / "mixed.bin"
    path.write_bytes(np.concatenate(pieces).tobytes())
    return path
