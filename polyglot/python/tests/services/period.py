"""PERIOD: which record length (1..max_lag bytes) repeats best, per cell and over the range."""

import numpy as np

from binglide.worker import Service, field, param, serve


class Period(Service):
    name = "PERIOD"
    version = 1
    row = 65536
    max_lag = param(64, low=1, high=1024, help="longest record length tried, in bytes")
    overlap = "max_lag"
    matches = field("u8", shape=("max_lag",), merge="sum", cells=True)

    def compute(self, x, task):
        out = np.empty((len(x), self.max_lag), "u8")
        for lag in range(1, self.max_lag + 1):
            task.check()
            m = max(0, min(task.own, x.shape[1] - lag))
            out[:, lag - 1] = np.count_nonzero(x[:, :m] == x[:, lag : lag + m], axis=1)
        return {"matches": out}

    def finish(self, part):
        return {"period": part.matches.argmax(-1) + 1, "score": part.matches.max(-1) / part.n}


if __name__ == "__main__":
    serve(Period)
