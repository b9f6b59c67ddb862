"""The probes of a path as both of its ends would have recorded them: tables sent, reply and seen, and the fast ones beside bandwidth tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from collector.plan import PlannedPath
from sampler.world import Bools, Floats, Line, Run, Series, chance, micro

_KERNEL, _STEPPED = 2 | 4 | 8 | 16, 32
_SKIPPED = -1
_GRID_S = 0.02
"""Wire works in ticks: probes leave and replies are read at them."""
_FAST_S = 0.04
_BESIDE_S = 0.4
"""Fast probes begin so long before a test and end so long after it."""
_STEP_S = 0.000_04
_RUN = 20
"""Slots in one row of table seen, if none is missing."""


@dataclass(frozen=True, slots=True)
class _Journey:
    """Every probe of a path, in order: when it was due, and how it went."""

    slot: Floats
    due_local_s: Floats
    late_s: Floats
    tx_s: Floats
    skipped: Bools
    leave_s: Floats
    arrive_s: Floats
    depart_s: Floats
    home_s: Floats
    read_s: Floats
    out_s: Floats
    there: Bools
    back: Bools


def ordinary(run: Run, path: PlannedPath) -> Iterator[tuple[str, Series]]:
    """(node, series) of the planned probes."""
    machine = run.scenario.machine(path.source)
    period_s = run.plan.probing.period_s
    first, last = (machine.local_s(at_s) / period_s for at_s in (run.begins_s(path), run.ends_s(path)))
    slot = np.arange(np.ceil(first) + 1, np.floor(last))
    random = chance(run.scenario.seed, "probes", path.name)
    due_s = slot * period_s + random.randint(-1, 2, len(slot)) * _GRID_S
    yield from _told(run, path, ("sent", "reply"), _travel(run, path, slot, due_s, period_s, random))


def fast(run: Run, path: PlannedPath) -> Iterator[tuple[str, Series]]:
    """(node, series) of those that go beside a bandwidth test of the path, or of its other direction."""
    machine = run.scenario.machine(path.source)
    ends = {path.source, path.target}
    beside = [
        load for load in run.loads if load.path.network == path.network and {load.path.source, load.path.target} == ends
    ]
    slots = [
        np.arange(
            *(
                np.ceil(machine.local_s(at_s) / _FAST_S)
                for at_s in (load.at_s - _BESIDE_S, load.at_s + load.length_s + _BESIDE_S)
            )
        )
        for load in beside
    ]
    if not slots:
        return
    slot = np.concatenate(slots)
    random = chance(run.scenario.seed, "fast", path.name)
    journey = _travel(run, path, slot, slot * _FAST_S, _FAST_S, random)
    yield from (item for item in _told(run, path, ("burst", "burst_reply"), journey) if item[1].table != "seen")


def _travel(
    run: Run, path: PlannedPath, slot: Floats, due_local_s: Floats, period_s: float, random: np.random.RandomState
) -> _Journey:
    a, b = (run.scenario.machine(node) for node in (path.source, path.target))
    count = len(slot)
    due_s = a.true_s(due_local_s)
    held_s = a.resumes_s(due_s) - due_s
    late_s = held_s + 0.000_12 + _stepwise(0.000_15 * np.exp(0.5 * random.standard_normal(count)))
    tx_s = 0.000_012 + random.randint(0, 3, count) * 3e-6
    leave_s = due_s + late_s + tx_s
    lost, away_s = _leg(run, path, path.source, path.target, leave_s, random)
    arrive_s = leave_s + away_s
    out_s = 0.000_009 + random.randint(0, 3, count) * 2e-6
    resumed_s = b.resumes_s(arrive_s)
    depart_s = resumed_s + 0.000_09 + _stepwise(0.000_12 * np.exp(0.6 * random.standard_normal(count))) + out_s
    # What came during a pause is answered afterwards one by one, in the order of its coming.
    queued = resumed_s > arrive_s
    depart_s[queued] = np.maximum.accumulate(resumed_s[queued] + 0.000_3) + 0.000_2 * np.arange(queued.sum())
    lost_back, back_s = _leg(run, path, path.target, path.source, depart_s, random)
    home_s = depart_s + back_s
    skipped = held_s >= period_s
    there = ~skipped & ~lost & ~b.still(arrive_s) & (arrive_s < run.scenario.stop_s(path.target))
    back = there & ~lost_back & ~a.still(home_s) & (home_s < run.scenario.stop_s(path.source))
    tick_s = home_s + _stepwise(a.true_s(np.ceil(a.local_s(home_s) / _GRID_S) * _GRID_S + 0.000_2) - home_s)
    return _Journey(
        slot,
        due_local_s,
        late_s,
        tx_s,
        skipped,
        leave_s,
        arrive_s,
        depart_s,
        home_s,
        a.resumes_s(tick_s),
        out_s,
        there,
        back,
    )


def _stepwise(seconds: Floats) -> Floats:
    """In steps, for figures that no rule looks at closely: noise does not compress, and the archives go into the repository."""
    found: Floats = np.ceil(seconds / _STEP_S) * _STEP_S
    return found


def _leg(
    run: Run, path: PlannedPath, source: str, target: str, at_s: Floats, random: np.random.RandomState
) -> tuple[Bools, Floats]:
    """(lost, delay) of packets that leave `source` at these times."""
    line = run.scenario.line(path)
    delay_s = line.one_way_s + line.noise_s * np.exp(0.6 * random.standard_normal(len(at_s)))
    delay_s += np.where(random.random_sample(len(at_s)) < line.late, random.exponential(line.late_s, len(at_s)), 0.0)
    loaded, filled = _loaded(run, path, source, target, at_s)
    delay_s += filled * line.queue_s * (0.55 + 0.45 * random.random_sample(len(at_s)))
    odds = line.loss(at_s) + np.where(loaded, line.load_loss, 0.0)
    return (random.random_sample(len(at_s)) < odds) | _out(line, at_s), delay_s


def _loaded(run: Run, path: PlannedPath, source: str, target: str, at_s: Floats) -> tuple[Bools, Floats]:
    """Whether a test loads the line that way, and how full its queue is then: that takes a second."""
    loaded, filled = np.zeros(len(at_s), dtype=bool), np.zeros(len(at_s))
    for load in run.loads:
        if (load.path.source, load.path.target, load.path.network) == (source, target, path.network):
            into_s = at_s - load.at_s
            within = (into_s >= 0.0) & (into_s < load.length_s)
            loaded |= within
            full = load.rate_bps >= 0.9 * run.scenario.line(path).rate_bps(f"{source}>{target}")
            filled += np.where(within, np.clip(into_s, 0.1, 1.0) * (1.0 if full else 0.05), 0.0)
    return loaded, filled


def _out(line: Line, at_s: Floats) -> Bools:
    found = np.zeros(len(at_s), dtype=bool)
    for from_s, length_s in line.outages:
        found |= (at_s >= from_s) & (at_s < from_s + length_s)
    return found


def _told(run: Run, path: PlannedPath, tables: tuple[str, str], way: _Journey) -> Iterator[tuple[str, Series]]:
    a, b = (run.scenario.machine(node) for node in (path.source, path.target))
    labels = (path.name,)
    flag = np.where(way.skipped, float(_SKIPPED), 0.0)
    tx_us = np.where(way.skipped, np.nan, micro(way.tx_s))
    sent = np.column_stack([micro(way.due_local_s), way.slot, micro(way.late_s), tx_us, flag])
    yield path.source, Series(tables[0], labels, way.due_local_s + way.late_s, sent)
    home = np.flatnonzero(way.back)
    leave_s, arrive_s, depart_s, home_s = (
        times[home] for times in (way.leave_s, way.arrive_s, way.depart_s, way.home_s)
    )
    fwd_us, back_us = micro(b.wall_s(arrive_s) - a.wall_s(leave_s)), micro(a.wall_s(home_s) - b.wall_s(depart_s))
    res_us, rxq_us = micro(depart_s - arrive_s), micro(way.read_s[home] - home_s)
    # The reflector counts its replies, those lost on the way back too.
    rseq = np.cumsum(way.there)[home] - 1.0
    ttl = np.full(len(home), 64.0 - run.scenario.line(path).hops)
    flags = np.where(a.stepped(leave_s, home_s), float(_KERNEL | _STEPPED), float(_KERNEL))
    out_us = micro(way.out_s[home])
    reply = np.column_stack([way.slot[home], fwd_us, res_us, back_us, rxq_us, rseq, ttl, ttl, flags, out_us])
    order = np.argsort(home_s, kind="stable")
    yield path.source, Series(tables[1], labels, a.local_s(home_s)[order], reply[order])
    there = np.flatnonzero(way.there)
    there = there[np.argsort(way.arrive_s[there], kind="stable")]
    if len(there):
        yield path.target, _seen(labels, b.local_s(way.arrive_s[there]), way.slot[there])


def _seen(labels: tuple[str, ...], at_s: Floats, slot: Floats) -> Series:
    """Runs of consecutive slots, each at most `_RUN` long."""
    apart = np.concatenate([[0], np.flatnonzero(np.diff(slot) != 1.0) + 1, [len(slot)]])
    starts = np.concatenate([np.arange(low, high, _RUN) for low, high in pairwise(apart)])
    counts = np.diff(np.concatenate([starts, [len(slot)]]))
    return Series("seen", labels, at_s[starts], np.column_stack([micro(at_s[starts]), slot[starts], counts]))
