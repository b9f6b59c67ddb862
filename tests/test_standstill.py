"""Standstills of a node together with its clock, as its peers and its boot clock tell of them: synthetic archives through the analyzer."""

from __future__ import annotations

import numpy as np
import pytest
from stall_matrix import stalls
from synthetic import Link, Machine, Site, plan_data, write

from analyzer.align import Clock
from analyzer.assess import assess
from analyzer.contract import StallCause, Status
from analyzer.frames import read
from analyzer.slots import path_log
from analyzer.standstill import standstills

TRIO = plan_data(("a", "b", "c"))
OF_B = ("a>b/ch1", "b>a/ch1", "b>c/ch1", "c>b/ch1")


def assessed(folder, length_s=260.0, links=None, plan=TRIO, omit=(), **machines):
    site = Site(length_s=length_s, plan=plan, machines=machines, links=links or {}, omit=omit)
    return assess(list(write(site, folder).values()))


def told(found, node):
    return [(one.cause, pytest.approx(one.length_s, abs=0.05)) for one in stalls(found, node)]


@pytest.mark.parametrize("node", ["a", "b", "c"])
@pytest.mark.parametrize("length_s", [0.3, 3.0, 40.0])
def test_a_frozen_node_is_the_one_whose_clock_lost_the_time_whichever_node_is_the_base(tmp_path, node, length_s):
    found = assessed(tmp_path, **{node: Machine(freezes=((120.0, length_s),), skew_ppm=30.0)})
    assert told(found, node) == [(StallCause.FROZEN, length_s)]
    assert not any(stalls(found, other) for other in "abc" if other != node)
    (one,) = stalls(found, node)
    assert one.start_s == pytest.approx(120.0, abs=0.5)
    words = {one.subject.name: one.status for one in found.findings if one.rule == "standstill"}
    assert words == {name: Status.WARN if name == node else Status.PASS for name in "abc"}


def test_it_is_an_outage_of_the_paths_to_it_and_no_pause_of_the_node(tmp_path):
    found = assessed(tmp_path, b=Machine(freezes=((120.0, 8.0),)))
    timings = {item.path: item for item in found.timings}
    for path in ("a>b/ch1", "c>b/ch1"):
        (outage,) = timings[path].outages
        assert (outage.start_s, outage.length_s) == (pytest.approx(120.0, abs=0.5), pytest.approx(8.0, abs=0.45))
        # What was sent to it did not reach it: its record, on common time, says so.
        assert (timings[path].lost_back, timings[path].lost_unknown) == (0, 0)
        assert timings[path].lost_forward == outage.slots
    for item in timings.values():
        assert item.longest_stall_s < 0.01
    assert timings["b>a/ch1"].longest_outage_s == 0.0


def test_a_network_that_is_out_both_ways_freezes_nobody(tmp_path):
    links = dict.fromkeys(OF_B, Link(lost_forward=range(500, 560)))
    found = assessed(tmp_path, links=links)
    assert not any(stalls(found, node) for node in "abc")


def test_a_wall_clock_that_is_set_back_during_an_outage_freezes_nobody(tmp_path):
    links = dict.fromkeys(OF_B, Link(lost_forward=range(500, 540)))
    found = assessed(tmp_path, links=links, b=Machine(steps=((105.0, -8.0),)))
    assert not stalls(found, "b")


def test_a_frozen_clock_whose_wall_time_is_set_right_at_once_is_still_one(tmp_path):
    found = assessed(tmp_path, b=Machine(freezes=((105.0, 5.0),), steps=((110.5, 5.0),)))
    assert told(found, "b") == [(StallCause.FROZEN, 5.0)]


def test_a_peer_that_was_answered_all_the_time_speaks_against_it(tmp_path):
    # c's stamps are as they are with a clock of b that lost nothing: only a would see it lag.
    site = Site(length_s=260.0, plan=TRIO, machines={"b": Machine(freezes=((120.0, 3.0),))})
    folder = tmp_path / "frozen"
    frozen = write(site, folder)
    whole = write(Site(length_s=260.0, plan=TRIO), tmp_path / "whole")
    found = assess([frozen["a"], frozen["b"], whole["c"]])
    assert not stalls(found, "b")


def test_a_suspension_is_told_by_the_boot_clock_and_its_moment_by_the_peers(tmp_path):
    found = assessed(tmp_path, b=Machine(suspends=((123.0, 7.0),)))
    assert told(found, "b") == [(StallCause.SUSPEND, 7.0)]
    (one,) = stalls(found, "b")
    assert found.timings[0].path == "a>b/ch1"
    (outage,) = found.timings[0].outages
    assert one.start_s == pytest.approx(123.0, abs=0.5)
    assert outage.length_s == pytest.approx(7.0, abs=0.45)


