"""Chunks that a real broker has kept, read and checked; damaged ones are told, never read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from client_fakes import Broker, wait_until

from binglide import BinglideError, Client
from binglide.cache import ChunkFile, cache_root, chunks, parse_chunk_name, read_chunk
from binglide.client.blake3 import blake3_hex, portable_hex

#: Of the BLAKE3 paper's test vectors: bytes 0, 1, ... 250, 0, ... of that length.
KNOWN = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
}
SIZES = [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3073, 7 * 1024, 102_400, 2_098_177]
NODE = """
const { Blake3Hasher } = require('@napi-rs/blake-hash');
const sizes = JSON.parse(process.argv[1]);
const bytes = Buffer.alloc(Math.max(...sizes));
for (let i = 0; i < bytes.length; i++) bytes[i] = i % 251;
console.log(JSON.stringify(sizes.map((n) => new Blake3Hasher().update(bytes.subarray(0, n)).digest('hex'))));
"""


@pytest.fixture(scope="module")
def kept(broker: Broker, file: Path, data: np.ndarray) -> Path:
    """A cache that holds all of HIST, ENT, STATS and DIFF; a young file is kept when it has settled."""
    import binglide

    with binglide.connect(broker.endpoint) as client:
        for service in ("HIST", "ENT", "STATS"):
            client.request(service, file).final()
        client.request("DIFF", file, file).final()
    wait_until(lambda: covered("HIST", broker, file) >= data.size, "the chunks of HIST")
    wait_until(lambda: covered("DIFF", broker, file) >= data.size, "the chunks of DIFF")
    return broker.cache


def covered(service: str, broker: Broker, file: Path) -> int:
    return max((chunk.end for chunk in chunks(broker.cache, service, file)), default=0)


@pytest.fixture
def copy(kept: Path, file: Path, folder: Path) -> Path:
    """One chunk of HIST in a folder of the test's own."""
    first = next(iter(chunks(kept, "HIST", file)))
    return Path(shutil.copy(first.path, folder))


def error_of(path: object) -> BinglideError:
    with pytest.raises(BinglideError) as caught:
        read_chunk(path)  # type: ignore[arg-type]
    return caught.value


def test_digests_are_those_of_the_paper_and_of_another_implementation() -> None:
    octets = bytes(i % 251 for i in range(max(SIZES)))
    ours = {size: portable_hex(memoryview(octets)[:size]) for size in SIZES}
    assert {size: ours[size] for size in KNOWN} == KNOWN
    root = Path(__file__).parents[4]
    said = subprocess.run(
        ["node", "-e", NODE, json.dumps(SIZES)], cwd=root, capture_output=True, check=True, timeout=60
    ).stdout
    assert list(ours.values()) == json.loads(said)
    assert blake3_hex(octets) == portable_hex(octets)


def test_a_chunks_counts_are_those_of_its_bytes(kept: Path, file: Path, data: np.ndarray) -> None:
    found = list(chunks(kept, "HIST", file))
    assert found
    for each in found:
        chunk = read_chunk(each)
        assert (chunk.service, chunk.name, chunk.start) == ("HIST", each.path.name, each.start)
        assert chunk.end == min(each.end, data.size)
        expected = np.bincount(data[chunk.start : chunk.end], minlength=256)
        assert (chunk["counts"].reshape(-1) == expected).all()
        assert not chunk["counts"].flags.writeable


def test_chunks_are_chosen_by_service_and_file(kept: Path, file: Path, folder: Path) -> None:
    assert {chunk.service for chunk in chunks(kept, file=file)} == {"HIST", "ENT", "STATS", "DIFF"}
    assert {chunk.service for chunk in chunks(kept, "ENT")} == {"ENT"}
    assert all(len(chunk.ids) == 2 for chunk in chunks(kept, "DIFF", file))
    other = folder / "other.bin"
    other.write_bytes(b"of this nothing is kept")
    assert list(chunks(kept, file=other)) == []
    assert list(chunks(folder / "no-cache")) == []
    with pytest.raises(BinglideError, match="E_NOT_FOUND"):
        chunks(kept, file=folder / "nothing")


