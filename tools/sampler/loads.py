"""The bandwidth tests of a run: when the plan's rounds make them, and what both ends would have recorded of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.peers.rounds import CLOSING_S, every_s, first_round_s, places
from collector.plan import LoadKind, Plan, PlannedPath
from collector.plan_schedule import test_length_s, test_limit_bps, test_order
from sampler.world import Load, Run, Scenario, Series, chance, micro

_KINDS = {LoadKind.FULL: 0.0, LoadKind.PLANNED: 1.0, LoadKind.UDP: 2.0}
_STEP_S = 0.1
_DATAGRAM_B = 1448
_STARTS_S = 0.15
"""Iperf3 needs so long until the first byte."""


def made(scenario: Scenario, plan: Plan) -> tuple[Load, ...]:
    """Every test of the run, in order of time."""
    random = chance(scenario.seed, "tests")
    starts = [scenario.machine(node.name).start_s for node in plan.nodes]
    end_s = min(starts) + scenario.seconds
    at, found = places(plan), []
    round_at_s = max(starts) + first_round_s(scenario.seconds, None)
    while round_at_s < end_s and at:
        for test in test_order(plan):
            length_s = float(test_length_s(plan, test))
            at_s = round_at_s + at[test.name] + random.random_sample() * 0.5
            if at_s + length_s + CLOSING_S > end_s:
                continue
            path, limit = PlannedPath(test.source, test.target, test.network), test_limit_bps(plan, test)
            line = scenario.line(path)
            goodput_bps = line.rate_bps(f"{test.source}>{test.target}") * (1.0 + 0.006 * random.standard_normal())
            rate_bps = min([goodput_bps, *([limit * 0.9995] if limit else [])])
            found.append(Load(at_s, length_s, path, test.kind, limit, rate_bps))
        round_at_s += every_s(plan, scenario.seconds)
    return tuple(found)


def recorded(run: Run) -> Iterator[tuple[str, Series]]:
    """(node, series) of all tests, one after the other."""
    random = chance(run.scenario.seed, "iperf3")
    for load in run.loads:
        source, target = (run.scenario.machine(node) for node in (load.path.source, load.path.target))
        labels = (load.path.name,)
        begin_s = float(source.local_s(load.at_s))
        steps = _STEP_S * np.arange(round(load.length_s / _STEP_S))
        share = np.clip((steps + 0.06) / _ramp_s(run, load), 0.05, 1.0) * (
            1.0 + 0.02 * random.standard_normal(len(steps))
        )
        arrived = np.round(np.clip(share, 0.02, 1.08) * load.rate_bps * _STEP_S / 8.0)
        udp = load.kind is LoadKind.UDP
        loaded_us = micro(load.length_s + _STARTS_S + 0.03 + random.randint(0, 9000) * 1e-6)
        receiver_us = micro(load.length_s + random.randint(0, 3000) * 1e-6)
        cpu = [round(20_000 + load.rate_bps / 5e3), round(30_000 + load.rate_bps / 4e3)]
        if udp:
            packets = round(arrived.sum() / _DATAGRAM_B)
            lost = random.binomial(packets, min(0.5, run.scenario.line(load.path).load_loss))
            row = [
                loaded_us,
                load.limit_bps or load.rate_bps,
                (packets - lost) * _DATAGRAM_B,
                receiver_us,
                packets,
                lost,
                25 + random.randint(0, 30),
                *cpu,
            ]
        else:
            limit = np.nan if load.limit_bps is None else float(load.limit_bps)
            again = random.poisson(arrived.sum() / _DATAGRAM_B * (2e-5 + _loss(run, load)))
            row = [loaded_us, arrived.sum(), receiver_us, limit, again, *cpu, _KINDS[load.kind]]
            when_s = begin_s + _STARTS_S + steps
            # The receiver's steps are as long as its timer makes them.
            length_us = 100_000.0 + random.randint(-80, 80, len(steps))
            yield (
                load.path.source,
                Series("window", labels, when_s, np.column_stack([micro(when_s), length_us, arrived])),
            )
        table = "datagrams" if udp else "bandwidth"
        end_s = begin_s + load.length_s + _STARTS_S
        yield (
            load.path.source,
            Series(table, labels, np.array([end_s]), np.array([[micro(begin_s), *row]], dtype=float)),
        )
        ready_s = float(target.local_s(load.at_s)) - 0.05
        served = [[micro(ready_s), loaded_us + 120_000.0, _KINDS[load.kind]]]
        yield (
            load.path.target,
            Series("served", labels, np.array([ready_s + load.length_s + 0.3]), np.array(served, dtype=float)),
        )


def _ramp_s(run: Run, load: Load) -> float:
    """How long TCP needs to get up to speed: longer where packets are long on their way."""
    return 0.1 + 8.0 * run.scenario.line(load.path).one_way_s


def _loss(run: Run, load: Load) -> float:
    line = run.scenario.line(load.path)
    return float(line.loss(np.array([load.at_s]))[0]) + line.load_loss
