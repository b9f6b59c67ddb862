"""One-way delay above its minimum: on the right side, and the same whatever the clocks do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_fixtures import bad, trio
from synthetic import Link, Machine, Site, Test, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Quantiles
from reports.contract import Paragraph, Table
from reports.queueing import queueing_blocks
from reports.sections import network

ERROR_S = 1e-4
"""What the result may move by, whatever the clocks do: of delays that scatter by 2 ms."""

SLOTS = 7000
JITTER_S = 0.002


def measured(folder, length_s=1300.0, there=None, back=None, plan=None, tests=(), **machine):
    """The timing of a>b, with delays that scatter by 2 ms each way and what is added to them."""
    rng = np.random.default_rng(11)
    base = {way: rng.exponential(JITTER_S, SLOTS) for way in ("there", "back")}

    def delays(way, least_s, more):
        return lambda slot: least_s + base[way][slot] + (0.0 if more is None else more(slot))

    link = Link(forward_s=delays("there", 0.004, there), back_s=delays("back", 0.009, back), tests=tests)
    site = Site(
        length_s=length_s, plan=plan or plan_data(), machines={"b": Machine(**machine)}, links={"a>b/ch1": link}
    )
    found = assess(list(write(site, folder).values()))
    return next(item for item in found.timings if item.path == "a>b/ch1")


CLOCKS = (
    {"skew_ppm": 50.0, "wall_ppm": 50.0, "wall_offset_s": 2.0},
    {"skew_ppm": -50.0, "wall_ppm": -50.0, "wall_offset_s": -2.0},
    {"steps": ((640.0, 0.75),)},
    {"steps": ((640.0, -0.05),), "skew_ppm": 50.0, "wall_ppm": 50.0},
    {"steps": ((640.0, 0.012),)},
    {"freezes": ((630.0, 4.0),)},
)


@pytest.mark.parametrize("clock", CLOCKS)
def test_offset_skew_and_steps_of_the_clocks_do_not_change_the_result(tmp_path, clock):
    plain, odd = measured(tmp_path / "plain"), measured(tmp_path / "odd", **clock)
    for way in ("queued_there", "queued_back"):
        true, found = getattr(plain, way), getattr(odd, way)
        assert true.p50 == pytest.approx(JITTER_S * np.log(2), rel=0.1)
        assert true.p99 == pytest.approx(JITTER_S * np.log(100), rel=0.1)
        assert found.samples > 0.98 * true.samples
        assert found.p50 == pytest.approx(true.p50, abs=ERROR_S)
        assert found.p99 == pytest.approx(true.p99, abs=ERROR_S)
        # Answers beside a step are left out, so the largest may be missing; no step may pass for a queue.
        assert found.maximum < true.maximum + ERROR_S


QUEUE_S = 0.03


def queue(slot):
    """Of 30 ms, from 700 s to 950 s: to the end of one block and into the next."""
    return np.where((slot > 3500) & (slot < 4750), QUEUE_S, 0.0)


@pytest.mark.parametrize("clock", [{}, *CLOCKS])
def test_a_queue_appears_on_the_side_on_which_it_is(tmp_path, clock):
    there = measured(tmp_path / "there", there=queue, **clock)
    back = measured(tmp_path / "back", back=queue, **clock)
    for filled, empty in (
        (there.queued_there, there.queued_back),
        (back.queued_back, back.queued_there),
    ):
        assert filled.p99 == pytest.approx(QUEUE_S + JITTER_S * np.log(20), rel=0.1)
        assert empty.p99 == pytest.approx(JITTER_S * np.log(100), rel=0.1)
        assert empty.maximum < 0.025


def test_a_queue_in_the_second_half_of_a_block_does_not_pass_for_a_clock_that_runs_away(tmp_path):
    found = measured(tmp_path, length_s=1100.0, there=lambda slot: np.where(slot > 2700, QUEUE_S, 0.0))
    assert found.queued_there.p50 > QUEUE_S
    assert found.queued_back.p99 == pytest.approx(JITTER_S * np.log(100), rel=0.1)


@pytest.mark.parametrize(
    ("length_s", "clock", "told"),
    [
        (590.0, {}, False),
        (615.0, {}, True),
        (1100.0, {"steps": ((550.0, 1.0),)}, False),
        (1300.0, {"steps": ((640.0, 1.0),)}, True),
    ],
)
def test_under_ten_minutes_without_a_step_nothing_is_told(tmp_path, length_s, clock, told):
    found = measured(tmp_path, length_s=length_s, **clock)
    assert (found.queued_there.samples > 0) is told
    assert (found.queued_back.p50 is not None) is told


def test_what_waited_during_a_bandwidth_test_stands_apart(tmp_path):
    plan = plan_data()
    plan["bandwidth"] = {"budget_B": 10**9}
    plan["network"]["ch1"] = {"rate_bps": 10**8}
    found = measured(
        tmp_path,
        there=lambda slot: np.where((slot >= 2996) & (slot <= 3005), 0.5, 0.0),
        plan=plan,
        tests=[Test(600.0, 9e7)],
    )
    assert found.loaded.samples > 10
    assert found.queued_there.maximum < 0.03


def test_without_the_kernels_stamps_nothing_is_told(tmp_path):
    site = Site(length_s=700.0, links={"a>b/ch1": Link(flags=0)})
    found = next(item for item in assess(list(write(site, tmp_path).values())).timings if item.path == "a>b/ch1")
    assert (found.queued_there, found.queued_back) == (Quantiles(0), Quantiles(0))


def blocks(assessment):
    return list(queueing_blocks(assessment.timings))


def test_the_report_shows_which_way_packets_wait():
    built = network.SECTION.build(bad())
    (table,) = [block for block in built if isinstance(block, Table) and block.caption == "Which way packets waited"]
    assert table.head[2:] == ("There p50", "There p99", "There max", "Back p50", "Back p99", "Back max")
    assert any(row[2] == "0.004 ms" and row[3] == "41 ms" and row[6] == "0.09 ms" for row in table.rows)


def test_less_than_the_resolution_of_the_stamps_is_said_to_be_less():
    first = trio().timings[0]
    none = Quantiles(10, 0.0, 3e-10, 1e-6, 2e-6, 2e-6)
    _, table = blocks(replace(trio(), timings=(replace(first, queued_there=none, queued_back=none),)))
    assert table.rows[0][2:5] == ("< 0.001 ms", "0.001 ms", "0.002 ms")


def test_the_report_says_where_too_little_was_measured():
    full = trio()
    none = tuple(replace(item, queued_there=Quantiles(0), queued_back=Quantiles(0)) for item in full.timings)
    (block,) = blocks(replace(full, timings=none))
    assert isinstance(block, Paragraph)
    assert "ten minutes" in block.text
    ends = {full.timings[0].source, full.timings[0].target}
    some = tuple(
        short if {item.source, item.target} == ends and item.network == full.timings[0].network else item
        for item, short in zip(full.timings, none, strict=True)
    )
    text, table = blocks(replace(full, timings=some))
    assert "1 other pair had less than ten minutes" in text.text
    assert len(table.rows) == len(full.timings) / 2 - 1


def test_of_the_two_nodes_of_a_pair_the_one_with_more_answers_speaks():
    full = trio()
    first = full.timings[0]
    other = next(item for item in full.timings if item.path == f"{first.target}>{first.source}/{first.network}")
    short = replace(first, queued_there=Quantiles(0), queued_back=Quantiles(0))
    _, table = blocks(replace(full, timings=(short, other)))
    assert [row[0] for row in table.rows] == [f"{other.source} → {other.target}"]