def test_every_chunk_of_the_cache_is_sound_and_its_spans_are_aligned(kept: Path) -> None:
    for each in chunks(kept):
        chunk = read_chunk(os.fspath(each.path))
        length = each.end - each.start
        assert length & (length - 1) == 0 and each.start % length == 0
        assert chunk.fields and all(isinstance(field, np.ndarray) for field in chunk.fields.values())


def test_cells_of_a_chunk_have_a_row_each(kept: Path, file: Path, data: np.ndarray) -> None:
    chunk = max((read_chunk(each) for each in chunks(kept, "ENT", file)), key=lambda chunk: chunk.end - chunk.start)
    rows = -(-chunk.end // chunk.cell_bytes) - chunk.start // chunk.cell_bytes
    counts = chunk["counts"].reshape(rows, 256)
    for row in (0, rows - 1):
        at = chunk.start + row * chunk.cell_bytes
        own = data[at : min(at + chunk.cell_bytes, chunk.end)]
        assert (counts[row] == np.bincount(own, minlength=256)).all()


def test_nothing_is_written(kept: Path, file: Path) -> None:
    before = {chunk.path: chunk.path.stat().st_mtime_ns for chunk in chunks(kept, file=file)}
    for path in before:
        read_chunk(path)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_every_changed_bit_is_told(copy: Path) -> None:
    sound = copy.read_bytes()
    for at in [*range(40), len(sound) // 2, len(sound) - 1]:
        copy.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        error = error_of(copy)
        assert error.code == "E_IO" and "is damaged" in error.message and "binglide cache verify" in error.message
    copy.write_bytes(sound)
    assert read_chunk(copy).service == "HIST"


def test_every_cut_is_told(copy: Path) -> None:
    sound = copy.read_bytes()
    for length in (0, 7, 11, 27, 28, 100, len(sound) - 1):
        copy.write_bytes(sound[:length])
        assert error_of(copy).code == "E_IO"
    copy.write_bytes(sound + b"\0")
    assert error_of(copy).code == "E_IO"


def test_a_chunk_under_another_name_is_told(copy: Path) -> None:
    strange = copy.rename(copy.with_name(copy.name.replace("HIST", "ENT")))
    assert "not what its name says" in error_of(strange).message


def test_what_cannot_be_read_is_told(copy: Path, folder: Path) -> None:
    assert error_of(folder / "notes.txt").code == "E_USAGE"
    name = copy.name
    copy.unlink()
    assert error_of(copy).code == "E_NOT_FOUND"
    (folder / "link").mkdir()
    (folder / "link" / name).symlink_to("/etc/passwd")
    assert error_of(folder / "link" / name).code == "E_IO"
    os.mkfifo(folder / name)
    assert error_of(folder / name).code == "E_IO", "a fifo is not waited for"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("HIST_ab12.0_1024", ((), ("ab12",), 0, 1024)),
        ("ENT-0-64k_~0f.4096_8192", (("0", "64k"), ("~0f",), 4096, 8192)),
        ("DIFF-64-0_aa_~bb.0_4096", (("64", "0"), ("aa", "~bb"), 0, 4096)),
        ("hist_ab.0_1", None),
        ("HIST_ab.5_5", None),
        ("HIST_AB.0_1", None),
        ("HIST_ab_cd_ef.0_1", None),
        ("HIST_ab.0_9007199254740992", None),
        ("HIST_ab.0_1.tmp", None),
        ("HIST_ab.٠_1", None),
    ],
)
def test_names_say_what_is_in_them(name: str, found: tuple[object, ...] | None) -> None:
    parsed = parse_chunk_name(f"/cache/{name}")
    if found is None:
        assert parsed is None
    else:
        assert parsed == ChunkFile(Path(f"/cache/{name}"), name.partition("_")[0].partition("-")[0], *found)  # type: ignore[arg-type]


def test_the_root_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("BINGLIDE_CACHE_DIR", str(folder))
    assert cache_root() == folder and cache_root("/elsewhere") == Path("/elsewhere")
    monkeypatch.delenv("BINGLIDE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert cache_root() == folder / "binglide"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == Path.home() / ".cache" / "binglide"


def test_a_reader_beside_a_busy_broker_misses_nothing(kept: Path, client: Client, file: Path) -> None:
    assert client.request("HIST", file).final().work.bytes_read == 0
    assert list(chunks(kept, "HIST", file))
