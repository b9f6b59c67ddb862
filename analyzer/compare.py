"""Two assessments beside each other: what differs by more than the scatter within the runs, and what cannot be compared.

All comparisons share one chance of a false alarm (Bonferroni), so that a run compared with its like finds nothing 99 times in a hundred.
What differs from one day to the next is not in the scatter of a run: two runs say that the site was different, not why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.columns import Floats
from analyzer.contract import Assessment, Figure, Scope, Subject
from analyzer.noise import FEWEST, Statistic, difference, mean, median, p95
from analyzer.plain import plain
from analyzer.words import quantity
from collector.errors import OperatorError

SCHEMA = 1
FAMILY = 0.01
"""Chance that anything at all is called different when nothing is."""
TESTS = 3
"""Bandwidth tests that either run needs (design value)."""
_MOST = 1e15
"""Beyond it a figure is damage; its square is still a number."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a figure is compared. A change within `step` (in its unit) or `part` (of A's value) is what the figure cannot tell."""

    statistic: Statistic
    step: float = 0.0
    part: float = 0.0


_KINDS: Mapping[Figure, _Kind] = {
    # Stamps are of whole microseconds, one at either end of each way.
    Figure.RTT_MEDIAN: _Kind(median, step=2e-6),
    Figure.RTT_P99: _Kind(median, step=2e-6),
    Figure.LOSS: _Kind(mean),
    # What iperf3's settled goodput is good for (docs/method.md).
    Figure.THROUGHPUT: _Kind(mean, part=0.01),
    Figure.STALLED: _Kind(mean),
    # The kernel counts in hundredths of a second.
    Figure.CPU_MEAN: _Kind(mean, step=0.01 / 60.0),
    Figure.CPU_P95: _Kind(p95, step=0.01 / 60.0),
    # Times of operations are counted in milliseconds.
    Figure.DISK: _Kind(mean, step=1e-6),
}


