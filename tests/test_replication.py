"""Which paths replication takes, what becomes of the writes on them, and how that is judged."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from lan import trio_data
from synthetic import Link, Machine, Site, Test, plan_data, write

from analyzer import stacks
from analyzer.assess import assess
from analyzer.contract import (
    Assessment,
    Backlog,
    Obstacle,
    Scope,
    Situation,
    Status,
    Subject,
    Throughput,
    Verdict,
    Writes,
)
from analyzer.engine import replicating
from analyzer.extension import REPLICATION, Context
from analyzer.replication import replications, situations_of
from analyzer.rules import replication
from collector.plan import parse
from collector.plugins import discover

PRODUCTS = discover(stacks, "STACK")
MINUTES = 60


def neverfail_trio(**extra):
    data = trio_data(**extra)
    data["stack"][0]["networks"] = ["ch-ab", "ch-ac", "ch-bc"]
    return parse(data, "plan.toml")


PLAN = neverfail_trio()


def written(node, rate=1e6, disk="", holds=(), minutes=MINUTES, series=None):
    values = (float(rate),) * minutes if series is None else tuple(series)
    known = [value for value in values if value is not None]
    top = float(np.quantile(known, 0.95, method="higher"))
    return Writes(
        node, disk, holds, True, len(known), sum(known) * 60, sum(known) / len(known), known[0], top, max(known), max(known), None, 60.0,
        values, values,
    )  # fmt: skip


def carried(plan=PLAN, rate_bps=100e6, **changes):
    return {
        path.name: Throughput(
            path.name, path.source, path.target, path.network, plan.is_wan(path.source, path.target), None, None, (),
            rate_bps, rate_bps, rate_bps, "", Obstacle.NONE,
        )
        for path in plan.paths()
    } | changes  # fmt: skip


def legs(plan=PLAN, writes=None, throughputs=None, duration_s=MINUTES * 60.0, tables=None, products=None):
    names = [node.name for node in plan.nodes]
    found, charts = replications(
        plan,
        replicating(PRODUCTS, plan) if products is None else products,
        {name: SimpleNamespace(name=name, tables=(tables or {}).get(name, {})) for name in names},
        {name: SimpleNamespace(duration_s=duration_s) for name in names},
        [written(name) for name in names] if writes is None else writes,
        carried(plan) if throughputs is None else throughputs,
    )
    return {leg.path: leg for leg in found}, charts


def test_a_trio_is_a_daisy_chain_with_a_lost_passive_node_and_a_way_back():
    found = situations_of(PLAN)
    told = {
        hop: {(one.active, one.lost) for one in situations if one.documented}
        for hop, situations in found.items()
        if any(one.documented for one in situations)
    }
    assert told == {
        ("primary", "secondary"): {("primary", "")},
        ("secondary", "primary"): {("secondary", "")},
        ("secondary", "tertiary"): {("primary", ""), ("secondary", "primary")},
        ("primary", "tertiary"): {("secondary", ""), ("primary", "secondary")},
    }
    assert {hop for hop in found if hop not in told} == {("tertiary", "primary"), ("tertiary", "secondary")}


def test_without_roles_every_node_feeds_every_other():
    plan = parse(plan_data(nodes=("a", "b", "c")), "plan.toml")
    assert len(situations_of(plan)) == 6
    assert situations_of(plan)["b", "c"] == (Situation("b", "", documented=False),)


def test_of_a_free_list_those_feed_each_other_that_fail_over():
    plan = parse(plan_data(nodes=("a", "b", "c")), "plan.toml")
    assert set(situations_of(plan, plan.stacks)) == {("a", "b"), ("b", "a")}


def test_of_many_paths_the_fullest_have_charts():
    plan = parse(plan_data(nodes="abcde", stack=[], replication={}), "plan.toml")
    rates = {"b>a/ch1": replace(carried(plan)["b>a/ch1"], median_bps=1e6)}
    found, charts = legs(plan, throughputs=carried(plan, **rates))
    assert len(found) == 20
    assert len(charts) == 24
    assert charts[0].id == "churn:b>a/ch1"


def test_the_writes_of_whoever_wrote_the_most_count_on_every_leg():
    found, _ = legs(writes=[written("primary", 1e6), written("secondary", 3e6), written("tertiary", 2e6)])
    assert {leg.writer for leg in found.values()} == {"secondary"}
    assert {round(leg.p95_Bps) for leg in found.values()} == {3_900_000}
    assert set(found) == {
        "primary>secondary/ch-ab", "secondary>primary/ch-ab", "primary>tertiary/ch-ac", "tertiary>primary/ch-ac",
        "secondary>tertiary/ch-bc", "tertiary>secondary/ch-bc",
    }  # fmt: skip


def test_only_the_disk_of_the_planned_data_counts_where_it_is_known():
    data = trio_data()
    for node in data["node"]:
        node["data"] = ["/db"]
    plan = parse(data, "plan.toml")
    everywhere = [written(node.name, 9e6) for node in plan.nodes]
    placed = [written(node.name, 2e6, "sdb", ("/db",)) for node in plan.nodes]
    found, _ = legs(plan, [*everywhere, *placed])
    assert {(leg.disks, round(leg.mean_Bps)) for leg in found.values()} == {(("sdb",), 2_600_000)}
    found, _ = legs(plan, everywhere)
    assert {(leg.disks, round(leg.mean_Bps)) for leg in found.values()} == {((), 11_700_000)}


def test_percentiles_of_two_data_disks_are_those_of_their_sum():
    data = trio_data()
    data["node"][0]["data"] = ["/db", "/log"]
    plan = parse(data, "plan.toml")
    one, other = [1e6] * MINUTES, [1e6] * MINUTES
    for minute in range(4):
        one[minute], other[minute + 20] = 9e6, 9e6
    disks = [
        written("primary", disk="sdb", holds=("/db",), series=one),
        written("primary", disk="sdc", holds=("/log",), series=other),
    ]
    found, _ = legs(plan, [written("primary", 5e7), written("secondary", 0.0), *disks])
    leg = found["primary>secondary/ch-ab"]
    assert leg.disks == ("sdb", "sdc")
    assert leg.p95_Bps == leg.maximum_Bps == pytest.approx(1.3 * 10e6), "peaks that do not meet do not add up"


def test_a_minute_without_record_is_neither_quiet_nor_busy():
    series = [4e6, None] * (MINUTES // 2)
    found, _ = legs(writes=[written(node.name, series=series) for node in PLAN.nodes], duration_s=1800.0)
    leg = found["primary>secondary/ch-ab"]
    assert leg.mean_Bps == pytest.approx(1.3 * 4e6)
    assert leg.plain is not None
    assert leg.plain.largest_B == 0.0


@pytest.mark.parametrize(
    ("writes", "duration_s", "reason"),
    [
        (["secondary", "tertiary"], 3600.0, "what primary writes is not known (its disks are not on record)"),
        (["primary", "tertiary"], 3600.0, "what secondary writes is not known"),
        (["primary", "secondary", "tertiary"], 36000.0, "recorded for 1 h of 10 h only"),
    ],
)
def test_what_a_node_writes_that_told_nothing_is_no_zero(writes, duration_s, reason):
    found, charts = legs(writes=[written(name) for name in writes], duration_s=duration_s)
    reason = reason.replace("1 h", "61 min")
    assert all(reason in leg.reason and leg.plain is None for leg in found.values())
    assert not charts


def test_a_path_without_a_bandwidth_test_says_so_and_costs_the_others_nothing():
    thin = {"primary>tertiary/ch-ac": replace(carried()["primary>tertiary/ch-ac"], median_bps=None, reason="no iperf3")}
    found, _ = legs(throughputs=carried(**thin))
    assert found["primary>tertiary/ch-ac"].reason == "no bandwidth test gave a figure (no iperf3)"
    assert found["secondary>tertiary/ch-bc"].plain is not None


def test_a_hop_without_a_probed_channel_is_told_as_the_pair():
    data = trio_data()
    data["network"]["ch-bc"]["probe"] = False
    found, _ = legs(parse(data, "plan.toml"))
    assert found["secondary+tertiary"].reason == "no probed channel joins secondary and tertiary"
    assert found["secondary+tertiary"].network == ""


def test_a_channel_that_the_product_is_not_bound_to_stands_in_where_there_is_no_other():
    found, _ = legs(parse(trio_data(), "plan.toml"))
    assert "secondary>tertiary/ch-bc" in found


def test_without_a_product_that_replicates_only_the_plans_word_asks_for_it():
    plan = parse(plan_data(), "plan.toml")
    assert legs(plan) == ({}, ())
    asked = parse(plan_data(replication={}), "plan.toml")
    assert set(legs(asked)[0]) == {"a>b/ch1", "b>a/ch1"}


def test_a_planned_compression_stands_beside_the_figures_without_one():
    plan = neverfail_trio(replication={"growth": 0.0, "compression": 2.0, "size_B": 12_000_000_000})
    found, charts = legs(plan, [written(node.name, 10e6) for node in plan.nodes])
    leg = found["primary>secondary/ch-ab"]
    assert (leg.plain.share, leg.packed.share) == (pytest.approx(0.8), pytest.approx(0.4))
    # 12.5 MB/s less the writes at their mean: 2.5 MB/s, and 7.5 MB/s for half of the bytes.
    assert (leg.plain.copy_s, leg.packed.copy_s) == (pytest.approx(4800.0), pytest.approx(800.0))
    assert dict(leg.plain.resync) == {
        600.0: pytest.approx(10 / 2.5 * 600, rel=1e-4),
        3600.0: pytest.approx(14400, rel=1e-4),
    }
    assert (leg.size_from, leg.compression) == ("the plan", 2.0)
    assert {chart.unit for chart in charts} == {"B", "B/s"}


def test_no_compression_is_assumed():
    found, _ = legs()
    assert {(leg.compression, leg.packed) for leg in found.values()} == {(None, None)}


def test_a_full_copy_takes_the_used_space_of_the_file_system_that_holds_the_data():
    data = trio_data()
    for node in data["node"]:
        node["data"] = ["/var/lib/app", "/var/lib/other"]
    plan = parse(data, "plan.toml")
    frame = pd.DataFrame(
        {
            "filesystem": ["/", "/var", "/", "/var"],
            "t_s": [0.0, 0.0, 10.0, 10.0],
            "size_KiB": [1000, 5000, 1000, 5000],
            "free_KiB": [900, 4000, 900, 3000],
        }
    )
    tables = {node.name: {"filesystem": frame} for node in plan.nodes}
    leg = legs(plan, tables=tables)[0]["primary>secondary/ch-ab"]
    assert (leg.size_B, leg.size_from) == (2000 * 1024.0, "used space of /var on primary")
    assert leg.plain.copy_s == pytest.approx(2000 * 1024 / (12.5e6 - 1.3e6))
    assert legs(plan)[0]["primary>secondary/ch-ab"].size_B is None
    odd = frame.assign(free_KiB=np.nan)
    assert (
        legs(plan, tables={name: {"filesystem": odd} for name in tables})[0]["primary>secondary/ch-ab"].size_B is None
    )


# The rule


def judge(part=0.5, plan=PLAN, **changes):
    """The rule's word on a path of 100 Mbit/s of which that part is needed."""
    leg = legs()[0]["primary>secondary/ch-ab"]
    needed = part * 100e6 / 8
    backlog = Backlog(part, 0.0, 0.0, 0.0, 0.0, 0.0, (), None)
    leg = replace(leg, p95_Bps=needed, third_Bps=needed, plain=backlog, in_use=True, **changes)
    context = Context(
        Subject(Scope.PATH, leg.path), plan, leg.source, 3600.0, {REPLICATION: leg}, replication.RULE.limits
    )
    (word,) = replication.RULE.check(context)
    return word


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (0.1, Status.PASS),
        (0.7, Status.PASS),
        (0.7001, Status.WARN),
        (0.9, Status.WARN),
        (0.9001, Status.FAIL),
        (3.0, Status.FAIL),
    ],
)
def test_the_share_of_the_rate_is_judged_by_its_limits(part, status):
    word = judge(part)
    assert word.status is status
    assert word.evidence[0].value == part
    assert bool(word.remedy) is (status is not Status.PASS)


