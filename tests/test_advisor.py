"""What holds for the advice of every stack, and where it comes from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from advice import DAY_S, QUIET, STACKS, advised, both, context_of, outlasted_s, plan_of, quiet_trace, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import Link, Machine, Site, plan_data, write
from traces import PERIOD_S, impaired, slots, thinner, worse

from analyzer import advisor, engine
from analyzer.assess import assess
from analyzer.backing import Backing
from analyzer.contract import Assessment, Basis, Claim, NodeClock, Scope, Status
from analyzer.detectors.incidents import CAVEAT
from analyzer.detectors.trace import cut, paused
from analyzer.joints import joint
from analyzer.material import Material
from analyzer.stacks import corosync, etcd, genesys_addp, genesys_host, keepalived, neverfail
from analyzer.tolerance import tolerances

NAMES = [stack.name for stack in STACKS]
each = pytest.mark.parametrize("stack", STACKS, ids=NAMES)


def outage(start_s, length_s, trace_length_s=DAY_S):
    return lambda name: quiet_trace(name, trace_length_s, lost=slots(start_s, start_s + length_s))


@each
def test_a_quiet_day_gets_the_floor_and_is_unrefuted(stack):
    advice = advised(stack, both(quiet_trace))
    assert advice.settings
    assert advice.risk.claim is Claim.UNREFUTED
    assert advice.risk.incidents == 0
    assert advice.risk.bound_per_year == pytest.approx(1094, abs=1)
    assert "1094" in advice.risk.text
    assert advice.risk.caveat == CAVEAT
    assert "1094 clean days" in advice.risk.better
    deciding = next(item.name for item in advice.constraints if item.binding)
    assert deciding in ("floor", "resolution")
    assert deciding in advice.change
    assert advice.takeover
    assert sum(row.chosen for row in advice.tradeoff) == 1


@each
def test_a_long_outage_is_outlasted_with_its_margin(stack):
    advice = advised(stack, both(outage(5000.0, 6.4)))
    assert outlasted_s(advice) >= 1.25 * 6.4
    binding = next(item for item in advice.constraints if item.name == advisor.REPLAY)
    assert binding.value_s >= 1.25 * 6.4
    chosen = next(row for row in advice.tradeoff if row.chosen)
    assert chosen.incidents == 0
    assert all(row.incidents for row in advice.tradeoff if row.timeout_s < 3)


@each
def test_the_trade_off_never_gets_worse_with_a_longer_timeout(stack):
    advice = advised(stack, both(outage(5000.0, 11.0)))
    counts = [row.incidents for row in advice.tradeoff]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 0
    waits = [row.detection_s for row in advice.tradeoff]
    assert waits == sorted(waits)


@each
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_worse_data_never_gives_a_shorter_timeout(stack, data):
    trace = data.draw(impaired())
    rough = data.draw(worse(trace))
    calm, hard = (advised(stack, {"a>b/ch1": one}) for one in (trace, rough))
    assert outlasted_s(hard) >= outlasted_s(calm) - 1e-9
    counts = [{row.timeout_s: row.incidents for row in advice.tradeoff} for advice in (calm, hard)]
    for timeout_s in counts[0].keys() & counts[1].keys():
        assert counts[1][timeout_s] >= counts[0][timeout_s]


@each
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_less_quiet_time_never_gives_a_shorter_timeout(stack, data):
    trace = data.draw(impaired())
    short = data.draw(thinner(trace))
    assert outlasted_s(advised(stack, {"a>b/ch1": short})) >= outlasted_s(advised(stack, {"a>b/ch1": trace})) - 1e-9


@each
def test_a_larger_target_changes_the_class_and_not_the_value(stack):
    strict, easy = (
        advised(stack, both(quiet_trace), plan_of(stack, target={"false_failovers_per_year": rate}))
        for rate in (1, 2000)
    )
    assert strict.risk.claim is Claim.UNREFUTED
    assert easy.risk.claim is Claim.CERTIFIED
    assert easy.risk.better == ""
    assert values(strict) == values(easy)


def often(seed=6, count=200, shape=None):
    """A day with so many silences, both ways at once: exponential lengths, or heavier ones."""
    random = np.random.default_rng(seed)
    starts = np.sort(random.uniform(0, DAY_S - 60, count))
    lengths = 0.8 + (random.exponential(0.5, count) if shape is None else 0.5 * random.pareto(1.0 / shape, count))
    lost = sorted({slot for at, long in zip(starts, lengths, strict=True) for slot in slots(at, at + min(long, 40.0))})
    return both(lambda name: quiet_trace(name, lost=lost))


WEEKLY = {"false_failovers_per_year": 53}
LONG = [corosync.STACK, genesys_addp.STACK, keepalived.STACK, neverfail.STACK]
"""Products with a value that outlasts a minute."""


@pytest.mark.parametrize("stack", LONG, ids=[stack.name for stack in LONG])
def test_many_silences_of_one_law_back_a_setting_that_outlasts_what_the_law_says(stack):
    plan = plan_of(stack, target=WEEKLY, scenario={"on": ["stp"]})
    advice = advised(stack, often(), plan)
    assert advice.risk.claim is Claim.MODEL_BACKED
    assert "A model of the tails backs it" in advice.risk.model
    assert advice.risk.model.endswith("That holds if silences go on as in this run.")


@each
def test_a_quiet_day_has_no_model_and_says_why(stack):
    assert "further ahead than 10 times" in advised(stack, both(quiet_trace)).risk.model
    weekly = advised(stack, both(quiet_trace), plan_of(stack, target=WEEKLY))
    assert weekly.risk.claim is Claim.UNREFUTED
    assert "nothing tells how long one can get" in weekly.risk.model


def test_a_model_that_asks_for_more_backs_nothing_and_tells_what_it_would_back():
    plan = plan_of(keepalived.STACK, target=WEEKLY, override={"floor_s": 1, "reason": "J. Doe"})
    advice = advised(keepalived.STACK, often(shape=0.35), plan)
    assert advice.risk.claim is Claim.UNREFUTED
    assert "does not back it" in advice.risk.model
    assert "The model would back one that outlasts" in advice.risk.better


@each
def test_a_model_of_the_tails_labels_and_never_chooses(stack, monkeypatch):
    plan = plan_of(stack, target=WEEKLY)
    usual = advised(stack, often(), plan)
    for kept, asked_s in ((True, 0.1), (False, 3000.0), (False, None)):
        said = Backing(asked_s, kept, "as the test says")
        monkeypatch.setattr(advisor, "backing", lambda *_, said=said: said)
        other = advised(stack, often(), plan)
        assert values(other) == values(usual)
        assert other.detection_s == usual.detection_s
        assert other.risk is None or other.risk.claim is (Claim.MODEL_BACKED if kept else Claim.UNREFUTED)


@each
def test_a_heavier_tail_costs_the_model_and_never_shortens(stack):
    plan = plan_of(stack, target=WEEKLY)
    light, heavy = (advised(stack, often(shape=shape), plan) for shape in (None, 0.9))
    assert outlasted_s(heavy) >= outlasted_s(light)
    if heavy.risk is not None:
        assert heavy.risk.claim is Claim.UNREFUTED
        assert heavy.risk.model.startswith("No model of the tails backs it: ")


def test_what_is_in_doubt_is_backed_by_nothing():
    plan = plan_of(corosync.STACK, target=WEEKLY, scenario={"on": ["stp"]})
    holed = {name: cut(trace, [(1000.0, 1000.0 + 0.07 * DAY_S)]) for name, trace in often(count=300).items()}
    advice = advised(corosync.STACK, holed, plan)
    assert advice.risk.doubts
    assert advice.risk.claim is Claim.UNREFUTED


def test_what_makes_a_record_doubtful_lowers_the_class_and_is_named():
    context = context_of(
        corosync.STACK, both(quiet_trace), plan_of(corosync.STACK, target={"false_failovers_per_year": 2000})
    )
    (sound,) = corosync.STACK.recommend(context)
    assert (sound.risk.claim, sound.risk.doubts) == (Claim.CERTIFIED, ())
    one, other = context.timings
    answered = one.answered
    cases = {
        "the clock of a was stepped twice": {"clocks": {"a": NodeClock("a", 100, 0.0, 0.0, 2, (), ())}},
        "a part of what b recorded is missing": {"hurt": ("b",)},
        "the route of a>b/ch1 changed once": {"timings": (replace(one, route_changes_back=1), other)},
        "2.0% of the answers on a>b/ch1 came doubled": {"timings": (replace(one, duplicates=answered // 50), other)},
        "2.0% of the answers on a>b/ch1 came out of order": {
            "timings": (replace(one, reordered=answered // 50), other)
        },
        "b>a/ch1 was not measured": {"timings": (one,), "traces": {"a>b/ch1": quiet_trace()}},
    }
    for doubt, change in cases.items():
        (advice,) = corosync.STACK.recommend(replace(context, **change))
        assert [text.replace("2 times", "twice") for text in advice.risk.doubts] == [doubt]
        assert advice.risk.claim is Claim.MODEL_BACKED
        assert values(advice) == values(sound)


def test_a_binding_that_joins_nobody_is_told_and_gets_no_value():
    plan = plan_of(etcd.STACK, networks=("ch1", "ch2"))
    lone = replace(plan.nodes[1], addresses={"ch2": plan.nodes[1].addresses["ch2"]})
    plan = replace(
        plan, nodes=(plan.nodes[0], lone), stacks=(replace(plan.stacks[0], networks=("ch1",), auto_failover=()),)
    )
    for stack in (etcd.STACK, keepalived.STACK):
        bound = replace(plan, stacks=(replace(plan.stacks[0], name=stack.name),))
        material = Material(bound, {}, {}, {}, {}, {}, (), {}, {}, {}, (), 900.0)
        advice, findings = engine.recommend([stack], material)
        assert advice == []
        (finding,) = findings
        assert finding.status is Status.SKIPPED
        assert "is bound to ch1, and no two nodes are probed there" in finding.message


def test_a_misspelt_product_is_told_with_those_there_are():
    plan = plan_of(etcd.STACK)
    plan = replace(plan, stacks=(replace(plan.stacks[0], name="etdc"),))
    advice, (finding,) = engine.recommend(STACKS, Material(plan, {}, {}, {}, {}, {}, (), {}, {}, {}, (), 900.0))
    assert advice == []
    assert finding.status is Status.SKIPPED
    assert "no settings for 'etdc'; it knows corosync, etcd" in finding.message


def test_several_channels_over_tcp_have_no_model():
    two = {
        **often(),
        **{
            name.replace("ch1", "ch2"): replace(trace, path=name.replace("ch1", "ch2"))
            for name, trace in often().items()
        },
    }
    advice = advised(neverfail.STACK, two, plan_of(neverfail.STACK, networks=("ch1", "ch2"), target=WEEKLY))
    assert advice.risk.claim is Claim.UNREFUTED
    assert "several channels" in advice.risk.model


@each
def test_an_hour_that_stands_out_is_told(stack):
    advice = advised(stack, both(outage(5000.0, 6.4)))
    assert any("One hour stands out, the 2nd of the run" in note for note in advice.notes)
    assert advice.risk.elsewhere_s < advice.risk.silence_s
    short = advised(stack, both(lambda name: quiet_trace(name, 3600.0, lost=slots(500.0, 506.4))))
    assert not any("stands out" in note for note in short.notes), "of one hour there is no other"


@each
def test_fifteen_minutes_bound_nothing_and_say_so(stack):
    advice = advised(stack, both(lambda name: quiet_trace(name, 900.0)))
    assert advice.risk.bound_per_year == pytest.approx(105_042, rel=0.01)
    assert "bounds nothing" in advice.risk.text


@each
def test_a_target_of_detection_that_cannot_be_kept_is_told_and_changes_nothing(stack):
    plan = plan_of(stack, target={"detection_s": 0.5})
    advice = advised(stack, both(quiet_trace), plan)
    (caution,) = [item for item in advice.cautions if "until a failure is noticed" in item[0]]
    assert "NOT KEPT" in caution[1]
    assert values(advice) == values(advised(stack, both(quiet_trace)))


@each
def test_scenarios_are_outlasted(stack):
    scenario = {"on": ["rstp"], "off": ["live-migration"]}
    plan = plan_of(stack, scenario=scenario)
    advice = advised(stack, both(quiet_trace), plan)
    assert outlasted_s(advice) >= 1.25 * 6.0
    (binding,) = [item for item in advice.constraints if item.binding]
    if binding.name == "scenario rstp":
        assert 'off = ["rstp"]' in advice.change


@each
def test_a_pause_of_a_node_counts_although_the_network_was_well(stack):
    def stunned(name):
        own = name.startswith("a>")
        span = [(4000.0, 4007.0)]
        return paused(quiet_trace(name), span if own else (), () if own else span)

    assert outlasted_s(advised(stack, both(stunned))) >= 1.25 * 7.0


@each
def test_nothing_measured_gives_floors_and_no_class(stack):
    advice = advised(stack, {}, plan_of(stack), measured=False)
    assert advice.settings
    assert advice.risk is None
    assert advice.tradeoff == ()
    assert advice.basis is not Basis.MEASURED


@each
def test_an_hour_with_holes_lowers_the_class(stack):
    plan = plan_of(stack, target={"false_failovers_per_year": 2000})
    holed = both(lambda name: quiet_trace(name, absent=slots(1000.0, 1000.0 + 0.06 * DAY_S)))
    advice = advised(stack, holed, plan)
    assert advice.risk.claim is Claim.MODEL_BACKED
    assert "missing" in advice.risk.doubts[0]


@each
def test_every_value_is_declared_within_its_range_and_whole_where_it_has_to_be(stack):
    options = {option.name: option for option in stack.options}
    for advice in (advised(stack, both(quiet_trace)), advised(stack, both(outage(5000.0, 8.0)))):
        for item in advice.settings:
            option = options[item.option]
            assert (item.source, item.verified) == (option.source, option.verified)
            if isinstance(item.value, str):
                continue
            assert item.unit == option.unit
            assert (option.minimum or 0) <= item.value <= (option.maximum or math.inf)
            if option.integer:
                assert item.value == int(item.value)


@each
def test_what_is_in_force_is_not_shortened_but_by_a_named_override(stack):
    plan = plan_of(stack)
    binding = replace(plan.stacks[0], current_s=25)
    kept = advised(stack, both(quiet_trace), replace(plan, stacks=(binding,)))
    assert kept.detection_s[1] >= 25.0
    assert "floor" in kept.change
    named = plan_of(stack, override={"floor_s": 3, "reason": "J. Doe"})
    lowered = advised(stack, both(quiet_trace), replace(named, stacks=(replace(named.stacks[0], current_s=25),)))
    assert outlasted_s(lowered) < outlasted_s(kept)
    assert "J. Doe" in lowered.override


@each
def test_halves_that_differ_are_told(stack):
    advice = advised(stack, both(outage(70_000.0, 6.4)))
    assert advice.risk.halves_s[1] > advice.risk.halves_s[0]
    assert any("halves of the run differ" in note for note in advice.notes)
    assert not any("halves" in note for note in advised(stack, both(quiet_trace)).notes)


@pytest.mark.parametrize("stack", [corosync.STACK, neverfail.STACK], ids=["corosync", "neverfail"])
def test_an_outage_of_one_of_two_networks_is_none_where_any_is_enough(stack):
    one = {**both(outage(5000.0, 300.0), "ch1"), **both(quiet_trace, "ch2")}
    two = {**both(outage(5000.0, 300.0), "ch1"), **both(outage(5100.0, 40.0), "ch2")}
    clean = {**both(quiet_trace, "ch1"), **both(quiet_trace, "ch2")}
    assert outlasted_s(advised(stack, one)) == outlasted_s(advised(stack, clean))
    assert outlasted_s(advised(stack, two)) >= 80.0
    assert "all at once of" in next(
        item.text for item in advised(stack, two).constraints if item.name == advisor.REPLAY
    )


@pytest.mark.parametrize("stack", [keepalived.STACK, etcd.STACK, genesys_addp.STACK], ids=["vrrp", "etcd", "addp"])
def test_the_worst_network_counts_where_each_is_needed(stack):
    one = {**both(outage(5000.0, 9.0), "ch1"), **both(quiet_trace, "ch2")}
    assert outlasted_s(advised(stack, one)) >= 1.25 * 9.0


def test_a_ring_of_three_depends_on_every_pair():
    names = [f"{one}>{other}/ch1" for one in "abc" for other in "abc" if one != other]
    traces = {name: quiet_trace(name) for name in names}
    plan = plan_of(corosync.STACK, "abc")
    calm = advised(corosync.STACK, traces, plan)
    assert values(calm)["token"] == 3000
    hurt = advised(corosync.STACK, traces | {"b>c/ch1": quiet_trace("b>c/ch1", lost=slots(100, 110))}, plan)
    assert outlasted_s(hurt) >= 20.0
    assert (values(hurt)["token"] + 650) * (1.0 - 0.8 / 4.2) >= 2 * 10.0 * 1000


def test_products_on_tcp_wait_for_its_retransmission_and_those_on_datagrams_do_not():
    """An outage of 6.4 s is silent for 12.6 s over TCP with a timer of 0.2 s."""
    hurt = both(outage(5000.0, 6.4))
    silent = {
        stack.name: next(item.value_s for item in advised(stack, hurt).constraints if item.name == advisor.REPLAY)
        for stack in (corosync.STACK, etcd.STACK)
    }
    assert silent["corosync"] == pytest.approx(2 * 6.6, abs=0.5)
    assert silent["etcd"] >= 2 * 12.6


@pytest.mark.parametrize("stack", [genesys_addp.STACK, neverfail.STACK, etcd.STACK], ids=["addp", "neverfail", "etcd"])
def test_the_operating_system_of_the_nodes_decides_how_tcp_sends_again(stack):
    """An outage of 6.4 s: the slower a system's first retransmission may be, the longer TCP may be silent after it."""
    hurt = context_of(stack, both(outage(5000.0, 6.4)))

    def silent_s(*systems):
        facts = {name: {"system": system} for name, system in zip("ab", systems, strict=True)}
        (advice,) = stack.recommend(replace(hurt, facts=facts))
        return next(item.value_s for item in advice.constraints if item.name == advisor.REPLAY), advice

    linux_s, on_linux = silent_s("Linux", "Linux")
    mixed_s, mixed = silent_s("Linux", "Windows")
    other_s, other = silent_s("FreeBSD", "FreeBSD")

    assert linux_s <= mixed_s <= other_s
    assert linux_s < other_s
    assert not [note for note in on_linux.notes if "TCP of" in note]
    (sized,) = [note for note in mixed.notes if "TCP of b runs on Windows" in note]
    assert "unverified" in sized
    assert "no TCP echo told its timer" in sized
    assert any("a longer outage may end the connection whatever the timeout is" in note for note in mixed.notes)
    assert any("TCP of a and b runs on another system" in note for note in other.notes)


