"""NumPy's bincount over a file in pieces of 1 MiB. Usage: histogram.py FILE"""
import sys

import numpy as np

counts = np.zeros(256, "u8")
with open(sys.argv[1], "rb", buffering=0) as file:
    piece = bytearray(1 << 20)
    while got := file.readinto(piece):
        counts += np.bincount(np.frombuffer(piece, "u1", got), minlength=256).astype("u8")
print("\n".join(map(str, counts)))
