"""SHAPES: one field of every operator, for one and for two inputs."""

import numpy as np

from binglide.worker import Service, field, marked_runs, param, serve


class Shapes(Service):
    name = "SHAPES"
    version = 1
    row = 1000
    gap = param(2, low=0)
    width = param(2, low=1, high=9)
    overlap = 5
    total = field("u8", merge="sum", cells=True, per_byte_max=255)
    low = field("u1", merge="min", cells=True)
    high = field("f4", merge="max", cells=True)
    bits = field("u1", merge="or")
    ahead = field("u4", merge="sum", cells=True)
    pairs = field("u8", shape=(4, "width"), merge="sum")
    zeros = field("i8", merge="run", cells=True)
    places = field("u8", shape=(2,), merge="concat", cells=True, gap="gap", limit=5)

    def compute(self, x, task):
        own = x[:, : task.own]
        pairs = np.zeros((len(x), 4, self.width), "i8")
        for k in range(4):
            pairs[:, k, :] = np.count_nonzero(own == k, axis=1)[:, np.newaxis]
        starts = [np.flatnonzero(row == 7) + at for row, at in zip(own, task.offsets, strict=True)]
        m = max(0, min(task.own, x.shape[1] - 5))
        return {
            "total": own.sum(axis=1, dtype="u8"),
            "low": own.min(axis=1),
            "high": own.max(axis=1).astype("f4"),
            "bits": np.bitwise_or.reduce(own, axis=1),
            "ahead": np.count_nonzero(x[:, :m] == x[:, 5 : 5 + m], axis=1),
            "pairs": pairs,
            "zeros": marked_runs(own == 0, task.offsets),
            "places": [np.stack([at, at + 1], axis=1) for at in starts],
        }


class Both(Service):
    name = "BOTH"
    version = 1
    inputs = 2
    shift = param(0)
    overlap = 3
    same = field("u8", merge="sum", cells=True, per_byte_max=1)
    beside = field("u8", merge="sum")

    def compute(self, a, b, task):
        m = max(0, min(task.own, b.shape[1] - 3))
        return {
            "same": np.count_nonzero(a[:, : task.own] == b[:, : task.own], axis=1),
            "beside": np.count_nonzero(a[:, :m] == b[:, 3 : 3 + m], axis=1),
        }


if __name__ == "__main__":
    serve(Shapes)
