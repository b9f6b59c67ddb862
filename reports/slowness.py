"""Why answers were slow, per path: what the network section says about late answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.contract import Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import MOST, excerpt
from reports.texts import each, say, word


def slowness_blocks(timings: Sequence[Timing]) -> Iterator[Block]:
    """Causes of the answers that came 20 ms later than the median one; those of the worst paths first."""
    slow = [item for item in timings if item.slow]
    if not slow:
        yield Paragraph(say("No answer came more than 20 ms later than the usual one of its path."))
        return
    if len(slow) > MOST:
        slow.sort(key=lambda item: -max(one.longest_s for one in item.slow))
    yield Paragraph(
        say(
            "Answers that came more than 20 ms later than the usual one, counted from when the probe was due. Kernel stamps split "
            "each delay; the part that grew most is named. A machine that waits for a CPU has too little of it; one that "
            "could run and did not was stopped: its hypervisor ran others, or took a snapshot."
        )
    )
    yield from excerpt(
        Table(
            each("Path", "Network", "Cause", "Answers", "Slowest"),
            tuple(
                (
                    figures.direction(item.source, item.target),
                    figures.network(item.network, wan=item.wan),
                    word(one.cause),
                    say(
                        "{count} of {count2}",
                        count=figures.count(one.slots),
                        count2=figures.count(item.answered + item.loaded.samples),
                    ),
                    figures.milliseconds(one.longest_s),
                )
                for item in slow
                for one in item.slow
            ),
            (28, 18, 28, 16, 10),
            say("Slow answers and their causes"),
            numeric=(3, 4),
        )
    )
