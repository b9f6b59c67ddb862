"""Slots, directions, outages and clocks, against archives whose every event is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import KERNEL, Link, Machine, Site, plan_data, write

from analyzer.align import align
from analyzer.assess import assess
from analyzer.contract import Cause, Outage
from analyzer.frames import Columns, read
from analyzer.joints import joint
from analyzer.proportion import clopper_pearson
from analyzer.slots import Peer, Slot, judge, path_log
from analyzer.timing import Late, loss_interval, outages

AB, BA = "a>b/ch1", "b>a/ch1"


def assessed(site, folder):
    return assess(list(write(site, folder).values()))


def timing(site, folder, path=AB):
    return next(item for item in assessed(site, folder).timings if item.path == path)


def constant(seconds):
    return lambda slot: np.full(len(slot), seconds)


def test_a_clean_path_has_every_slot_answered_and_exact_times(tmp_path):
    found = timing(
        Site(length_s=301.0, links={AB: Link(constant(0.003), constant(0.002), residence_s=0.001)}), tmp_path
    )
    assert (found.sent, found.answered, found.unjudged) == (1500, 1500, 0)
    assert found.hours == pytest.approx(1500 * 0.2 / 3600)
    assert found.wire.p50 == pytest.approx(0.005)
    assert found.wire.samples == 1500
    assert found.residence.maximum == pytest.approx(0.001)
    assert found.rtt.maximum == pytest.approx(0.00601)  # 10 us in the sender's queue; not the 20 us until it was read
    assert found.loss == 0.0
    assert found.outages == ()


def test_losses_are_counted_exactly_and_by_direction(tmp_path):
    link = Link(lost_forward=[10, 500, 501, 1000], lost_back=[20, 600, 700])
    found = timing(Site(length_s=301.0, links={AB: link}), tmp_path)
    assert (found.lost_forward, found.lost_back, found.lost_unknown) == (4, 3, 0)
    assert found.loss == pytest.approx(7 / 1500)
    assert found.loss_low < 7 / 1500 < found.loss_high


def test_losses_one_by_one_have_the_exact_interval_and_a_burst_is_one_event():
    alone = np.zeros(1000, dtype=bool)
    alone[[5, 100, 500, 900]] = True
    assert loss_interval(alone) == pytest.approx(clopper_pearson(4, 1000))
    burst = np.zeros(1000, dtype=bool)
    burst[300:304] = True
    assert loss_interval(burst) == pytest.approx([4 * bound for bound in clopper_pearson(1, 1000)])
    assert loss_interval(np.zeros(1000, dtype=bool)) == pytest.approx(clopper_pearson(0, 1000))
    assert loss_interval(np.ones(10, dtype=bool))[1] == 1.0
    assert loss_interval(np.zeros(0, dtype=bool)) == (None, None)


def test_without_the_peers_archive_the_direction_is_unknown(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(lost_forward=[10, 500], lost_back=[20])}, omit=["b"]), tmp_path)
    assert (found.lost_forward, found.lost_back, found.lost_unknown) == (0, 0, 3)


def test_where_the_peers_archive_is_damaged_the_direction_is_unknown(tmp_path):
    site = Site(length_s=1201.0, segment_s=300.0, links={AB: Link(lost_forward=[1000, 2250, 5000])})
    paths = write(site, tmp_path)
    damage(paths["b"], "segments/000002.jsonl.gz")  # true seconds 300 to 600: slots 1495 to 2995
    found = next(item for item in assess(list(paths.values())).timings if item.path == AB)
    assert (found.lost_forward, found.lost_unknown) == (2, 1)


def damage(path, member):
    data = bytearray(path.read_bytes())
    at = data.index(member.encode()) + len(member) + 20
    data[at] ^= 0xFF
    path.write_bytes(data)


def test_what_was_lost_beside_a_hole_in_the_senders_record_is_unjudged(tmp_path):
    # The second segment of the sender is gone: a reply to slot 1470 (at 295 s) may have stood in it.
    site = Site(length_s=1201.0, segment_s=300.0, links={AB: Link(lost_forward=[1300, 1470])})
    paths = write(site, tmp_path)
    damage(paths["a"], "segments/000002.jsonl.gz")
    found = next(item for item in assess(list(paths.values())).timings if item.path == AB)
    assert found.sent == 6000 - 1500
    assert found.lost_forward == 1
    assert found.unjudged == 1


def test_an_outage_lasts_from_its_first_lost_slot_to_the_next_answer(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(lost_forward=range(500, 520), start_s=1.0)}), tmp_path)
    assert found.outages == (Outage(pytest.approx(101.0), pytest.approx(4.0), 20),)
    assert found.longest_outage_s == pytest.approx(4.0)


def ramp(first, length_s, usual_s=0.002, period_s=0.2):
    """One-way delays of slots that were held up from `first` on and delivered together `length_s` later."""

    def delays(slot):
        waiting = length_s - (slot - first) * period_s
        return np.where((slot >= first) & (waiting > usual_s), waiting, usual_s)

    return delays


def test_what_was_held_up_and_delivered_at_once_is_as_silent_as_what_was_lost(tmp_path):
    late = timing(Site(length_s=301.0, links={AB: Link(ramp(500, 25.0), start_s=1.0)}), tmp_path)
    (outage,) = late.outages
    assert (late.lost, outage.start_s) == (0, pytest.approx(101.0))
    assert outage.length_s == late.longest_outage_s == pytest.approx(25.0, abs=0.01)
    # The last ones came less than a second late.
    assert outage.late == outage.slots == 120
    assert [(one.cause, one.longest_s) for one in late.slow] == [(Cause.WIRE, pytest.approx(25.0, abs=0.01))]


def test_late_answers_before_a_peer_that_ended_make_no_endless_outage():
    t_s = np.arange(100) * 0.2
    state = np.zeros(100, dtype=np.int8)
    state[40:45], state[45:] = Slot.LOST_FORWARD, Slot.UNJUDGED
    held = np.zeros(100, dtype=bool)
    held[35:40] = True
    answer_s = np.where(state == Slot.ANSWERED, t_s + 0.01, np.inf)
    answer_s[held] += 2.0
    late = Late(held, answer_s, 0.01)
    (found,) = outages(t_s, state, np.zeros(100, dtype=np.int32), 0.2, late=late)
    assert found.length_s == pytest.approx(2.0)
    assert (found.slots, found.late) == (10, 5)


def test_one_answer_that_was_overtaken_is_no_outage(tmp_path):
    def overtaken(slot):
        return np.where(slot == 500, 5.0, 0.002)

    assert timing(Site(length_s=301.0, links={AB: Link(overtaken)}), tmp_path).outages == ()


def test_answers_that_a_stopped_peer_gives_late_are_its_pause_and_no_outage(tmp_path):
    number = np.arange(1500)
    residence = np.clip(5.0 - (number - 500) * 0.2, 0.0001, 5.0)
    residence[:500] = 0.0001
    stopped = Machine(stalls=[(101.0, 5.0)])
    site = Site(length_s=301.0, links={AB: Link(residence_s=residence, start_s=1.0)}, machines={"b": stopped})
    found = timing(site, tmp_path)
    assert found.outages == ()
    assert found.longest_stall_s == pytest.approx(5.0)
    assert {one.cause for one in found.slow} == {Cause.PEER_STOP}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=30), st.floats(0.0, 3.0))
def test_a_late_answer_never_counts_less_than_none_beyond_its_coming(lost, late_s):
    """Slots 10 and on come back after the silence: lost or late, the silence is as long as it was."""
    count = len(lost)
    t_s = np.arange(count + 20) * 0.2
    held = slice(10, 10 + count)
    end_s = t_s[10 + count] + late_s
    state = np.zeros(len(t_s), dtype=np.int8)
    state[held] = np.where(lost, Slot.LOST_FORWARD, Slot.ANSWERED)
    slots = np.zeros(len(t_s), dtype=bool)
    slots[held] = ~np.array(lost)
    answer_s = t_s + 0.01
    answer_s[held] = np.where(lost, np.inf, end_s + 0.01)
    # What follows is answered as usual, but not before the silence has ended.
    answer_s[held.stop :] = np.maximum(answer_s[held.stop :], end_s + 0.01)
    slots[held.stop :] = answer_s[held.stop :] > t_s[held.stop :] + 1.01
    (found,) = outages(t_s, state, np.zeros(len(t_s), dtype=np.int32), 0.2, late=Late(slots, answer_s, 0.01))
    whole = np.where(np.arange(len(t_s)) >= 10, Slot.LOST_FORWARD, 0)[: held.stop]
    (dead,) = outages(t_s[: held.stop], whole, np.zeros(held.stop, dtype=np.int32), 0.2)
    assert found.length_s >= dead.length_s - 1e-9
    assert found.length_s <= end_s - t_s[10] + 1e-9


def test_a_single_loss_is_no_outage_and_two_are(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(lost_back=[100, 200, 201])}), tmp_path)
    assert [(outage.length_s, outage.slots) for outage in found.outages] == [(pytest.approx(0.4), 2)]


def test_an_outage_at_the_end_of_the_record_is_counted(tmp_path):
    # Sending ends at 301 s with slot 1499; the last two seconds are too young to be judged as lost.
    found = timing(Site(length_s=301.0, links={AB: Link(lost_forward=range(1400, 1500))}), tmp_path)
    assert found.lost_forward == 90
    assert found.unjudged == 10
    assert found.longest_outage_s == pytest.approx(20.0)


def test_the_last_slots_without_reply_are_unjudged(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(lost_forward=[1489, 1490, 1499])}), tmp_path)
    assert (found.lost_forward, found.unjudged) == (1, 2)


def test_late_is_answered(tmp_path):
    def forward(slot):
        return np.where((slot >= 100) & (slot < 150), 9.0, 0.0002)

    found = timing(Site(length_s=301.0, links={AB: Link(forward)}), tmp_path)
    assert (found.answered, found.loss) == (1500, 0.0)
    assert found.rtt.maximum == pytest.approx(9.00031)


def test_a_slot_that_a_stalled_sender_skipped_is_no_loss(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(skipped=range(400, 450))}), tmp_path)
    assert (found.sent, found.unjudged, found.loss, found.outages) == (1450, 50, 0.0, ())


def test_a_stall_inside_an_outage_does_not_cut_it_in_two(tmp_path):
    lost = [*range(500, 510), *range(520, 530)]
    found = timing(Site(length_s=301.0, links={AB: Link(lost_forward=lost, skipped=range(510, 520))}), tmp_path)
    assert [(outage.length_s, outage.slots) for outage in found.outages] == [(pytest.approx(6.0), 20)]


def test_sends_that_the_kernel_refused_are_an_outage_but_no_loss(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(refused=range(500, 550))}), tmp_path)
    assert (found.sent, found.unjudged, found.loss) == (1450, 50, 0.0)
    assert found.longest_outage_s == pytest.approx(10.0)


def test_slots_sent_while_the_peer_did_not_run_are_unjudged(tmp_path):
    site = Site(length_s=301.0, machines={"b": Machine(start_s=0.0, stop_s=200.0)}, links={AB: Link(stop_s=301.0)})
    found = timing(site, tmp_path)
    assert (found.answered, found.lost_forward, found.lost_unknown) == (995, 0, 0)
    assert found.unjudged == 505
    assert found.outages == ()


def test_silence_after_the_record_of_a_peer_that_was_cut_short_may_be_the_peers(tmp_path):
    machines = {"b": Machine(stop_s=200.0, sealed=False)}
    found = timing(Site(length_s=301.0, machines=machines, links={AB: Link(stop_s=301.0)}), tmp_path)
    assert (found.answered, found.lost_forward, found.lost_unknown) == (995, 0, 0)
    assert found.unjudged == 505
    assert found.outages == ()


def test_only_the_first_nodes_clock_is_without_error(tmp_path):
    fast = Link(constant(0.0), constant(0.0))
    first, second = assessed(Site(length_s=301.0, links={AB: fast, BA: fast}), tmp_path).nodes
    assert first.clock_error_s == 0.0
    assert second.clock_error_s == pytest.approx(1e-6)


def test_what_was_sent_while_the_peers_collector_was_started_again_is_not_judged(tmp_path):
    met = [(1_000_000, AB, "first"), (150_000_000, AB, "session-b")]
    machines = {
        "a": Machine(peers={"b": ["first", "session-b"]}, meetings=met),
        "b": Machine(start_s=150.0),
    }
    links = {AB: Link(lost_forward=range(500, 745))}
    found = timing(Site(length_s=301.0, machines=machines, links=links), tmp_path)
    assert (found.lost, found.outages) == (0, ())
    assert found.unjudged >= 245


def test_silence_between_answers_counts_although_the_peers_record_was_cut(tmp_path):
    site = Site(length_s=3000.0, links={AB: Link(lost_forward=range(12_000, 12_050))})
    paths = write(site, tmp_path)
    data = paths["b"].read_bytes()
    paths["b"].write_bytes(data[: int(len(data) * 0.6)])
    found = next(item for item in assess(list(paths.values())).timings if item.path == AB)
    assert found.lost_unknown == 50
    assert found.longest_outage_s == pytest.approx(10.0)


def test_another_start_of_the_peer_may_have_answered_outside_this_ones_span(tmp_path):
    machines = {"a": Machine(peers={"b": ["session-b", "later"]}), "b": Machine(stop_s=200.0)}
    found = timing(Site(length_s=301.0, machines=machines, links={AB: Link(stop_s=301.0)}), tmp_path)
    assert found.lost_unknown > 450


def test_duplicates_are_counted_and_change_nothing_else(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(doubled=[5, 6, 900])}), tmp_path)
    assert (found.duplicates, found.answered, found.rtt.samples, found.wire.samples) == (3, 1500, 1500, 1500)


def test_a_stepped_clock_keeps_the_round_trip_and_leaves_the_wire(tmp_path):
    link = Link(constant(0.003), constant(0.002), residence_s=0.001, stepped=range(300, 310))
    found = timing(Site(length_s=301.0, links={AB: link}), tmp_path)
    assert found.wire.samples == 1490
    assert found.rtt.samples == 1500
    assert found.rtt.maximum == pytest.approx(0.00603)  # with the 20 us until it was read


def test_only_four_kernel_stamps_make_a_wire_time(tmp_path):
    found = timing(Site(length_s=301.0, links={AB: Link(flags=KERNEL & ~8)}), tmp_path)
    assert (found.wire.samples, found.rtt.samples) == (0, 1500)
    assert found.wire.maximum is None


def test_without_a_transmit_stamp_the_round_trip_is_never_too_short(tmp_path):
    link = Link(constant(0.003), constant(0.002), residence_s=0.001, tx_us=None, rxq_us=500)
    assert timing(Site(length_s=301.0, links={AB: link}), tmp_path).rtt.minimum == pytest.approx(0.0065)


def test_a_restarted_sender_counts_from_zero_and_nothing_is_mixed_up(tmp_path):
    link = Link(lost_forward=[100, 1200, 1201], lost_back=[300], restart_at=[1000])
    found = timing(Site(length_s=401.0, links={AB: link}), tmp_path)
    assert (found.sent, found.answered) == (2000, 1996)
    assert (found.lost_forward, found.lost_back, found.lost_unknown) == (3, 1, 0)


def test_what_an_earlier_run_of_the_sender_left_at_the_peer_proves_nothing(tmp_path):
    # The reflector's archive also holds the first 1000 slots of a sender that came before; only times tell them apart.
    earlier = write(Site(length_s=601.0, links={AB: Link(restart_at=[1000], lost_forward=[1100])}), tmp_path / "1")
    later = write(Site(length_s=601.0, links={AB: Link(restart_at=[1000], lost_forward=[1100])}), tmp_path / "2")
    node = read(later["a"])
    keep = np.arange(1000, len(node.sent[AB]))
    sent = Columns({name: values[keep] for name, values in node.sent[AB].arrays.items()}, [(1, len(keep))])
    reply = Columns({name: values[1000:] for name, values in node.reply[AB].arrays.items()}, [(1, len(keep) - 1)])
    log = path_log(AB, sent, reply, 0.2)
    seen = read(earlier["b"]).seen[AB]
    peer = Peer(seen, seen.arrays["t_us"] / 1e6, ((0.0, 601.0),), (0.0, 601.0), 0.001)
    state = judge(log, ((0, 601_000_000),), peer)
    assert np.flatnonzero(state == Slot.LOST_FORWARD).tolist() == [100]


def test_a_restart_within_the_first_seconds_is_not_guessed_at(tmp_path):
    link = Link(lost_forward=[10], lost_back=[60], restart_at=[50])
    found = timing(Site(length_s=301.0, links={AB: link}), tmp_path)
    assert found.answered == 1498
    assert (found.lost_forward, found.lost_back, found.lost_unknown) == (0, 0, 2)


def test_pauses_of_either_node_count_for_the_path(tmp_path):
    machines = {"a": Machine(stalls=[(50, 0.3)]), "b": Machine(stalls=[(80, 0.7), (90, 0.1)])}
    found = timing(Site(length_s=301.0, machines=machines), tmp_path)
    assert found.longest_stall_s == pytest.approx(0.7)
    assert found.stalls == 3


def test_the_tickers_lateness_stands_in_where_no_pause_was_listed(tmp_path):
    found = timing(Site(length_s=301.0, machines={"b": Machine(ticker_late_s=0.013)}), tmp_path)
    assert found.longest_stall_s == pytest.approx(0.013)
    assert found.stalls == 0


def test_of_a_clock_that_was_stepped_the_offset_is_that_of_the_end(tmp_path):
    machines = {"b": Machine(wall_offset_s=4.6, steps=[(1600.0, -1.4)])}
    found = timing(Site(length_s=2000.0, machines=machines), tmp_path)
    assert found.clock_offset_s == pytest.approx(3.2, abs=found.clock_error_s + 1e-6)


@pytest.mark.parametrize("offset_s", [-2.0, 2.0])
@pytest.mark.parametrize("skew_ppm", [-50.0, 50.0])
def test_clocks_that_are_off_and_drift_are_aligned_within_the_stated_error(tmp_path, offset_s, skew_ppm):
    rng = np.random.default_rng(1)
    site = Site(
        length_s=2000.0,
        machines={"b": Machine(start_s=7.0, wall_offset_s=offset_s, skew_ppm=skew_ppm, t0_ns=77_000_000_000)},
        links={
            AB: Link(lambda slot: 0.0005 + rng.exponential(0.002, len(slot)), constant(0.0011), start_s=8.0),
            BA: Link(lambda slot: 0.0005 + rng.exponential(0.002, len(slot)), constant(0.0011), start_s=8.0),
        },
    )
    paths = write(site, tmp_path)
    nodes = [read(paths["a"]), read(paths["b"])]
    logs = {
        name: path_log(name, node.sent[name], node.reply[name], 0.2) for node, name in zip(nodes, (AB, BA), strict=True)
    }
    clocks = align(nodes, logs)
    true_s = np.linspace(7.0, 2000.0, 500)
    machine = site.machine("b")
    error = clocks["b"].to_base(machine.local_s(true_s)) - site.machine("a").local_s(true_s)
    assert np.abs(error).max() <= clocks["b"].error_s
    assert clocks["b"].error_s < 0.0012
    assert clocks["b"].to_local(clocks["b"].to_base(true_s)) == pytest.approx(true_s, abs=1e-6)
    found = next(item for item in assess(list(paths.values())).timings if item.path == AB)
    assert found.clock_offset_s == pytest.approx(offset_s, abs=found.clock_error_s)


@pytest.mark.parametrize("node", ["a", "b"])
@pytest.mark.parametrize("at_s", [5.0, 700.0, 1295.0])
@pytest.mark.parametrize("step_s", [-7200.0, 0.3, 7200.0])
def test_a_wall_clock_that_is_stepped_does_not_move_the_time_base(tmp_path, node, step_s, at_s):
    links = {AB: Link(start_s=20.0, stop_s=1280.0)}
    site = Site(length_s=1300.0, machines={node: Machine(steps=[(at_s, step_s)])}, links=links)
    paths = write(site, tmp_path)
    nodes = [read(paths["a"]), read(paths["b"])]
    clocks = align(nodes, {AB: path_log(AB, nodes[0].sent[AB], nodes[0].reply[AB], 0.2)})
    true_s = np.linspace(0.0, 1300.0, 100)
    assert np.abs(clocks["b"].to_base(true_s) - true_s).max() <= clocks["b"].error_s + 1e-6


def test_a_node_without_direct_replies_is_reached_through_a_third(tmp_path):
    dead = Link(lost_forward=range(1500))
    site = Site(
        length_s=301.0,
        plan=plan_data(("a", "b", "c")),
        machines={"b": Machine(wall_offset_s=5.0, start_s=0.5), "c": Machine(wall_offset_s=-5.0, start_s=2.0)},
        links={"a>c/ch1": dead, "c>a/ch1": Link(lost_forward=range(1495), start_s=2.0)},
    )
    paths = write(site, tmp_path)
    nodes = [read(paths[name]) for name in "abc"]
    logs = {
        name: path_log(name, columns, node.reply.get(name), 0.2)
        for node in nodes
        for name, columns in node.sent.items()
    }
    clocks = align(nodes, logs)
    assert clocks["c"].via == "b"
    assert clocks["c"].error_s == pytest.approx(0.0004, rel=0.1)
    assert clocks["c"].to_base(np.array([8.0]))[0] == pytest.approx(10.0, abs=0.0004)


def test_without_any_path_wall_clocks_stand_in_and_the_error_is_unknown(tmp_path):
    dead = range(1500)
    machines = {"b": Machine(wall_offset_s=0.25, start_s=2.0)}
    links = {AB: Link(lost_forward=dead), BA: Link(lost_forward=range(1495), start_s=2.0)}
    paths = write(Site(length_s=301.0, machines=machines, links=links), tmp_path)
    nodes = [read(paths["a"]), read(paths["b"])]
    logs = {AB: path_log(AB, nodes[0].sent[AB], None, 0.2)}
    clock = align(nodes, logs)["b"]
    assert (clock.via, clock.error_s) == ("wall clock", None)
    assert clock.to_base(np.array([0.0]))[0] == pytest.approx(2.25)
    found = timing(Site(length_s=301.0, machines=machines, links=links), tmp_path / "again")
    assert (found.clock_offset_s, found.clock_error_s) == (None, None)
    # The peer's end is known to a second only, so three seconds before it are unjudged.
    assert found.lost_forward == 1485


def test_channels_that_fail_at_once_are_joint_outages(tmp_path):
    links = {
        "a>b/ch1": Link(lost_forward=[*range(500, 520), *range(800, 820)]),
        "b>a/ch2": Link(lost_back=[*range(510, 540), *range(1200, 1220)]),
    }
    site = Site(length_s=301.0, plan=plan_data(networks=("ch1", "ch2")), links=links)
    site.machines["b"] = Machine(wall_offset_s=3.0)
    (found,) = assessed(site, tmp_path).joints
    assert (found.pair, found.networks, found.common_outages) == (("a", "b"), ("ch1", "ch2"), 1)
    assert found.longest_common_outage_s == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize(
    ("stacks", "majority"), [(("etcd",), ("etcd",)), (("etcd", "neverfail"), ()), (("neverfail",), ())]
)
def test_a_pair_is_decided_by_majority_if_all_that_decides_for_it_is(tmp_path, stacks, majority):
    plan = plan_data(nodes=("a", "b", "c"), stack=[{"name": name, "networks": ["ch1"]} for name in stacks])
    found = assessed(Site(length_s=60.0, plan=plan), tmp_path).joints
    assert {item.majority for item in found} == {majority}


def test_a_single_channels_outages_are_its_pairs(tmp_path):
    (found,) = assessed(Site(length_s=301.0, links={AB: Link(lost_forward=range(500, 520))}), tmp_path).joints
    assert (found.common_outages, found.longest_common_outage_s) == (1, pytest.approx(4.0))
    assert joint(("a", "b"), read(write(Site(length_s=60.0), tmp_path / "x")["a"]).plan, []).networks == ()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(list(Slot)), min_size=2, max_size=60), st.data())
def test_turning_an_answer_into_a_loss_never_shortens_the_longest_outage(states, data):
    state = np.array(states, dtype=np.int8)
    t_s, sub = np.arange(len(state)) * 0.2, np.zeros(len(state), dtype=np.int32)

    def longest(values):
        return max((outage.length_s for outage in outages(t_s, values, sub, 0.2)), default=0.0)

    worse = state.copy()
    answers = np.flatnonzero(state == Slot.ANSWERED)
    if len(answers):
        worse[data.draw(st.sampled_from(answers.tolist()))] = Slot.LOST_FORWARD
    assert longest(worse) >= longest(state) - 1e-9
