"""Runs of a quiet trio by seed, minute by minute, with scatter, memory and rare trouble as machines have them. Synthetic, labelled so."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from report_fixtures import trio

from analyzer.contract import Assessment, BandwidthTest, Figure, Minutes, Scope, Subject
from analyzer.minutes import path_minutes

PERIOD_S = 0.2
MEMORY = 0.5
"""How much of a minute's deviation is left in the next one."""


@cache
def base() -> Assessment:
    return replace(trio(), origin="synthetic")


def wandering(draw: np.random.Generator, minutes: int, spread: float) -> np.ndarray:
    """Around 1, each minute remembering the one before."""
    shocks = draw.normal(0.0, spread * np.sqrt(1 - MEMORY**2), minutes)
    level = np.empty(minutes)
    level[0] = draw.normal(0.0, spread)
    for minute in range(1, minutes):
        level[minute] = MEMORY * level[minute - 1] + shocks[minute]
    return 1.0 + level


def quiet(seed: int, minutes: int = 60, *, rtt: float = 1.0, cpu: float = 1.0, rate: float = 1.0) -> Assessment:
    """One run; `rtt`, `cpu` and `rate` are by how much the round trips, the busy time and the throughput are multiplied."""
    draw = np.random.default_rng(seed)
    found: list[Minutes] = []
    for number, timing in enumerate(base().timings):
        found += _path(draw, timing, minutes, rtt * (20e-3 if timing.wan else (200 + 40 * number) * 1e-6))
    for node in base().nodes:
        found += _node(draw, node.name, minutes, cpu)
    carried = tuple(
        replace(
            item,
            limit_bps=None,
            tests=tuple(
                BandwidthTest(float(at), 2.0, 1, rate * 9.4e8 * draw.normal(1.0, 0.01), 0, None, None)
                for at in range(max(1, minutes // 15))
            ),
        )
        for item in base().throughputs
    )
    nodes = tuple(replace(node, sha256=f"{seed}-{node.name}") for node in base().nodes)
    return replace(base(), minutes=tuple(found), throughputs=carried, nodes=nodes, duration_s=60.0 * minutes)


def _path(draw: np.random.Generator, timing: Any, minutes: int, usual_s: float) -> list[Minutes]:
    each = int(60 / PERIOD_S)
    t_s = np.arange(minutes * each) * PERIOD_S
    level = np.repeat(wandering(draw, minutes, 0.03), each)
    rtt_s = usual_s * level * (1.0 + draw.exponential(0.05, len(t_s)))
    rtt_s += np.where(draw.random(len(t_s)) < 0.005, draw.exponential(2e-3, len(t_s)), 0.0)
    lost = draw.random(len(t_s)) < 2e-4
    for at in draw.integers(0, len(t_s), draw.poisson(minutes / 60)):
        lost[at : at + draw.geometric(0.1)] = True
    measured: Any = SimpleNamespace(
        timing=SimpleNamespace(path=timing.path, period_s=PERIOD_S),
        t_s=t_s[~lost],
        rtt_s=rtt_s[~lost],
        judged_s=t_s,
        lost=lost,
    )
    return path_minutes(measured, 60.0 * minutes)


def _node(draw: np.random.Generator, name: str, minutes: int, cpu: float) -> list[Minutes]:
    subject = Subject(Scope.NODE, name)
    busy = 0.12 * cpu * wandering(draw, minutes, 0.08)
    busy[draw.random(minutes) < 0.03] *= 1.5
    stalled = np.array([draw.exponential(0.03, draw.poisson(0.3)).sum() / 60.0 for _ in range(minutes)])
    disk = 2e-3 * wandering(draw, minutes, 0.05) * draw.lognormal(0.0, 0.25, minutes)
    return [
        Minutes(Figure.CPU_MEAN, subject, "ratio", tuple(busy.tolist())),
        Minutes(Figure.STALLED, subject, "ratio", tuple(stalled.tolist())),
        Minutes(Figure.DISK, Subject(Scope.DEVICE, f"{name}/sda"), "s", tuple(disk.tolist())),
    ]


def halves(run: Assessment) -> tuple[Assessment, Assessment]:
    """The first and the second half of a run, as if they were two."""
    count = len(run.minutes[0].values) // 2

    def half(place: int) -> Assessment:
        return replace(
            run,
            minutes=tuple(replace(item, values=item.values[place * count :][:count]) for item in run.minutes),
            throughputs=tuple(
                replace(item, tests=item.tests[place * (len(item.tests) // 2) :][: len(item.tests) // 2])
                for item in run.throughputs
            ),
            nodes=tuple(replace(node, sha256=f"{node.sha256}-{place}") for node in run.nodes),
        )

    return half(0), half(1)
