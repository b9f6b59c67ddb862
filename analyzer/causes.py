"""Whom a slow answer is to be blamed on: the wire, a queue, a node that was starved or stopped, or a bandwidth test of our own.

A slot is slow if its answer came more than `SLOW_S` later than the median one's, counted from when it was due, as an application on
the same schedule would see it. Its delay has five parts that are measured: the sender's lateness, the time to its network card,
the wire, the peer's residence, the time to the peer's network card. The part that grew most is to blame. If that part lies in a node, the pauses of that node's ticker tell
why: a process that waited for a CPU was starved, one that could run and did not was stopped; without a pause it was a queue. What
is not on record is said to be untold, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.contract import Cause, Slowness
from analyzer.middle import median
from analyzer.slots import Bools, PathLog

SLOW_S = 0.02
"""The shortest pause that the ticker notes; below it a cause could not be told (design value)."""

_SHARE = 0.5
"""A pause of which at least this share was spent waiting for a CPU was starvation (design value)."""

_NOTED_S = 2 * SLOW_S
"""No pause of this length escapes the ticker, which runs in the same thread: one of its wake-ups is late by half of it."""

_SECOND_S = 1.0
"""What one row of the table `ticker` covers."""

_LATE, _QUEUE, _WIRE, _RESIDENCE, _PEER_QUEUE = range(5)


Codes = npt.NDArray[np.int8]
"""A cause per slot: its place in `CAUSES`."""

CAUSES = tuple(Cause)


@dataclass(frozen=True, slots=True)
class Pauses:
    """What a node's ordinary ticker noted, on the clock of the slots, in s and in order of time.

    `starts` and `stops` of pauses with their `waited` (for a CPU; NaN: the kernel does not tell); `seconds`: the ends of the seconds
    on record, and how long the ticker waited for a CPU in each.
    """

    starts: Floats
    stops: Floats
    waited: Floats
    seconds: Floats
    second_waited: Floats

    def on(self, mapped: Callable[[Floats], Floats]) -> Pauses:
        """The same on another clock."""
        return Pauses(mapped(self.starts), mapped(self.stops), self.waited, mapped(self.seconds), self.second_waited)

    def blame(
        self, from_s: Floats, to_s: Floats, excess_s: Floats, causes: tuple[Cause, Cause, Cause, Cause], *, short: bool
    ) -> Codes:
        """Why the node took `excess_s` too long, for each stretch. `causes`: of starvation, of a stop, of neither, untold.

        `short`: whether pauses too short to be noted one by one may have added up to it.
        """
        starved, stopped, neither, untold = map(CAUSES.index, causes)
        first, last = np.searchsorted(self.stops, from_s), np.searchsorted(self.starts, to_s)
        paused = _sums(self.stops - self.starts, first, last)
        of_pauses = _sums(self.waited, first, last)
        begin = np.searchsorted(self.seconds, from_s)
        end = np.searchsorted(self.seconds - _SECOND_S, to_s)
        beside = _sums(self.second_waited, begin, end)
        found: Codes = np.full(len(from_s), untold, dtype=np.int8)
        covered = end > begin
        found[covered] = neither
        if short:
            # One pause that escaped the ticker, or many that made up their share of the stretch as of the seconds around it.
            part = np.minimum((to_s - from_s) / _SECOND_S, 1.0)
            waited = np.where(excess_s < _NOTED_S, beside, beside * part)
            found[covered & (waited >= _SHARE * excess_s)] = starved
        noted = paused >= _SHARE * excess_s
        found[noted] = stopped
        found[noted & (of_pauses >= _SHARE * paused)] = starved
        found[noted & np.isnan(of_pauses)] = untold
        return found


NOTHING = Pauses(*(np.empty(0) for _ in range(5)))
"""Of a node without a record."""

_LOCAL = (Cause.LOCAL_STARVATION, Cause.LOCAL_STOP)
_PEER = (Cause.PEER_STARVATION, Cause.PEER_STOP, Cause.PEER_QUEUE, Cause.PEER_UNTOLD)


def pauses(stall: pd.DataFrame | None, ticker: pd.DataFrame | None) -> Pauses:
    """From a node's tables, times by its own clock; empty where it has none."""
    starts, length, waited = _of_default(stall, "t_us", "length_us", "run_delay_us")
    seconds, second_waited = _of_default(ticker, "t_us", "run_delay_us")
    return Pauses(starts, starts + length, waited, seconds, second_waited)


