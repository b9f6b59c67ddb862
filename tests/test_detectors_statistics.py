"""What counts, bursts and tails say about the long run, against published values and simulated truth. Seeds are fixed."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from coverage_table import (
    COVERAGE,
    LAWS,
    PROCESSES,
    TAILS,
    WINDOWS,
    WINDOWS_DAYS,
    coverage,
    rows,
    tail,
    tail_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from traces import PERIOD_S, RTT_S, calm, impaired, slots, thinner, worse

from analyzer.detectors import bursts, incidents, interruptions, kmiss, silence, tails
from analyzer.detectors.incidents import Claim, Sufficiency
from analyzer.detectors.trace import cut, paused, regular
from analyzer.proportion import beta_cdf

METHOD = Path(__file__).parent.parent / "docs" / "method.md"


def test_the_bounds_are_garwoods():
    assert [round(incidents.upper_count(k), 3) for k in range(7)] == [2.996, 4.744, 6.296, 7.754, 9.154, 10.513, 11.842]
    # chi-square tables at 95 %, halved: 22, 62 and 200 degrees of freedom.
    assert [round(2 * incidents.upper_count(k), 2) for k in (10, 30, 99)] == [33.92, 81.38, 233.99]
    days = {
        0.25 / 24: (105042, 166339, 220756),
        1 / 24: (26261, 41585, 55189),
        1: (1094, 1733, 2300),
        7: (156, 248, 329),
    }
    for length, expected in days.items():
        assert [round(incidents.per_year(k, length * 86400)) for k in range(3)] == list(expected)
    assert [round(incidents.per_year(k, 30 * 86400), 1) for k in range(3)] == [36.5, 57.8, 76.7]
    assert incidents.per_year(0, 0.0) == math.inf


@given(st.integers(0, 3000))
@settings(max_examples=50)
def test_the_bound_is_where_so_few_are_seen_once_in_twenty(count):
    mean = incidents.upper_count(count)
    terms = np.arange(count + 1)
    logs = terms * math.log(mean) - mean - np.array([math.lgamma(k + 1.0) for k in terms])
    assert np.exp(logs).sum() == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    "wrong", [lambda: incidents.upper_count(-1), lambda: incidents.samples_for(1.0), lambda: tails.fit(np.zeros(5))]
)
def test_figures_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"bound|between|fitted"):
        wrong()


def test_samples_in_clusters_count_for_less():
    assert [incidents.samples_for(p) for p in (0.99, 0.999, 0.9999)] == [299, 2995, 29956]
    assert incidents.samples_for(0.99, theta=0.5) == 597


def test_the_largest_seen_is_exceeded_once_per_window_whatever_the_distribution():
    random = np.random.default_rng(5)
    n, later, runs = 864, 8640, 400
    exceeded = []
    for _ in range(runs):
        values = random.pareto(1.5, n + later)
        exceeded.append((values[n:] > values[:n].max()).sum())
    expected = later * incidents.next_is_longer(n)
    assert np.mean(exceeded) == pytest.approx(expected, rel=0.25)


def test_a_window_is_enough_for_what_its_length_allows():
    assert incidents.sufficiency(3600.0, 100) is Sufficiency.CONNECTIVITY
    assert incidents.sufficiency(3 * 3600.0, 10**5) is Sufficiency.NO_BUSY_HOUR
    assert incidents.sufficiency(86400.0, 10**5) is Sufficiency.DAY


def test_classes_are_labels_of_what_the_risk_rests_on():
    assert incidents.claim(1094.0, 4.0, modelled=False) is Claim.UNREFUTED
    assert incidents.claim(1094.0, 4.0, modelled=True) is Claim.MODEL_BACKED
    assert incidents.claim(3.0, 4.0, modelled=False) is Claim.CERTIFIED


def test_a_record_with_holes_or_stalls_lowers_the_class_and_says_why():
    assert incidents.doubts(calm(600.0)) == ()
    holes, stalls = calm(600.0, absent=slots(100, 140)), paused(calm(600.0), [(100.0, 110.0)])
    assert "6.7 % of the record" in incidents.doubts(holes)[0]
    assert "stood still" in incidents.doubts(stalls)[0]
    assert incidents.lowered(Claim.CERTIFIED, incidents.doubts(holes)) is Claim.MODEL_BACKED
    assert incidents.lowered(Claim.CERTIFIED, ()) is Claim.CERTIFIED


def test_the_least_detection_time_is_chosen_whatever_its_class():
    counts = np.array([5, 0, 0])
    found = incidents.least([3.0, 5.0, 9.0], counts, 86400.0, 1.0)
    assert found.place == 1
    assert found.bound_per_year == pytest.approx(1094.2, abs=0.1)
    assert incidents.least([3.0, 5.0, 9.0], counts, 86400.0, 1.0, allowed=[True, False, True]).place == 2
    assert incidents.least([3.0], np.array([5]), 86400.0, 1.0) is None
    assert incidents.least([3.0], np.array([5]), 86400.0, 5000.0).place == 0


GRID = [silence.Timer(1.0, timeout) for timeout in np.arange(1.5, 90.0, 0.5)]


def chosen_s(trace, target_per_year=1.0):
    found = incidents.least(
        [timer.timeout_s for timer in GRID], silence.replay(trace, GRID).hours, trace.exposure_s, target_per_year
    )
    return math.inf if found is None else found.detection_s


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from([1.0, 1e6, 1e7]))
def test_worse_or_less_data_never_gives_a_shorter_timeout(data, target_per_year):
    trace = data.draw(impaired())
    before = chosen_s(trace, target_per_year)
    assert chosen_s(data.draw(worse(trace)), target_per_year) >= before
    assert chosen_s(data.draw(thinner(trace)), target_per_year) >= before


def test_halves_and_the_worst_hour_tell_where_it_happened():
    trace = calm(4 * 3600.0, lost=slots(9000, 9020))
    beats = [kmiss.Beat(1.0, 1.0, misses) for misses in (2, 3, 5, 10, 21)]
    found = incidents.spread(kmiss.replay(trace, beats).spans, trace.end_s)
    assert found.first_half.tolist() == [0] * 5
    assert found.second_half.tolist() == [1, 1, 1, 1, 0]
    assert found.worst_hour_s[0] == pytest.approx(19.0, abs=1.1)
    first, second = incidents.halves(trace)
    assert first.exposure_s == pytest.approx(7200.0, abs=0.3)
    answers = [
        next((at for at, n in enumerate(kmiss.replay(part, beats).hours) if n == 0), None) for part in (first, second)
    ]
    assert answers == [0, 4]
    assert incidents.moved(answers)
    assert not incidents.moved([2, 3])
    assert incidents.moved([2, None])
    worst = incidents.worst_hour(trace, lambda part: float(np.isinf(part.answer_s[part.known]).sum()))
    assert worst.exposure_s == pytest.approx(3600.0, abs=0.5)
    assert kmiss.replay(worst, beats).hours[0] == 1


def gilbert(p, q, n, seed):
    """Lost or not, from lengths of good and bad runs."""
    random = np.random.default_rng(seed)
    pairs = int(n * p * q / (p + q) * 1.02) + 1000
    lengths = np.stack([random.geometric(p, pairs), random.geometric(q, pairs)], axis=1).reshape(-1)
    return np.repeat(np.arange(2 * pairs) % 2 == 1, lengths)[:n]


def lossy(p, q, n, seed):
    return regular("a>b/c", PERIOD_S, np.full(n, RTT_S), lost=np.flatnonzero(gilbert(p, q, n, seed)))


@pytest.mark.parametrize(("m", "expected", "seeds"), [(1, (9921, 7441, 5580), 1), (5, (6030, 1449, 348), 8)])
def test_the_episodes_of_the_gilbert_model_are_those_of_the_replay(m, expected, seeds):
    model = bursts.Gilbert(0.002, 0.25).thinned(m)
    formula = [model.episodes(5e6 / m, k) for k in (1, 2, 3)]
    assert formula == pytest.approx(expected, abs=1.0)
    beats = [kmiss.Beat(m * PERIOD_S, 0.2, k) for k in (1, 2, 3)]
    found = [kmiss.replay(lossy(0.002, 0.25, 5_000_000, seed), beats).episodes for seed in range(seeds)]
    mean = np.mean(found, axis=0)
    assert mean[:2] == pytest.approx(formula[:2], rel=0.02)
    # Three misses of every fifth slot are rare: their scatter over eight traces is still more than 1 %.
    assert mean[2] == pytest.approx(formula[2], rel=0.02 if m == 1 else 0.04)


def test_the_gilbert_fit_finds_what_was_put_in():
    lost = gilbert(0.002, 0.25, 5_000_000, 20261121)
    exact = bursts.fit(lost, np.ones(len(lost) - 1, bool))
    assert (exact.p, exact.q) == (pytest.approx(0.002, rel=0.02), pytest.approx(0.25, rel=0.02))
    found = bursts.bursts(lossy(0.002, 0.5, 2_000_000, 5))
    assert (found.background.p, found.background.q) == (pytest.approx(0.002, rel=0.05), pytest.approx(0.5, rel=0.05))
    assert found.background.loss == pytest.approx(0.002 / 0.502, rel=0.05)


def test_outages_are_no_bursts_of_the_background():
    lost = gilbert(0.002, 0.5, 200_000, 3)
    lost[50_000:50_100] = True
    trace = regular("a>b/c", PERIOD_S, np.full(len(lost), RTT_S), lost=np.flatnonzero(lost))
    found = bursts.bursts(trace)
    assert found.background.q == pytest.approx(0.5, rel=0.15)
    assert found.outage_s.max() == pytest.approx(20.0, abs=1.0)
    assert 50_000 * PERIOD_S in found.outage_start_s.round(6) or (abs(found.outage_start_s - 10_000) < 1).any()
    both = np.concatenate([found.lengths * PERIOD_S, found.outage_s])
    assert both.sum() == pytest.approx(lost.sum() * PERIOD_S)


def test_a_burst_that_the_fit_cannot_explain_refuses_it():
    assert bursts.Gilbert(0.01, 0.5).longest_chance(1, 10) == 1.0
    assert bursts.Gilbert(0.01, 0.5).longest_chance(11, 100) == pytest.approx(1 - (1 - 0.5**10) ** 100)
    none = bursts.bursts(calm(100.0))
    assert none.background is None
    assert "no loss" in none.reason


def test_losses_that_are_the_senders_own_or_unknown_are_not_the_networks():
    trace = cut(calm(600.0, lost=slots(100, 101)), [(200.0, 300.0)])
    assert bursts.bursts(trace).lengths.tolist() == [5]
    late = regular("a>b/c", PERIOD_S, np.where(np.arange(1000) == 500, 2.0, RTT_S))
    assert len(bursts.bursts(late).lengths) == 0
    assert bursts.bursts(late, deadline_s=1.0).lengths.tolist() == [1]


def pareto(xi, sigma, n, seed):
    uniform = np.random.default_rng(seed).random(n)
    return sigma * (np.expm1(-xi * np.log(uniform)) / xi if xi else -np.log(uniform))


@pytest.mark.parametrize("xi", [-0.3, 0.0, 0.2, 0.6])
def test_a_tail_is_found_again_by_likelihood_and_by_moments(xi):
    excess = pareto(xi, 2.0, 20_000, 7)
    for found in (tails.fit(excess), tails.moments(excess)):
        assert found.xi == pytest.approx(xi, abs=0.05)
        assert found.sigma == pytest.approx(2.0, rel=0.06)
    best = tails.fit(excess)
    assert best.likelihood >= tails.moments(excess).likelihood - 1e-6
    assert tails.anderson_darling(excess[:2000]) > 0.01
    assert tails.anderson_darling(np.where(np.arange(2000) % 2, excess[:2000], 5.0 + excess[:2000])) < 0.05


def test_values_that_come_in_pairs_have_an_extremal_index_of_a_half():
    z = np.random.default_rng(1).pareto(2.0, 200_001)
    pairs = np.maximum(z[1:], z[:-1])
    peaks, theta = tails.cluster_peaks(pairs, float(np.quantile(pairs, 0.99)))
    assert theta == pytest.approx(0.5, abs=0.05)
    assert len(peaks) == pytest.approx(1000, rel=0.15)
    assert math.isnan(tails.cluster_peaks(z, float(z.max()) - 1e-9)[1])


def test_the_upper_end_of_a_level_covers_the_truth_as_often_as_it_says():
    # Level exceeded once in ten windows of an exponential tail: known exactly. 200 windows, family-wise 1 %.
    days, per_window = 10.0, 1000
    truth = math.log(per_window * 20 * days)
    covered = 0
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(1.0, per_window * 20)
        found = tails.level(values, 86400.0, days)
        assert isinstance(found, tails.Level), found
        covered += found.high >= truth
    # Accepted if 95 % is not refuted at 1 % by Clopper and Pearson.
    assert beta_cdf(0.95, covered + 1, 200 - covered) > 0.005 or covered >= 190
    assert covered >= 180


def test_the_guards_give_no_figure_where_none_holds():
    random = np.random.default_rng(2)
    calm_values = random.exponential(0.01, 100_000)
    assert isinstance(tails.level(calm_values, 86400.0, 10.0), tails.Level)
    far = tails.level(calm_values, 86400.0, 11.0)
    assert isinstance(far, tails.NoLevel)
    assert "10 times" in far.reason
    few = tails.level(random.exponential(0.01, 900), 86400.0, 1.0)
    assert isinstance(few, tails.NoLevel)
    assert "too few" in few.reason
    constant = tails.level(np.full(100_000, 0.01), 86400.0, 1.0)
    assert isinstance(constant, tails.NoLevel)
    wild = tails.level(pareto(1.3, 1.0, 100_000, 3), 86400.0, 1.0)
    assert isinstance(wild, tails.NoLevel)
    assert "heavy" in wild.reason
    heavy = tails.level(pareto(0.6, 1.0, 100_000, 3), 86400.0, 2.0)
    assert isinstance(heavy, tails.Level)
    assert "unreliable" in heavy.caution


def test_fewer_than_fifty_clusters_give_no_figure():
    values = np.full(10_000, 0.001)
    for start in range(0, 10_000, 500):
        values[start : start + 40] = 0.1 + np.random.default_rng(start).random(40)
    found = tails.level(values, 86400.0, 1.0)
    assert isinstance(found, tails.NoLevel)
    assert "50" in found.reason


def test_recorded_steps_are_blurred_and_nothing_seen_is_exceeded_by_its_level():
    values = np.round(np.random.default_rng(4).exponential(1.0, 50_000), 1)
    found = tails.level(values, 86400.0, 2.0, quantum=0.1)
    assert isinstance(found, tails.Level)
    assert found.high >= values.max()


def test_hours_that_differ_are_fitted_apart_and_the_worst_governs():
    random = np.random.default_rng(6)
    at_s = np.arange(4 * 18_000) * 0.2
    values = random.exponential(0.001, len(at_s)) + 0.01
    same = tails.level(values, 4 * 3600.0, 1.0, at_s=at_s)
    busy = values.copy()
    busy[18_000:36_000] = 0.03 + random.exponential(0.02, 18_000)
    assert len(tails.regimes(at_s, values)) == 1
    assert len(tails.regimes(at_s, busy)) == 4
    worst = tails.level(busy, 4 * 3600.0, 1.0, at_s=at_s)
    assert isinstance(same, tails.Level)
    assert isinstance(worst, tails.Level)
    assert worst.high > 5 * same.high


@pytest.mark.parametrize("days", WINDOWS_DAYS)
def test_the_bound_covers_independent_incidents_as_often_as_it_says(days):
    """Three windows, family-wise 1 %: the coverage must not lie significantly below 95 %."""
    covered = round(coverage("independent", days) * WINDOWS)
    # Chance of as few or fewer covered at exactly 95 %.
    chance = 1.0 - beta_cdf(0.95, covered + 1, WINDOWS - covered) if covered < WINDOWS else 1.0
    assert chance > 0.01 / len(WINDOWS_DAYS)


def test_clusters_break_the_bound_and_the_page_says_so():
    text = METHOD.read_text(encoding="utf-8")
    assert all(coverage(process, days) < 0.9 for process in PROCESSES[1:] for days in WINDOWS_DAYS)
    assert "every fourth case" in incidents.CAVEAT
    assert "simulated" in text
    assert "clusters" in text


def test_the_table_of_coverage_in_the_method_is_what_the_simulation_gives():
    text = METHOD.read_text(encoding="utf-8")
    for row in rows():
        assert row in text, row
    assert len(re.findall(r"^\| (?:independent|clustered|heavy)", text, re.MULTILINE)) >= len(PROCESSES)
    assert COVERAGE in text


def drawn(count, seed=1, lengths=None, start_s=None):
    """Starts and lengths of a day's silences, exponential beyond 0.4 s where nothing else is said."""
    random = np.random.default_rng(seed)
    starts = np.sort(random.uniform(0, 86400.0, count)) if start_s is None else start_s
    return starts, 0.65 + random.exponential(1.0, count) if lengths is None else lengths


