"""What rules say where there is nothing to tell: no sentence that is true of every machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import plan_data
from test_analyzer_rules import about_path, used
from test_analyzer_rules import timing as path_timing

from analyzer.contract import Quantiles, Scope, Status, Subject
from analyzer.extension import FACTS, TESTS, TIMINGS, Context
from analyzer.host import counted_minutes
from analyzer.rules import (
    backlog,
    clock_offset,
    cpu_busy,
    disk_queue,
    path_coverage,
    pressure,
    route_changes,
    run_queue,
    space_forecast,
    steal,
    swap,
    under_load,
)
from collector.plan import parse

PLAN = parse(plan_data(), "plan.toml")
T_S = np.arange(1200.0)


def said(rule, subject="a", **given):
    context = Context(Subject(rule.scope, subject), PLAN, "a", 1200.0, given, rule.limits)
    return " ".join(word.message for word in rule.check(context))


def cpu(busy=0.0, stolen=0.0):
    rows = pd.DataFrame(
        {
            "cpu": "all",
            "t_s": T_S,
            "user_cs": T_S * 100 * busy,
            "steal_cs": T_S * 100 * stolen,
            "idle_cs": T_S * 100 * (1.0 - busy - stolen),
        }
    )
    return pd.concat([rows, rows.assign(cpu="0")], ignore_index=True)


def load(running):
    return pd.DataFrame({"t_s": T_S, "running": np.full(len(T_S), running)})


def test_nobody_waiting_is_said_so_and_not_counted():
    assert (
        said(run_queue.RULE, load=load(1.0), cpu=cpu())
        == "Node a: in 95 % of all minutes or more no process waited for one of its 1 CPUs."
    )
    assert "4 processes or more waited" in said(run_queue.RULE, load=load(5.0), cpu=cpu())


def test_no_stolen_time_is_said_so():
    assert said(steal.RULE, cpu=cpu()) == "Node a: in 95 % of all minutes or more no CPU time was stolen."
    assert "20 % of the CPU time or more was stolen" in said(steal.RULE, cpu=cpu(stolen=0.2))


def test_minutes_above_the_limit_are_told_only_where_there_are_some():
    assert "minutes above" not in said(cpu_busy.RULE, cpu=cpu(busy=0.6))
    assert "20 of 20 minutes above 80 %" in said(cpu_busy.RULE, cpu=cpu(busy=0.9))


def test_programs_that_never_waited_for_memory_are_no_figure():
    def frame(part):
        rows = [
            pd.DataFrame({"pressure": name, "t_s": T_S, "full_us": T_S * 1e6 * part, "some_us": T_S * 1e6 * part})
            for name in ("memory", "io", "cpu")
        ]
        return pd.concat(rows, ignore_index=True)

    assert "0 %" not in said(pressure.RULE, pressure=frame(0.0))
    assert "waited for memory 20 % of the time" in said(pressure.RULE, pressure=frame(0.2))


def test_an_empty_queue_of_an_interface_is_no_figure():
    def frame(waiting):
        return pd.DataFrame({"backlog": "eth0", "t_s": T_S, "packets": waiting, "drops": 0})

    given = {FACTS: {}, TESTS: ()}
    assert "no packet waited to be sent" in said(backlog.RULE, "a/eth0", backlog=frame(0.0), **given)
    assert "3 packets or more waited" in said(backlog.RULE, "a/eth0", backlog=frame(3.0), **given)


def disk(depth):
    ms = T_S * 1000.0 * depth
    columns = {"reads": T_S, "read_ms": ms, "read_B": T_S * 4096, "writes": T_S, "write_ms": ms * 0, "write_B": T_S}
    return pd.DataFrame({"disk": "sda", "t_s": T_S} | columns)


def test_a_disk_without_a_queue_is_told_without_a_count():
    assert "in no minute" in said(disk_queue.RULE, "a/sda", disk=disk(0.1))
    assert "in 20 of 20 minutes" in said(disk_queue.RULE, "a/sda", disk=disk(2.0))


def test_nothing_killed_and_nothing_lost_are_words():
    vm = pd.DataFrame({"t_s": T_S, "out_pages": 0.0, "oom_kills": 0.0})
    assert "no process was killed for want of memory" in said(swap.RULE, paging=vm)
    calm = path_timing(loaded=Quantiles(300, 0.001, 0.001, 0.001, 0.001, 0.001), loaded_lost=0)
    assert "none of 300 probes under load was lost" in about_path(under_load.RULE, calm)[0].message


def test_a_route_that_stayed_is_not_counted():
    still = path_timing(route_changes_there=0, route_changes_back=0, reordered=0, duplicates=0)
    (word,) = about_path(route_changes.RULE, still)
    assert word.message.endswith("its route changed neither there nor back; no reply out of order or doubled.")
    (word,) = about_path(route_changes.RULE, replace(still, route_changes_back=2, reordered=3))
    assert "0 there, 2 back" in word.message


@pytest.mark.parametrize(("days", "told"), [(2, "full in 46 h"), (30, "full in 30 days"), (1000, "more than a year")])
def test_a_forecast_has_no_more_digits_than_it_knows(days, told):
    t_s = np.arange(0.0, 7200.0, 10.0)
    size = 100_000_000.0
    rows = {"mount": "/", "t_s": t_s, "size_KiB": size, "free_KiB": size * (1.0 - t_s / 86400.0 / days)}
    text = said(space_forecast.RULE, "a//", **{space_forecast.RULE.needs[0]: pd.DataFrame(rows)})
    assert told in text


def test_paths_that_lack_the_same_ask_for_the_same():
    plan = used(True, True)
    words = [
        word
        for ends in (("a", "b"), ("b", "a"))
        for word in about_path(path_coverage.RULE, path_timing(source=ends[0], target=ends[1], hours=0.25), plan, 900.0)
    ]
    assert {word.status for word in words} == {Status.WARN}
    assert len({word.remedy for word in words}) == 1


def test_counters_that_are_not_told_count_no_minute():
    frame = pd.DataFrame({"t_s": T_S, "told": T_S, "untold": np.nan})
    assert counted_minutes(frame, ["told", "untold"]).empty
    assert counted_minutes(frame, ["absent"]).empty
    assert counted_minutes(frame, ["told"])["told"].iloc[1] == pytest.approx(60.0)


def test_clocks_without_any_difference_are_told_without_figures():
    same = path_timing(clock_offset_s=0.0, clock_error_s=0.0)
    subject = Subject(Scope.PAIR, "a+b")
    context = Context(subject, PLAN, "", 900.0, {TIMINGS: (same,)}, clock_offset.RULE.limits)
    (word,) = clock_offset.RULE.check(context)
    assert word.message == "The clocks of a and b show no difference."