@pytest.mark.parametrize(("spare_bps", "status"), [(1.1e6, Status.PASS), (1.0e6, Status.PASS), (0.99e6, Status.FAIL)])
def test_a_thin_path_keeps_a_megabit_to_spare(spare_bps, status):
    needed = (3e6 - spare_bps) / 8
    leg = replace(legs()[0]["primary>secondary/ch-ab"], capacity_bps=3e6, p95_Bps=needed, third_Bps=needed, in_use=True)
    leg = replace(leg, plain=replace(leg.plain, share=0.65))
    context = Context(
        Subject(Scope.PATH, leg.path), PLAN, leg.source, 3600.0, {REPLICATION: leg}, replication.RULE.limits
    )
    (word,) = replication.RULE.check(context)
    assert word.status is status


def test_one_bad_minute_of_a_short_run_condemns_nobody():
    assert judge(2.0, minutes=15).status is Status.FAIL
    leg = replace(legs()[0]["primary>secondary/ch-ab"], in_use=True, p95_Bps=2e7, third_Bps=1e6, minutes=15)
    leg = replace(leg, plain=replace(leg.plain, share=1.6))
    context = Context(
        Subject(Scope.PATH, leg.path), PLAN, leg.source, 900.0, {REPLICATION: leg}, replication.RULE.limits
    )
    (word,) = replication.RULE.check(context)
    assert word.status is Status.WARN


