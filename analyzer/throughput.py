"""What bandwidth tests gave: the rate of each directed path, and when they loaded which node.

The rate of a test is its goodput once it had settled: the receiver's bytes in steps of 0.1 s, without the beginning, which
holds the filling of a queue, and without the last step, which is cut short. Over tests of 2 s this came within 1 % of the
truth for queues of up to 200 ms; the whole average is off by up to 6 %. A test with an impossible figure is not used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.contract import BandwidthTest, DatagramTest, Obstacle, Throughput
from analyzer.frames import NodeData
from collector.contract import Interval, State
from collector.plan import LoadKind, Plan, PlannedPath

SKIP_US, SKIP_LONG_US = 300_000.0, 1_000_000.0
LONG_US = 10_000_000.0
"""What is left out of a test's beginning: 0.3 s; of tests over 10 s, which run between sites, 1 s (design value)."""

_STEP_US = 100_000.0
_FEWEST = 3
"""Steps below which the whole test's average stands in (0.3 s: within 1 %)."""

_ASTRAY_US = 500_000.0
"""The receiver's steps are told on the sender's clock, but not to the microsecond."""

_BUSY = "busy: "
"""What every reason has in it of a test that made room for other programs."""

_MOST_US = 1e14
_MOST_B = 1e15
_MOST_BPS = 1e13
_MOST_PPM = 1e9
"""Beyond these a figure is damage: three years, a petabyte, 10 Tbit/s, a thousand cores."""


def throughputs(plan: Plan, nodes: Mapping[str, NodeData]) -> dict[str, Throughput]:
    """Every path that tests were planned for, by name, whether or not there were any. Times are on the common base."""
    return {path.name: _throughput(path, plan, nodes) for path in plan.bandwidth_paths()}


def loaded_us(node: NodeData) -> tuple[tuple[int, int], ...]:
    """Stretches in us of the node's own clock during which a test loaded it, in order and apart."""
    spans: list[tuple[int, int]] = []
    for table in ("bandwidth", "datagrams", "served"):
        frame = node.tables.get(table)
        if frame is not None:
            start, length = numbers(frame, "t_us"), numbers(frame, "loaded_us")
            sound = np.isfinite(start) & (length > 0) & (length <= _MOST_US)
            spans += zip(
                start[sound].astype(np.int64).tolist(), (start + length)[sound].astype(np.int64).tolist(), strict=True
            )
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return tuple(merged)


def loaded_s(tables: Mapping[str, pd.DataFrame]) -> tuple[tuple[float, float], ...]:
    """The same stretches on the run's common base, where the tables have been put on it."""
    spans: list[tuple[float, float]] = []
    for table in ("bandwidth", "datagrams", "served"):
        frame = tables.get(table)
        if frame is not None and "t_s" in frame:
            start, length = numbers(frame, "t_s"), numbers(frame, "loaded_us")
            sound = np.isfinite(start) & (length > 0) & (length <= _MOST_US)
            spans += zip(start[sound].tolist(), (start + length / 1e6)[sound].tolist(), strict=True)
    return tuple(sorted(spans))


def _throughput(path: PlannedPath, plan: Plan, nodes: Mapping[str, NodeData]) -> Throughput:
    node = nodes.get(path.source)
    found = _Tests()
    if node is not None:
        found = _tests(path.name, node.tables)
    tests = found.full
    rates = np.array([test.rate_bps for test in tests])
    return Throughput(
        path=path.name,
        source=path.source,
        target=path.target,
        network=path.network,
        wan=plan.is_wan(path.source, path.target),
        planned_bps=plan.network(path.network).rate_bps,
        limit_bps=found.limit_bps,
        tests=tests,
        minimum_bps=float(rates.min()) if tests else None,
        median_bps=float(np.median(rates)) if tests else None,
        maximum_bps=float(rates.max()) if tests else None,
        reason=_reason(path, node, len(tests), found.unusable),
        obstacle=Obstacle.NONE if tests else _obstacle(path, plan, nodes),
        load_bps=plan.network(path.network).load_bps,
        at_load=found.at_load,
        datagrams=() if node is None else _datagrams(path.name, node.tables),
        made_room=(0, "") if node is None else _made_room(path, node),
    )


def _obstacle(path: PlannedPath, plan: Plan, nodes: Mapping[str, NodeData]) -> Obstacle:
    """What kept tests away, by what is on record and not by how it is worded."""
    if path.source not in nodes:
        return Obstacle.ARCHIVE
    if plan.is_wan(path.source, path.target) and plan.network(path.network).rate_bps is None:
        return Obstacle.RATE
    if any(_without_tool(nodes[name]) for name in (path.source, path.target) if name in nodes):
        return Obstacle.TOOL
    return Obstacle.OTHER