@each
@pytest.mark.parametrize("system", [None, 7, ["Linux"], "", "Linux", {"system": "Windows"}], ids=str)
def test_a_system_that_is_not_told_is_the_collectors_own(stack, system):
    context = context_of(stack, both(outage(5000.0, 6.4)))
    (plain,) = stack.recommend(context)
    (told,) = stack.recommend(replace(context, facts={"a": {"system": system}, "b": {}}))
    assert told == plain


@pytest.mark.parametrize("stack", [corosync.STACK, keepalived.STACK], ids=["corosync", "keepalived"])
def test_datagrams_do_not_ask_what_tcp_does(stack):
    context = context_of(stack, both(outage(5000.0, 6.4)))
    (plain,) = stack.recommend(context)
    (windows,) = stack.recommend(replace(context, facts={name: {"system": "Windows"} for name in "ab"}))
    assert (windows.settings, windows.notes) == (plain.settings, plain.notes)


def test_without_what_decided_less_would_do_and_the_advice_says_what():
    plan = plan_of(genesys_addp.STACK, scenario={"on": ["stp"], "off": ["rstp", "live-migration"]})
    advice = advised(genesys_addp.STACK, both(quiet_trace), plan)
    assert "Decided by scenario stp" in advice.change
    assert "Without it 10 s of silence would have to be borne, because of floor" in advice.change


