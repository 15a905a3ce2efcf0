"""Samples: what a part of many short runs carries besides its service's fields, and the interval that its runs give.

Intervals are never merged and never cached; whoever computes them does it from the runs of one stratum, a cell. The
method: delete-one-run jackknife (Quenouille 1956, Tukey 1958) with variances moderated by the neighbouring cells'
(empirical Bayes, Smyth 2004) and the finite population correction (Cochran 1977).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .descriptor import Descriptor, FieldSpec, OutputSpec

Floats = npt.NDArray[np.float64]

#: Columns of a sample's part, a row a cell: bytes seen, and a 95 % interval of the first output (NaN: cannot be told).
SAMPLE_FIELDS: Final = (
    FieldSpec("n", "u8", "sum", True),
    FieldSpec("lo", "f8", "once", True),
    FieldSpec("hi", "f8", "once", True),
)


def interval_output(descriptor: Descriptor, form: str) -> OutputSpec | None:
    """The output that lo and hi belong to: the first along the cells that is one number made of a sum."""
    fields = {spec.name: spec for spec in descriptor.fields}
    for output in descriptor.report:
        field = fields[output.of]
        is_here = output.scope != "whole" and field.cells and field.form in (None, form)
        is_number = output.finish == "entropy" or (output.finish == "value" and field.shape is None)
        if is_here and field.merge == "sum" and is_number:
            return output
    return None


class Estimate(NamedTuple):
    """What the runs of one cell tell: entropy in bits a byte, or a sum for each byte."""

    runs: int
    #: Bytes of all runs.
    bytes: int
    #: Of all runs together.
    value: float
    #: How much it is above the mean of what one run less tells; never below 0, and 0 for sums.
    growth: float
    #: By which one run differs from another; NaN where there is only one.
    variance: float


def estimates(rows: npt.NDArray[Any], sizes: npt.NDArray[np.int64], finish: str) -> list[Estimate]:
    """What each of several cells with the same number of runs tells.

    ``rows``: the runs' rows of the output's field, shape (cells, runs, width); ``sizes``: bytes of each, (cells, runs).
    """
    runs = sizes.shape[1]
    whole, without = _entropies(rows) if finish == "entropy" else _means(rows, sizes)
    mean = without.mean(axis=1)
    variance = np.square(without - mean[:, np.newaxis]).sum(axis=1) * (runs - 1)
    growth = np.maximum(0.0, whole - mean) if finish == "entropy" else np.zeros(len(whole))
    if runs < 2:
        variance, growth = np.full(len(whole), math.nan), np.zeros(len(whole))
    seen = sizes.sum(axis=1)
    return [
        Estimate(runs, int(seen[i]), float(whole[i]), float(growth[i]), float(variance[i])) for i in range(len(seen))
    ]


class Bounds(NamedTuple):
    """What the output can be at all; ``values``: numbers in a row, as many different values as runs can show."""

    low: float
    high: float
    values: int


def bounds_of(field: FieldSpec, finish: str, values: int) -> Bounds:
    if finish == "entropy":
        return Bounds(0.0, math.log2(values), values)
    high = math.inf if field.per_byte_max is None else field.per_byte_max
    return Bounds(0.0 if field.dtype.startswith("u") else -math.inf, high, values)


#: Student's t, 97.5 %, by degrees of freedom from 1; beyond the table the normal's is near enough.
_T975: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131)
#: Cells before and after one whose runs are asked as well how much runs differ hereabouts.
_NEIGHBOURS: Final = 4
#: Degrees of freedom that their word has at the most, against runs - 1 of the cell's own.
_NEIGHBOURS_WEIGHT: Final = 12


def intervals(strata: Sequence[Estimate], stratum_bytes: int, bounds: Bounds) -> list[tuple[float, float]]:
    """A 95 % interval for each cell, in order of place; NaN where the runs cannot tell."""
    found = []
    for i, stratum in enumerate(strata):
        found.append(_interval(strata, i, stratum_bytes, bounds) if stratum.runs >= 2 else (math.nan, math.nan))
    return found


def _interval(strata: Sequence[Estimate], i: int, stratum_bytes: int, bounds: Bounds) -> tuple[float, float]:
    runs, size, value, growth, variance = strata[i]
    around, around_degrees = _hereabouts(strata, i)
    degrees = min(_NEIGHBOURS_WEIGHT, around_degrees) + runs - 1
    own = (runs - 1) / degrees if around_degrees > 0 else 1.0
    moderated = around + own * max(0.0, variance - around)
    unseen = max(0.0, 1 - size / stratum_bytes)
    if not moderated * unseen > 0:
        return (math.nan, math.nan)
    t = _T975[degrees - 1] if degrees <= len(_T975) else 1.96
    half = t * math.sqrt(moderated * unseen / runs)
    high = value + growth * _growth_ahead(runs, unseen, bounds.values) + half
    return (max(bounds.low, value - half), min(bounds.high, high))


def _hereabouts(strata: Sequence[Estimate], i: int) -> tuple[float, int]:
    """By which runs of the neighbours differ, pooled, and its degrees of freedom; 0 of 0 where there are none."""
    total, degrees = 0.0, 0
    for j in range(max(0, i - _NEIGHBOURS), min(len(strata), i + _NEIGHBOURS + 1)):
        if j != i and strata[j].runs >= 2:
            total += strata[j].variance * (strata[j].runs - 1)
            degrees += strata[j].runs - 1
    return (total / degrees, degrees) if degrees > 0 else (0.0, 0)


def _growth_ahead(runs: int, unseen: float, values: int) -> float:
    """How often an entropy may still grow by what the last run added.

    Counts of one kind of content miss their end by 1/bytes (Miller 1955); where content drifts, it grows with the
    logarithm until all values have occurred. The interval holds the ends of both.
    """
    steady = (runs - 1) * unseen
    drifting = math.log(min(1 / (1 - unseen), values / runs)) / math.log(runs / (runs - 1))
    return max(steady, drifting)


def _means(rows: npt.NDArray[Any], sizes: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    sums = rows[:, :, 0].astype(np.float64)
    total, seen = sums.sum(axis=1, keepdims=True), sizes.sum(axis=1, keepdims=True)
    rest = seen - sizes
    without = np.divide(total - sums, rest, out=np.full(sums.shape, math.nan), where=rest > 0)
    return (total / seen)[:, 0], without


def _entropies(rows: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """In bits a byte, log2 n - Σ c·log2 c / n, of all runs and of all but each."""
    total = rows.sum(axis=1, keepdims=True, dtype=np.float64)
    return _entropy(total)[:, 0], _entropy(total - rows)


def _entropy(counts: Floats) -> Floats:
    n = np.maximum(counts.sum(axis=-1), 1)
    logs = np.log2(counts, out=np.zeros_like(counts), where=counts > 0)
    found: Floats = np.log2(n) - (counts * logs).sum(axis=-1) / n
    return found
