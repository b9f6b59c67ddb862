"""How slow an answer can get beyond what was seen: peaks over a threshold, with the guards without which the figure misleads.

Above a high threshold u excesses follow a generalised Pareto law of shape xi and scale sigma. Slow answers come in clusters, so only the largest of each
counts; the intervals estimator tells how many clusters there are (extremal index theta). The level exceeded once in M days is
``z = u + sigma / xi ((lambda M)^xi - 1)`` for lambda clusters a day, with the interval of the profile likelihood (90 % two-sided, so its upper end
holds at 95 %; never a symmetric one).

Guards. Fewer than 50 clusters: no figure. xi of 0.5 and more: unreliable, and said so; of 1 and more: no figure. No level beyond ten times the measured window. A fit
that the Anderson-Darling test refuses, or no stable threshold between the 95 % and 99.5 % quantile: no figure. Recorded steps (a quantum) are blurred first.
Hours that differ from one another are fitted apart, and the worst governs. The result is never below what was seen. Losses are no slow answers:
outages have a law of their own.

The model errs in both directions (with 13 clusters of a public trace the 95 % level was 612 ms, and 775 ms came; isolated spikes gave 2 to 4 s, and 0.41 s
came). It informs, and alone sets no timeout.

Source: Coles, An Introduction to Statistical Modeling of Extreme Values, 2001 (chapters 4 and 5); Ferro, Segers, J. R. Stat. Soc. B 65 (2003) 545-556;
Grimshaw, Technometrics 35 (1993) (likelihood in one parameter); Hosking, Wallis, Technometrics 29 (1987) (weighted moments). Guards: design values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.detectors.episodes import HOUR_S

FEWEST = 50
HEAVY = 0.5
ABSURD = 1.0
HORIZON = 10.0
"""Largest ratio of a level's period to the measured window."""

_LEVELS = np.linspace(0.95, 0.995, 10)
_DEVIANCE = 2.705543
"""90 % quantile of chi-square with one degree of freedom."""
_REFUSED = 0.05
_REPLICATES = 199
_MOST = 5000
"""Clusters above which a higher threshold is taken: it lies nearer to the tail, and so many give nothing but work."""
_DAY_S = 86400.0
_MADS = 3.0


@dataclass(frozen=True, slots=True)
class Pareto:
    """Shape and scale of the excesses, and their log-likelihood."""

    xi: float
    sigma: float
    likelihood: float


Fit = tuple[float, Floats, float, Pareto]
"""Threshold, largest values of the clusters above it, extremal index and law of the excesses."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level that is exceeded once in `days`: estimate, and upper end at 95 %, never below the largest value seen.

    `caution`: what stands beside the figure, "" if nothing.
    """

    days: float
    value: float
    high: float
    threshold: float
    clusters: int
    theta: float
    xi: float
    sigma: float
    caution: str


@dataclass(frozen=True, slots=True)
class NoLevel:
    """Why there is no figure."""

    reason: str


def extremal_index(gaps: npt.NDArray[np.int64]) -> float:
    """Intervals estimator: one over the mean size of a cluster, from the gaps between exceedances. NaN without a gap.

    >>> extremal_index(np.array([1, 1, 1]))
    1.0
    >>> round(extremal_index(np.array([1, 1, 100, 1, 1, 200])), 2)
    0.6
    """
    if not len(gaps):
        return math.nan
    gap = gaps.astype(np.float64)
    shift = 0.0 if gap.max() <= 2 else 1.0
    below = float(((gap - shift) * (gap - 2.0 * shift)).sum())
    return min(1.0, 2.0 * float((gap - shift).sum()) ** 2 / (len(gap) * below)) if below > 0 else 1.0


def cluster_peaks(values: Floats, threshold: float) -> tuple[Floats, float]:
    """(the largest value of every cluster above the threshold, extremal index). Place counts, so values come in order of time."""
    place = np.flatnonzero(values > threshold)
    return peaks_at(place, values[place])


