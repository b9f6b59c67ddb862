"""Archives as traces that detectors are replayed on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import Link, Machine, Site, Test, plan_data, write

from analyzer.align import align
from analyzer.detectors import kmiss, silence
from analyzer.detectors.recorded import asked_trace, path_trace, pauses_of
from analyzer.detectors.trace import State, paused
from analyzer.frames import read
from analyzer.slots import path_log
from analyzer.together import met, ordered

AB = "a>b/ch1"


def trace(site, folder, omit=(), late=()):
    """`late`: slots that the sender sent 150 ms late."""
    nodes = {
        node.name: node
        for node in ordered([read(path) for name, path in write(site, folder).items() if name not in omit])
    }
    plan = next(iter(nodes.values())).plan
    path = next(item for item in plan.paths() if item.name == AB)
    logs = {
        item.name: path_log(item.name, node.sent[item.name], node.reply.get(item.name), plan.probing.period_s)
        for item in plan.paths()
        if (node := nodes.get(item.source)) is not None and item.name in node.sent
    }
    late_us = logs[AB].late_us.copy()
    late_us[list(late)] = 150_000
    logs[AB] = replace(logs[AB], late_us=late_us)
    clocks = align(list(nodes.values()), logs)
    usable = "b" in nodes and met(nodes["a"], nodes["b"])
    return path_trace(path, logs[AB], nodes, clocks, usable, 0.0)


def test_a_clean_path_is_a_clean_trace(tmp_path):
    found = trace(Site(length_s=301.0), tmp_path)
    assert len(found) == 1500
    assert found.exposure_s == pytest.approx(300.0)
    assert found.sent_s[0] == pytest.approx(1.0)
    assert np.nanmax(found.delay_s[found.known]) < 0.001
    assert silence.replay(found, [silence.Timer(1.0, 1.5)]).hours[0] == 0


def test_losses_skips_and_refusals_are_what_they_are_and_an_outage_is_noticed(tmp_path):
    link = Link(lost_forward=range(500, 525), skipped=range(700, 705), refused=[800])
    found = trace(Site(length_s=301.0, links={AB: link}), tmp_path)
    assert np.isinf(found.answer_s[500:525]).all()
    assert (found.state[500:525] == State.OK).all()
    assert (found.state[700:705] == State.STALL).all()
    assert found.state[800] == State.OK
    assert np.isinf(found.answer_s[800])
    beats = [kmiss.Beat(1.0, 1.0, misses) for misses in (3, 5, 6)]
    assert kmiss.replay(found, beats).hours.tolist() == [1, 1, 0]
    assert silence.replay(found, [silence.Timer(1.0, 5.5), silence.Timer(1.0, 6.5)]).hours.tolist() == [1, 0]


def test_what_is_not_on_record_is_no_loss(tmp_path):
    # The peer's collector ends at 200 s: whatever is sent to it afterwards says nothing.
    found = trace(Site(length_s=301.0, machines={"b": Machine(stop_s=200.0)}), tmp_path)
    assert found.exposure_s == pytest.approx(199.0, abs=0.5)
    assert kmiss.replay(found, [kmiss.Beat(1.0, 1.0, 2)]).hours[0] == 0


def test_what_had_no_time_to_be_answered_is_no_loss(tmp_path):
    found = trace(Site(length_s=301.0, links={AB: Link(lost_back=range(1495, 1500))}), tmp_path)
    assert (found.state[1495:] == State.NO_DATA).all()


def test_a_restart_of_the_sender_leaves_a_trace_on_one_grid(tmp_path):
    found = trace(Site(length_s=301.0, links={AB: Link(restart_at=[600], lost_forward=[650])}), tmp_path)
    assert np.diff(found.sent_s) == pytest.approx(np.full(len(found) - 1, 0.2), abs=0.11)
    assert np.isinf(found.answer_s[650])
    assert found.state[650] == State.OK


def test_delays_are_the_senders_own_whatever_its_clock(tmp_path):
    machines = {"a": Machine(skew_ppm=80.0), "b": Machine(skew_ppm=-80.0, wall_offset_s=3.0)}
    link = Link(lambda slot: np.where(slot == 400, 2.0, 0.002))
    found = trace(Site(length_s=601.0, machines=machines, links={AB: link}), tmp_path)
    assert found.delay_s[400] == pytest.approx(2.0003, abs=0.001)
    assert (found.state != State.NO_DATA).sum() >= len(found) - 11


def test_a_bandwidth_test_is_marked_and_stays_in(tmp_path):
    link = Link(tests=[Test(100.0, 1e8, length_s=2.0)])
    found = trace(Site(length_s=301.0, links={AB: link}), tmp_path)
    assert found.loaded.sum() * 0.2 == pytest.approx(2.75, abs=0.5)
    assert found.known[found.loaded].all()


def test_pauses_of_both_nodes_stand_with_the_trace(tmp_path):
    machines = {"a": Machine(stalls=[(50.0, 3.0)]), "b": Machine(stalls=[(70.0, 4.0), (90.0, 0.05)])}
    found = trace(Site(length_s=301.0, machines=machines), tmp_path)
    assert pauses_of(found.stalls_s) == [(pytest.approx(50.0, abs=0.01), pytest.approx(53.0, abs=0.01))]
    assert len(found.peer_stalls_s) == 2
    there = pauses_of(found.peer_stalls_s, at_least_s=1.0)
    assert len(there) == 1
    assert silence.replay(found, [silence.Timer(1.0, 3.9)]).hours[0] == 0
    assert silence.replay(paused(found, (), there), [silence.Timer(1.0, 3.9)]).hours[0] == 1


def test_without_the_peers_archive_a_path_can_still_be_replayed(tmp_path):
    found = trace(Site(length_s=301.0, links={AB: Link(lost_back=range(500, 525))}), tmp_path, omit=["b"])
    assert kmiss.replay(found, [kmiss.Beat(1.0, 1.0, 5)]).hours[0] == 1
    assert len(found.peer_stalls_s) == 0


def test_a_node_that_stood_still_asked_nothing_and_that_is_no_hole_of_its_record(tmp_path):
    """Where its ticker noted no pause, what is missing stays unknown."""
    scs = {"name": "scs", "kind": "scs", "addr": "10.9.9.9"}
    machines = {
        "a": Machine(observers={"scs": lambda true_s: np.full(len(true_s), 0.001)}, stalls=[(50.0, 6.0)]),
        "b": Machine(),
    }
    site = Site(length_s=301.0, plan=plan_data(observer=[scs]), machines=machines)
    node = read(write(site, tmp_path)["a"])
    rows = node.tables["observer"]
    at_s = rows["t_us"] / 1e6
    gone = ((at_s > 50.0) & (at_s < 56.0)) | ((at_s > 150.0) & (at_s < 156.0))
    node = replace(node, tables={**node.tables, "observer": rows[~gone]})
    found = asked_trace(node, "scs", align([node], {})["a"], 0.0)
    paused_s, unknown_s = ((found.sent_s > from_s) & (found.sent_s < from_s + 6.0) for from_s in (50.0, 150.0))
    assert (found.state[paused_s] == State.STALL).all()
    assert paused_s.sum() >= 5
    assert (found.state[unknown_s] == State.NO_DATA).all()


def test_what_was_sent_late_and_lost_was_lost(tmp_path):
    """It is no slot that was kept back: TCP would have sent it again."""
    found = trace(Site(length_s=301.0, links={AB: Link(lost_forward=range(500, 505))}), tmp_path, late=range(500, 510))
    assert (found.state[500:505] == State.OK).all()
    assert (found.state[505:510] == State.STALL).all()
    assert not found.kept[500:510].any()
