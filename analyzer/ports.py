"""Which ports were open between the nodes, from the knocks that each node recorded."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analyzer.columns import numbers
from analyzer.contract import Access, PortTest
from analyzer.frames import NodeData
from collector.plan import Plan, PlannedPort

_RESULTS = (Access.OPEN, Access.USED, Access.REFUSED, Access.FILTERED, Access.NOT_TESTED)
"""By the number that stands in the archive."""
_ORDER = tuple(Access)


def port_tests(plan: Plan, nodes: Mapping[str, NodeData]) -> tuple[PortTest, ...]:
    """Every port that the plan has tested, each way, whether or not it came about."""
    return tuple(_test(port, nodes.get(port.source)) for port in plan.ports())


def _test(port: PlannedPort, node: NodeData | None) -> PortTest:
    found = _found(node.tables.get("reach") if node is not None else None, port)
    tested = [access for access in found if access is not Access.NOT_TESTED]
    access: Access = max(tested, key=_ORDER.index) if tested else Access.NOT_TESTED
    return PortTest(
        source=port.source,
        target=port.target,
        network=port.network,
        port=port.port.name,
        stack=port.stack,
        access=access,
        tests=len(tested),
        reason="" if access is Access.OPEN else _reason(port, node),
    )


def _found(frame: pd.DataFrame | None, port: PlannedPort) -> list[Access]:
    if frame is None or "path" not in frame or "port" not in frame:
        return []
    rows = frame[(frame["path"] == port.path) & (frame["port"] == port.port.name)]
    known = {float(number): access for number, access in enumerate(_RESULTS)}
    # A number of a later version is no result that this one knows.
    return [known.get(value, Access.NOT_TESTED) for value in numbers(rows, "result").tolist()]


def _reason(port: PlannedPort, node: NodeData | None) -> str:
    if node is None:
        return f"no archive of node {port.source} was given"
    told = [outcome for outcome in node.story.outcomes if outcome.probe == f"reach {port.path} {port.port.name}"]
    if not told:
        return f"node {port.source} recorded no test of it"
    return next((part.reason for outcome in told for part in reversed(outcome.intervals) if part.reason), "")
