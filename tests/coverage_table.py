"""How often the bound from one window covers the true rate, on simulated years. Prints the table of docs/method.md.

    python tests/coverage_table.py

Three processes of outages, four to six a day in the mean: independent; clustered (storms, three in five days, of about ten outages within
half a day); heavy-tailed (times between outages of Pareto shape 1.5, so that their spread has no bound). A block of an hour with an outage
is an incident. The truth is the rate over all the years; windows are drawn from them without overlap.

And how often the model of the tails gives a figure from one day, and covers the silence that is reached once in seven.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import numpy as np

from analyzer.detectors.incidents import upper_count
from analyzer.detectors.interruptions import level
from analyzer.detectors.tails import Level

PROCESSES = ("independent", "clustered", "heavy-tailed")
WINDOWS_DAYS = (1, 7, 30)
WINDOWS = 4000
DAYS = WINDOWS * 30
COVERAGE = "| process (simulated) | 1 day | 7 days | 30 days | days without an incident |"


@cache
def hours(process):
    """Which hours of the years contain an incident."""
    random = np.random.default_rng(20261121)
    if process == "independent":
        times = random.uniform(0, DAYS, round(4 * DAYS))
    elif process == "clustered":
        storms = random.uniform(0, DAYS, round(DAYS * 0.6))
        size = random.geometric(0.1, len(storms))
        times = np.repeat(storms, size) + random.exponential(0.25, int(size.sum()))
    else:
        gaps = random.pareto(1.5, round(5 * DAYS)) + 1.0
        times = np.cumsum(gaps * (0.25 / 3.0))
    found = np.zeros(DAYS * 24, dtype=bool)
    found[(times[times < DAYS] * 24).astype(int)] = True
    return found


@cache
def coverage(process, days):
    """Share of windows whose 95 % bound covers the truth."""
    blocks = hours(process)
    per_day = blocks.mean() * 24
    counts = blocks.reshape(WINDOWS, -1)[:, : days * 24].sum(axis=1)
    return float(np.mean([upper_count(int(count)) / days >= per_day for count in counts]))


def rows():
    """The table's rows."""
    for process in PROCESSES:
        clean = float((hours(process).reshape(DAYS, 24).sum(axis=1) == 0).mean())
        shares = " | ".join(f"{coverage(process, days):.1%}" for days in WINDOWS_DAYS)
        yield f"| {process} | {shares} | {clean:.0%} |"


TAILS = "| law of the silences (simulated) | silences a day | no figure | figure covers the truth |"
TAIL_WINDOWS = 100
_LEAST_S, _STEP_S, _AHEAD_DAYS = 0.61, 0.2, 7.0
LAWS = {
    "exponential": (lambda random, n: 0.4 + random.exponential(1.0, n), lambda m: 0.4 + np.log(m)),
    "exponential, from 2 s on": (lambda random, n: 2.0 + random.exponential(1.0, n), lambda m: 2.0 + np.log(m)),
    "uniform": (lambda random, n: random.uniform(0.6, 3.0, n), lambda m: 3.0 - 2.4 / m),
    "lognormal, spread 0.8": (
        lambda random, n: random.lognormal(0.0, 0.8, n),
        lambda m: np.exp(0.8 * NormalDist().inv_cdf(1.0 - 1.0 / m)),
    ),
    "Pareto, shape 0.2": (
        lambda random, n: 0.5 + (random.random(n) ** -0.2 - 1.0) / 0.2,
        lambda m: 0.5 + (m**0.2 - 1.0) / 0.2,
    ),
    "Pareto, shape 0.8": (
        lambda random, n: 0.5 + (random.random(n) ** -0.8 - 1.0) / 0.8,
        lambda m: 0.5 + (m**0.8 - 1.0) / 0.8,
    ),
}
"""How long silences are, and what is exceeded once among m of them."""


@cache
def tail(law, per_day, storms=False):
    """(windows with a figure, of these windows that cover the truth): the silence reached once in seven days, from one day each."""
    lengths, truth = LAWS[law]
    told = covered = 0
    for seed in range(TAIL_WINDOWS):
        random = np.random.default_rng(seed)
        count = random.poisson(per_day)
        if storms:
            at_s = np.clip(
                np.repeat(random.uniform(0, 86400, count // 10 + 1), 10)[:count] + random.exponential(900, count),
                0,
                86399,
            )
        else:
            at_s = random.uniform(0, 86400, count)
        # Probes tell a length to one period.
        length_s = np.floor(lengths(random, count) / _STEP_S + random.random(count)) * _STEP_S
        seen = length_s > _LEAST_S
        found = level(at_s[seen], length_s[seen], _LEAST_S, _STEP_S, 86400.0, _AHEAD_DAYS, seed=seed)
        if isinstance(found, Level):
            told += 1
            covered += found.high >= truth(per_day * _AHEAD_DAYS)
    return told, covered


def tail_rows():
    """The rows of the table of tails."""
    for law, per_day, storms in [
        *((law, 200, False) for law in LAWS),
        ("exponential", 30, False),
        ("exponential", 200, True),
    ]:
        told, covered = tail(law, per_day, storms)
        share = f"{covered / told:.0%} of {told}" if told else "never told"
        name = f"{law}, in storms of ten" if storms else law
        yield f"| {name} | {per_day} | {1 - told / TAIL_WINDOWS:.0%} | {share} |"


if __name__ == "__main__":
    print(COVERAGE)
    print("| --- | --- | --- | --- | --- |")
    print(*rows(), sep="\n")
    print(TAILS)
    print("| --- | --- | --- | --- |")
    print(*tail_rows(), sep="\n")
