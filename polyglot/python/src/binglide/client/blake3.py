"""BLAKE3, as b3sum prints it, for what the cache vouches for: many 1024-byte chunks side by side in NumPy.

After the BLAKE3 specification (O'Connor, Aumasson, Neves, Wilcox-O'Hearn), default mode, 32 bytes. Some 30 MB/s and
some milliseconds at the least: enough to look into the cache. Whoever reads all of it installs the package `blake3`,
which is used where it is there and is a hundred times as fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..protocol.codec import Buffer

Words = npt.NDArray[np.uint32]

_IV: Final = np.array(
    [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19], np.uint32
)
_PERMUTATION: Final = np.array([2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8])
_ROUNDS: Final = 7
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_CHUNK_BYTES: Final = 1024
_BLOCK_BYTES: Final = 64
_BLOCKS: Final = _CHUNK_BYTES // _BLOCK_BYTES
#: So many chunks at a time: their state stays in a processor's cache.
_LANES: Final = 2048


def _orders() -> list[npt.NDArray[Any]]:
    order = np.arange(16)
    orders = []
    for _ in range(_ROUNDS):
        orders.append(order)
        order = order[_PERMUTATION]
    return orders


_ORDERS: Final = _orders()


def _mixed(a: Words, b: Words, c: Words, d: Words, x: Words, y: Words) -> tuple[Words, Words, Words, Words]:
    """The quarter-round, of four columns (or diagonals) of all lanes at once."""
    for m, turn_d, turn_b in ((x, 16, 12), (y, 8, 7)):
        a = a + b + m
        d = d ^ a
        d = (d >> np.uint32(turn_d)) | (d << np.uint32(32 - turn_d))
        c = c + d
        b = b ^ c
        b = (b >> np.uint32(turn_b)) | (b << np.uint32(32 - turn_b))
    return a, b, c, d


def _compress(value: Words, block: Words, counter: npt.NDArray[np.uint64], length: int, flags: int) -> Words:
    """The next chaining values; ``value``: (8, lanes), ``block``: (16, lanes), ``counter``: (lanes)."""
    lanes = value.shape[1]
    a, b = value[:4], value[4:]
    c = np.repeat(_IV[:4, None], lanes, axis=1)
    d = np.empty((4, lanes), np.uint32)
    d[0] = counter & np.uint64(0xFFFFFFFF)
    d[1] = counter >> np.uint64(32)
    d[2] = length
    d[3] = flags
    for order in _ORDERS:
        m = block[order]
        a, b, c, d = _mixed(a, b, c, d, m[0:8:2], m[1:8:2])
        b, c, d = b[[1, 2, 3, 0]], c[[2, 3, 0, 1]], d[[3, 0, 1, 2]]
        a, b, c, d = _mixed(a, b, c, d, m[8:16:2], m[9:16:2])
        b, c, d = b[[3, 0, 1, 2]], c[[2, 3, 0, 1]], d[[1, 2, 3, 0]]
    return np.concatenate((a ^ c, b ^ d))


def _start(lanes: int) -> Words:
    return np.repeat(_IV[:, None], lanes, axis=1)


def _full_chunks(data: npt.NDArray[np.uint8], first: int) -> Words:
    """Chaining values of whole chunks, (8, chunks); ``first``: the number of the first one."""
    lanes = data.size // _CHUNK_BYTES
    words = data.view("<u4").reshape(lanes, _BLOCKS, 16).transpose(1, 2, 0)
    counter = np.arange(first, first + lanes, dtype=np.uint64)
    value = _start(lanes)
    for at in range(_BLOCKS):
        flags = (_CHUNK_START if at == 0 else 0) | (_CHUNK_END if at == _BLOCKS - 1 else 0)
        value = _compress(value, words[at], counter, _BLOCK_BYTES, flags)
    return value


def _last_chunk(data: npt.NDArray[np.uint8], number: int, root: int) -> Words:
    """Chaining value of a chunk of any length, an empty one too."""
    blocks = max(1, -(-data.size // _BLOCK_BYTES))
    padded = np.zeros(blocks * _BLOCK_BYTES, np.uint8)
    padded[: data.size] = data
    counter = np.array([number], np.uint64)
    value = _start(1)
    for at in range(blocks):
        is_last = at == blocks - 1
        flags = (_CHUNK_START if at == 0 else 0) | ((_CHUNK_END | root) if is_last else 0)
        length = data.size - at * _BLOCK_BYTES if is_last else _BLOCK_BYTES
        block = padded[at * _BLOCK_BYTES : (at + 1) * _BLOCK_BYTES].view("<u4")
        value = _compress(value, block[:, None], counter, length, flags)
    return value


def _native_hash() -> Callable[[Buffer], Any] | None:
    """What the package `blake3` has; None where it is not installed."""
    try:
        found: Callable[[Buffer], Any] = importlib.import_module("blake3").blake3
    except ImportError:
        return None
    return found


_native: Final = _native_hash()


def blake3_hex(data: Buffer) -> str:
    """64 hex digits; by the package `blake3` where that is installed."""
    return portable_hex(data) if _native is None else str(_native(data).hexdigest())


def portable_hex(data: Buffer) -> str:
    """64 hex digits, by NumPy."""
    octets = np.frombuffer(data, np.uint8)
    whole = max(0, (octets.size - 1) // _CHUNK_BYTES)
    step = _LANES * _CHUNK_BYTES
    values = [
        _full_chunks(np.ascontiguousarray(octets[at : min(at + step, whole * _CHUNK_BYTES)]), at // _CHUNK_BYTES)
        for at in range(0, whole * _CHUNK_BYTES, step)
    ]
    values.append(_last_chunk(octets[whole * _CHUNK_BYTES :], whole, 0 if whole else _ROOT))
    value = np.concatenate(values, axis=1)
    while value.shape[1] > 1:
        pairs = value.shape[1] // 2
        flags = _PARENT | (_ROOT if value.shape[1] == 2 else 0)
        block = np.concatenate((value[:, 0 : 2 * pairs : 2], value[:, 1 : 2 * pairs : 2]))
        parents = _compress(_start(pairs), block, np.zeros(pairs, np.uint64), _BLOCK_BYTES, flags)
        # The odd one out goes up as it is: the left side of every node is a whole power of two.
        value = np.concatenate((parents, value[:, 2 * pairs :]), axis=1)
    return value[:, 0].astype("<u4").tobytes().hex()
