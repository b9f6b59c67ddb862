"""Two real collectors across the laboratory's WAN, and their result beside the WAN's log, slot by slot.

Used by the laboratory's tests and by the truth table (`truth.py`).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from analyzer.assess import assess
from analyzer.contract import Assessment, Timing
from analyzer.slots import YOUNG_S
from collector.archive.reader import Archive, open_archive
from collector.errors import OperatorError
from collector.external import Running, finish
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, Namespace
from collector.lab.wan import Wan, WanEnd
from collector.lab.wanlog import UDP, Fate, SlotTruth, WanLog
from collector.plan import DEFAULT_PORT

SKIPPED = -1
NODES = "ab"
ADDRESSES = {"a": "10.88.0.1/24", "b": "10.88.0.2/24"}
DEVICE = "wan0"
_SEALING_S = 30.0

PLAN = """
format = 1
[cluster]
name = "lab"
origin = "demonstration"
[network.wan]
kind = "sync"
[[node]]
name = "a"
site = "main"
addr = {{ wan = "10.88.0.1/24" }}
[[node]]
name = "b"
site = "dr"
addr = {{ wan = "10.88.0.2/24" }}
[[stack]]
name = "genesys-addp"
networks = ["wan"]
[probe]
period_s = {period_s}
"""

Trouble = Callable[[Mapping[str, Namespace], Mapping[str, Running]], None]
"""What is done to the nodes while their collectors run."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of `sent` that really was sent, in us since the sender's start."""

    t_us: int
    late_us: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run's result beside the truth."""

    assessment: Assessment
    log: WanLog
    archives: Mapping[str, Archive]

    def timing(self, path: str) -> Timing:
        return next(timing for timing in self.assessment.timings if timing.path == path)

    def truth(self, source: str, target: str) -> dict[int, SlotTruth]:
        return self.log.slots(source, target, DEFAULT_PORT)

    def sent(self, path: str) -> dict[int, Sent]:
        columns = [column(self.archives[path[0]], "sent", path, name) for name in ("slot", "t_us", "late_us", "flag")]
        return {slot: Sent(t, late) for slot, t, late, flag in zip(*columns, strict=True) if flag != SKIPPED}


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the slots of a path. Young: lost too shortly before the end to be judged; skipped: never sent."""

    sent: int
    answered: int
    lost_forward: int
    lost_back: int
    young: int
    skipped: int


def column(archive: Archive, table: str, label: str, name: str) -> list[int]:
    """The values of a column that are there, of the rows with that label."""
    return [
        value
        for segment in archive.segments()
        for block in segment.blocks
        if block.table == table and label in block.labels.values()
        for value in block.column(name)
        if value is not None
    ]


def write_plan(folder: Path, text: str) -> Path:
    """The plan and its key in `folder`."""
    plan, key = folder / "plan.toml", folder / "plan.key"
    plan.write_text(text, encoding="utf-8")
    key.write_text("k" * 64, encoding="ascii")
    key.chmod(0o600)
    return plan


def measure(
    nodes: Mapping[str, Namespace],
    plan: Path,
    seconds: int,
    trouble: Trouble | None = None,
    before: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Path]:
    """Run a collector in every namespace; the archives by node. `before`: what goes in front of a node's command line.

    Raises:
        OperatorError: a collector failed; the message has its log.
    """
    folder = plan.parent
    command = [sys.executable, "-m", "haready", "collect", "--quiet", "--plan", str(plan), "--out", str(folder)]
    command += ["--duration", f"{seconds}s", "--node"]
    logs = {name: folder / f"{name}.log" for name in nodes}
    with ExitStack() as started:
        running = {}
        for name, node in nodes.items():
            running[name] = node.start([*(before or {}).get(name, ()), *command, name], logs[name])
            started.callback(running[name].wait)
            started.callback(running[name].kill)
        if trouble:
            trouble(nodes, running)
        for name, process in running.items():
            if finish(process, seconds + _SEALING_S):
                raise OperatorError(f"the collector of {name} failed: {logs[name].read_text()}", "see its log")
    return {name: next(folder.glob(f"haready-lab-{name}-*.zip")) for name in nodes}


def collect(
    folder: Path,
    there: Impairment,
    back: Impairment,
    *,
    period_s: float,
    seconds: int,
    seed: int,
    trouble: Trouble | None = None,
    before: Mapping[str, Sequence[str]] | None = None,
) -> Run:
    """Measure between a and b; `there` is the impairment from a to b.

    Raises:
        Unavailable: the laboratory cannot be built here.
        OperatorError: a collector or the WAN failed.
    """
    plan = write_plan(folder, PLAN.format(period_s=period_s))
    with Lab() as lab:
        nodes = {name: lab.namespace(name) for name in NODES}
        one, other = (WanEnd(nodes[name], ADDRESSES[name], DEVICE) for name in NODES)
        with Wan((one, other), there, back, folder, seed=seed) as wan:
            paths = measure(nodes, plan, seconds, trouble, before)
    return Run(assess(list(paths.values())), wan.log(), {name: open_archive(path) for name, path in paths.items()})


THIN_ADDRESSES = {"a": "10.77.1.1/24", "b": "10.77.3.2/24"}


def thin_line(lab: Lab, there: int, back: int) -> tuple[dict[str, Namespace], list[Namespace]]:
    """a - r1 - r2 - b: (nodes, routers). Between the routers no packet passes whose size is above `there` (from a) or `back` octets."""
    a, b = lab.namespace("a"), lab.namespace("b")
    routers = [lab.namespace(name, router=True) for name in ("r1", "r2")]
    for one, other, net in ((a, routers[0], 1), (routers[0], routers[1], 2), (routers[1], b, 3)):
        lab.link(one, f"to{net}", other, f"from{net}")
        one.address(f"to{net}", f"10.77.{net}.1/24")
        other.address(f"from{net}", f"10.77.{net}.2/24")
    a.route("default", "10.77.1.2")
    b.route("default", "10.77.3.1")
    middle = str(max(there, back))
    for router, device, net, via, most in (
        (routers[0], "to2", 3, "10.77.2.2", there),
        (routers[1], "from2", 1, "10.77.2.1", back),
    ):
        router.ip("link", "set", device, "mtu", middle)
        # The device's own limit holds both ways; that of a route only for what leaves by it.
        router.ip("route", "add", f"10.77.{net}.0/24", "via", via, "mtu", "lock", str(most))
    return {"a": a, "b": b}, routers


def at_times(*actions: tuple[float, Callable[[], None]]) -> None:
    """Do each action so many seconds from now, in order."""
    began = time.monotonic()
    for at_s, action in actions:
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        action()


def judged(run: Run, source: str, target: str) -> dict[int, SlotTruth]:
    """The truth of the slots that were old enough, when sending ended, to be judged if they were lost."""
    truth, sent = run.truth(source, target), run.sent(f"{source}>{target}/wan")
    last_us = max(row.t_us for row in sent.values())
    head, peer = run.archives[source].head, run.archives[target].head
    margin_s = (peer["t0_ns"] - head["t0_ns"]) / 1e9 + peer["duration_s"] - last_us / 1e6
    assert margin_s > 0.1, "the reflector ended before the last probes could arrive: the comparison would not be exact"
    return {slot: fate for slot, fate in truth.items() if slot in sent and sent[slot].t_us <= last_us - YOUNG_S * 1e6}


def logged(run: Run, source: str, target: str) -> Counts:
    """By the WAN's log."""
    path = f"{source}>{target}/wan"
    truth, old = run.truth(source, target), judged(run, source, target)
    return Counts(
        sent=len(truth),
        answered=sum(bool(fate.answered) for fate in truth.values()),
        lost_forward=sum(not fate.arrived for fate in old.values()),
        lost_back=sum(bool(fate.arrived and not fate.answered) for fate in old.values()),
        young=sum(not fate.answered for slot, fate in truth.items() if slot not in old),
        skipped=column(run.archives[source], "sent", path, "flag").count(SKIPPED),
    )


