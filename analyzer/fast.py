"""Latency under load: the fast probes that went beside bandwidth tests, by kind of test.

Only tests that gave a figure count, for as long as the receiver counted. Both ends probe: the source along with the data, the target
against it, and each probe's round trip crosses the load once. They are kept apart from everything else that is said of a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.align import Clock
from analyzer.columns import Floats, numbers
from analyzer.contract import Load, UnderLoad
from analyzer.frames import NodeData
from analyzer.quantiles import quantiles
from analyzer.slots import YOUNG_S, Bools, PathLog, path_log, within
from analyzer.throughput import kinds_of
from analyzer.timing import loss_interval
from collector.plan import LoadKind, PlannedPath

PERIOD_S = 0.04
"""Of the fast probes; see the archive's format."""
_LONGEST_US = 1e9
"""A test of more than a quarter of an hour is damage."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one end's probes said during one test: round trips in s, counts, and the longest silence."""

    gone: Bools
    """Of each probe that was sent, in order, whether it was lost."""
    rtt_s: Floats
    silence_s: float
    hertz: float


def tests_us(node: NodeData, path: str) -> Mapping[LoadKind, Floats]:
    """When each kind of test loaded the path: (start, end) in us of its source's clock, one row a test. Failed ones are left out."""
    found: dict[LoadKind, list[Floats]] = {kind: [] for kind in LoadKind}
    for table in ("bandwidth", "datagrams"):
        frame = node.tables.get(table)
        if frame is None or "path" not in frame:
            continue
        rows = frame[frame["path"] == path]
        start, length = numbers(rows, "t_us"), numbers(rows, "receiver_us")
        sound = np.isfinite(start) & (length > 0) & (length <= _LONGEST_US) & (numbers(rows, "received_B") >= 0)
        spans = np.column_stack([start, start + length])
        kinds = kinds_of(numbers(rows, "kind")) if table == "bandwidth" else [LoadKind.UDP] * len(rows)
        for kind, span, good in zip(kinds, spans, sound, strict=True):
            if good:
                found[kind].append(span)
    return {kind: np.array(spans) for kind, spans in found.items() if spans}


def under_load(
    path: PlannedPath, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], peer_usable: bool
) -> tuple[UnderLoad, ...]:
    """What the fast probes of both ends found during the tests of this path, by kind; without such probes nothing."""
    source, target = nodes[path.source], nodes.get(path.target) if peer_usable else None
    forth = _log(source, path.name)
    back = None if target is None else _log(target, f"{path.target}>{path.source}/{path.network}")
    found = []
    for kind, spans_us in tests_us(source, path.name).items():
        spans_s = spans_us / 1e6
        along = list(_heard(source, forth, spans_s))
        heard = list(along)
        if back is not None and target is not None:
            here, there = clocks[path.source], clocks[path.target]
            mapped = there.to_local(here.to_base(spans_s.reshape(-1))).reshape(-1, 2)
            heard += _heard(target, back, mapped)
        if heard:
            found.append(
                UnderLoad(
                    kind=Load[kind.name],
                    tests=len(spans_us),
                    probe_hz=float(np.median([one.hertz for one in along])) if along else 0.0,
                    sent=sum(len(one.gone) for one in heard),
                    lost=sum(int(one.gone.sum()) for one in heard),
                    rtt=quantiles(np.concatenate([one.rtt_s for one in heard])),
                    longest_silence_s=max(one.silence_s for one in heard),
                    loss_low=loss_interval(np.concatenate([one.gone for one in heard]))[0],
                )
            )
    return tuple(found)


def _log(node: NodeData, path: str) -> PathLog | None:
    sent = node.burst.get(path)
    return path_log(path, sent, node.burst_reply.get(path), PERIOD_S) if sent is not None and len(sent) else None


def _heard(node: NodeData, log: PathLog | None, spans_s: Floats) -> Iterator[_Heard]:
    """One for each of the tests that has probes on record."""
    if log is None:
        return
    due_s = log.t_us / 1e6
    # What the last two seconds before a hole in the record say of answers is not all there is.
    whole = within(due_s, [(start / 1e6, stop / 1e6 - YOUNG_S) for start, stop in node.spans])
    rows, rtt_s = log.rtt_s()
    for start_s, stop_s in spans_s.tolist():
        inside = whole & (due_s >= start_s) & (due_s < stop_s)
        put = inside & (log.flag == 0)
        if not put.any():
            continue
        lost = put & ~log.answered
        yield _Heard(
            gone=lost[put],
            rtt_s=rtt_s[inside[rows]],
            silence_s=_silence_s(due_s[inside], lost[inside], log.answered[inside]),
            hertz=float(put.sum()) / (stop_s - start_s),
        )


def _silence_s(due_s: Floats, lost: Bools, answered: Bools) -> float:
    """From the first of two or more lost probes in a row to the next one that was answered, at most; 0 if there are none."""
    longest_s, since_s, count = 0.0, 0.0, 0
    for at_s, gone, heard in zip(due_s.tolist(), lost.tolist(), answered.tolist(), strict=True):
        if gone:
            since_s = at_s if not count else since_s
            count += 1
        if count > 1:
            longest_s = max(longest_s, (at_s if heard else at_s + PERIOD_S) - since_s)
        if heard:
            count = 0
    return longest_s
