"""What the TCP echo of each directed path gave: latency, silence, resets, retransmissions, and how idle connections aged.

A silence runs from when a message was due, or from the answer before if that came later, to its answer; where none came, to the end
of its connection. A connection that ended because its peer was started again, or was not there any more, says nothing about the
network. Messages during bandwidth tests stand apart, as probes do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analyzer.align import Clock
from analyzer.columns import Floats, numbers
from analyzer.contract import EchoTiming, IdleAge, Quantiles, Silence
from analyzer.contract.spans import intersection, union
from analyzer.frames import NodeData
from analyzer.quantiles import quantiles
from analyzer.slots import Bools
from analyzer.timing import during_tests
from collector.contract import State
from collector.plan import Plan, PlannedPath

SILENCE_S = 0.5
"""Shorter silences are not listed one by one (design value): with the margin they stay below the shortest timeout of any plan, 1 s."""

_RAN_ON_S = 10.0
"""A peer that ran on for this long after a connection ended did not end it by leaving (design value)."""

_LATEST_S = 3600.0
_LONGEST_S = 86_400.0 * 366
"""An answer later than an hour, or an idle connection older than a year, is damage."""

_LARGEST_RTO_S = 120.0
"""Linux waits no longer between two retransmissions (TCP_RTO_MAX)."""

_ORDERLY = 0


def echoes(
    plan: Plan,
    nodes: Mapping[str, NodeData],
    clocks: Mapping[str, Clock],
    meetings: Mapping[tuple[str, str], bool],
) -> dict[str, EchoTiming]:
    """Every path that gets a TCP echo, by name, whether or not it was measured. Host tables have their common times already."""
    found = {}
    for path in plan.echo_paths():
        usable = meetings.get((path.source, path.target), meetings.get((path.target, path.source), False))
        found[path.name] = _echo(path, plan, nodes, clocks, usable)
    return found


def silent_together(measured: Sequence[EchoTiming]) -> tuple[float, tuple[str, ...]]:
    """(the longest moment at which every network was silent at once, the networks) between two nodes, both ways.

    A network is silent while either direction is. One that the echo did not measure is no help, so it is left out.
    """
    networks = tuple(dict.fromkeys(echo.network for echo in measured))
    common: list[tuple[float, float]] | None = None
    for network in networks:
        spans = union(
            (silence.start_s, silence.start_s + silence.length_s)
            for echo in measured
            if echo.network == network
            for silence in echo.silences
        )
        common = spans if common is None else intersection(common, spans)
    return max((stop - start for start, stop in common or []), default=0.0), networks


def _echo(
    path: PlannedPath, plan: Plan, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], usable: bool
) -> EchoTiming:
    node = nodes.get(path.source)
    if node is None:
        return _bare(path, plan, f"no archive of node {path.source} was given")
    rows = _of(path.name, node, "echo", ("t_us", "rtt_us", "flag", "t_s"))
    idle = _idle(path.name, node)
    if not (rows[:, 2] == 0).any() and not idle:
        return _bare(path, plan, _reason(path, node))
    t_s, rtt_s = rows[:, 0] / 1e6, rows[:, 1] / 1e6
    sound = (rows[:, 2] == 0) & (np.isnan(rtt_s) | ((rtt_s >= 0) & (rtt_s <= _LATEST_S)))
    loaded = during_tests(path, nodes, clocks, t_s, usable)
    idle_slots, answered = sound & ~loaded, sound & ~np.isnan(rtt_s)
    ends = list(_ends(path, node, nodes, clocks, usable))
    silence_from, silence_s = _silences(t_s[sound], rtt_s[sound], ends)
    quiet = ~loaded[sound]
    silence_from, silence_s = silence_from[quiet], silence_s[quiet]
    long = silence_s >= SILENCE_S
    # Lengths by this node's own clock; only where they lie needs the common base.
    shift = (rows[sound, 3] - t_s[sound])[quiet][long]
    listed = zip((silence_from[long] + shift).tolist(), silence_s[long].tolist(), strict=True)
    spans = union((start, start + length) for start, length in listed)
    tcp = _of(path.name, node, "echo_tcp", ("t_us", "rto_us", "backoff", "retransmitted"))
    retransmissions, rto_s = _kernel(tcp, during_tests(path, nodes, clocks, tcp[:, 0] / 1e6, usable))
    return EchoTiming(
        path=path.name,
        source=path.source,
        target=path.target,
        network=path.network,
        wan=plan.is_wan(path.source, path.target),
        sent=int(idle_slots.sum()),
        answered=int((idle_slots & answered).sum()),
        rtt=quantiles(rtt_s[idle_slots & answered]),
        silences=tuple(Silence(start, stop - start) for start, stop in spans),
        longest_silence_s=float(silence_s.max()) if len(silence_s) else 0.0,
        resets=sum(end.network and end.flag != _ORDERLY for end in ends),
        retransmissions=retransmissions,
        rto_s=rto_s,
        loaded=quantiles(rtt_s[loaded & answered]),
        idle=idle,
        reason="",
    )


def _bare(path: PlannedPath, plan: Plan, reason: str) -> EchoTiming:
    return EchoTiming(
        path=path.name,
        source=path.source,
        target=path.target,
        network=path.network,
        wan=plan.is_wan(path.source, path.target),
        sent=0,
        answered=0,
        rtt=Quantiles(0),
        silences=(),
        longest_silence_s=0.0,
        resets=0,
        retransmissions=None,
        rto_s=None,
        loaded=Quantiles(0),
        idle=(),
        reason=reason,
    )


def _reason(path: PlannedPath, node: NodeData) -> str:
    """Why the node never sent a message, by the longest stretch that says why."""
    told = [
        part
        for outcome in node.story.outcomes
        if outcome.probe == f"echo {path.name}"
        for part in outcome.intervals
        if part.state is not State.OK and part.reason
    ]
    reason = f"the TCP echo of {path.name} was never measured"
    return f"{reason} ({max(told, key=lambda part: part.to_us - part.from_us).reason})" if told else reason


def _of(path: str, node: NodeData, table: str, names: tuple[str, ...]) -> Floats:
    """The path's rows in order of time, the first of `names`; one column each, NaN where a figure is missing."""
    frame = node.tables.get(table)
    if frame is None or "path" not in frame:
        return np.empty((0, len(names)))
    rows: pd.DataFrame = frame[frame["path"] == path]
    values = np.column_stack([numbers(rows, name) for name in names])
    ordered: Floats = values[np.argsort(values[:, 0], kind="stable")]
    return ordered


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a connection on the sender's clock. `network`: it was none of the peer's doing, as far as is known."""

    t_s: float
    flag: float
    network: bool


def _ends(
    path: PlannedPath, node: NodeData, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], usable: bool
) -> Iterator[_End]:
    peer = nodes.get(path.target) if usable else None
    last_s = -np.inf
    if peer is not None:
        last_s = float(clocks[path.source].to_local(clocks[path.target].to_base(np.array([peer.duration_s])))[0])
    for t_us, flag, same in _of(path.name, node, "echo_end", ("t_us", "flag", "same")).tolist():
        t_s = t_us / 1e6
        # Where nobody was met again: a peer that ran on had no part in it. This node's own orderly end is nobody's fault either.
        went_on = same == 1 or (np.isnan(same) and (flag == _ORDERLY or t_s < last_s - _RAN_ON_S))
        yield _End(t_s, flag, bool(went_on))


def _silences(t_s: Floats, rtt_s: Floats, ends: Sequence[_End]) -> tuple[Floats, Floats]:
    """(begin, length) of the silence that every message met; 0 where nothing can be said. `t_s` rises."""
    arrival_s = t_s + rtt_s
    lost = np.isnan(rtt_s)
    if lost.any():
        ends_s = np.array([end.t_s for end in ends] + [np.inf])
        network = np.array([end.network for end in ends] + [False])
        at = np.searchsorted(ends_s, t_s[lost])
        arrival_s[lost] = np.where(network[at], ends_s[at], t_s[lost])
    before_s = np.full(len(t_s), -np.inf)
    before_s[1:] = np.maximum.accumulate(np.where(lost, -np.inf, arrival_s))[:-1]
    begin_s = np.maximum(t_s, before_s)
    return begin_s, np.maximum(arrival_s - begin_s, 0.0)


def _kernel(rows: Floats, loaded: Bools) -> tuple[int | None, float | None]:
    """(segments sent again, the largest timeout while nothing was backed off), without what falls into bandwidth tests."""
    count = rows[:, 3]
    sound = (count >= 0) & (count < 2**32)
    if not sound.any():
        return None, None
    count, idle = count[sound], ~loaded[sound]
    step = np.diff(count, prepend=0.0)
    # A smaller count is that of a new connection, which begins at zero.
    step = np.where(step < 0, count, step)
    rto_s = rows[sound, 1] / 1e6
    steady = idle & (rows[sound, 2] == 0) & (rto_s > 0) & (rto_s <= _LARGEST_RTO_S)
    return int(step[idle].sum()), float(rto_s[steady].max()) if steady.any() else None


def _idle(path: str, node: NodeData) -> tuple[IdleAge, ...]:
    """By age, shortest first."""
    rows = _of(path, node, "idle", ("planned_s", "age_s", "alive"))
    rows = rows[(rows[:, 0] > 0) & (rows[:, 0] <= _LONGEST_S) & (rows[:, 1] >= 0) & (rows[:, 1] <= _LONGEST_S)]
    found = []
    for planned_s in np.unique(rows[:, 0]):
        age_s, alive = rows[rows[:, 0] == planned_s, 1], rows[rows[:, 0] == planned_s, 2]
        dropped = age_s[alive == 0]
        found.append(
            IdleAge(
                age_s=int(planned_s),
                survived=int((alive == 1).sum()),
                dropped=len(dropped),
                unknown=int(np.isnan(alive).sum()),
                shortest_s=float(dropped.min()) if len(dropped) else None,
            )
        )
    return tuple(found)
