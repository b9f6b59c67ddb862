"""Rules about what runs short: handles, queues, promised memory, small writes, the collector's own share, the clocks' readings."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import plan_data
from test_rules_host import FAIL, INFO, ON_ETH0, PASS, QUARTER_S, SKIPPED, WARN, about_engine, ask, counters, gauges

from analyzer import stacks
from analyzer.commits import LEAST
from analyzer.contract import NodeClock, NodeSummary, Quantiles, Scope, Status, Subject, Throughput
from analyzer.engine import customs
from analyzer.extension import ARCHIVE, CLOCK, TESTS, THROUGHPUT, TIMINGS, Context
from analyzer.rules import (
    backlog,
    clock_readings,
    collector_cost,
    commit_charge,
    commit_rate,
    consensus,
    disk_queue,
    handles,
    memory,
    node_spread,
    pressure,
)
from collector.plan import parse
from collector.plugins import discover

# ---------------------------------------------------------------- file handles


def opened(share=0.5, most=1000, **changes):
    frame = gauges(step_s=10.0, open=np.round(np.asarray(share) * most), **changes)
    return frame.assign(most=most)


@pytest.mark.parametrize(
    ("share", "status"), [(0.0, PASS), (0.7, PASS), (0.701, WARN), (0.9, WARN), (0.901, FAIL), (1.0, FAIL)]
)
def test_open_file_handles_are_judged_by_their_share(share, status):
    (word,) = ask(handles.RULE, {"handles": opened(share)})
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(share)


def test_a_minute_without_free_handles_warns_and_three_fail():
    share = np.full(91, 0.1)
    share[6:12] = 0.95
    assert ask(handles.RULE, {"handles": opened(share)})[0].status is WARN
    share[6:24] = 0.95
    assert ask(handles.RULE, {"handles": opened(share)})[0].status is FAIL


def test_a_system_that_sets_no_limit_has_handles_left():
    (word,) = ask(handles.RULE, {"handles": gauges(step_s=10.0, open=5000, most=1 << 53)})
    assert word.status is PASS


@pytest.mark.parametrize(
    "frame",
    [opened(length_s=600), opened().assign(most=np.nan), opened().assign(most=0), opened().assign(open=-1), opened().iloc[:0]],
    ids=["ten minutes", "no limit told", "limit of zero", "below zero", "nothing"],
)  # fmt: skip
def test_handles_that_were_not_seen_for_long_or_make_no_sense_are_unknown(frame):
    assert [word.status for word in ask(handles.RULE, {"handles": frame})] == [SKIPPED]


# ---------------------------------------------------------------- queues of interfaces


def queue(packets=0.0, **changes):
    return gauges(**({"packets": packets, "waiting_B": 0, "drops": 0} | changes)).assign(backlog="eth0")


def queued(frame, tests=(), device="eth0", facts=ON_ETH0):
    return ask(backlog.RULE, {"backlog": frame, TESTS: tests}, device, facts)


@pytest.mark.parametrize(("packets", "status"), [(0.0, PASS), (1.0, PASS), (1.1, WARN), (2.0, WARN), (2.1, FAIL)])
def test_packets_that_wait_are_judged_by_their_number(packets, status):
    (word,) = queued(queue(packets, drops=np.arange(QUARTER_S + 1)))
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(packets)


def test_a_queue_of_an_interface_that_carries_nothing_planned_only_warns():
    full = queue(50.0, drops=np.arange(QUARTER_S + 1))
    assert queued(full, device="eth9")[0].status is WARN
    assert queued(full, device="eth9", facts={})[0].status is FAIL, "where no address is placed any may be it"


def test_a_queue_that_dropped_nothing_only_warns():
    assert queued(queue(50.0))[0].status is WARN
    assert queued(queue(50.0, drops=np.nan))[0].status is WARN


def test_what_waits_during_our_own_tests_does_not_count():
    packets = np.zeros(QUARTER_S + 1)
    packets[300:420] = 900.0
    assert queued(queue(packets))[0].status is WARN
    assert queued(queue(packets), tests=((300.0, 419.0),))[0].status is SKIPPED, "two minutes less are too few"
    long = np.zeros(2 * QUARTER_S + 1)
    long[300:420] = 900.0
    assert queued(queue(long, length_s=2 * QUARTER_S), tests=((300.0, 419.0),))[0].status is PASS


@pytest.mark.parametrize("frame", [queue(length_s=600), queue(np.nan), queue(-1.0), queue().drop(columns="packets")])
def test_a_queue_that_was_not_seen_is_unknown_where_it_matters(frame):
    assert queued(frame)[0].status is SKIPPED
    assert queued(frame, device="eth9")[0].status is INFO


def test_the_loopback_has_no_queue():
    assert queued(queue(9.0), device="lo")[0].status is INFO


# ---------------------------------------------------------------- promised memory


def promised(ratio=0.5, **changes):
    return gauges(committed_KiB=np.round(np.asarray(ratio) * 1_000_000), commit_limit_KiB=1_000_000, **changes)


@pytest.mark.parametrize(
    ("ratio", "strict", "lenient"),
    [
        (0.5, PASS, PASS),
        (0.8, PASS, PASS),
        (0.801, WARN, INFO),
        (0.9, WARN, INFO),
        (0.901, FAIL, INFO),
        (3.0, FAIL, INFO),
    ],
)
def test_promised_memory_is_judged_where_the_kernel_holds_to_its_limit(ratio, strict, lenient):
    found = {
        mode: ask(commit_charge.RULE, {"memory": promised(ratio)}, facts={"overcommit": mode})[0] for mode in (0, 1, 2)
    }
    assert [found[mode].status for mode in (2, 1, 0)] == [strict, lenient, lenient]
    assert found[2].evidence[0].value == pytest.approx(ratio)
    assert "does not hold" in found[0].message


@pytest.mark.parametrize("facts", [{}, {"overcommit": "2"}, {"overcommit": True}, {"overcommit": 7}])
def test_promised_memory_beyond_the_limit_is_told_where_the_setting_is_not(facts):
    (word,) = ask(commit_charge.RULE, {"memory": promised(0.95)}, facts=facts)
    assert word.status is INFO
    assert "is not told" in word.message


@pytest.mark.parametrize("frame", [promised(length_s=600), promised(np.nan), promised(-1.0), promised().iloc[:0]])
def test_promised_memory_that_was_not_seen_is_unknown(frame):
    assert ask(commit_charge.RULE, {"memory": frame}, facts={"overcommit": 2})[0].status is SKIPPED


def test_the_rule_of_memory_leaves_commitment_to_its_own():
    frame = promised(3.0).assign(total_KiB=16_000_000, available_KiB=8_000_000)
    assert [word.status for word in ask(memory.RULE, {"memory": frame})] == [PASS]


# ---------------------------------------------------------------- pressure


def pressed(memory=0.0, io=0.0, cpu=0.5, **changes):
    rates = {"memory": (memory, memory), "io": (io, io), "cpu": (0.0, cpu)}
    return pd.concat(
        counters(full_us=full * 1e6, some_us=some * 1e6, **changes).assign(pressure=name)
        for name, (full, some) in rates.items()
    )


@pytest.mark.parametrize(("part", "status"), [(0.0, PASS), (0.1, PASS), (0.101, WARN), (1.0, WARN)])
def test_waiting_for_memory_is_judged_by_its_share_of_the_time(part, status):
    (word,) = ask(pressure.RULE, {"pressure": pressed(memory=part, io=0.9)})
    assert word.status is status
    assert [item.value for item in word.evidence] == pytest.approx([part, 0.9, 0.5])
    assert [item.limit is None for item in word.evidence] == [False, True, True], "the others are told and not judged"


@pytest.mark.parametrize(
    "frame",
    [
        pressed(length_s=600),
        pressed().assign(full_us=np.nan),
        pressed().query("pressure != 'memory'"),
        pressed().iloc[:0],
    ],
)
def test_pressure_that_was_not_seen_is_unknown(frame):
    assert ask(pressure.RULE, {"pressure": frame})[0].status is SKIPPED


def test_a_kernel_that_counts_no_pressure_is_asked_all_the_same_and_is_no_trouble():
    found = about_engine(pressure.RULE, {"cpu": pressed()})
    assert [(word.subject.name, word.status) for word in found] == [("a", INFO), ("b", SKIPPED)]
    assert "psi=1" in found[0].message


# ---------------------------------------------------------------- overloaded disks


def loaded(took_ms, depth, size=4096.0, **changes):
    """A disk with `depth` requests under way that take `took_ms` each."""
    a_second = np.asarray(depth, dtype=float) * 1000.0 / took_ms
    return counters(
        reads=0 * a_second, read_ms=0 * a_second, read_B=0 * a_second,
        writes=a_second, write_ms=a_second * took_ms, write_B=a_second * size, **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("took_ms", "size", "status"),
    [
        (15.0, 65536.0, PASS), (15.2, 65536.0, WARN), (25.0, 65536.0, WARN), (25.2, 65536.0, FAIL),
        (15.0, 70000.0, PASS), (15.2, 70000.0, WARN), (35.0, 70000.0, WARN), (35.2, 70000.0, FAIL),
    ],
)  # fmt: skip
def test_what_waits_in_a_queue_is_judged_by_its_time_and_size(took_ms, size, status):
    (word,) = ask(disk_queue.RULE, {"disk": loaded(took_ms, took_ms * 0.2, size)}, "sda")
    assert word.status is status
    assert max(item.value for item in word.evidence[:2]) == pytest.approx(took_ms / 1e3, rel=1e-3)


def test_without_a_queue_a_slow_disk_is_slow_and_not_overloaded():
    assert ask(disk_queue.RULE, {"disk": loaded(100.0, 0.9)}, "sda")[0].status is PASS
    assert ask(disk_queue.RULE, {"disk": loaded(100.0, 1.1)}, "sda")[0].status is FAIL


def test_many_requests_at_a_time_harm_nobody_where_they_are_served_at_once():
    (word,) = ask(disk_queue.RULE, {"disk": loaded(1.0, 30.0)}, "sda")
    assert (word.status, word.evidence[2].value) == (PASS, pytest.approx(30.0, rel=1e-3))


def test_one_overloaded_minute_of_a_short_run_warns_and_three_fail():
    depth = np.full(QUARTER_S + 1, 0.5)
    depth[300:360] = 5.0
    assert ask(disk_queue.RULE, {"disk": loaded(40.0, depth)}, "sda")[0].status is WARN
    depth[300:480] = 5.0
    assert ask(disk_queue.RULE, {"disk": loaded(40.0, depth)}, "sda")[0].status is FAIL


@pytest.mark.parametrize(
    "frame", [loaded(1.0, 1.0, length_s=600), loaded(1.0, 1.0).drop(columns="write_B"), pd.DataFrame()]
)
def test_a_disk_that_was_not_seen_is_unknown(frame):
    assert ask(disk_queue.RULE, {"disk": frame}, "sda")[0].status is SKIPPED


# ---------------------------------------------------------------- small writes in a row

ETCD = [{"name": "etcd", "networks": ["ch1"]}]


def in_a_row(took_s, data=("/db",), asked=ETCD):
    given = plan_data(stack=asked)
    given["node"][0]["data"] = list(data)
    the_plan = parse(given, "plan.toml")
    frame = pd.DataFrame({"t_s": np.arange(len(took_s), dtype=float), "took_us": np.asarray(took_s) * 1e6, "error": 0})
    products = customs(discover(stacks, "STACK"), the_plan)
    context = Context(
        Subject(Scope.DEVICE, "a//db"),
        the_plan,
        "a",
        900.0,
        {"commit": frame},
        commit_rate.RULE.limits,
        customs=products,
    )
    return list(commit_rate.RULE.check(context))


@pytest.mark.parametrize(
    ("took_s", "status"), [(0.001, PASS), (0.002, PASS), (0.00201, WARN), (0.02, WARN), (0.0201, FAIL)]
)
def test_writes_in_a_row_are_judged_by_their_mean_time(took_s, status):
    (word,) = in_a_row([took_s] * 900)
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(1 / took_s)


@pytest.mark.parametrize(("data", "asked"), [((), ETCD), (("/db",), []), (("/other",), ETCD)])
def test_writes_that_no_planned_product_waits_for_are_told_and_not_judged(data, asked):
    (word,) = in_a_row([0.5] * 900, data, asked)
    assert word.status is INFO
    assert word.evidence[0].value == pytest.approx(2.0)


@pytest.mark.parametrize("took_s", [[0.001] * (LEAST - 1), [float("nan")] * 900, [-1.0] * 900])
def test_too_few_writes_are_unknown_where_they_matter(took_s):
    assert [word.status for word in in_a_row(took_s)] == [SKIPPED]
    assert [word.status for word in in_a_row(took_s, asked=[])] == [INFO]


def test_writes_that_took_no_time_give_no_rate():
    assert [word.status for word in in_a_row([0.0] * 900)] == [INFO]


# ---------------------------------------------------------------- the collector itself


def cost(cpu=0.016, memory_used=40 * 2**20, length_s=QUARTER_S):
    frame = counters(length_s, 60.0, cpu_cs=cpu * 100.0)
    return frame.assign(processes=5, pss_KiB=memory_used / 1024)


@pytest.mark.parametrize(
    ("cpu", "memory_used", "status"),
    [(0.016, 40 * 2**20, PASS), (0.05, 96 * 2**20, PASS), (0.051, 0, WARN), (0.0, 97 * 2**20, WARN)],
)
def test_the_collector_is_held_to_its_own_limits(cpu, memory_used, status):
    (word,) = ask(collector_cost.RULE, {"cost": cost(cpu, memory_used)})
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(cpu, rel=1e-2)


def test_a_process_that_was_started_again_does_not_hide_the_others_cost():
    frame = cost(0.1)
    frame.loc[7:, "cpu_cs"] -= 2000
    assert ask(collector_cost.RULE, {"cost": frame})[0].status is WARN


def test_memory_that_is_not_told_leaves_the_cpu_to_be_judged():
    (word,) = ask(collector_cost.RULE, {"cost": cost().assign(pss_KiB=np.nan)})
    assert (word.status, word.evidence[1].value) == (PASS, None)
    assert "memory not told" in word.message


@pytest.mark.parametrize("frame", [cost(length_s=540), cost().assign(cpu_cs=np.nan), cost().iloc[:0]])
def test_a_cost_that_was_not_seen_is_unknown(frame):
    assert ask(collector_cost.RULE, {"cost": frame})[0].status is SKIPPED


# ---------------------------------------------------------------- readings of the clocks

SUMMARY = NodeSummary("a", "", "", "a.zip", "", "", "", "", 900.0, 900.0, 0.0, True, (), 0, 0, None, (), ())  # fmt: skip


def read(readings, **changes):
    given = {CLOCK: NodeClock("a", readings, None, None, 0, (), ()), ARCHIVE: replace(SUMMARY, **changes)}
    plan = parse(plan_data(), "plan.toml")
    context = Context(Subject(Scope.NODE, "a"), plan, "a", 900.0, given, clock_readings.RULE.limits)
    return list(clock_readings.RULE.check(context))


@pytest.mark.parametrize(("readings", "status"), [(92, PASS), (81, PASS), (80, WARN), (0, WARN)])
def test_nine_of_ten_readings_of_the_clocks_are_enough(readings, status):
    (word,) = read(readings)
    assert word.status is status


def test_what_was_not_recorded_needs_no_reading_and_a_moment_says_nothing():
    assert read(45, gaps_s=400.0)[0].status is PASS
    assert read(6, duration_s=59.0)[0].status is SKIPPED
    assert read(0, duration_s=0.0)[0].status is SKIPPED


# ---------------------------------------------------------------- nodes of one site


TRIO = parse(plan_data(("a", "b", "c"), sites={}), "plan.toml")


def carried(source, target, rate_bps, network="ch1", limit_bps=None, wan=False):
    path = f"{source}>{target}/{network}"
    return Throughput(path, source, target, network, wan, None, limit_bps, (), rate_bps, rate_bps, rate_bps, "")


def spread(slow_bps, plan=TRIO, **changes):
    """Node c sends at another rate than the others."""
    ways = [
        carried(one, other, slow_bps if one == "c" else 1e9, **changes)
        for one in "abc"
        for other in "abc"
        if one != other
    ]
    return spread_of(ways, plan)


def spread_of(ways, plan=TRIO):
    context = Context(
        Subject(Scope.CLUSTER, "test"), plan, "", 900.0, {THROUGHPUT: tuple(ways)}, node_spread.RULE.limits
    )
    return list(node_spread.RULE.check(context))


@pytest.mark.parametrize(
    ("slow_bps", "status"), [(1e9, PASS), (0.8e9, PASS), (0.79e9, WARN), (0.5e9, WARN), (0.49e9, FAIL), (0.0, FAIL)]
)
def test_the_slowest_node_of_a_site_is_named(slow_bps, status):
    (word,) = spread(slow_bps)
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(1 - slow_bps / 1e9)
    if status is not PASS:
        assert "c sends" in word.message
        assert "port, cable, driver and CPU of c" in word.remedy


def test_a_node_that_receives_slowly_is_named_too():
    ways = [carried(one, other, 0.6e9 if other == "b" else 1e9) for one in "abc" for other in "abc" if one != other]
    (word,) = spread_of(ways)
    assert word.status is WARN
    assert "b receives 600 Mbit/s" in word.message


def test_two_nodes_and_paths_between_sites_are_not_compared_here():
    assert [word.status for word in spread_of([carried("a", "b", 1e9), carried("b", "a", 1e6)])] == [INFO]
    assert [word.status for word in spread(1e6, wan=True)] == [INFO]
    assert [word.status for word in spread_of([])] == [INFO]


def test_a_node_that_was_not_tested_is_unknown_and_different_caps_say_nothing():
    ways = [
        carried(one, other, None if "c" in (one, other) else 1e9) for one in "abc" for other in "abc" if one != other
    ]
    (word,) = spread_of(ways)
    assert word.status is SKIPPED
    assert "bandwidth of c" in word.message
    capped = [carried("a", "b", 1e9), carried("b", "c", 1e6, limit_bps=10**6), carried("c", "a", 1e9)]
    assert [word.status for word in spread_of(capped)] == [INFO]


def test_a_demonstration_proves_nothing_about_its_nodes_rates():
    cluster = {"name": "test", "topology": "custom", "origin": "demonstration"}
    plan = parse(plan_data(("a", "b", "c"), cluster=cluster), "plan.toml")
    assert [word.status for word in spread(1e6, plan)] == [INFO]


# ---------------------------------------------------------------- members of a consensus store


def heard(p99_s, stack=ETCD, missing=()):
    plan = parse(plan_data(stack=stack), "plan.toml")
    timings = tuple(
        SimpleNamespace(path=path.name, rtt=Quantiles(900, 0.0, 0.0, p99_s, 1.0, 1.0))
        for path in plan.paths()
        if path.name not in missing
    )
    products = customs(discover(stacks, "STACK"), plan)
    subject = Subject(Scope.CLUSTER, "test")
    context = Context(subject, plan, "", 900.0, {TIMINGS: timings}, consensus.RULE.limits, customs=products)
    return list(consensus.RULE.check(context))


@pytest.mark.parametrize(("p99_s", "status"), [(0.001, PASS), (0.05, PASS), (0.0501, WARN), (9.0, WARN)])
def test_members_of_a_consensus_store_have_to_hear_each_other_in_time(p99_s, status):
    (word,) = heard(p99_s)
    assert (word.status, word.evidence[0].value) == (status, p99_s)
    assert word.message.startswith("etcd: on ")


def test_a_path_between_members_that_was_not_measured_is_unknown_and_no_pass():
    assert [word.status for word in heard(0.001, missing=("a>b/ch1",))] == [INFO, SKIPPED]
    assert [word.status for word in heard(0.001, missing=("a>b/ch1", "b>a/ch1"))] == [SKIPPED]
    assert [word.status for word in heard(None)] == [SKIPPED]
    assert [word.status for word in heard(0.2, missing=("a>b/ch1",))] == [WARN, SKIPPED]


def test_without_a_consensus_store_there_is_nothing_to_hear():
    genesys = [{"name": "genesys-addp", "networks": ["ch1"], "auto_failover": [["a", "b"]]}]
    assert [word.status for word in heard(9.0, stack=genesys)] == [INFO]
    assert [word.status for word in heard(9.0, stack=[])] == [INFO]
    assert Status.PASS not in [word.status for word in heard(9.0)]