def test_a_planned_compression_is_what_is_judged():
    packed = Backlog(0.45, 0.0, 0.0, 0.0, 0.0, 0.0, (), None)
    word = judge(0.9001, compression=2.0, packed=packed)
    assert word.status is Status.PASS
    assert "planned compression of 2 to 1" in word.message
    assert "Ask the vendor" in judge(0.9001).remedy


def test_that_nothing_waits_is_no_promise_of_a_recovery_point_of_nothing():
    word = judge(0.5)
    assert (
        "nothing waits, within a minute's resolution; the line's delay and the product's own queue come on top"
        in word.message
    )
    assert not any("recovery point" in item.what for item in word.evidence)
    waiting = judge(2.0, compression=1.0, packed=Backlog(2.0, 9e8, 600.0, 245.2, 835.8, 0.0, (), None))
    assert [item.value for item in waiting.evidence if "recovery point" in item.what] == [835.8]


def test_minutes_of_writes_are_told_as_minutes():
    waiting = Backlog(2.0, 9e8, 600.0, 245.2, 835.8, 0.0, (), None)
    text = judge(2.0, compression=1.0, packed=waiting).message

    assert "drains in 4 min 5 s" in text
    assert "takes up to 13 min 56 s of writes with it" in text


def test_a_path_that_was_held_below_what_it_may_carry_can_pass_and_is_never_condemned():
    assert judge(0.5, held=True).status is Status.PASS
    word = judge(3.0, held=True)
    assert word.status is Status.SKIPPED
    assert "cap_bps" in word.remedy


