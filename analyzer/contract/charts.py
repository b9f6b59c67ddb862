"""Quantities over the run and as distributions, thinned to what a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzer.contract.findings import Subject


@dataclass(frozen=True, slots=True)
class Trace:
    """A quantity over the run, thinned without losing an extreme: at most 480 bins.

    Bin i covers ``start_s + i * step_s`` onwards; `low`, `mid`, `high` are its minimum,
    median or mean, and maximum (None: no data). `start_s` counts from the start of the run.
    """

    id: str
    title: str
    unit: str
    subject: Subject
    start_s: float
    step_s: float
    low: tuple[float | None, ...]
    mid: tuple[float | None, ...]
    high: tuple[float | None, ...]


class CpuShare(StrEnum):
    """What shares of all CPUs' time a node has a trace of: each is the title of its own.

    All but `BUSY` lie on each other in the node's chart, in this order from below; up to `STOLEN` they are what is busy.
    """

    BUSY = "CPU busy"
    PROGRAMS = "CPU in programs"
    KERNEL = "CPU in the kernel"
    INTERRUPTS = "CPU in interrupts"
    STOLEN = "CPU stolen by the hypervisor"
    WAITING = "CPU waiting for a disk"


class Figure(StrEnum):
    """What two runs are compared by."""

    RTT_MEDIAN = "round trip, median"
    RTT_P99 = "round trip, 99 % of a minute"
    LOSS = "loss"
    THROUGHPUT = "throughput"
    STALLED = "time stood still, of a minute"
    CPU_MEAN = "CPU busy, mean"
    CPU_P95 = "CPU busy, 95 % of all minutes"
    DISK = "time of a disk operation"


@dataclass(frozen=True, slots=True)
class Minutes:
    """A figure by whole minute of the run, so that runs can be compared later (None: too little was measured in that minute)."""

    figure: Figure
    subject: Subject
    unit: str
    values: tuple[float | None, ...]


class Spread(StrEnum):
    """What times of a path have a curve: each is the title of its own."""

    IDLE = "Round-trip time"
    LOADED = "Round-trip time under load"


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative distribution: `fraction` of all values are at or below `value`."""

    id: str
    title: str
    unit: str
    subject: Subject
    value: tuple[float, ...]
    fraction: tuple[float, ...]
