"""Two runs beside each other: nothing is found where nothing is, what is there is found, and what cannot be compared is named."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from nodes import haready
from quiet_runs import halves, quiet
from synthetic import Link, Machine, Pause, Site, plan_data, write

from analyzer.assess import assess
from analyzer.compare import FAMILY, compare
from analyzer.compare_commands import COMMANDS
from analyzer.contract import Figure, Minutes, Scope, Subject
from analyzer.noise import difference, mean, median, p95
from analyzer.proportion import student
from collector.errors import Exit, OperatorError

CHANGED = {"rtt": 1.2, "cpu": 1.2, "rate": 0.8}
LOOKED_FOR = (Figure.RTT_MEDIAN, Figure.CPU_MEAN, Figure.THROUGHPUT)


def false_alarms(seeds):
    return sum(bool(compare(*halves(quiet(seed))).differences) for seed in seeds)


def power(seeds):
    """Share of the true changes that were found, by figure."""
    found, there = Counter(), Counter()
    for seed in seeds:
        result = compare(quiet(seed), quiet(10_000 + seed, **CHANGED))
        found.update(item.figure for item in result.differences)
        there.update(item.figure for item in result.compared)
    return {figure: found[figure] / there[figure] for figure in LOOKED_FOR}


def test_two_halves_of_a_quiet_run_do_not_differ():
    assert false_alarms(range(12)) == 0


def test_a_fifth_more_or_less_is_found():
    assert min(power(range(4)).values()) >= 0.8


@pytest.mark.matrix
def test_of_200_quiet_runs_no_more_halves_differ_than_the_family_error_allows():
    # 1 % of 200 are 2; more than 5 come about once in 60 such series, and these seeds are fixed.
    assert false_alarms(range(200)) <= 5


@pytest.mark.matrix
def test_a_fifth_is_found_nine_times_in_ten():
    assert min(power(range(200)).values()) >= 0.9


def test_students_quantiles_are_those_of_the_tables():
    table = {(0.05, 1): 12.706, (0.01, 4): 4.604, (0.001, 10): 4.587, (0.05, 120): 1.980, (0.0001, 30): 4.482}
    for (tail, degrees), expected in table.items():
        assert student(tail, degrees) == pytest.approx(expected, abs=6e-4)
    for wrong in ((0.0, 3.0), (1.0, 3.0), (0.05, 0.0)):
        with pytest.raises(ValueError, match="no quantile"):
            student(*wrong)


def white(seed, count=60, level=1.0, spread=0.1):
    return np.random.default_rng(seed).normal(level, spread, count)


@pytest.mark.parametrize("statistic", [mean, median, p95])
def test_the_interval_holds_the_true_difference_as_often_as_it_says(statistic):
    held = sum(
        (found := difference(white(seed), white(seed + 5000, level=1.05), statistic, 0.05, "x")).low <= 0.05 <= found.high
        for seed in range(200)
    )  # fmt: skip
    assert held >= 184, "95 % of 200 are 190; fewer than 184 come about once in 2000 series"


def test_minutes_that_remember_each_other_count_for_less():
    steps = np.random.default_rng(3).normal(0.0, 0.1, 60)
    slow = np.convolve(steps, np.ones(8) / np.sqrt(8), mode="same")
    wide, narrow = (difference(series, series, mean, 0.01, "x") for series in (slow, slow[np.argsort(steps)]))
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_same_data_give_the_same_answer_and_more_certainty_a_wider_interval():
    one, other = white(1), white(2)
    assert difference(one, other, mean, 0.01, "x") == difference(one, other, mean, 0.01, "x")
    sure, surer = (difference(one, other, mean, tail, "x") for tail in (0.01, 0.0001))
    assert surer.low < sure.low < sure.high < surer.high


def test_series_that_never_move_differ_by_what_they_differ():
    found = difference(np.zeros(30), np.ones(30), mean, 0.01, "x")
    assert (found.low, found.high, found.change) == (1.0, 1.0, 1.0)


def steady(run, value, figure=Figure.RTT_MEDIAN):
    return replace(
        run,
        minutes=tuple(
            replace(item, values=(value,) * len(item.values)) if item.figure is figure else item for item in run.minutes
        ),
    )


def test_what_the_clock_of_the_probes_cannot_tell_is_no_difference():
    a, b = quiet(1), quiet(2)
    assert not compare(steady(a, 200e-6), steady(b, 201e-6)).differences
    assert compare(steady(a, 200e-6), steady(b, 203e-6)).differences


def test_a_difference_tells_its_effect_and_an_interval_that_holds_it():
    result = compare(quiet(1), quiet(2, rtt=1.5))
    for item in result.differences:
        assert item.low <= item.change <= item.high
        assert item.low > 0.0
    slower = [item for item in result.differences if item.figure is Figure.RTT_MEDIAN]
    assert len(slower) == len([item for item in result.compared if item.figure is Figure.RTT_MEDIAN])
    assert all(item.change / item.a == pytest.approx(0.5, abs=0.1) for item in slower)


def test_the_chance_of_a_false_alarm_is_shared_by_all_comparisons():
    a, b = quiet(1), quiet(2)
    few = [item.subject for item in a.minutes[:3]][:1]
    alone = [replace(run, minutes=tuple(i for i in run.minutes if i.subject in few), throughputs=()) for run in (a, b)]
    every, one = compare(a, b), compare(*alone)
    assert (every.family_error, len(one.compared)) == (FAMILY, 3)
    wide = {(item.figure, item.subject): item.high - item.low for item in every.compared}
    for item in one.compared:
        assert item.high - item.low < wide[item.figure, item.subject] or item.high == item.low


def test_what_only_one_run_has_is_named_with_the_reason():
    a, b = quiet(1), quiet(2)
    b = replace(
        b,
        minutes=tuple(item for item in b.minutes if item.figure is not Figure.DISK),
        throughputs=tuple(replace(item, tests=item.tests[:2]) for item in b.throughputs),
        timings=tuple(replace(item, period_s=1.0) for item in b.timings),
    )
    reasons = {(item.figure, item.reason) for item in compare(a, b).missing}
    assert (Figure.DISK, "only in A") in reasons
    assert (Figure.THROUGHPUT, "too few tests: 4 in A, 2 in B, 3 are needed") in reasons
    assert (Figure.RTT_P99, "its probes came at different intervals") in reasons
    assert (Figure.DISK, "only in B") in {(item.figure, item.reason) for item in compare(b, a).missing}
    short = {(item.figure, item.reason) for item in compare(a, quiet(3, 8)).missing}
    assert (Figure.LOSS, "too few whole minutes: 60 in A, 8 in B, 10 are needed") in short


def test_tests_that_were_held_to_different_rates_are_not_compared():
    a, b = quiet(1), quiet(2)
    b = replace(b, throughputs=tuple(replace(item, limit_bps=10_000_000) for item in b.throughputs))
    reasons = {item.reason for item in compare(a, b).missing}
    assert reasons == {"its tests were held to nothing and to 10 Mbit/s"}


def test_a_node_with_another_name_is_named_and_no_shared_node_is_refused():
    a, b = quiet(1), quiet(2)
    first, *rest = b.nodes
    renamed = replace(b, nodes=(replace(first, name="other"), *rest))
    found = compare(a, renamed)
    assert (found.only_a, found.only_b) == ((first.name,), ("other",))
    strange = replace(b, nodes=tuple(replace(node, name=f"x-{node.name}") for node in b.nodes))
    with pytest.raises(OperatorError, match="share no node and no path"):
        compare(a, strange)


def test_a_run_is_not_compared_with_itself():
    with pytest.raises(OperatorError, match="they are one run"):
        compare(quiet(1), quiet(1))


@pytest.mark.parametrize("values", [(None,) * 60, (0.0,) * 60, (1e308,) * 60, (5e-324,) * 60, (1e308, -1e308) * 30])
def test_absurd_values_end_no_comparison(values):
    odd = replace(quiet(1), minutes=(Minutes(Figure.LOSS, Subject(Scope.PATH, "a>b/ch1"), "ratio", values),))
    other = replace(quiet(2), minutes=odd.minutes)
    json.loads(compare(odd, other).to_json())


LENGTH_S = 1800.0


def site(delay_s, **machine):
    rng = np.random.default_rng(5)

    def delay(slot):
        return delay_s * (1.0 + rng.exponential(0.1, len(slot)))

    sound = {"host": True, "disk": True, "busy": lambda t: 0.2 + 0.02 * np.sin(t), **machine}
    return Site(
        length_s=LENGTH_S,
        plan=plan_data(),
        machines={name: Machine(**sound) for name in "ab"},
        links={name: Link(forward_s=delay, back_s=delay) for name in ("a>b/ch1", "b>a/ch1")},
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two folders of archives of one site, whose network takes twice as long in the second."""
    folder = tmp_path_factory.mktemp("runs")
    write(site(0.0002, stalls=[(100.0, 0.05)]), folder / "before")
    write(site(0.0004), folder / "after")
    return folder