def peaks_at(place: npt.NDArray[np.int64], values: Floats) -> tuple[Floats, float]:
    """The same of values that stand at these places, in rising order, and nothing between them."""
    if len(place) < 2:
        return values, math.nan
    gaps = np.diff(place)
    theta = extremal_index(gaps)
    count = min(int(theta * len(place)) + 1, len(place))
    # The C - 1 largest gaps part C clusters; those as long as the C-th belong inside.
    apart = np.zeros(len(gaps), np.bool_)
    if count > 1:
        limit = np.sort(gaps)[::-1][min(count - 1, len(gaps) - 1)]
        apart = gaps > limit if count <= len(gaps) else np.ones(len(gaps), np.bool_)
    starts = np.append(0, np.flatnonzero(apart) + 1)
    peaks: Floats = np.maximum.reduceat(values, starts)
    return peaks, theta


def fit(excess: Floats) -> Pareto:
    """Maximum likelihood for excesses above 0, shape above -1; weighted moments where the likelihood has no maximum inside.

    Raises:
        ValueError: fewer than two different excesses.
    """
    if len(excess) < 2 or not excess.max() > 0:
        raise ValueError("no tail can be fitted to less than two excesses")
    mean = float(excess.mean())
    y = excess / mean
    # One parameter tau = xi / sigma; the shape is then the mean of log(1 + tau y).
    low = -1.0 / float(y.max())
    grid = np.concatenate([low * (1.0 - np.logspace(-6, -0.01, 60)), np.logspace(-4, 2, 100)])
    for _ in range(3):
        grid = np.sort(grid[np.abs(grid) > 1e-9])
        values = _profile(grid, y)
        best = int(np.argmax(values))
        left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        tau, top = float(grid[best]), float(values[best])
        grid = np.linspace(left, right, 60)
    xi = float(np.log1p(tau * y).mean())
    exponential = -float(len(y))
    if exponential >= top:
        return Pareto(0.0, mean, exponential - len(y) * math.log(mean))
    if xi <= -0.99:
        return moments(excess)
    return Pareto(xi, xi / tau * mean, top - len(y) * math.log(mean))


def _profile(tau: Floats, y: Floats) -> Floats:
    xi = np.log1p(tau[:, None] * y).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = -len(y) * (np.log(xi / tau) + xi + 1.0)
    result: Floats = np.where((xi > -1.0) & np.isfinite(value), value, -np.inf)
    return result


def moments(excess: Floats) -> Pareto:
    """Probability-weighted moments."""
    xi, sigma = _moments(np.sort(excess)[None, :])
    z = 1.0 + xi[0] * excess / sigma[0]
    value = -math.inf
    if (z > 0).all():
        value = -len(excess) * math.log(float(sigma[0])) - float(np.log(z).sum()) * (
            1.0 + 1.0 / (float(xi[0]) or 1e-12)
        )
    return Pareto(float(xi[0]), float(sigma[0]), value)


def _moments(ordered: Floats) -> tuple[Floats, Floats]:
    """Of each row, in rising order."""
    n = ordered.shape[1]
    weight = (n - 1 - np.arange(n)) / (n - 1)
    first, second = ordered.mean(axis=1), (weight * ordered).mean(axis=1)
    share = first / np.maximum(first - 2.0 * second, 1e-12)
    return 2.0 - share, 2.0 * first * second / np.maximum(first - 2.0 * second, 1e-12)


def anderson_darling(excess: Floats, seed: int = 1) -> float:
    """Chance that a Pareto tail fits worse than this one does, from tails simulated and fitted alike (weighted moments)."""
    ordered = np.sort(excess)[None, :]
    xi, sigma = _moments(ordered)
    random = np.random.default_rng(seed)
    uniform = random.random((_REPLICATES, ordered.shape[1]))
    shape = float(xi[0])
    drawn = sigma[0] * (np.expm1(-shape * np.log(uniform)) / shape if abs(shape) > 1e-9 else -np.log(uniform))
    simulated = np.sort(drawn, axis=1)
    statistic, others = _statistic(ordered), _statistic(simulated)
    return float((others >= statistic[0]).sum() + 1) / (_REPLICATES + 1)