def slow_slots(
    log: PathLog, loaded: Bools, here: Pauses, there: Pauses | None
) -> tuple[npt.NDArray[np.int64], Floats, Codes]:
    """(slot rows, delay in s from when it was due, cause) of every slow slot.

    `loaded`: slots under a bandwidth test. `here` and `there` are the pauses of the sender and of the peer (None: its archive is not
    usable), both on the sender's clock.
    """
    rows, parts_s, sound = log.parts_s()
    if not len(rows):
        return rows, np.empty(0), np.empty(0, dtype=np.int8)
    total_s = parts_s.sum(axis=0)
    idle = ~loaded[rows]
    usual = idle if idle.any() else np.ones(len(rows), dtype=np.bool_)
    slow = total_s > median(total_s[usual]) + SLOW_S
    excess_s = parts_s[:, slow] - np.array([[median(part[usual])] for part in parts_s])
    largest = excess_s.argmax(axis=0)
    most_s = excess_s.max(axis=0)
    due_s = log.t_us[rows[slow]] / 1e6
    back_s = due_s + total_s[slow]
    cause: Codes = np.full(len(due_s), CAUSES.index(Cause.WIRE), dtype=np.int8)
    # Without the kernel's stamps what lies between the two programs may be anything.
    cause[(largest == _WIRE) & ~sound[slow]] = CAUSES.index(Cause.UNTOLD)
    # From the program's last word on a packet to its card there is one step: only a pause right there delays it, and the ticker, which
    # runs in the same thread, notes that. A busy node waits for its CPU many times a second, and not with a packet in its hands.
    for part, words, short in (
        (_LATE, (*_LOCAL, Cause.LOCAL_UNTOLD, Cause.LOCAL_UNTOLD), True),
        (_QUEUE, (*_LOCAL, Cause.LOCAL_QUEUE, Cause.LOCAL_UNTOLD), False),
    ):
        at = largest == part
        cause[at] = here.blame(due_s[at], back_s[at], most_s[at], words, short=short)
    known = NOTHING if there is None else there
    for part, short in ((_RESIDENCE, True), (_PEER_QUEUE, False)):
        at = largest == part
        cause[at] = known.blame(due_s[at], back_s[at], most_s[at], _PEER, short=short)
    cause[~idle[slow]] = CAUSES.index(Cause.LOAD_TEST)
    return rows[slow], total_s[slow], cause


def summary(delay_s: Floats, cause: Codes) -> tuple[Slowness, ...]:
    """Slots and longest delay per cause, the most frequent first."""
    found = []
    for code, one in enumerate(CAUSES):
        mine = delay_s[cause == code]
        if len(mine):
            found.append(Slowness(one, len(mine), float(mine.max())))
    return tuple(sorted(found, key=lambda item: -item.slots))


def _of_default(frame: pd.DataFrame | None, *columns: str) -> tuple[Floats, ...]:
    """Columns of the ordinary class's rows: `t_us` and what follows in s, in order of time."""
    if frame is None or "class" not in frame:
        return tuple(np.empty(0) for _ in columns)
    rows = frame[frame["class"] == "default"]
    values = np.array([numbers(rows, name) for name in columns]).reshape(len(columns), -1) / 1e6
    return tuple(values[:, np.argsort(values[0], kind="stable")])


def _sums(values: Floats, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Floats:
    """Sums over the half-open ranges; 0 for an empty one, NaN where one of the values is."""
    total = np.append(0.0, np.cumsum(np.nan_to_num(values)))
    missing = np.append(0, np.cumsum(np.isnan(values)))
    last = np.maximum(first, last)
    sums: Floats = np.where(missing[last] > missing[first], np.nan, total[last] - total[first])
    return sums