@dataclass(frozen=True, slots=True)
class Run:
    """Which run stands on one side."""

    cluster: str
    origin: str
    phase: str
    started: str
    duration_s: float
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of one subject in both runs. `low` and `high` bound B less A, all comparisons together at 99 %."""

    figure: Figure
    subject: Subject
    unit: str
    a: float
    b: float
    low: float
    high: float
    different: bool
    values: tuple[int, int]

    @property
    def change(self) -> float:
        """B less A."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Missing:
    """A figure that could not be compared, and why."""

    figure: Figure
    subject: Subject
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole answer. `only_a`, `only_b`: nodes that only one of the runs has, perhaps under a new name."""

    schema: int
    family_error: float
    a: Run
    b: Run
    compared: tuple[Compared, ...]
    missing: tuple[Missing, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def differences(self) -> tuple[Compared, ...]:
        """What lies beyond noise, the largest relative change first."""
        found = [item for item in self.compared if item.different]
        return tuple(sorted(found, key=lambda item: -abs(item.change) / max(abs(item.a), 1e-12)))

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(plain(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def compare(a: Assessment, b: Assessment) -> Comparison:
    """Compare two runs.

    Raises:
        OperatorError: they share neither a node nor a path, or they are one and the same run.
    """
    first, second = _run(a), _run(b)
    sessions = [{node.sha256 for node in run.nodes if node.sha256} for run in (a, b)]
    if sessions[0] & sessions[1]:
        raise OperatorError("A and B hold the same archive: they are one run", "name two different runs")
    shared = set(first.nodes) & set(second.nodes)
    if not shared:
        names = [", ".join(run.nodes) or "none" for run in (first, second)]
        raise OperatorError(
            f"the runs share no node and no path: A has {names[0]}, B has {names[1]}",
            "compare runs of the same nodes; a node has to bear the same name in both plans",
        )
    mine, theirs = _series(a), _series(b)
    both = [key for key in mine if key in theirs]
    ready = [key for key in both if not _lacking(key, a, b, mine[key], theirs[key])]
    tail = FAMILY / max(1, len(ready))
    found = tuple(_compared(key, mine[key], theirs[key], tail) for key in ready)
    return Comparison(
        SCHEMA,
        FAMILY,
        first,
        second,
        found,
        tuple(_missing(a, b, mine, theirs)),
        tuple(name for name in first.nodes if name not in shared),
        tuple(name for name in second.nodes if name not in shared),
    )


_Key = tuple[Figure, Subject, str]


def _run(assessment: Assessment) -> Run:
    return Run(
        assessment.cluster,
        assessment.origin,
        assessment.phase,
        assessment.started,
        assessment.duration_s,
        tuple(node.name for node in assessment.nodes),
    )


def _series(assessment: Assessment) -> dict[_Key, Floats]:
    """Every figure of a run, in the order in which they are told; without values that were not measured."""
    found: dict[_Key, Floats] = {}
    for item in assessment.minutes:
        values = np.array(
            [value for value in item.values if value is not None and abs(value) < _MOST], dtype=np.float64
        )
        found[item.figure, item.subject, item.unit] = values
        if item.figure is Figure.CPU_MEAN:
            found[Figure.CPU_P95, item.subject, item.unit] = values
    for carried in assessment.throughputs:
        rates = np.array([test.rate_bps for test in carried.tests if abs(test.rate_bps) < _MOST], dtype=np.float64)
        found[Figure.THROUGHPUT, Subject(Scope.PATH, carried.path), "bit/s"] = rates
    order = list(Figure)
    return {key: found[key] for key in sorted(found, key=lambda key: (order.index(key[0]), key[1].name))}


def _lacking(key: _Key, a: Assessment, b: Assessment, first: Floats, second: Floats) -> str:
    """Why two series cannot be compared; empty if they can."""
    figure, subject, _ = key
    fewest, what = (TESTS, "tests") if figure is Figure.THROUGHPUT else (FEWEST, "whole minutes")
    if min(len(first), len(second)) < fewest:
        return f"too few {what}: {len(first)} in A, {len(second)} in B, {fewest} are needed"
    if figure is Figure.THROUGHPUT:
        caps = [next((item.limit_bps for item in run.throughputs if item.path == subject.name), None) for run in (a, b)]
        if caps[0] != caps[1]:
            told = " and to ".join("nothing" if cap is None else quantity(cap, "bit/s") for cap in caps)
            return f"its tests were held to {told}"
    if figure is Figure.RTT_P99:
        # More values in a minute reach further into the tail.
        periods = [next((item.period_s for item in run.timings if item.path == subject.name), None) for run in (a, b)]
        if periods[0] != periods[1]:
            return "its probes came at different intervals"
    return ""


def _missing(
    a: Assessment, b: Assessment, mine: Mapping[_Key, Floats], theirs: Mapping[_Key, Floats]
) -> Iterator[Missing]:
    for key in [*mine, *(key for key in theirs if key not in mine)]:
        reason = ""
        if key not in theirs:
            reason = "only in A"
        elif key not in mine:
            reason = "only in B"
        else:
            reason = _lacking(key, a, b, mine[key], theirs[key])
        if reason:
            yield Missing(key[0], key[1], reason)


def _compared(key: _Key, first: Floats, second: Floats, tail: float) -> Compared:
    figure, subject, unit = key
    kind = _KINDS[figure]
    found = difference(
        first, second, kind.statistic, tail, f"{figure} {subject.name}", blocks=figure is not Figure.THROUGHPUT
    )
    told = max(kind.step, kind.part * abs(found.first))
    beyond = (found.low > 0.0 or found.high < 0.0) and abs(found.change) > told
    return Compared(
        figure, subject, unit, found.first, found.second, found.low, found.high, beyond, (len(first), len(second))
    )


def gathered(items: Sequence[Missing]) -> Iterator[tuple[str, list[str]]]:
    """Figures that are missing for one reason, each with its subjects, in a line."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(f"{item.figure}: {item.reason}", []).append(item.subject.name)
    yield from groups.items()
