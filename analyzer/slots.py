"""Slots and their states: what became of every planned transmission of a directed path.

`PathLog` joins the sender's two tables (slots and replies). `judge` then decides, with the reflector's archive if there
is one, what each slot says about the network. Late is answered: a reply counts however long it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analyzer.columns import WIRE, Floats, Ints, null_of
from analyzer.frames import Columns

Bools = npt.NDArray[np.bool_]

# Bits of a reply's flags, as the archive's table describes them.
DUPLICATE, T1_KERNEL, T2_KERNEL, T3_KERNEL, T4_KERNEL, STEPPED = 1, 2, 4, 8, 16, 32
_KERNEL = T2_KERNEL | T3_KERNEL | T4_KERNEL | T1_KERNEL

YOUNG_S = 2.0
"""A slot younger than this at the end of sending had no time to be answered (design value)."""

EDGE_S = 10.0
"""Rows reach the archive in batches; beside a hole up to this much may be missing (design value: the most that a
kill loses)."""

_MANY_STARTS = 1000
"""A sender that starts more often than this is broken; which start a reflector saw is not looked for then."""

_MOST_FITS = 50_000_000
"""Starts of the sender times runs that the reflector saw: each is held against each. A week of one path has 600,000 runs."""

_LATEST_S = 30.0
"""A probe that arrives later than this after it was due is not recognised as the one that was sent (design value)."""


class Slot(IntEnum):
    """State of one slot.

    Refused: the sender's own kernel would not send it, so it was never on the wire. Young: sending or the
    reflector ended, or the record has a hole, before its reply could be in it. Unjudged: the reflector was not running.
    """

    ANSWERED = 0
    LOST_FORWARD = 1
    LOST_BACK = 2
    LOST_UNKNOWN = 3
    SKIPPED = 4
    REFUSED = 5
    UNJUDGED = 6
    YOUNG = 7


LOST = (Slot.LOST_FORWARD, Slot.LOST_BACK, Slot.LOST_UNKNOWN)


@dataclass(slots=True)
class PathLog:
    """The sender's record of one directed path, one entry per slot in order of sending.

    `t_us` is the intended time on the sender's clock, `sub` the number of the sub-session (a sender whose numbers fall
    back has started again). `answer` is the row of the slot's reply in `replies`, -1 without one.
    """

    path: str
    source: str
    target: str
    t_us: npt.NDArray[np.int64]
    slot: Ints
    sub: npt.NDArray[np.int32]
    late_us: Ints
    tx_us: Ints
    flag: Ints
    answer: npt.NDArray[np.int32]
    duplicates: int
    replies: dict[str, Ints]
    period_s: float

    @property
    def subs(self) -> int:
        """How many times the sender started."""
        return int(self.sub[-1]) + 1 if len(self.sub) else 0

    @property
    def answered(self) -> Bools:
        """Slots with a reply."""
        found: Bools = self.answer >= 0
        return found

    def rtt_s(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """(slot rows, round trip in s) as an application sees it: sender's queue, wire, peer's residence.

        Where stamps cannot be subtracted (a clock was stepped, a stamp is missing) the whole monotonic round trip
        stands in, which also holds the time the reply waited to be read: never shorter than the truth.
        """
        rows, part = self._answers("fwd_us", "res_us", "back_us", "flags")
        # Null for a reply so late that the sender had forgotten its slot: its four stamps still tell the round trip.
        rest = self.replies["rxq_us"][self.answer[rows]].astype(np.int64)
        rest[rest == null_of(self.replies["rxq_us"])] = 0
        tx = self.tx_us[rows].astype(np.int64)
        known = tx != null_of(self.tx_us)
        stamped = part["fwd_us"] + part["res_us"] + part["back_us"] + np.where(known, tx, 0)
        wire = part["fwd_us"] + part["back_us"]
        sound = known & (part["flags"] & STEPPED == 0) & (wire >= 0)
        return rows, np.maximum(np.where(sound, stamped, stamped + rest), 0) / 1e6

    def wire_s(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """(slot rows, time on the wire in s): only slots with all four kernel stamps and no clock step."""
        rows, part = self._stamped()
        return rows, (part["fwd_us"] + part["back_us"]) / 1e6

    def ways_s(self) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
        """(slot rows, way there, way back in s) of the same slots; each way holds the difference of the two wall clocks."""
        rows, part = self._stamped()
        return rows, part["fwd_us"] / 1e6, part["back_us"] / 1e6

    def residence_s(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """(slot rows, the peer's residence in s) of every answered slot without a clock step."""
        rows, part = self._answers("res_us", "flags")
        sound = part["flags"] & STEPPED == 0
        return rows[sound], part["res_us"][sound] / 1e6

    def parts_s(self) -> tuple[npt.NDArray[np.int64], Floats, Bools]:
        """(slot rows, parts of the delay, which have sound kernel stamps) of every answered slot.

        The parts, in s, one row each: lateness of the sender, from its call to the transmit stamp, wire, the peer's residence up to its call,
        and from that to its transmit stamp (in the residence where it is not told). Where the stamps cannot be subtracted the wire's part is all
        that is left of the monotonic round trip.
        """
        rows, part = self._answers("fwd_us", "res_us", "back_us", "flags")
        late, tx, rest = (
            np.where(values == null_of(values), 0, values.astype(np.int64))
            for values in (self.late_us[rows], self.tx_us[rows], self.replies["rxq_us"][self.answer[rows]])
        )
        wire, residence = part["fwd_us"] + part["back_us"], part["res_us"]
        usable = (part["flags"] & STEPPED == 0) & (wire >= 0)
        sound: Bools = usable & (part["flags"] & _KERNEL == _KERNEL) & (self.tx_us[rows] != null_of(self.tx_us))
        wire = np.where(usable, wire, np.maximum(wire + residence + rest, 0))
        out = self.replies["out_us"][self.answer[rows]]
        told = usable & (out != null_of(out))
        out = np.where(told, np.clip(out.astype(np.int64), 0, np.maximum(residence, 0)), 0)
        parts = np.stack([np.maximum(late, 0), np.maximum(tx, 0), wire, np.where(usable, residence, 0) - out, out])
        return rows, parts / 1e6, sound

    def clock_samples(self) -> tuple[Floats, Floats, Floats]:
        """Per reply with good stamps: (source's local time, target's minus source's wall clock, wire) in s."""
        rows, part = self._stamped()
        local_s = self.t_us[rows] / 1e6
        return local_s, (part["fwd_us"] - part["back_us"]) / 2e6, (part["fwd_us"] + part["back_us"]) / 1e6

    def told(self, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(slot rows, that column of their replies) of every answered slot, but for nulls."""
        rows, part = self._answers(name)
        return rows, part[name]

    def _stamped(self) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[np.int64]]]:
        rows, part = self._answers("fwd_us", "back_us", "flags")
        good = (part["flags"] & (_KERNEL | STEPPED | DUPLICATE) == _KERNEL) & (part["fwd_us"] + part["back_us"] >= 0)
        return rows[good], {name: values[good] for name, values in part.items()}

    def _answers(self, *names: str) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray[np.int64]]]:
        """Rows of answered slots and the named columns of their replies; replies with a null are left out."""
        rows = np.flatnonzero(self.answered)
        picked = {name: self.replies[name][self.answer[rows]] for name in names}
        whole = np.ones(len(rows), dtype=np.bool_)
        for name in names:
            whole &= picked[name] != null_of(self.replies[name])
        return rows[whole], {name: values[whole].astype(np.int64) for name, values in picked.items()}


def path_log(path: str, sent: Columns, reply: Columns | None, period_s: float) -> PathLog:
    """Join a path's slots and replies. `path` is ``source>target/network``."""
    source, _, rest = path.partition(">")
    slot = sent.arrays["slot"]
    sub = np.cumsum(np.diff(slot, prepend=slot[:1] - 1) <= 0, dtype=np.int32)
    replies = reply.arrays if reply is not None else {name: np.empty(0, kind) for name, kind in WIRE["reply"].items()}
    answer, duplicates = np.full(len(slot), -1, dtype=np.int32), 0
    if reply is not None:
        answer, duplicates = _matched(slot, sub, sent, reply, period_s)
    return PathLog(
        path,
        source,
        rest.rpartition("/")[0],
        sent.arrays["t_us"].astype(np.int64),
        slot,
        sub,
        sent.arrays["late_us"],
        sent.arrays["tx_us"],
        sent.arrays["flag"],
        answer,
        duplicates,
        replies,
        period_s,
    )


def _matched(
    slot: Ints, sub: npt.NDArray[np.int32], sent: Columns, reply: Columns, period_s: float
) -> tuple[npt.NDArray[np.int32], int]:
    """Row of the first reply of every slot, and how many replies were one too many."""
    key = (sub.astype(np.int64) << 32) + slot
    answered = reply.arrays["slot"]
    of = np.zeros(len(answered), dtype=np.int64)
    if sub[-1]:
        of = _reply_subs(slot, sub, sent.segment(), answered, reply.segment(), int(EDGE_S / period_s))
    wanted = (of << 32) + answered
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    fits = np.flatnonzero(key[at] == wanted)
    # Of several replies the first that is not flagged as a duplicate counts: write in reverse order, so it stays.
    order = np.lexsort((fits, reply.arrays["flags"][fits] & DUPLICATE))[::-1]
    answer = np.full(len(key), -1, dtype=np.int32)
    answer[at[fits[order]]] = fits[order]
    return answer, len(fits) - int((answer >= 0).sum())


def _reply_subs(
    slot: Ints,
    sub: npt.NDArray[np.int32],
    sent_segment: npt.NDArray[np.int32],
    answered: Ints,
    segment: npt.NDArray[np.int32],
    reorder: int,
) -> npt.NDArray[np.int64]:
    """Sub-session of every reply. Replies carry no time; they stand in order of arrival, and a dead sender hears none.

    A reply belongs to the next sub-session once its slot falls back by more than `reorder`, or to near the start, or is
    one that the present sub-session did not send. Its segment bounds the choice.
    """
    starts = np.flatnonzero(np.diff(sub, prepend=-1))
    ends = np.append(starts[1:], len(sub)) - 1
    first, last = sent_segment[starts].tolist(), sent_segment[ends].tolist()
    highest = slot[ends].tolist()
    present, latest = 0, -1
    result = np.zeros(len(answered), dtype=np.int64)
    for row, (number, seq) in enumerate(zip(answered.tolist(), segment.tolist(), strict=True)):
        while present + 1 < len(starts) and seq > last[present] + 1:
            present, latest = present + 1, -1
        if present + 1 < len(starts) and seq >= first[present + 1] and number <= highest[present + 1]:
            fell = number < latest and (number <= latest - reorder or number < reorder)
            if fell or number > highest[present]:
                present, latest = present + 1, -1
        latest = max(latest, number)
        result[row] = present
    return result


@dataclass(frozen=True, slots=True)
class Peer:
    """The reflector's side of a path, on the sender's clock.

    `seen` is the reflector's table with its times mapped (`seen_s`); `spans_s` what its archive covers undamaged;
    `run_s` when its process ran, infinite where the archive does not tell. `error_s` bounds the mapping.
    """

    seen: Columns | None
    seen_s: Floats
    spans_s: tuple[tuple[float, float], ...]
    run_s: tuple[float, float]
    error_s: float


def judge(
    log: PathLog, spans_us: tuple[tuple[int, int], ...], peer: Peer | None, again_us: Sequence[int] = ()
) -> npt.NDArray[np.int8]:
    """State of every slot. `spans_us`: what the sender's own archive covers; `peer` None: no usable archive.

    `again_us`: when the sender met a new start of the peer's collector. From the last answer before to that moment
    nothing proves that the peer was running.
    """
    state = np.full(len(log.t_us), Slot.LOST_UNKNOWN, dtype=np.int8)
    t_s = log.t_us / 1e6
    if peer is not None:
        state = _direction(log, t_s, peer)
        state[t_s > peer.run_s[1] - YOUNG_S - peer.error_s] = Slot.YOUNG
        state[(t_s < peer.run_s[0] - peer.error_s) | (t_s > peer.run_s[1] + peer.error_s)] = Slot.UNJUDGED
    # A pause (the peer said goodbye) and a restart both end a stretch of sending.
    ends = (np.diff(log.sub) > 0) | (np.diff(t_s) > max(YOUNG_S, 2.5 * log.period_s))
    stretch = np.concatenate([[0], np.cumsum(ends)])
    last_s = t_s[np.append(np.flatnonzero(ends), len(t_s) - 1)]
    answered_us = log.t_us[log.answered]
    for met_us in again_us:
        before = answered_us[answered_us < met_us]
        state[(log.t_us > (before[-1] if len(before) else -1)) & (log.t_us <= met_us)] = Slot.UNJUDGED
    young = t_s > last_s[stretch] - YOUNG_S
    for hole in _holes([(start / 1e6, stop / 1e6) for start, stop in spans_us]):
        young |= (t_s > hole[0] - EDGE_S) & (t_s < hole[1])
    state[young & (state != Slot.UNJUDGED)] = Slot.YOUNG
    state[log.answered] = Slot.ANSWERED
    state[log.flag == -1] = Slot.SKIPPED
    state[log.flag > 0] = Slot.REFUSED
    return state


def within(t_s: Floats, spans_s: Sequence[tuple[float, float]]) -> Bools:
    """Which of the times lie in one of the stretches, ends included; stretches may overlap."""
    starts = np.sort([start for start, _ in spans_s])
    stops = np.sort([stop for _, stop in spans_s])
    inside: Bools = np.searchsorted(starts, t_s, side="right") > np.searchsorted(stops, t_s, side="left")
    return inside


def _holes(spans_s: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What lies between the covered stretches, and before the first if it does not start with the run."""
    edges = [(0.0, 0.0), *spans_s]
    return [(before[1], after[0]) for before, after in pairwise(edges) if after[0] > before[1]]


def _direction(log: PathLog, t_s: Floats, peer: Peer) -> npt.NDArray[np.int8]:
    """For every slot, which way it was lost if it was lost."""
    unknown = np.full(len(t_s), Slot.LOST_UNKNOWN, dtype=np.int8)
    covered = np.zeros(len(t_s), dtype=np.bool_)
    for start, stop in peer.spans_s:
        left = start + (EDGE_S if start > peer.run_s[0] + YOUNG_S else 0.0)
        right = stop - (EDGE_S if stop < peer.run_s[1] - YOUNG_S else 0.0)
        covered |= (t_s >= left - peer.error_s) & (t_s <= right + peer.error_s)
    if log.subs > _MANY_STARTS or log.subs * len(peer.seen or ()) > _MOST_FITS:
        return unknown
    if peer.seen is None or not len(peer.seen):
        # An archive that saw nothing of a path whose probes were answered did not record it.
        return np.where(covered & (not log.answered.any()), np.int8(Slot.LOST_FORWARD), unknown)
    arrived, doubtful = _arrived(log, t_s, peer)
    covered &= ~doubtful
    proven = log.answered & covered
    if (proven & ~arrived).sum() > 0.01 * max(proven.sum(), 1):
        # What was answered must have arrived; where the record misses that, it proves nothing about the rest.
        return unknown
    return np.where(covered, np.where(arrived, np.int8(Slot.LOST_BACK), np.int8(Slot.LOST_FORWARD)), unknown)


def _arrived(log: PathLog, t_s: Floats, peer: Peer) -> tuple[Bools, Bools]:
    """(slots that reached the reflector, slots where it is not certain which start of the sender they belong to)."""
    assert peer.seen is not None
    first = peer.seen.arrays["first"].astype(np.int64)
    stop = first + np.maximum(peer.seen.arrays["count"].astype(np.int64), 0)
    arrived, doubtful = np.zeros(len(t_s), dtype=np.bool_), np.zeros(len(t_s), dtype=np.bool_)
    members = np.split(np.arange(len(t_s)), np.flatnonzero(np.diff(log.sub)) + 1)
    fits = np.array([_fits(log.slot[rows], t_s[rows], first, peer, log.period_s) for rows in members])
    single = fits.sum(axis=0) == 1
    for rows, fit in zip(members, fits, strict=True):
        slot = log.slot[rows]
        arrived[rows] = _marked(slot, first[fit & single], stop[fit & single])
        doubtful[rows] = _marked(slot, first[fit & ~single], stop[fit & ~single]) & ~arrived[rows]
    return arrived, doubtful


def _fits(slot: Ints, t_s: Floats, first: npt.NDArray[np.int64], peer: Peer, period_s: float) -> Bools:
    """Which runs of the reflector may belong to this start of the sender: they came when that slot was due, or later."""
    at = np.minimum(np.searchsorted(slot, first), len(slot) - 1)
    # Where the slot itself is not on record its time follows from the next one that is.
    due_s = t_s[at] - (slot[at] - first) * period_s
    delay_s = peer.seen_s - due_s
    fits: Bools = (delay_s > -period_s - peer.error_s) & (delay_s < _LATEST_S + peer.error_s) & (first >= 0)
    fits &= first <= slot[-1]
    return fits


def _marked(slot: Ints, first: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Bools:
    """Which of the rising `slot` numbers lie in one of the ranges [first, stop)."""
    change = np.zeros(len(slot) + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(slot, first), 1)
    np.add.at(change, np.searchsorted(slot, stop), -1)
    marked: Bools = np.cumsum(change[:-1]) > 0
    return marked