def test_a_scenario_that_measured_round_trips_lengthen_says_so():
    """A slow path makes TCP's timer longer, and the advice is to mend that too."""
    plan = plan_of(genesys_addp.STACK, scenario={"on": ["rstp"], "off": ["live-migration"]})
    slow = advised(genesys_addp.STACK, both(quiet_trace), plan, rtt_s=0.5)
    (binding,) = [item for item in slow.constraints if item.name.startswith("scenario ")]
    assert binding.name == "scenario rstp at the measured round trips"
    assert "mend that and measure again" in slow.change or not binding.binding
    plain = advised(genesys_addp.STACK, both(quiet_trace), plan)
    assert "scenario rstp" in [item.name for item in plain.constraints]


def test_unknown_paths_are_no_help_and_no_exposure():
    half = quiet_trace("b>a/ch1", absent=range(round(DAY_S / 2 / PERIOD_S)))
    advice = advised(corosync.STACK, {"a>b/ch1": quiet_trace(), "b>a/ch1": half})
    assert advice.risk.exposure_s == pytest.approx(DAY_S / 2, rel=1e-3)


BY_PAIR = [stack for stack in STACKS if stack.scope is Scope.PAIR]
by_pair = pytest.mark.parametrize("stack", BY_PAIR, ids=[stack.name for stack in BY_PAIR])


