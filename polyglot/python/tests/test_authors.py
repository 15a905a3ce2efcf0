"""What authors write and are told, before any broker is there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from support import environment

from binglide.worker import field


def test_what_a_service_imports_from_beside_it_counts_in_its_version(tmp_path: Path) -> None:
    text = "from binglide.worker import Service, field, serve\nimport lanes\n\n\nclass Lanes(Service):\n"
    text += '    name = "LANES"\n    total = field("u8", merge="sum")\n\n'
    text += "    def compute(self, x, task):\n        pass\n\n\n"
    (tmp_path / "service.py").write_text(text + "serve(Lanes)\n")

    def version(helper: str) -> str:
        (tmp_path / "lanes.py").write_text(helper)
        command = [sys.executable, str(tmp_path / "service.py"), "--describe"]
        said = subprocess.run(command, capture_output=True, check=True, timeout=60, env=environment())
        return str(json.loads(said.stdout)["version"])

    assert version("LOW = 32\n") == version("LOW = 32\n") != version("LOW = 80\n")
    # By itself it is the hash of the file, whatever else was imported.
    (tmp_path / "service.py").write_text(text.replace("import lanes\n", "") + "serve(Lanes)\n")
    alone = hashlib.sha256((tmp_path / "service.py").read_bytes()).hexdigest()
    assert version("LOW = 32\n") == alone[:16]


def test_serve_takes_the_class(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text("from binglide.worker import serve\nserve(7)\n")
    command = [sys.executable, str(tmp_path / "service.py"), "--describe"]
    said = subprocess.run(command, capture_output=True, timeout=60, env=environment())
    assert (said.returncode, said.stderr) == (2, b"binglide: serve takes the class of a service, not 7 (E_USAGE)\n")


def test_a_shape_of_one_dimension_needs_no_tuple() -> None:
    assert field("u8", merge="sum", shape=256).shape == (256,)
    assert field("u8", merge="sum", shape="lag").shape == ("lag",)
