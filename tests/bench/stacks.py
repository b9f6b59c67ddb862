"""How long the advice of all stacks takes for a trio with two channels: 24 h at 5 Hz, twelve directed paths.

    python tests/bench/stacks.py

Every stack is asked about whatever it has a setting for: three pairs, three nodes, or the cluster. The traces are those of `bench/detectors.py`:
tails, lone losses, bursts, outages, pauses. Printed are the seconds of each stack and of all, by the clock on the wall and of the processor; the
limit is 3 s, held against the processor's, so that it says the same on a busy machine.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from advice import STACKS, plan_of, timing_of
from detectors import day

from analyzer.contract import Scope, Subject
from analyzer.extension import Stack, StackContext
from analyzer.scenarios import resolve

LIMIT_S = 3.0


def main() -> int:
    """Print one line per stack; 1 if all together take longer than they may."""
    networks = ("ch1", "ch2")
    names = [f"{one}>{other}/{network}" for network in networks for one in "abc" for other in "abc" if one != other]
    traces = {name: replace(day(seed), path=name) for seed, name in enumerate(names)}
    timings = {name: timing_of(trace) for name, trace in traces.items()}
    total_s, total_cpu_s = 0.0, 0.0
    for stack in STACKS:
        plan = plan_of(stack, "abc", networks)
        scenarios = resolve(plan, {})
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        for nodes in _subjects(stack):
            paths = tuple(path for path in plan.paths() if {path.source, path.target} <= set(nodes))
            context = StackContext(
                plan, plan.stacks[0], Subject(stack.scope, "+".join(nodes)), nodes, True, paths,
                tuple(timings[path.name] for path in paths), scenarios,
                traces={path.name: traces[path.name] for path in paths},
                asked={"scs": traces["a>b/ch1"]} if stack.scope is Scope.NODE else {},
            )  # fmt: skip
            list(stack.recommend(context))
        took_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
        total_s, total_cpu_s = total_s + took_s, total_cpu_s + cpu_s
        print(f"{stack.name:<16} {took_s:6.2f} s, CPU {cpu_s:6.2f} s")
    print(f"{'all':<16} {total_s:6.2f} s, CPU {total_cpu_s:6.2f} s, at most {LIMIT_S:g} s")
    return int(total_cpu_s > LIMIT_S)


def _subjects(stack: Stack) -> list[tuple[str, ...]]:
    match stack.scope:
        case Scope.NODE:
            return [("a",), ("b",), ("c",)]
        case Scope.CLUSTER:
            return [("a", "b", "c")]
        case _:
            return list(combinations("abc", 2))


if __name__ == "__main__":
    sys.exit(main())