def _statistic(ordered: Floats) -> Floats:
    xi, sigma = _moments(ordered)
    n = ordered.shape[1]
    z = np.maximum(1.0 + xi[:, None] * ordered / sigma[:, None], 1e-300)
    with np.errstate(divide="ignore"):
        tail = np.where(np.abs(xi[:, None]) > 1e-9, np.log(z) / xi[:, None], ordered / sigma[:, None])
    # log(1 - F) is -tail; F itself from it.
    upper = -np.clip(tail, 1e-12, 700.0)
    lower = np.log(-np.expm1(upper))
    weight = 2.0 * np.arange(1, n + 1) - 1.0
    result: Floats = -n - (weight * (lower + upper[:, ::-1])).sum(axis=1) / n
    return result


def return_level(u: float, pareto: Pareto, expected: float) -> float:
    """The level exceeded once among so many clusters."""
    if abs(pareto.xi) < 1e-9:
        return u + pareto.sigma * math.log(expected)
    return u + pareto.sigma * math.expm1(pareto.xi * math.log(expected)) / pareto.xi


def upper_level(u: float, peaks: Floats, expected: float) -> float:
    """Upper end of the profile likelihood's interval of that level; infinite where the likelihood does not fall."""
    best = fit(peaks - u)
    estimate = return_level(u, best, expected)
    # Eight standard errors of the shape to either side hold all that the profile needs.
    reach = max(0.25, 8.0 * (1.0 + best.xi) / math.sqrt(len(peaks)))
    shapes = np.append(np.linspace(max(best.xi - reach, -0.95), best.xi + reach, 80), best.xi)
    shapes = shapes[np.abs(shapes) > 1e-6]
    y = peaks - u
    growth = np.expm1(shapes * math.log(expected)) / shapes

    def likelihood(level: float) -> float:
        sigma = (level - u) / growth
        ratio = shapes / sigma
        safe = 1.0 + ratio * float(y.max()) > 0
        if not safe.any():
            return -math.inf
        logs = np.log1p(np.multiply.outer(ratio[safe], y)).sum(axis=1)
        return float((-len(y) * np.log(sigma[safe]) - (1.0 + 1.0 / shapes[safe]) * logs).max())

    low, high = estimate, estimate + (estimate - u)
    for _ in range(40):
        if 2.0 * (best.likelihood - likelihood(high)) > _DEVIANCE:
            break
        low, high = high, u + 2.0 * (high - u)
    else:
        return math.inf
    for _ in range(40):
        middle = (low + high) / 2.0
        if 2.0 * (best.likelihood - likelihood(middle)) > _DEVIANCE:
            high = middle
        else:
            low = middle
        if high - low < 1e-4 * (high - u):
            break
    return high


def level(
    values: Floats, exposure_s: float, days: float, *, at_s: Floats | None = None, quantum: float = 0.0, seed: int = 1
) -> Level | NoLevel:
    """The level that values, in order of time, exceed once in `days`, or why there is no such figure.

    `exposure_s`: how long was measured; `quantum`: the step in which values were recorded; `at_s`: their times, to tell hours apart.
    """
    if not exposure_s > 0 or days * _DAY_S > HORIZON * exposure_s:
        return NoLevel(f"{days:g} days are more than {HORIZON:g} times what was measured")
    values = values[np.isfinite(values)] if at_s is None else values
    if at_s is not None:
        at_s, values = at_s[np.isfinite(values)], values[np.isfinite(values)]
    if len(values) < 20 * FEWEST:
        return NoLevel(f"{len(values)} values are too few for {FEWEST} clusters above their 95 % quantile")
    seen = float(values.max())
    blurred = values + np.random.default_rng(seed).uniform(-0.5, 0.5, len(values)) * quantum if quantum else values
    parts = [blurred] if at_s is None else regimes(at_s, blurred)
    found = [_level(part, exposure_s * len(part) / len(values), days, seen, seed) for part in parts]
    refused = [item for item in found if isinstance(item, NoLevel)]
    if refused:
        hour = " in one of the hours, which differ" if len(parts) > 1 else ""
        return NoLevel(refused[0].reason + hour)
    return max((item for item in found if isinstance(item, Level)), key=lambda item: item.high)


