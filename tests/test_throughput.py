"""Bandwidth tests, observers, and our own load kept out of the idle figures, against archives whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import Link, Machine, Site, Test, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Load, Obstacle, Status, Verdict
from analyzer.frames import read
from analyzer.observers import observed
from analyzer.sizing import latency_s
from analyzer.slots import within
from analyzer.throughput import loaded_us, throughputs
from collector.plan import parse

AB, BA = "a>b/ch1", "b>a/ch1"
ON = {"budget_B": 10**10}
LENGTH_S = 301.0


def plan(nodes=("a", "b"), networks=("ch1",), bandwidth=ON, **extra):
    return plan_data(nodes, networks, bandwidth=bandwidth, **extra)


def assessed(site, folder):
    return assess(list(write(site, folder).values()))


def carried(tests, folder, path=AB, **changes):
    site = Site(**({"length_s": LENGTH_S, "plan": plan(), "links": {AB: Link(tests=tests)}} | changes))
    return next(item for item in assessed(site, folder).throughputs if item.path == path)


def timings(site, folder):
    return {item.path: item for item in assessed(site, folder).timings}


def test_a_rate_is_the_settled_goodput_without_the_filling_of_a_queue(tmp_path):
    found = carried([Test(60.0, 90e6, filling=3, fill_bps=400e6)], tmp_path)
    (test,) = found.tests
    assert test.rate_bps == pytest.approx(90e6)
    assert test.start_s == pytest.approx(60.0)
    assert test.length_s == pytest.approx(2.05)
    assert test.received_B == pytest.approx((17 * 90e6 + 3 * 400e6) / 80)
    assert (test.retransmits, test.source_cpu, test.target_cpu) == (0, 0.2, 0.3)
    assert found.reason == ""


def test_a_long_test_has_a_whole_second_left_out(tmp_path):
    assert carried([Test(60.0, 90e6, 30.0, 10, 400e6)], tmp_path / "1").median_bps == pytest.approx(90e6)
    assert carried([Test(60.0, 90e6, 30.0, 11, 400e6)], tmp_path / "2").median_bps > 91e6
    assert carried([Test(60.0, 90e6, 9.0, 10, 400e6)], tmp_path / "3").median_bps > 100e6


def test_the_last_step_is_left_out(tmp_path):
    site = Site(length_s=LENGTH_S, plan=plan(), links={AB: Link(tests=[Test(60.0, 90e6)])})
    paths = write(site, tmp_path)
    nodes = {name: read(path) for name, path in paths.items()}
    for node in nodes.values():
        for frame in node.tables.values():
            frame["t_s"] = frame["t_us"] / 1e6
    windows = nodes["a"].tables["window"]
    windows.loc[windows.index[-1], "received_B"] = 0
    assert throughputs(nodes["a"].plan, nodes)[AB].median_bps == pytest.approx(90e6)


def test_without_steps_the_receivers_whole_count_stands_in(tmp_path):
    found = carried([Test(60.0, 90e6, filling=5, fill_bps=50e6, steps=False)], tmp_path)
    assert found.median_bps == pytest.approx((15 * 90e6 + 5 * 50e6) / 20)


def test_minimum_median_and_maximum_are_those_of_all_tests(tmp_path):
    found = carried([Test(60.0, 80e6), Test(120.0, 95e6), Test(180.0, 90e6)], tmp_path)
    assert (found.minimum_bps, found.median_bps, found.maximum_bps) == pytest.approx((80e6, 90e6, 95e6))
    assert [test.start_s for test in found.tests] == pytest.approx([60.0, 120.0, 180.0])


def test_what_was_planned_and_what_the_tests_were_held_to_are_told_apart(tmp_path):
    rated = plan() | {"network": {"ch1": {"rate_bps": 200_000_000}}}
    held = {"limit_bps": 100_000_000}
    found = carried([Test(60.0, 90e6, figures=held), Test(90.0, 90e6, figures=held)], tmp_path / "1", plan=rated)
    assert (found.planned_bps, found.limit_bps) == (200_000_000, 100_000_000)
    free = carried([Test(60.0, 90e6, figures=held), Test(90.0, 90e6)], tmp_path / "2", plan=rated)
    assert free.limit_bps is None


def test_tests_at_the_planned_rate_stand_apart_from_those_that_fill_the_path(tmp_path):
    rated = plan() | {"network": {"ch1": {"load_bps": 20_000_000}}}
    planned = {"kind": 1, "limit_bps": 20_000_000}
    tests = [Test(60.0, 90e6), Test(70.0, 19.9e6, figures=planned), Test(80.0, 94e6)]
    found = carried(tests, tmp_path, plan=rated)
    assert [test.rate_bps for test in found.tests] == pytest.approx([90e6, 94e6])
    assert [test.rate_bps for test in found.at_load] == pytest.approx([19.9e6])
    assert (found.load_bps, found.limit_bps) == (20_000_000, None), "what held the planned ones held no other"


def test_of_a_test_with_udp_the_receivers_bytes_by_its_seconds_are_what_arrived(tmp_path):
    found = carried([Test(60.0, 18e6, udp={"rate_bps": 20_000_000, "lost": 100, "jitter_us": 250})], tmp_path)
    (test,) = found.datagrams
    assert (test.sent_bps, test.rate_bps, test.loss) == (20_000_000, pytest.approx(18e6), 0.1)
    assert (test.start_s, test.length_s, test.jitter_s) == pytest.approx((60.0, 2.05, 250e-6))
    assert found.tests == ()


@pytest.mark.parametrize(
    "udp",
    [
        {"received_B": None},
        {"received_B": -1},
        {"receiver_us": 0},
        {"rate_bps": 0},
        {"rate_bps": None},
        {"loaded_us": -1},
    ],
)
def test_a_test_with_udp_that_failed_or_cannot_be_true_is_no_figure(tmp_path, udp):
    assert carried([Test(60.0, 18e6, udp=udp)], tmp_path).datagrams == ()


@pytest.mark.parametrize("udp", [{"lost": None}, {"lost": -1}, {"lost": 1001}, {"packets": 0}, {"packets": None}])
def test_a_loss_that_cannot_be_true_is_not_told(tmp_path, udp):
    (test,) = carried([Test(60.0, 18e6, udp=udp)], tmp_path).datagrams
    assert test.loss is None


def test_a_test_with_udp_is_in_no_idle_figure_either(tmp_path):
    slow = Link(
        tests=[Test(60.0, 18e6, udp={}, served=False)],
        back_s=lambda slot: np.where((slot >= 295) & (slot < 305), 0.2, 0.0002),
    )
    site = Site(length_s=LENGTH_S, plan=plan(), links={AB: slow})
    found = timings(site, tmp_path)[AB]
    assert found.rtt.maximum < 0.01
    assert found.loaded.maximum > 0.1


def test_what_made_room_for_others_is_counted_with_its_usual_reason(tmp_path):
    busy = "ended after 1 s, busy: eth1 carried more than 30% of its speed for others"
    told = [("skipped", busy, 1, 2), ("ok", "", 3, 4), ("skipped", busy, 5, 6)]
    outcomes = [
        outcome(f"bandwidth {AB} udp", *told),
        outcome(f"bandwidth {AB}", ("skipped", "quiet hours 08:00-18:00 UTC", 1, 2)),
        outcome(f"bandwidth {BA}", *told),
    ]
    found = carried([Test(60.0, 90e6)], tmp_path, machines={"a": Machine(outcomes=outcomes)})
    assert found.made_room == (2, busy)


# --- fast probes under load -----------------------------------------------------------------------------------------


def fast(tests, folder, path=AB, **changes):
    return timings(
        Site(**({"length_s": LENGTH_S, "plan": plan(), "links": {AB: Link(tests=tests)}} | changes)), folder
    )[path].fast


def test_fast_probes_of_both_ends_tell_the_delay_beside_each_kind_of_test(tmp_path):
    tests = [
        Test(60.0, 90e6, fast_s=0.020),
        Test(70.0, 20e6, fast_s=0.004, figures={"kind": 1}),
        Test(80.0, 20e6, fast_s=0.008, udp={}),
        Test(90.0, 90e6, fast_s=0.030),
    ]
    found = {item.kind: item for item in fast(tests, tmp_path)}
    assert set(found) == set(Load)
    assert (found[Load.FULL].tests, found[Load.FULL].sent, found[Load.FULL].lost) == (2, 200, 0), (
        "50 in 2 s, two tests, two ends"
    )
    assert found[Load.FULL].probe_hz == pytest.approx(25.0)
    assert (found[Load.FULL].rtt.minimum, found[Load.FULL].rtt.maximum) == pytest.approx((0.02, 0.03), abs=1e-4)
    assert found[Load.PLANNED].rtt.maximum == pytest.approx(0.004, abs=1e-4)
    assert found[Load.UDP].rtt.maximum == pytest.approx(0.008, abs=1e-4)


def test_how_sure_a_loss_of_fast_probes_is_follows_from_its_events(tmp_path):
    """17 apart are 17 events; 17 in a row are one, which may be chance."""
    (apart,) = fast([Test(60.0, 90e6, fast_s=0.02, fast_lost=range(0, 50, 3))], tmp_path / "1")
    (row,) = fast([Test(60.0, 90e6, fast_s=0.02, fast_lost=range(10, 27))], tmp_path / "2")
    assert apart.lost == row.lost
    assert row.loss_low < apart.loss_low < apart.lost / apart.sent
    (none,) = fast([Test(60.0, 90e6, fast_s=0.02)], tmp_path / "3")
    assert none.loss_low == 0.0


def test_fast_probes_are_in_no_other_figure(tmp_path):
    tests, beside = [Test(60.0, 90e6)], [Test(60.0, 90e6, fast_s=0.5, fast_lost=range(0, 50, 3))]
    plain = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: Link(tests=tests)}), tmp_path / "1")
    probed = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: Link(tests=beside)}), tmp_path / "2")
    assert probed[AB].fast
    for name, timing in probed.items():
        assert replace(timing, fast=()) == plain[name]


def test_a_fast_probe_without_an_answer_is_lost_and_two_in_a_row_are_a_silence(tmp_path):
    (found,) = fast([Test(60.0, 90e6, fast_s=0.002, fast_lost=[3, 20, 21, 22])], tmp_path)
    assert (found.sent, found.lost) == (100, 4)
    assert found.longest_silence_s == pytest.approx(0.12, abs=1e-3)


def test_fast_probes_of_a_test_that_failed_tell_nothing(tmp_path):
    failed = {"received_B": None, "receiver_us": None}
    assert fast([Test(60.0, 90e6, fast_s=0.002, figures=failed)], tmp_path) == ()


def test_fast_probes_count_for_the_tested_path_only(tmp_path):
    assert fast([Test(60.0, 90e6, fast_s=0.002)], tmp_path, path=BA) == ()


def test_the_tests_other_end_is_heard_on_its_own_clock(tmp_path):
    machines = {"b": Machine(start_s=20.0, skew_ppm=40.0)}
    (found,) = fast([Test(60.0, 90e6, fast_s=0.002)], tmp_path, machines=machines)
    assert found.sent in (99, 100, 101)


def test_without_the_other_ends_archive_the_senders_probes_are_what_there_is(tmp_path):
    (found,) = fast([Test(60.0, 90e6, fast_s=0.002)], tmp_path, omit=["b"])
    assert found.sent == 50


def test_an_answer_that_the_end_of_the_record_may_have_cut_off_is_not_a_lost_one(tmp_path):
    at_s = LENGTH_S - 2.5
    (found,) = fast([Test(at_s, 90e6, fast_s=0.002, fast_lost=range(20, 50))], tmp_path)
    assert found.lost == 0
    assert 0 < found.sent < 30


def test_timeouts_outlast_what_fast_probes_found(tmp_path):
    site = Site(length_s=LENGTH_S, plan=plan(), links={AB: Link(tests=[Test(60.0, 90e6, fast_s=0.7)])})
    assert latency_s(timings(site, tmp_path)[AB]) == pytest.approx(0.7, abs=1e-3)


@pytest.mark.parametrize(
    "figures",
    [
        {"received_B": -1},
        {"received_B": 10**16},
        {"received_B": None},
        {"receiver_us": 0},
        {"receiver_us": -5},
        {"receiver_us": None},
        {"loaded_us": -5},
        {"loaded_us": None},
        {"loaded_us": 10**15},
    ],
)
def test_an_impossible_figure_makes_a_test_unusable_and_is_counted(tmp_path, figures):
    found = carried([Test(60.0, 90e6), Test(120.0, 1e3, figures=figures)], tmp_path)
    assert found.minimum_bps == pytest.approx(90e6)
    assert found.reason == "1 of 2 tests had impossible figures"


def test_an_impossible_step_makes_its_test_unusable(tmp_path):
    found = carried([Test(60.0, 90e6), Test(120.0, -90e6, figures={"received_B": 1})], tmp_path)
    assert len(found.tests) == 1
    assert found.reason == "1 of 2 tests had impossible figures"


def test_odd_side_figures_are_not_told_and_cost_no_test(tmp_path):
    odd = {"retransmits": -1, "source_cpu_ppm": -1, "target_cpu_ppm": None, "limit_bps": -7}
    (test,) = carried([Test(60.0, 90e6, figures=odd)], tmp_path).tests
    assert (test.retransmits, test.source_cpu, test.target_cpu) == (None, None, None)


def outcome(probe, *states):
    intervals = [
        {"state": state, "reason": reason, "from_us": from_us, "to_us": to_us}
        for state, reason, from_us, to_us in states
    ]
    return {"probe": probe, "intervals": intervals, "ticks": 0, "missed": 0, "seconds": 0.0, "traceback": ""}


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ([("skipped", "iperf3 is not installed", 0, 300)], "iperf3 is not installed"),
        ([("skipped", "quiet hours", 0, 250), ("timeout", "the peer was silent", 250, 300)], "the peer was silent"),
        ([("error", "", 0, 300)], "the tests ended with error"),
        ([], "node a recorded no test"),
    ],
)
def test_without_tests_the_story_says_why(tmp_path, states, reason):
    machines = {"a": Machine(outcomes=[outcome(f"bandwidth {AB}", *states)])}
    found = carried([], tmp_path, machines=machines)
    assert (found.tests, found.median_bps, found.reason) == ((), None, reason)


def silent(name, **facts):
    """A node whose archive holds no test."""
    return SimpleNamespace(name=name, tables={}, story=SimpleNamespace(facts=facts, outcomes=()))


@pytest.mark.parametrize(
    ("sites", "rate_bps", "facts", "obstacle"),
    [
        ({}, None, {"a": {"bandwidth": {"iperf3": "iperf 3.12"}}, "b": {}}, Obstacle.OTHER),
        ({}, None, {"a": {"bandwidth": {"iperf3": "iperf 3.12"}}, "b": {"bandwidth": {"iperf3": ""}}}, Obstacle.TOOL),
        ({}, None, {"a": {"bandwidth": {"iperf3": ""}}}, Obstacle.TOOL),
        ({}, None, {"a": {"bandwidth": ["iperf3"]}}, Obstacle.OTHER),
        ({"b": "dr"}, None, {"a": {"bandwidth": {"iperf3": ""}}}, Obstacle.RATE),
        ({"b": "dr"}, 10**6, {"a": {}}, Obstacle.OTHER),
        ({}, None, {"b": {}}, Obstacle.ARCHIVE),
    ],
)
def test_what_kept_tests_away_follows_from_the_record_and_not_from_its_wording(sites, rate_bps, facts, obstacle):
    data = plan_data(sites=sites, bandwidth={})
    data["network"]["ch1"] = {} if rate_bps is None else {"rate_bps": rate_bps}
    nodes = {name: silent(name, **told) for name, told in facts.items()}
    assert throughputs(parse(data, "plan.toml"), nodes)[AB].obstacle is obstacle


def test_a_test_that_failed_is_no_figure_but_its_load_is_known(tmp_path):
    gone = {"received_B": None, "receiver_us": None}
    machines = {"a": Machine(outcomes=[outcome(f"bandwidth {AB}", ("error", "the peer hung up", 0, 300))])}
    links = {AB: Link(tests=[Test(60.0, 1e9, figures=gone, steps=False)])}
    site = Site(length_s=LENGTH_S, plan=plan(), links=links, machines=machines)
    result = assessed(site, tmp_path)
    found = next(item for item in result.throughputs if item.path == AB)
    assert (found.tests, found.reason) == ((), "the peer hung up")
    assert next(item for item in result.timings if item.path == AB).loaded.samples > 10


def test_waiting_is_no_missing_test_where_there_were_some(tmp_path):
    told = [outcome(f"bandwidth {AB}", ("skipped", "no collector answers on b", 0, 50), ("ok", "", 50, 300))]
    assert carried([Test(60.0, 90e6)], tmp_path, machines={"a": Machine(outcomes=told)}).reason == ""


def test_a_missing_archive_is_named_and_every_planned_path_has_a_word(tmp_path):
    found = assessed(Site(length_s=LENGTH_S, plan=plan(), omit=["b"]), tmp_path)
    assert {item.path: item.reason for item in found.throughputs} == {
        AB: "node a recorded no test",
        BA: "no archive of node b was given",
    }
    said = {item.subject.name: item for item in found.findings if item.rule == "bandwidth"}
    assert {item.status for item in said.values()} == {Status.SKIPPED}
    assert "no archive of node b" in said[BA].message


def test_a_plan_without_tests_asks_nothing_about_bandwidth(tmp_path):
    found = assessed(Site(length_s=LENGTH_S), tmp_path)
    assert found.throughputs == ()
    assert not [item for item in found.findings if item.rule == "bandwidth"]


# A test from 100 s on, of 2.05 s at the sender; the server of the target is ready 0.05 s before, for 2.15 s. Slot n is due at
# 1 + 0.2 n s, so slots 494 (99.8 s) to 508 (102.6 s) are loaded, give or take one.
def test_slots_during_a_test_are_in_no_idle_figure(tmp_path):
    def slow(slot):
        return np.where((slot >= 495) & (slot <= 507), 0.050, 0.0002)

    lost = [496, 500, 505, 800]
    link = Link(slow, lost_forward=lost, tests=[Test(100.0, 90e6)])
    found = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: link}), tmp_path)[AB]
    loaded = found.loaded.samples + found.loaded_lost
    assert 14 <= loaded <= 15
    assert found.loaded_lost == 3
    assert found.loaded.maximum == pytest.approx(0.05031)
    assert found.rtt.maximum == pytest.approx(0.00051)
    assert found.wire.maximum == pytest.approx(0.0004)
    assert (found.sent, found.answered, found.lost_forward, found.unjudged) == (1500 - loaded, 1499 - loaded, 1, 0)
    assert found.hours == pytest.approx(found.sent * 0.2 / 3600)
    assert found.loss == pytest.approx(1 / found.sent)


@pytest.mark.parametrize("path", ["a>c/ch1", "c>a/ch1", "b>c/ch2", "c>b/ch2"])
def test_a_test_loads_every_path_of_both_its_ends(tmp_path, path):
    site = Site(
        length_s=LENGTH_S,
        plan=plan(("a", "b", "c"), ("ch1", "ch2")),
        links={AB: Link(tests=[Test(100.0, 90e6)])},
        machines={"b": Machine(start_s=4.0, wall_offset_s=-7.0), "c": Machine(start_s=9.0, wall_offset_s=3.0)},
    )
    found = timings(site, tmp_path)
    assert 14 <= found[path].loaded.samples <= 15


def test_a_path_between_two_others_is_not_loaded(tmp_path):
    links = {AB: Link(tests=[Test(100.0, 90e6)])}
    found = timings(Site(length_s=LENGTH_S, plan=plan(("a", "b", "c", "d")), links=links), tmp_path)
    assert found["c>d/ch1"].loaded.samples == 0


def test_the_receivers_word_is_enough(tmp_path):
    """The sender's archive may have lost its rows: that the peer served a test is known from the peer's."""
    links = {AB: Link(tests=[Test(100.0, 90e6)])}
    paths = write(Site(length_s=LENGTH_S, plan=plan(), links=links), tmp_path)
    node = read(paths["b"])
    assert set(node.tables) >= {"served"}
    assert "bandwidth" not in node.tables
    ((start, stop),) = loaded_us(node)
    assert (start, stop) == (99_950_000, 102_100_000)


def test_an_outage_within_a_test_is_the_tests_and_what_is_left_of_it_counts(tmp_path):
    inside = Link(lost_forward=range(497, 508), tests=[Test(100.0, 90e6)])
    found = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: inside}), tmp_path / "1")[AB]
    assert (found.outages, found.loaded_lost, found.lost, found.longest_outage_s) == ((), 11, 0, 0.0)
    after = Link(lost_forward=range(505, 550), tests=[Test(100.0, 90e6)])
    found = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: after}), tmp_path / "2")[AB]
    (outage,) = found.outages
    assert outage.slots == found.lost < 45
    assert outage.start_s > 102.5


def test_an_outage_that_began_before_a_test_is_the_networks_to_its_end(tmp_path):
    link = Link(lost_forward=range(450, 600), tests=[Test(100.0, 90e6)])
    found = timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: link}), tmp_path / "1")[AB]
    (outage,) = found.outages
    assert (outage.start_s, outage.length_s, outage.slots) == (pytest.approx(91.0), pytest.approx(30.0), 150)
    assert found.lost + found.loaded_lost == 150
    # One lost slot before a test is no outage yet.
    link = Link(lost_forward=range(493, 508), tests=[Test(100.0, 90e6)])
    assert timings(Site(length_s=LENGTH_S, plan=plan(), links={AB: link}), tmp_path / "2")[AB].outages == ()


def test_an_archive_that_claims_to_have_been_loaded_all_the_time_proves_nothing(tmp_path):
    site = Site(
        length_s=1000.0,
        plan=plan(),
        links={AB: Link(lost_forward=range(0, 4990, 40), tests=[Test(0.5, 1e9, figures={"loaded_us": 10**9})])},
    )
    result = assessed(site, tmp_path)
    found = next(item for item in result.timings if item.path == AB)
    assert (found.sent, found.answered, found.hours, found.loss) == (0, 0, 0.0, None)
    assert found.rtt.samples == 0
    assert found.loaded_lost > 100
    assert result.verdict is Verdict.INCONCLUSIVE
    (said,) = (item for item in result.findings if item.rule == "path-coverage" and item.subject.name == AB)
    assert said.status is Status.WARN
    assert "bandwidth tests loaded it" in said.message


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=6), st.lists(st.integers(-5, 80)))
def test_a_time_is_within_if_some_stretch_holds_it(stretches, times):
    spans = [(float(start), float(start + length)) for start, length in stretches]
    expected = [any(start <= time <= stop for start, stop in spans) for time in times]
    assert within(np.array(times, dtype=float), spans).tolist() == expected


@pytest.mark.parametrize("table", ["bandwidth", "window", "served", "observer"])
def test_tables_of_odd_shape_are_no_crash(tmp_path, table):
    asked = [{"name": "gw", "kind": "gateway", "addr": "10.0.0.9"}]
    paths = write(Site(length_s=60.0, plan=plan(observer=asked)), tmp_path)
    for frame in (
        pd.DataFrame({"t_us": [1.0, np.nan]}),
        pd.DataFrame({"path": ["x"], "observer": [3], "t_us": ["y"]}),
        pd.DataFrame({"path": [AB], "observer": ["gw"], "t_us": [5], "loaded_us": ["z"]}),
        pd.DataFrame({"path": [], "observer": [], "t_us": []}),
    ):
        nodes = {name: read(path) for name, path in paths.items()}
        nodes["a"].tables[table] = frame
        assert throughputs(nodes["a"].plan, nodes)[AB].tests == ()
        assert loaded_us(nodes["a"]) == ()
        assert len(observed(nodes["a"].plan, nodes)) == 2


# Observers


def asking(rtt_s, folder, **machine):
    rows = [{"name": "gw", "kind": "gateway", "addr": "10.0.0.9"}, {"name": "ns", "kind": "dns", "addr": "10.0.0.8"}]
    machines = {"a": Machine(observers={} if rtt_s is None else {"gw": rtt_s}, **machine)}
    site = Site(length_s=LENGTH_S, plan=plan_data(observer=rows), machines=machines)
    return {(item.observer, item.node): item for item in assessed(site, folder).observers}


def test_every_request_is_counted_and_a_null_is_no_answer(tmp_path):
    def rtt(t):
        return np.where((t >= 100) & (t < 120), np.nan, 0.002)

    found = asking(rtt, tmp_path)
    assert set(found) == {("gw", "a"), ("gw", "b"), ("ns", "a"), ("ns", "b")}
    gateway = found["gw", "a"]
    assert (gateway.kind, gateway.address, gateway.reason) == ("gateway", "10.0.0.9", "")
    assert (gateway.sent, gateway.answered, gateway.rtt.samples) == (301, 281, 281)
    assert gateway.rtt.p50 == pytest.approx(0.002)
    assert gateway.longest_outage_s == pytest.approx(20.0)


def test_one_missing_answer_is_no_outage_and_silence_at_the_end_is_one(tmp_path):
    def rtt(t):
        return np.where((t == 100) | (t >= 290), np.nan, 0.002)

    assert asking(rtt, tmp_path)["gw", "a"].longest_outage_s == pytest.approx(11.0)


def test_an_impossible_round_trip_is_no_answer(tmp_path):
    found = asking(lambda t: np.where(t < 10, -1.0, 100.0), tmp_path)["gw", "a"]
    assert (found.sent, found.answered) == (301, 0)


def test_an_observer_that_was_not_asked_has_the_probes_reason(tmp_path):
    told = [outcome("observer", ("skipped", "ICMP is not permitted", 0, 300))]
    found = asking(None, tmp_path, outcomes=told)
    assert (found["gw", "a"].sent, found["gw", "a"].reason) == (0, "ICMP is not permitted")
    assert found["gw", "b"].reason == "node b recorded no request to gw"


@pytest.mark.parametrize(
    ("answers", "verdict", "text"),
    [
        # Never an answer may be a packet filter; an answer and then none is a machine that went away.
        (
            lambda t: np.full(len(t), np.nan),
            Verdict.CONDITIONAL,
            "answered none of 1000 pings of node a: filtered or dead",
        ),
        (lambda t: np.where(t < 900, 0.001, np.nan), Verdict.UNSUITABLE, "its longest silence lasted 100 s"),
    ],
)
def test_an_observer_that_is_silent_shows_in_the_verdict(tmp_path, answers, verdict, text):
    rows = [{"name": "gw", "kind": "gateway", "addr": "10.0.0.9"}]
    machines = {name: machine(observers={"gw": answers}) for name in "ab"}
    plan = plan_data(networks=("ch1", "ch2"), observer=rows)
    found = assessed(Site(length_s=1000.0, plan=plan, machines=machines), tmp_path)
    assert found.verdict is verdict
    assert "gateway gw (10.0.0.9)" in found.reasons[0]
    assert text in found.reasons[0]


def machine(**changes):
    """A machine in good health."""
    return Machine(busy=lambda t: np.full(len(t), 0.1), memory=True, disk=True, host=True, **changes)
