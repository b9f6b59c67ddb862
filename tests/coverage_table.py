"""How often the bound from one window covers the true rate, on simulated years. Prints the table of docs/method.md.

    python tests/coverage_table.py

Three processes of outages, four to six a day in the mean: independent; clustered (storms, three in five days, of about ten outages within
half a day); heavy-tailed (times between outages of Pareto shape 1.5, so that their spread has no bound). A block of an hour with an outage
is an incident. The truth is the rate over all the years; windows are drawn from them without overlap.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from analyzer.detectors.incidents import upper_count

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


if __name__ == "__main__":
    print(COVERAGE)
    print("| --- | --- | --- | --- | --- |")
    print(*rows(), sep="\n")