def _without_tool(node: NodeData) -> bool:
    """Whether the node said that it has no iperf3 that runs; a node that said nothing may have it."""
    told = node.story.facts.get("bandwidth")
    return isinstance(told, dict) and told.get("iperf3") == ""


def _reason(path: PlannedPath, node: NodeData | None, tests: int, unusable: int) -> str:
    """Why tests are missing. Beside tests that ran only a failure is worth a word: waiting belongs to every run."""
    if node is None:
        return f"no archive of node {path.source} was given"
    told: list[Interval] = []
    for outcome in node.story.outcomes:
        if outcome.probe == f"bandwidth {path.name}":
            told += outcome.intervals
    failed = [part for part in told if part.state in (State.ERROR, State.TIMEOUT)]
    if not tests and not failed:
        failed = [part for part in told if part.state is State.SKIPPED]
    reasons = []
    if unusable:
        reasons.append(f"{unusable} of {tests + unusable} tests had impossible figures")
    if failed:
        worst = max(failed, key=lambda part: part.to_us - part.from_us)
        reasons.append(worst.reason or f"the tests ended with {worst.state}")
    if not tests and not reasons:
        reasons.append(f"node {path.source} recorded no test")
    return "; ".join(reasons)


def _made_room(path: PlannedPath, node: NodeData) -> tuple[int, str]:
    """How often tests of any kind were not made, or ended, because other programs needed a node, and the usual reason."""
    reasons: Counter[str] = Counter()
    for outcome in node.story.outcomes:
        if (
            outcome.probe.startswith("bandwidth ")
            and outcome.probe.removeprefix("bandwidth ").partition(" ")[0] == path.name
        ):
            reasons.update(part.reason for part in outcome.intervals if _BUSY in part.reason)
    usual = reasons.most_common(1)
    return sum(reasons.values()), usual[0][0] if usual else ""


@dataclass(frozen=True, slots=True)
class _Tests:
    """A path's tests with TCP, in order of time. `unusable` and `limit_bps` (the rate they were held to) are of those that fill it."""

    full: tuple[BandwidthTest, ...] = ()
    at_load: tuple[BandwidthTest, ...] = ()
    unusable: int = 0
    limit_bps: int | None = None


def _tests(path: str, tables: Mapping[str, pd.DataFrame]) -> _Tests:
    rows = _of(path, tables.get("bandwidth"), _FIGURES)
    steps = _Steps(_of(path, tables.get("window"), ("t_us", "length_us", "received_B")))
    found: dict[LoadKind, list[BandwidthTest]] = {kind: [] for kind in LoadKind}
    limits: list[float] = []
    whole = failed = 0
    for kind, row in zip(kinds_of(rows[:, _FIGURES.index("kind")]), rows.tolist(), strict=True):
        figures = dict(zip(_FIGURES, row, strict=True))
        whole += kind is LoadKind.FULL
        if math.isnan(figures["received_B"]) and math.isnan(figures["receiver_us"]):
            # The receiver told nothing: a test that failed after it had loaded the path. The outcome says why.
            failed += kind is LoadKind.FULL
            continue
        rate_bps = _rate_bps(figures, steps)
        if rate_bps is None:
            continue
        if kind is LoadKind.FULL and 0 < figures["limit_bps"] <= _MOST_BPS:
            limits.append(figures["limit_bps"])
        found[kind].append(
            BandwidthTest(
                start_s=figures["t_s"],
                length_s=figures["loaded_us"] / 1e6,
                received_B=int(figures["received_B"]),
                rate_bps=rate_bps,
                retransmits=int(figures["retransmits"]) if 0 <= figures["retransmits"] <= _MOST_B else None,
                source_cpu=_cpu(figures["source_cpu_ppm"]),
                target_cpu=_cpu(figures["target_cpu_ppm"]),
            )
        )
    full = tuple(found[LoadKind.FULL])
    # Held to a limit only if every test was: one that was free to go faster shows what the path carries.
    held = int(max(limits)) if full and len(limits) == len(full) else None
    return _Tests(full, tuple(found[LoadKind.PLANNED]), whole - failed - len(full), held)


def kinds_of(numbers_told: Floats) -> list[LoadKind]:
    """What the tests of table `bandwidth` did; older archives tell none and know one kind only."""
    return [LoadKind.PLANNED if number == 1 else LoadKind.FULL for number in numbers_told]


