"""A collector for the fault matrix: short segments, clocks that are set, probes that misbehave; otherwise as `haready collect`.

python tests/fault_driver.py '{"plan": ..., "node": ..., "out": ..., "seconds": ..., "segment_s": ..., "resume": ..., "step_s": ..., "probes": [...]}'
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import collector.probes
from collector import again
from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.display import Display
from collector.errors import OperatorError
from collector.machine import PsutilHost, SystemClock
from collector.plan import load, load_key
from collector.plugins import discover
from collector.supervisor import Job, Supervisor

STEP_AT_S = 6.0


class SteppedClock(SystemClock):
    """Somebody sets the time of day six seconds after the start."""

    def __init__(self, step_s: float) -> None:
        at_ns, step_ns = time.monotonic_ns() + round(STEP_AT_S * 1e9), round(step_s * 1e9)
        # An attribute, for the class has a static method of that name.
        self.realtime_ns = lambda: time.time_ns() + (step_ns if time.monotonic_ns() >= at_ns else 0)  # type: ignore[method-assign]


Ticks = Iterator[Batch | Facts | None]


def raises(_env: Env) -> Ticks:
    raise ValueError("a bug")
    yield None


def hangs(env: Env) -> Ticks:
    yield Batch("hangs", (), env.clock.monotonic_ns(), (1,))
    yield None
    time.sleep(3600)
    yield None


def greedy(env: Env) -> Ticks:
    yield Batch("greedy", (), env.clock.monotonic_ns(), (1,))
    yield None
    re.match(r"(a+)+$", "a" * 40 + "b")  # keeps the interpreter's lock for ever
    yield None


def floods(env: Env) -> Ticks:
    numbers = random.Random(1)
    while True:
        for _ in range(2000):
            yield Batch("floods", (), env.clock.monotonic_ns(), (numbers.getrandbits(62),))
        yield None


BODIES = {body.__name__: body for body in (raises, hangs, greedy, floods)}


def main() -> int:
    asked = json.loads(sys.argv[1])
    path, node, folder = Path(asked["plan"]), asked["node"], Path(asked["out"])
    plan = load(path)
    clock = SteppedClock(asked["step_s"]) if asked.get("step_s") else SystemClock()
    before = again.find(folder, plan, node, print) if asked.get("resume") else None
    planned_s = asked["seconds"] if before is None else before.planned_us / 1e6
    job = Job(plan, node, load_key(path, plan), folder, planned_s, "0", "faults", asked.get("segment_s", 600.0), before)
    probes = None
    if asked.get("probes"):
        counter = (Metric("n", "1", Kind.COUNTER),)
        probes = [
            *discover(collector.probes, "PROBE"),
            *(
                Probe(name, (Table(name, counter),), BODIES[name], period_s=1.0, deadline_s=3.0)
                for name in asked["probes"]
            ),
        ]
    try:
        result = Supervisor(job, clock, PsutilHost(), Display(node, quiet=False).event, probes).run(lambda _: None)
    except OperatorError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return error.code
    return 6 if result.early else 0


if __name__ == "__main__":
    sys.exit(main())
