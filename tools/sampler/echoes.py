"""What a node asked besides: the TCP echo, idle connections, observers, ports, and the path MTU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.plan import PlannedPath
from collector.reach import LAST_S, LONG_S
from sampler.world import Floats, Run, Series, chance, micro

_IDLE_S = (300.0, 1800.0, 3600.0, 7200.0)
_IDLE_ROOM_S = 40.0
"""An idle connection of an age is tried where the run is so much longer."""
_RTO_S = 0.2
_PMTU_S, _HOUR_S = 1.0, 3600.0
_MTU = 1500


def tcp(run: Run, path: PlannedPath) -> Iterator[tuple[str, Series]]:
    """(node, series) of the echo once a second, its connection, and those that are left idle."""
    a, b = (run.scenario.machine(node) for node in (path.source, path.target))
    line, labels = run.scenario.line(path), (path.name,)
    random = chance(run.scenario.seed, "echo", path.name)
    first, last = (float(a.local_s(at_s)) for at_s in (run.begins_s(path), run.ends_s(path)))
    slot = np.arange(np.ceil(first) + 1, np.floor(last))
    due_s = a.true_s(slot + 0.5)
    late_s = a.resumes_s(due_s) - due_s + 0.000_2 + 0.000_02 * random.randint(0, 12, len(slot))
    trip_s = 2.0 * (line.one_way_s + line.noise_s) + 0.000_25 + 0.000_02 * random.randint(0, 10, len(slot))
    trip_s += _under_load_s(run, path, due_s)
    again, waited_s = _retransmitted(run, path, due_s + late_s, trip_s, random)
    home_s = b.resumes_s(due_s + late_s + waited_s + trip_s / 2.0) + trip_s / 2.0
    # One stream: no answer comes before that of an earlier message.
    home_s = np.maximum.accumulate(a.resumes_s(home_s))
    kept = ~a.still(due_s)
    rtt_us = np.where(home_s < run.ends_s(path), micro(home_s - due_s), np.nan)
    told = np.column_stack([micro(slot + 0.5), slot, micro(late_s), rtt_us, np.zeros(len(slot))])[kept]
    yield path.source, Series("echo", labels, (slot + 0.5)[kept], told)
    smooth_us = micro(2.0 * (line.one_way_s + line.noise_s) + 0.000_06) + random.randint(-3, 4, len(slot))
    spread_us = 20.0 + random.randint(0, 12, len(slot)) + micro(line.noise_s)
    rto_us = np.round((smooth_us + np.maximum(200_000.0, 4 * spread_us)) / 4000.0) * 4000.0
    state = [micro(slot + 0.5 + late_s), smooth_us, spread_us, rto_us, np.zeros(len(slot)), np.cumsum(again)]
    yield path.source, Series("echo_tcp", labels, (slot + 0.5 + late_s)[kept], np.column_stack(state)[kept])
    opened_us = micro(first)
    ended = np.array([[micro(last), opened_us, 0.0, np.nan]], dtype=float)
    yield path.source, Series("echo_end", labels, np.array([last]), ended)
    yield from ((path.source, series) for series in _idle(run, labels, first))


def _under_load_s(run: Run, path: PlannedPath, at_s: Floats) -> Floats:
    found = np.zeros(len(at_s))
    line = run.scenario.line(path)
    for load in run.loads:
        if load.path.network == path.network and {load.path.source, load.path.target} == {path.source, path.target}:
            found += np.where((at_s >= load.at_s) & (at_s < load.at_s + load.length_s), line.queue_s, 0.0)
    return found


def _retransmitted(
    run: Run, path: PlannedPath, sent_s: Floats, trip_s: Floats, random: np.random.RandomState
) -> tuple[Floats, Floats]:
    """How often each message was sent again, and what that cost: Linux's timer, doubled each time."""
    line, target = run.scenario.line(path), run.scenario.machine(path.target)
    again, waited_s = np.zeros(len(sent_s)), np.zeros(len(sent_s))
    odds = line.loss(sent_s) * 2.0
    drawn = random.random_sample(len(sent_s)) < odds
    for place in np.flatnonzero(drawn):
        again[place], waited_s[place] = 1.0, trip_s[place] + _RTO_S
    for from_s, length_s in (*line.outages, *target.freezes):
        for place in np.flatnonzero((sent_s >= from_s) & (sent_s < from_s + length_s)):
            timeout_s, total_s, tries = trip_s[place] + _RTO_S, 0.0, 0
            while sent_s[place] + total_s < from_s + length_s:
                total_s, tries, timeout_s = total_s + timeout_s, tries + 1, timeout_s * 2.0
            again[place], waited_s[place] = tries, total_s
    return again, waited_s


