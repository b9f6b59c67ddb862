"""The replay of writes through a line: exact on what has a closed form, and equal to a slow simulation on the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.replay import Line

STEP_S = 60.0
steps = st.integers(1, 50)


def square(high, low, on, off, periods):
    return np.tile(np.concatenate([np.full(on, high), np.full(off, low)]), periods)


@given(
    base=st.floats(0.0, 10.0),
    extra=st.floats(1.0, 1e9),
    place=st.floats(0.01, 0.99),
    on=steps,
    off=steps,
    periods=st.integers(1, 6),
)
def test_a_square_wave_gives_the_closed_form_of_the_token_bucket(base, extra, place, on, off, periods):
    low = base * extra
    high, capacity = low + extra, low + place * extra
    gain, loss = (high - capacity) * on * STEP_S, (capacity - low) * off * STEP_S
    found = Line(square(high, low, on, off, periods), STEP_S, capacity).replay()
    largest = gain + (periods - 1) * max(0.0, gain - loss)
    close = {"rel": 1e-6, "abs": 1e-6 * (gain + capacity)}
    assert found.largest_B == pytest.approx(largest, **close)
    assert found.behind_s == pytest.approx(largest / capacity, rel=1e-6, abs=1e-6)
    assert found.left_B == pytest.approx(periods * max(0.0, gain - loss), **close)
    assert len(found.backlog_B) == periods * (on + off)
    if gain < 0.999 * loss:
        assert found.drain_s == pytest.approx(gain / (capacity - low), rel=1e-3)
    if gain > 1.001 * loss:
        assert found.drain_s is None, "the line does not even carry the mean"


@given(
    rate=st.floats(0.0, 1e9), spare=st.floats(1e3, 1e9), minutes=st.integers(1, 200), outage_s=st.floats(1.0, 86400.0)
)
def test_an_outage_under_steady_writes_gives_the_closed_form(rate, spare, minutes, outage_s):
    line = Line(np.full(minutes, rate), STEP_S, rate + spare)
    assert line.resync_s(outage_s) == pytest.approx(rate * outage_s / spare, rel=1e-4, abs=1e-3 * outage_s)
    assert line.copy_s(1e9) == pytest.approx(1e9 / spare, rel=1e-4)


def simulated(series, capacity, begin, outage_s):
    """Second by second: how long after the outage the first second ends at which nothing waits."""
    waiting, mean = 0.0, series.mean()
    for second in range(10**6):
        minute = second // 60
        rate = series[minute] if minute < len(series) else mean
        out = begin <= second < begin + outage_s
        waiting = max(0.0, waiting + rate - (0.0 if out else capacity))
        if second >= begin + outage_s and waiting == 0.0:
            return second + 1 - begin - outage_s
    return None


@given(series=st.lists(st.integers(0, 20), min_size=2, max_size=12), outage=st.integers(1, 5))
def test_the_worst_minute_for_an_outage_is_that_of_a_simulation(series, outage):
    values = np.array(series, dtype=float)
    capacity = values.mean() + 2.0
    found = Line(values, STEP_S, capacity).resync_s(outage * 60.0)
    worst = max(simulated(values, capacity, minute * 60, outage * 60) for minute in range(len(values)))
    assert found == pytest.approx(worst, abs=1.5)


def test_a_line_faster_than_every_minute_never_has_a_backlog():
    found = Line(np.array([5.0, 90.0, 7.0]), STEP_S, 90.0).replay()
    assert (found.largest_B, found.drain_s, found.behind_s, found.left_B) == (0.0, 0.0, 0.0, 0.0)


def test_what_waits_at_the_end_of_the_record_drains_at_the_mean():
    found = Line(np.array([0.0, 0.0, 30.0]), STEP_S, 20.0).replay()
    assert (found.largest_B, found.left_B, found.at_s) == (600.0, 600.0, 180.0)
    assert found.drain_s == pytest.approx(600.0 / (20.0 - 10.0))


def test_writes_that_use_up_the_line_are_never_made_good():
    line = Line(np.full(20, 100.0), STEP_S, 100.0)
    assert line.replay().largest_B == 0.0
    assert line.resync_s(600.0) is None
    assert line.copy_s(1.0) is None


@given(
    series=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40),
    capacity=st.floats(1.0, 1e6),
    more=st.floats(1.0, 10.0),
)
def test_more_bandwidth_never_makes_anything_worse(series, capacity, more):
    slow, fast = (Line(np.array(series), STEP_S, rate) for rate in (capacity, capacity * more))
    assert fast.replay().largest_B <= slow.replay().largest_B * (1 + 1e-9) + 1e-6
    assert fast.replay().behind_s <= slow.replay().behind_s * (1 + 1e-9) + 1e-6
    before, after = slow.resync_s(600.0), fast.resync_s(600.0)
    assert before is None or (after is not None and after <= before * (1 + 1e-6) + 1e-3)


@pytest.mark.parametrize(
    ("series", "step_s", "capacity"),
    [
        ([], 60.0, 1.0),
        ([-1.0], 60.0, 1.0),
        ([np.nan], 60.0, 1.0),
        ([1.0], 0.0, 1.0),
        ([1.0], 60.0, 0.0),
        ([1.0], 60.0, np.inf),
    ],
)
def test_what_is_no_series_or_no_line_is_refused(series, step_s, capacity):
    with pytest.raises(ValueError, match="have to be"):
        Line(np.array(series, dtype=float), step_s, capacity)
