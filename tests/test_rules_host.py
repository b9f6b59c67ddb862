"""Rules about the machines: at their limits, with too little, and with nonsense."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import plan_data

from analyzer import rules
from analyzer.contract import CpuShare, NodeSummary, Quantiles, Scope, Status, Subject, Timing
from analyzer.coverage import recorded_s
from analyzer.engine import judge
from analyzer.extension import FACTS, TIMINGS, Context
from analyzer.host import carried, cpu_shares, events, judged, worst
from analyzer.material import Material
from analyzer.netfacts import loopback
from analyzer.rules import (
    clock_offset,
    cpu_busy,
    disk_latency,
    free_space,
    link_state,
    memory,
    nic_errors,
    run_queue,
    steal,
    swap,
    time_service,
)
from analyzer.thin import node_charts
from collector.plan import parse
from collector.plugins import discover

PASS, INFO, WARN, FAIL, SKIPPED = Status.PASS, Status.INFO, Status.WARN, Status.FAIL, Status.SKIPPED
QUARTER_S = 900


def plan(**network):
    data = plan_data()
    data["network"] = {"ch1": network}
    return parse(data, "plan.toml")


PLAN = plan()
ON_ETH0 = {"nics": {"eth0": {"addresses": [{"family": "AF_INET", "address": "10.0.0.1"}]}}}


def ask(rule, tables=None, device="", facts=None, the_plan=PLAN, run_s=QUARTER_S):
    subject = Subject(Scope.DEVICE, f"a/{device}") if device else Subject(Scope.NODE, "a")
    given = {**(tables or {}), FACTS: ON_ETH0 if facts is None else facts}
    context = Context(subject, the_plan, "a", float(run_s), {need: given[need] for need in rule.needs}, rule.limits)
    found = list(rule.check(context))
    assert found, "a rule has to say something"
    for word in found:
        assert word.message
        assert word.remedy or word.status in (PASS, INFO), word
    return found


def statuses(*args, **changes):
    return [word.status for word in ask(*args, **changes)]


def clock(length_s=QUARTER_S, step_s=1.0):
    return np.arange(0.0, length_s + step_s / 2, step_s)


def gauges(length_s=QUARTER_S, step_s=1.0, **columns):
    t_s = clock(length_s, step_s)
    return pd.DataFrame({"t_s": t_s} | {name: np.broadcast_to(value, len(t_s)) for name, value in columns.items()})


def counters(length_s=QUARTER_S, step_s=1.0, **a_second):
    """Counters that grow by so much a second (one rate, or one per row)."""
    t_s = clock(length_s, step_s)
    columns = {name: np.cumsum(np.broadcast_to(rate, len(t_s)) * step_s) for name, rate in a_second.items()}
    return pd.DataFrame({"t_s": t_s} | {name: np.round(values).astype(np.int64) for name, values in columns.items()})


def until(frame, length_s):
    return frame[frame["t_s"] <= length_s]


def at(frame, device, label):
    return frame.assign(**{label: device})


# ---------------------------------------------------------------- CPU


def cpu(steal_cs=0.0, iowait_cs=0.0, user_cs=10.0, **changes):
    rates = {"user_cs": user_cs, "iowait_cs": iowait_cs, "steal_cs": steal_cs}
    rates["idle_cs"] = 100.0 - sum(rates.values())
    return counters(**changes, **rates).assign(cpu="all")


@pytest.mark.parametrize(("stolen_cs", "status"), [(0.0, PASS), (5.0, PASS), (5.1, WARN), (10.0, WARN), (10.1, FAIL)])
def test_stolen_cpu_is_judged_by_its_limits(stolen_cs, status):
    (word,) = ask(steal.RULE, {"cpu": cpu(stolen_cs, iowait_cs=7.0)})
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(stolen_cs / 100, abs=1e-4)
    assert word.evidence[2].value == pytest.approx(0.07, abs=2e-3)
    assert "7 %" in word.message or "7.0" in word.message
    assert bool(word.traces) is (status is not PASS)


def test_one_stolen_minute_of_a_short_run_warns_and_three_fail():
    rate = np.zeros(QUARTER_S + 1)
    rate[300:360] = 50
    assert statuses(steal.RULE, {"cpu": cpu(rate)}) == [WARN]
    rate[300:480] = 50
    assert statuses(steal.RULE, {"cpu": cpu(rate)}) == [FAIL]


def test_a_machine_that_does_not_tell_stolen_time_is_unknown():
    assert statuses(steal.RULE, {"cpu": cpu().assign(steal_cs=np.nan)}) == [SKIPPED]


def test_the_single_cpus_are_not_added_to_all_of_them():
    whole = cpu(user_cs=40.0)
    one = cpu(user_cs=90.0).assign(cpu="0")
    shares = cpu_shares(pd.concat([whole, one]), minutes=True)
    assert shares["busy"].to_numpy() == pytest.approx(0.4)
    node = SimpleNamespace(name="a", tables={"cpu": pd.concat([whole, one])})
    chart, *_ = node_charts(node, float(QUARTER_S))
    assert max(value for value in chart.high if value is not None) == pytest.approx(0.4)


def test_waiting_for_a_disk_is_not_busy_and_stolen_time_is():
    shares = cpu_shares(cpu(user_cs=10.0, iowait_cs=60.0, steal_cs=5.0), minutes=True)
    assert shares["busy"].to_numpy() == pytest.approx(0.15, abs=1e-3)
    assert statuses(cpu_busy.RULE, {"cpu": cpu(user_cs=10.0, iowait_cs=85.0)}) == [PASS]


@pytest.mark.parametrize(("running", "status"), [(0, PASS), (4, PASS), (12, PASS), (13, WARN), (44, WARN), (45, FAIL)])
def test_only_processes_that_wait_for_a_cpu_count_as_queued(running, status):
    cpus = pd.DataFrame({"cpu": ["all", "0", "1", "2", "3"]})
    (word,) = ask(run_queue.RULE, {"load": gauges(running=running), "cpu": cpus})
    assert word.status is status
    assert word.evidence[0].value == max(0, running - 4) / 4
    assert "its 4 CPUs" in word.message


def test_without_the_number_of_cpus_a_queue_says_nothing():
    only_all = pd.DataFrame({"cpu": ["all"]})
    assert statuses(run_queue.RULE, {"load": gauges(running=1), "cpu": only_all}) == [SKIPPED]
    none = gauges(running=np.nan)
    assert statuses(run_queue.RULE, {"load": none, "cpu": pd.DataFrame({"cpu": ["all", "0"]})}) == [SKIPPED]


# ---------------------------------------------------------------- memory


def ram(available=0.5, total=16_000_000, **columns):
    return gauges(total_KiB=total, available_KiB=np.round(np.asarray(available) * total), **columns)


@pytest.mark.parametrize(
    ("available", "status"), [(0.5, PASS), (0.1, PASS), (0.099, WARN), (0.05, WARN), (0.049, FAIL), (0.0, FAIL)]
)
def test_available_memory_is_judged_by_its_share(available, status):
    (word,) = ask(memory.RULE, {"memory": ram(available)})
    assert word.status is status
    assert word.evidence[0].value == pytest.approx(available)


def test_64_mb_are_needed_however_small_the_machine():
    assert statuses(memory.RULE, {"memory": ram(0.5, total=125_000)}) == [PASS]
    assert statuses(memory.RULE, {"memory": ram(0.499, total=125_000)}) == [FAIL]


def test_the_worst_minute_of_memory_counts_and_one_alone_only_warns():
    available = np.full(QUARTER_S + 1, 0.5)
    available[60:120] = 0.01
    assert statuses(memory.RULE, {"memory": ram(available)}) == [WARN]
    available[60:240] = 0.01
    assert statuses(memory.RULE, {"memory": ram(available)}) == [FAIL]


@pytest.mark.parametrize(
    ("used", "available", "status"),
    [
        (0.0, 0.5, PASS),
        (0.7, 0.5, PASS),
        (0.71, 0.5, WARN),
        (0.9, 0.08, WARN),
        (0.91, 0.08, FAIL),
        (1.0, 0.5, WARN),
    ],
)
def test_a_full_swap_fails_where_memory_is_short(used, available, status):
    frame = ram(available, swap_total_KiB=1_000_000, swap_free_KiB=round((1 - used) * 1_000_000))
    assert statuses(memory.RULE, {"memory": frame})[1] is status


def test_a_machine_without_swap_has_nothing_to_judge_there():
    frame = ram(swap_total_KiB=0, swap_free_KiB=0)
    assert statuses(memory.RULE, {"memory": frame}) == [PASS]


def test_commitment_is_told_and_not_judged():
    (word,) = ask(memory.RULE, {"memory": ram(committed_KiB=2_000_000, commit_limit_KiB=1_000_000)})
    assert (word.status, word.evidence[2].value, word.evidence[2].limit) == (PASS, 2.0, None)


def paging(out=0.0, kills=(), **changes):
    frame = counters(out_pages=out, **changes)
    return frame.assign(oom_kills=np.searchsorted(np.sort(np.asarray(kills, dtype=float)), frame["t_s"], side="right"))


@pytest.mark.parametrize(("rate", "status"), [(0.0, PASS), (4.9, PASS), (5.0, FAIL), (6.0, FAIL)])
def test_swapping_is_judged_by_its_rate_and_lasting(rate, status):
    assert statuses(swap.RULE, {"paging": paging(rate)}) == [status, PASS]


def test_swapping_for_a_while_warns_and_a_single_burst_passes():
    rate = np.zeros(QUARTER_S + 1)
    rate[300:320] = 1000
    assert statuses(swap.RULE, {"paging": paging(rate)})[0] is PASS, "two of ten samples"
    rate[300:330] = 1000
    word = ask(swap.RULE, {"paging": paging(rate)})[0]
    assert word.status is WARN, "three of ten samples"
    assert word.evidence[0].value == pytest.approx(1000)
    rate[300:530] = 1000
    assert statuses(swap.RULE, {"paging": paging(rate)})[0] is WARN
    rate[300:640] = 1000
    assert statuses(swap.RULE, {"paging": paging(rate)})[0] is FAIL


@pytest.mark.parametrize(("kills", "status"), [((), PASS), ((100.5,), FAIL), ((100.5, 200.5), FAIL)])
def test_any_out_of_memory_kill_fails(kills, status):
    word = ask(swap.RULE, {"paging": paging(kills=kills)})[1]
    assert (word.status, word.evidence[0].value) == (status, len(kills))


def test_a_kill_during_a_hole_is_not_lost():
    frame = paging(kills=(400.5,))
    frame = frame[(frame["t_s"] < 380) | (frame["t_s"] > 420)]
    assert statuses(swap.RULE, {"paging": frame})[1] is FAIL


def test_a_kernel_that_does_not_count_its_kills_is_unknown():
    assert statuses(swap.RULE, {"paging": paging().assign(oom_kills=np.nan)}) == [PASS, SKIPPED]


# ---------------------------------------------------------------- disks


def disk(read_ms=1.0, write_ms=1.0, reads=10.0, writes=10.0):
    """So many operations a second, each taking so long."""
    return counters(
        reads=reads, read_ms=np.multiply(reads, read_ms), writes=writes, write_ms=np.multiply(writes, write_ms)
    )


@pytest.mark.parametrize(("minutes", "status"), [(1, PASS), (2, WARN), (3, WARN)])
def test_a_disk_is_judged_by_its_slowest_minutes_but_not_by_one_in_twenty(minutes, status):
    rate = np.ones(60 * 40 + 1)
    rate[600 : 600 + 60 * minutes] = 20.0
    operations = np.full(len(rate), 10.0)
    frame = counters(60 * 40, reads=operations, read_ms=operations * rate, writes=operations, write_ms=operations)
    assert statuses(disk_latency.RULE, {"disk": frame}, "sda") == [status]


def test_a_chart_of_a_disk_never_shows_it_more_than_busy():
    frame = at(counters(busy_ms=1500.0), "sda", "disk")
    chart = next(
        one for one in node_charts(SimpleNamespace(name="a", tables={"disk": frame}), 900.0) if one.unit == "ratio"
    )
    assert {value for value in chart.high if value is not None} == {1.0}


@pytest.mark.parametrize("kind", ["read_ms", "write_ms"])
@pytest.mark.parametrize(("took_ms", "status"), [(1.0, PASS), (15.0, PASS), (15.1, WARN), (25.0, WARN), (25.1, FAIL)])
def test_reads_and_writes_of_a_disk_are_judged_each(kind, took_ms, status):
    (word,) = ask(disk_latency.RULE, {"disk": disk(**{kind: took_ms})}, "sda")
    assert word.status is status
    assert max(item.value for item in word.evidence[:2]) == pytest.approx(took_ms / 1e3, rel=1e-3)
    assert "Disk sda of node a" in word.message
    assert word.traces == ("latency:a",)


def test_an_idle_disk_is_told_and_not_judged():
    assert statuses(disk_latency.RULE, {"disk": disk(reads=0.0, writes=0.0)}, "sda") == [INFO]


def test_idle_minutes_do_not_make_a_slow_disk_look_fast():
    busy = np.zeros(QUARTER_S + 1)
    busy[60:240] = 10
    assert statuses(disk_latency.RULE, {"disk": disk(read_ms=30.0, reads=busy, writes=0.0)}, "sda") == [FAIL]
    busy[120:] = 0
    assert statuses(disk_latency.RULE, {"disk": disk(read_ms=30.0, reads=busy, writes=0.0)}, "sda") == [WARN]


def test_a_disk_that_only_writes_is_judged_by_its_writes():
    (word,) = ask(disk_latency.RULE, {"disk": disk(reads=0.0, write_ms=2.0)}, "sda")
    assert word.status is PASS
    assert "read" not in word.message


GB_KiB = 1e9 / 1024


def space(free, size=100.0, **columns):
    return gauges(step_s=10.0, size_KiB=size * GB_KiB, free_KiB=np.asarray(free) * GB_KiB, **columns)


@pytest.mark.parametrize(
    ("free", "size", "status"),
    [
        (50, 100, PASS),
        (10, 100, PASS),
        (9.99, 100, WARN),
        (5, 100, WARN),
        (4.99, 100, FAIL),
        (4.0, 20, PASS),
        (3.99, 20, WARN),
        (3.99, 19, PASS),
        (0.5, 2.5, PASS),
        (0.49, 2.5, FAIL),
        (0.49, 2.4, PASS),
        (0.03, 0.3, PASS),
        (0.029, 0.3, WARN),
        (0.0, 0.3, FAIL),
    ],
)
def test_free_space_is_judged_by_share_and_where_it_makes_sense_in_bytes(free, size, status):
    assert statuses(free_space.RULE, {"filesystem": space(free, size)}, "/boot") == [status]


def test_the_worst_reading_of_the_last_hour_counts():
    free = np.full(721, 50.0)
    free[100] = 1.0
    frame = gauges(7200, 10.0, size_KiB=100 * GB_KiB, free_KiB=free * GB_KiB)
    assert statuses(free_space.RULE, {"filesystem": frame}, "/", run_s=7200) == [PASS]
    free[500] = 6.0
    frame = gauges(7200, 10.0, size_KiB=100 * GB_KiB, free_KiB=free * GB_KiB)
    assert statuses(free_space.RULE, {"filesystem": frame}, "/", run_s=7200) == [WARN]


def test_the_last_hour_is_that_of_the_run_not_of_a_record_that_broke_off():
    frame = gauges(3000, 10.0, size_KiB=100 * GB_KiB, free_KiB=50 * GB_KiB)
    (word,) = ask(free_space.RULE, {"filesystem": frame}, "/", run_s=7200)
    assert word.status is SKIPPED
    assert "0 readings in the last hour" in word.message


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (np.linspace(4.593, 4.0, 91), "593 MB went in 15 min: at this rate full in about 1 h 40 min (a guess"),
        (np.linspace(4.0, 4.593, 91), ""),
        (np.linspace(4.001, 4.0, 91), "1 MB went in 15 min."),
        (np.linspace(20.593, 20.0, 91), ""),
    ],
)
def test_what_went_and_how_long_the_rest_lasts_is_told_where_too_little_is_free(free, told):
    (word,) = ask(free_space.RULE, {"filesystem": space(free)}, "/var")
    assert ("went" in word.message) is bool(told)
    assert told in word.message
    assert "of 100 GB)" in word.message
    assert "the least of the run." in word.message


def test_a_loss_over_the_whole_last_hour_is_no_guess_and_named_so():
    frame = gauges(7200, 10.0, size_KiB=100 * GB_KiB, free_KiB=np.linspace(8.0, 4.0, 721) * GB_KiB)
    (word,) = ask(free_space.RULE, {"filesystem": frame}, "/var", run_s=7200)
    assert word.message.endswith("the least of the run's last hour. 2 GB went in 1 h: at this rate full in about 2 h.")


@pytest.mark.parametrize(("free", "status"), [(0.05, PASS), (0.049, WARN), (0.03, WARN), (0.029, FAIL)])
def test_inodes_are_judged_where_told(free, status):
    frame = space(50, inodes=1_000_000, inodes_free=round(free * 1_000_000))
    assert statuses(free_space.RULE, {"filesystem": frame}, "/") == [status]
    assert statuses(free_space.RULE, {"filesystem": space(50, inodes=0, inodes_free=0)}, "/") == [PASS]
    assert statuses(free_space.RULE, {"filesystem": space(50, inodes=np.nan, inodes_free=np.nan)}, "/") == [PASS]


# ---------------------------------------------------------------- interfaces


def nic(errors=0, packets=1000.0, **changes):
    """`errors` in all, spread over the run."""
    frame = counters(**changes, rx_packets=packets, tx_packets=0.0, tx_errors=0.0, rx_drops=0.0, tx_drops=1.0)
    return frame.assign(rx_errors=np.round(np.linspace(0, errors, len(frame))).astype(np.int64))


@pytest.mark.parametrize(("errors", "status"), [(0, PASS), (1, WARN), (9090, WARN), (9200, FAIL)])
def test_errors_of_an_interface_are_judged_by_their_share(errors, status):
    (word,) = ask(nic_errors.RULE, {"nic": nic(errors)}, "eth0")
    assert word.status is status
    assert word.evidence[0].value == errors
    assert word.evidence[3].value == QUARTER_S, "drops are told"


def test_many_errors_a_second_fail_however_small_their_share():
    busy = {"packets": 1e6}
    assert statuses(nic_errors.RULE, {"nic": nic(15 * QUARTER_S, **busy)}, "eth0") == [WARN]
    assert statuses(nic_errors.RULE, {"nic": nic(16 * QUARTER_S, **busy)}, "eth0") == [FAIL]


def test_one_error_in_a_few_packets_proves_no_share():
    (word,) = ask(nic_errors.RULE, {"nic": nic(1, packets=0.05)}, "eth0")
    assert word.status is WARN
    assert word.evidence[1].value < 0.01


def test_an_interface_outside_the_plan_only_warns_and_needs_no_quarter_of_an_hour():
    assert statuses(nic_errors.RULE, {"nic": nic(90_000)}, "eth0") == [FAIL]
    assert statuses(nic_errors.RULE, {"nic": nic(90_000)}, "veth7") == [WARN]
    assert statuses(nic_errors.RULE, {"nic": nic(length_s=60)}, "eth0") == [SKIPPED]
    assert statuses(nic_errors.RULE, {"nic": nic(length_s=60)}, "veth7") == [INFO]
    assert statuses(nic_errors.RULE, {"nic": nic(90_000)}, "veth7", facts={}) == [FAIL], "any may be the planned one"


def test_errors_count_even_in_a_short_run():
    assert statuses(nic_errors.RULE, {"nic": nic(3, length_s=60)}, "eth0") == [WARN]


def test_an_interface_that_carried_nothing_and_the_loopback_are_told():
    assert statuses(nic_errors.RULE, {"nic": nic(packets=0.0)}, "eth0") == [INFO]
    assert statuses(nic_errors.RULE, {"nic": nic(500)}, "lo") == [INFO]
    assert statuses(link_state.RULE, {"link": link()}, "lo") == [INFO]
    assert [name for name in ("lo", "lo0", "Loopback Pseudo-Interface 1", "local0", "eth0") if loopback(name)] == [
        "lo",
        "lo0",
        "Loopback Pseudo-Interface 1",
    ]


def test_a_bridge_is_as_good_as_any_interface():
    facts = {"nics": {"br0": {"addresses": [{"address": "10.0.0.1"}]}}}
    assert statuses(nic_errors.RULE, {"nic": nic()}, "br0", facts=facts) == [PASS]


def test_a_counter_that_was_reset_gives_no_errors():
    frame = nic(2000)
    frame.loc[400:, "rx_errors"] = 0
    (word,) = ask(nic_errors.RULE, {"nic": frame}, "eth0")
    assert word.evidence[0].value == pytest.approx(2000 * 399 / 900, abs=1)


def link(changes=(), speed=1000, duplex=1, carrier=1, length_s=QUARTER_S, **columns):
    frame = gauges(length_s, 10.0, speed_Mbps=speed, full_duplex=duplex, mtu=1500, carrier=carrier)
    changed = 7 + np.searchsorted(np.sort(np.asarray(changes, dtype=float)), frame["t_s"], side="right")
    return frame.assign(**({"carrier_changes": changed} | columns))


@pytest.mark.parametrize(
    ("changes", "status"),
    [((), PASS), ((301.0,), WARN), ((301, 302), WARN), ((301, 302, 303), FAIL), ((301, 302, 601, 602), FAIL)],
)
def test_two_changes_of_the_carrier_are_one_flap(changes, status):
    assert statuses(link_state.RULE, {"link": link(changes)}, "eth0")[0] is status
    capped = WARN if status is FAIL else status
    assert statuses(link_state.RULE, {"link": link(changes)}, "eth9")[0] is capped, "outside the plan"


def test_a_jittered_schedule_loses_no_flap():
    frame = link((301, 302, 603, 604))
    frame["t_s"] += np.linspace(0, 1, len(frame))
    assert ask(link_state.RULE, {"link": frame}, "eth0")[0].evidence[0].value == 2
    steady = link()
    steady["t_s"] += np.linspace(0, 1, len(steady))
    assert statuses(link_state.RULE, {"link": steady}, "eth0")[0] is PASS


def test_flaps_are_read_off_the_carrier_where_nobody_counts_them():
    carrier = np.ones(91)
    carrier[40] = 0
    frame = link(carrier=carrier).drop(columns="carrier_changes")
    assert statuses(link_state.RULE, {"link": frame}, "eth0")[0] is WARN


def test_changes_of_speed_count_as_flaps_do():
    speed = np.full(91, 1000.0)
    speed[40:] = 100
    assert statuses(link_state.RULE, {"link": link(speed=speed)}, "eth0")[0] is WARN
    speed[60:] = 1000
    assert statuses(link_state.RULE, {"link": link(speed=speed)}, "eth0")[0] is FAIL
    speed[:] = 1000
    speed[40] = np.nan
    assert statuses(link_state.RULE, {"link": link(speed=speed)}, "eth0")[0] is PASS, "not told is no change"


@pytest.mark.parametrize(
    ("speed", "status"), [(10_000, PASS), (1000, PASS), (999, WARN), (500, WARN), (499, FAIL), (10, FAIL)]
)
def test_the_speed_is_held_against_the_plans_rate(speed, status):
    thousand = plan(rate_bps=1_000_000_000)
    assert thousand.networks[0].rate_bps == 1_000_000_000
    frame = link(speed=speed)
    assert statuses(link_state.RULE, {"link": frame}, "eth0", the_plan=thousand) == [PASS, status]
    assert statuses(link_state.RULE, {"link": frame}, "eth1", the_plan=thousand) == [PASS, PASS], "no planned address"
    faster = ask(link_state.RULE, {"link": link(speed=50_000)}, "eth0", the_plan=thousand)[1].evidence
    assert [(item.what, item.value) for item in faster[-3:]] == [
        ("link speed of the plan's rate", 1.0),
        ("link speed", 50e9),
        ("rate in the plan", 1e9),
    ]
    assert statuses(link_state.RULE, {"link": frame}, "eth0") == [PASS, PASS], "no rate in the plan"


def test_a_speed_that_is_not_told_is_said_and_not_passed():
    found = ask(
        link_state.RULE, {"link": link(speed=np.nan, duplex=np.nan)}, "eth0", the_plan=plan(rate_bps=1_000_000_000)
    )
    assert [word.status for word in found] == [PASS, INFO]
    assert "does not tell its speed" in found[1].message


@pytest.mark.parametrize("driver", ["tun", "tap", "veth", "dummy"])
def test_the_speed_of_an_interface_without_a_line_is_invented_and_judges_nothing(driver):
    facts = {"nics": {"eth0": {**ON_ETH0["nics"]["eth0"], "driver": driver}}}
    slow, half = np.where(clock(step_s=10.0) >= 600, 10, 1000), np.zeros(91)
    found = ask(
        link_state.RULE,
        {"link": link(speed=slow, duplex=half)},
        "eth0",
        facts=facts,
        the_plan=plan(rate_bps=1_000_000_000),
    )
    assert [word.status for word in found] == [PASS, INFO]
    assert f"the speed that it tells is invented ({driver})" in found[1].message


def test_half_duplex_warns():
    duplex = np.ones(91)
    assert statuses(link_state.RULE, {"link": link(duplex=duplex)}, "eth0") == [PASS, PASS]
    duplex[90] = 0
    assert statuses(link_state.RULE, {"link": link(duplex=duplex)}, "eth0") == [PASS, WARN]


def test_an_interface_without_a_link_matters_only_where_it_is_planned():
    for dark in (link(carrier=0), link(carrier=np.nan)):
        assert statuses(link_state.RULE, {"link": dark}, "eth0") == [WARN]
        assert statuses(link_state.RULE, {"link": dark}, "eth1") == [INFO]


def test_a_link_that_was_watched_for_a_minute_is_unknown():
    assert statuses(link_state.RULE, {"link": link(length_s=60)}, "eth0")[0] is SKIPPED
    assert statuses(link_state.RULE, {"link": link(length_s=60)}, "veth7")[0] is INFO
    assert statuses(link_state.RULE, {"link": link((31, 32), length_s=60)}, "eth0")[0] is WARN


def test_an_address_is_found_on_its_interface_else_where_the_plan_puts_it():
    assert {nic: [net.name for net in nets] for nic, nets in carried(PLAN, "a", ON_ETH0).items()} == {"eth0": ["ch1"]}
    data = plan_data()
    data["node"][0]["addr"] = {"ch1": {"ip": "10.0.0.1/24", "nic": "eth5"}}
    assert list(carried(parse(data, "plan.toml"), "a", {})) == ["eth5"]
    assert list(carried(parse(data, "plan.toml"), "a", ON_ETH0)) == ["eth0"]


# ---------------------------------------------------------------- clocks


def timing(offset_s, error_s, path="a>b/ch1"):
    nothing = Quantiles(0)
    figures = dict.fromkeys(Timing.__dataclass_fields__, 0) | {
        "path": path, "source": "a", "target": "b", "network": "ch1", "wan": False, "rtt": nothing, "wire": nothing,
        "residence": nothing, "loaded": nothing, "outages": (), "clock_offset_s": offset_s, "clock_error_s": error_s,
    }  # fmt: skip
    return Timing(**figures)


def about_clocks(*timings):
    rule = clock_offset.RULE
    context = Context(Subject(Scope.PAIR, "a+b"), PLAN, "", 900.0, {TIMINGS: timings}, rule.limits)
    (word,) = rule.check(context)
    return word


@pytest.mark.parametrize(
    ("offset_s", "error_s", "path", "said"),
    [
        (3.2, 0.0001175, "a>b/ch1", "The clock of b is 3.2 s ahead of that of a, at the end of the run."),
        (-3.2, 0.0001175, "a>b/ch1", "The clock of a is 3.2 s ahead of that of b, at the end of the run."),
        (3.2, 0.0001, "b>a/ch1", "The clock of a is 3.2 s ahead of that of b, at the end of the run."),
        (
            0.01,
            0.0001175,
            "a>b/ch1",
            "The clock of b is 10 ms ahead of that of a, give or take 120 µs, at the end of the run.",
        ),
        (0.0001, 0.0002, "a>b/ch1", "The clocks of a and b differ by 100 µs, give or take 200 µs."),
    ],
)
def test_which_clock_is_ahead_is_told_where_it_is_beyond_doubt(offset_s, error_s, path, said):
    source, target = path.partition("/")[0].split(">")
    word = about_clocks(replace(timing(offset_s, error_s, path), source=source, target=target))
    assert word.message == said


def test_clocks_that_differ_because_no_time_service_runs_ask_for_that_service():
    rule, alone = clock_offset.RULE, {"b": {"time": {"service": "", "synchronised": False}}}
    context = Context(
        Subject(Scope.PAIR, "a+b"), PLAN, "", 900.0, {TIMINGS: (timing(3.2, 0.0),), FACTS: alone}, rule.limits
    )
    (word,) = rule.check(context)
    (cause,) = ask(time_service.RULE, facts=alone["b"])
    assert word.remedy == cause.remedy.replace(" a (", " b (")


@pytest.mark.parametrize(
    ("offset_s", "error_s", "status"),
    [
        (0.0, 0.0001, PASS),
        (0.05, 0.0, PASS),
        (0.0501, 0.0, WARN),
        (-0.0501, 0.0, WARN),
        (0.15, 0.1, PASS),
        (0.16, 0.1, WARN),
        (1.0, 0.0, WARN),
        (1.001, 0.0, FAIL),
        (-3600.0, 0.2, FAIL),
        (0.01, 0.5, PASS),
    ],
)
def test_clocks_are_judged_by_what_lies_beyond_the_error(offset_s, error_s, status):
    word = about_clocks(timing(offset_s, error_s))
    assert word.status is status
    assert bool(word.remedy) is (status is not PASS)


def test_a_link_is_held_to_the_plan_at_its_slowest():
    speed = np.where(clock(step_s=10.0) >= 600, 400, 1000)
    words = ask(link_state.RULE, {"link": link(speed=speed)}, "eth0", the_plan=plan(rate_bps=1_000_000_000))
    assert words[1].status is FAIL
    assert "ran at 400 Mbit/s where the plan says 1 Gbit/s" in words[1].message


def test_the_path_that_proves_most_decides():
    word = about_clocks(timing(0.3, 0.3), timing(-0.3, 0.01, "b>a/ch1"), timing(None, None, "a>b/ch2"))
    assert (word.status, word.evidence[0].value) == (WARN, pytest.approx(0.29))
    exact = about_clocks(timing(0.001, 0.3), timing(0.0, 0.001, "b>a/ch1"))
    assert exact.evidence[2].value == 0.001


def test_clocks_without_a_usable_reply_are_unknown():
    assert about_clocks().status is SKIPPED
    assert about_clocks(timing(None, None)).status is SKIPPED


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"service": "chronyd", "synchronised": True}, PASS),
        ({"service": "", "synchronised": True}, PASS),
        ({"service": "chronyd", "synchronised": False}, WARN),
        ({"service": "chronyd", "synchronised": None}, SKIPPED),
        ({"service": "", "synchronised": False}, FAIL),
        ({"service": "", "synchronised": None}, SKIPPED),
        ({"service": None, "synchronised": False}, SKIPPED),
        ({"synchronised": False}, SKIPPED),
        ({"service": ["x"], "synchronised": "yes"}, SKIPPED),
        ({"service": "\x1b[2J", "synchronised": False}, SKIPPED),
        ({}, SKIPPED),
        (None, SKIPPED),
        ("chronyd", SKIPPED),
        (7, SKIPPED),
    ],
)
def test_a_node_needs_a_synchronised_time_service(told, status):
    assert statuses(time_service.RULE, facts={"time": told}) == [status]


def test_a_node_that_tells_nothing_about_its_time_is_unknown():
    assert statuses(time_service.RULE, facts={}) == [SKIPPED]


# ---------------------------------------------------------------- all of them

CPUS = pd.DataFrame({"cpu": ["all", "0"]})
SOUND = {
    cpu_busy.RULE: (lambda length_s: {"cpu": cpu(length_s=length_s)}, ""),
    steal.RULE: (lambda length_s: {"cpu": cpu(length_s=length_s)}, ""),
    run_queue.RULE: (lambda length_s: {"load": gauges(length_s, running=1), "cpu": CPUS}, ""),
    memory.RULE: (lambda length_s: {"memory": until(ram(), length_s)}, ""),
    swap.RULE: (lambda length_s: {"paging": paging(length_s=length_s)}, ""),
    disk_latency.RULE: (lambda length_s: {"disk": until(disk(), length_s)}, "sda"),
    nic_errors.RULE: (lambda length_s: {"nic": nic(length_s=length_s)}, "eth0"),
    link_state.RULE: (lambda length_s: {"link": link(length_s=length_s)}, "eth0"),
    free_space.RULE: (lambda length_s: {"filesystem": until(space(50), length_s)}, "/"),
}
IDS = [rule.id for rule in SOUND]


@pytest.mark.parametrize("rule", SOUND, ids=IDS)
def test_a_sound_machine_passes_in_a_quarter_of_an_hour_even_with_lost_samples(rule):
    tables, device = SOUND[rule]
    given = tables(QUARTER_S)
    assert set(statuses(rule, given, device)) == {PASS}
    thinned = {
        name: frame.drop(index=frame.index[[5, len(frame) // 2]]) for name, frame in given.items() if len(frame) > 9
    }
    assert set(statuses(rule, given | thinned, device)) == {PASS}


@pytest.mark.parametrize("rule", [rule for rule in SOUND if rule is not free_space.RULE], ids=lambda rule: rule.id)
def test_ten_minutes_are_no_answer(rule):
    tables, device = SOUND[rule]
    word = ask(rule, tables(600), device)[0]
    assert word.status is SKIPPED
    assert "15 min" in word.message + word.remedy


@pytest.mark.parametrize("rule", SOUND, ids=IDS)
def test_nonsense_is_unknown_and_never_a_pass(rule):
    tables, device = SOUND[rule]
    sound = tables(QUARTER_S)

    def with_numbers(change):
        changed = {}
        for name, frame in sound.items():
            numbers = [column for column in frame if column not in ("t_s", "cpu")]
            changed[name] = frame.assign(**{column: change(frame[column]) for column in numbers})
        return changed

    for tables in (
        with_numbers(lambda column: column * np.nan),
        with_numbers(lambda column: -1 - column),
        {name: frame.iloc[:0] for name, frame in sound.items()},
        {name: frame[["t_s"]] if "t_s" in frame else frame for name, frame in sound.items()},
        {name: frame.drop(columns="t_s", errors="ignore") for name, frame in sound.items()},
    ):
        # A link with no readable carrier is down as far as anyone can tell: on a planned interface that warns.
        assert set(statuses(rule, tables, device)) <= {SKIPPED, WARN, INFO}, tables
    one = {name: frame.iloc[:1] for name, frame in sound.items()}
    expected = {PASS} if rule is free_space.RULE else {SKIPPED, PASS} if rule is link_state.RULE else {SKIPPED}
    assert set(statuses(rule, one, device)) == expected


def material(tables, facts):
    summary = NodeSummary("a", "", "", "a.zip", "", "", "", "", 900.0, 900.0, 0.0, True, (), 0, 0, None, (), ())
    return Material(
        plan=PLAN,
        nodes={"a": SimpleNamespace(tables=tables)},
        summaries={"a": summary},
        timings={},
        throughputs={},
        echoes={},
        observers=(),
        facts=facts,
        reasons={},
        meetings={},
        scenarios=(),
        duration_s=900.0,
    )


def about_engine(rule, tables, facts=ON_ETH0):
    return judge([rule], material(tables, {"a": facts}))


def test_an_interface_that_carries_a_planned_address_is_judged_although_no_row_is_of_it():
    for rule, table, frame in ((nic_errors.RULE, "nic", nic()), (link_state.RULE, "link", link())):
        found = about_engine(rule, {table: at(frame, "lo", table)})
        assert [(word.subject.name, word.status) for word in found[:2]] == [("a/lo", INFO), ("a/eth0", SKIPPED)]
        assert (
            f"table {table} of node a has no interface eth0, which carries the planned address of ch1"
            in found[1].message
        )
        alias = {"nics": {"eth0:1": ON_ETH0["nics"]["eth0"]}}
        found = about_engine(rule, {table: at(frame, "eth0", table)}, alias)
        assert {word.subject.name for word in found} == {"a/eth0", "b"}


def test_a_short_record_passes_nothing_on_a_planned_interface_and_is_no_matter_on_another():
    short = until(nic(), 600)
    found = about_engine(nic_errors.RULE, {"nic": at(short, "eth0", "nic")})
    assert found[0].status is SKIPPED
    assert "table nic of node a was recorded for 10 min of 15 min only (66.8 %)" in found[0].message
    assert found[0].remedy
    both = pd.concat([at(nic(), "eth0", "nic"), at(short, "usb7", "nic")], ignore_index=True)
    found = about_engine(nic_errors.RULE, {"nic": both})
    assert {word.subject.name: word.status for word in found} == {"a/eth0": PASS, "a/usb7": INFO, "b": SKIPPED}


def test_what_was_seen_to_be_bad_stays_bad_in_a_short_record():
    found = about_engine(nic_errors.RULE, {"nic": at(until(nic(errors=5), 600), "eth0", "nic")})
    assert [word.status for word in found[:2]] == [WARN, SKIPPED]


def test_a_device_that_came_during_the_run_is_judged_by_what_there_is_of_it():
    frame = gauges(QUARTER_S, 10.0, size_KiB=100 * GB_KiB, free_KiB=50 * GB_KiB)
    snapshot = frame[frame["t_s"].between(300, 400)]
    gone = until(frame, 300)
    tables = {
        "filesystem": pd.concat(
            [at(frame, "/", "filesystem"), at(snapshot, "/snap", "filesystem"), at(gone, "/data", "filesystem")]
        )
    }
    found = {word.subject.name: word.status for word in about_engine(free_space.RULE, tables)}
    assert found == {"a//": PASS, "a//snap": PASS, "a//data": SKIPPED, "b": SKIPPED}


@pytest.mark.parametrize(
    ("table", "every_s", "rows", "expected"),
    [
        ("memory", 1.0, 900, 900.0),
        ("filesystem", 10.0, 90, 900.0),
        ("filesystem", 10.3, 90, 10.3 * 89 + 10),
        ("filesystem", 30.0, 3, 10.0),
        ("filesystem", 10.0, 1, 10.0),
        ("memory", 60.0, 15, 1.0),
        ("unheard-of", 3600.0, 24, 86400.0),
        ("unheard-of", 3600.0, 1, 0.0),
        ("memory", 1.0, 0, 0.0),
    ],
)
def test_the_steps_between_rows_add_up_to_what_was_recorded(table, every_s, rows, expected):
    assert recorded_s(table, pd.DataFrame({"t_s": np.arange(rows) * every_s, "value": 1.0})) == pytest.approx(expected)


def test_nulls_other_classes_and_odd_frames_record_nothing():
    t_s = np.arange(100.0)
    assert recorded_s("memory", pd.DataFrame({"t_s": t_s, "value": np.nan})) == 0.0
    assert recorded_s("memory", pd.DataFrame({"value": t_s})) == 0.0
    assert recorded_s("memory", pd.DataFrame({"t_s": np.full(5, np.nan), "value": 1.0})) == 0.0
    labels = np.where(t_s < 5, "default", "fifo")
    assert recorded_s("ticker", pd.DataFrame({"class": labels, "t_s": t_s, "late_max_us": 1.0})) == 5.0


@pytest.mark.parametrize(
    "facts",
    [
        {"nics": 7, "link": 1, "nic": "x", "filesystem": None},
        {"nics": ["eth0"]},
        {"nics": {"eth0": None, "eth1": 5, "eth2": {"addresses": "x"}}},
        {"nics": {"eth0": {"addresses": [None, 3, {"address": 5}, {"address": "10.0.0.1.2"}, {}]}}},
        {"nics": {"eth0": {"addresses": [{"address": {"a": 1}}], "speed_Mbps": "fast"}}, "time": {"service": {}}},
    ],
)
def test_an_absurd_inventory_costs_no_finding(facts):
    tables = {"nic": at(nic(), "eth0", "nic"), "link": at(link(), "eth0", "link")}
    found = judge([nic_errors.RULE, link_state.RULE, time_service.RULE], material(tables, {"a": facts}))
    about_a = {(item.rule, item.subject.name): item.status for item in found if item.subject.name.startswith("a")}
    assert about_a == {("nic-errors", "a/eth0"): PASS, ("link-state", "a/eth0"): PASS, ("time-service", "a"): SKIPPED}
    assert all(item.status is SKIPPED for item in found if item.subject.name == "b")


def test_devices_are_judged_one_by_one():
    slow, fast = at(disk(read_ms=40.0), "sdb", "disk"), at(disk(), "sda", "disk")
    about = material({"disk": pd.concat([fast, slow])}, {})
    found = {item.subject.name: item.status for item in judge([disk_latency.RULE], about)}
    assert found == {"a/sda": PASS, "a/sdb": FAIL, "b": SKIPPED}


def test_the_worst_outcome_and_the_few_minutes_rule_hold_for_both_senses():
    assert worst([]) is PASS
    assert worst([WARN, PASS, FAIL]) is FAIL
    least = memory.AVAILABLE
    assert judged(least, pd.Series([0.01, 0.01, 0.5])).status is WARN
    assert judged(least, pd.Series([0.01, 0.01, 0.01])).status is FAIL
    assert judged(steal.STEAL, pd.Series([0.2] * 3 + [0.0] * 97), 0.95).status is PASS


def test_a_counter_told_once_counts_nothing():
    assert events(paging().iloc[:1], "oom_kills") is None
    assert events(paging(), "absent") is None
    assert events(paging(kills=(5.5, 6.5)), "oom_kills") == 2


CPU_CHARTS = {"cpu:a", "cpu-programs:a", "steal:a", "cpu-waiting:a"}
"""Of a table that tells of programs, stolen time and waiting, and of nothing else."""


def test_layers_of_the_cpus_time_add_up_bin_by_bin():
    rates = {"user_cs": 10.0, "nice_cs": 5.0, "system_cs": 20.0, "irq_cs": 1.0, "softirq_cs": 4.0, "iowait_cs": 30.0}
    table = counters(**rates, steal_cs=np.arange(QUARTER_S + 1) % 10, idle_cs=20.0).assign(cpu="all")
    found = {chart.title: chart for chart in node_charts(SimpleNamespace(name="a", tables={"cpu": table}), 900.0)}

    assert set(found) == set(CpuShare)
    busy = [share for share in CpuShare if share not in {CpuShare.BUSY, CpuShare.WAITING}]
    added = np.sum([np.array(found[share].mid, dtype=float) for share in busy], axis=0)
    assert added == pytest.approx(np.array(found[CpuShare.BUSY].mid, dtype=float), abs=1e-5, nan_ok=True)


def test_a_part_that_is_not_told_has_no_chart():
    told = cpu().assign(steal_cs=np.nan)
    found = {chart.id for chart in node_charts(SimpleNamespace(name="a", tables={"cpu": told}), 900.0)}

    assert found == CPU_CHARTS - {"steal:a"}


def test_charts_are_drawn_where_there_is_something_to_see():
    names = ["eth0", "eth1", "eth2", "eth3", "eth4", "lo", "eth9"]
    traffic = pd.concat(
        at(counters(rx_B=0.0 if name == "eth9" else 1000.0 * (place + 1), tx_B=500.0), name, "nic")
        if name != "eth9"
        else at(counters(rx_B=0.0, tx_B=0.0), name, "nic")
        for place, name in enumerate(names)
    )
    disks = pd.concat(
        [at(disk(read_ms=5.0, write_ms=5.0), "sda", "disk"), at(disk(read_ms=40.0, write_ms=40.0), "sdb", "disk")]
    )
    node = SimpleNamespace(name="a", tables={"cpu": cpu(3.0), "nic": traffic, "disk": disks})
    found = {chart.id: chart for chart in node_charts(node, float(QUARTER_S))}
    assert set(found) == {*CPU_CHARTS, "latency:a", *(f"nic:a/eth{number}" for number in (1, 2, 3, 4))}
    assert max(value for value in found["latency:a"].high if value is not None) == pytest.approx(0.04)
    assert found["nic:a/eth4"].mid[5] == pytest.approx(5000.0)
    assert found["nic:a/eth4"].subject == Subject(Scope.DEVICE, "a/eth4")
    quiet = SimpleNamespace(name="a", tables={"cpu": cpu(), "disk": at(disk(reads=0.0, writes=0.0), "sda", "disk")})
    assert {chart.id for chart in node_charts(quiet, float(QUARTER_S))} == CPU_CHARTS


def test_the_chart_of_traffic_leaves_out_the_seconds_of_our_own_tests():
    traffic = at(counters(rx_B=1000.0, tx_B=500.0), "eth0", "nic")
    ours = (traffic["t_s"] >= 299.0) & (traffic["t_s"] <= 305.0)
    traffic["rx_B"] += 1e9 * ours.cumsum()
    tests = pd.DataFrame({"t_s": [299.4], "loaded_us": [5e6]})
    node = SimpleNamespace(name="a", tables={"cpu": cpu(), "nic": traffic, "bandwidth": tests})

    found = {chart.id: chart for chart in node_charts(node, float(QUARTER_S))}["nic:a/eth0"]

    assert found.title.endswith(", without bandwidth tests")
    assert max(value for value in found.high if value is not None) == pytest.approx(1000.0)
    assert None in found.high
    without = SimpleNamespace(name="a", tables={"cpu": cpu(), "nic": traffic})
    found = {chart.id: chart for chart in node_charts(without, float(QUARTER_S))}["nic:a/eth0"]
    assert not found.title.endswith(", without bandwidth tests")
    assert max(value for value in found.high if value is not None) > 1e8


def test_every_rule_about_a_machine_is_found_by_the_engine():
    found = {rule.id for rule in discover(rules, "RULE")}
    assert found >= {rule.id for rule in SOUND} | {"clock-offset", "time-service"}


def _ends(count, nic="veth{}", driver="veth"):
    """The host's ends of containers beside one interface that carries the plan: their tables, and the inventory."""
    names = [nic.format(number) for number in range(count)]
    facts = {"nics": {"eth0": dict(ON_ETH0["nics"]["eth0"])} | {name: {"driver": driver} for name in names}}
    tables = {"nic": pd.concat([at(nic_table, name, "nic") for name in ["eth0", *names] for nic_table in [ordinary()]])}
    return tables, facts


def ordinary():
    return counters(rx_errors=0, tx_errors=0, rx_packets=10, tx_packets=10, rx_drops=0, tx_drops=0)


def asked(tables, facts):
    return {
        word.subject.name
        for word in judge([nic_errors.RULE], material(tables, {"a": facts}))
        if "/" in word.subject.name
    }


def test_the_ends_of_containers_are_not_judged_and_every_other_interface_is():
    assert asked(*_ends(5)) == {"a/eth0"}
    assert asked(*_ends(2, "lan{}", "e1000e")) == {"a/eth0", "a/lan0", "a/lan1"}
    tables, facts = _ends(2)
    # One that came during the run is in no inventory, and goes by its name.
    del facts["nics"]["veth0"]
    assert asked(tables, facts) == {"a/eth0"}


def test_a_veth_that_carries_a_planned_address_or_may_do_so_is_judged():
    tables, facts = _ends(2)
    facts["nics"]["veth1"]["addresses"] = facts["nics"]["eth0"].pop("addresses")
    assert asked(tables, facts) == {"a/eth0", "a/veth1"}
    del facts["nics"]["veth1"]["addresses"]
    assert asked(tables, facts) == {"a/eth0", "a/veth0", "a/veth1"}