def leg_of(stack, traces, **how):
    """A pair that a person switches, of a plan that lets two other nodes fail over."""
    context = context_of(stack, traces, plan_of(stack, sites={"b": "dr"}), **how)
    others = replace(context.binding, auto_failover=(("a", "c"),))
    together = joint(("a", "b"), context.plan, context.timings) if context.timings else None
    (advice,) = stack.recommend(replace(context, automatic=False, binding=others, joint=together))
    return advice


@by_pair
def test_a_leg_that_a_person_switches_gets_an_alarm_and_never_a_timeout(stack):
    calm, hurt = leg_of(stack, both(quiet_trace)), leg_of(stack, both(outage(5000.0, 40.0)))
    for advice in (calm, hurt):
        assert "DR leg: no failover timeout (manual switchover)" in advice.title
        assert (advice.detection_s, advice.risk, advice.tradeoff) == (None, None, ())
        assert not [item for item in advice.settings if "timeout" in item.option or item.unit == "s"]
    assert any("Raise an alarm when nothing was heard on ch1 for 10 s: " in note for note in calm.notes)
    assert any("In the 24 h measured it would not have sounded" in note for note in calm.notes)
    (alarm,) = [note for note in hurt.notes if note.startswith("Raise an alarm")]
    assert int(alarm.split(" for ")[1].split()[0]) >= 80
    assert any("room for its queue, which is not measured" in note for note in calm.notes)


