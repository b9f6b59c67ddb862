"""Whether one node can do the work of two: added up minute by minute, and judged as one node is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import Machine, Site, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Assessment, Headroom, Resource, Scope, Status, Subject
from analyzer.extension import HEADROOM, Context
from analyzer.headroom import headrooms
from analyzer.rules import headroom
from collector.plan import parse

LENGTH_S = 1200


def plan(phase="before", *, in_use=True, kinds=None):
    data = plan_data(networks=tuple(kinds or {"ch1": "channel"}))
    data["cluster"]["phase"] = phase
    data["network"] = {name: {"kind": kind} for name, kind in (kinds or {"ch1": "channel"}).items()}
    for node in data["node"]:
        node["in_use"] = in_use
    return parse(data, "plan.toml")


PLAN = plan()


def item(part, resource=Resource.CPU, *, third=None, peak=None, capacity=8.0, reason="", node="a"):
    most = part * capacity
    return Headroom(
        node, "b" if node == "a" else "a", resource, "", 1440, most / 2, most / 2, most, (part if peak is None else peak) * capacity,
        (part if third is None else third) * capacity, capacity, reason,
    )  # fmt: skip


def about(*items, of=PLAN):
    context = Context(Subject(Scope.PAIR, "a+b"), of, "", 86400.0, {HEADROOM: items}, headroom.RULE.limits)
    return list(headroom.RULE.check(context))


@pytest.mark.parametrize(
    ("resource", "part", "status"),
    [
        (Resource.CPU, 0.5, Status.PASS), (Resource.CPU, 0.501, Status.WARN), (Resource.CPU, 0.8, Status.WARN), (Resource.CPU, 0.801, Status.FAIL),
        (Resource.MEMORY, 0.9, Status.PASS), (Resource.MEMORY, 0.901, Status.WARN), (Resource.MEMORY, 1.0, Status.WARN),
        (Resource.MEMORY, 2.0, Status.WARN),
        (Resource.DISK, 0.9, Status.PASS), (Resource.DISK, 0.901, Status.WARN),
        (Resource.DISK, 2.0, Status.WARN), (Resource.NIC, 0.3, Status.PASS), (Resource.NIC, 0.301, Status.WARN), (Resource.NIC, 0.5, Status.WARN),
        (Resource.NIC, 0.501, Status.FAIL),
    ],
)  # fmt: skip
def test_each_resource_is_judged_by_its_limits(resource, part, status):
    (word,) = about(item(part, resource))
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(part)
    assert bool(word.remedy) is (status is not Status.PASS)


def test_memory_that_is_not_there_warns_and_says_what_is_in_the_sum_twice():
    (over,) = about(item(1.01, Resource.MEMORY))
    (room,) = about(item(0.95, Resource.MEMORY))
    assert "are in that sum twice" in over.message
    assert "twice" not in room.message


@pytest.mark.parametrize(("peak", "status"), [(0.9, Status.PASS), (0.901, Status.WARN), (1.5, Status.WARN)])
def test_rare_minutes_only_warn(peak, status):
    assert [word.status for word in about(item(0.4, peak=peak))] == [status]


def test_one_bad_minute_of_a_short_run_condemns_nobody():
    assert [word.status for word in about(item(0.95, third=0.4, peak=0.95))] == [Status.WARN]


def test_on_a_running_cluster_the_standby_does_a_part_of_the_work_already():
    (word,) = about(item(0.95), of=plan("live"))
    assert word.status is Status.WARN


@pytest.mark.parametrize("part", [0.1, 0.95])
def test_machines_that_are_not_in_use_prove_nothing_about_the_work_to_come(part):
    (word,) = about(item(part), of=plan(in_use=False))
    assert word.status is Status.INFO
    assert "says nothing about the work to come" in word.message


def test_what_is_missing_is_named_beside_what_is_bad():
    words = about(item(0.95), item(0.1, Resource.MEMORY, reason="node b recorded no memory"))
    assert [word.status for word in words] == [Status.FAIL, Status.SKIPPED]
    assert "memory of a with the work of b: node b recorded no memory" in words[1].message


def test_of_a_large_cluster_only_pairs_that_fail_over_are_added_up():
    names = [f"n{place}" for place in range(9)]
    large = parse(plan_data(nodes=names), "plan.toml")
    nodes = {name: SimpleNamespace(name=name, tables={}) for name in names}
    summaries = dict.fromkeys(names, SimpleNamespace(duration_s=1.0))
    items = headrooms(large, nodes, summaries, {})
    assert {(item.node, item.other) for item in items} == {("n0", "n1"), ("n1", "n0")}
    assert [word.status for word in about()] == [Status.INFO]


def test_an_interface_that_tells_no_speed_is_no_trouble_and_no_pass_of_its_own():
    words = about(item(0.1), Headroom("a", "b", Resource.NIC, "lan", 20, 1.0, 1.0, 2.0, 2.0, 2.0, None, ""))
    assert [word.status for word in words] == [Status.PASS, Status.INFO]
    assert "does not tell its limit" in words[1].message


def test_the_sum_says_who_does_whose_work_in_which_unit():
    text = about(item(0.95, Resource.NIC, capacity=1e9))[0].message
    assert "interface of a with the work of b takes 95 % of what it has (950 Mbit/s of 1 Gbit/s" in text
    assert "7.6 of 8 cores" in about(item(0.95))[0].message


# From the tables of two machines


def per_minute(*values):
    """A rate per second of each minute; a counter's first row tells of the second before."""
    return np.cumsum(np.concatenate([[0.0], np.repeat(np.array(values, dtype=float), 60)]))


