"""Rules at their limits, and an engine that gives every subject a word."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import plan_data

from analyzer import rules, stacks
from analyzer.contract import (
    Area,
    BandwidthTest,
    Effort,
    Evidence,
    Limit,
    Load,
    NodeStalls,
    NodeSummary,
    ObserverTiming,
    Obstacle,
    Outage,
    ProbeOutcome,
    Quantiles,
    Scope,
    Sense,
    Status,
    Subject,
    Throughput,
    Timing,
    UnderLoad,
    Verdict,
)
from analyzer.engine import customs, judge, recommend
from analyzer.extension import (
    ARCHIVE,
    FACTS,
    MEETING,
    OBSERVERS,
    STALLS,
    THROUGHPUT,
    TIMING,
    Context,
    Custom,
    Judgement,
    Rule,
    Tolerance,
    exposure_s,
    watched,
)
from analyzer.host import LONGER
from analyzer.material import Material
from analyzer.proportion import clopper_pearson
from analyzer.rates import increments
from analyzer.rules import (
    bandwidth,
    cpu_busy,
    delay,
    jitter,
    loss,
    met,
    node_coverage,
    observers,
    outages,
    path_coverage,
    stalls,
    under_load,
)
from analyzer.score import score
from collector.plan import parse
from collector.plugins import discover

PLAN = parse(plan_data(), "plan.toml")


def timing(lost=0, judged=10_000, **changes):
    low, high = clopper_pearson(lost, judged) if judged else (None, None)
    nothing = Quantiles(0)
    found = Timing(
        "a>b/ch1", "a", "b", "ch1", False, 0.2, 24.0, judged, judged - lost, lost, 0, 0, 0, 0,
        nothing, nothing, nothing, lost / judged if judged else None, low, high, (), 0.0, 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip
    return replace(found, **changes)


VOICE = {Custom.VOICE: ("genesys-addp",)}


def about_path(rule, timing, plan=PLAN, duration_s=86400.0, tolerance=None, customs=None):
    subject = Subject(Scope.PATH, "a>b/ch1")
    context = Context(subject, plan, "a", duration_s, {TIMING: timing}, rule.limits, tolerance, customs or {})
    return list(rule.check(context))


def cpu_table(busy, minutes=20):
    """`busy` per minute (or one for all), one row a second."""
    share = np.repeat(np.broadcast_to(busy, minutes), 60)
    busy_cs = np.concatenate([[0], np.cumsum(np.round(share * 100))])
    t_s = np.arange(len(busy_cs), dtype=float)
    frame = pd.DataFrame({"cpu": "all", "t_us": t_s * 1e6, "t_s": t_s - 0.5, "user_cs": busy_cs})
    frame["idle_cs"] = t_s * 100 - busy_cs
    frame["steal_cs"] = np.nan
    return frame


def about_cpu(frame):
    context = Context(Subject(Scope.NODE, "a"), PLAN, "a", 1200.0, {"cpu": frame}, cpu_busy.RULE.limits)
    (word,) = cpu_busy.RULE.check(context)
    return word


@pytest.mark.parametrize(
    ("busy", "status"),
    [(0.49, Status.PASS), (0.5, Status.PASS), (0.51, Status.WARN), (0.8, Status.WARN), (0.81, Status.FAIL)],
)
def test_cpu_is_judged_by_its_limits(busy, status):
    word = about_cpu(cpu_table(busy))
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(busy)
    assert bool(word.remedy) is (status is not Status.PASS)


def test_cpu_is_judged_by_its_busy_minutes_not_by_its_mean():
    one_in_ten = [0.9 if minute % 10 == 0 else 0.1 for minute in range(40)]
    assert about_cpu(cpu_table(one_in_ten, 40)).status is Status.FAIL
    one_in_forty = [0.9 if minute == 20 else 0.1 for minute in range(40)]
    assert about_cpu(cpu_table(one_in_forty, 40)).status is Status.PASS


def test_fewer_than_fifteen_minutes_of_cpu_are_no_answer():
    assert about_cpu(cpu_table(0.1, 13)).status is Status.SKIPPED
    assert about_cpu(cpu_table(0.1, 15)).status is Status.PASS


def test_a_reset_of_the_counters_gives_no_value():
    frame = cpu_table(0.3)
    frame.loc[600:, ["user_cs", "idle_cs"]] -= frame.loc[600, ["user_cs", "idle_cs"]]
    steps = increments(frame, ["user_cs", "idle_cs"])
    assert (steps[["user_cs", "idle_cs"]] >= 0).all().all()
    assert len(steps) == len(frame) - 2
    assert about_cpu(frame).status is Status.PASS


def test_a_hole_and_a_null_give_no_increment_and_devices_stay_apart():
    frame = pd.DataFrame(
        {
            "disk": ["x", "y"] * 4,
            "t_s": [0.0, 0, 1, 1, 60, 60, 61, 61],
            "busy_ms": [0, 500, 10, 520, 99, 530, np.nan, 540],
        }
    )
    steps = increments(frame, ["busy_ms"], ["disk"])
    assert sorted(zip(steps["disk"], steps["t_s"], steps["busy_ms"], strict=True)) == [
        ("x", 1.0, 10.0),
        ("y", 1.0, 20.0),
        ("y", 61.0, 10.0),
    ]


# Lower bounds of the exact interval on both sides of the limits; found by search, checked here.
@pytest.mark.parametrize(
    ("lost", "judged", "wan", "status"),
    [
        (0, 100_000, False, Status.PASS),
        (1, 4500, False, Status.PASS),
        (17, 100_000, False, Status.PASS),
        (18, 100_000, False, Status.WARN),
        (18, 100_000, True, Status.PASS),
        (130, 100_000, True, Status.WARN),
        (1062, 100_000, False, Status.WARN),
        (1063, 100_000, False, Status.FAIL),
        (1063, 100_000, True, Status.FAIL),
    ],
)
def test_loss_is_judged_by_the_lower_bound(lost, judged, wan, status):
    (word,) = about_path(loss.RULE, timing(lost, judged, wan=wan))
    low, _ = clopper_pearson(lost, judged)
    assert word.status is status, low
    assert word.evidence[0].value == low


@pytest.mark.parametrize(
    ("lost", "outages", "text"),
    [
        (6, [(0.98, 6)], ", all 6 in one outage of 980 ms;"),
        (8, [(0.98, 6)], ", 6 of them in one outage of 980 ms;"),
        (8, [(0.6, 3), (0.98, 4)], ", 7 of them in 2 outages of up to 980 ms;"),
        (6, [(1.2, 7)], ", all 6 in one outage of 1.2 s;"),
        (12, [(0.98, 6)], ""),
        (6, [], ""),
    ],
)
def test_losses_that_are_outages_are_told_as_such(lost, outages, text):
    out = tuple(Outage(10.0 * number, length_s, slots) for number, (length_s, slots) in enumerate(outages))
    longest_s = max((length_s for length_s, _ in outages), default=0.0)
    found = timing(lost, 178, outages=out, longest_outage_s=longest_s, loss_low=0.02)
    (word,) = about_path(loss.RULE, found)
    assert word.status is Status.FAIL
    assert (text in word.message) if text else ("outage" not in word.message)
    assert ("See the outages" in word.remedy) is bool(text)
    assert ("cabling, duplex" in word.remedy) is not bool(text)


@pytest.mark.parametrize(
    ("wan", "wire", "status"),
    [
        (False, {"p999": 0.002}, Status.PASS),
        (False, {"p999": 0.0021}, Status.WARN),
        (False, {"p999": 0.020}, Status.WARN),
        (False, {"p999": 0.0201}, Status.FAIL),
        (True, {"p50": 0.040, "p999": 0.5}, Status.PASS),
        (True, {"p50": 0.0401}, Status.WARN),
        (True, {"p50": 0.0801}, Status.FAIL),
        (False, {"p50": 0.001, "p999": 0.001}, Status.PASS),
        (False, {"p50": 0.0011, "p999": 0.0011}, Status.WARN),
        (False, {"p50": 0.0051, "p999": 0.0051}, Status.FAIL),
        (False, {"p50": 0.5}, Status.SKIPPED),
    ],
)
def test_delay_is_judged_on_the_wire(wan, wire, status):
    slow = Quantiles(10_000, p50=9.0, p999=9.0)
    (word,) = about_path(delay.RULE, timing(wan=wan, wire=Quantiles(8000, **wire), rtt=slow), customs=VOICE)
    assert word.status is status
    # A few stamped replies do not stand for the rest.
    (word,) = about_path(delay.RULE, timing(wan=wan, wire=Quantiles(7999, **wire), rtt=slow), customs=VOICE)
    assert word.status is Status.SKIPPED
    assert "7999 of 10000" in word.message


@pytest.mark.parametrize(("wan", "rtt_s", "status"), [(False, 0.002, Status.PASS), (False, 0.0021, Status.SKIPPED),
                                                     (True, 0.04, Status.PASS), (True, 9.0, Status.SKIPPED)])  # fmt: skip
def test_without_stamps_the_round_trip_is_an_upper_bound(wan, rtt_s, status):
    rtt = Quantiles(10_000, p50=min(rtt_s, 0.04 if wan else 0.001), p999=rtt_s)
    rtt = replace(rtt, p50=9.0) if rtt_s == 9.0 else rtt
    (word,) = about_path(delay.RULE, timing(wan=wan, rtt=rtt), customs=VOICE)
    assert word.status is status
    (word,) = about_path(delay.RULE, timing(wan=wan))
    assert word.status is Status.SKIPPED


def test_voice_on_one_network_says_nothing_of_another_product_s():
    far = timing(wan=True, wire=Quantiles(10_000, p50=0.3, p999=0.3), rtt=Quantiles(10_000, p50=0.3, p999=0.3))
    stacks = [{"name": "genesys-addp", "networks": ["ch2"]}, {"name": "neverfail", "networks": ["ch1"]}]
    plan = parse(plan_data(networks=("ch1", "ch2"), stack=stacks), "plan.toml")
    assert about_path(delay.RULE, far, plan=plan, customs=VOICE)[0].status is Status.INFO


def test_answers_that_came_late_are_no_losses_in_an_outage():
    late = (Outage(10.0, 25.0, 125, 125),)
    (word,) = about_path(loss.RULE, timing(lost=10, outages=late, longest_outage_s=25.0))
    assert "outage" not in word.message
    mixed = (*late, Outage(90.0, 2.0, 10, 1))
    (word,) = about_path(loss.RULE, timing(lost=10, outages=mixed, longest_outage_s=25.0))
    assert "9 of them in one outage of 2 s" in word.message


def test_between_sites_only_voice_has_a_limit():
    far = timing(wan=True, wire=Quantiles(10_000, p50=0.3, p999=0.3), rtt=Quantiles(10_000, p50=0.3, p999=0.3))
    (word,) = about_path(delay.RULE, far)
    assert word.status is Status.INFO
    assert about_path(delay.RULE, far, customs=VOICE)[0].status is Status.FAIL
    unbound = parse(plan_data(stack=[]), "plan.toml")
    assert about_path(delay.RULE, far, plan=unbound, customs=VOICE)[0].status is Status.INFO
    sip = parse(plan_data(stack=[], network={"ch1": {"kind": "sip"}}), "plan.toml")
    assert about_path(delay.RULE, far, plan=sip)[0].status is Status.FAIL


def test_a_short_run_is_judged_by_all_of_its_stamps():
    few = timing(judged=250, wire=Quantiles(240, p999=0.001), rtt=Quantiles(250, p999=0.5))
    assert about_path(delay.RULE, few)[0].status is Status.PASS


@pytest.mark.parametrize(
    ("wan", "spread_s", "status"),
    [
        (False, 0.00033, Status.PASS),
        (False, 0.00034, Status.WARN),
        (False, 0.0021, Status.FAIL),
        (True, 0.010, Status.PASS),
        (True, 0.0101, Status.WARN),
        (True, 0.030, Status.WARN),
        (True, 0.0301, Status.FAIL),
    ],
)
def test_jitter_is_judged_on_the_wire(wan, spread_s, status):
    figures = Quantiles(10_000, p50=0.0, p99=spread_s, p999=9.0)
    (word,) = about_path(jitter.RULE, timing(wan=wan, wire=figures, wire_deviation_s=spread_s, rtt_deviation_s=9.0))
    assert word.status is status
    assert bool(word.remedy) is (status is not Status.PASS)
    # Without stamps what an application sees passes, or says nothing.
    (word,) = about_path(jitter.RULE, timing(wan=wan, rtt=figures, rtt_deviation_s=spread_s))
    assert word.status is (Status.PASS if status is Status.PASS else Status.SKIPPED)
    (word,) = about_path(jitter.RULE, timing(wan=wan))
    assert word.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("late_s", "status"),
    [(0.999, Status.PASS), (1.0, Status.PASS), (1.001, Status.WARN), (5.0, Status.WARN), (5.001, Status.FAIL)],
)
def test_the_longest_pause_of_the_ordinary_ticker_is_judged(late_s, status):
    frame = pd.DataFrame({"class": ["default", "default", "fifo"], "late_max_us": [200.0, late_s * 1e6, 9e6]})
    bears = Tolerance(10.0, "a product")
    context = Context(
        Subject(Scope.NODE, "a"),
        PLAN,
        "a",
        900.0,
        {"ticker": frame, STALLS: NodeStalls("a", (), (), 0)},
        stalls.RULE.limits,
        bears,
    )
    (word,) = stalls.RULE.check(context)
    assert word.status is status


def test_without_an_ordinary_ticker_pauses_are_unknown():
    frame = pd.DataFrame({"class": ["fifo"], "late_max_us": [100.0]})
    context = Context(
        Subject(Scope.NODE, "a"),
        PLAN,
        "a",
        900.0,
        {"ticker": frame, STALLS: NodeStalls("a", (), (), 0)},
        stalls.RULE.limits,
    )
    assert [word.status for word in stalls.RULE.check(context)] == [Status.SKIPPED]


def test_one_busy_minute_of_a_short_run_is_a_warning_and_three_are_a_failure():
    busy = np.full(16, 0.1)
    busy[5] = 0.9
    assert about_cpu(cpu_table(busy, 16)).status is Status.WARN
    busy[6:8] = 0.9
    assert about_cpu(cpu_table(busy, 16)).status is Status.FAIL


def test_a_collector_that_lost_messages_or_processes_is_told():
    for changes in ({"restarts": 2}, {"dropped": 7}):
        context = Context(
            Subject(Scope.NODE, "a"),
            PLAN,
            "a",
            900.0,
            {ARCHIVE: replace(SUMMARY, **changes)},
            node_coverage.RULE.limits,
        )
        (word,) = node_coverage.RULE.check(context)
        assert word.status is Status.WARN
        assert str(next(iter(changes.values()))) in word.message


def test_the_limit_itself_passes():
    for value, status in ((1e-4, Status.PASS), (1.0001e-4, Status.WARN), (1e-2, Status.WARN), (1.0001e-2, Status.FAIL)):
        (word,) = about_path(loss.RULE, timing(loss=value, loss_low=value, loss_high=value))
        assert word.status is status


@pytest.mark.parametrize(
    ("length_s", "status"),
    [(0.0, Status.PASS), (1.2, Status.PASS), (1.21, Status.WARN), (5.2, Status.WARN), (5.21, Status.FAIL)],
)
def test_the_longest_outage_is_judged_less_the_period_it_is_known_to(length_s, status):
    out = (Outage(10.0, length_s, round(length_s * 5)),) if length_s else ()
    found = timing(longest_outage_s=length_s, outages=out, period_s=0.2)
    (word,) = about_path(outages.RULE, found, tolerance=Tolerance(10.0, "a product"))
    assert word.status is status
    assert bool(word.remedy) == (status is not Status.PASS)
    # Where no product depends on the path alone it can only warn.
    (word,) = about_path(outages.RULE, found)
    assert word.status is min(status, Status.WARN, key=(Status.PASS, Status.WARN, Status.FAIL).index)


@pytest.mark.parametrize(
    ("length_s", "told"),
    [
        (25.4, "one outage of 25.4 s, 25.2 s for certain."),
        (1.1, "one outage of 1.1 s, 900 ms for certain."),
        (0.9, "900 ms."),
    ],
)
def test_beside_an_outage_stands_what_of_it_is_judged_where_that_matters(length_s, told):
    found = timing(longest_outage_s=length_s, outages=(Outage(10.0, length_s, 9),), period_s=0.2)
    (word,) = about_path(outages.RULE, found)
    assert word.message.endswith(told)
    (word,) = about_path(under_load.RULE, timing(loaded=Quantiles(100), loaded_outage_s=length_s))
    assert word.message.endswith(told.removeprefix("one outage of "))


def test_late_answers_are_told_with_the_outage():
    out = (Outage(10.0, 3.0, 15, 14),)
    (word,) = about_path(outages.RULE, timing(longest_outage_s=3.0, outages=out))
    assert "14 of the probes in them were answered, but too late" in word.message


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"loaded_outage_s": 1.2}, Status.PASS),
        ({"loaded_outage_s": 1.21}, Status.WARN),
        ({"loaded_outage_s": 5.2}, Status.WARN),
        ({"loaded_outage_s": 5.21}, Status.FAIL),
        ({"loaded_low": 0.01}, Status.PASS),
        ({"loaded_low": 0.0101}, Status.WARN),
        ({"loaded_low": 0.9}, Status.WARN),
    ],
)
def test_silence_and_loss_under_load_are_judged(changes, status):
    found = timing(loaded=Quantiles(100), loaded_lost=50, **changes)
    (word,) = about_path(under_load.RULE, found, tolerance=Tolerance(10.0, "a product"))
    assert word.status is status
    assert bool(word.remedy) == (status is not Status.PASS)


@pytest.mark.parametrize(("answers", "name"), [(1000, "99.9 %"), (999, "slowest")])
def test_what_fast_probes_found_stands_beside_the_judgement(answers, name):
    fast = UnderLoad(Load.PLANNED, 2, 25.0, answers, 0, Quantiles(answers, 0.001, 0.002, 0.003, 0.004, 0.005), 0.0)
    (word,) = about_path(under_load.RULE, timing(loaded=Quantiles(100), fast=(fast,)))
    assert [(one.what, one.value) for one in word.evidence][2:] == [(f"round trip, {name}, at the planned rate", 0.004)]


@pytest.mark.parametrize(("low", "status"), [(0.01, Status.PASS), (0.011, Status.WARN)])
def test_what_fast_probes_lost_on_the_full_line_is_judged(low, status):
    """The slots of the usual probes are those of tests of either node, so a loss on this line is thinned out among them."""
    rtt = Quantiles(100, 0.001, 0.002, 0.003, 0.004, 0.005)
    fast = (
        UnderLoad(Load.FULL, 2, 25.0, 500, 58, rtt, 0.12, low),
        UnderLoad(Load.UDP, 2, 25.0, 500, 0, rtt, 0.0, None),
    )
    (word,) = about_path(under_load.RULE, timing(loaded=Quantiles(352), loaded_lost=7, loaded_low=0.007, fast=fast))
    assert word.status is status
    assert "of 359 probes under load 7 were lost, of 500 fast ones, line full, 58" in word.message


def test_a_path_without_a_test_is_not_judged_under_load():
    (word,) = about_path(under_load.RULE, timing())
    assert word.status is Status.INFO


def test_outages_without_a_judged_slot_are_unknown():
    (word,) = about_path(outages.RULE, timing(judged=0, unjudged=50))
    assert word.status is Status.SKIPPED


def test_loss_without_a_judged_slot_is_unknown():
    (word,) = about_path(loss.RULE, timing(judged=0, unjudged=50))
    assert word.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("changes", "duration_s", "status"),
    [
        ({"hours": 0.2375}, 900.0, Status.PASS),
        ({"hours": 0.2374}, 900.0, Status.WARN),
        ({"hours": 0.8}, 3600.0, Status.PASS),
        ({"hours": 0.79}, 3600.0, Status.WARN),
        ({"hours": 1.0, "unjudged": 500}, 3600.0, Status.PASS),
        ({"hours": 1.0, "unjudged": 530}, 3600.0, Status.WARN),
        ({"hours": 24.0, "longest_blind_s": 60.0}, 86400.0, Status.PASS),
        ({"hours": 24.0, "longest_blind_s": 60.1}, 86400.0, Status.WARN),
    ],
)
def test_a_path_has_to_be_measured_long_enough_and_most_of_the_run(changes, duration_s, status):
    (word,) = about_path(path_coverage.RULE, timing(**changes), duration_s=duration_s)
    assert word.status is status


def used(*states, origin="synthetic"):
    """A plan whose nodes are in use or not; None: it does not say."""
    data = plan_data()
    data["cluster"] |= {"origin": origin}
    for node, state in zip(data["node"], states, strict=True):
        del node["in_use"]
        node |= {} if state is None else {"in_use": state}
    return parse(data, "plan.toml")


@pytest.mark.parametrize(
    ("plan", "hours"),
    [
        (used(False, False), 0.2375),
        (used(True, False), 22.8),
        (used(False, True), 22.8),
        (used(None, False), 22.8),
        (used(None, None, origin="measured"), 22.8),
        (used(None, None, origin="demonstration"), 0.2375),
        (used(True, None, origin="demonstration"), 22.8),
    ],
)
def test_a_path_between_systems_in_use_needs_a_day_and_what_is_not_known_to_be_new_is_in_use(plan, hours):
    (enough,) = about_path(path_coverage.RULE, timing(hours=hours), plan, hours * 3600)
    (short,) = about_path(path_coverage.RULE, timing(hours=hours - 0.001), plan, hours * 3600)
    assert (enough.status, short.status) == (Status.PASS, Status.WARN)
    assert ("24 h are needed" in short.message) is (hours > 1)


@pytest.mark.parametrize(("state", "least_s"), [(False, 855.0), (True, 82_080.0), (None, 82_080.0)])
def test_the_record_of_a_system_in_use_is_a_day_long(state, least_s):
    plan = used(state, False)
    enough = replace(SUMMARY, duration_s=least_s + 8.0, gaps_s=8.0)
    assert [word.status for word in about_node(enough, plan)] == [Status.PASS]
    whole, short = about_node(replace(enough, gaps_s=9.0), plan)
    assert (whole.status, short.status) == (Status.PASS, Status.WARN)
    assert ("in_use = false" in short.remedy) is (least_s > 1000)


def test_time_under_bandwidth_tests_counts_up_to_a_fifth_of_the_whole():
    idle = timing(judged=4000, hours=4000 * 0.2 / 3600)
    assert exposure_s(idle) == pytest.approx(800.0)
    assert exposure_s(replace(idle, loaded=Quantiles(500), loaded_lost=0)) == pytest.approx(900.0)
    assert exposure_s(replace(idle, loaded=Quantiles(400), loaded_lost=100)) == pytest.approx(900.0)
    assert exposure_s(replace(idle, loaded=Quantiles(90_000))) == pytest.approx(1000.0)
    assert exposure_s(timing(judged=0, hours=0.0, loaded=Quantiles(90_000))) == 0.0


def test_a_short_run_with_its_tests_is_long_enough_and_a_run_of_tests_is_not():
    tested = timing(judged=4000, hours=4000 * 0.2 / 3600, loaded=Quantiles(500))
    (word,) = about_path(path_coverage.RULE, tested, duration_s=900.0)
    assert word.status is Status.PASS
    busy = timing(judged=9000, hours=9000 * 0.2 / 3600, loaded=Quantiles(9000))
    (word,) = about_path(path_coverage.RULE, busy, duration_s=3600.0)
    assert word.status is Status.WARN
    assert "bandwidth tests loaded it for 30 min" in word.message
    assert "every_s" in word.remedy


def test_how_long_a_path_was_observed_is_told_apart_from_what_counts():
    """Neither 45 s at rest nor 45 s in all: the sum that counts was printed as a measured time."""
    short = timing(judged=180, hours=36.0 / 3600, loaded=Quantiles(115))
    assert watched(short) == "36 s at rest and 23 s under bandwidth tests, of which 9 s count"
    (word,) = about_path(path_coverage.RULE, short, duration_s=60.0)
    assert f"it was measured for {watched(short)} only, 15 min are needed" in word.message
    assert "what counts of that is 75 % of the run only" in word.message
    assert watched(timing(judged=4000, hours=4000 * 0.2 / 3600)) == "13 min"
    assert watched(timing(judged=4000, hours=4000 * 0.2 / 3600, loaded=Quantiles(500))) == (
        "13 min at rest and 100 s under bandwidth tests"
    )


def test_a_run_that_was_too_short_is_only_asked_to_be_longer():
    short = timing(judged=180, hours=36.0 / 3600, loaded=Quantiles(115))
    (word,) = about_path(path_coverage.RULE, short, duration_s=60.0)
    assert word.remedy == LONGER, "in the words of the other checks, so that it is said once"


GOOD_TEST = BandwidthTest(60.0, 2.0, 235_000_000, 940e6, 0, 0.2, 0.3)


def carried(*rates, **changes):
    tests = tuple(replace(GOOD_TEST, rate_bps=rate) for rate in rates)
    found = Throughput(
        "a>b/ch1", "a", "b", "ch1", False, None, None, tests,
        min(rates, default=None), float(np.median(rates)) if rates else None, max(rates, default=None), "",
    )  # fmt: skip
    return replace(found, **changes)


def about_throughput(throughput, origin="measured"):
    data = plan_data()
    data["cluster"]["origin"] = origin
    plan = parse(data, "plan.toml")
    context = Context(Subject(Scope.PATH, "a>b/ch1"), plan, "a", 900.0, {THROUGHPUT: throughput}, bandwidth.RULE.limits)
    return list(bandwidth.RULE.check(context))


@pytest.mark.parametrize(
    ("rate", "status"), [(20.1e6, Status.PASS), (19e6, Status.PASS), (18.9e6, Status.WARN), (1e3, Status.WARN)]
)
def test_what_replication_is_planned_to_send_has_to_get_through(rate, status):
    at_load = (replace(GOOD_TEST, rate_bps=rate),)
    word, other = about_throughput(carried(95e6, planned_bps=100_000_000, load_bps=20_000_000, at_load=at_load))
    assert word.status is status
    assert bool(word.remedy) == (status is not Status.PASS)
    assert other.status is Status.PASS
    assert len(about_throughput(carried(95e6, planned_bps=100_000_000, load_bps=20_000_000))) == 1, (
        "not tested, not judged"
    )


def test_goodput_beyond_what_a_test_was_held_to_is_all_of_it():
    (word,) = about_throughput(carried(20.4e6, planned_bps=100_000_000, limit_bps=20_000_000))
    assert "100 % of the 20 Mbit/s that the tests were held to" in word.message
    assert word.evidence[0].value == 1.0


@pytest.mark.parametrize(
    ("rate", "status"),
    [(95.6e6, Status.PASS), (85e6, Status.PASS), (84.9e6, Status.WARN), (50e6, Status.WARN), (49.9e6, Status.FAIL)],
)
def test_goodput_is_held_against_the_planned_rate(rate, status):
    (word,) = about_throughput(carried(rate, planned_bps=100_000_000))
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(rate / 100e6)
    assert "100 Mbit/s planned" in word.message
    assert bool(word.remedy) is (status is not Status.PASS)
    # Tests that were held to the planned rate itself prove as much.
    assert about_throughput(carried(rate, planned_bps=100_000_000, limit_bps=100_000_000))[0].status is status


@pytest.mark.parametrize(("rate", "status"), [(49e6, Status.INFO), (42e6, Status.WARN), (24e6, Status.FAIL)])
@pytest.mark.parametrize("planned", [None, 100_000_000])
def test_tests_that_were_held_back_are_judged_by_their_limit_and_pass_nothing(rate, status, planned):
    (word,) = about_throughput(carried(rate, planned_bps=planned, limit_bps=50_000_000))
    assert word.status is status
    assert "50 Mbit/s that the tests were held to" in word.message
    assert "not tried" in word.message


@pytest.mark.parametrize(
    ("rate", "status"), [(941e6, Status.PASS), (849e6, Status.WARN), (1e6, Status.WARN), (0.9e6, Status.FAIL)]
)
def test_without_a_planned_rate_a_site_has_to_show_a_gigabit_link(rate, status):
    (word,) = about_throughput(carried(rate))
    assert word.status is status


def test_without_a_planned_rate_nothing_is_said_between_sites_or_of_a_demonstration():
    (word,) = about_throughput(carried(941e6, wan=True))
    assert word.status is Status.SKIPPED
    assert "rate_bps" in word.remedy
    (word,) = about_throughput(carried(5e6), "demonstration")
    assert word.status is Status.INFO


def test_tests_that_lie_far_apart_are_a_warning_of_their_own():
    level, spread = about_throughput(carried(90e6, 100e6, 110.1e6, planned_bps=100_000_000))
    assert (level.status, spread.status) == (Status.PASS, Status.WARN)
    assert spread.evidence[0].value == pytest.approx(0.201)
    assert len(about_throughput(carried(90e6, 100e6, 110e6, planned_bps=100_000_000))) == 1


@pytest.mark.parametrize(("cpu", "said"), [(0.9, True), (0.89, False), (None, False)])
def test_a_busy_core_is_named_beside_a_slow_test_only(cpu, said):
    test = replace(GOOD_TEST, target_cpu=cpu)
    (word,) = about_throughput(carried(60e6, planned_bps=100_000_000, tests=(test,)))
    assert ("one core was busy" in word.message) is said
    (word,) = about_throughput(carried(95e6, planned_bps=100_000_000, tests=(test,)))
    assert "core" not in word.message


@pytest.mark.parametrize(
    ("obstacle", "remedy"),
    [
        (Obstacle.TOOL, "Install iperf3 on a and b"),
        (Obstacle.RATE, "Add rate_bps to [network.ch1]"),
        (Obstacle.ARCHIVE, "Assess the archive of a"),
        (Obstacle.OTHER, "the budget lasts"),
    ],
)
def test_without_a_test_the_rate_is_unknown_the_reason_is_told_and_its_kind_says_what_to_do(obstacle, remedy):
    reason = "the iperf3 of the peer said rate_bps"
    (word,) = about_throughput(carried(reason=reason, obstacle=obstacle))
    assert word.status is Status.SKIPPED
    assert reason in word.message
    assert remedy in word.remedy


def observed(kind="gateway", sent=900, answered=900, **changes):
    found = ObserverTiming("gw", kind, "10.0.0.9", "a", sent, answered, Quantiles(answered, p999=0.001), 0.0, "")
    return replace(found, **changes)


def about_observers(*timings, duration_s=900.0, named=True, phase="before"):
    rows = [{"name": "gw", "kind": "gateway", "addr": "10.0.0.9"}] if named else []
    cluster = {"name": "test", "topology": "custom", "origin": "synthetic", "phase": phase}
    plan = parse(plan_data(observer=rows, cluster=cluster), "plan.toml")
    context = Context(Subject(Scope.NODE, "a"), plan, "a", duration_s, {OBSERVERS: timings}, observers.RULE.limits)
    return list(observers.RULE.check(context))


KINDS = ["gateway", "dns", "scs", "witness", "ping", "fencing"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("answered", "status"), [(900, Status.PASS), (891, Status.PASS), (890, Status.WARN)])
def test_an_observer_has_to_answer(kind, answered, status):
    (word,) = about_observers(observed(kind, answered=answered))
    assert word.status is status
    assert "10.0.0.9" in word.message
    assert bool(word.remedy) is (status is not Status.PASS)


def test_what_a_judgement_says_of_its_effort_goes_before_the_rules():
    def check(_context):
        yield Judgement(Status.WARN, "It is so.", remedy="Look for it.", effort=Effort.SEARCH)

    (found,) = judge([replace(rule(check), effort=Effort.RESOURCES)], material())[:1]
    assert found.effort is Effort.SEARCH


@pytest.mark.parametrize(("answered", "name"), [(1000, "round trip, 99.9 %"), (999, "round trip, slowest")])
def test_of_few_answers_the_largest_is_told_as_the_slowest(answered, name):
    (word,) = about_observers(observed(sent=answered, answered=answered))
    assert [item.value for item in word.evidence if item.what == name] == [0.001]


def test_nobody_has_to_answer_for_a_virtual_address_before_a_product_runs():
    silent = observed("virtual", answered=0, longest_outage_s=900.0)
    assert [word.status for word in about_observers(silent)] == [Status.INFO]
    assert [word.status for word in about_observers(silent, observed())] == [Status.PASS]
    assert [word.status for word in about_observers(silent, phase="live")] == [Status.SKIPPED]
    moved = observed("virtual", answered=600, longest_outage_s=300.0)
    assert [word.status for word in about_observers(moved, phase="live")] == [Status.WARN]


@pytest.mark.parametrize("kind", KINDS)
def test_an_observer_that_never_answered_may_be_filtered_and_is_unknown(kind):
    (word,) = about_observers(observed(kind, sent=90_000, answered=0, longest_outage_s=90_000.0), duration_s=90_000.0)
    assert word.status is Status.SKIPPED
    assert "answered none of 90 000 pings of node a: filtered or dead" in word.message
    assert "Confirm" in word.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("silent_s", "status"),
    [(10.0, Status.PASS), (10.1, Status.WARN), (60.0, Status.WARN), (60.1, Status.FAIL)],
)
def test_an_observer_that_answered_and_then_was_silent_for_long_is_judged_by_that(kind, silent_s, status):
    (word,) = about_observers(observed(kind, sent=90_000, answered=89_900, longest_outage_s=silent_s))
    assert word.status is (Status.WARN if kind == "ping" and status is Status.FAIL else status)


def test_an_observer_that_was_asked_for_too_short_a_time_passes_nothing():
    (word,) = about_observers(observed(sent=1, answered=1, watched_s=1.0, run_s=1000.0))
    assert word.status is Status.SKIPPED
    assert "observer gw of node a was recorded for 1 s of 16 min only (0.1 %)" in word.message
    assert word.remedy
    assert about_observers(observed(watched_s=720.0, run_s=900.0))[0].status is Status.PASS
    bad = about_observers(observed(answered=500, watched_s=600.0, run_s=900.0, longest_outage_s=400.0))
    assert [word.status for word in bad] == [Status.FAIL, Status.SKIPPED]


def test_an_observer_called_by_its_kind_is_named_once():
    (word,) = about_observers(replace(observed(), observer="gateway"))
    assert word.message.startswith("The gateway (10.0.0.9) answered")
    (word,) = about_observers(observed())
    assert word.message.startswith("The gateway gw (10.0.0.9) answered")


def test_an_observer_that_was_not_asked_is_unknown_and_none_is_no_concern():
    (word,) = about_observers(observed(sent=0, answered=0, reason="ping is not permitted"))
    assert word.status is Status.SKIPPED
    assert "ping is not permitted" in word.message
    (word,) = about_observers(named=False)
    assert word.status is Status.INFO


SUMMARY = NodeSummary("a", "", "", "a.zip", "", "", "", "", 900.0, 900.0, 0.0, True, (), 0, 0, None, (), ())


def about_node(summary, plan=PLAN):
    context = Context(Subject(Scope.NODE, "a"), plan, "a", 900.0, {ARCHIVE: summary}, node_coverage.RULE.limits)
    return list(node_coverage.RULE.check(context))


@pytest.mark.parametrize(
    ("changes", "statuses", "words"),
    [
        ({}, [Status.PASS], "whole"),
        ({"gaps_s": 10.0}, [Status.PASS], "whole"),
        ({"gaps_s": 10.1}, [Status.WARN], "10 s of the run are missing"),
        ({"damage": ("x", "y")}, [Status.WARN], "damaged (x and 1 more)"),
        ({"sealed": False}, [Status.WARN], "not closed"),
        ({"outcomes": (ProbeOutcome("disk", "error", "boom", 1, 0, 0.1),)}, [Status.WARN], "disk (boom)"),
        ({"outcomes": (ProbeOutcome("cpu", "timeout", "", 1, 0, 0.1),)}, [Status.WARN], "cpu (timeout)"),
        ({"outcomes": (ProbeOutcome("psi", "skipped", "no PSI", 1, 0, 0.1),)}, [Status.PASS, Status.INFO], "whole"),
        ({"outcomes": (ProbeOutcome("psi", "skipped", "gone", 9, 0, 0.1, gave_up=True),)}, [Status.WARN], "psi (gone)"),
        ({"outcomes": (ProbeOutcome("path a>b/x", "error", "refused", 1, 0, 0.1),)}, [Status.PASS], "whole"),
        ({"outcomes": (ProbeOutcome("bandwidth a>b/x", "error", "busy", 1, 0, 0.1),)}, [Status.PASS], "whole"),
        ({"outcomes": (ProbeOutcome("echo a>b/x", "skipped", "connection lost", 1, 0, 0.1),)}, [Status.PASS], "whole"),
        ({"outcomes": (ProbeOutcome("path a>b/x", "skipped", "no answer", 1, 0, 0.1),)}, [Status.PASS], "whole"),
        ({"outcomes": (ProbeOutcome("pmtu a>b/x", "timeout", "", 1, 0, 0.1, gave_up=True),)}, [Status.PASS], "whole"),
        ({"outcomes": (ProbeOutcome("reach a>b/x tcp/1", "error", "", 1, 0, 0.1),)}, [Status.PASS], "whole"),
    ],
)
def test_the_record_of_a_node_is_held_against_its_run(changes, statuses, words):
    found = about_node(replace(SUMMARY, **changes))
    assert [word.status for word in found] == statuses
    assert words in found[0].message


def test_archives_that_never_met_are_pointed_out():
    for known, status in ((True, Status.PASS), (False, Status.WARN)):
        context = Context(Subject(Scope.PAIR, "a+b"), PLAN, "", 900.0, {MEETING: known})
        assert [word.status for word in met.RULE.check(context)] == [status]


def material(**changes):
    node = SimpleNamespace(
        tables={
            "cpu": cpu_table(0.1),
            "disk": pd.DataFrame({"disk": ["x", "y"] * 900, "t_s": np.repeat(np.arange(900.0), 2), "reads": 1}),
        }
    )
    given = {
        "plan": PLAN,
        "nodes": {"a": node},
        "summaries": {"a": replace(SUMMARY, outcomes=(ProbeOutcome("memory", "skipped", "no /proc", 0, 0, 0.0),))},
        "timings": {"a>b/ch1": timing()},
        "throughputs": {},
        "echoes": {},
        "observers": (),
        "facts": {},
        "reasons": {"b>a/ch1": "no answer"},
        "meetings": {},
        "scenarios": (),
        "duration_s": 900.0,
    }
    return Material(**(given | changes))


def rule(check, scope=Scope.NODE, needs=("cpu",)):
    return Rule("test", "Test", Area.HOST, scope, needs, (), check)


def say(status, text=""):
    def check(context):
        yield Judgement(status, text or context.subject.name)

    return check


def test_the_engine_stamps_identity_and_says_what_is_missing():
    found = judge([rule(say(Status.PASS))], material())
    assert [(item.rule, item.area, item.subject.name, item.status) for item in found] == [
        ("test", Area.HOST, "a", Status.PASS),
        ("test", Area.HOST, "b", Status.SKIPPED),
    ]
    assert "no archive of node b" in found[1].message


@pytest.mark.parametrize(
    ("status", "remedy", "effort"),
    [
        (Status.FAIL, "Mend it.", Effort.WINDOW),
        (Status.WARN, "Mend it.", Effort.WINDOW),
        (Status.SKIPPED, "Repeat the run.", Effort.RUN),
        (Status.FAIL, "", None),
    ],
)
def test_a_finding_says_what_its_remedy_takes(status, remedy, effort):
    def check(_context):
        yield Judgement(status, "so", remedy=remedy)

    found = judge([replace(rule(check), effort=Effort.WINDOW)], material())[0]
    assert (found.remedy, found.effort) == (remedy, effort)


def test_a_missing_table_is_skipped_with_the_probes_reason():
    found = judge([rule(say(Status.PASS), needs=("cpu", "memory"))], material())[0]
    assert found.status is Status.SKIPPED
    assert "memory was skipped (no /proc)" in found.message


def test_a_missing_table_is_explained_by_the_probe_that_the_archive_names_for_it():
    told = replace(SUMMARY, outcomes=(ProbeOutcome("twins", "skipped", "no /proc", 0, 0, 0.0),))
    asked = [rule(say(Status.PASS), needs=("second",))]
    (known, _) = judge(asked, material(summaries={"a": told}, probes={"a": {"first": "twins", "second": "twins"}}))
    assert "twins was skipped (no /proc)" in known.message
    (silent, _) = judge(asked, material(summaries={"a": told}))
    assert "twins" not in silent.message


def test_a_path_that_was_never_measured_is_skipped_with_its_reason():
    asked = [rule(say(Status.PASS), Scope.PATH, (TIMING,))]
    found = judge(asked, material())
    assert [item.status for item in found] == [Status.PASS, Status.SKIPPED]
    assert "no archive of node b was given" in found[1].message
    both = dict.fromkeys("ab", SimpleNamespace(tables={}))
    assert judge(asked, material(nodes=both))[1].message == "Not judged: path b>a/ch1 was never measured (no answer)."
    assert "b>a/ch1 was never measured." in judge(asked, material(nodes=both, reasons={}))[1].message


def test_a_device_rule_is_asked_once_per_device_with_its_rows_only():
    def check(context):
        yield Judgement(Status.PASS, str(len(context.table("disk"))))

    found = judge([rule(check, Scope.DEVICE, ("disk",))], material())
    assert [(item.subject.name, item.message) for item in found[:2]] == [("a/x", "900"), ("a/y", "900")]
    assert found[2].status is Status.SKIPPED


def test_a_pair_and_a_cluster_are_subjects():
    pair = judge([rule(say(Status.PASS), Scope.PAIR, (MEETING,))], material())
    assert [(item.subject.name, item.status) for item in pair] == [("a+b", Status.SKIPPED)]
    cluster = judge([rule(say(Status.PASS), Scope.CLUSTER, ())], material())
    assert [(item.subject.name, item.status) for item in cluster] == [("test", Status.PASS)]


def test_observers_throughput_and_facts_are_what_the_subject_has():
    mine, its = observed(), observed(node="b")
    path = carried(1e9)
    given = material(
        observers=(mine, its),
        throughputs={"a>b/ch1": path},
        facts={"a": {"cpus": 4}},
        summaries={"a": SUMMARY, "b": replace(SUMMARY, name="b")},
        nodes={"a": SimpleNamespace(tables={}), "b": SimpleNamespace(tables={})},
    )

    def about(need, read, scope=Scope.NODE):
        seen = {}

        def check(context):
            seen[context.subject.name] = read(context)
            yield Judgement(Status.PASS, "fine")

        found = judge([rule(check, scope, (need,))], given)
        return seen, [item.status for item in found]

    assert about(OBSERVERS, lambda context: context.observers) == ({"a": (mine,), "b": (its,)}, [Status.PASS] * 2)
    # A path that no tests were planned for is no subject at all.
    assert about(THROUGHPUT, lambda context: context.throughput, Scope.PATH) == ({"a>b/ch1": path}, [Status.PASS])
    assert about(FACTS, lambda context: context.facts) == ({"a": {"cpus": 4}}, [Status.PASS, Status.SKIPPED])


@pytest.mark.parametrize(
    ("value", "sound"), [(10, True), (10.0, True), (10.5, False), (-1, False), (3601, False), ("addp", True)]
)
def test_a_value_that_the_product_would_refuse_is_a_fault_and_no_advice(value, sound):
    stack = next(item for item in discover(stacks, "STACK") if item.name == "genesys-addp")

    def advise(context):
        for advice in stack.recommend(context):
            settings = tuple(
                replace(item, value=value) if item.option == "addp-timeout" else item for item in advice.settings
            )
            yield replace(advice, settings=settings)

    advice, findings = recommend([replace(stack, recommend=advise)], material())
    assert (len(advice), [item.status for item in findings]) == ((1, []) if sound else (0, [Status.ERROR]))


def test_a_pair_that_fails_over_by_itself_is_advised_even_where_nothing_is_measured():
    stack = next(item for item in discover(stacks, "STACK") if item.name == "genesys-addp")
    data = plan_data(networks=("ch1", "ch2"))
    data["network"]["ch2"]["probe"] = False
    data["stack"][0]["networks"] = ["ch2"]
    for pairs, advised in (([["a", "b"]], ["a+b"]), ([], [])):
        data["stack"][0]["auto_failover"] = pairs
        advice, _ = recommend([stack], material(plan=parse(data, "plan.toml")))
        assert [item.subject.name for item in advice] == advised


@pytest.mark.parametrize(
    ("nic", "bound", "told"), [("eth1", ["ch1"], True), ("eth0", ["ch1"], False), ("eth1", ["ch2"], False)]
)
def test_settings_from_a_channel_that_was_measured_by_another_way_say_so(nic, bound, told):
    stack = next(item for item in discover(stacks, "STACK") if item.name == "genesys-addp")
    asked = [{"name": "genesys-addp", "networks": bound, "auto_failover": [["a", "b"]]}]
    plan = parse(plan_data(networks=("ch1", "ch2"), stack=asked), "plan.toml")
    held = {"family": "AF_INET", "address": "10.0.0.1", "prefix": 24}
    way = {"target": "b", "network": "ch1", "address": "10.0.0.2", "nic": nic, "source": "10.0.0.1", "via": ""}
    facts = {"a": {"nics": {"eth0": {"up": True, "addresses": [held]}}, "egress": [way]}}

    (advice,), _ = recommend([stack], material(plan=plan, facts=facts))

    text = "Packets from a to b over ch1 leave by eth1"
    assert any(note.startswith(f"{text}: what was measured of ch1 is of that way") for note in advice.notes) is told
    assert any(what == text and "MEASURED BY ANOTHER WAY" in missing for what, missing in advice.cautions) is told


@pytest.mark.parametrize(
    ("name", "systems", "told"),
    [
        (
            "neverfail",
            ("Linux", "Linux"),
            "a, b run Linux; as far as this version knows (unverified) Neverfail Heartbeat runs on Windows only.",
        ),
        ("neverfail", ("Windows", "Linux"), "b runs Linux; "),
        ("neverfail", ("Windows", "Windows"), ""),
        ("neverfail", (None, ["odd"]), ""),
        ("keepalived", ("Windows", "Windows"), "a, b run Windows; "),
        ("corosync", ("Windows", "Linux"), "a runs Windows; "),
        ("genesys-addp", ("Linux", "Windows"), ""),
    ],
)
def test_settings_of_a_product_that_the_nodes_cannot_run_say_so(name, systems, told):
    stack = next(item for item in discover(stacks, "STACK") if item.name == name)
    plan = parse(plan_data(stack=[{"name": name, "networks": ["ch1"], "auto_failover": [["a", "b"]]}]), "plan.toml")
    facts = {node: {"system": system} for node, system in zip("ab", systems, strict=True)}

    (advice,), _ = recommend([stack], material(plan=plan, facts=facts))

    found = [note for note in advice.notes if "as far as this version knows" in note]
    assert len(found) == bool(told)
    assert all(note.startswith(told) for note in found)
    # It comes before all other notes, and page 1 says it beside the values.
    assert advice.notes[: len(found)] == tuple(found)
    # The row of page 1 names the product, so the line has the systems alone.
    stated = [(what, text) for what, text in advice.cautions if "only (unverified)" in what]
    assert len(stated) == bool(told)
    assert all(what.startswith(" and ".join(stack.systems)) and text == told.partition(";")[0] for what, text in stated)


def test_what_a_planned_product_asks_of_its_site_reaches_the_rules_with_its_name():
    stack = next(item for item in discover(stacks, "STACK") if item.name == "genesys-addp")
    named = parse(plan_data(), "plan.toml")
    unnamed = parse(plan_data(stack=[]), "plan.toml")
    products = [
        replace(stack, customs=frozenset({Custom.COMMITS})),
        replace(stack, name="other", customs=frozenset(Custom)),
    ]
    seen = []

    def check(context):
        seen.append(context.customs)
        yield Judgement(Status.PASS, "fine")

    for plan in (named, unnamed):
        judge([rule(check, Scope.CLUSTER, ())], material(plan=plan, customs=customs(products, plan)))
    assert seen == [{Custom.COMMITS: ("genesys-addp",)}, {}]


def test_only_what_was_declared_may_be_asked_for():
    def check(context):
        with pytest.raises(KeyError):
            context.table("disk")
        with pytest.raises(KeyError):
            _ = context.timing
        with pytest.raises(KeyError):
            context.limit("none")
        yield Judgement(Status.PASS, "fine")

    assert judge([rule(check)], material())[0].status is Status.PASS


def test_a_rule_that_raises_becomes_an_error_and_the_others_go_on():
    def check(_):
        yield Judgement(Status.PASS, "first")
        raise ZeroDivisionError("boom")

    found = judge([rule(check), rule(say(Status.PASS, "other"))], material())
    assert [item.status for item in found if item.subject.name == "a"] == [Status.PASS, Status.ERROR, Status.PASS]
    assert "ZeroDivisionError: boom" in found[1].message


def test_a_rule_that_says_nothing_is_an_error():
    found = judge([rule(lambda _: iter(()))], material())
    assert found[0].status is Status.ERROR


def test_a_stack_that_raises_becomes_an_error_and_an_unknown_one_is_named():
    stack = next(item for item in discover(stacks, "STACK") if item.name == "genesys-addp")

    def broken(_):
        raise AssertionError("values break the rule")
        yield

    advice, findings = recommend([replace(stack, recommend=broken)], material())
    assert advice == []
    assert [(item.status, item.subject.name, item.area) for item in findings] == [(Status.ERROR, "a+b", Area.SETTINGS)]
    assert "values break the rule" in findings[0].message
    data = plan_data()
    data["stack"][0]["name"] = "Genesys_ADDP"
    assert [item.stack for item in recommend([stack], material(plan=parse(data, "plan.toml")))[0]] == ["genesys-addp"]
    data["stack"][0]["name"] = "no-such-product"
    _, findings = recommend([stack], material(plan=parse(data, "plan.toml")))
    assert [item.status for item in findings] == [Status.SKIPPED]
    assert "genesys-addp" in findings[0].message


def test_every_rule_has_a_source_for_each_limit_and_a_unique_id():
    found = discover(rules, "RULE")
    assert len({item.id for item in found}) == len(found) > 20
    assert all(limit.source for item in found for limit in item.limits)
    assert not [limit.name for item in found for limit in item.limits if "cpu" in limit.name], "CPU, as everywhere else"


def test_the_gravest_finding_names_the_worst_subject_however_many_checks_that_passed():
    most = Limit("share", "ratio", 1.0, 10.0, Sense.AT_MOST, "a test")
    (first,) = judge([rule(say(Status.PASS))], material())[:1]

    def on(name, status, value):
        evidence = (Evidence("share", value, "ratio", most),)
        return replace(first, status=status, subject=Subject(Scope.NODE, name), evidence=evidence)

    few = [on("few", Status.WARN, 2.0), on("few", Status.PASS, 0.5)]
    many = [on("many", Status.WARN, 4.0), *(on("many", Status.PASS, 0.5) for _ in range(4))]
    (host,) = (area for area in score([*few, *many], Verdict.CONDITIONAL).areas if area.lines)
    assert (host.score, host.worst) == (80, "many"), (
        "the lowest mean scores, and what lies furthest beyond is the worst"
    )
    failed = [on("failed", Status.FAIL, 10.0), *(on("failed", Status.PASS, 0.5) for _ in range(9))]
    (host,) = (area for area in score([*few, *many, *failed], Verdict.UNSUITABLE).areas if area.lines)
    assert (host.score, host.worst) == (50, "failed")


def test_unknown_is_not_scored_information_is_not_counted_and_the_worst_decides():
    def findings(*statuses, name="a", area=Area.HOST):
        (first,) = judge([rule(say(Status.PASS))], material())[:1]
        return [replace(first, status=status, area=area, subject=Subject(Scope.NODE, name)) for status in statuses]

    found = score(
        [
            *findings(Status.PASS, Status.WARN, Status.INFO),
            *findings(Status.PASS, Status.SKIPPED, Status.ERROR, name="b"),
            *findings(Status.PASS, area=Area.NETWORK),
        ],
        Verdict.CONDITIONAL,
    )
    host = next(area for area in found.areas if area.area is Area.HOST)
    assert (host.score, host.worst, len(host.lines)) == (80, "a", 5)
    assert [line.points for line in host.lines if line.subject == "b"] == [100, None, None]
    assert found.overall == 80
    assert next(area for area in found.areas if area.area is Area.SETTINGS).score is None
    mostly = score(findings(*[Status.PASS] * 21, *[Status.SKIPPED] * 22), Verdict.CONDITIONAL)
    (only, *_) = (area for area in mostly.areas if area.lines)
    assert (only.score, only.worst, mostly.overall) == (None, "", 100), "more than half was not judged"
    half = score(findings(*[Status.PASS] * 21, *[Status.ERROR] * 21), Verdict.CONDITIONAL)
    assert next(area for area in half.areas if area.lines).score == 100
    hidden = [*findings(Status.FAIL, Status.SKIPPED, Status.SKIPPED), *findings(Status.PASS, area=Area.NETWORK)]
    assert score(hidden, Verdict.UNSUITABLE).overall == 0, "a failure is not hidden with its area"
    (only, *_) = (area for area in score(findings(Status.SKIPPED), Verdict.CONDITIONAL).areas if area.lines)
    assert only.score is None, "what could not be judged is no score, and no pass"
    assert score(findings(Status.FAIL), Verdict.UNSUITABLE).overall == 0
    assert score([], Verdict.SUITABLE).overall is None
    assert score(findings(Status.PASS), Verdict.INCONCLUSIVE).overall is None