def counted(run: Run, source: str, target: str) -> Counts:
    """By haready."""
    timing = run.timing(f"{source}>{target}/wan")
    skipped = column(run.archives[source], "sent", timing.path, "flag").count(SKIPPED)
    return Counts(
        sent=timing.sent,
        answered=timing.answered,
        lost_forward=timing.lost_forward,
        lost_back=timing.lost_back,
        young=timing.unjudged - skipped,
        skipped=skipped,
    )


def differences(run: Run, source: str, target: str) -> Iterator[str]:
    """Everything in which a path's record and figures differ from the log, in words; none is what is wanted."""
    path = f"{source}>{target}/wan"
    timing, truth, sent = run.timing(path), run.truth(source, target), run.sent(path)
    # Every packet's fate is one of those that were asked for, or it got through.
    fates = {packet.fate for packet in run.log.packets if packet.protocol == UDP}
    if strange := fates - {Fate.RELEASED, Fate.LOSS, Fate.OUTAGE}:
        yield f"the WAN did what it was not asked for: {sorted(strange)}"
    if set(sent) != set(truth):
        yield f"sent is not what entered the WAN: {sorted(set(sent) ^ set(truth))[:5]}"
        return
    # The reflector saw, slot by slot, what the WAN let through, and answered all of it.
    first, count = (column(run.archives[target], "seen", path, name) for name in ("first", "count"))
    seen = Counter(slot for start, length in zip(first, count, strict=True) for slot in range(start, start + length))
    arrived = Counter({slot: fate.arrived for slot, fate in truth.items() if fate.arrived})
    if seen != arrived:
        yield f"the reflector saw {len(seen)} slots, {len(arrived)} arrived"
    if any(len({packet.rseq for packet in fate.back}) != fate.arrived for fate in truth.values()):
        yield "the reflector did not answer everything exactly once"
    replies = Counter(column(run.archives[source], "reply", path, "slot"))
    returned = Counter({slot: fate.answered for slot, fate in truth.items() if fate.answered})
    if replies != returned:
        yield f"{replies.total()} replies are on record, {returned.total()} came back"
    log, ours = logged(run, source, target), counted(run, source, target)
    if log != ours:
        yield f"by the log {log}, by haready {ours}"
    if timing.lost_unknown:
        yield f"{timing.lost_unknown} lost slots have no direction"
    if timing.sent != timing.answered + timing.lost_forward + timing.lost_back + log.young:
        yield "the states do not add up to what was sent"
    doubles = sum(max(0, fate.answered - 1) for fate in truth.values())
    if timing.duplicates != doubles:
        yield f"{timing.duplicates} duplicates instead of {doubles}"


def wires_s(run: Run, source: str, target: str) -> list[float]:
    """Times in the WAN both ways, by its log, the shortest first."""
    truth = run.truth(source, target)
    return sorted(fate.wire_ns / 1e9 for fate in truth.values() if fate.wire_ns is not None)


def wire_s(run: Run, source: str, target: str) -> float:
    """Median time in the WAN both ways, by its log."""
    return statistics.median(wires_s(run, source, target))
