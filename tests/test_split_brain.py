"""Both shapes of a split brain: what the plan and the trace say of the exposure, and who held which address beside a running product."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from lan import all_told, trio
from synthetic import Link, Machine, Site, plan_data, write

from analyzer import stacks
from analyzer.assess import assess
from analyzer.contract import Outage, Quantiles, Status, Subject, Timing
from analyzer.engine import customs
from analyzer.extension import FACTS, HOLDS, SILENCES, TIMINGS, Context
from analyzer.holdings import Holding, holdings, nobody, tenures, together
from analyzer.joints import common_spans, several_spans
from analyzer.netfacts import address
from analyzer.rules import holders, veto
from collector.plugins import discover

OBSERVERS = [
    {"name": "gw", "kind": "gateway", "addr": "10.16.7.1"},
    {"name": "witness", "kind": "witness", "addr": "10.16.7.30"},
    {"name": "dns", "kind": "dns", "addr": "10.16.7.53"},
]
PLAN = trio(observer=OBSERVERS)
PAIR = ("primary", "secondary")


def ask(rule, given, plan, subject):
    asked = customs(discover(stacks, "STACK"), plan)
    context = Context(Subject(rule.scope, subject), plan, "", 1000.0, given, rule.limits, customs=asked)
    found = list(rule.check(context))
    assert found, "a rule that says nothing is an error"
    assert all(word.remedy for word in found if word.status in (Status.WARN, Status.FAIL, Status.SKIPPED))
    return found


def said(found, status):
    return " ".join(word.message for word in found if word.status is status)


def statuses(found):
    return [word.status for word in found]


# --- the veto --------------------------------------------------------------------------------------------------------


def timing(network, *outages, ends=PAIR):
    nothing = Quantiles(0)
    return Timing(
        f"{ends[0]}>{ends[1]}/{network}", *ends, network, False, 0.2, 24.0, 1000, 1000, 0, 0, 0, 0, 0,
        nothing, nothing, nothing, 0.0, 0.0, 0.01, tuple(Outage(start, length, 5) for start, length in outages),
        max((length for _, length in outages), default=0.0), 0.0, 0, None, None, nothing, 0, None, 0.0, (),
    )  # fmt: skip


def judged(over="eth0", outages=(), silent=None, plan=PLAN, subject="primary+secondary", nics=None, unheard=()):
    """`over`: the interface by which both reach the third machines (None: not told); `silent`: when by (node, observer)."""
    facts = all_told(plan)
    for name in subject.split("+"):
        for observer in plan.observers:
            nic = (nics or {}).get(observer.name, over)
            if nic is not None:
                way = {
                    "target": observer.name,
                    "network": "",
                    "address": str(observer.address),
                    "nic": nic,
                    "source": "",
                    "via": "",
                }
                facts[name]["egress"].append(way)
    silences = {
        (name, one.name): () for name in subject.split("+") for one in plan.observers if one.name not in unheard
    }
    given = {FACTS: facts, TIMINGS: (timing("ch-ab", *outages),), SILENCES: silences | (silent or {})}
    return ask(veto.RULE, given, plan, subject)


def test_third_machines_behind_another_card_and_switch_than_the_channel_are_a_veto():
    found = judged()
    assert statuses(found) == [Status.PASS]
    assert [item.value for item in found[0].evidence] == [0.0, 0.0]


def test_third_machines_that_all_hang_on_the_channel_are_none():
    found = judged("eth1")
    assert "gw is reached over interface eth1 of primary and switch cross-over" in said(found, Status.WARN)
    assert "both nodes go active, or neither serves" in said(found, Status.WARN)
    assert "dns" not in said(found, Status.WARN), "a name server says nothing of a peer"


def test_one_that_is_apart_is_enough_and_the_other_is_named():
    found = judged(nics={"gw": "eth1"})
    assert statuses(found) == [Status.PASS, Status.INFO]
    assert "gw is reached over interface eth1" in said(found, Status.INFO)
    assert "witness alone can say who is cut off" in said(found, Status.INFO)


def test_a_part_of_one_of_two_channels_is_no_part_of_both():
    data = {"name": "ch-2", "nic": "eth3", "switch": "sw-4"}
    plan = trio(observer=OBSERVERS)
    raw = dict(plan.data)
    raw["network"] = {**raw["network"], "ch-2": {}}
    raw["node"] = [
        node | {"addr": node["addr"] | ({"ch-2": {"ip": f"192.168.2.{place + 1}/24", "nic": data["nic"], "switch": data["switch"]}} if place < 2 else {})}
        for place, node in enumerate(raw["node"])
    ]  # fmt: skip
    from collector.plan import parse

    assert statuses(judged("eth1", plan=parse(raw, "p"))) == [Status.PASS]


def test_a_way_that_was_not_told_is_unknown_and_where_a_person_switches_it_is_information():
    found = judged(None)
    assert statuses(found) == [Status.SKIPPED]
    assert "gw, witness is reached was not told" in found[0].message
    by_hand = trio(observer=OBSERVERS, stack=[])
    assert Status.WARN not in statuses(judged("eth1", plan=by_hand))
    assert Status.SKIPPED not in statuses(judged(None, plan=by_hand))


@pytest.mark.parametrize(("key", "value"), [("host", "esx-1"), ("power", "feed-2")])
def test_a_third_machine_that_stands_where_a_node_stands_dies_with_it(key, value):
    def plan(*places):
        return trio(observer=[one | ({key: value} if place in places else {}) for place, one in enumerate(OBSERVERS)])

    found = judged(plan=plan(0, 1))
    assert f"({value}); witness stands on" in said(found, Status.WARN)
    assert "(neither serving)" in said(found, Status.WARN)
    found = judged(plan=plan(1))
    assert statuses(found) == [Status.PASS, Status.INFO]
    assert "witness stands on" in said(found, Status.INFO)
    assert statuses(judged(plan=plan(2))) == [Status.PASS], "a name server is no veto"


def test_without_third_machines_nothing_is_claimed():
    assert statuses(judged(plan=trio())) == [Status.INFO]
    assert statuses(judged(plan=trio(observer=[OBSERVERS[2]]))) == [Status.INFO]


def _silent(start, stop, *which):
    return {(node, observer): ((start, stop),) for node in PAIR for observer in which}


def test_a_channel_and_all_third_machines_out_at_once_leave_nobody_to_ask():
    found = judged(outages=[(100.0, 8.0)], silent=_silent(104.0, 109.0, "gw", "witness"))
    assert "out at the same moment once, for up to 4 s" in said(found, Status.WARN)
    assert "(both active)" in said(found, Status.WARN)
    assert statuses(judged(outages=[(100.0, 8.0)], silent=_silent(104.0, 109.0, "gw"))) == [Status.PASS]
    assert statuses(judged(outages=[(100.0, 8.0)], silent=_silent(300.0, 305.0, "gw", "witness"))) == [Status.PASS]


def test_it_is_enough_that_one_of_the_nodes_hears_nobody_while_the_channel_is_out():
    alone = {key: spans for key, spans in _silent(104.0, 109.0, "gw", "witness").items() if key[0] == "primary"}
    assert "(both active)" in said(judged(outages=[(100.0, 8.0)], silent=alone), Status.WARN)


@pytest.mark.parametrize(("length_s", "status"), [(9.9, Status.PASS), (10.0, Status.PASS), (10.1, Status.WARN)])
def test_third_machines_that_are_silent_to_both_for_long_keep_both_from_serving(length_s, status):
    found = judged(silent=_silent(100.0, 100.0 + length_s, "gw", "witness"))
    assert found[0].status is status
    assert ("(neither serving)" in found[0].message) is (status is Status.WARN)


def test_one_that_never_answered_says_nothing_of_when_it_was_away():
    silent = _silent(100.0, 150.0, "gw")
    assert judged(silent=silent)[0].status is Status.PASS
    assert judged(silent=silent, unheard=("witness",))[0].status is Status.WARN


# --- several channels at once ----------------------------------------------------------------------------------------


def test_outages_of_some_channels_at_once_are_told_apart_from_those_of_all():
    timings = [timing("public", (10.0, 5.0)), timing("ch-ab", (12.0, 5.0), (50.0, 1.0)), timing("management")]
    assert common_spans(PAIR, PLAN, timings) == []
    assert several_spans(PAIR, PLAN, timings) == [(12.0, 15.0)]
    assert common_spans(PAIR, PLAN, timings[:2]) == [(12.0, 15.0)]
    assert several_spans(PAIR, PLAN, timings[:1]) == []


# --- who held the address --------------------------------------------------------------------------------------------

IP = address("10.16.7.200")
SERVICE = [{"name": "service", "kind": "virtual", "addr": "10.16.7.200"}]
LIVE = trio(
    observer=SERVICE, cluster={"name": "voice", "topology": "ha-dr-trio", "phase": "live", "origin": "synthetic"}
)
WHOLE = (0.0, 1000.0)


def held(node, *spans, ip=IP):
    return Holding(node, ip, WHOLE, spans)


def about(*rows, plan=LIVE):
    rest = [held(node.name) for node in plan.nodes if node.name not in {row.node for row in rows}]
    return ask(holders.RULE, {HOLDS: (*rows, *rest)}, plan, plan.cluster)


def test_one_holder_at_a_time_passes():
    found = about(held("primary", (0.0, 500.0)), held("secondary", (510.0, 1000.0)))
    assert statuses(found) == [Status.PASS]
    assert [item.value for item in found[0].evidence] == [0.0, 10.0]


@pytest.mark.parametrize(("overlap_s", "status"), [(19.9, Status.PASS), (20.0, Status.PASS), (20.1, Status.FAIL)])
def test_two_holders_for_longer_than_a_takeover_are_both_active(overlap_s, status):
    found = about(held("primary", (0.0, 500.0 + overlap_s)), held("secondary", (500.0, 1000.0)))
    assert found[0].status is status
    assert ("both active: primary and secondary held 10.16.7.200" in found[0].message) is (status is Status.FAIL)


def test_who_held_it_at_another_time_is_not_named_among_those_who_held_it_at_once():
    rows = held("primary", (0.0, 600.0)), held("secondary", (500.0, 700.0)), held("tertiary", (700.0, 1000.0))
    assert "both active: primary and secondary held" in said(about(*rows), Status.FAIL)


@pytest.mark.parametrize(
    ("free_s", "status"), [(20.0, Status.PASS), (20.1, Status.WARN), (60.0, Status.WARN), (60.1, Status.FAIL)]
)
def test_nobody_holding_it_is_neither_serving(free_s, status):
    found = about(held("primary", (0.0, 500.0)), held("secondary", (500.0 + free_s, 1000.0)))
    assert found[0].status is status
    assert ("neither serving" in found[0].message) is (status is not Status.PASS)


def test_an_address_that_nobody_ever_held_was_free_all_the_time():
    rows = [
        held(node.name, WHOLE, ip=node.addresses["ch-ab" if "ch-ab" in node.addresses else "ch-ac"].ip)
        for node in LIVE.nodes
    ]
    found = ask(holders.RULE, {HOLDS: tuple(rows)}, LIVE, LIVE.cluster)
    assert "neither serving: nobody held 10.16.7.200 (virtual address) for up to 1000 s" in said(found, Status.FAIL)


def test_a_public_address_on_two_nodes_is_a_fault_unless_the_nodes_are_clones():
    public = address("10.16.7.101")
    rows = [held("primary", WHOLE, ip=public), held("secondary", WHOLE, ip=public), held("primary", WHOLE)]
    assert "primary and secondary share 10.16.7.101" in said(about(*rows), Status.INFO)
    addp = [{"name": "genesys-addp", "networks": ["ch-ab"], "auto_failover": []}]
    plan = trio(observer=SERVICE, stack=addp, cluster=dict(LIVE.data["cluster"]))
    assert "both active" in said(about(*rows, plan=plan), Status.FAIL)


def test_before_a_product_runs_nothing_is_held_and_a_node_that_did_not_tell_is_named():
    assert statuses(ask(holders.RULE, {HOLDS: ()}, PLAN, "voice")) == [Status.INFO]
    found = ask(holders.RULE, {HOLDS: (held("primary", WHOLE),)}, LIVE, "voice")
    assert statuses(found) == [Status.SKIPPED]
    assert "secondary, tertiary" in found[0].message


def test_stretches_of_holders_are_joined_and_the_time_without_any_is_what_all_saw():
    rows = [held("a", (0.0, 10.0), (20.0, 30.0)), held("b", (5.0, 25.0)), held("c", (8.0, 9.0))]
    assert together(rows) == [(5.0, 10.0), (20.0, 25.0)]
    assert nobody(rows) == [(30.0, 1000.0)]
    assert nobody([Holding("a", IP, (0.0, 50.0), ()), Holding("b", IP, (40.0, 90.0), ((45.0, 60.0),))]) == [
        (40.0, 45.0)
    ]
    assert nobody([]) == []


def resumed(*rows, down=((300, 500),), end_s=1000.0):
    """A node whose collector was down in these stretches; `rows`: (s, held)."""
    edges = [0, *(edge for stretch in down for edge in stretch), end_s]
    return SimpleNamespace(
        duration_s=end_s,
        spans=tuple((int(start * 1e6), int(stop * 1e6)) for start, stop in zip(edges[::2], edges[1::2], strict=True)),
        story=SimpleNamespace(
            starts=((0, "first"), *((int(to_s * 1e6), "again") for _, to_s in down)),
            holds=tuple((int(at_s * 1e6), str(IP), on) for at_s, on in rows),
        ),
    )


def of_resumed(node):
    (found,) = holdings(LIVE, {"primary": node}, {"primary": SimpleNamespace(to_base=lambda at: at)}, 0.0)
    return found


def test_what_a_node_held_while_its_collector_was_down_is_not_known():
    found = of_resumed(resumed((0.0, True)))
    assert (found.held, found.unseen) == (((0.0, 300.0), (500.0, 1000.0)), ((300.0, 500.0),))
    assert [(one.from_s, one.to_s, one.left) for one in tenures(LIVE, [found])] == [
        (0.0, 300.0, False),
        (500.0, 1000.0, False),
    ]
    gone = of_resumed(resumed((0.0, True), (500.0, False)))
    assert gone.held == ((0.0, 300.0),), "it went some time while nobody looked"
    seen_going = of_resumed(resumed((0.0, True), (200.0, False)))
    assert [one.left for one in tenures(LIVE, [seen_going])] == [True]


def test_time_that_one_node_did_not_see_is_neither_serving_nor_both_active():
    away, other = of_resumed(resumed((0.0, True), (500.0, False))), held("secondary", (500.0, 1000.0))
    assert nobody([away, other]) == []
    assert together([of_resumed(resumed((0.0, True))), held("secondary", (310.0, 490.0))]) == []
    assert nobody([of_resumed(resumed((0.0, False))), held("secondary")]) == [(0.0, 300.0), (500.0, 1000.0)]


def test_a_break_too_short_to_be_a_gap_in_the_record_hides_nothing():
    node = resumed((0.0, True), down=())
    node.story.starts = ((0, "first"), (500_000_000, "again"))
    assert of_resumed(node).unseen == ()


def test_a_run_without_a_break_has_nothing_unseen():
    assert of_resumed(resumed((0.0, True), down=())).unseen == ()


# --- from the archives -----------------------------------------------------------------------------------------------


def test_holders_are_put_on_one_time_base_from_the_archives_of_nodes_that_started_apart(tmp_path):
    data = plan_data(networks=("ch1", "lan"), observer=[{"name": "vip", "kind": "virtual", "addr": "10.0.1.9"}])
    data["cluster"]["phase"] = "live"
    data["network"]["lan"]["kind"] = "public"

    def holds(*rows):
        return [(200.0, "10.0.1.1", True), (200.0, "no address", True), *((at, "10.0.1.9", on) for at, on in rows)]

    site = Site(plan=data, machines={
        "a": Machine(holds=holds((200.0, True), (500.0, False)), wall_offset_s=30.0),
        "b": Machine(start_s=100.0, holds=holds((400.0, True))),
    })  # fmt: skip
    found = [one for one in assess(list(write(site, tmp_path).values())).findings if one.rule == "holders"]
    both = next(one for one in found if one.status is Status.FAIL)
    assert "a and b held 10.0.1.9 (virtual address) at once, for up to 100 s" in both.message


def test_a_witness_and_a_channel_that_were_away_together_are_found_in_the_archives(tmp_path):
    data = plan_data(observer=[{"name": "gw", "kind": "gateway", "addr": "10.0.9.1"}])

    def rtt(at):
        return np.where((at >= 300.0) & (at < 312.0), np.nan, 0.001)

    machines = {name: Machine(observers={"gw": rtt}) for name in "ab"}
    site = Site(plan=data, machines=machines, links={"a>b/ch1": Link(lost_forward=range(1495, 1550))})
    found = [one for one in assess(list(write(site, tmp_path).values())).findings if one.rule == "veto"]
    text = " ".join(one.message for one in found if one.status is Status.WARN)
    assert "all channels and gw were out at the same moment once, for up to 11 s" in text
    assert "gw was silent to both nodes for up to 12 s" in text
