"""What is found sooner is what the plain way finds: medians, slow slots, outages of an observer."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.detectors.episodes import known_of
from analyzer.detectors.trace import cut, over_tcp, regular
from analyzer.middle import median
from analyzer.observers import _outages


@pytest.mark.parametrize("count", [1, 2, 19_999, 20_000, 20_001, 60_000])
def test_the_median_is_numpys_to_the_bit(count):
    random = np.random.default_rng(count)
    drawn = random.exponential(size=count)
    columns = (
        drawn,
        np.sort(drawn),
        np.round(drawn, 1),
        np.full(count, 2.0),
        np.where(random.random(count) < 0.6, np.inf, drawn),
        np.where(np.arange(count) == count // 3, np.nan, drawn),
        # The values that are looked at first tell nothing of the others.
        np.where(np.arange(count) % (max(count, 2000) // 2000) == 0, 9.0, drawn),
    )
    for column in columns:
        np.testing.assert_equal(median(column), float(np.median(column)))


def _day(seed):
    random = np.random.default_rng(seed)
    delay_s = random.exponential(0.05, 3000)
    trace = regular("a>b/c", 0.2, delay_s, lost=random.integers(0, 3000, 90), absent=random.integers(0, 3000, 9))
    return cut(trace, [(0.0, 1.0), (100.0, 130.0), (598.0, 700.0)]) if seed % 2 else trace


@pytest.mark.parametrize("seed", range(4))
def test_slow_slots_are_the_same_whatever_was_asked_before(seed):
    for trace in (_day(seed), over_tcp(_day(seed), 0.3), over_tcp(_day(seed), 0.3, in_order=False)):
        for than_s in (1.0, 0.1, 0.4, 0.399, 30.0, 0.0, 0.41):
            plain = np.flatnonzero(trace.known & (trace.answer_s - trace.sent_s > than_s))
            assert trace.slower(than_s).tolist() == plain.tolist()


def test_a_trace_made_of_another_finds_its_own_slow_slots():
    trace = _day(0)
    before = trace.slower(1.0)
    later = cut(trace, [(0.0, 1e9)])
    assert len(before) > 0
    assert len(later.slower(1.0)) == 0
    assert later.usual_s == 0.0 < trace.usual_s


@pytest.mark.parametrize("seed", range(4))
def test_what_is_known_of_a_path_is_the_stretches_of_its_known_slots(seed):
    trace = _day(seed)
    known = np.zeros(len(trace), dtype=np.bool_)
    for start_s, stop_s in known_of(trace).of(0):
        known |= (trace.sent_s >= start_s) & (trace.sent_s < stop_s)
    assert known.tolist() == trace.known.tolist()
    assert known_of(trace).suspected_s[0] == pytest.approx(trace.exposure_s)


def test_outages_of_an_observer_end_with_an_answer_a_hole_or_the_record():
    t_s = np.array([0.0, 1, 2, 3, 4, 5, 6, 30, 31, 32, 33, 34])
    answered = np.array([True, False, False, True, True, False, False, False, True, True, False, False])
    assert list(_outages(t_s, answered)) == [(1.0, 3.0), (5.0, 7.0), (33.0, 35.0)]
