"""Which bandwidth tests a plan means: their order, length and limit.

The tests (`collector/peers/`) and the forecast (`collector/plan_forecast.py`) both ask here, so that what was printed is what is done.
"""

from __future__ import annotations

from collector.plan import NetworkKind, Plan, PlannedPath

SITE_TEST_S = 2
"""Length of a test within a site (design value)."""
WAN_TEST_S = 30
"""Length of a test between sites, where TCP needs many round trips to get up to speed (design value)."""
FIRST_ROUND_S = 30
"""When the first round begins, once all nodes have had time to meet (design value)."""


def why_not_tested(plan: Plan, path: PlannedPath) -> str:
    """Why no bandwidth test runs on this path; empty if one does."""
    network = plan.network(path.network)
    if not network.probe:
        return f"network {network.name!r} is not probed"
    if not network.bandwidth:
        if network.kind is NetworkKind.CHANNEL:
            return f"the plan says bandwidth = false for network {network.name!r}"
        return f"network {network.name!r} is no channel; bandwidth = true would allow it"
    if plan.bandwidth.budget_B == 0:
        return "budget_B is 0"
    if plan.is_wan(path.source, path.target) and network.rate_bps is None:
        return f"between sites only up to a stated rate, and network {network.name!r} has no rate_bps"
    return ""


def test_order(plan: Plan) -> list[PlannedPath]:
    """The paths of one round, one after the other; the two directions of a pair follow each other."""
    place = {node.name: index for index, node in enumerate(plan.nodes)}
    networks = [network.name for network in plan.networks]

    def key(path: PlannedPath) -> tuple[int, int, int, int]:
        ends = (place[path.source], place[path.target])
        return networks.index(path.network), min(ends), max(ends), ends[0]

    return sorted((path for path in plan.bandwidth_paths() if not why_not_tested(plan, path)), key=key)


def test_length_s(plan: Plan, path: PlannedPath) -> int:
    """How long one test of this path lasts."""
    if plan.bandwidth.seconds is not None:
        return plan.bandwidth.seconds
    return WAN_TEST_S if plan.is_wan(path.source, path.target) else SITE_TEST_S


def test_limit_bps(plan: Plan, path: PlannedPath) -> int | None:
    """The rate that the sender is held to; None if it is not held. Between sites never above the stated rate."""
    limits = [plan.bandwidth.cap_bps]
    if plan.is_wan(path.source, path.target):
        limits.append(plan.network(path.network).rate_bps)
    return min((limit for limit in limits if limit is not None), default=None)
