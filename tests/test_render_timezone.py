"""The time zone of a report: chosen by an option, told wherever a time is told."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from report_fixtures import trio

import haready
from collector.errors import Exit, OperatorError
from reports import figures
from reports.axes import Axis, time_label
from reports.build import build, imprint
from reports.commands import report, write_report
from reports.contract import Chart
from reports.zone import time_zone, told_in

BERLIN = ZoneInfo("Europe/Berlin")


def text(path):
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, encoding="utf-8")
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        (UTC, "2026-11-20 23:35 UTC"),
        (BERLIN, "2026-11-21 00:35 CET"),
        (ZoneInfo("America/Sao_Paulo"), "2026-11-20 20:35 UTC-03:00"),
        (ZoneInfo("Asia/Kathmandu"), "2026-11-21 05:20 UTC+05:45"),
    ],
)
def test_a_time_is_told_in_the_zone_with_its_name(zone, told):
    with told_in(zone):
        assert figures.moment("2026-11-20T23:35:00Z") == told
    assert figures.moment("2026-11-20T23:35:00Z").endswith("UTC"), "the zone ends with its report"


def test_a_run_across_the_change_of_clocks_tells_each_time_as_the_clocks_showed_it():
    with told_in(BERLIN):
        assert figures.instant("2026-10-24T23:30:00Z", 0.0) == "2026-10-25 01:30:00 CEST"
        assert figures.instant("2026-10-24T23:30:00Z", 7200.0) == "2026-10-25 02:30:00 CET"


@pytest.mark.parametrize("odd", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z"])
def test_a_time_beyond_the_calendar_stays_as_it_is(odd):
    with told_in(ZoneInfo("America/New_York" if odd[0] == "0" else "Asia/Tokyo")):
        assert figures.moment(odd) == odd
        assert figures.instant(odd, 0.0) == figures.DASH


def test_every_axis_of_time_names_the_zone():
    with told_in(BERLIN):
        found = [block for _, blocks in build(trio()) for block in blocks if isinstance(block, Chart)]
        start = figures.moment(trio().started)

    over_time = [block for block in found if block.x_label.startswith("time since")]
    assert len(over_time) > 10
    assert start.endswith("CET")
    assert all(block.x_label.endswith(f"(0 = {start})") for block in over_time)
    assert time_label(Axis("h", 3600.0), "") == "time since the start, h", "a run without a start has no zone to name"


def test_the_first_page_names_the_zone_unless_it_is_utc():
    with told_in(BERLIN):
        assert imprint(trio()).lines[-1] == "times of Europe/Berlin"
    assert not any("times of" in line for line in imprint(trio()).lines)


def test_the_option_changes_the_page_and_nothing_but_times(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    assert report(["a.json", "-o", "b.pdf", "--timezone", "Europe/Berlin"]) == Exit.DONE
    assert report(["a.json", "-o", "u.pdf"]) == Exit.DONE
    write_report(trio(), tmp_path / "default.pdf")

    assert "Report of 2026-11-21 11:02 CET" in text(tmp_path / "b.pdf")
    assert "CET" not in text(tmp_path / "u.pdf")
    assert (tmp_path / "u.pdf").read_bytes() == (tmp_path / "default.pdf").read_bytes()
    assert capsys.readouterr().out == "b.pdf\nu.pdf\n"


@pytest.mark.parametrize("odd", ["Europe/Berln", "", "../etc/passwd", "/etc/localtime", "Europe", "x" * 300, "a\0b"])
def test_an_unknown_zone_is_told_in_two_lines(odd):
    with pytest.raises(OperatorError) as caught:
        time_zone(odd)

    assert "no time zone" in str(caught.value)
    assert "Europe/Berlin" in caught.value.hint


@pytest.mark.parametrize("command", ["report", "assess"])
def test_either_command_refuses_an_unknown_zone_before_anything_else(command, tmp_path, capsys):
    code = haready.main([command, str(tmp_path / "absent"), "--timezone", "Mars/Olympus"])

    told = capsys.readouterr()
    assert code == Exit.USAGE
    assert told.err.startswith("error: there is no time zone 'Mars/Olympus'\nhint: ")
    assert len(told.err.splitlines()) == 2
    assert not told.out


def test_the_zone_is_in_effect_for_the_first_and_the_last_section():
    with told_in(BERLIN):
        told = repr([blocks for _, blocks in build(replace(trio(), started="2026-11-20T09:35:00Z"))])

    assert "10:35 CET" in told
    assert "09:35 UTC" not in told
