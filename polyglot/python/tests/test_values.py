"""Golden arrays, ids, descriptors and entropies; the limits of header maps."""

from __future__ import annotations

import hashlib
import itertools
import struct
from typing import Any

import numpy as np
import pytest
from vectors import alike, load, value_of

from binglide.protocol.codec import HEADER_BYTES_MAX, VALUES_MAX, pack, unpack_map
from binglide.protocol.descriptor import canonical, descriptor_of, digest
from binglide.protocol.entropy import blocks_q, entropy_table
from binglide.protocol.errors import BinglideError, Invalid
from binglide.protocol.grid import Span, rest_dtype
from binglide.protocol.ids import base32, job_id_of, parse_job_id
from binglide.protocol.npy import decode_npy, dtype_name, encode_npy, new_frame
from binglide.protocol.params import check_params


@pytest.mark.parametrize("vector", load("npy")["arrays"], ids=lambda vector: str(vector["name"]))
def test_arrays_become_their_frames_and_back(vector: dict[str, Any]) -> None:
    wanted = value_of(vector["array"])
    frame = bytes.fromhex(vector["frame"])
    array = decode_npy(frame)
    assert dtype_name(array) == wanted["dtype"]
    assert list(array.shape) == wanted["shape"]
    assert alike(array.reshape(-1).tolist(), wanted["data"])
    assert not array.flags.writeable
    assert array.base is not None
    assert encode_npy(array) == frame
    built, view = new_frame(wanted["dtype"], tuple(wanted["shape"]))
    view[...] = array
    assert bytes(built) == frame


@pytest.mark.parametrize("vector", load("npy")["read"], ids=lambda vector: str(vector["name"]))
def test_arrays_that_are_written_otherwise_are_taken(vector: dict[str, Any]) -> None:
    wanted = value_of(vector["array"])
    array = decode_npy(memoryview(bytes.fromhex(vector["frame"])))
    assert dtype_name(array) == wanted["dtype"]
    assert list(array.shape) == wanted["shape"]
    assert alike(array.reshape(-1).tolist(), wanted["data"])


@pytest.mark.parametrize("vector", load("npy")["refused"], ids=lambda vector: str(vector["name"]))
def test_arrays_that_are_none_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        decode_npy(bytes.fromhex(vector["frame"]))


def test_ids() -> None:
    vectors = load("ids")
    for vector in vectors["base32"]:
        assert base32(bytes.fromhex(vector["bytes"]["hex"])) == vector["text"]
    for vector in vectors["jobIds"]:
        assert job_id_of(vector["client"], vector["request"]) == vector["jobId"]
        parts = parse_job_id(vector["jobId"])
        assert parts is not None
        assert parts._asdict() == vector["readBack"]
    for text in vectors["notJobIds"]:
        assert parse_job_id(text) is None, text


@pytest.mark.parametrize("vector", load("descriptors"), ids=lambda vector: str(vector["name"]))
def test_descriptors_have_their_digest(vector: dict[str, Any]) -> None:
    assert digest(descriptor_of(vector["descriptor"])) == vector["digest"]


def test_numbers_are_written_as_ecmascript_does() -> None:
    known = {
        0.1: "0.1",
        1.0: "1",
        -0.0: "0",
        1e16: "10000000000000000",
        1e21: "1e+21",
        1.5e300: "1.5e+300",
        1e-6: "0.000001",
        1e-7: "1e-7",
        -1.25e-9: "-1.25e-9",
        123456.789: "123456.789",
        5e-324: "5e-324",
    }
    assert {number: canonical(number) for number in known} == known
    assert canonical({"b": [1, True], "help": "x", "a": "é\n\u2028"}) == '{"a":"é\\n\u2028","b":[1,true]}'


def test_the_entropy_table_is_exact() -> None:
    vectors = load("entropy-table")
    table = entropy_table()
    assert hashlib.sha256(table.astype("<i8").tobytes()).hexdigest() == vectors["sha256"]
    assert table[: len(vectors["table"])].tolist() == vectors["table"]
    for c, wanted in [*vectors["powers"], *vectors["hard"]]:
        assert table[c] == wanted
    for block in vectors["blocks"]:
        counts = np.zeros((1, 256), np.int64)
        for value, count in block["counts"]:
            counts[0, value] = count
        assert blocks_q(counts).tolist() == [block["q"]], block["name"]


