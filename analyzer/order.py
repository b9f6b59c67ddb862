"""Whether packets took turns: how often the route of a path changed, and how many replies were overtaken."""

from __future__ import annotations

import numpy as np

from analyzer.slots import PathLog

_RESTART = 1000
"""A reflector whose count falls by more than this has started again."""


def reordered(log: PathLog) -> int:
    """Replies that a later probe's reply overtook, or whose probe was overtaken on its way to the reflector."""
    rows, rtt_s = log.rtt_s()
    late_us = np.maximum(log.late_us[rows].astype(np.int64), 0)
    arrived_s = (log.t_us[rows] + late_us) / 1e6 + rtt_s
    # Of a later probe's reply none may have come before.
    soonest_s = np.minimum.accumulate(arrived_s[::-1])[::-1]
    overtaken = np.zeros(len(log.t_us), dtype=np.bool_)
    overtaken[rows[:-1]] = arrived_s[:-1] > soonest_s[1:]
    rows, counted = log.told("rseq")
    fell = counted[:-1] - counted[1:]
    overtaken[rows[:-1]] |= (fell > 0) & (fell < _RESTART)
    return int(overtaken.sum())


def route_changes(log: PathLog) -> tuple[int | None, int | None]:
    """How often the TTL on arrival changed (there, back). None: it was not told."""
    there, back = (log.told(name)[1] for name in ("ttl_fwd", "ttl"))
    return _changes(there[there > 0]), _changes(back[back > 0])


def _changes(ttl: np.ndarray) -> int | None:
    return int((np.diff(ttl) != 0).sum()) if len(ttl) else None