def silences_level(starts, lengths, days=7.0, exposure_s=86400.0):
    return interruptions.level(starts, lengths, 0.61, PERIOD_S, exposure_s, days)


@pytest.mark.parametrize("law", [name for name in LAWS if "0.8" not in name or "normal" in name])
def test_the_model_of_silences_covers_the_truth_as_often_as_it_says(law):
    """Five laws, family-wise 1 %."""
    told, covered = tail(law, 200)
    assert told >= 50
    chance = 1.0 - beta_cdf(0.95, covered + 1, told - covered) if covered < told else 1.0
    assert chance > 0.01 / 5


def test_where_its_guards_refuse_there_is_no_model_and_the_reason_says_why():
    starts, lengths = drawn(200)
    assert isinstance(silences_level(starts, lengths), tails.Level)
    refused = {
        "once in 10 days looks further ahead than 10 times the 24 h that were measured": silences_level(
            starts, lengths, days=10.1
        ),
        "no silence of more than": silences_level(np.empty(0), np.empty(0)),
        "chance of 1 in 31": silences_level(*drawn(30)),
        "in storms": silences_level(*drawn(200, start_s=np.sort(np.random.default_rng(3).uniform(3600, 14400, 200)))),
        "halves differ in length": silences_level(starts, lengths * np.linspace(1.0, 2.5, 200)),
        "too heavy to extrapolate": silences_level(*drawn(200, lengths=0.65 + pareto(0.8, 1.0, 200, 4))),
    }
    for reason, found in refused.items():
        assert isinstance(found, tails.NoLevel), reason
        assert reason in found.reason
    assert isinstance(silences_level(starts, lengths, exposure_s=0.0), tails.NoLevel)
    at_once = silences_level(*drawn(80, start_s=np.linspace(0.0, 300.0, 80)), days=0.2, exposure_s=1800.0)
    assert isinstance(at_once, tails.NoLevel), "all of a run's silences within its first sixth"
    assert "in storms" in at_once.reason


def test_one_silence_that_several_paths_saw_is_one():
    starts, lengths = drawn(200)
    twice = silences_level(np.append(starts, starts + 0.1), np.append(lengths, lengths))
    once = silences_level(starts, lengths)
    assert isinstance(twice, tails.Level)
    assert isinstance(once, tails.Level)
    assert twice.clusters <= once.clusters
    assert twice.high >= lengths.max()


def test_of_a_hundred_thousand_silences_the_longest_tell_the_law():
    random = np.random.default_rng(8)
    starts = np.arange(100_000) * 60.0 + random.uniform(0.0, 30.0, 100_000)
    found = silences_level(starts, 0.65 + random.exponential(1.0, 100_000), days=600.0, exposure_s=6e6)
    assert isinstance(found, tails.Level), found
    assert found.clusters <= 5000
    assert found.high >= 0.65 + math.log(600 * 1440)


@pytest.mark.matrix
def test_the_table_of_tails_in_the_method_is_what_the_simulation_gives():
    text = METHOD.read_text(encoding="utf-8")
    assert TAILS in text
    for row in tail_rows():
        assert row in text, row