def _datagrams(path: str, tables: Mapping[str, pd.DataFrame]) -> tuple[DatagramTest, ...]:
    """The path's tests with UDP in order of time. What arrived is the receiver's bytes by its seconds; one with impossible figures is left out."""
    found = []
    for row in _of(path, tables.get("datagrams"), _DATAGRAM_FIGURES).tolist():
        told = dict(zip(_DATAGRAM_FIGURES, row, strict=True))
        if not (_possible(told) and 0 < told["rate_bps"] <= _MOST_BPS):
            continue
        counted = 0 < told["packets"] <= _MOST_B and 0 <= told["lost"] <= told["packets"]
        found.append(
            DatagramTest(
                start_s=told["t_s"],
                length_s=told["loaded_us"] / 1e6,
                sent_bps=int(told["rate_bps"]),
                rate_bps=8e6 * told["received_B"] / told["receiver_us"],
                loss=told["lost"] / told["packets"] if counted else None,
                jitter_s=told["jitter_us"] / 1e6 if 0 <= told["jitter_us"] <= _MOST_US else None,
                source_cpu=_cpu(told["source_cpu_ppm"]),
                target_cpu=_cpu(told["target_cpu_ppm"]),
            )
        )
    return tuple(found)


_FIGURES = (
    "t_us",
    "t_s",
    "loaded_us",
    "received_B",
    "receiver_us",
    "limit_bps",
    "retransmits",
    "source_cpu_ppm",
    "target_cpu_ppm",
    "kind",
)
_DATAGRAM_FIGURES = (
    "t_us",
    "t_s",
    "loaded_us",
    "rate_bps",
    "received_B",
    "receiver_us",
    "packets",
    "lost",
    "jitter_us",
    "source_cpu_ppm",
    "target_cpu_ppm",
)


def _of(path: str, frame: pd.DataFrame | None, names: tuple[str, ...]) -> Floats:
    """The path's rows in order of time, the first of `names`; one column each. NaN where a figure is missing."""
    if frame is None or "path" not in frame:
        return np.empty((0, len(names)))
    rows = frame[frame["path"] == path]
    values = np.column_stack([numbers(rows, name) for name in names])
    ordered: Floats = values[np.argsort(values[:, 0], kind="stable")]
    return ordered


class _Steps:
    """What the receiver counted step by step, in order of time."""

    def __init__(self, rows: Floats) -> None:
        timed = rows[np.isfinite(rows[:, 0])]
        self._begin_us, self._length_us, self._count_B = timed.T
        self._sound = (self._length_us >= 1) & (self._length_us <= LONG_US)
        self._sound &= (self._count_B >= 0) & (self._count_B <= _MOST_B)

    def settled_bps(self, from_us: float, to_us: float, skip_us: float) -> float | None:
        """Goodput of the steps in between, NaN if too few are left. None: one of them is impossible."""
        low, high = np.searchsorted(self._begin_us, [from_us - _ASTRAY_US, to_us + _ASTRAY_US])
        if not self._sound[low:high].all():
            return None
        begin_us = self._begin_us[low:high]
        settled = begin_us - begin_us[:1] > skip_us - _STEP_US / 2
        settled[-1:] = False
        if settled.sum() < _FEWEST:
            return float("nan")
        return float(8e6 * self._count_B[low:high][settled].sum() / self._length_us[low:high][settled].sum())


def _rate_bps(figures: Mapping[str, float], steps: _Steps) -> float | None:
    """Settled goodput in bit/s, or the whole test's where too few steps are left. None: an impossible figure."""
    if not _possible(figures):
        return None
    start_us = figures["t_us"]
    skip_us = SKIP_LONG_US if figures["receiver_us"] > LONG_US else SKIP_US
    rate_bps = steps.settled_bps(start_us, start_us + figures["loaded_us"], skip_us)
    if rate_bps is not None and math.isnan(rate_bps):
        rate_bps = 8e6 * figures["received_B"] / figures["receiver_us"]
    return rate_bps if rate_bps is not None and rate_bps <= _MOST_BPS else None


def _possible(figures: Mapping[str, float]) -> bool:
    """Whether a test's times and its receiver's count can be true. NaN fails every comparison."""
    return (
        math.isfinite(figures["t_us"])
        and math.isfinite(figures["t_s"])
        and 0 < figures["loaded_us"] <= _MOST_US
        and 0 <= figures["received_B"] <= _MOST_B
        and 0 < figures["receiver_us"] <= _MOST_US
    )


def _cpu(ppm: float) -> float | None:
    return ppm / 1e6 if 0 <= ppm <= _MOST_PPM else None
