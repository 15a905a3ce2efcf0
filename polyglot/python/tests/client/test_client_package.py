"""The package itself: every name is there, and nobody pays for what they do not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import binglide

SOURCE = str(Path(binglide.__file__).parents[1])


@pytest.mark.parametrize("name", binglide.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(binglide, name) is not None
    assert name in dir(binglide)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="module binglide has no nothing"):
        binglide.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "spared"),
    [
        ("import binglide", ["numpy", "zmq", "asyncio", "binglide.client"]),
        ("import binglide.worker", ["binglide.client", "binglide.plain"]),
        ("import binglide; binglide.aio.connect; assert callable(binglide.connect)", []),
        ("import binglide.client.connect; assert callable(binglide.connect)", []),
    ],
)
def test_nobody_pays_for_what_they_do_not_use(statement: str, spared: list[str]) -> None:
    code = f"import sys; {statement}; print(*[name for name in {spared!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert found.stdout.split() == []
