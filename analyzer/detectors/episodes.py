"""Suspicions of many settings at once: stretches of time, hours that contain one, and how several channels combine.

A detector yields *episodes*: (setting, phase, start, stop). Heartbeats may stand at any phase against what happened, so each setting is
replayed at all of them. `Replay` keeps, per setting,

- `spans`: when it is suspected at *any* phase, as stretches that do not overlap. This is what is combined and what decides.
- `hours` (any phase), `worst_hours` (the worst phase) and `mean_hours` (all phases alike): one-hour blocks with suspicion.

**Incident** = a fixed block of one hour, counted from the start of the run, that contains suspicion, if only for a moment. The number of
merged episodes is no measure: with a longer timeout one long episode can split in two. Blocks and suspected time never grow, because what a
longer timeout suspects is a part of what a shorter one does. For that, a stretch is closed: its end belongs to it.

Combining: a product that survives while any of its channels lives is suspected only when all of them are (`all_of`); one that needs them all,
when any is (`any_of`). Both work on the joint trace, so that outages that hit several channels at once count as what they are. While one channel is not on
record nothing is said of all of them, so such time is not in `joint_exposure_s` either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.detectors.trace import PathTrace
from analyzer.slots import Bools

HOUR_S = 3600.0
"""Length of the block that an incident is."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Closed stretches per setting, sorted by setting and time, those of one setting without overlap. `settings`: how many there are."""

    settings: int
    setting: Codes
    start_s: Floats
    stop_s: Floats

    def of(self, setting: int) -> list[tuple[float, float]]:
        """The stretches of one setting."""
        mine = self.setting == setting
        return list(zip(self.start_s[mine].tolist(), self.stop_s[mine].tolist(), strict=True))

    @property
    def suspected_s(self) -> Floats:
        """Time under suspicion, per setting."""
        return np.bincount(self.setting, self.stop_s - self.start_s, self.settings).astype(np.float64)

    @property
    def hours(self) -> Codes:
        """Blocks of an hour with suspicion, per setting."""
        row, hour = _hours(self.start_s, self.stop_s)
        return _counted(self.setting[row], hour, self.settings)

    def hours_of(self, from_s: float, to_s: float) -> Codes:
        """The same, of blocks that begin in the stretch."""
        row, hour = _hours(self.start_s, self.stop_s)
        inside = (hour * HOUR_S >= from_s) & (hour * HOUR_S < to_s)
        return _counted(self.setting[row][inside], hour[inside], self.settings)


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What a grid of settings would have done on a trace. One entry per setting; `episodes` is the mean number per phase."""

    spans: Spans
    hours: Codes
    worst_hours: Codes
    mean_hours: Floats
    episodes: Floats

    @property
    def suspected_s(self) -> Floats:
        """Time under suspicion at any phase."""
        return self.spans.suspected_s


def merged(settings: int, setting: Codes, start_s: Floats, stop_s: Floats) -> Spans:
    """Stretches made one where they touch or overlap."""
    if not len(setting):
        return Spans(settings, np.empty(0, np.int64), np.empty(0), np.empty(0))
    order = np.lexsort((start_s, setting))
    setting, start_s, stop_s = setting[order], start_s[order], stop_s[order]
    # Where all before has ended: on one axis, the settings apart. The values themselves stay as they are.
    low_s = float(start_s.min())
    apart = setting * (float(stop_s.max()) - low_s + 1.0)
    reach = np.maximum.accumulate(stop_s - low_s + apart)
    new = np.ones(len(setting), np.bool_)
    new[1:] = (start_s - low_s + apart)[1:] > reach[:-1]
    first = np.flatnonzero(new)
    return Spans(settings, setting[first], start_s[first], np.maximum.reduceat(stop_s, first))


def summed_up(phases: int, settings: int, setting: Codes, phase: Codes, start_s: Floats, stop_s: Floats) -> Replay:
    """Episodes of settings that have the same phases to a replay."""
    spans = merged(settings, setting, start_s, stop_s)
    row, hour = _hours(start_s, stop_s)
    marked = _marked(setting[row] * phases + phase[row], hour, settings * phases)
    per_phase = marked.sum(axis=1).reshape(settings, phases)
    return Replay(
        spans,
        marked.reshape(settings, phases, -1).any(axis=1).sum(axis=1),
        per_phase.max(axis=1),
        per_phase.mean(axis=1),
        np.bincount(setting, minlength=settings) / phases,
    )


def gathered(settings: int, parts: Iterable[tuple[Codes, Replay]]) -> Replay:
    """One replay of several; each comes with the places of its settings in the whole."""
    pieces = list(parts)
    spans = [
        (place[part.spans.setting], part.spans.start_s, part.spans.stop_s)
        for place, part in pieces
        if len(part.spans.setting)
    ]
    whole = Replay(
        merged(settings, *(np.concatenate(column) for column in zip(*spans, strict=True)))
        if spans
        else merged(settings, np.empty(0, np.int64), np.empty(0), np.empty(0)),
        np.zeros(settings, np.int64),
        np.zeros(settings, np.int64),
        np.zeros(settings),
        np.zeros(settings),
    )
    for place, part in pieces:
        for name in ("hours", "worst_hours", "mean_hours", "episodes"):
            getattr(whole, name)[place] = getattr(part, name)
    return whole


def all_of(parts: Sequence[Spans]) -> Spans:
    """When all are suspected at once: a product that survives while any channel lives."""
    return _covered(parts, len(parts))


def any_of(parts: Sequence[Spans]) -> Spans:
    """When any is suspected: a product that needs them all, or two ends that each may give up."""
    return _covered(parts, 1)


def known_of(trace: PathTrace) -> Spans:
    """When anything is known of a path, as the stretches of one setting."""
    known = trace.known
    if not known.any():
        return merged(1, np.empty(0, np.int64), np.empty(0), np.empty(0))
    turns = np.flatnonzero(known[1:] != known[:-1]) + 1
    edges = np.concatenate([[0] if known[0] else [], turns, [len(known)] if known[-1] else []]).astype(np.int64)
    first, after = edges[::2], edges[1::2]
    # A stretch ends where the next slot, of which nothing is known, was due.
    ends_s = np.append(trace.sent_s[after[:-1]], trace.sent_s[after[-1]] if after[-1] < len(trace) else trace.end_s)
    return merged(1, np.zeros(len(first), np.int64), trace.sent_s[first], ends_s)


def joint_exposure_s(traces: Sequence[PathTrace]) -> float:
    """How long all of the paths were observed at once: what a statement about them together rests on.

    Where one of them is unknown nothing is said of them together, and no exposure counts.
    """
    return float(all_of([known_of(trace) for trace in traces]).suspected_s[0])


def _covered(parts: Sequence[Spans], depth: int) -> Spans:
    """Where at least `depth` of the parts are suspected.

    Raises:
        ValueError: nothing to combine, or different grids.
    """
    if not parts or len({part.settings for part in parts}) != 1:
        raise ValueError("only replays of one grid of settings can be combined")
    settings = parts[0].settings
    setting = np.concatenate([part.setting for part in parts for _ in range(2)])
    at_s = np.concatenate([times for part in parts for times in (part.start_s, part.stop_s)])
    step = np.concatenate([np.full(len(part.setting), sign) for part in parts for sign in (1, -1)])
    # Stretches are closed: at one moment what begins goes before what ends.
    order = np.lexsort((-step, at_s, setting))
    setting, at_s, step = setting[order], at_s[order], step[order]
    level = np.cumsum(step)
    rises = np.flatnonzero((level == depth) & (step == 1))
    falls = np.flatnonzero((level == depth - 1) & (step == -1))
    return Spans(settings, setting[rises], at_s[rises], at_s[falls])


def _hours(start_s: Floats, stop_s: Floats) -> tuple[Codes, Codes]:
    """(row, block) of every block that a stretch touches. What stands before the run belongs to its first block."""
    first = np.maximum(np.floor(start_s / HOUR_S), 0).astype(np.int64)
    last = np.maximum(np.floor(stop_s / HOUR_S).astype(np.int64), first)
    count = last - first + 1
    row = np.repeat(np.arange(len(first)), count)
    hour = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, hour


def _counted(row: Codes, hour: Codes, rows: int) -> Codes:
    """How many different blocks each row names."""
    count: Codes = _marked(row, hour, rows).sum(axis=1)
    return count


def _marked(row: Codes, hour: Codes, rows: int) -> Bools:
    """Rows times hours, True where one was named."""
    marked = np.zeros((rows, int(hour.max()) + 1 if len(hour) else 1), np.bool_)
    marked[row, hour] = True
    return marked
