"""How long a silence can get beyond those seen: peaks over a threshold for whole silences, with the guards without which the figure misleads.

Slow answers and silences have laws of their own (`tails` has that of answers). A silence counts from the threshold on below which the probes tell nothing, and
those that follow close upon one another are one cluster, of which the longest counts. Their excesses get a generalised Pareto law, as in `tails`; the level is what is
exceeded once in so many days, at the upper end of its 95 % interval and with the upper bound of the clusters' rate, and never below what was seen.

Guards, each of which leaves no level, with its reason: more than ten times the measured time ahead; fewer than 50 clusters (of n silences the next is longer than
the longest with a chance of 1 / (n + 1), and without any nothing is known at all); clusters that come in storms, so that a rate from this window says little; halves of the
run whose silences differ in length; no threshold from which on the tail is stable and fits; a tail too heavy to be extrapolated (xi of 0.5 and more).

So a quiet run has no model: what was never seen has no law. That is right, and the reason why such a model may be a label and no criterion: a run with more
silences may have one.

Source: as `tails`; dispersion and rank tests at 1 %: any textbook of statistics. Guards: design values.
"""

from __future__ import annotations

import math

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors.episodes import HOUR_S
from analyzer.detectors.incidents import gamma_q, upper_count
from analyzer.detectors.tails import FEWEST, HEAVY, HORIZON, Fit, Level, NoLevel, chosen, fit, peaks_at
from analyzer.words import count, seconds, span

_DAY_S = 86400.0
_MOST = 5000
"""Silences that are looked at, the longest: more give nothing but work."""
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Shares of these below the thresholds that are tried."""
_PARTS = 12
_ODD = 0.01
_ODD_SCORE = 2.576
"""Of a normal law, for 1 % on both sides."""


def level(
    start_s: Floats, length_s: Floats, least_s: float, period_s: float, exposure_s: float, days: float, *, seed: int = 1
) -> Level | NoLevel:
    """The length that silences exceed once in `days`, or why there is no such figure.

    `least_s`: below it a silence cannot be told; `period_s`: the step in which lengths are recorded.
    """
    if reason := too_far(exposure_s, days):
        return NoLevel(reason)
    start_s, length_s = together(start_s, length_s, period_s)
    if not len(length_s):
        return NoLevel(f"no silence of more than {seconds(least_s)} was seen, so nothing tells how long one can get")
    blurred = length_s + np.random.default_rng(seed).uniform(-0.5, 0.5, len(length_s)) * period_s
    place = np.floor((start_s - start_s[0]) / period_s).astype(np.int64)
    # What was blurred below the shortest that is recorded is not complete there.
    lowest_s = least_s + period_s / 2.0
    longest = min(1.0, _MOST / len(blurred))
    fits: list[Fit] = []
    for share in _SHARES:
        u = max(lowest_s, float(np.quantile(blurred, max(0.0, 1.0 - longest * (1.0 - share)))) - 1e-9)
        over = blurred > u
        peaks, theta = peaks_at(place[over], blurred[over])
        if len(peaks) < FEWEST or not np.ptp(peaks) > 0:
            break
        fits.append((u, peaks, theta, fit(peaks - u)))
    if not fits:
        return NoLevel(_few(len(length_s), least_s))
    if _storms(start_s, exposure_s):
        return NoLevel("silences come in storms, so their rate in this window says little about other days")
    # Blurred: equal lengths come out of their times with a rounding that grows in the course of the run.
    if _differ(blurred):
        return NoLevel("the silences of the run's halves differ in length")

    def expected(clusters: int) -> float:
        return upper_count(clusters) / exposure_s * days * _DAY_S

    longest_s = float(length_s.max())
    found = chosen(fits, expected, days, longest_s, seed)
    if isinstance(found, NoLevel):
        return found
    # So few silences do not tell a threshold that is a little too low, which makes the tail look short: of all that fit the worst counts.
    others = (chosen([one], expected, days, longest_s, seed) for one in fits)
    worst = max((item for item in others if isinstance(item, Level)), key=lambda item: item.high)
    if worst.xi >= HEAVY:
        return NoLevel(f"the tail is too heavy to extrapolate (xi = {worst.xi:.2f})")
    return worst


def too_far(exposure_s: float, days: float) -> str:
    """Why no level of so many days is told, whatever was seen; "" if one may be."""
    if exposure_s > 0 and days * _DAY_S <= HORIZON * exposure_s:
        return ""
    return f"once in {told_days(days)} looks further ahead than {HORIZON:g} times the {span(exposure_s)} that were measured"


def told_days(days: float) -> str:
    """Days in words.

    >>> told_days(365.25), told_days(6.892), told_days(1.0), told_days(3652.5)
    ('365 days', '6.9 days', '1 day', '3652 days')
    """
    number = count(days) if days >= 10 else f"{days:.2g}"
    return f"{number} day{'' if number == '1' else 's'}"


def _few(count: int, least_s: float) -> str:
    silences = "silence" if count == 1 else "silences"
    return (
        f"{count} {silences} of more than {seconds(least_s)} in fewer than {FEWEST} clusters are too few for a law; one more like "
        f"them would be longer than the longest with a chance of 1 in {count + 1}"
    )


def together(start_s: Floats, length_s: Floats, period_s: float) -> tuple[Floats, Floats]:
    """Silences that overlap, or begin within a period of one another's end, made one, as long as the longest of them.

    >>> start, length = together(np.array([5.0, 0.0, 5.5]), np.array([1.0, 2.0, 3.0]), 0.2)
    >>> start.tolist(), length.tolist()
    ([0.0, 5.0], [2.0, 3.0])
    """
    order = np.argsort(start_s, kind="stable")
    start_s, length_s = start_s[order], length_s[order]
    if not len(start_s):
        return start_s, length_s
    reach_s = np.maximum.accumulate(start_s + length_s)
    first = np.flatnonzero(np.append(True, start_s[1:] > reach_s[:-1] + period_s))
    return start_s[first], np.maximum.reduceat(length_s, first)


def _storms(start_s: Floats, exposure_s: float) -> bool:
    """Whether the counts of hours, or of a short run's twelfths, scatter more than those of independent silences would, at 1 %."""
    block_s = min(HOUR_S, exposure_s / _PARTS)
    seen = np.unique(np.floor(start_s / block_s).astype(np.int64), return_counts=True)[1].astype(np.float64)
    # Blocks that are not on record have no silence, and are no quiet ones either.
    counts = np.append(seen, np.zeros(max(0, round(exposure_s / block_s) - len(seen))))
    scatter = float(((counts - counts.mean()) ** 2).sum() / counts.mean())
    return gamma_q((len(counts) - 1) / 2.0, scatter / 2.0) < _ODD


def _differ(lengths: Floats) -> bool:
    """Whether the later half of values in order of time, no two of them alike, are longer or shorter than the earlier one: ranks, at 1 %."""
    count = len(lengths)
    early = count // 2
    ranks = np.argsort(np.argsort(lengths)) + 1
    mean, spread = early * (count + 1) / 2.0, math.sqrt(early * (count - early) * (count + 1) / 12.0)
    return spread > 0 and abs(float(ranks[:early].sum()) - mean) > _ODD_SCORE * spread