def test_archives_hold_what_is_compared(runs):
    before = assess(sorted((runs / "before").glob("*.zip")))
    told = {(item.figure, item.subject.name): item.values for item in before.minutes}
    assert len(told[Figure.RTT_MEDIAN, "a>b/ch1"]) == LENGTH_S // 60
    assert np.median([value for value in told[Figure.RTT_MEDIAN, "a>b/ch1"] if value]) == pytest.approx(5.5e-4, rel=0.1)
    assert set(told[Figure.LOSS, "a>b/ch1"]) <= {0.0, None}
    assert told[Figure.CPU_MEAN, "a"][5] == pytest.approx(0.2, abs=0.01)
    assert told[Figure.STALLED, "a"][1] == pytest.approx(0.05 / 60, rel=1e-4)
    assert told[Figure.STALLED, "a"][7] == 0.0


def test_folders_of_archives_are_compared_in_a_table(runs, capsys):
    assert COMMANDS["compare"]([str(runs / "before"), str(runs / "after")]) == Exit.DONE
    told = capsys.readouterr().out
    assert "SYNTHETIC, no measurement of a site" in told
    assert "differ by more than noise (99 % sure of all of them together)" in told
    line = next(line for line in told.splitlines() if "a>b/ch1" in line and "round trip, median" in line)
    assert "+7" in line or "+8" in line
    assert "No difference beyond noise in" in told
    assert "CPU busy, mean (2)" in told