def cpu(*shares, cores=4):
    busy = np.round(per_minute(*shares) * 100 * cores)
    t_s = np.arange(len(busy), dtype=float)
    rows = pd.DataFrame({"cpu": "all", "t_s": t_s - 0.5, "user_cs": busy, "idle_cs": t_s * 100 * cores - busy})
    each = [rows.assign(cpu=str(number)) for number in range(cores)]
    return pd.concat([rows, *each], ignore_index=True)


def memory(used, size=8_000_000, minutes=20):
    t_s = np.arange(minutes * 60, dtype=float)
    return pd.DataFrame({"t_s": t_s, "total_KiB": size, "available_KiB": size - used})


def disk(name, *shares):
    busy = np.round(per_minute(*shares) * 1000)
    return pd.DataFrame({"disk": name, "t_s": np.arange(len(busy)) - 0.5, "busy_ms": busy})


def nic(name, rx, tx, minutes=20):
    t_s = np.arange(minutes * 60, dtype=float)
    return pd.DataFrame({"nic": name, "t_s": t_s, "rx_B": t_s * rx, "tx_B": t_s * tx})


def found(a, b, facts=None, of=PLAN, length_s=LENGTH_S):
    nodes = {name: SimpleNamespace(name=name, tables=tables) for name, tables in (("a", a), ("b", b))}
    summaries = {name: SimpleNamespace(duration_s=float(length_s)) for name in nodes}
    items = headrooms(of, nodes, summaries, facts or {})
    return {(item.node, item.resource, item.of): item for item in items}


def test_peaks_that_do_not_meet_do_not_add_up():
    one, other = [0.1] * 20, [0.1] * 20
    one[3], other[9] = 0.9, 0.9
    together = found({"cpu": cpu(*one)}, {"cpu": cpu(*other)})["a", Resource.CPU, ""]
    assert together.p99 == pytest.approx(4 * 1.0, rel=0.01)
    assert together.share == pytest.approx(1.0, rel=0.01)
    meeting = found({"cpu": cpu(*one)}, {"cpu": cpu(*one)})["a", Resource.CPU, ""]
    assert meeting.p99 == pytest.approx(4 * 1.8, rel=0.01)


