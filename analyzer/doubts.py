"""What keeps the record between some nodes from carrying a claim whole, beside what stands in the traces themselves."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Timing
from analyzer.extension import StackContext
from analyzer.words import times

ODD = 0.01
"""Share of answers that came doubled or out of order from which on the path is not one path (design value)."""


def doubtful(context: StackContext) -> Iterator[str]:
    """Each lowers the class of a claim by one, all together no further."""
    if not context.asked:
        measured = {timing.path for timing in context.timings}
        for path in context.paths:
            if path.name not in measured:
                yield f"{path.name} was not measured"
    for name in context.hurt:
        yield f"a part of what {name} recorded is missing"
    for name in context.pair:
        clock = context.clocks.get(name)
        if clock is not None and clock.steps_found:
            yield f"the clock of {name} was stepped {times(clock.steps_found)}"
    for timing in context.timings:
        yield from _of_path(timing)


def _of_path(timing: Timing) -> Iterator[str]:
    changes = (timing.route_changes_there or 0) + (timing.route_changes_back or 0)
    if changes:
        yield f"the route of {timing.path} changed {times(changes)}"
    for count, what in ((timing.duplicates, "doubled"), (timing.reordered or 0, "out of order")):
        if timing.answered and count > ODD * timing.answered:
            yield f"{count / timing.answered:.1%} of the answers on {timing.path} came {what}"
