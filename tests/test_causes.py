"""Slow answers and whom they are blamed on, from records in which one part alone grew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analyzer.causes import CAUSES, NOTHING, pauses, slow_slots, summary
from analyzer.columns import WIRE
from analyzer.contract import Cause, Slowness
from analyzer.frames import Columns
from analyzer.slots import path_log

SLOTS = 100
KERNEL = 2 + 4 + 8 + 16
SLOW = range(40, 50)
"""Slots of 0.2 s: from 8 s to 9.8 s."""


def log(*, flags=KERNEL, rxq=5, out=15, **slow_us):
    """A path of 10 ms whose slots in `SLOW` took so much longer in the named columns."""

    def column(name, usual):
        values = np.full(SLOTS, usual, dtype=(WIRE["sent"] | WIRE["reply"])[name])
        values[list(SLOW)] += slow_us.get(name, 0)
        return values

    slot = np.arange(SLOTS, dtype=np.int32)
    sent = {"t_us": slot.astype(np.int64) * 200_000, "slot": slot, "flag": np.zeros(SLOTS, dtype=np.int16)}
    sent |= {"late_us": column("late_us", 100), "tx_us": column("tx_us", 20)}
    reply = {"slot": slot, "rxq_us": column("rxq_us", rxq), "flags": column("flags", flags)}
    reply |= {"fwd_us": column("fwd_us", 5000), "res_us": column("res_us", 50), "back_us": column("back_us", 5000)}
    reply["out_us"] = column("out_us", np.iinfo(np.int32).min if out is None else out)
    whole = [(1, SLOTS)]
    return path_log("a>b/ch1", Columns(sent, whole), Columns(reply, whole), 0.2)


def ticks(seconds=range(1, 21), waited_us=0, at=()):
    """The ticker's seconds; in those of `at` it waited for a CPU."""
    rows = [(second * 1_000_000, waited_us if second in at else 300) for second in seconds]
    return pd.DataFrame(rows, columns=["t_us", "run_delay_us"]).assign(**{"class": "default"})


def stalls(*rows):
    """Pauses (start, length, wait for a CPU) in us."""
    return pd.DataFrame(rows, columns=["t_us", "length_us", "run_delay_us"]).assign(**{"class": "default"})


QUIET = pauses(None, ticks())
STARVED = pauses(stalls((7_900_000, 2_000_000, 1_900_000)), ticks())
STOPPED = pauses(stalls((7_900_000, 2_000_000, 0)), ticks())
OFTEN_STARVED = pauses(None, ticks(waited_us=600_000, at=(9, 10)))
UNTOLD = pauses(stalls((7_900_000, 2_000_000, None)), ticks())


def causes(found, here=QUIET, there=QUIET, loaded=()):
    under = np.zeros(SLOTS, dtype=np.bool_)
    under[list(loaded)] = True
    rows, delay_s, cause = slow_slots(found, under, here, there)
    if len(rows):
        assert rows.tolist() == list(SLOW)
        assert delay_s.min() > 0.03
    return {CAUSES[code] for code in cause}


def test_a_delay_between_the_kernel_stamps_is_the_wires_whatever_the_nodes_did():
    assert causes(log(fwd_us=60_000)) == {Cause.WIRE}
    assert causes(log(back_us=60_000), here=STOPPED, there=STARVED) == {Cause.WIRE}


@pytest.mark.parametrize(
    ("pause", "cause"),
    [
        (STARVED, Cause.LOCAL_STARVATION),
        (OFTEN_STARVED, Cause.LOCAL_STARVATION),
        (STOPPED, Cause.LOCAL_STOP),
        (UNTOLD, Cause.LOCAL_UNTOLD),
        (NOTHING, Cause.LOCAL_UNTOLD),
    ],
)
def test_a_sender_that_was_late_is_blamed_for_what_its_ticker_noted(pause, cause):
    assert causes(log(late_us=100_000), here=pause, there=STOPPED) == {cause}


def test_a_packet_that_waited_for_the_network_card_is_a_queues_unless_the_sender_paused():
    assert causes(log(tx_us=80_000)) == {Cause.LOCAL_QUEUE}
    assert causes(log(tx_us=80_000), here=STARVED) == {Cause.LOCAL_STARVATION}
    # A busy node's many short waits have nothing to do with a packet that has left the program.
    assert causes(log(tx_us=80_000), here=OFTEN_STARVED) == {Cause.LOCAL_QUEUE}
    assert causes(log(tx_us=80_000), here=NOTHING) == {Cause.LOCAL_UNTOLD}


@pytest.mark.parametrize(
    ("pause", "cause"),
    [
        (STARVED, Cause.PEER_STARVATION),
        (OFTEN_STARVED, Cause.PEER_STARVATION),
        (STOPPED, Cause.PEER_STOP),
        (QUIET, Cause.PEER_QUEUE),
        (UNTOLD, Cause.PEER_UNTOLD),
        (NOTHING, Cause.PEER_UNTOLD),
        (None, Cause.PEER_UNTOLD),
    ],
)
def test_a_peer_that_answered_late_is_blamed_for_what_its_own_ticker_noted(pause, cause):
    assert causes(log(res_us=100_000), here=STOPPED, there=pause) == {cause}


def test_an_answer_that_waited_for_the_peers_network_card_is_a_queues_unless_the_peer_paused():
    waited = log(res_us=80_000, out_us=80_000)
    assert causes(waited) == {Cause.PEER_QUEUE}
    assert causes(waited, there=OFTEN_STARVED) == {Cause.PEER_QUEUE}
    assert causes(waited, there=STARVED) == {Cause.PEER_STARVATION}
    # Where the peer's call is not told, a busy node is the likelier reason.
    assert causes(log(res_us=80_000, out=None), there=OFTEN_STARVED) == {Cause.PEER_STARVATION}


def test_a_pause_at_another_time_explains_nothing():
    elsewhere = pauses(stalls((12_000_000, 2_000_000, 0)), ticks())
    assert causes(log(res_us=100_000), there=elsewhere) == {Cause.PEER_QUEUE}


def test_a_short_pause_does_not_explain_a_long_delay():
    short = pauses(stalls((8_000_000, 30_000, 0)), ticks())
    assert causes(log(res_us=2_000_000), there=short) == {Cause.PEER_QUEUE}


def test_what_was_slow_during_a_bandwidth_test_is_the_tests():
    assert causes(log(fwd_us=60_000), loaded=SLOW) == {Cause.LOAD_TEST}


def test_without_kernel_stamps_the_wire_is_not_accused():
    assert causes(log(fwd_us=60_000, flags=0)) == {Cause.UNTOLD}


def test_a_stepped_clock_leaves_the_delay_and_takes_the_blame():
    # The stamps say minus ten minutes, the monotonic rest makes up for it: 70 ms more than usual are left.
    found = log(fwd_us=-600_000_000, rxq_us=600_070_000)
    found.replies["flags"][list(SLOW)] |= 32
    assert causes(found) == {Cause.UNTOLD}


def test_twenty_milliseconds_more_than_the_median_is_not_slow_and_a_little_more_is():
    assert causes(log(fwd_us=20_000)) == set()
    assert causes(log(fwd_us=20_001)) == {Cause.WIRE}


def test_the_summary_counts_by_cause_and_keeps_the_longest():
    cause = np.array([CAUSES.index(one) for one in (Cause.WIRE, Cause.PEER_STOP, Cause.WIRE)], dtype=np.int8)
    assert summary(np.array([0.1, 2.0, 0.3]), cause) == (
        Slowness(Cause.WIRE, 2, 0.3),
        Slowness(Cause.PEER_STOP, 1, 2.0),
    )
