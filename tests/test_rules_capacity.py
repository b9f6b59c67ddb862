"""Rules about what a machine has left: at their limits, with too little, and with nonsense."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from synthetic import plan_data
from test_rules_host import ON_ETH0, PLAN, ask, counters, gauges, statuses

from analyzer.contract import Scope, Status, Subject
from analyzer.engine import judge
from analyzer.extension import FACTS, TESTS, THROUGHPUT, Context
from analyzer.material import Material
from analyzer.rules import asymmetry, cpu_cores, cpu_kernel, cpu_sustained, disk_busy, nic_load, space_forecast
from collector.plan import parse

PASS, INFO, WARN, FAIL, SKIPPED = Status.PASS, Status.INFO, Status.WARN, Status.FAIL, Status.SKIPPED
HOUR_S = 3600


def cpu(length_s=900, name="all", **states):
    """Hundredths of a second a second of each state; the rest is idle."""
    rates = {f"{state}_cs": np.asarray(rate, dtype=float) for state, rate in states.items()}
    rates["idle_cs"] = 100.0 - sum(rates.values())
    return counters(length_s, **rates).assign(cpu=name)


def minutes_busy(*shares):
    """Whole minutes of these busy shares."""
    each = np.repeat(np.array(shares) * 100.0, 60)
    return cpu(len(each) - 1, user=each)


@pytest.mark.parametrize(("stretch", "status"), [(0, PASS), (4, PASS), (5, WARN), (14, WARN), (15, FAIL), (40, FAIL)])
def test_minutes_at_ninety_per_cent_count_when_they_follow_each_other(stretch, status):
    (word,) = ask(cpu_sustained.RULE, {"cpu": minutes_busy(*[0.1] * 10, *[0.92] * stretch, *[0.1] * 10)})
    assert word.status is status
    assert word.evidence[0].value == 60.0 * stretch


def test_a_calm_minute_or_one_that_was_not_measured_ends_a_stretch():
    broken = minutes_busy(*[0.95, 0.95, 0.95, 0.95, 0.5] * 8)
    assert statuses(cpu_sustained.RULE, {"cpu": broken}) == [PASS]
    whole = minutes_busy(*[0.95] * 8, *[0.1] * 10)
    hole = whole[~whole["t_s"].between(230, 310)]
    assert ask(cpu_sustained.RULE, {"cpu": hole})[0].evidence[0].value == 240.0


def test_ninety_per_cent_itself_is_too_much_and_just_below_is_not():
    assert statuses(cpu_sustained.RULE, {"cpu": minutes_busy(*[0.90] * 20)}) == [FAIL]
    assert statuses(cpu_sustained.RULE, {"cpu": minutes_busy(*[0.89] * 20)}) == [PASS]


def test_a_short_record_shows_no_long_stretch_unless_it_is_one():
    assert statuses(cpu_sustained.RULE, {"cpu": minutes_busy(*[0.1] * 8)}) == [SKIPPED]
    assert statuses(cpu_sustained.RULE, {"cpu": minutes_busy(*[0.95] * 8)}) == [WARN]
    assert statuses(cpu_sustained.RULE, {"cpu": pd.DataFrame()}) == [SKIPPED]


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({"system": 20.0}, PASS),
        ({"system": 21.0}, WARN),
        ({"system": 30.0}, WARN),
        ({"system": 31.0}, FAIL),
        ({"irq": 5.0, "softirq": 5.0}, PASS),
        ({"irq": 5.0, "softirq": 6.0}, WARN),
        ({"softirq": 20.0}, WARN),
        ({"softirq": 21.0}, FAIL),
        ({"system": 15.0, "softirq": 6.0}, WARN),
        ({"user": 90.0}, PASS),
    ],
)
def test_time_of_the_kernel_and_of_interrupts_is_judged_by_its_limits(states, status):
    every = {"user": 0.0, "system": 0.0, "irq": 0.0, "softirq": 0.0} | states
    (word,) = ask(cpu_kernel.RULE, {"cpu": cpu(**every)})
    assert word.status is status


def test_what_a_system_does_not_tell_of_its_kernel_is_unknown():
    assert statuses(cpu_kernel.RULE, {"cpu": cpu(user=10.0)}) == [SKIPPED]
    untold = cpu(user=10.0, system=5.0, irq=0.0).assign(irq_cs=np.nan)
    (word,) = ask(cpu_kernel.RULE, {"cpu": untold})
    assert word.status is PASS
    assert [item.what.split(",")[0] for item in word.evidence] == ["time in the kernel", "minutes"]
    assert statuses(cpu_kernel.RULE, {"cpu": cpu(300, system=50.0)}) == [SKIPPED]


def cores(*shares, length_s=900):
    return pd.concat(
        [cpu(length_s, user=10.0), *(cpu(length_s, str(at), user=100.0 * one) for at, one in enumerate(shares))]
    )


@pytest.mark.parametrize(
    ("shares", "status"),
    [
        ((0.95, 0.1), PASS),
        ((0.96, 0.1), WARN),
        ((0.96, *[0.0] * 11), WARN),
        ((0.96, *[0.0] * 12), PASS),
        ((*[0.96] * 12, *[0.0] * 3), WARN),
        ((*[0.96] * 11, *[0.0] * 4), PASS),
    ],
)
def test_one_cpu_counts_on_a_small_node_and_four_fifths_on_a_large_one(shares, status):
    assert statuses(cpu_cores.RULE, {"cpu": cores(*shares)}) == [status]


def test_the_busiest_cpu_is_named_and_all_of_them_together_are_no_cpu():
    (word,) = ask(cpu_cores.RULE, {"cpu": cores(0.1, 0.99)})
    assert "CPU 1" in word.message
    assert statuses(cpu_cores.RULE, {"cpu": cpu(user=99.0)}) == [SKIPPED]
    assert statuses(cpu_cores.RULE, {"cpu": cores(0.5, length_s=300)}) == [SKIPPED]
    assert statuses(cpu_cores.RULE, {"cpu": pd.DataFrame()}) == [SKIPPED]


def disk(busy, depth=0.0, length_s=900):
    """`busy` share of the time, `depth` requests at a time."""
    return counters(length_s, busy_ms=1000.0 * busy, read_ms=500.0 * depth, write_ms=500.0 * depth).assign(disk="sda")


@pytest.mark.parametrize(
    ("busy", "depth", "status"),
    [(0.90, 9, PASS), (0.91, 0, WARN), (0.95, 9, WARN), (0.96, 2, WARN), (0.96, 2.1, FAIL), (1.0, 0.5, WARN), (0.2, 9, PASS)],
)  # fmt: skip
def test_a_disk_that_is_never_idle_fails_only_with_a_queue(busy, depth, status):
    assert statuses(disk_busy.RULE, {"disk": disk(busy, depth)}, device="sda") == [status]


def test_a_disk_without_a_queue_told_only_warns_and_without_its_busy_time_is_unknown():
    alone = disk(1.0)[["t_s", "busy_ms", "disk"]]
    assert statuses(disk_busy.RULE, {"disk": alone}, device="sda") == [WARN]
    assert statuses(disk_busy.RULE, {"disk": disk(0.1).drop(columns="busy_ms")}, device="sda") == [SKIPPED]
    assert statuses(disk_busy.RULE, {"disk": disk(1.0, 9, length_s=300)}, device="sda") == [SKIPPED]


def filling(free, lasts_s, length_s=2 * HOUR_S, size_kib=100e6):
    """A file system with a share of `free` at the end, full in `lasts_s` after that (None: it does not fill)."""
    t_s = np.arange(0.0, length_s + 5.0, 10.0)
    end = free * size_kib
    left = end + (0.0 if lasts_s is None else (length_s - t_s) * end / lasts_s)
    return pd.DataFrame({"t_s": t_s, "size_KiB": size_kib, "free_KiB": left, "filesystem": "/"})


def forecast(frame, run_s=2 * HOUR_S):
    return statuses(space_forecast.RULE, {"filesystem": frame}, device="/", run_s=run_s)


@pytest.mark.parametrize(
    ("free", "hours", "status"),
    [
        (0.39, 23.9, WARN),
        (0.39, 24.1, PASS),
        (0.41, 23.9, PASS),
        (0.19, 3.9, FAIL),
        (0.19, 4.1, WARN),
        (0.21, 3.9, WARN),
        (0.05, None, PASS),
    ],
)
def test_a_forecast_matters_when_it_is_near_and_little_is_free(free, hours, status):
    assert forecast(filling(free, None if hours is None else hours * HOUR_S)) == [status]


def test_less_than_an_hour_forecasts_nothing():
    assert forecast(filling(0.1, HOUR_S, length_s=3590), run_s=3590) == [INFO]
    assert forecast(filling(0.1, HOUR_S, length_s=3600), run_s=3600) == [FAIL]
    assert forecast(filling(0.1, HOUR_S).assign(free_KiB=np.nan)) == [INFO]


def test_a_file_system_that_empties_or_scatters_does_not_fill():
    assert forecast(filling(0.1, -HOUR_S)) == [PASS]
    rng = np.random.default_rng(1)
    noisy = filling(0.1, None)
    noisy["free_KiB"] += rng.normal(0.0, 1e3, len(noisy))
    assert forecast(noisy) == [PASS]
    assert forecast(gauges(7200, 10.0, size_KiB=-5, free_KiB=1e300).assign(filesystem="/")) == [INFO]


def test_only_the_last_six_hours_tell_the_trend():
    early = filling(0.1, 3 * HOUR_S, length_s=2 * HOUR_S)
    late = gauges(8 * HOUR_S, 10.0, size_KiB=100e6, free_KiB=10e6).assign(filesystem="/")
    late["t_s"] += 2 * HOUR_S
    assert forecast(pd.concat([early, late]), run_s=10 * HOUR_S) == [PASS]


def traffic(share, *, nic="eth0", length_s=900, speed=1000, tests=(), facts=ON_ETH0, sent=0.0):
    """What the rule says of an interface that receives a share of 1 Gbit/s (one, or one a second)."""
    tables = {
        "nic": counters(length_s, rx_B=np.asarray(share) * 125e6, tx_B=sent * 125e6).assign(nic=nic),
        "link": gauges(length_s, 10.0, speed_Mbps=speed).assign(link=nic),
    }
    given = {**tables, FACTS: facts, TESTS: tests}
    context = Context(Subject(Scope.DEVICE, f"a/{nic}"), PLAN, "a", float(length_s), given, nic_load.RULE.limits)
    (word,) = nic_load.RULE.check(context)
    assert word.remedy or word.status in (PASS, INFO)
    return word.status


@pytest.mark.parametrize(("share", "status"), [(0.30, PASS), (0.31, WARN), (0.50, WARN), (0.51, FAIL), (7.0, FAIL)])
def test_an_interface_needs_room_beside_what_it_carries(share, status):
    assert traffic(share) is status
    assert traffic(0.0, sent=share) is status


def test_only_an_interface_of_the_plan_fails():
    assert traffic(0.9, nic="eth7") is WARN
    assert traffic(0.9, nic="eth7", facts={}) is FAIL, "nobody knows where the planned address is"
    assert traffic(0.9, nic="lo") is INFO


def test_our_own_bandwidth_tests_are_no_load():
    tests = [(float(at), at + 20.0) for at in range(100, 900, 60)]
    share = np.zeros(901)
    for start, stop in tests:
        share[int(start) : int(stop) + 1] = 1.0
    assert traffic(share, tests=tests) is PASS
    assert traffic(share) is WARN


def test_an_interface_without_a_speed_or_a_long_record_is_not_judged():
    assert traffic(0.9, speed=np.nan) is INFO
    assert traffic(0.9, speed=-1) is INFO
    assert traffic(0.9, speed=4294967295) is INFO
    assert traffic(0.9, length_s=600) is SKIPPED
    assert traffic(0.9, nic="eth7", length_s=600) is INFO


@pytest.mark.parametrize(("driver", "status"), [("veth", INFO), ("tun", INFO), ("vmxnet3", FAIL)])
def test_traffic_is_not_held_against_a_speed_that_a_driver_without_a_line_invents(driver, status):
    assert traffic(0.9, facts={"nics": {"eth0": {**ON_ETH0["nics"]["eth0"], "driver": driver}}}) is status


def way(source, target, bps, limit_bps=None, network="ch1"):
    return SimpleNamespace(
        path=f"{source}>{target}/{network}", source=source, target=target, network=network, median_bps=bps, limit_bps=limit_bps
    )  # fmt: skip


def both(*ways, plan=PLAN):
    context = Context(Subject(Scope.PAIR, "a+b"), plan, "", 900.0, {THROUGHPUT: ways}, asymmetry.RULE.limits)
    return list(asymmetry.RULE.check(context))


@pytest.mark.parametrize(("back", "status"), [(100, PASS), (90, PASS), (89, WARN), (50, WARN), (49, FAIL)])
def test_two_directions_are_held_against_each_other(back, status):
    for ways in ((way("a", "b", 100), way("b", "a", back)), (way("a", "b", back), way("b", "a", 100))):
        (word,) = both(*ways)
        assert word.status is status
        assert word.remedy or status is PASS


def test_each_network_has_its_word_and_one_direction_alone_says_nothing():
    found = both(
        way("a", "b", 100), way("b", "a", None), way("a", "b", 100, network="ch2"), way("b", "a", 100, network="ch2")
    )
    assert [word.status for word in found] == [SKIPPED, PASS]
    assert [word.status for word in both(way("a", "b", 100, 200), way("b", "a", 50, 60))] == [INFO]
    loop = parse(plan_data(cluster={"name": "t", "topology": "custom", "origin": "demonstration"}), "plan.toml")
    assert [word.status for word in both(way("a", "b", 100), way("b", "a", 40), plan=loop)] == [INFO]


def test_a_pair_without_planned_tests_is_not_asked():
    material = Material(PLAN, {}, {}, {}, {}, {}, (), {}, {}, {}, (), 900.0)
    assert judge([asymmetry.RULE], material) == []
