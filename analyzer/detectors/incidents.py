"""What a count of incidents says about the long run, and what may be claimed from it.

An incident is a one-hour block of the run that contains suspicion (`episodes`). k incidents in an exposure W bound the rate at 95 % by
``chi2(0.95; 2k + 2) / 2W``, exactly, if incidents come independently: 3.0 / W for none, so a clean day bounds nothing better than 1,094 a year, and clean 15
minutes 105,042. To certify one a year, 1,094 clean days are needed. Exposure may be pooled over links only if they fail independently.

Incidents that come in clusters break the bound: a clean window is then often just the quiet between two clusters. `docs/method.md` shows by
how much. The largest silence seen is no safe timeout either: of n like periods the next one exceeds the longest with probability 1 / (n + 1).

Classes of a claim, the strongest first: `CERTIFIED` - the bound alone keeps the target; `MODEL_BACKED` - a model of the tails does, with its
interval and assumptions; `UNREFUTED` - nothing seen contradicts it, nothing proves it. The class is a label: `least` chooses by detection
time and lets it decide nothing, so that less or worse data never gives a shorter timeout.

Source: Garwood, Biometrika 28 (1936); Hanley, Lippman-Hand, JAMA 249 (1983), rule of three; Wilks, Ann. Math. Stat. 12 (1941), sample sizes;
incomplete gamma function: DLMF 8.7.1 and 8.9.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from analyzer.columns import Floats
from analyzer.contract import Claim
from analyzer.detectors.episodes import HOUR_S, Codes, Spans
from analyzer.detectors.trace import PathTrace, State, cut
from analyzer.extension import SUFFICIENT_S

YEAR_S = 365.25 * 86400.0
CONFIDENCE = 0.95
MISSING, STALLED = 0.05, 0.01
CAVEAT = (
    "The bound holds if incidents come independently. Where they come in clusters a short window is often the quiet between two of them, and the "
    "bound is then below the true rate in every fourth case or more (simulated): no clean day proves a rate."
)
"""Stands with every bound of a rate."""

_TINY = 1e-300


class Sufficiency(StrEnum):
    """What a window of valid measurement is enough for."""

    CONNECTIVITY = "connectivity check only: no timeouts"
    QUANTILES = "quantiles, loss and floors; no figure per year but the bound"
    NO_BUSY_HOUR = "no busy hour need have been in it"
    DAY = "a whole day"


@lru_cache(maxsize=4096)
def upper_count(incidents: int, confidence: float = CONFIDENCE) -> float:
    """Largest mean number of incidents with which as few as these are still seen with probability ``1 - confidence``.

    >>> [round(upper_count(k), 3) for k in range(7)]
    [2.996, 4.744, 6.296, 7.754, 9.154, 10.513, 11.842]

    Raises:
        ValueError: a negative count, or no confidence.
    """
    if incidents < 0 or not 0 < confidence < 1:
        raise ValueError(f"{incidents} incidents at {confidence} make no bound")
    low, high = 0.0, incidents + 10.0 + 10.0 * math.sqrt(incidents + 1.0)
    while gamma_q(incidents + 1.0, high) > 1.0 - confidence:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if gamma_q(incidents + 1.0, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
        if high - low <= 1e-12 * high:
            break
    return (low + high) / 2.0


def per_year(incidents: int, exposure_s: float, confidence: float = CONFIDENCE) -> float:
    """Upper bound of the rate, in incidents per year; infinite without exposure.

    >>> round(per_year(0, 86400.0)), round(per_year(0, 900.0)), round(per_year(2, 7 * 86400.0))
    (1094, 105042, 329)
    """
    return upper_count(incidents, confidence) * YEAR_S / exposure_s if exposure_s > 0 else math.inf


def clean_days(per_year_wanted: float, confidence: float = CONFIDENCE) -> float:
    """Days without an incident that certify a rate.

    >>> [round(clean_days(rate), 1) for rate in (1, 4, 12, 52, 365)]
    [1094.2, 273.5, 91.2, 21.0, 3.0]
    """
    return upper_count(0, confidence) * 365.25 / per_year_wanted


def samples_for(quantile: float, confidence: float = CONFIDENCE, theta: float = 1.0) -> int:
    """Fewest samples of which the largest is an upper bound of a quantile. `theta`: extremal index, below 1 for samples in clusters.

    >>> [samples_for(p) for p in (0.99, 0.999, 0.9999)]
    [299, 2995, 29956]

    Raises:
        ValueError: a quantile, a confidence or an index out of range.
    """
    if not (0 < quantile < 1 and 0 < confidence < 1 and 0 < theta <= 1):
        raise ValueError(
            f"quantile {quantile}, confidence {confidence} and extremal index {theta} have to lie between 0 and 1"
        )
    return math.ceil(math.log(1.0 - confidence) / math.log(quantile) / theta)


def next_is_longer(periods: int) -> float:
    """Chance that one more period like the others exceeds the longest of them.

    >>> next_is_longer(24)
    0.04
    """
    return 1.0 / (periods + 1)


def sufficiency(exposure_s: float, samples: int) -> Sufficiency:
    """What the measurement is enough for.

    >>> sufficiency(600.0, 3000).name, sufficiency(3600.0, 18000).name, sufficiency(90000.0, 450000).name
    ('CONNECTIVITY', 'QUANTILES', 'DAY')
    """
    if exposure_s < SUFFICIENT_S or samples < 300:
        return Sufficiency.CONNECTIVITY
    if exposure_s < 2 * 3600.0:
        return Sufficiency.QUANTILES
    return Sufficiency.NO_BUSY_HOUR if exposure_s < 86400.0 else Sufficiency.DAY


def claim(bound_per_year: float, target_per_year: float, *, modelled: bool) -> Claim:
    """The class of a claim. `modelled`: a model of the tails gave a figure, and keeps the target at its upper end."""
    if bound_per_year <= target_per_year:
        return Claim.CERTIFIED
    return Claim.MODEL_BACKED if modelled else Claim.UNREFUTED


def doubts(trace: PathTrace) -> tuple[str, ...]:
    """What keeps a trace from carrying a claim whole: too much of it unknown, or its sender stalled too often (design values)."""
    known = int(trace.known.sum())
    missing = 1.0 - known / len(trace) if len(trace) else 1.0
    stalled = int((trace.state == State.STALL).sum()) / known if known else 0.0
    found = []
    if missing > MISSING:
        found.append(f"{100 * missing:.1f} % of the record are missing")
    if stalled > STALLED:
        found.append(f"the sender stood still in {100 * stalled:.1f} % of the slots")
    return tuple(found)


def lowered(claimed: Claim, doubted: Sequence[str]) -> Claim:
    """The class one lower where anything is in doubt. It stays a label.

    >>> str(lowered(Claim.CERTIFIED, ["a clock was stepped"])), str(lowered(Claim.UNREFUTED, ["a clock was stepped"]))
    ('model-backed', 'unrefuted')
    """
    classes = list(Claim)
    return classes[min(classes.index(claimed) + bool(doubted), len(classes) - 1)]


@dataclass(frozen=True, slots=True)
class Choice:
    """The setting that was chosen, by its place in the grid. `bound_per_year`: 95 % upper bound of its rate."""

    place: int
    detection_s: float
    incidents: int
    bound_per_year: float


def least(
    detection_s: Sequence[float] | Floats,
    incidents: Codes,
    exposure_s: float,
    target_per_year: float,
    *,
    allowed: Sequence[bool] | None = None,
) -> Choice | None:
    """The setting of least detection time that had no incident, or whose bound keeps the target; None if there is none.

    `allowed`: settings that keep the product's own rules, floors, margins and scenarios, which are the caller's. The class is a label and
    chooses nothing, and so is a model of the tails: where its guards refuse it, data are worse and not better.
    """
    bounds = [per_year(int(count), exposure_s) for count in incidents]
    fit = [
        place
        for place, (count, bound) in enumerate(zip(incidents, bounds, strict=True))
        if (allowed is None or allowed[place]) and (count == 0 or bound <= target_per_year)
    ]
    if not fit:
        return None
    place = min(fit, key=lambda at: (detection_s[at], at))
    return Choice(place, float(detection_s[place]), int(incidents[place]), bounds[place])


@dataclass(frozen=True, slots=True)
class Robustness:
    """How incidents spread over the run, per setting: first half, second half, and the longest suspicion within one block."""

    first_half: Codes
    second_half: Codes
    worst_hour_s: Floats


def spread(spans: Spans, end_s: float) -> Robustness:
    """Incidents of each half of the run (the block in the middle belongs to the first), and the most time suspected within one block."""
    middle_s = math.ceil(end_s / 2.0 / HOUR_S - 1e-6) * HOUR_S
    worst_s = np.zeros(spans.settings)
    for hour in range(math.ceil(end_s / HOUR_S)):
        inside = np.clip(spans.stop_s, hour * HOUR_S, (hour + 1) * HOUR_S) - np.clip(
            spans.start_s, hour * HOUR_S, (hour + 1) * HOUR_S
        )
        worst_s = np.maximum(worst_s, np.bincount(spans.setting, inside, spans.settings))
    return Robustness(spans.hours_of(0.0, middle_s), spans.hours_of(middle_s, math.inf), worst_s)


def halves(trace: PathTrace) -> tuple[PathTrace, PathTrace]:
    """The trace with only its first, and only its second half known."""
    middle_s = (float(trace.sent_s[0]) + trace.end_s) / 2.0
    return cut(trace, [(middle_s, math.inf)]), cut(trace, [(-math.inf, math.nextafter(middle_s, -math.inf))])


def worst_hour(trace: PathTrace, badness: Callable[[PathTrace], float]) -> PathTrace:
    """The trace with only that hour known which is the worst by `badness`, a larger one being worse."""
    hours = [
        cut(trace, [(-math.inf, math.nextafter(start, -math.inf)), (start + HOUR_S, math.inf)])
        for start in np.arange(math.floor(trace.sent_s[0] / HOUR_S), math.ceil(trace.end_s / HOUR_S)) * HOUR_S
    ]
    return max((hour for hour in hours if hour.exposure_s > 0), key=badness, default=trace)


def moved(answers: Sequence[int | None]) -> bool:
    """Whether settings chosen on parts of the run lie more than a step of the grid apart, or one part gives none at all."""
    places = [place for place in answers if place is not None]
    return len(places) < len(answers) or max(places, default=0) - min(places, default=0) > 1


def gamma_q(a: float, x: float) -> float:
    """Regularised upper incomplete gamma function Q(a, x): the chance of fewer than `a` events where `x` are expected.

    >>> round(gamma_q(1.0, 2.0), 9) == round(math.exp(-2.0), 9)
    True
    """
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        step = a
        while abs(term) > 1e-16 * abs(total):
            step += 1.0
            term *= x / step
            total += term
        return 1.0 - front * total
    # Lentz's method on the continued fraction.
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    result = d
    for n in range(1, 100_000):
        factor = -n * (n - a)
        b += 2.0
        d = 1.0 / (factor * d + b or _TINY)
        c = b + factor / c or _TINY
        result *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * result
