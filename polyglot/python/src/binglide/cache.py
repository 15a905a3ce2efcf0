"""Reads what binglide keeps on disk: chunks, one file each, with the part of one service over one piece of a file.

    for chunk in binglide.cache.chunks(service="HIST", file="disk.img"):
        print(chunk.start, chunk.end, binglide.cache.read_chunk(chunk)["counts"])

Rules:
- Nothing is written and nothing removed; any file may vanish between its listing and its reading (E_NOT_FOUND).
- The disk is presumed broken: every byte of a chunk is checked against its digests before any of it is handed out, and
  what does not check is a typed error (E_IO).
- The layout is ``<root>/v1/<id of the first input>/<descriptor digest>/<chunk name>``, and ``<root>/v1/ids/<provisional
  id>`` says which content a file state has. The id is the BLAKE3 of the content, or ``~``… while that is unknown.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy.typing as npt

from .client.blake3 import blake3_hex
from .protocol.codec import unpack_map
from .protocol.errors import BinglideError, Invalid
from .protocol.ids import SAFE_INTEGER_MAX
from .protocol.npy import decode_npy

__all__ = ["Chunk", "ChunkFile", "cache_root", "chunks", "parse_chunk_name", "read_chunk"]

Array = npt.NDArray[Any]

#: A larger file is no chunk.
_CHUNK_BYTES_MAX: Final = 2**30
_CHUNK_MAGIC: Final = b"BXCHUNK1"
_ENTRY_MAGIC: Final = b"BXENTRY1"
#: Magic, length of the map, the first bytes of its digest.
_CHECK_BYTES: Final = 16
_PREFIX_BYTES: Final = 8 + 4 + _CHECK_BYTES
_NAME = re.compile(
    r"(?P<service>[A-Z][A-Z0-9]*)(?P<params>(?:-[A-Za-z0-9.]{1,32})*)"
    r"_(?P<first>~?[0-9a-f]+)(?:_(?P<second>~?[0-9a-f]+))?\.(?P<start>[0-9]+)_(?P<end>[0-9]+)"
)
_HASH = re.compile(r"[0-9a-f]{64}")


class ChunkFile(NamedTuple):
    """A chunk as its name tells it; ``read_chunk`` takes it. ``end`` is nominal: it may lie past the data's end."""

    path: Path
    service: str
    #: As they stand in names: in the descriptor's order; long or strange ones as 16 hex digits of their BLAKE3.
    params: tuple[str, ...]
    #: Content hash in hex, or the provisional ``~``…, one an input.
    ids: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Chunk:
    """What a chunk holds: the part of ``service`` over the bytes [start, end) of its file.

    ``fields``: read-only arrays by the names of the descriptor's fields (``<name>.index`` beside one of operator
    concat). A field along the cells has a row a cell: cells lie on multiples of ``cell_bytes`` from offset 0, the first
    and the last are clipped; with ``cell_bytes`` 0 there is one.
    """

    name: str
    service: str
    version: int | str
    ids: tuple[str, ...]
    start: int
    end: int
    cell_bytes: int
    fields: Mapping[str, Array]

    def __getitem__(self, field: str) -> Array:
        return self.fields[field]


def cache_root(root: str | os.PathLike[str] | None = None) -> Path:
    """``root``, else $BINGLIDE_CACHE_DIR, else $XDG_CACHE_HOME/binglide, else ~/.cache/binglide."""
    if root is not None:
        return Path(root).absolute()
    if os.environ.get("BINGLIDE_CACHE_DIR"):
        return Path(os.environ["BINGLIDE_CACHE_DIR"]).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path there is to be ignored.
    return Path(base if os.path.isabs(base) else Path.home() / ".cache") / "binglide"


def parse_chunk_name(path: str | os.PathLike[str]) -> ChunkFile | None:
    """What the name of a file says of the chunk in it; None where it is no chunk's name."""
    found = _NAME.fullmatch(Path(path).name)
    if found is None:
        return None
    start, end = int(found["start"]), int(found["end"])
    if not start < end <= SAFE_INTEGER_MAX:
        return None
    ids = (found["first"],) if found["second"] is None else (found["first"], found["second"])
    return ChunkFile(Path(path), found["service"], tuple(found["params"].split("-")[1:]), ids, start, end)


