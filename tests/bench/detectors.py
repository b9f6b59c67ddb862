"""How long the replay of a day takes: 24 h at 5 Hz, twelve directed paths, every detector's whole grid of settings.

    python tests/bench/detectors.py [PATHS]

Traces are made here: round trips with a tail, lone losses (1 in 1,000), short bursts, a dozen outages of up to a minute, answers that were held
up, pauses of the machines. Beside the replay runs the plain way, one heartbeat at a time in Python, on one path and a few settings, once per setting
as a reader would write it; its time is scaled to as many settings and paths. One path has 1 % lone losses, to show what that costs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from traces import naive_addp, naive_kmiss, naive_silence

from analyzer.detectors import accrual, addp, freshness, kmiss, silence, token_ring, vrrp
from analyzer.detectors.episodes import all_of, any_of
from analyzer.detectors.trace import PathTrace, over_tcp, paused, regular

PERIOD_S, DAY_S = 0.2, 86400.0
SLOTS = round(DAY_S / PERIOD_S)

BEATS = kmiss.grid((1, 1.5, 2, 3, 4, 5, 6, 10, 15, 20), (0.5, 1, 2, 5, 10, 20), range(1, 11))
TIMERS = [
    *(silence.Timer(interval, interval * float(factor)) for interval in (1, 2, 5, 10) for factor in np.arange(2, 32)),
    *(silence.Timer(0.5, float(election)) for election in np.arange(2.5, 50, 0.5)),
    *(token_ring.Totem(token, nodes).timer for token in range(2000, 30_001, 500) for nodes in (2, 3)),
    *(vrrp.Router(2, advert, priority).timer for advert in range(1, 21) for priority in (100, 150, 254)),
]
POLLS = [addp.Poll(idle, wait) for idle in range(10, 61) for wait in (idle / 2, idle, 2 * idle)]
EQUAL = [addp.Poll(timeout, timeout) for timeout in range(5, 305)]
PHIS = [accrual.Phi(shape, phi, 1.0) for shape in accrual.Shape for phi in (1, 2, 4, 8, 12, 16)]
FRESH = [freshness.Freshness(1.0, float(delta)) for delta in np.arange(1, 31)]


def day(seed: int, loss: float = 0.001) -> PathTrace:
    random = np.random.default_rng(seed)
    delay = 0.02 + random.exponential(0.002, SLOTS) + 0.05 * random.pareto(3.0, SLOTS) * (random.random(SLOTS) < 0.01)
    lost = random.random(SLOTS) < loss
    for start in random.integers(0, SLOTS, 12):
        lost[start : start + int(random.integers(2, 300))] = True
    for start in random.integers(0, SLOTS - 200, 6):
        rows = np.arange(start, start + int(random.integers(5, 100)))
        delay[rows] = (rows[-1] + 1 - rows) * PERIOD_S
    stalls = [(float(at), float(at) + 1.0) for at in random.uniform(0, DAY_S, 5)]
    return paused(regular(f"path {seed}", PERIOD_S, delay, lost=np.flatnonzero(lost)), stalls[:3], stalls[3:])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def replayed(trace: PathTrace) -> dict[str, tuple[int, float, Any]]:
    """Settings, seconds and result of every detector on one path."""
    seconds, (used, idle) = timed(lambda: (over_tcp(trace, 0.3), over_tcp(trace, 0.3, in_order=False)))
    found: dict[str, tuple[int, float, Any]] = {"what TCP makes of it": (2, seconds, None)}
    for name, settings, work in (
        ("k misses", BEATS, lambda: kmiss.replay(trace, BEATS)),
        ("silence timers", TIMERS, lambda: silence.replay(trace, TIMERS)),
        ("silence timers over TCP", TIMERS, lambda: silence.replay(used, TIMERS)),
        ("ADDP, idle link", EQUAL + POLLS, lambda: addp.replay(idle, EQUAL + POLLS)),
        ("ADDP, busy link", EQUAL, lambda: addp.busy(used, EQUAL, 1.0)),
        ("phi accrual", PHIS, lambda: accrual.replay(trace, PHIS)),
        ("freshness points", FRESH, lambda: freshness.replay(trace, FRESH)),
    ):
        seconds, result = timed(work)
        found[name] = (len(settings), seconds, result)
    return found


def main() -> None:
    paths = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    traces = [day(seed) for seed in range(paths)]
    runs = [replayed(trace) for trace in traces]
    print(f"{paths} paths of {SLOTS:,} slots (24 h at {1 / PERIOD_S:g} Hz), all phases; seconds of one core")
    print(f"{'detector':26} {'settings':>8} {'per path':>9} {'all paths':>10}")
    total_s, settings = 0.0, 0
    for name in runs[0]:
        seconds = sum(run[name][1] for run in runs)
        count = runs[0][name][0]
        total_s, settings = total_s + seconds, settings + (count if runs[0][name][2] is not None else 0)
        print(f"{name:26} {count:8} {seconds / paths:9.3f} {seconds:10.2f}")
    seconds, _ = timed(
        lambda: [
            combine([run[name][2].spans for run in runs[:4]])
            for name in ("k misses", "silence timers")
            for combine in (all_of, any_of)
        ]
    )
    print(f"{'four paths combined':26} {'':8} {'':9} {seconds:10.2f}")
    print(f"{'together':26} {settings:8} {total_s / paths:9.3f} {total_s + seconds:10.2f}")

    lossy = replayed(day(99, loss=0.01))
    print(f"{'one path with 1 % loss':26} {'':8} {sum(item[1] for item in lossy.values()):9.3f}")

    trace, idle = traces[0], over_tcp(traces[0], 0.3, in_order=False)
    print("\none heartbeat at a time in Python, one path, one setting")
    for name, plain, per_setting_s in (
        ("k misses", lambda: naive_kmiss(trace, 1.0, 1.0, 3), runs[0]["k misses"]),
        ("silence timers", lambda: naive_silence(trace, 1.0, 3.0), runs[0]["silence timers"]),
        (
            "ADDP, idle link",
            lambda: [naive_addp(idle, 10.0, 10.0, at) for at in np.arange(0, 10, PERIOD_S)],
            runs[0]["ADDP, idle link"],
        ),
    ):
        seconds, _ = timed(plain)
        count, replay_s, _ = per_setting_s
        whole = f"{count} settings {seconds * count:,.0f} s against {replay_s:.3f} s"
        print(f"{name:26} {seconds:8.3f} s; {whole}: ratio {seconds * count / replay_s:,.0f}")


if __name__ == "__main__":
    main()
