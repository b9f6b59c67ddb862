"""Whether a node has room for a bandwidth test: what its CPUs and interfaces do for others than the test (Linux).

A test must not take from services what they need, and a figure from a node that is busy says little. Two readings of the kernel's
counters, half a second or more apart, tell how much of all CPUs and of each interface is in use; what the test itself uses is taken off. Time
in interrupts is left out: a test makes most of it, and no program can be blamed for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BUSY = "busy: "
"""How every reason of this kind begins."""
APART_S = 0.5
"""Readings that are closer than this tell too little (design value)."""
TIMES = 2
"""So many readings in a row have to tell of a load before a test is ended for it (design value)."""
UNKNOWN_SPEED_BPS = 1_000_000_000
"""Speed of an interface whose driver tells none, as many virtual ones do (design value)."""
_TICKS_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_OVERHEAD = 1.07
"""Ethernet and IP headers on top of a test's own bytes, and a little more (1514/1448 is 1.05)."""
_ANSWERS = 0.06
"""What acknowledgements take the other way, at most: one of 66 octets for two segments is 2 %."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of all CPUs, and of an interface's speed, that others may use; 1: never mind."""

    cpu: float = 1.0
    traffic: float = 1.0

    @property
    def any(self) -> bool:
        """Whether there is anything to look at."""
        return min(self.cpu, self.traffic) < 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The kernel's counters at one moment: seconds that CPUs worked and that passed on all of them, octets (in, out) by interface."""

    at_ns: int
    worked_s: float
    passed_s: float
    carried_B: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Own:
    """What the test itself used up to now: seconds of CPU, and payload in octets in and out. `counted` False: the kernel tells no octets."""

    cpu_s: float = 0.0
    in_B: int = 0
    out_B: int = 0
    counted: bool = True


_NOTHING = Own()


@dataclass(slots=True)
class Meter:
    """Reads the counters of this machine. `root` is another only in tests."""

    limits: Limits
    root: Path = Path("/")
    _speeds: dict[str, int] = field(default_factory=dict)

    def read(self, now_ns: int) -> Reading | None:
        """None where the kernel does not tell."""
        try:
            fields = (self.root / "proc/stat").read_bytes().partition(b"\n")[0].split()
            lines = (self.root / "proc/net/dev").read_text(encoding="ascii", errors="replace").splitlines()[2:]
            user, nice, system, idle, iowait, irq, softirq, steal = (int(word) for word in fields[1:9])
            carried = {}
            for line in lines:
                name, _, rest = line.partition(":")
                words = rest.split()
                carried[name.strip()] = (int(words[0]), int(words[8]))
        except (OSError, ValueError, IndexError):
            return None
        worked = user + nice + system
        passed = worked + idle + iowait + irq + softirq + steal
        return Reading(now_ns, worked / _TICKS_S, passed / _TICKS_S, carried)

    def laden(self, before: Reading, after: Reading, spent: Own = _NOTHING) -> str:
        """Why there was no room for a test between two readings, in words that stay the same; empty if there was. `spent`: by the test itself."""
        passed_s = after.passed_s - before.passed_s
        others_s = after.worked_s - before.worked_s - spent.cpu_s
        if passed_s > 0 and self.limits.cpu < 1.0 and others_s / passed_s > self.limits.cpu:
            return f"{BUSY}other programs used more than {self.limits.cpu:.0%} of this node's CPUs"
        seconds = (after.at_ns - before.at_ns) / 1e9
        if self.limits.traffic >= 1.0 or seconds <= 0 or not spent.counted:
            return ""
        own = (_with_answers(spent.in_B, spent.out_B), _with_answers(spent.out_B, spent.in_B))
        for name, now in after.carried_B.items():
            then = before.carried_B.get(name)
            if name == "lo" or then is None:
                continue
            others = max(end - begin - mine for end, begin, mine in zip(now, then, own, strict=True))
            if 8 * others / seconds > self.limits.traffic * self._speed_bps(name):
                return f"{BUSY}{name} carried more than {self.limits.traffic:.0%} of its speed for others"
        return ""

    def _speed_bps(self, name: str) -> int:
        if name not in self._speeds:
            try:
                told = int((self.root / "sys/class/net" / name / "speed").read_bytes())
            except (OSError, ValueError):  # a driver that does not know it, now or ever, refuses to be read
                told = 0
            if told <= 0:
                return UNKNOWN_SPEED_BPS
            self._speeds[name] = told * 1_000_000
        return self._speeds[name]


def _with_answers(payload: int, other_way: int) -> float:
    return _OVERHEAD * payload + _ANSWERS * other_way


class Idle:
    """Room before a test: fed about once a second while this node takes part in none."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._last: Reading | None = None
        self._laden = ""

    def beat(self, now_ns: int, *, testing: bool) -> None:
        """Take a reading. One during a test, and the first after it, tell of the test."""
        if testing or not self._meter.limits.any:
            self._last = None
            return
        if self._last is not None and now_ns - self._last.at_ns < APART_S * 1e9:
            return
        reading = self._meter.read(now_ns)
        if self._last is not None and reading is not None:
            self._laden = self._meter.laden(self._last, reading)
        self._last = reading

    @property
    def laden(self) -> str:
        """Why there is no room, by the last two readings; empty if there is, or if nothing is known."""
        return self._laden


class Vigil:
    """Room during a test: fed now and then, it says when the test has to be ended."""

    def __init__(self, meter: Meter, now_ns: int, own: Own) -> None:
        self._meter = meter
        self._last = meter.read(now_ns)
        self._own = own
        self._times = 0

    def look(self, now_ns: int, own: Own) -> str:
        """Why the test has to end; empty if it may go on. `own`: what the test has used since its beginning."""
        reading = self._meter.read(now_ns)
        if reading is None or self._last is None:
            return ""
        before = self._own
        counted = own.counted and before.counted
        spent = Own(own.cpu_s - before.cpu_s, own.in_B - before.in_B, own.out_B - before.out_B, counted)
        # A connection that is closed takes its count with it: the test is over, or as good as over.
        why = self._meter.laden(self._last, reading, spent) if min(spent.in_B, spent.out_B) >= 0 else ""
        self._last, self._own = reading, own
        self._times = self._times + 1 if why else 0
        return why if self._times >= TIMES else ""