def test_an_assessment_stands_for_its_archives_and_json_holds_everything(runs, tmp_path):
    paths = {}
    for side in ("before", "after"):
        paths[side] = tmp_path / f"{side}.json"
        paths[side].write_text(assess(sorted((runs / side).glob("*.zip"))).to_json(), encoding="utf-8")
    done = haready("compare", str(paths["before"]), str(runs / "after"), "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["schema"] == 1
    assert data["family_error"] == FAMILY
    assert {item["figure"] for item in data["compared"] if item["different"]} >= {"round trip, median"}
    assert all(item["low"] <= item["b"] - item["a"] <= item["high"] for item in data["compared"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.json", "cannot read"),
        (lambda folder: folder, "there is no archive in"),
        (lambda folder: _written(folder, b"{}"), "not an assessment"),
        (lambda folder: _written(folder, b"\xff\xfe\x00"), "is no assessment"),
        (lambda folder: _written(folder, b"PK\x03\x04 and no more"), ""),
    ],
)
def test_what_is_no_run_is_two_lines(make, words, runs, tmp_path):
    done = haready("compare", str(make(tmp_path)), str(runs / "after"))
    assert done.returncode in (2, 5)
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 2


def _written(folder, data):
    path = folder / "x.json"
    path.write_bytes(data)
    return path


def test_pauses_of_a_machine_are_found(tmp_path):
    every = [Pause(float(at), 0.4) for at in range(30, 1790, 20)]
    write(site(0.0002), tmp_path / "calm")
    write(site(0.0002, pauses=every), tmp_path / "stalling")
    found = compare(*(assess(sorted((tmp_path / side).glob("*.zip"))) for side in ("calm", "stalling")))
    stalled = [item for item in found.differences if item.figure is Figure.STALLED]
    assert {item.subject.name for item in stalled} == {"a", "b"}
    assert all(item.b == pytest.approx(0.02, rel=0.1) for item in stalled)