def test_a_suspension_needs_no_peer(tmp_path):
    found = assessed(tmp_path, omit=("a", "c"), b=Machine(suspends=((123.0, 7.0),)))
    assert told(found, "b") == [(StallCause.SUSPEND, 7.0)]


def test_without_the_archives_of_its_peers_nobody_saw_a_frozen_clock(tmp_path):
    found = assessed(tmp_path, omit=("a", "c"), b=Machine(freezes=((123.0, 7.0),)))
    (word,) = [one for one in found.findings if one.rule == "standstill" and one.subject.name == "b"]
    assert word.status is Status.SKIPPED


def test_clocks_that_run_apart_and_delays_that_jump_freeze_nobody(tmp_path):
    rng = np.random.default_rng(5)
    jitter = Link(
        forward_s=lambda slot: 0.01 + rng.exponential(0.03, len(slot)),
        lost_forward=[slot for slot in range(20, 1200, 37) for slot in (slot, slot + 1, slot + 2)],
    )
    links = {f"{one}>{other}/ch1": jitter for one in "abc" for other in "abc" if one != other}
    found = assessed(tmp_path, links=links, b=Machine(skew_ppm=200.0), c=Machine(skew_ppm=-200.0, wall_offset_s=5.0))
    assert not any(stalls(found, node) for node in "abc")


@pytest.mark.parametrize("node", ["a", "b"])
def test_a_clock_that_stood_still_did_not_run_slowly(tmp_path, node):
    found = assessed(
        tmp_path, length_s=1500.0, plan=plan_data(), **{node: Machine(freezes=((700.0, 6.0),), skew_ppm=20.0)}
    )
    (clock,) = [one for one in found.clocks if one.node == "b"]
    assert clock.skew_ppm == pytest.approx(20.0 if node == "b" else -20.0, abs=2.0)


def test_events_of_other_nodes_after_the_base_stood_still_keep_their_time(tmp_path):
    machines = {"a": Machine(freezes=((80.0, 9.0),)), "c": Machine(freezes=((180.0, 2.0),))}
    found = assessed(tmp_path, **machines)
    assert [one.start_s for one in stalls(found, "a")] == [pytest.approx(80.0, abs=0.5)]
    # The base is the first node's own clock, which lost nine seconds.
    assert [one.start_s for one in stalls(found, "c")] == [pytest.approx(180.0 - 9.0, abs=0.5)]


def test_a_step_of_the_wall_clock_beside_the_end_of_the_record_is_no_lag(tmp_path):
    # Between the last two readings of the clocks wall time says nothing of monotonic time.
    links = dict.fromkeys(OF_B, Link(lost_forward=range(995, 1015)))
    found = assessed(tmp_path, length_s=209.0, links=links, b=Machine(steps=((202.0, -10.0),)))
    assert not stalls(found, "b")


def test_clocks_that_run_apart_in_a_long_outage_freeze_nobody(tmp_path):
    links = dict.fromkeys(OF_B, Link(lost_forward=range(500, 3500)))
    found = assessed(tmp_path, length_s=800.0, links=links, b=Machine(skew_ppm=-300.0))
    assert not stalls(found, "b")


def test_a_node_that_was_heard_meanwhile_did_not_stand_still(tmp_path):
    archives = write(Site(length_s=260.0, machines={"b": Machine(freezes=((120.0, 6.0),))}), tmp_path)
    nodes = {name: read(path) for name, path in archives.items()}
    logs = {
        path: path_log(path, nodes[path[0]].sent[path], nodes[path[0]].reply[path], 0.2)
        for path in ("a>b/ch1", "b>a/ch1")
    }
    assert [item.cause for item in standstills(nodes, logs)["b"]] == [StallCause.FROZEN]
    heard = nodes["a"].seen["b>a/ch1"].arrays["t_us"]
    heard[heard.searchsorted(120_000_000)] = 123_000_000
    assert standstills(nodes, logs)["b"] == []


def test_all_times_of_the_base_in_which_a_clock_stood_still_are_one_of_its_own():
    local_s = np.array([0.0, 100.0, 100.0 + 1e-6, 500.0])
    clock = Clock("b", "", local_s, np.array([0.0, 0.0, -6.0, -6.0]), 1e-4)
    base_s = np.array([50.0, 100.0, 101.0, 103.0, 105.9, 106.5])
    assert clock.to_local(base_s) == pytest.approx([50.0, 100.0, 100.0, 100.0, 100.0, 100.5], abs=1e-5)