def test_each_node_is_held_against_what_it_has_itself():
    items = found({"cpu": cpu(*[0.5] * 20, cores=8)}, {"cpu": cpu(*[0.5] * 20, cores=2)})
    assert items["a", Resource.CPU, ""].share == pytest.approx(5 / 8, rel=0.01)
    assert items["b", Resource.CPU, ""].share == pytest.approx(5 / 2, rel=0.01)


def test_memory_in_use_is_added_up():
    items = found({"memory": memory(3_000_000)}, {"memory": memory(2_000_000, 4_000_000)})
    assert items["a", Resource.MEMORY, ""].share == pytest.approx(5 / 8)
    assert items["b", Resource.MEMORY, ""].share == pytest.approx(5 / 4)


def test_of_the_disks_that_of_the_planned_data_counts_else_the_busiest():
    tables = {"disk": pd.concat([disk("sda", *[0.5] * 20), disk("sdb", *[0.2] * 20)])}
    items = found(tables, tables)
    assert items["a", Resource.DISK, "sda"].share == pytest.approx(1.0, rel=0.01)
    facts = {name: {"data": [{"folder": "/db", "disk": "sdb"}, 7]} for name in "ab"}
    assert found(tables, tables, facts)["a", Resource.DISK, "sdb"].share == pytest.approx(0.4, rel=0.01)


def inventory(name, place, speed=1000):
    address = {"family": "AF_INET", "address": f"10.0.{place}.{'ab'.index(name) + 1}", "prefix": 24}
    return {"nics": {"eth0": {"up": True, "speed_Mbps": speed, "driver": "e1000e", "addresses": [address]}}}


def test_traffic_of_clients_is_held_against_the_speed_of_the_interface_by_direction():
    of = plan(kinds={"lan": "public", "ch1": "channel"})
    facts = {name: inventory(name, 0) for name in "ab"}
    items = found({"nic": nic("eth0", 10e6, 1e6)}, {"nic": nic("eth0", 5e6, 40e6)}, facts, of)
    lan = items["a", Resource.NIC, "lan"]
    assert lan.p95 == pytest.approx(8 * 41e6), "41 MB/s were sent, 15 MB/s received"
    assert lan.capacity == 1e9
    assert not any(network == "ch1" for _, _, network in items), "what runs between the two does not come along"


def test_what_was_not_recorded_or_not_at_the_same_time_has_a_reason():
    items = found({"cpu": cpu(*[0.1] * 20)}, {})
    assert items["a", Resource.CPU, ""].reason == "node b recorded no cpu"
    late = cpu(*[0.1] * 20)
    late["t_s"] += 660.0
    assert (
        "together for less than 15 min" in found({"cpu": cpu(*[0.1] * 20)}, {"cpu": late})["a", Resource.CPU, ""].reason
    )
    thin = found({"cpu": cpu(*[0.1] * 20)}, {"cpu": cpu(*[0.1] * 20)}, length_s=36000)
    assert "table cpu of node a was recorded for" in thin["a", Resource.CPU, ""].reason
    odd = memory(1).assign(available_KiB=np.nan)
    assert found({"memory": odd}, {"memory": odd})["a", Resource.MEMORY, ""].reason


def test_archives_give_a_finding_that_the_assessment_keeps(tmp_path):
    data = plan_data()
    for node in data["node"]:
        node["in_use"] = True
    machines = {name: Machine(busy=lambda t: np.full(len(t), 0.45), memory=True, disk=True, host=True) for name in "ab"}
    assessment = assess(list(write(Site(length_s=1200.0, plan=data, machines=machines), tmp_path).values()))
    (word,) = [
        finding for finding in assessment.findings if finding.rule == "headroom" and finding.status is Status.FAIL
    ]
    assert word.subject.name == "a+b"
    assert "CPU of a with the work of b takes 90 %" in word.message
    assert Assessment.from_json(assessment.to_json()).headrooms == assessment.headrooms
