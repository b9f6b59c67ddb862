"""What the collector emits, and what a probe is given.

The next stage (`analyzer`) imports these types and nothing else of the collector but the
archive reader, the plan and the errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import collector

if TYPE_CHECKING:
    from collector.machine import Clock, Host, KeptFile
    from collector.plan import Node, Plan


def tool_version() -> str:
    """Version of the distribution."""
    return collector.__version__


Json = Any
"""A value that JSON can carry."""


class Kind(StrEnum):
    """How a metric behaves over time."""

    GAUGE = "gauge"
    COUNTER = "counter"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of a table: stored integers, and what they mean.

    `name` ends in the unit that is *stored* (``wait_us``); a stored integer times `scale`
    is a value in the base unit `unit` (``s``, ``B``, ``B/s``, ``ratio``, ``1``).
    """

    name: str
    unit: str
    kind: Kind
    scale: float = 1.0
    help: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A named set of metrics that are sampled together, once per set of label values.

    `timed` tables start with the column ``t_us`` (the scheduler writes it); the others
    carry their own key, such as a slot number.
    """

    name: str
    metrics: tuple[Metric, ...]
    labels: tuple[str, ...] = ()
    timed: bool = True
    help: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names as they stand in the archive."""
        names = tuple(metric.name for metric in self.metrics)
        return ("t_us", *names) if self.timed else names


@dataclass(frozen=True, slots=True)
class Batch:
    """One row of one table. Null is None, never zero.

    `labels` are the values of the table's labels, in their order; `values` one integer per metric.
    """

    table: str
    labels: tuple[str, ...]
    t_mono_ns: int
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node is, as opposed to what it does: kept whole in the manifest under `name`."""

    name: str
    values: Mapping[str, Json]


class ProbeKind(StrEnum):
    """`tick`: a row every period. `job`: runs to its end, then again a period later."""

    TICK = "tick"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Run:
    """Identity of one start of the collector on one node.

    `session` is random per start; `t0_ns` is the monotonic zero of every ``t_us``.
    """

    session: str
    t0_ns: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Env:
    """The machine, the clock and the job, as parameters: tests pass their own."""

    clock: Clock
    host: Host
    run: Run
    plan: Plan
    node: Node
    root: Path = Path("/")

    def read(self, path: str) -> KeptFile:
        """Open `path` below the root once, to be re-read every tick.

        Raises:
            Unavailable: the file is not there or may not be read.
        """
        from collector.machine import KeptFile

        return KeptFile(self.root / path)


@dataclass(frozen=True, slots=True)
class Probe:
    """One subject to be sampled. A module in `collector/probes/` exports it as ``PROBE``.

    `sample(env)` is a generator. Before its first ``yield`` it looks and opens, or raises
    `Unavailable`. Then each ``next`` is one tick: it yields batches and facts, and
    ``None`` when the tick is complete. ``finally`` closes. The scheduler times,
    isolates and records; a probe does neither.
    """

    name: str
    tables: tuple[Table, ...]
    sample: Callable[[Env], Iterator[Batch | Facts | None]]
    period_s: float = 1.0
    deadline_s: float = 10.0
    kind: ProbeKind = ProbeKind.TICK


class State(StrEnum):
    """Absent, failed, late and good are four different values."""

    OK = "ok"
    SKIPPED = "skipped"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(slots=True)
class Interval:
    """A stretch of a run during which a probe was in one state. Microseconds since `t0_ns`."""

    state: State
    reason: str
    from_us: int
    to_us: int


MAX_INTERVALS = 200
"""A probe that flaps all day must not fill the archive with its story."""


@dataclass(slots=True)
class Outcome:
    """How one probe (or one path) fared: stored in the manifest and shown in the report."""

    probe: str
    intervals: list[Interval] = field(default_factory=list)
    ticks: int = 0
    missed: int = 0
    seconds: float = 0.0
    traceback: str = ""

    def enter(self, state: State, reason: str, t_us: int) -> None:
        """Note the state at `t_us`; equal neighbours become one interval."""
        if self.intervals:
            last = self.intervals[-1]
            last.to_us = max(last.to_us, t_us)
            if (last.state, last.reason) == (state, reason):
                return
            if len(self.intervals) >= MAX_INTERVALS:
                last.reason = "changes too often to be told apart"
                return
        self.intervals.append(Interval(state, reason, t_us, t_us))