@by_pair
def test_an_alarm_of_a_leg_that_was_hardly_measured_is_provisional(stack):
    short = leg_of(stack, both(lambda name: quiet_trace(name, 300.0)))
    unmeasured = leg_of(stack, {}, measured=False)
    assert any("It is provisional" in note for note in short.notes)
    assert any("rests on scenarios alone" in note for note in unmeasured.notes)


def test_a_host_depends_on_its_way_to_scs_and_nothing_else():
    bound = tolerances([genesys_host.STACK], plan_of(genesys_host.STACK))
    assert set(bound) == {"a", "b"}
    context = context_of(genesys_host.STACK, both(quiet_trace))
    (advice,) = genesys_host.STACK.recommend(replace(context, asked={}))
    assert "NOT MEASURED" in advice.cautions[0][1]
    assert values(advice)["addp-timeout"] == 10


def test_a_hundred_thousand_losses_are_combined_in_time():
    """One slot in three lost on both networks: many silences, none of which hides the worst."""
    random = np.random.default_rng(7)

    def bad(name):
        lost = np.flatnonzero(random.random(round(DAY_S / PERIOD_S)) < 0.33)
        return quiet_trace(name, lost=[*lost.tolist(), *slots(3000, 3020)])

    advice = advised(neverfail.STACK, {**both(bad, "ch1"), **both(bad, "ch2")})
    assert advice.risk.silence_s >= 20.0


