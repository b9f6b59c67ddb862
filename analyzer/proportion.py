"""What a count of losses says about the true rate, and Student's t.

Source: Clopper, Pearson, Biometrika 26 (1934); the incomplete beta function as a continued fraction, Lentz's method
(DLMF 8.17.22).
"""

from __future__ import annotations

import math

_TINY = 1e-300
_STEPS = 100_000
"""The fraction takes about sqrt(n) terms; this is enough for 10^10 slots."""


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function ``I_x(a, b)`` for positive `a` and `b`.

    >>> round(beta_cdf(0.5, 2.0, 2.0), 12)
    0.5
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            result *= c * d
        if abs(c * d - 1.0) < 1e-14:
            return result
    return result


def clopper_pearson(events: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a proportion: (low, high) of ``events / trials``.

    >>> [round(limit, 6) for limit in clopper_pearson(0, 100)]
    [0.0, 0.036217]

    Raises:
        ValueError: no trials, or more events than trials.
    """
    if not 0 <= events <= trials or trials == 0:
        raise ValueError(f"{events} of {trials} is no proportion")
    tail = (1.0 - confidence) / 2.0
    # P(X >= events | p) = I_p(events, n - events + 1); P(X <= events | p) = 1 - I_p(events + 1, n - events).
    low = 0.0 if events == 0 else _solve(events, trials - events + 1, tail)
    high = 1.0 if events == trials else _solve(events + 1, trials - events, 1.0 - tail)
    return low, high


def student(tail: float, degrees: float) -> float:
    """The t that Student's distribution exceeds, on either side, with probability `tail`.

    >>> round(student(0.05, 10.0), 3)
    2.228

    Raises:
        ValueError: no probability, or no degrees of freedom.
    """
    if not (0.0 < tail < 1.0 and degrees > 0.0):
        raise ValueError(f"t has no quantile for {tail} with {degrees} degrees of freedom")
    # P(|T| > t) = I_x(v/2, 1/2) with x = v / (v + t^2), DLMF 8.17 and Abramowitz-Stegun 26.7.1.
    x = _solve(degrees / 2.0, 0.5, tail)
    return math.sqrt(degrees * (1.0 - x) / x) if x > 0.0 else math.inf


def _solve(a: float, b: float, level: float) -> float:
    """The p with ``I_p(a, b) = level``, by bisection on a rising function."""
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2.0
        if beta_cdf(middle, a, b) < level:
            low = middle
        else:
            high = middle
        if high - low <= 1e-10 * high:
            break
    return (low + high) / 2.0
