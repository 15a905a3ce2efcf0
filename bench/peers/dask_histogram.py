"""The same map and sum with Dask: delayed counts of ranges of 64 MiB, two workers.

Threads were the fastest of its schedulers (bincount lets go of the interpreter's lock); processes and a local cluster
took longer. It is warm: the same was computed once before the clock runs.

Usage: dask_histogram.py FILE; prints as histogram.py does.
"""
import sys

from dask import delayed

from histogram import count, ranges, timed


def work(path):
    parts = [delayed(count)(path, start, end) for start, end in ranges(path, 64 << 20)]
    return delayed(sum)(parts).compute(scheduler="threads", num_workers=2)


if __name__ == "__main__":
    work(sys.argv[1])
    timed(lambda: work(sys.argv[1]))
