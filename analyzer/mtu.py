"""The path MTU of every probed path, from the searches that its sender made. A row with an impossible size is not used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analyzer.columns import Floats, numbers
from analyzer.contract import PathMtu
from analyzer.frames import NodeData
from collector.contract import State
from collector.plan import Plan, PlannedPath

_LEAST_B, _MOST_B = 68.0, 65_536.0
"""Of any IP packet, and of any interface."""


def path_mtus(plan: Plan, nodes: Mapping[str, NodeData]) -> dict[str, PathMtu]:
    """Every probed path by name, whether or not its MTU was found."""
    return {path.name: _path_mtu(path, plan, nodes.get(path.source)) for path in plan.paths()}


def _path_mtu(path: PlannedPath, plan: Plan, node: NodeData | None) -> PathMtu:
    frame = node.tables.get("pmtu") if node is not None else None
    found = _found(frame, path.name)
    sizes, nics, told = (column[np.isfinite(column)] for column in found.T)
    return PathMtu(
        path=path.name,
        source=path.source,
        target=path.target,
        network=path.network,
        wan=plan.is_wan(path.source, path.target),
        searches=len(sizes),
        size_B=int(sizes.min()) if len(sizes) else None,
        largest_B=int(sizes.max()) if len(sizes) else None,
        nic_B=int(nics[-1]) if len(nics) else None,
        told_B=int(told.min()) if len(told) else None,
        reason="" if len(sizes) else _reason(path, node),
    )


def _found(frame: pd.DataFrame | None, path: str) -> Floats:
    """(size, the interface's MTU, what a router named) of the searches that came to an end, in order of time."""
    if frame is None or "path" not in frame:
        return np.empty((0, 3))
    rows = frame[(frame["path"] == path) & (numbers(frame, "flag") == 0)]
    values = np.column_stack([numbers(rows, name) for name in ("t_us", "size_B", "nic_B", "told_B")])
    values = values[np.argsort(values[:, 0], kind="stable")][:, 1:]
    sizes: Floats = np.where((values >= _LEAST_B) & (values <= _MOST_B), values, np.nan)
    return sizes[np.isfinite(sizes[:, 0])]


def _reason(path: PlannedPath, node: NodeData | None) -> str:
    """Why it is not known: what the sender told longest that was not good."""
    if node is None:
        return f"no archive of node {path.source} was given"
    told = [
        part
        for outcome in node.story.outcomes
        if outcome.probe == f"pmtu {path.name}"
        for part in outcome.intervals
        if part.state is not State.OK
    ]
    why = max(told, key=lambda part: part.to_us - part.from_us).reason if told else ""
    return why or f"node {path.source} recorded no search for it"
