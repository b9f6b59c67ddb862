"""The arithmetic of the Neverfail recommendation, and what it refuses to recommend."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lan import trio_data

from analyzer.contract import Basis, Outage, Quantiles, Scope, Subject, Throughput, Timing
from analyzer.engine import recommend
from analyzer.extension import StackContext
from analyzer.joints import joint
from analyzer.material import Material
from analyzer.scenarios import resolve
from analyzer.stacks.neverfail import OPTIONS, STACK
from collector.plan import parse

QUIET = {"off": ["live-migration", "rstp"]}
PAIR = ("primary", "secondary")
NETWORKS = ("ch-ab", "ch-2")


def make_plan(*, networks=NETWORKS, wan=False, override=None, scenario=QUIET, rate_bps=1_000_000_000):
    data = trio_data(scenario=scenario)
    data["network"]["ch-2"] = {}
    for number, node in enumerate(data["node"][:2]):
        node["addr"]["ch-2"] = f"192.168.2.{number + 1}/24"
    for network in networks:
        data["network"][network] |= {"rate_bps": rate_bps} if rate_bps else {}
        if not rate_bps:
            data["network"][network].pop("rate_bps", None)
    if wan:
        data["node"][1]["site"] = "dr"
    data["stack"] = [{"name": "neverfail", "networks": list(networks), "auto_failover": [list(PAIR)]}]
    if override:
        data["stack"][0]["override"] = override
    return parse(data, "plan.toml")


def timing(network, *outages, reverse=False, stall_s=0.0, hours=24.0, rtt_s=0.001):
    source, target = reversed(PAIR) if reverse else PAIR
    nothing = Quantiles(0)
    return Timing(
        f"{source}>{target}/{network}", source, target, network, False, 0.2, hours, 1000, 1000, 0, 0, 0, 0, 0,
        Quantiles(1000, rtt_s, rtt_s, rtt_s, rtt_s, rtt_s), nothing, nothing,
        0.0, 0.0, 0.01, tuple(Outage(start, length, 5) for start, length in outages),
        max((length for _, length in outages), default=0.0), stall_s, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def context(plan, timings, *, automatic=True):
    binding = plan.stacks[0]
    paths = tuple(
        path for path in plan.paths() if path.network in binding.networks and {path.source, path.target} == set(PAIR)
    )
    scenarios = resolve(plan, {node.name: {"virtual": False} for node in plan.nodes})
    together = joint(PAIR, plan, timings) if timings else None
    return StackContext(
        plan, binding, Subject(Scope.PAIR, "+".join(PAIR)), PAIR, automatic, paths, tuple(timings), scenarios, together
    )


def measured(plan, outages=None, **figures):
    """Every path with equal figures; `outages` by network."""
    return [
        timing(network, *(outages or {}).get(network, ()), reverse=reverse, **figures)
        for network in plan.stacks[0].networks
        for reverse in (False, True)
    ]


def advise(plan, timings, *, automatic=True):
    (advice,) = STACK.recommend(context(plan, timings, automatic=automatic))
    return advice


def quiet(plan, **figures):
    return advise(plan, measured(plan, **figures))


def values(advice):
    return {setting.option: setting.value for setting in advice.settings}


def timeout(advice):
    return values(advice)["Failover timeout"]


def test_a_clean_day_keeps_the_vendors_default():
    advice = quiet(make_plan())
    assert values(advice) == {
        "Failover timeout": 60,
        "Failover from primary to secondary if the channel is lost": "on",
        "Failover from secondary to primary if the channel is lost": "on",
        "No failover while unsynchronized": "on",
        "No failover if the active server is still visible": "on",
        "Make the server passive if channel and public network are lost": "on",
        "Low Bandwidth Module": "off",
        "Channel port": 57348,
        "Public network ping interval": 10,
        "Ping echo timeout": 5,
        "Heartbeat timeout": 20,
        "Heartbeats missed": 3,
    }
    assert (advice.basis, advice.override, advice.detection_s) == (Basis.MEASURED, "", (60.0, 85.0))


@pytest.mark.parametrize(("stall_s", "seconds", "beats"), [(48.0, 60, 3), (48.01, 61, 4), (64.0, 80, 4), (64.1, 81, 5)])
def test_a_pause_is_survived_with_a_quarter_to_spare_and_old_releases_count_up_to_it(stall_s, seconds, beats):
    found = values(quiet(make_plan(), stall_s=stall_s))
    assert (found["Failover timeout"], found["Heartbeats missed"]) == (seconds, beats)


def test_a_heartbeat_is_lost_only_while_every_channel_is_out():
    plan = make_plan()
    apart = advise(plan, measured(plan, {"ch-ab": [(100.0, 500.0)], "ch-2": [(700.0, 500.0)]}))
    assert timeout(apart) == 60
    # 100 s without any channel, and TCP on the first comes back later: with a timer of 0.201 s (RTT 1 ms) it retransmits after
    # 0.201 x 1023 = 205.6 s and then every 120 s, that is after 565.6 s: 165.6 s of silence on both.
    together = advise(plan, measured(plan, {"ch-ab": [(100.0, 500.0)], "ch-2": [(500.0, 500.0)]}))
    assert timeout(together) == 208
    assert "ch-2 and ch-ab together" in together.settings[0].because


def test_channels_that_fail_one_after_another_are_silent_together_as_long_as_tcp_waits():
    """One comes back at 190 s, but TCP tries again only at 202 s; the other fails at 188 s."""
    plan = make_plan()
    advice = advise(plan, measured(plan, {"ch-ab": [(100.0, 90.0)], "ch-2": [(188.0, 112.0)]}))
    outage = next(item for item in advice.constraints if item.name == "outage")
    assert outage.value_s == pytest.approx(1.25 * (100.0 + 0.201 * 511 - 188.0), abs=0.01)


def test_the_outage_of_a_single_channel_counts_whole():
    plan = make_plan(networks=("ch-ab",))
    advice = advise(plan, measured(plan, {"ch-ab": [(100.0, 100.0)]}))
    assert timeout(advice) == 129
    assert any("One channel only" in note for note in advice.notes)
    assert not any("One channel only" in note for note in quiet(make_plan()).notes)


def test_scenarios_that_are_on_are_survived():
    assert timeout(quiet(make_plan(scenario={}))) == 60
    advice = quiet(make_plan(scenario={"on": ["stp"]}))
    # Over 50 s TCP is silent for 0.201 x 255 s.
    assert timeout(advice) == 65
    assert next(item.name for item in advice.constraints if item.binding) == "scenario stp"
    assert any("Mend the cause" in note for note in advice.notes)


def test_only_the_plans_word_goes_below_the_default_and_it_is_told():
    plan = make_plan(override={"floor_s": 30, "reason": "J. Doe: lab"})
    low = quiet(plan)
    assert (timeout(low), low.basis) == (30, Basis.OVERRIDE)
    assert "floor 30 s instead of 60 s" in low.override
    assert any("risks split brain" in note for note in low.notes)
    short = quiet(plan, hours=0.1)
    assert (timeout(short), short.basis, short.override) == (60, Basis.FLOOR, "")


def test_under_fifteen_minutes_the_basis_says_so():
    assert quiet(make_plan(), hours=0.2).basis is Basis.FLOOR
    assert quiet(make_plan(), hours=0.2, stall_s=60.0).basis is Basis.PROVISIONAL
    plan = make_plan()
    missing = advise(plan, measured(plan)[:3])
    assert missing.basis is Basis.FLOOR
    assert any("secondary>primary/ch-2" in note for note in missing.notes)
    nothing = advise(plan, [])
    assert (timeout(nothing), nothing.basis) == (60, Basis.FLOOR)
    assert "Nothing was measured" in nothing.notes[0]


@pytest.mark.parametrize(
    ("rate_bps", "wan", "state", "why"),
    [
        (10_000_000, True, "off", "these are not"),
        (9_999_999, True, "on", "less than 10 Mbit/s"),
        (9_999_999, False, "off", "not for use on a LAN"),
        (None, True, "on", "default of a WAN"),
        (None, False, "off", "not for use on a LAN"),
    ],
)
def test_the_low_bandwidth_module_is_for_channels_below_ten_megabits(rate_bps, wan, state, why):
    advice = quiet(make_plan(rate_bps=rate_bps, wan=wan))
    setting = next(item for item in advice.settings if item.option == "Low Bandwidth Module")
    assert setting.value == state
    assert why in setting.because


@pytest.mark.parametrize(
    ("median_bps", "limit_bps", "state"),
    [(4e6, None, "on"), (11e6, None, "off"), (4e6, 20_000_000, "on"), (4.9e6, 5_000_000, "off")],
)
def test_a_channel_that_carries_less_than_planned_is_slow_unless_the_test_was_held_back(median_bps, limit_bps, state):
    plan = make_plan(rate_bps=100_000_000, wan=True)
    asked = context(plan, measured(plan))
    carried = Throughput(
        "primary>secondary/ch-ab", "primary", "secondary", "ch-ab", True, 100_000_000, limit_bps, (), median_bps, median_bps,
        median_bps, "",
    )  # fmt: skip
    (advice,) = STACK.recommend(replace(asked, throughputs=(carried,)))
    assert values(advice)["Low Bandwidth Module"] == state


def test_under_load_the_channel_that_was_silent_the_least_counts():
    plan = make_plan()
    silent = {"ch-ab": 20.0, "ch-2": 50.0}
    timings = [replace(item, loaded_outage_s=silent[item.network]) for item in measured(plan)]
    advice = advise(plan, timings)
    load = next(item for item in advice.constraints if item.name == "outage under load")
    # 20 s on ch-ab: 0.201 x 127 s of TCP.
    assert load.value_s == pytest.approx(1.25 * 0.201 * 127)
    calm = advise(plan, [replace(item, loaded_outage_s=0.0) if item.network == "ch-2" else item for item in timings])
    assert next(item for item in calm.constraints if item.name == "outage under load").value_s == 0.0


def test_a_record_with_holes_makes_the_values_provisional():
    plan = make_plan()
    asked = replace(context(plan, measured(plan)), hurt=("primary",))
    (advice,) = STACK.recommend(asked)
    assert advice.basis is Basis.FLOOR
    assert any("recorded is missing" in note for note in advice.notes)


def test_a_leg_that_a_person_switches_gets_an_alarm_and_no_timeout():
    plan = make_plan()
    advice = advise(plan, measured(plan, {"ch-ab": [(5.0, 7.0)], "ch-2": [(5.0, 7.0)]}), automatic=False)
    assert (advice.constraints, advice.snippets, advice.detection_s) == ((), (), None)
    assert values(advice) == {"Low Bandwidth Module": "off", "Channel port": 57348}
    assert (
        advice.title == "Neverfail Heartbeat, pair without automatic failover: no failover timeout (manual switchover)"
    )
    text = " ".join(advice.notes)
    assert "manual" in text
    assert "Raise an alarm when nothing was heard on ch-ab, ch-2 for " in text
    assert "The longest interruption measured on all of ch-ab, ch-2 lasted 7 s" in text
    assert "a T1 line, a leased line of 1.5 Mbit/s" in text
    assert "No interruption" in " ".join(advise(plan, measured(plan), automatic=False).notes)
    assert advise(plan, [], automatic=False).basis is Basis.FLOOR


def test_a_leg_to_the_dr_server_names_only_the_channels_that_join_the_pair():
    data = trio_data()
    data["stack"] = [{"name": "neverfail", "networks": ["ch-ab", "ch-ac"], "auto_failover": [list(PAIR)]}]
    plan = parse(data, "plan.toml")
    paths = tuple(path for path in plan.paths() if path.network == "ch-ac")
    asked = replace(context(plan, []), pair=("primary", "tertiary"), automatic=False, paths=paths)
    (advice,) = STACK.recommend(asked)
    assert advice.networks == ("ch-ac",)
    assert "DR leg: no failover timeout (manual switchover)" in advice.title
    assert not any("ch-ab" in note for note in advice.notes)


def test_one_channel_only_is_told_with_the_values_and_two_are_not():
    plan = make_plan(networks=("ch-ab",))
    assert advise(plan, measured(plan)).cautions[0][0] == "One channel only (ch-ab)"
    assert quiet(make_plan()).cautions == ()


def test_a_rule_that_needs_management_addresses_is_on_only_once_they_exist():
    data = trio_data()
    option = "No failover if the active server is still visible"
    assert values(quiet(make_plan()))[option] == "on"
    assert not any("management address" in note for note in quiet(make_plan()).notes)
    del data["node"][0]["addr"]["management"]
    data["stack"][0]["networks"] = ["ch-ab"]
    plan = parse(data, "plan.toml")
    assert any("gives none for primary" in note for note in quiet(plan).notes)
    assert values(quiet(plan))[option] == "on, once both have management addresses"


def test_every_setting_is_a_declared_option_with_its_source_and_mark():
    options = {option.name: option for option in OPTIONS}
    for setting in quiet(make_plan()).settings:
        option = options[setting.option]
        assert (setting.source, setting.verified, setting.unit) == (option.source, option.verified, option.unit)
        if option.integer:
            assert isinstance(setting.value, int)
    unknown = [option.name for option in OPTIONS if not option.verified]
    assert "Max server time difference" in unknown
    assert not set(unknown) & set(values(quiet(make_plan()))), "what is not documented is not recommended"


def test_the_checklist_of_both_nodes_says_what_to_enter_where():
    one, other = quiet(make_plan()).snippets
    assert (one.node, other.node) == PAIR
    assert one.text == other.text
    entries = [line for line in one.text.splitlines() if line.startswith("[ ]")]
    assert entries[0] == "[ ] Monitoring > Configure Failover: Failover timeout = 60 s"
    assert len(entries) == 12
    old = one.text.splitlines().index("Only if your release is 5.5 or older, instead of Failover timeout:")
    assert [line.partition(": ")[2] for line in one.text.splitlines()[old:] if line.startswith("[ ]")] == [
        "Heartbeat timeout = 20 s",
        "Heartbeats missed = 3",
    ]


def test_a_number_of_something_has_no_unit_that_could_be_read_as_a_digit():
    """3 missed heartbeats beside a unit "1" copy as 31: 620 s instead of 60."""
    assert not [option.name for option in OPTIONS if option.unit in ("1", "count")]


def test_what_only_old_releases_have_is_told_apart_from_what_all_enter():
    found = {setting.option: setting.only_if for setting in quiet(make_plan()).settings}
    assert {name for name, only_if in found.items() if only_if} == {"Heartbeat timeout", "Heartbeats missed"}
    assert found["Heartbeats missed"] == "only if your release is 5.5 or older, instead of Failover timeout"


def test_every_setting_says_where_it_is_entered():
    assert {setting.option: setting.place for setting in quiet(make_plan()).settings} == {
        option.name: option.section for option in OPTIONS if option.verified
    }


def test_the_engine_hands_a_stack_its_bound_networks_together():
    """The public network is up all the time; it carries no heartbeat, so it must not hide that every channel was out."""
    plan = make_plan()
    outages = {"ch-ab": [(100.0, 100.0)], "ch-2": [(100.0, 100.0)]}
    public = [replace(timing("public", reverse=reverse)) for reverse in (False, True)]
    timings = {found.path: found for found in [*measured(plan, outages), *public]}
    material = Material(
        plan=plan,
        nodes={},
        summaries={},
        timings=timings,
        throughputs={},
        echoes={},
        observers=(),
        facts={},
        reasons={},
        meetings={},
        scenarios=resolve(plan, {node.name: {"virtual": False} for node in plan.nodes}),
        duration_s=86400.0,
    )
    advice, failures = recommend([STACK], material)
    assert failures == []
    assert [(item.subject.name, timeout(item)) for item in advice] == [("primary+secondary", 129)]


lengths = st.tuples(st.floats(0.0, 300.0), st.floats(0.0, 300.0), st.floats(0.0, 300.0), st.floats(0.0, 5.0))


@settings(max_examples=150)
@given(lengths, lengths, st.sampled_from([0.1, 24.0]), st.booleans())
def test_more_outage_stall_or_delay_never_shortens_the_timeout(one, more, hours, lowered):
    plan = make_plan(override={"floor_s": 3, "reason": "x"} if lowered else None)
    worse = tuple(map(max, one, more))

    def sized(first_s, second_s, stall_s, rtt_s):
        outages = {"ch-ab": [(10.0, first_s)] if first_s else [], "ch-2": [(10.0, second_s)] if second_s else []}
        return timeout(advise(plan, measured(plan, outages, stall_s=stall_s, rtt_s=rtt_s, hours=hours)))

    assert sized(*worse) >= sized(*one)
    assert sized(*one) + 1e-6 >= 1.25 * max(min(one[0], one[1]), one[2])
    assert lowered or sized(*one) >= 60


@pytest.mark.parametrize("networks", [NETWORKS, NETWORKS[:1]])
def test_nothing_is_multiplied_by_a_pause_that_nobody_recorded(networks):
    plan = make_plan(networks=networks)
    told = {item.name: item.text for item in advise(plan, measured(plan)).constraints}
    assert told["pause of a node"] == "no pause of primary or secondary was recorded"
    assert not any("x 0 s" in text for text in told.values())


def test_a_second_channel_is_advised_and_not_asked_for():
    """Page 1 says beside it that no check asks for a change."""
    plan = make_plan(networks=NETWORKS[:1])
    (caution,) = advise(plan, measured(plan)).cautions
    assert caution[1].endswith("is advised")
