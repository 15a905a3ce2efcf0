"""BUSY: every way of keeping a worker busy, or of ending badly."""

import ctypes
import os
import time

import numpy as np

from binglide.worker import Service, field, param, serve

MODES = ["sum", "loop", "sleep", "numpy", "catch", "check", "raise", "exit", "segv", "leave", "wide", "nan", "print"]


class Busy(Service):
    name = "BUSY"
    version = 7
    mode = param("sum", one_of=MODES, help="what to do")
    seconds = param(60.0, low=0.0, help="for how long")
    total = field("u8", merge="sum")
    least = field("f8", merge="min")

    def compute(self, x, task):
        act = getattr(self, f"do_{self.mode}", None)
        found = act(x, task) if act else None
        return found or {"total": x.sum(axis=1, dtype="u8"), "least": x.min(axis=1).astype("f8")}

    def until(self):
        return time.monotonic() + self.seconds

    def do_loop(self, x, task):
        end, n = self.until(), 0
        while n % 1000 or time.monotonic() < end:
            n += 1

    def do_sleep(self, x, task):
        time.sleep(self.seconds)

    def do_numpy(self, x, task):
        end = self.until()
        while time.monotonic() < end:
            np.sort(np.random.default_rng(1).random(30_000_000))

    def do_catch(self, x, task):
        end = self.until()
        while time.monotonic() < end:
            try:
                task.check()
            except Exception:
                continue

    def do_check(self, x, task):
        end = self.until()
        while time.monotonic() < end:
            task.check()

    def do_raise(self, x, task):
        return x[:, 10_000_000:][0][7]  # the line that a message names

    def do_exit(self, x, task):
        os._exit(3)

    def do_segv(self, x, task):
        ctypes.string_at(8)

    def do_leave(self, x, task):
        raise SystemExit("enough")

    def do_wide(self, x, task):
        return {"total": x.astype("u8"), "least": x.min(axis=1).astype("f8")}

    def do_nan(self, x, task):
        return {"total": x.sum(axis=1, dtype="u8"), "least": np.full(len(x), np.nan)}

    def do_print(self, x, task):
        print(f"computing in {os.getpid()}", flush=True)
        self.do_loop(x, task)


if __name__ == "__main__":
    serve(Busy)
