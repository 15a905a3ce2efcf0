"""A report holds views of the frames that came, and copies none."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from client_fakes import report_of

from binglide import Cells, CellState, Report
from binglide.protocol.decode import decode_to_client
from binglide.protocol.encode import encode_to_client
from binglide.protocol.messages import Final
from binglide.protocol.payloads import InputReport, Stretch
from binglide.protocol.payloads import Report as WireReport

ME = "abcdefghijklmnopqrstuvwx23"


def received(report: WireReport) -> tuple[Report, list[memoryview]]:
    """The report off the wire, and the frames that it came in."""
    frames = [memoryview(bytes(frame)) for frame in encode_to_client(Final(1, report))]
    message = decode_to_client(frames)
    assert isinstance(message, Final)
    return Report(message.report), frames


@pytest.fixture
def wire() -> WireReport:
    return report_of(1, ME, 0.5)


def test_every_column_is_a_read_only_view_of_its_frame(wire: WireReport) -> None:
    report, frames = received(wire)
    assert list(report.cells) == ["start", "n", "h", "state"]
    for at, column in enumerate(report.cells.values()):
        frame = np.frombuffer(frames[4 + at], np.uint8)
        assert np.shares_memory(column, frame)
        assert not column.flags.writeable and not column.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_a_column_is_an_item_and_an_attribute(wire: WireReport) -> None:
    report, _ = received(wire)
    assert report.cells.n is report.cells["n"]
    assert report.cells.start.tolist() == [0, 4096, 8192, 12288]
    assert report.cells.outputs == ["h"]
    assert (report.cells.state == CellState.EXACT).all()
    with pytest.raises(AttributeError, match="no column x; there are start, n, h, state"):
        report.cells.x  # noqa: B018
    with pytest.raises(KeyError):
        report.cells["x"]


def test_cells_cannot_be_changed(wire: WireReport) -> None:
    cells = received(wire)[0].cells
    for name, arguments in (("update", ({"h": 0},)), ("pop", ("h",)), ("clear", ()), ("__setitem__", ("h", 0))):
        with pytest.raises(TypeError, match="read-only"):
            getattr(cells, name)(*arguments)
    assert list(cells) == ["start", "n", "h", "state"]


def test_cells_are_a_dict_and_rows_of_numbers_become_lists_in_a_plain_one(wire: WireReport) -> None:
    counts = np.arange(12, dtype="<u4")
    report, frames = received(replace(wire, arrays={**wire.arrays, "cells.matches": counts}))
    assert isinstance(report.cells, dict)
    assert report.cells["matches"].shape == (4, 3)
    assert np.shares_memory(report.cells["matches"], np.frombuffer(frames[-1], np.uint8))
    plain = report.cells.to_dict()
    assert type(plain) is dict and plain["h"] is report.cells["h"]
    assert [row.tolist() for row in plain["matches"]] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_a_value_is_a_scalar_or_a_whole_array_of_that_name(wire: WireReport) -> None:
    counts = np.arange(256, dtype="<u8")
    more = replace(wire, scalars={"n": 8, "h": None, "longest": Stretch(4, 2), "cut": True}, arrays={"counts": counts})
    report, frames = received(more)
    assert (report["n"], report["h"], report["cut"]) == (8, None, True)
    assert (report["longest"].start, report["longest"].length) == (4, 2)
    assert np.shares_memory(report["counts"], np.frombuffer(frames[4], np.uint8))
    assert report["counts"] is report.arrays["counts"]
    assert list(report) == ["n", "h", "longest", "cut", "counts"]
    assert "counts" in report and "x" not in report
    with pytest.raises(KeyError, match="no value x; there are n, h, longest, cut, counts"):
        report["x"]


def test_a_service_without_cells_has_none(wire: WireReport) -> None:
    report, _ = received(replace(wire, arrays={}, cell_bytes=0))
    assert report.cells == {} and not report.cells
    assert report._repr_html_() == f"<code>{repr(report).replace('<', '&lt;').replace('>', '&gt;')}</code>"


def test_the_fixed_entries_are_in_pythons_case(wire: WireReport) -> None:
    odd = InputReport(b"/data/\xff.bin", 16384, "ab" * 32, "~01")
    report, _ = received(replace(wire, inputs=(odd,)))
    assert (report.completion, report.exact, report.range, report.cell_bytes) == (0.5, False, (0, 16384), 4096)
    assert os.fsencode(report.inputs[0].path) == odd.path
    assert (report.inputs[0].size, report.inputs[0].hash) == (16384, "ab" * 32)
    assert (report.work.tasks, report.work.first_report_ms) == (1, None)
    assert report.job_id == "26:abcdefghijklmnopqrstuvwx231"


def test_it_can_go_to_another_process(wire: WireReport) -> None:
    report, _ = received(wire)
    assert (report["h"], list(report.cells)) == (7.5, ["start", "n", "h", "state"])
    there = pickle.loads(pickle.dumps(report))
    assert repr(there) == repr(report)
    for name, column in pickle.loads(pickle.dumps(report.cells)).items():
        assert (column == report.cells[name]).all() and (there.cells[name] == column).all()


def test_its_repr_is_one_short_line(wire: WireReport) -> None:
    report, _ = received(wire)
    assert repr(report) == "<ENT a.bin 0x0:0x4000 50.0 %: n=8192, h=7.5, 4 cells of 4096>"
    assert repr(report.cells) == "<Cells 4 x start, n, h, state>"


def test_a_notebook_gets_one_stroke_for_each_known_cell_and_no_markup_of_others(wire: WireReport) -> None:
    cells = {**wire.arrays, "cells.h": np.array([1.0, np.nan, 3.0, 2.0])}
    evil = InputReport(b"/data/<b>&.bin", 16384, None, "~01")
    report, _ = received(replace(wire, arrays=cells, inputs=(evil,)))
    html = report._repr_html_()
    assert html.count("M") == 3
    assert "<svg" in html and "<b>" not in html and "&lt;b&gt;&amp;.bin" in html


def test_many_cells_are_drawn_from_their_least_to_their_greatest(wire: WireReport) -> None:
    report, _ = received(report_of(1, ME, 0.5, numbers=100_000))
    assert report._repr_html_().count("M") == 320


def test_nothing_known_yet_is_drawn_as_nothing(wire: WireReport) -> None:
    report, _ = received(replace(wire, arrays={**wire.arrays, "cells.h": np.full(4, np.nan)}))
    assert "<svg" not in report._repr_html_()


def test_empty_cells_are_a_dict_too() -> None:
    assert Cells() == {} and repr(Cells()) == "<Cells 0 x >"
