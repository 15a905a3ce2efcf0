"""What the README tells its readers to write is run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from client_fakes import Broker

import binglide

README = Path(__file__).parents[2] / "README.md"
SOURCE = str(Path(binglide.__file__).parents[1])


def test_the_clients_example_runs(broker: Broker, folder: Path) -> None:
    [example] = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "connect()" in block
    ]
    (folder / "disk.img").touch()
    os.truncate(folder / "disk.img", 2 * 2**30)
    (folder / "a.bin").write_bytes(bytes(range(256)) * 16)
    (folder / "b.bin").write_bytes(b"abab")
    found = subprocess.run(
        [sys.executable, "-c", example],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE, "BINGLIDE_BROKER": broker.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (found.returncode, found.stderr) == (0, "")
    lines = sorted(line.split() for line in found.stdout.splitlines())
    assert [(path, float(h)) for path, h, _ in lines] == [("a.bin", 8.0), ("b.bin", 1.0)]
    assert all(0 <= float(p) <= 1 for _, _, p in lines)
