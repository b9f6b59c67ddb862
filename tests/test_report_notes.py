"""Notes in the report: a number on every time line, and the list that explains it."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from report_fixtures import NOTES, bad, trio

from analyzer.contract import Note
from reports import figures
from reports.build import imprint
from reports.commands import write_report
from reports.contract import Band, Chart, Heading, Pin, Table
from reports.notes import note_blocks, numbered, pins
from reports.render.charts import PIN_ROW, ChartBox
from reports.render.pdf import render
from reports.sections import network, nodes


def test_a_mark_that_was_set_on_several_nodes_has_one_number():
    found = numbered(bad())

    assert [(item.number, item.nodes, item.text[:9]) for item in found] == [
        (1, ("sip-a", "sip-b"), "cable of "),
        (2, ("sip-a",), "the same "),
        (3, ("sip-dr",), "live migr"),
        (4, ("sip-a",), "after the"),
    ]


def test_equal_notes_at_different_times_are_different():
    notes = tuple(Note(node, at_s, "backup") for node, at_s in (("a", 1.0), ("b", 1.5), ("a", 2.0), ("b", 60.0)))

    assert [item.nodes for item in numbered(replace(trio(), notes=notes))] == [("a", "b"), ("a",), ("b",)]


def test_every_chart_over_time_has_the_notes_in_its_unit():
    over_time = [
        block
        for section in (network.SECTION, nodes.SECTION)
        for block in section.build(bad())
        if isinstance(block, Chart) and block.x_label.startswith("time")
    ]

    assert {chart.half for chart in over_time} == {True, False}
    for chart in over_time:
        assert [pin.label for pin in chart.pins] == ["1", "2", "3", "4"]
        assert chart.pins[0].x == NOTES[0].at_s / 3600
        assert ", h (0 = " in chart.x_label


def test_the_list_says_when_where_and_what():
    heading, _, table = note_blocks(bad())

    assert heading == Heading("Notes of the run", 2)
    assert isinstance(table, Table)
    assert table.rows[0] == (
        "1",
        "7 h 26 min",
        "2026-11-20 17:01:20 UTC",
        "sip-a, sip-b",
        "cable of ha pulled on sip-a",
    )
    assert list(note_blocks(trio())) == []


def test_without_charts_the_list_is_there_all_the_same():
    silent = replace(trio(), timings=(), traces=(), curves=(), notes=NOTES)

    assert Heading("Notes of the run", 2) in list(network.SECTION.build(silent))


def test_pins_make_room_for_their_labels_and_odd_ones_are_not_drawn():
    chart = Chart("t", "x", "y", (Band("a", (0.0, 1.0, 2.0), (1.0, 2.0, 3.0)),))
    pinned = replace(chart, pins=(Pin(1.0, "1"), Pin(-5.0, "2"), Pin(float("nan"), "3"), Pin(1e308, "4")))

    drawn = render([[pinned]], imprint(trio()))
    assert drawn != render([[chart]], imprint(trio()))
    assert drawn == render([[replace(chart, pins=pinned.pins[:1])]], imprint(trio()))
    assert ChartBox(pinned).wrap(490, 700)[1] - ChartBox(chart).wrap(490, 700)[1] == PIN_ROW
    assert pins(trio(), 1.0) == ()


def test_the_document_shows_numbers_above_the_plots_and_the_list(tmp_path):
    write_report(bad(), tmp_path / "report.pdf")
    command = ["pdftotext", "-layout", str(tmp_path / "report.pdf"), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "Notes of the run" in text
    assert "2026-11-20 17:01:20 UTC" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["1", "3"] in rows or ["1", "3", "1", "3"] in rows, "2 is too near to 1 for a label of its own"


def test_a_moment_that_cannot_be_told_is_a_dash():
    assert figures.instant("2026-11-20T09:35:00Z", 61.6) == "2026-11-20 09:36:02 UTC"
    assert figures.instant("", 1.0) == figures.DASH
    assert figures.instant("2026-11-20T09:35:00Z", 1e18) == figures.DASH
    assert figures.instant("2026-11-20T09:35:00Z", float("nan")) == figures.DASH
