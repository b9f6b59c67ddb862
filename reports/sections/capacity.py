"""Replication and the work of two nodes on one: what the cluster will ask of lines and machines.

What: For every path that replication takes in any state of the chain, the measured writes replayed through the measured bandwidth: backlog,
    recovery point, time to be in step again after an outage, time of a full copy; then for every node the load of another one on top of its own.
Why HA: A line that is too thin loses data at the failover, a machine that is too weak loses the service after it. Both are fine until that day.
How: The figures come from the assessment (docs/method.md). Without a stated compression none is counted on; what is not known is a question
    with the name of who can answer it. Charts show the fullest path within a site and the fullest one between sites.
Source: Replications, headrooms and their traces in the assessment.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment
from reports.contract import Block, Heading, Section
from reports.headroom import headroom_blocks
from reports.replication import replication_blocks
from reports.texts import say


def _build(assessment: Assessment) -> Iterator[Block]:
    yield Heading(say("What replication asks of the lines"), 2)
    yield from replication_blocks(assessment)
    yield Heading(say("The work of both nodes on one"), 2)
    yield from headroom_blocks(assessment)


SECTION = Section("capacity", "Replication and failover load", 35, _build)
