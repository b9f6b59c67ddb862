"""The arithmetic of the ADDP recommendation, and what it refuses to recommend."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import plan_data

from analyzer.contract import Basis, Outage, Quantiles, Scope, Subject, Timing
from analyzer.extension import StackContext
from analyzer.scenarios import resolve
from analyzer.stacks import genesys_addp
from analyzer.stacks.genesys_addp import STACK, _recheck
from collector.errors import OperatorError
from collector.plan import parse

NO_SCENARIOS = {"off": ["live-migration", "rstp"]}


def make_plan(*, wan=False, override=None, scenario=NO_SCENARIOS, networks=("ch1",)):
    data = plan_data(networks=networks, sites={"b": "dr"} if wan else {}, scenario=scenario)
    if override:
        data["stack"][0]["override"] = override
    return parse(data, "plan.toml")


def timing(path="a>b/ch1", *, rtt_s=0.001, p999_s=None, outage_s=0.0, stall_s=0.0, hours=24.0):
    ends, _, network = path.partition("/")
    source, _, target = ends.partition(">")
    tail = rtt_s if p999_s is None else p999_s
    nothing = Quantiles(0)
    outages = (Outage(1.0, outage_s, 2),) if outage_s else ()
    return Timing(
        path, source, target, network, False, 0.2, hours, 1000, 1000, 0, 0, 0, 0, 0,
        Quantiles(1000, rtt_s, rtt_s, rtt_s, tail, tail), nothing, nothing,
        0.0, 0.0, 0.01, outages, outage_s, stall_s, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def context(plan, *timings, automatic=True):
    paths = tuple(path for path in plan.paths() if path.network in plan.stacks[0].networks)
    return StackContext(
        plan,
        plan.stacks[0],
        Subject(Scope.PAIR, "a+b"),
        ("a", "b"),
        automatic,
        paths,
        timings,
        resolve(plan, {name: {"virtual": False} for name in "ab"}),
    )


def both(plan, automatic=True, **figures):
    """The pair with equal figures in both directions."""
    return context(plan, timing("a>b/ch1", **figures), timing("b>a/ch1", **figures), automatic=automatic)


def advise(asked):
    (advice,) = STACK.recommend(asked)
    return advice


def values(advice):
    return {setting.option: setting.value for setting in advice.settings}


def test_a_quiet_lan_gets_the_floor():
    advice = advise(both(make_plan()))
    assert values(advice) == {
        "protocol": "addp",
        "addp-timeout": 10,
        "addp-remote-timeout": 10,
        "addp-trace": "full",
        "sync-reconnect-tout": 21,
    }
    assert advice.basis is Basis.MEASURED
    assert advice.detection_s == (10.0, 20.0)
    assert [item.name for item in advice.constraints if item.binding] == ["floor"]


def test_two_sites_get_the_floor_of_a_wan():
    assert values(advise(both(make_plan(wan=True))))["addp-timeout"] == 20


@pytest.mark.parametrize(
    ("p999_s", "timeout", "reconnect"), [(5.0, 10, 25), (5.01, 11, 28), (6.0, 12, 30), (6.0000001, 13, 33)]
)
def test_the_timeout_is_twice_the_worst_latency_rounded_up(p999_s, timeout, reconnect):
    plan = make_plan()
    found = values(advise(context(plan, timing("a>b/ch1"), timing("b>a/ch1", p999_s=p999_s))))
    assert (found["addp-timeout"], found["sync-reconnect-tout"]) == (timeout, reconnect)


@pytest.mark.parametrize(("stall_s", "timeout"), [(8.0, 10), (8.001, 11), (12.0, 15), (12.9, 17)])
def test_a_measured_pause_is_survived_with_a_quarter_to_spare(stall_s, timeout):
    plan = make_plan()
    found = advise(context(plan, timing("a>b/ch1", stall_s=stall_s), timing("b>a/ch1")))
    assert values(found)["addp-timeout"] == timeout


# TCP retransmits 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 s after the first lost segment.
@pytest.mark.parametrize(("outage_s", "timeout"), [(6.2, 10), (6.3, 16), (12.6, 16), (12.7, 32)])
def test_an_outage_counts_with_the_silence_of_tcp_after_it(outage_s, timeout):
    advice = advise(context(make_plan(), timing("a>b/ch1", outage_s=outage_s), timing("b>a/ch1")))
    assert values(advice)["addp-timeout"] == timeout
    assert "outage" in {item.name for item in advice.constraints}


def test_the_worst_of_the_bound_networks_counts():
    plan = make_plan(networks=("ch1", "ch2"))
    names = ("a>b/ch1", "b>a/ch1", "a>b/ch2", "b>a/ch2")
    timings = [timing(name, stall_s=20.0 if name == "b>a/ch2" else 0.0) for name in names]
    advice = advise(context(plan, *timings))
    assert values(advice)["addp-timeout"] == 25
    assert "the longest pause of b or a" in advice.settings[1].because


def test_active_scenarios_are_survived_and_named():
    advice = advise(both(make_plan(scenario={"on": ["stp"]})))
    # Over 50 s TCP is silent for 0.201 x 255 s.
    assert values(advice)["addp-timeout"] == 65
    binding = next(item for item in advice.constraints if item.binding)
    assert binding.name == "scenario stp"
    assert binding.value_s == pytest.approx(1.25 * 0.201 * 255)


def test_above_thirty_seconds_the_advice_is_to_mend_the_cause():
    thirty = advise(both(make_plan(), stall_s=24.0))
    more = advise(both(make_plan(), stall_s=24.01))
    assert values(thirty)["addp-timeout"] == 30
    assert values(more)["addp-timeout"] == 31
    assert not any("Mend the cause" in note for note in thirty.notes)
    assert any("Mend the cause" in note for note in more.notes)


def test_beyond_the_options_range_there_are_no_settings_and_no_clamping():
    most = advise(both(make_plan(), stall_s=2880.0))
    beyond = advise(both(make_plan(), stall_s=2880.1))
    assert values(most)["addp-timeout"] == 3600
    assert beyond.settings == ()
    assert beyond.snippets == ()
    assert beyond.detection_s is None
    assert "3601" in beyond.notes[0]
    assert any(item.binding for item in beyond.constraints)


def test_the_plan_lowers_the_floor_and_nothing_else():
    plan = make_plan(override={"floor_s": 6, "reason": "J. Doe: LAN only"})
    low = advise(both(plan))
    assert (values(low)["addp-timeout"], low.basis) == (6, Basis.OVERRIDE)
    assert any("J. Doe" in note for note in low.notes)
    assert values(advise(both(plan, stall_s=6.0)))["addp-timeout"] == 8


def test_the_plans_floor_needs_fifteen_minutes_of_measurement():
    plan = make_plan(override={"floor_s": 6, "reason": "J. Doe"})
    advice = advise(both(plan, hours=0.23))
    assert (values(advice)["addp-timeout"], advice.basis) == (10, Basis.FLOOR)
    assert any("not applied" in note for note in advice.notes)


def test_a_short_run_gets_the_vendors_floor_and_says_why():
    advice = advise(context(make_plan(), timing("a>b/ch1", hours=24.0), timing("b>a/ch1", hours=14.2 / 60)))
    assert advice.basis is Basis.FLOOR
    assert "vendor floor: only 14 min were measured, 15 min at least are needed" in advice.settings[1].because
    assert values(advice)["addp-timeout"] == 10
    assert advise(both(make_plan(), hours=0.2376)).basis is Basis.MEASURED


def test_a_short_run_does_not_forget_what_it_saw():
    assert values(advise(both(make_plan(), hours=0.1, stall_s=20.0)))["addp-timeout"] == 25


def test_a_direction_that_was_not_measured_makes_the_run_short():
    advice = advise(context(make_plan(), timing("a>b/ch1")))
    assert advice.basis is Basis.FLOOR
    assert any("b>a/ch1" in note for note in advice.notes)


def test_a_pair_without_any_measurement_gets_floor_and_scenarios():
    assert advise(context(make_plan())).basis is Basis.FLOOR
    advice = advise(context(make_plan(scenario={"on": ["stp"]})))
    assert advice.basis is Basis.PROVISIONAL, "the floor did not decide"
    assert values(advice)["addp-timeout"] == 64
    assert "Nothing was measured" in advice.notes[0]


def test_the_basis_names_what_decided():
    plan = make_plan(override={"floor_s": 6, "reason": "J. Doe"})
    decided = advise(both(plan, stall_s=30.0))
    assert (values(decided)["addp-timeout"], decided.basis) == (38, Basis.MEASURED)
    assert "floor 6 s instead of 10 s" in decided.override
    short = advise(both(plan, hours=0.1, stall_s=30.0))
    assert (values(short)["addp-timeout"], short.basis, short.override) == (38, Basis.PROVISIONAL, "")


def test_a_floor_above_the_vendors_is_no_relaxation():
    advice = advise(both(make_plan(override={"floor_s": 30, "reason": "cautious"})))
    assert (values(advice)["addp-timeout"], advice.override) == (30, "")


def test_the_retransmission_timer_follows_the_round_trip():
    """Linux adds 0.2 s to the round trip: with 60 ms an outage of 24.9 s is silent for longer than with 0.2 s flat."""
    advice = advise(both(make_plan(), rtt_s=0.06, outage_s=24.9))
    assert values(advice)["addp-timeout"] >= 41


def test_a_pair_that_is_not_the_plans_pair_gets_no_timeout():
    advice = advise(both(make_plan(), automatic=False))
    assert advice.settings == ()
    assert "one backup" in advice.notes[0]
    assert "Raise an alarm when nothing was heard on ch1" in advice.notes[1]


def test_a_pair_that_a_person_switches_is_synchronised_too():
    asked = both(make_plan(), automatic=False)
    asked = replace(asked, binding=replace(asked.binding, auto_failover=()))
    advice = advise(asked)
    assert values(advice)["addp-timeout"] == 10
    assert any("A person switches over here: make sure that SCS is not set to switch" in note for note in advice.notes)
    # Nothing beside it says that something else decides switchovers.
    assert not any("Whether a switchover happens" in note for note in advice.notes)
    assert advice.cautions == ()


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((), "It is sized where the plan names the product genesys-host"),
        (("genesys-addp", "genesys-host"), "It is sized below."),
        (("genesys-host", "genesys-addp"), "It is sized above."),
    ],
)
def test_the_host_object_is_pointed_at_where_it_is_sized(others, told):
    asked = both(make_plan())
    stacks = tuple(replace(asked.binding, name=name) for name in others) or asked.plan.stacks
    advice = advise(replace(asked, plan=replace(asked.plan, stacks=stacks)))
    (note,) = [note for note in advice.notes if "Whether a switchover happens" in note]
    assert told in note
    assert bool(advice.cautions) is not bool(others)


def test_what_came_late_is_outlasted_as_long_as_it_took_and_what_was_lost_as_long_as_tcp_waits():
    plan = make_plan()
    held = timing(outage_s=0.0)
    held = replace(held, outages=(Outage(1.0, 25.0, 125, 125),), longest_outage_s=25.0)
    advice = advise(context(plan, held, timing("b>a/ch1")))
    assert values(advice)["addp-timeout"] == 32
    assert "everything came at once" in next(item.text for item in advice.constraints if item.binding)
    lost = replace(held, outages=(Outage(1.0, 26.0, 125, 124),))
    # One slot was really lost: 0.201 x 255 s.
    assert values(advise(context(plan, lost, timing("b>a/ch1"))))["addp-timeout"] == 65


def test_silence_and_delay_under_load_are_outlasted():
    plan = make_plan()
    silent = replace(timing(), loaded_outage_s=12.0)
    assert values(advise(context(plan, silent, timing("b>a/ch1"))))["addp-timeout"] == 16
    slow = replace(timing(), loaded=Quantiles(1000, 0.001, 0.001, 0.001, 7.0, 7.0))
    advice = advise(context(plan, slow, timing("b>a/ch1")))
    assert (values(advice)["addp-timeout"], values(advice)["sync-reconnect-tout"]) == (14, 35)


def test_what_comes_from_memory_is_marked():
    verified = {setting.option: setting.verified for setting in advise(both(make_plan())).settings}
    assert [name for name, known in verified.items() if not known] == ["sync-reconnect-tout"]


def test_the_snippet_is_that_of_both_nodes_with_its_reasons():
    advice = advise(both(make_plan()))
    assert [snippet.node for snippet in advice.snippets] == ["a", "b"]
    one, other = (snippet.text for snippet in advice.snippets)
    assert one == other
    lines = one.splitlines()
    assert lines[0] == "[backup-sync]"
    assert [line for line in lines[1:] if not line.startswith("# ")] == [
        "protocol = addp",
        "addp-timeout = 10",
        "addp-remote-timeout = 10",
        "addp-trace = full",
        "sync-reconnect-tout = 21",
    ]
    assert "Configuration Manager" in advice.snippets[0].title


def test_a_round_trip_that_was_not_measured_is_not_called_zero():
    because = {setting.option: setting.because for setting in advise(context(make_plan())).settings}
    assert because["sync-reconnect-tout"] == "2 x 10 s + the round trip (RTT not measured), rounded up to whole seconds"
    silent = replace(timing(), answered=0, rtt=Quantiles(0))
    advice = advise(context(make_plan(), silent, replace(silent, path="b>a/ch1")))
    assert next(item.text for item in advice.constraints if item.name == "latency") == "RTT not measured"


@pytest.mark.parametrize(
    ("samples", "told"), [(1000, "the 99.9 % round trip"), (999, "the slowest of 999 round trips")]
)
def test_below_a_thousand_answers_the_slowest_is_not_called_a_quantile(samples, told):
    few = [replace(timing(path), rtt=replace(timing().rtt, samples=samples)) for path in ("a>b/ch1", "b>a/ch1")]
    advice = advise(context(make_plan(), *few))
    assert next(item.text for item in advice.constraints if item.name == "latency") == f"2 x 1 ms, {told} of a>b/ch1"
    assert f"(1 ms, {told})" in advice.settings[-1].because


def test_what_decides_switchovers_and_is_not_sized_is_told_beside_the_values():
    (caution,) = advise(both(make_plan())).cautions
    assert caution[0] == "Host object [addp], SCS to host"
    assert "NOT SIZED" in caution[1]


def test_values_that_break_the_vendors_rule_are_a_bug():
    _recheck(10, 25, 5.0)
    with pytest.raises(AssertionError):
        _recheck(10, 25, 5.1)
    with pytest.raises(AssertionError):
        _recheck(10, 24, 5.0)


def test_scenarios_follow_the_plan_and_the_machines():
    plan = make_plan(scenario={})
    physical = {name: {"virtual": False} for name in "ab"}
    states = {scenario.name: scenario.on for scenario in resolve(plan, physical)}
    assert states == {"live-migration": False, "rstp": True, "stp": False}
    for inventory in (
        {},
        {"a": {"virtual": False}},
        {**physical, "b": {"virtual": None}},
        {**physical, "b": {"virtual": True}},
    ):
        assert next(scenario for scenario in resolve(plan, inventory) if scenario.name == "live-migration").on
    switched = resolve(make_plan(scenario={"off": ["rstp"], "on": ["stp", "live-migration"]}), physical)
    assert {scenario.name: scenario.on for scenario in switched} == {"live-migration": True, "rstp": False, "stp": True}


@pytest.mark.parametrize("scenario", [{"off": ["earthquake"]}, {"on": ["earthquake"]}, {"on": ["stp"], "off": ["stp"]}])
def test_a_scenario_that_does_not_exist_or_is_both_on_and_off_is_refused(scenario):
    with pytest.raises(OperatorError) as caught:
        resolve(make_plan(scenario=scenario), {})
    assert "rstp" in str(caught.value) or "in off as well" in str(caught.value)


figures = st.fixed_dictionaries(
    {
        "rtt_s": st.floats(0.0, 5.0),
        "outage_s": st.floats(0.0, 200.0),
        "stall_s": st.floats(0.0, 200.0),
    }
)


@settings(max_examples=300)
@given(figures, figures, st.floats(0.0, 3.0), st.sampled_from([0.1, 24.0]), st.booleans())
def test_more_delay_loss_or_stall_never_shortens_the_timeout(one, more, tail_s, hours, lowered):
    plan = make_plan(override={"floor_s": 3, "reason": "x"} if lowered else None)
    worse = {name: max(one[name], more[name]) for name in one}
    calm = advise(both(plan, hours=hours, p999_s=one["rtt_s"] + tail_s, **one))
    rough = advise(both(plan, hours=hours, p999_s=worse["rtt_s"] + tail_s, **worse))
    low, high = values(calm), values(rough)
    assert high["addp-timeout"] >= low["addp-timeout"]
    assert high["sync-reconnect-tout"] >= low["sync-reconnect-tout"]
    assert low["addp-timeout"] >= 2 * (one["rtt_s"] + tail_s) - 1e-6
    assert low["sync-reconnect-tout"] >= 2 * low["addp-timeout"] + one["rtt_s"] + tail_s - 1e-6
    assert max(one["outage_s"], one["stall_s"]) * 1.25 <= low["addp-timeout"] + 1e-6


@given(st.floats(0.0, 5.0), st.booleans())
def test_less_exposure_never_shortens_the_timeout(stall_s, lowered):
    plan = make_plan(override={"floor_s": 3, "reason": "x"} if lowered else None)
    long, short = (advise(both(plan, stall_s=stall_s, hours=hours)) for hours in (24.0, 0.1))
    assert values(short)["addp-timeout"] >= values(long)["addp-timeout"]


def test_a_path_where_nothing_was_answered_breaks_nothing():
    silent = replace(timing("a>b/ch1", outage_s=100.0), rtt=Quantiles(0))
    advice = advise(context(make_plan(), silent, replace(silent, path="b>a/ch1")))
    assert values(advice)["addp-timeout"] == math.ceil(1.25 * 102.2)


def test_every_option_that_is_set_is_declared_and_within_its_range():
    advice = advise(both(make_plan()))
    options = {option.name: option for option in genesys_addp.OPTIONS}
    for setting in advice.settings:
        option = options[setting.option]
        assert (setting.source, setting.verified, setting.unit) == (option.source, option.verified, option.unit)
        if option.integer:
            assert isinstance(setting.value, int)