@pytest.mark.slow
def test_every_product_of_a_plan_is_replayed_on_what_the_archives_say(tmp_path):
    def lost(start_s, length_s):
        return range(round(start_s / PERIOD_S), round((start_s + length_s) / PERIOD_S))

    bindings = [{"name": stack.name, "networks": ["ch1"], "auto_failover": [["a", "b"]]} for stack in STACKS]
    data = plan_data(
        nodes="abc",
        stack=bindings,
        scenario=QUIET,
        observer=[{"name": "scs-1", "kind": "scs", "addr": "10.0.9.9"}],
    )
    machines = {
        name: Machine(host=True, observers={"scs-1": lambda true_s: np.full(len(true_s), 0.02)}) for name in "abc"
    }
    links = {"a>b/ch1": Link(lost_forward=lost(300.0, 8.0))}
    site = Site(plan=data, machines=machines, links=links, length_s=1200.0)
    result = assess(list(write(site, tmp_path).values()))

    assert not [item for item in result.findings if item.status is Status.ERROR]
    found = {
        (item.stack, item.subject.name): item for item in result.recommendations if item.settings and item.detection_s
    }
    assert all(item.risk is not None and item.tradeoff for item in found.values())
    assert {name for stack, name in found if stack == "genesys-host"} == {"a", "b", "c"}
    assert found["corosync", "test"].nodes == found["etcd", "test"].nodes == ("a", "b", "c")
    assert found["corosync", "test"].risk.silence_s == pytest.approx(8.2, abs=0.3)
    assert found["keepalived", "a+b"].risk.silence_s == pytest.approx(8.2, abs=0.3)
    assert ("keepalived", "b+c") not in found, "the plan lets a and b fail over, and no others"
    assert found["etcd", "test"].cautions == (), "the disks were timed"
    assert Assessment.from_json(result.to_json()) == result


@pytest.mark.parametrize(
    ("incidents", "exposure_s", "said"),
    [
        (0, 840.0, "there was no silence"),
        (0, DAY_S, "there was no silence"),
        (2, 840.0, "there was at least one silence"),
        (1, 3600.0, "one hour had a silence"),
        (3, DAY_S, "3 hours had a silence"),
    ],
)
def test_hours_are_counted_only_in_runs_that_have_one(incidents, exposure_s, said):
    assert advisor._silent(incidents, exposure_s) == said
