"""Ranges mean what protocol/vectors/ranges.json says, in every language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binglide import BinglideError
from binglide.client.range import RangeSpec, parse_bytes, parse_range, range_of, resolve_range

VECTORS = json.loads((Path(__file__).parents[4] / "protocol" / "vectors" / "ranges.json").read_text())


def outcome(found: Any) -> Any:
    """What the call gives, or the code of what it raises, as the vectors write it."""
    try:
        value = found()
    except BinglideError as error:
        return {"error": error.code}
    if isinstance(value, RangeSpec):
        return {"start": value.start, "end": value.end}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", VECTORS["bytes"], ids=lambda case: case["text"])
def test_a_number_of_bytes_means_what_the_vectors_say(case: dict[str, Any]) -> None:
    assert outcome(lambda: parse_bytes(case["text"])) == case["bytes"]


@pytest.mark.parametrize("case", VECTORS["ranges"], ids=lambda case: case["text"])
def test_a_range_means_what_the_vectors_say(case: dict[str, Any]) -> None:
    assert outcome(lambda: parse_range(case["text"])) == case["range"]


@pytest.mark.parametrize("case", VECTORS["resolved"], ids=str)
def test_a_range_inside_a_file_is_where_the_vectors_say(case: dict[str, Any]) -> None:
    spec = RangeSpec(case["range"]["start"], case["range"]["end"])
    assert outcome(lambda: resolve_range(spec, case["size"], "a.bin")) == case["bounds"]


def test_a_range_may_be_a_pair_of_any_whole_numbers() -> None:
    assert range_of((0, 10)) == (0, 10)
    assert range_of([np.int64(5), np.uint8(7)]) == (5, 7)
    assert range_of((5, None)) == (5, None)
    assert range_of(None) == (0, None)


@pytest.mark.parametrize("given", [(1,), (1, 2, 3), (2, 1), (-1, 5), (0, 2**53), (0.5, 2), ("a", 2), 5, {1, 2}])
def test_anything_else_is_refused_and_named(given: object) -> None:
    with pytest.raises(BinglideError, match="range is ") as caught:
        range_of(given)
    assert caught.value.code == "E_USAGE"


def test_a_long_text_is_refused_at_once() -> None:
    assert outcome(lambda: parse_bytes("9" * 5_000_000)) == {"error": "E_USAGE"}
