"""Failure detectors on traces whose every event is known, and what holds whatever the trace."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import (
    PERIOD_S,
    RTT_S,
    calm,
    covered,
    impaired,
    naive_addp,
    naive_kmiss,
    naive_silence,
    slots,
    thinner,
    worse,
)

import analyzer.detectors
from analyzer.detectors import accrual, addp, freshness, kmiss, lease, raft, silence, token_ring, vrrp
from analyzer.detectors.episodes import HOUR_S, all_of, any_of, joint_exposure_s, merged
from analyzer.detectors.kmiss import Beat
from analyzer.detectors.silence import Timer
from analyzer.detectors.trace import State, cut, over_tcp, paused, regular

MODULES = [name for _, name, _ in pkgutil.iter_modules(analyzer.detectors.__path__)]
BEATS = kmiss.grid((0.4, 1.0, 3.0), (0.2, 1.0, 4.0), (1, 2, 3, 5))
TIMERS = [Timer(interval, interval * factor) for interval in (0.4, 1.0, 3.0) for factor in (1.5, 3.0, 6.0, 12.0)]
POLLS = [addp.Poll(idle, wait) for idle in (2.0, 5.0, 10.0) for wait in (1.0, 2.0, 5.0, 10.0)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_pages_of_the_detectors_are_true(name):
    assert doctest.testmod(importlib.import_module(f"analyzer.detectors.{name}")).failed == 0


def together(first_s=0.0, replies=10):
    """Ten questions a second apart whose answers come together at the end of the tenth."""
    delay = np.full(60, 0.01)
    at = round(first_s)
    delay[at : at + replies] = np.arange(replies, 0, -1.0)
    return regular("a>b/c", 1.0, delay)


@pytest.mark.parametrize("first_s", [0.0, 20.0])
def test_answers_that_come_together_are_no_loss_and_one_incident(first_s):
    trace = together(first_s)
    assert np.isfinite(trace.answer_s).all()
    found = kmiss.replay(trace, [Beat(1.0, 1.0, 5)])
    assert (found.episodes[0], found.hours[0]) == (1, 1)
    # The fifth miss was sent four seconds in; answers came six seconds later, a deadline before trust comes back.
    assert found.spans.of(0) == [(pytest.approx(first_s + 4.0), pytest.approx(first_s + 9.0))]
    assert kmiss.replay(trace, [Beat(1.0, 1.0, 10)]).hours[0] == 0


@pytest.mark.parametrize(("slots_lost", "share"), [(10, 0.0), (12, 0.4), (13, 0.6), (15, 1.0)])
def test_an_outage_is_noticed_as_often_as_the_phases_allow(slots_lost, share):
    trace = calm(600.0, lost=range(1000, 1000 + slots_lost))
    found = kmiss.replay(trace, [Beat(1.0, deadline, 3) for deadline in (0.5, 1.0, 7.0)])
    assert found.episodes == pytest.approx([share] * 3)  # the deadline shifts when, not whether
    assert found.mean_hours == pytest.approx([share] * 3)
    assert found.worst_hours.tolist() == [share > 0] * 3
    assert kmiss.trigger_probability(slots_lost * PERIOD_S, 1.0, 3) == pytest.approx(share)


def test_what_is_not_on_record_suspects_nobody_and_pauses_exposure():
    trace = calm(600.0, lost=slots(98, 100), absent=slots(100, 400))
    assert trace.exposure_s == pytest.approx(300.0)
    assert kmiss.replay(trace, [Beat(1.0, 1.0, 3)]).hours[0] == 0
    assert kmiss.replay(trace, [Beat(1.0, 1.0, 2)]).episodes[0] == 1.0
    assert silence.replay(trace, [Timer(1.0, 3.1)]).hours[0] == 0
    assert addp.replay(over_tcp(trace, 0.3, in_order=False), [addp.Poll(10.0, 5.0)]).hours[0] == 0


def test_a_run_at_either_edge_counts():
    trace = calm(60.0, lost=[*slots(0, 5), *slots(55, 60)])
    (left, right) = kmiss.replay(trace, [Beat(1.0, 1.0, 3)]).spans.of(0)
    assert left == (pytest.approx(2.0), pytest.approx(4.8 + RTT_S, abs=1.0))
    assert right[0] == pytest.approx(57.0)
    (left, right) = silence.replay(trace, [Timer(1.0, 3.0)]).spans.of(0)
    assert left == (pytest.approx(2.0), pytest.approx(5.8 + RTT_S))
    assert right[1] == pytest.approx(60.0)


def test_a_pause_of_the_sender_is_missed_by_its_peer_and_by_itself():
    trace = paused(calm(600.0), [(100.0, 110.0)])
    assert (trace.state == State.STALL).sum() == 50
    assert kmiss.replay(trace, [Beat(1.0, 1.0, 9)]).hours[0] == 1
    assert silence.replay(trace, [Timer(1.0, 9.0)]).hours[0] == 1
    assert addp.replay(over_tcp(trace, 0.3, in_order=False), [addp.Poll(10.0, 9.0)]).hours[0] == 1


def test_a_pause_of_the_peer_delays_its_answers_to_the_end_of_it():
    trace = paused(calm(600.0), (), [(100.0, 110.0)])
    assert trace.delay_s.max() == pytest.approx(10.0)
    assert np.isfinite(trace.answer_s).all()
    assert silence.replay(trace, [Timer(1.0, 9.0), Timer(1.0, 12.1)]).hours.tolist() == [1, 0]


def test_reordering_is_no_silence_and_a_straggler_ends_none():
    delay = np.full(600, RTT_S)
    delay[300] = 5.0
    assert silence.replay(regular("a>b/c", PERIOD_S, delay), [Timer(0.2, 0.6)]).hours[0] == 0
    # Slot 300 arrives in the middle of an outage that began after it.
    trace = regular("a>b/c", PERIOD_S, delay, lost=range(301, 340))
    (gap,) = silence.replay(trace, [Timer(0.2, 1.0)]).spans.of(0)
    assert gap == (pytest.approx(299 * PERIOD_S + 1.0), pytest.approx(340 * PERIOD_S + RTT_S))


@pytest.mark.parametrize(
    ("outage_s", "silent_s"), [(0.1, 0.2), (0.3, 0.6), (0.7, 1.4), (1.5, 3.0), (3.1, 6.2), (5.0, 6.2)]
)
def test_tcp_outlasts_an_outage_until_its_next_retransmission(outage_s, silent_s):
    # One message is lost, and the network is back after the outage: probes every 0.1 s, answered at once.
    trace = regular("a>b/c", 0.1, np.zeros(300), lost=range(100, 100 + round(outage_s * 10)))
    silent = over_tcp(trace, 0.2)
    assert silent.delay_s[100] == pytest.approx(silent_s)
    # What was sent later waits behind it.
    assert (silent.answer_s[100 : 100 + round(silent_s * 10)] >= 10.0 + silent_s - 1e-9).all()
    assert (silent.delay_s <= 2.0 * outage_s + 0.2).all()
    assert silent.delay_s[:100].max() == 0.0


def test_tcp_does_not_lose_what_came_late():
    trace = regular("a>b/c", PERIOD_S, np.where(np.arange(600) == 300, 0.15, RTT_S))
    assert over_tcp(trace, 0.2).delay_s.max() == pytest.approx(0.15)
    held = np.full(600, RTT_S)
    held[300:350] = np.arange(50, 0, -1) * PERIOD_S
    assert over_tcp(regular("a>b/c", PERIOD_S, held), 0.2).delay_s.max() == pytest.approx(10.0)


@pytest.mark.parametrize("stall_s", [4.0, 5.0, 6.0, 7.4, 9.0, 10.0, 12.0])
def test_a_stall_ends_an_idle_addp_connection_with_the_probability_of_the_formula(stall_s):
    timeout_s = 5.0
    delay = np.full(3000, 0.0)
    first = 1500
    rows = np.arange(first, first + round(stall_s / PERIOD_S))
    delay[rows] = (rows[-1] + 1 - rows) * PERIOD_S
    trace = regular("a>b/c", PERIOD_S, delay)
    poll = addp.Poll(timeout_s, timeout_s)
    chance = min(1.0, max(0.0, (stall_s - timeout_s) / timeout_s))
    assert addp.loss_probability(stall_s, poll) == pytest.approx(chance)
    assert addp.replay(trace, [poll]).mean_hours[0] == pytest.approx(chance)
    offsets = np.arange(0, timeout_s, PERIOD_S)
    ended = [bool(naive_addp(trace, timeout_s, timeout_s, offset)) for offset in offsets]
    assert np.mean(ended) == pytest.approx(chance)


def test_a_busy_addp_link_gives_up_only_after_idle_and_wait():
    lost = calm(600.0, lost=slots(100, 115))
    trace = over_tcp(lost, 0.2)
    silent_s = trace.delay_s.max()
    assert silent_s > 15.0
    short, long = addp.Poll(5.0, silent_s - 6.0), addp.Poll(5.0, silent_s + 6.0)
    assert addp.busy(trace, [short, long], 1.0).hours.tolist() == [1, 0]
    idle = over_tcp(lost, 0.2, in_order=False)
    assert addp.replay(idle, [short]).hours[0] == 1
    assert addp.replay(idle, [short]).mean_hours[0] <= 1.0


def test_either_end_ends_an_addp_connection_and_off_never_polls():
    forward, backward = calm(600.0), paused(calm(600.0), (), [(100.0, 120.0)])
    polls, off = [addp.Poll(10.0, 10.0)], [addp.Poll(0.0, 10.0)]
    assert addp.both_ends(forward, backward, polls, polls)[0].hours.tolist() == [1]
    assert addp.both_ends(forward, backward, polls, off)[0].hours.tolist() == [0]
    assert addp.Poll(9.0, 9.0).detection_s[1] == 18.0


def test_a_lost_addp_connection_is_back_after_the_next_answer_and_a_handshake():
    trace = calm(600.0, lost=slots(100, 115))
    back_s = addp.reconnected_s(trace, np.array([112.0, 200.0, 599.9]), 0.03)
    assert back_s[:2] == pytest.approx([115.0 + RTT_S + 0.03, 200.0 + RTT_S + 0.03])
    assert np.isinf(back_s[2])


def test_corosync_scales_its_token_and_not_an_explicit_consensus():
    three = token_ring.Totem(3000, 3, retransmits=10, consensus_ms=3600)
    assert (three.runtime_ms, three.retransmit_ms) == (3650, 357)
    assert "not above the runtime token" in token_ring.trap(three)
    assert token_ring.trap(token_ring.Totem(3000, 3, consensus_ms=4380)) == ""
    assert token_ring.Totem(3000, 3).consensus_runtime_ms == 4380
    assert token_ring.Totem(3000, 2).ping_ms == (750, 1500)
    trace = calm(600.0, lost=slots(100, 103.4))
    ring = [token_ring.Totem(3000, 2).timer, token_ring.Totem(3000, 3).timer, token_ring.Totem(3000, 4).timer]
    # The last probe before the outage came through at 99.8 s. Tries every 0.8 s, 0.8 s and 1 s: back at 103.6, 103.6 and 103.8 s at best, while the token
    # may have been held elsewhere for 0.6, 0.7 and 0.8 s before that.
    assert silence.replay(trace, ring).hours.tolist() == [1, 1, 1]
    longer = [token_ring.Totem(token_ms, 2).timer for token_ms in (4000, 6000)]
    assert silence.replay(trace, longer).hours.tolist() == [1, 0]
    assert silence.replay(calm(600.0, lost=slots(100, 102.2)), ring).hours.tolist() == [1, 0, 0]
    assert silence.replay(calm(600.0, lost=slots(100, 101.4)), ring).hours.tolist() == [0, 0, 0]


def test_vrrp_bears_three_intervals_and_a_skew():
    assert vrrp.Router(2, 1.0, 100).down_s == pytest.approx(3.609375)
    assert vrrp.Router(3, 1.0, 254).down_s == pytest.approx(3.0078125)
    assert vrrp.Router(3, 0.5, 100).skew_s == pytest.approx(0.5 * 156 / 256)
    assert vrrp.Router(2, 0.5, 100).interval_s == 1.0
    trace = calm(600.0, lost=slots(100, 102))
    routers = [vrrp.Router(2, 1.0, priority).timer for priority in (254, 100)]
    assert silence.replay(trace, routers).hours.tolist() == [1, 0]


@pytest.mark.parametrize("wrong", [(4, 1.0, 100), (2, 256.0, 100), (3, 41.0, 100), (3, 1.0, 0)])
def test_vrrp_refuses_what_keepalived_refuses(wrong):
    with pytest.raises(ValueError, match=r"version|priority|advert"):
        vrrp.Router(*wrong)


def test_a_raft_follower_draws_its_timeout_anew():
    trace = calm(600.0, lost=slots(100, 101.0))
    # Silence of 1.2 s and an answer: between 1 s and 2 s one draw in five is shorter.
    assert raft.expected_elections(trace, 0.2, 1.0) == pytest.approx(0.2 + RTT_S)
    assert raft.expected_elections(trace, 0.2, 1.0, followers=2) == pytest.approx(1 - 0.79**2)
    assert raft.expected_elections(trace, 0.2, 1.3) == 0.0
    assert silence.replay(trace, [raft.election(0.2, 1.0)]).hours[0] == 1


def test_a_lease_counts_from_the_sending_of_the_last_renewal():
    trace = calm(600.0, lost=slots(100, 118))
    timers = [lease.lease(2.0, length) for length in (18.0, 20.5)]
    assert silence.replay(trace, timers).hours.tolist() == [1, 0]
    with pytest.raises(ValueError, match="margin"):
        lease.lease(1.0, 10.0, -1.0)


def test_phi_exponential_is_a_fixed_multiple_of_the_mean():
    setting = accrual.Phi(accrual.Shape.EXPONENTIAL, 8.0, 1.0)
    assert accrual.timeout_s(setting, np.array([1.0]), np.array([5.0]))[0] == pytest.approx(18.42, abs=0.005)
    trace = calm(600.0, lost=[*slots(100, 117), *slots(300, 319)])
    found, (window,) = accrual.replay(trace, [setting])
    assert found.episodes[0] == pytest.approx(1.0)
    assert window.middle_s == pytest.approx(18.42, rel=0.1)


def test_phi_logistic_on_a_quiet_network_needs_its_floor():
    trace = calm(600.0, lost=slots(100, 100.4))
    bare = accrual.Phi(accrual.Shape.LOGISTIC, 8.0, 0.2, deviation_s=0.001)
    akka = accrual.Phi(accrual.Shape.LOGISTIC, 8.0, 0.2)
    found, windows = accrual.replay(trace, [bare, akka])
    assert found.hours.tolist() == [1, 0]
    assert windows[1].low_s == pytest.approx(0.2 + 0.1 * accrual.logistic_y(8.0), rel=0.01)
    assert windows[1].steady


def test_phi_turned_round_is_phi():
    y = accrual.logistic_y(8.0)
    e = np.exp(-y * (1.5976 + 0.070566 * y * y))
    assert -np.log10(e / (1 + e)) == pytest.approx(8.0)


def test_an_adaptive_window_that_moved_too_much_is_not_steady():
    delay = np.full(6000, RTT_S)
    delay[3000:] = np.random.default_rng(1).uniform(0, 3.0, 3000)
    _, (window,) = accrual.replay(
        regular("a>b/c", PERIOD_S, delay), [accrual.Phi(accrual.Shape.LOGISTIC, 8.0, 0.2, 200, deviation_s=0.01)]
    )
    assert not window.steady


def test_channels_that_fail_one_after_the_other_do_not_fail_together():
    one = kmiss.replay(calm(9000.0, lost=[*slots(100, 110), *slots(4000, 4010)]), [Beat(1.0, 1.0, 3)]).spans
    two = kmiss.replay(calm(9000.0, lost=[*slots(200, 210), *slots(4003, 4013)]), [Beat(1.0, 1.0, 3)]).spans
    assert all_of([one, two]).hours.tolist() == [1]
    assert any_of([one, two]).hours.tolist() == [2]
    (both,) = all_of([one, two]).of(0)
    assert both[0] == pytest.approx(4005.0)
    with pytest.raises(ValueError, match="grid"):
        all_of([])


def test_time_at_which_one_channel_is_not_on_record_is_no_exposure_of_both():
    one, two = calm(600.0, absent=slots(100, 200)), calm(500.0, absent=slots(150, 300))
    assert joint_exposure_s([one]) == pytest.approx(one.exposure_s) == pytest.approx(500.0)
    assert joint_exposure_s([one, two]) == pytest.approx(300.0)
    assert joint_exposure_s([one, cut(two, [(-1.0, 1000.0)])]) == 0.0


def test_an_hour_counts_once_and_from_the_start_of_the_run():
    spans = merged(
        2, np.array([0, 0, 0, 1]), np.array([10.0, 3599.0, 7300.0, 20.0]), np.array([10.0, 3601.0, 7300.0, 20.0])
    )
    assert spans.hours.tolist() == [3, 1]
    assert spans.hours_of(0.0, HOUR_S).tolist() == [1, 1]
    assert spans.suspected_s.tolist() == [2.0, 0.0]


@pytest.mark.parametrize("interval_s", [0.1, 0.3])
def test_a_heartbeat_that_was_not_resolved_gets_no_replay(interval_s):
    with pytest.raises(ValueError, match="not resolved"):
        kmiss.replay(calm(10.0), [Beat(interval_s, 1.0, 3)])
    with pytest.raises(ValueError, match="not resolved"):
        silence.replay(calm(10.0), [Timer(interval_s, 3.0)])
    assert calm(10.0).resolves(1.0)
    assert not calm(10.0).resolves(0.9)


@pytest.mark.parametrize(
    "wrong", [lambda: Beat(0, 1, 1), lambda: Beat(1, 1, 0), lambda: Timer(1.0, 1.0), lambda: addp.Poll(1.0, 0.0)]
)
def test_settings_that_are_no_detector_are_refused(wrong):
    with pytest.raises(ValueError, match=r"no detector|longer|no sense"):
        wrong()


def test_an_empty_grid_is_an_empty_replay():
    assert len(kmiss.replay(calm(10.0), []).hours) == 0
    assert len(silence.replay(calm(10.0), []).hours) == 0


@settings(max_examples=40, deadline=None)
@given(impaired())
def test_the_replay_of_misses_is_that_of_one_heartbeat_at_a_time(trace):
    found = kmiss.replay(trace, BEATS)
    for place, beat in enumerate(BEATS):
        phases = naive_kmiss(trace, beat.interval_s, beat.deadline_s, beat.misses)
        assert found.episodes[place] == pytest.approx(sum(map(len, phases)) / len(phases))
        expected = covered(span for phase in phases for span in phase)
        assert found.suspected_s[place] == pytest.approx(sum(stop - start for start, stop in expected), abs=1e-6)
        assert found.mean_hours[place] == pytest.approx(np.mean([bool(phase) for phase in phases]))


@settings(max_examples=40, deadline=None)
@given(impaired())
def test_the_replay_of_silence_is_that_of_one_question_at_a_time(trace):
    found = silence.replay(trace, TIMERS)
    for place, timer in enumerate(TIMERS):
        phases = naive_silence(trace, timer.interval_s, timer.timeout_s)
        expected = covered(span for phase in phases for span in phase)
        assert found.suspected_s[place] == pytest.approx(sum(stop - start for start, stop in expected), abs=1e-4)
        assert found.mean_hours[place] == pytest.approx(np.mean([bool(phase) for phase in phases]))


@settings(max_examples=30, deadline=None)
@given(impaired())
def test_whatever_ends_an_addp_connection_at_some_phase_is_in_the_replay(trace):
    trace = over_tcp(trace, 0.3, in_order=False)
    known = trace.known.all()
    found = addp.replay(trace, POLLS)
    for place, poll in enumerate(POLLS):
        ended = [naive_addp(trace, poll.idle_s, poll.wait_s, at) for at in np.arange(0, poll.idle_s, PERIOD_S)]
        if known:
            spans = found.spans.of(place)
            for at_s in (at_s for one in ended for at_s in one if at_s < trace.end_s):
                assert any(start - 0.11 <= at_s <= stop + 0.11 for start, stop in spans)


def every(trace):
    """One replay of every monotone detector."""
    idle, used = over_tcp(trace, 0.5, in_order=False), over_tcp(trace, 0.5)
    yield kmiss.replay(trace, BEATS)
    yield silence.replay(trace, TIMERS)
    yield silence.replay(used, TIMERS)
    yield addp.replay(idle, POLLS)
    yield addp.busy(used, POLLS, 1.0)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_more_delay_loss_or_stall_never_reduces_suspicion(data):
    trace = data.draw(impaired())
    for before, after in zip(every(trace), every(data.draw(worse(trace))), strict=True):
        assert (after.suspected_s >= before.suspected_s - 1e-5).all()
        assert (after.hours >= before.hours).all()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_knowing_less_of_quiet_time_never_reduces_suspicion(data):
    trace = data.draw(impaired())
    less = data.draw(thinner(trace))
    assert less.exposure_s <= trace.exposure_s
    for before, after in zip(every(trace), every(less), strict=True):
        assert (after.suspected_s >= before.suspected_s - 1e-5).all()
        assert (after.hours >= before.hours).all()


@st.composite
def hours_with_trouble(draw):
    """Two hours and a bit, with what happens close to the change of the hour."""
    count = round(7300.0 / PERIOD_S)
    delay = np.full(count, RTT_S)
    lost = set()
    for _ in range(draw(st.integers(1, 6))):
        start = round(3600 / PERIOD_S) + draw(st.integers(-150, 150))
        rows = np.arange(start, start + draw(st.integers(1, 100)))
        if draw(st.booleans()):
            lost |= set(rows.tolist())
        else:
            delay[rows] = np.maximum(delay[rows], (rows[-1] + 1 - rows) * PERIOD_S)
    return regular("a>b/c", PERIOD_S, delay, lost=lost)


@settings(max_examples=60, deadline=None)
@given(hours_with_trouble())
def test_a_longer_timeout_and_more_misses_never_suspect_more_time_or_hours(trace):
    beats = kmiss.grid((1.0, 2.0), (0.2, 1.0, 2.0, 5.0, 9.0), (1, 2, 3, 5, 8))
    found = kmiss.replay(trace, beats)
    place = {beat: at for at, beat in enumerate(beats)}
    for (one, at), (other, later) in ((x, y) for x in place.items() for y in place.items()):
        if one.interval_s == other.interval_s and one.deadline_s <= other.deadline_s and one.misses <= other.misses:
            for values in (found.suspected_s, found.hours, found.worst_hours, found.mean_hours):
                assert values[later] <= values[at] + 1e-6
    timers = [Timer(1.0, timeout) for timeout in np.arange(1.2, 30.0, 0.7)]
    for replayed in (
        silence.replay(trace, timers),
        silence.replay(over_tcp(trace, 0.4), timers),
        addp.replay(over_tcp(trace, 0.4, in_order=False), [addp.Poll(10.0, timer.timeout_s) for timer in timers]),
    ):
        for values in (replayed.suspected_s, replayed.hours, replayed.worst_hours, replayed.mean_hours):
            assert (np.diff(values) <= 1e-6).all()


@settings(max_examples=60, deadline=None)
@given(impaired(), impaired())
def test_channels_together_are_suspected_as_the_settings_of_logic_say(one, other):
    first, second = (kmiss.replay(trace, BEATS).spans for trace in (one, other))
    both, either = all_of([first, second]).suspected_s, any_of([first, second]).suspected_s
    assert both + either == pytest.approx(first.suspected_s + second.suspected_s, abs=1e-6)
    assert (both <= np.minimum(first.suspected_s, second.suspected_s) + 1e-6).all()


@pytest.mark.parametrize(
    ("eta_s", "delta_s", "loss", "mean_s", "expected"),
    [(1.0, 1.5, 0.05, 0.3, (81.37, 0.373)), (1.0, 1.0, 0.01, 0.1, (100.56, 0.1098))],
)
def test_the_quality_of_service_of_the_formula_is_that_of_the_replay(eta_s, delta_s, loss, mean_s, expected):
    quality = freshness.quality(eta_s, delta_s, loss, lambda x: 1.0 - np.exp(-x / mean_s))
    assert (quality.recurrence_s, quality.mistake_s) == (
        pytest.approx(expected[0], abs=0.01),
        pytest.approx(expected[1], abs=5e-4),
    )
    random = np.random.default_rng(20261121)
    beats = 3_000_000
    delay = random.exponential(mean_s, beats)
    trace = regular("a>b/c", eta_s, delay, lost=np.flatnonzero(random.random(beats) < loss))
    found = freshness.replay(trace, [freshness.Freshness(eta_s, delta_s)])
    assert beats * eta_s / found.episodes[0] == pytest.approx(quality.recurrence_s, rel=0.02)
    assert found.suspected_s[0] / found.episodes[0] == pytest.approx(quality.mistake_s, rel=0.02)
    assert found.suspected_s[0] / trace.end_s == pytest.approx(1.0 - quality.accuracy, rel=0.02)


def test_a_configuration_keeps_what_was_required():
    setting = freshness.configuration(30.0, 30 * 86400.0, 60.0, 0.01, 0.02)
    assert setting.detection_s[1] == pytest.approx(30.0)
    kept = freshness.quality(setting.eta_s, setting.delta_s, 0.01, lambda x: 1.0 - np.exp(-x / 0.02**0.5))
    assert kept.recurrence_s >= 30 * 86400.0
    assert kept.mistake_s <= 60.0
    lossy = freshness.configuration(30.0, 30 * 86400.0, 60.0, 0.1, 0.02)
    assert lossy.eta_s < setting.eta_s
    with pytest.raises(ValueError, match="no heartbeat"):
        freshness.configuration(1.0, 1e12, 60.0, 0.999999, 1e9)


def test_what_was_cut_out_is_unknown_and_the_rest_stays_where_it_was():
    trace = cut(calm(100.0, lost=slots(80, 90)), [(10.0, 20.0)])
    assert trace.exposure_s == pytest.approx(90.0, abs=PERIOD_S + 1e-9)
    assert kmiss.replay(trace, [Beat(1.0, 1.0, 3)]).spans.of(0)[0][0] == pytest.approx(82.0)


def test_what_the_senders_own_pause_kept_back_is_not_sent_again_but_sent_next():
    """Nothing was lost, so no timer of TCP doubles; beside a loss it is no better than the loss."""
    alone = over_tcp(paused(calm(60.0), [(20.0, 26.0)]), 9.0, in_order=False)
    assert alone.delay_s.max() == pytest.approx(6.0, abs=2 * PERIOD_S)
    lost = over_tcp(calm(60.0, lost=slots(20.0, 26.0)), 9.0, in_order=False)
    assert lost.delay_s.max() == pytest.approx(18.0, abs=1.0)
    for span in ((20.0, 26.0), (18.0, 27.0), (22.0, 24.0)):
        both = over_tcp(paused(calm(60.0, lost=slots(20.0, 26.0)), [span]), 9.0, in_order=False)
        assert both.delay_s.max() >= lost.delay_s.max() - 1e-9


def test_what_was_held_up_beyond_a_pause_comes_no_sooner_by_it():
    delay = np.full(300, RTT_S)
    delay[110] = 10.0
    trace = regular("a>b/c", PERIOD_S, delay)
    paused_too = paused(trace, [(21.0, 24.0)])
    assert paused_too.delay_s.max(initial=0.0, where=np.isfinite(paused_too.delay_s)) == pytest.approx(10.0)
    plain, both = (over_tcp(one, 0.2, in_order=False).delay_s for one in (trace, paused_too))
    assert (both >= plain - 1e-9).all()


def test_a_pause_at_the_end_of_the_record_lasts_to_its_end():
    trace = over_tcp(paused(calm(60.0), [(50.0, 70.0)]), 0.2, in_order=False)
    assert trace.delay_s.max() == pytest.approx(10.0, abs=PERIOD_S)