def test_machines_that_are_not_in_use_prove_nothing_about_the_writes_to_come():
    leg = replace(legs()[0]["primary>secondary/ch-ab"], in_use=False)
    context = Context(
        Subject(Scope.PATH, leg.path), PLAN, leg.source, 900.0, {REPLICATION: leg}, replication.RULE.limits
    )
    (word,) = replication.RULE.check(context)
    assert word.status is Status.INFO
    assert "not in use yet" in word.message


def test_what_an_active_dr_server_feeds_is_not_documented_and_only_warns():
    undocumented = (Situation("tertiary", "", documented=False),)
    assert judge(3.0, source="tertiary", target="primary", situations=undocumented).status is Status.WARN
    assert judge(3.0, situations=(Situation("primary", "", documented=False),)).status is Status.FAIL


@pytest.mark.parametrize(
    ("changes", "text", "remedy"),
    [
        (
            {"reason": "no bandwidth test gave a figure", "capacity_bps": None},
            "not known: no bandwidth test",
            "Let bandwidth tests run",
        ),
        ({"reason": "what a writes is not known"}, "not known: what a writes", "disk probe"),
        ({"reason": "no probed channel joins", "network": ""}, "primary to secondary", "Plan a channel"),
        ({"minutes": 13}, "whole minutes: 13", "at least 15 min"),
    ],
)
def test_what_is_missing_is_named_and_never_a_pass(changes, text, remedy):
    word = judge(0.1, **changes)
    assert word.status is Status.SKIPPED
    assert text in word.message
    assert remedy in word.remedy


# From archives


def site(rate_bps=100e6, rate=1e6, machines=None, **plan):
    length_s = 1200.0
    data = plan_data(**plan) | {"bandwidth": {"budget_B": 10**10}}
    data["stack"] = [{"name": "neverfail", "networks": ["ch1"], "auto_failover": [["a", "b"]]}]
    for node in data["node"]:
        node["in_use"] = True
    found = Site(length_s=length_s, plan=data)
    for name in "ab":
        found.machines[name] = Machine(disk=True, host=True, writes_Bps=lambda t: np.full(len(t), rate))
    for name, other in ("ab", "ba"):
        found.links[f"{name}>{other}/ch1"] = Link(tests=[Test(100.0, rate_bps)])
    found.machines.update(machines or {})
    return found


@pytest.mark.parametrize(("rate", "status"), [(1e6, Status.PASS), (9e6, Status.FAIL)])
def test_archives_give_findings_backlogs_and_charts_that_the_assessment_keeps(tmp_path, rate, status):
    found = assess(list(write(site(rate=rate), tmp_path).values()))
    words = [item for item in found.findings if item.rule == "replication"]
    assert {item.subject.name: item.status for item in words} == {"a>b/ch1": status, "b>a/ch1": status}
    charts = {trace.id for trace in found.traces}
    assert {"churn:a>b/ch1", "backlog:a>b/ch1"} <= charts
    assert Assessment.from_json(found.to_json()).replications == found.replications
    assert (found.verdict is Verdict.UNSUITABLE) is (status is Status.FAIL)


def test_archives_without_a_record_of_the_disks_leave_replication_open(tmp_path):
    found = assess(list(write(site(machines={"a": Machine(host=True)}), tmp_path).values()))
    words = [item for item in found.findings if item.rule == "replication"]
    assert {item.status for item in words} == {Status.SKIPPED}
    assert "what a writes is not known" in words[0].message
