"""Stalls of every cause, made up where one kernel cannot have them, and what haready says of each: synthetic archives through the whole analyzer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from synthetic import Machine, Pause, Site, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Assessment, Stall, StallCause

AT_S = (65.0, 123.4, 187.3)
LENGTH_S = 260.0
SHORT, MIDDLE, LONG = LENGTHS = (0.3, 1.7, 6.0)
NOT_SEEN = "not seen"


def _pauses(length_s: float) -> Mapping[StallCause, list[Pause]]:
    """Three ways in which each cause may look, without their times."""
    some, most = 0.6 * length_s, 0.95 * length_s
    return {
        StallCause.STARVATION: [
            Pause(0, length_s, waited_s=most, cpu_s=length_s),
            Pause(0, length_s, waited_s=some, together=True),
            Pause(0, length_s, waited_s=None, cpu_s=most),
        ],
        StallCause.STEAL: [
            Pause(0, length_s, steal_s=most, together=True),
            Pause(0, length_s, steal_s=some, waited_s=some, cpu_s=some),
            Pause(0, length_s, steal_s=most, waited_s=None),
        ],
        StallCause.PAGING: [
            Pause(0, length_s, faults=40, io_s=most),
            Pause(0, length_s, faults=3, commit_s=most),
            Pause(0, length_s, memory_s=most, together=True),
        ],
        StallCause.STOP: [
            Pause(0, length_s),
            Pause(0, length_s, waited_s=0.1 * length_s, cpu_s=0.1 * length_s),
            # A disk that is slow meanwhile holds up nothing that has to read no page.
            Pause(0, length_s, io_s=most, commit_s=most),
        ],
        StallCause.STUN: [
            Pause(0, length_s, together=True),
            Pause(0, length_s, together=True, waited_s=0.05 * length_s),
            Pause(0, length_s, together=True, waited_s=None),
        ],
        StallCause.UNKNOWN: [],
    }


def machine(cause: StallCause, length_s: float) -> Machine:
    """A node that is well but for three stalls of one cause."""
    healthy = Machine(host=True, fifo=True, busy=lambda t: np.full(len(t), 0.2))
    stood = [(at_s, length_s) for at_s in AT_S]
    match cause:
        case StallCause.SUSPEND:
            healthy.suspends = stood
        case StallCause.FROZEN:
            healthy.freezes = stood
        case _:
            healthy.pauses = _pauses(length_s)[cause]
            for pause, at_s in zip(healthy.pauses, AT_S, strict=True):
                pause.at_s = at_s
    return healthy


def run(folder: Path, cause: StallCause, length_s: float, node: str = "b") -> Assessment:
    """The assessment of a trio of which one node stalled."""
    site = Site(length_s=LENGTH_S, plan=plan_data(("a", "b", "c")), machines={node: machine(cause, length_s)})
    return assess(list(write(site, folder).values()))


def stalls(found: Assessment, node: str = "b") -> tuple[Stall, ...]:
    return next(one.worst for one in found.stalls if one.node == node)


def matrix(folder: Path) -> dict[StallCause, Counter[str]]:
    """What was said of nine stalls of each cause: three lengths, three looks or moments."""
    table = {}
    for cause in StallCause:
        if cause is StallCause.UNKNOWN:
            continue
        said = table[cause] = Counter()
        for length_s in LENGTHS:
            told = stalls(run(folder / f"{cause.name}-{length_s}", cause, length_s))
            said.update(str(one.cause) for one in told)
            said[NOT_SEEN] += max(0, len(AT_S) - len(told))
    return table


def rows(table: Mapping[StallCause, Counter[str]]) -> list[list[str]]:
    """The matrix as text: a row per cause that was made up, a column per answer."""
    answers = [*map(str, StallCause), NOT_SEEN]
    return [
        ["made up", *answers],
        *([str(cause), *(str(said[one]) for one in answers)] for cause, said in table.items()),
    ]
