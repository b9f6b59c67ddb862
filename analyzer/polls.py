"""What products that poll and wait have in common: one value in whole seconds for both, on one path or several, the worst of which counts."""

from __future__ import annotations

from analyzer import sizing
from analyzer.advisor import Carrier, Model
from analyzer.detectors import addp
from analyzer.extension import Combine

LADDER_S = (5, 10, 15, 20, 25, 30, 40, 60, 90, 120, 180, 300)


def equal(timeout_s: float) -> addp.Poll:
    """Silence for that long, a poll, and that long again for the answer."""
    return addp.Poll(float(timeout_s), float(timeout_s))


def model(most_s: int, rto_s: float = 0.0) -> Model[addp.Poll]:
    """Whole seconds up to `most_s`. A poll that is answered in time keeps the connection, so the wait has to outlast 1.25 x the longest answer.

    The whole silence until the connection is given up is twice that, and so at least twice the longest silence.
    """

    def fit(silence_s: float) -> addp.Poll | None:
        timeout_s = max(1, sizing.whole(silence_s))
        return equal(timeout_s) if timeout_s <= most_s else None

    return Model(
        fit,
        [equal(timeout_s) for timeout_s in LADDER_S if timeout_s <= most_s],
        lambda trace, settings: addp.replay(trace, settings).spans,
        Carrier.IDLE_TCP,
        Combine.WORST,
        sizing.MARGIN,
        rto_s,
    )
