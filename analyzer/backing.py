"""Whether a model of the tails backs a setting: what it asks for, in words, and why there is none where its guards refuse.

The model is one of the network's own silences (`detectors.interruptions`), pauses of both nodes in them, of all that the product needs, on the joint trace. What it
says is exceeded as often as the target allows is passed on as TCP would have passed it on, at its worst, and held against the silence that the setting outlasts.
It is a label: no value depends on it, so that data whose tail is too heavy for a model cannot free a setting of what a model would ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.detectors.interruptions import level, told_days, too_far
from analyzer.detectors.tails import NoLevel
from analyzer.detectors.tcp import worst_stall_s
from analyzer.detectors.trace import PathTrace
from analyzer.silences import silences
from analyzer.words import seconds

_YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class Backing:
    """What a model of the tails says of a setting. `asked_s`: the silence that it wants outlasted; None: its guards gave no figure."""

    asked_s: float | None
    kept: bool
    text: str


def backing(
    streams: Sequence[Sequence[PathTrace]], exposure_s: float, target: float, outlasts_s: float, rto_s: float | None
) -> Backing:
    """Of a setting that outlasts so much. `streams`: as the network had them; `rto_s`: TCP's timer at its longest, None for datagrams."""
    days = _YEAR_DAYS / target
    if reason := too_far(exposure_s, days):
        return _none(reason)
    if rto_s is not None and any(len(stream) > 1 for stream in streams):
        # TCP prolongs an outage of each, so that channels may be silent together that never failed together.
        return _none("there is none of how long TCP is silent on several channels together")
    quiet = [silences(stream, idle=False) for stream in streams]
    found = level(
        np.concatenate([item.start_s for item in quiet]),
        np.concatenate([item.stop_s - item.start_s for item in quiet]),
        max(item.least_s for item in quiet),
        max(trace.period_s for stream in streams for trace in stream),
        exposure_s,
        days,
    )
    if isinstance(found, NoLevel):
        return _none(found.reason)
    asked_s = found.high if rto_s is None else worst_stall_s(found.high, rto_s)
    tcp = "" if rto_s is None else f", over TCP {seconds(asked_s)}"
    law = (
        f"{found.clusters} separate silences of more than {seconds(found.threshold)} follow one law (shape {found.xi:.2f}), by which one of "
        f"{seconds(found.high)}{tcp} is reached once in {told_days(days)} at most (95 %)"
    )
    if asked_s <= outlasts_s:
        return Backing(
            asked_s,
            kept=True,
            text=f"A model of the tails backs it: {law}. That holds if silences go on as in this run.",
        )
    return Backing(
        asked_s,
        kept=False,
        text=f"A model of the tails does not back it: {law}, and the value outlasts {seconds(outlasts_s)} only.",
    )


def _none(reason: str) -> Backing:
    return Backing(None, kept=False, text=f"No model of the tails backs it: {reason}.")