def _idle(run: Run, labels: tuple[str, ...], first_s: float) -> Iterator[Series]:
    ages = [age_s for age_s in _IDLE_S if run.scenario.seconds >= age_s + _IDLE_ROOM_S]
    used = sorted(
        (at_s, age_s) for age_s in ages for at_s in np.arange(age_s, run.scenario.seconds - 5.0, age_s).tolist()
    )
    if used:
        at_s = np.array([at_s for at_s, _ in used]) + first_s + 0.5
        age_s = np.array([age_s for _, age_s in used])
        one, zero = np.ones(len(used)), np.zeros(len(used))
        yield Series("idle", labels, at_s, np.column_stack([micro(at_s), age_s, age_s, one, zero]))


def sizes(run: Run, path: PlannedPath) -> tuple[str, Series]:
    """The search for the path MTU, at the start and every hour."""
    first_s = float(run.scenario.machine(path.source).local_s(run.begins_s(path))) + _PMTU_S
    at_s = np.arange(first_s, run.scenario.seconds - 10.0, _HOUR_S)
    row = [_MTU, np.nan, _MTU, np.nan, 0.0]
    values = np.column_stack([micro(at_s), *(np.full(len(at_s), value) for value in row)])
    return path.source, Series("pmtu", (path.name,), at_s, values)


def ports(run: Run) -> Iterator[tuple[str, Series]]:
    """Every port of the plan: at the start, and again near the end."""
    random = chance(run.scenario.seed, "ports")
    turn = dict.fromkeys((node.name for node in run.plan.nodes), 0)
    for wanted in run.plan.ports():
        source = run.scenario.machine(wanted.source)
        met_s = max(source.start_s, run.scenario.machine(wanted.target).start_s)
        first_s = float(source.local_s(met_s)) + 1.1 + turn[wanted.source]
        turn[wanted.source] += 1
        later_s = [run.scenario.seconds - LAST_S + first_s] if run.scenario.seconds >= LONG_S else []
        at_s = np.array([first_s, *later_s])
        took_us = 2_500.0 + random.randint(0, 900, len(at_s)) + 4 * micro(_one_way_s(run, wanted.source, wanted.target))
        values = np.column_stack([micro(at_s), np.zeros(len(at_s)), took_us])
        yield wanted.source, Series("reach", (wanted.path, wanted.port.name), at_s, values)


def _one_way_s(run: Run, one: str, other: str) -> float:
    ways = [
        run.scenario.line(path).one_way_s for path in run.plan.paths() if {path.source, path.target} == {one, other}
    ]
    return max(ways, default=0.0)


def observers(run: Run, node: str) -> Iterator[Series]:
    """One request a second to each machine that the plan names."""
    machine = run.scenario.machine(node)
    for observer in run.plan.observers:
        random = chance(run.scenario.seed, "observer", node, observer.name)
        local_s = np.arange(run.scenario.seconds) + 0.11
        local_s = local_s[~machine.paused(machine.true_s(local_s))]
        near_s = run.scenario.observers_s.get(
            f"{node}>{observer.name}", run.scenario.observers_s.get(observer.name, 0.000_3)
        )
        rtt_us = micro(near_s + 0.000_03 * np.exp(0.7 * random.standard_normal(len(local_s))))
        yield Series(
            "observer", (observer.name,), local_s, np.column_stack([micro(local_s), rtt_us, np.zeros(len(local_s))])
        )