def chunks(
    root: str | os.PathLike[str] | None = None,
    service: str | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Iterator[ChunkFile]:
    """The chunks of the cache in ``root`` (see ``cache_root``), of one service and of one file where they are named.

    ``file`` is taken in the state that it has now: chunks of what it held before are not its. Raises E_NOT_FOUND or
    E_ACCESS where it cannot be seen. A cache that is not there holds nothing.
    """
    base = cache_root(root) / "v1"
    return _chunks(base, service, None if file is None else _ids_of(base, os.fspath(file)))


def _chunks(base: Path, service: str | None, ids: frozenset[str] | None) -> Iterator[ChunkFile]:
    for folder in _listed(base):
        if folder.name in ("ids", "sizes", "tmp"):
            continue
        for digest in _listed(folder):
            for path in _listed(digest):
                found = parse_chunk_name(path)
                if found is None or found.ids[0] != folder.name:
                    continue
                if service in (None, found.service) and (ids is None or not ids.isdisjoint(found.ids)):
                    yield found


def _listed(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _ids_of(base: Path, file: str) -> frozenset[str]:
    """The names that this state of the file has in the cache: its provisional id and, where known, its content's."""
    try:
        state = os.stat(file)
    except OSError as error:
        raise _unreadable(file, error) from None
    numbers = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    provisional = "~" + hashlib.sha256("\n".join(map(str, numbers)).encode()).hexdigest()[:32]
    content = _hash_of(base / "ids" / provisional, provisional)
    return frozenset([provisional] if content is None else [provisional, content])


def _hash_of(entry: Path, provisional: str) -> str | None:
    """The content hash that the cache has noted for a file state; None where it has none, or no sound one."""
    try:
        header, rest = _unseal(_ENTRY_MAGIC, _load(entry))
    except (BinglideError, Invalid):
        return None
    content = header.get("hash")
    is_sound = header.get("id") == provisional and not rest and isinstance(content, str) and _HASH.fullmatch(content)
    return str(content) if is_sound else None


def read_chunk(chunk: str | os.PathLike[str] | ChunkFile) -> Chunk:
    """The chunk in a file, every byte of it checked.

    Raises E_USAGE where the path is no chunk's name, E_NOT_FOUND or E_ACCESS where there is nothing to be read, E_IO
    where it is damaged (`binglide cache verify` removes such files; what they held is computed again).
    """
    path = chunk.path if isinstance(chunk, ChunkFile) else Path(chunk)
    name = parse_chunk_name(path)
    if name is None:
        raise BinglideError("E_USAGE", f"{path} is no chunk's name; binglide.cache.chunks() lists them")
    try:
        return _decoded(name, _load(path))
    except Invalid as error:
        text = f"{path} is damaged: {error}; `binglide cache verify` removes it"
        raise BinglideError("E_IO", text, service=name.service) from None


def _load(path: Path) -> bytes:
    """What is no regular file is not even opened for reading: a fifo would wait for its writer."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode) or state.st_size > _CHUNK_BYTES_MAX:
                raise Invalid("it is no regular file of a chunk's size")
            return file.read()
    except OSError as error:
        raise _unreadable(os.fspath(path), error) from None


def _unreadable(path: str, error: OSError) -> BinglideError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return BinglideError("E_NOT_FOUND", f"{path}: no such file")
    if isinstance(error, PermissionError):
        return BinglideError("E_ACCESS", f"{path}: no permission to read it")
    return BinglideError("E_IO", f"{path} cannot be read: {error.strerror or error}")


def _unseal(magic: bytes, data: bytes) -> tuple[dict[str, Any], memoryview]:
    """The map at the head and what stands behind it; raises Invalid where any bit of the map is not as written."""
    view = memoryview(data)
    end = _PREFIX_BYTES + int.from_bytes(view[8:12], "little")
    if len(view) < _PREFIX_BYTES or bytes(view[:8]) != magic or end > len(view):
        raise Invalid("its head is cut or of another kind")
    packed = view[_PREFIX_BYTES:end]
    if blake3_hex(packed)[: 2 * _CHECK_BYTES] != view[12:_PREFIX_BYTES].hex():
        raise Invalid("its head does not match its digest")
    return unpack_map(packed), view[end:]


def _decoded(name: ChunkFile, data: bytes) -> Chunk:
    header, rest = _unseal(_CHUNK_MAGIC, data)
    if blake3_hex(rest) != header.get("digest"):
        raise Invalid("its body does not match its digest")
    service, version = header.get("service"), header.get("version")
    start, end, cell_bytes = (_offset(header, key) for key in ("start", "end", "cellBytes"))
    is_named = service == name.service and start == name.start and start <= end <= name.end
    if not is_named or isinstance(version, bool) or not isinstance(version, (int, str)):
        raise Invalid("it is not what its name says")
    arrays, lengths = header.get("arrays"), header.get("lengths")
    if not isinstance(arrays, list) or not isinstance(lengths, list) or len(arrays) != len(lengths):
        raise Invalid("its head does not say where the arrays are")
    fields: dict[str, Array] = {}
    at = 0
    for array, length in zip(arrays, lengths, strict=True):
        if not isinstance(array, str) or type(length) is not int or length < 0:
            raise Invalid("its head does not say where the arrays are")
        fields[array] = decode_npy(rest[at : at + length])
        at += length
    if at != len(rest):
        raise Invalid(f"its arrays take {at} of {len(rest)} bytes")
    return Chunk(name.path.name, name.service, version, name.ids, start, end, cell_bytes, MappingProxyType(fields))


def _offset(header: Mapping[str, Any], key: str) -> int:
    value = header.get(key)
    if type(value) is not int or not 0 <= value <= SAFE_INTEGER_MAX:
        raise Invalid(f"its head has no {key}")
    return value