def regimes(at_s: Floats, values: Floats) -> list[Floats]:
    """The values of each hour apart where the hours' medians differ by more than three median deviations; else all together."""
    hour = np.floor(at_s / HOUR_S).astype(np.int64)
    parts = [values[hour == one] for one in np.unique(hour)]
    whole = [part for part in parts if len(part) >= 20 * FEWEST]
    medians = np.array([np.median(part) for part in whole])
    deviation = float(np.median(np.abs(values - np.median(values))))
    differ = len(whole) > 1 and float(medians.max() - medians.min()) > _MADS * deviation
    return whole if differ else [values]


def _level(values: Floats, exposure_s: float, days: float, seen: float, seed: int) -> Level | NoLevel:
    fits: list[Fit] = []
    for quantile in _LEVELS:
        u = float(np.quantile(values, quantile))
        peaks, theta = cluster_peaks(values, u)
        if len(peaks) < FEWEST or not np.ptp(peaks) > 0:
            break
        if len(peaks) > _MOST and quantile < _LEVELS[-1]:
            continue
        fits.append((u, peaks, theta, fit(peaks - u)))
    if not fits:
        return NoLevel(f"fewer than {FEWEST} clusters of slow values")
    return chosen(fits, lambda clusters: clusters / exposure_s * days * _DAY_S, days, seen, seed)


def chosen(
    fits: list[Fit], expected_of: Callable[[int], float], days: float, seen: float, seed: int = 1
) -> Level | NoLevel:
    """The level by the lowest threshold from which on the tail is stable and fits. `expected_of`: how many clusters `days` hold, of so many seen."""
    for place, (u, peaks, theta, pareto) in enumerate(fits):
        if not _stable(fits[place:]):
            continue
        if pareto.xi >= ABSURD:
            # Before the test: its weighted moments do not exist for such a tail.
            return NoLevel(f"the tail is too heavy to extrapolate (xi = {pareto.xi:.2f})")
        if anderson_darling(peaks - u, seed) >= _REFUSED:
            expected = expected_of(len(peaks))
            if expected <= 1.0:
                return NoLevel(f"{days:g} days hold less than one cluster")
            high = upper_level(u, peaks, expected)
            if not math.isfinite(high):
                return NoLevel("the interval of the level has no upper end")
            caution = "heavy tail, extrapolation unreliable" if pareto.xi >= HEAVY else ""
            estimate = return_level(u, pareto, expected)
            return Level(days, estimate, max(high, seen), u, len(peaks), theta, pareto.xi, pareto.sigma, caution)
    return NoLevel("no threshold above which the tail is stable and fits")


def _stable(fits: list[Fit]) -> bool:
    """Whether shape and threshold-free scale stay within two standard errors of the first fit's at all higher thresholds."""
    u, peaks, _, first = fits[0]
    error = (1.0 + max(first.xi, -0.5)) / math.sqrt(len(peaks))
    scale = first.sigma - first.xi * u
    for above, higher, _, other in fits[1:]:
        wide = 2.0 * (error + (1.0 + max(other.xi, -0.5)) / math.sqrt(len(higher)))
        if abs(other.xi - first.xi) > wide or abs(other.sigma - other.xi * above - scale) > wide * (
            first.sigma + abs(above)
        ):
            return False
    return True