def test_parts_have_the_dtypes_that_their_grid_asks_for() -> None:
    seen = 0
    for vector in load("parts"):
        given = [{"name": name, "type": "int", "default": 0, "min": 0, "help": ""} for name in vector["params"]]
        base = {"name": "X", "version": 1, "inputs": 1, "help": "", "params": given, "overlap": 0, "cached": True}
        fields = descriptor_of({**base, "fields": vector["fields"], "report": []}).fields
        for piece in [*vector["pieces"], vector["whole"]]:
            span = Span(piece["start"], piece["end"], piece["cellBytes"])
            frames = dict(zip(piece["arrays"], piece["frames"], strict=True))
            for field in fields:
                array = decode_npy(bytes.fromhex(frames[field.name]))
                assert dtype_name(array) == rest_dtype(field, span), (vector["name"], field.name)
                if field.cells and field.merge != "concat":
                    assert array.shape[0] == span.cells
                seen += 1
    assert seen > 30


def test_header_maps_are_refused_before_anything_is_built() -> None:
    deep = b"\x81\xa1a" * 32 + b"\x80"
    assert unpack_map(b"\x81\xa1a" * 31 + b"\x80")
    hostile = {
        "twice": b"\x82\xa1a\x01\xa1a\x02",
        "number key": b"\x81\x01\x02",
        "proto": b"\x81\xa9__proto__\x01",
        "extension": b"\x81\xa1a\xd4\x01\x00",
        "deep": deep,
        "many lists": b"\x81\xa1a" + b"\xdd\x00\x10\x00\x00" * 1000,
        "behind": b"\x80\x00",
        "bad text": b"\x81\xa1\xff\x01",
        "long": b"\xdf" + b"\x00" * HEADER_BYTES_MAX,
        "list": b"\x90",
    }
    for name, frame in hostile.items():
        with pytest.raises(Invalid):
            print(name, unpack_map(frame))
    most = VALUES_MAX - 3
    assert len(unpack_map(b"\x81\xa1a\xdd" + struct.pack(">I", most) + b"\x00" * most)["a"]) == most
    with pytest.raises(Invalid, match="more than"):
        unpack_map(b"\x81\xa1a\xdd" + struct.pack(">I", most + 1) + b"\x00" * (most + 1))


def test_whole_floats_are_written_as_integers() -> None:
    assert pack({"a": 3.0, "b": [0.5, -2.0], "c": None}) == b"\x82\xa1a\x03\xa1b\x92\xcb?\xe0" + b"\x00" * 6 + b"\xfe"


def test_parameters_are_checked_by_name() -> None:
    params = [
        {"name": "lag", "type": "int", "default": 8, "min": 1, "max": 64, "help": ""},
        {"name": "mode", "type": "string", "default": "mean", "oneOf": ["mean", "max"], "help": ""},
        {"name": "weight", "type": "float", "default": 0.5, "help": ""},
    ]
    fields = [{"name": "x", "dtype": "u8", "merge": "sum", "cells": False}]
    described = descriptor_of(
        {"name": "P", "version": 1, "inputs": 1, "help": "", "overlap": "lag", "cached": True}
        | {"params": params, "fields": fields, "report": []}
    )
    assert check_params("P", described.params, {"weight": 1}) == {"lag": 8, "mode": "mean", "weight": 1.0}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"lag": 0}, "lag is 0; it takes a number from 1 to 64"),
        ({"lag": True}, "lag is true; it takes a whole number"),
        ({"mode": "min"}, "mode is min; it takes one of mean, max"),
        ({"weight": "x"}, "weight is x; it takes a number"),
        ({"lags": 1}, "P takes no parameter lags; it takes lag, mode, weight"),
    ]
    for given, message in bad:
        with pytest.raises(BinglideError, match=message) as caught:
            check_params("P", described.params, given)
        assert caught.value.code == "E_PARAM"


def test_cells_lie_on_multiples_from_the_files_first_byte() -> None:
    for start, end, cell in itertools.product([0, 1, 4095, 4096, 5000], [5000, 8192, 8193], [0, 1000, 4096]):
        span = Span(start, end, cell)
        bounds = [span.bounds(i) for i in range(span.cells)]
        covered = list(itertools.chain.from_iterable(range(*pair) for pair in bounds))
        assert covered == list(range(start, end))
        assert all(span.cell_of(first) == i for i, (first, last) in enumerate(bounds) if first < last)
