"""Pure functions: intervals, TCP, quantiles, thinning."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer import proportion
from analyzer.contract import Scope, Subject
from analyzer.detectors import tcp
from analyzer.extension import Context
from analyzer.proportion import beta_cdf, clopper_pearson
from analyzer.quantiles import quantiles
from analyzer.rates import counted, increments
from analyzer.thin import curve, trace

# Published values: 0 of n by the closed form 1 - (alpha/2)^(1/n); the others from tables of exact limits
# (Documenta Geigy) and R's binom.test.
PUBLISHED = [
    (0, 10, 0.0, 0.30850),
    (1, 10, 0.0025286, 0.4450161),
    (5, 10, 0.1870860, 0.8129140),
    (10, 10, 0.6915029, 1.0),
    (0, 100, 0.0, 0.0362167),
    (10, 100, 0.0490047, 0.1762226),
    (50, 100, 0.3983211, 0.6016789),
]


@pytest.mark.parametrize(("events", "trials", "low", "high"), PUBLISHED)
def test_the_interval_of_a_proportion_is_the_published_one(events, trials, low, high):
    assert clopper_pearson(events, trials) == pytest.approx((low, high), abs=5e-6)


def test_the_interval_of_no_loss_in_a_day_has_its_closed_form():
    low, high = clopper_pearson(0, 432_000)
    assert low == 0.0
    assert high == pytest.approx(1.0 - 0.025 ** (1 / 432_000), rel=1e-6)


@given(st.integers(1, 400), st.data())
def test_both_limits_leave_exactly_two_and_a_half_per_cent_outside(trials, data):
    events = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(events, trials)

    def at_most(count: int, p: float) -> float:
        return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(count + 1))

    if events:
        assert 1.0 - at_most(events - 1, low) == pytest.approx(0.025, abs=1e-6)
    if events < trials:
        assert at_most(events, high) == pytest.approx(0.025, abs=1e-6)


@pytest.mark.parametrize(("events", "trials"), [(1, 0), (-1, 5), (6, 5), (0, 0)])
def test_what_is_no_proportion_is_refused(events, trials):
    with pytest.raises(ValueError, match="no proportion"):
        clopper_pearson(events, trials)


def test_the_beta_function_has_its_known_values():
    assert beta_cdf(0.3, 1, 1) == pytest.approx(0.3)
    assert beta_cdf(0.2, 2, 3) == pytest.approx(0.1808)
    assert beta_cdf(0.0, 2, 3) == 0.0
    assert beta_cdf(1.0, 2, 3) == 1.0


# Test vectors of the fact sheet on failure detectors, section 10.
@pytest.mark.parametrize(
    ("outage", "stall"), [(0.0, 0.0), (0.1, 0.2), (0.3, 0.6), (0.7, 1.4), (1.5, 3.0), (3.1, 6.2), (5.0, 6.2)]
)
def test_tcp_stays_silent_until_the_first_retransmission_after_the_outage(outage, stall):
    assert tcp.stall_s(outage, 0.2) == pytest.approx(stall)


def test_an_outage_that_ends_at_a_retransmission_lets_it_through():
    assert tcp.stall_s(6.2, 0.2) == pytest.approx(6.2)
    assert tcp.stall_s(6.2001, 0.2) == pytest.approx(12.6)


@pytest.mark.parametrize(("outage", "rto"), [(-1.0, 0.2), (1.0, 0.0)])
def test_a_stall_of_nonsense_is_refused(outage, rto):
    with pytest.raises(ValueError, match="no sense"):
        tcp.stall_s(outage, rto)


def test_the_retransmission_timer_floors_the_variance_as_linux_does():
    assert tcp.rto_s(0.001, 0.0005) == pytest.approx(0.201)
    assert tcp.rto_s(0.06, 0.01) == pytest.approx(0.26)


outage_s = st.floats(0.0, 4000.0)
timer_s = st.floats(0.0, 3.0)


@given(outage_s, outage_s, timer_s, timer_s)
def test_the_worst_stall_never_falls_when_outage_or_delay_grow(one, other, first, second):
    low, high = sorted((one, other))
    fast, slow = sorted((first, second))
    assert tcp.worst_stall_s(low, fast) <= tcp.worst_stall_s(high, slow) + 1e-6


@given(outage_s, timer_s, st.floats(0.0, 1.0))
@example(338.0, 0.25, 0.25)  # beyond the longest timer: retransmissions every two minutes
def test_the_worst_stall_covers_every_timer_of_its_range(outage, high, share):
    timer = 0.2 + share * max(0.0, high - 0.2)
    assert tcp.worst_stall_s(outage, high) >= tcp.stall_s(outage, timer) - 1e-6
    assert tcp.stall_s(outage, timer) >= outage - 1e-6


@pytest.mark.parametrize("module", [tcp, proportion])
def test_the_examples_in_the_documentation_are_right(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_quantiles_are_observed_values_and_never_below_the_level():
    found = quantiles(np.arange(1.0, 1002.0))
    assert (found.samples, found.minimum, found.p50, found.p99, found.p999, found.maximum) == (
        1001,
        1.0,
        501.0,
        991.0,
        1000.0,
        1001.0,
    )
    assert quantiles(np.array([1.0, 2.0])).p50 == 2.0


def test_below_a_thousand_samples_the_tail_is_the_maximum():
    assert quantiles(np.arange(999.0)).p999 == 998.0
    assert quantiles(np.arange(1000.0)).p999 == 999.0
    assert quantiles(np.arange(3000.0)).p999 == 2997.0
    assert quantiles(np.array([])).p999 is None


SUBJECT = Subject(Scope.NODE, "a")


def test_a_trace_keeps_every_extreme_and_leaves_empty_bins_empty():
    t_s = np.arange(0.0, 86400.0, 0.2)
    t_s = t_s[(t_s < 40000) | (t_s > 50000)]
    values = np.full(len(t_s), 5.0)
    values[1234], values[-7] = 99.0, -3.0
    found = trace("x", "x", "s", SUBJECT, t_s, values, 86400.0, median=True)
    assert len(found.mid) == 480
    assert found.step_s == 180.0
    assert max(value for value in found.high if value is not None) == 99.0
    assert min(value for value in found.low if value is not None) == -3.0
    assert found.mid[int(45000 / 180)] is None
    assert found.high[int(t_s[1234] / 180)] == 99.0
    assert found.mid[0] == 5.0


def test_a_trace_without_median_gives_the_mean():
    found = trace("x", "x", "s", SUBJECT, np.array([0.0, 0.5, 1.2]), np.array([1.0, 4.0, 7.0]), 2.0, median=False)
    assert found.mid == (2.5, 7.0)


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=3000))
def test_a_curve_is_short_rising_and_true(values):
    found = curve("x", "x", "s", SUBJECT, np.array(values))
    assert 1 <= len(found.value) <= 200
    assert found.fraction[-1] == 1.0
    assert list(found.value) == sorted(set(found.value))
    for value, fraction in zip(found.value, found.fraction, strict=True):
        assert fraction == pytest.approx(sum(item <= value for item in values) / len(values))


def test_a_curve_resolves_the_tail():
    found = curve("x", "x", "s", SUBJECT, np.arange(100_000.0))
    assert sum(fraction > 0.999 for fraction in found.fraction) >= 20


def test_counters_that_are_kept_small_neither_wrap_nor_reach_a_rule_so():
    t_s = np.arange(4.0)
    frame = pd.DataFrame({"t_s": t_s, "count": np.array([-(1 << 30), 1 << 30, (1 << 30) + 5, 7], dtype=np.int32)})
    assert increments(frame, ["count"])["count"].tolist() == [5.0]
    assert counted(frame, "count") == 5
    context = Context(Subject(Scope.NODE, "a"), None, "a", 4.0, {"table": frame})
    assert (context.table("table")["count"] * 1024).iloc[1] == 1 << 40
    assert frame["count"].dtype == np.int32


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("xy"), st.integers(0, 9)), max_size=30), st.booleans())
def test_increments_are_those_of_each_label_by_itself(rows, backwards):
    frame = pd.DataFrame(
        {
            "t_s": np.cumsum([step for step, _, _ in rows], dtype=float),
            "count": np.array([count for _, _, count in rows], dtype=np.int32),
            "label": pd.Categorical([label for _, label, _ in rows], categories=["x", "y"]),
        }
    )
    frame = frame.iloc[::-1] if backwards else frame
    together = increments(frame, ["count"], ["label"])
    for label in "xy":
        alone = increments(frame[frame["label"] == label], ["count"])
        both = together[together["label"] == label]
        assert both[["t_s", "dt_s", "count"]].to_numpy().tolist() == alone[["t_s", "dt_s", "count"]].to_numpy().tolist()
    assert len(together) == sum((together["label"] == label).sum() for label in "xy")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 9.99), st.floats(-5.0, 5.0).map(lambda value: round(value, 2))), max_size=40))
def test_a_bin_has_the_least_the_median_and_the_greatest_of_its_values_in_whatever_order(pairs):
    t_s, values = (np.array(column, dtype=float) for column in (zip(*pairs, strict=True) if pairs else ((), ())))
    found = trace("x", "x", "s", SUBJECT, t_s, values, 10.0, median=True)
    mean = trace("x", "x", "s", SUBJECT, t_s, values, 10.0, median=False)
    for place in range(10):
        inside = sorted(value for at_s, value in pairs if int(at_s) == place)
        shown = (found.low[place], found.mid[place], found.high[place])
        assert shown == ((inside[0], inside[len(inside) // 2], inside[-1]) if inside else (None, None, None))
        assert mean.mid[place] == (pytest.approx(sum(inside) / len(inside), abs=1e-4) if inside else None)
