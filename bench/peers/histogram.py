"""Byte counts with NumPy's bincount: of a range in pieces of 1 MiB. As a program: of a whole file.

Usage: histogram.py FILE; prints a JSON object: ms inside, after the imports, and the counts.
"""
import json
import os
import sys
import time

import numpy as np


def count(path, start, end):
    """The 256 counts of [start, end), as uint64."""
    counts = np.zeros(256, "u8")
    piece = memoryview(bytearray(1 << 20))
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        while start < end:
            got = file.readinto(piece[: min(len(piece), end - start)])
            counts += np.bincount(np.frombuffer(piece, "u1", got), minlength=256).astype("u8")
            start += got
    return counts


def ranges(path, length):
    """The file in ranges of `length` bytes."""
    size = os.path.getsize(path)
    return [(at, min(at + length, size)) for at in range(0, size, length)]


def timed(work):
    """Prints how long `work` takes, and the counts that it gives."""
    began = time.perf_counter()
    counts = work()
    ms = (time.perf_counter() - began) * 1000
    print(json.dumps({"ms": ms, "counts": [int(n) for n in counts]}))


if __name__ == "__main__":
    path = sys.argv[1]
    timed(lambda: count(path, 0, os.path.getsize(path)))
