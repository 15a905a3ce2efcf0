"""The same map and sum with Ray: a task a range of 64 MiB, two workers on this machine.

It is warm: started, and the same computed once, before the clock runs. Its files are in a folder of the caller's, and it
ends with this program.

Usage: ray_histogram.py FILE FOLDER; prints as histogram.py does.
"""
import logging
import os
import sys

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray  # noqa: E402

from histogram import count, ranges, timed  # noqa: E402


def work(remote, path):
    return sum(ray.get([remote.remote(path, start, end) for start, end in ranges(path, 64 << 20)]))


if __name__ == "__main__":
    path, folder = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=100 << 20,
        _temp_dir=folder,
        _plasma_directory=folder,
        runtime_env={"env_vars": {"PYTHONPATH": here}},
    )
    try:
        remote = ray.remote(count)
        work(remote, path)
        timed(lambda: work(remote, path))
    finally:
        ray.shutdown()
