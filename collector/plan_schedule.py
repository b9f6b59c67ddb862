"""Which bandwidth tests a plan means: their kinds, order, length and limit.

The tests (`collector/peers/`) and the forecast (`collector/plan_forecast.py`) both ask here, so that what was printed is what is done.
"""

from __future__ import annotations

from collector.plan import LoadKind, NetworkKind, Plan, PlannedPath, PlannedTest

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


def test_kinds(plan: Plan, network: str) -> list[LoadKind]:
    """The kinds of tests on a network that has any: beside the one that fills it, those whose rate the plan states."""
    load_bps, udp_bps = plan.network(network).load_bps, plan.bandwidth.udp_bps
    stated = {LoadKind.FULL: True, LoadKind.PLANNED: bool(load_bps)}
    stated[LoadKind.UDP] = bool(load_bps if udp_bps is None else udp_bps)
    return [kind for kind in LoadKind if stated[kind]]


def test_order(plan: Plan) -> list[PlannedTest]:
    """The tests of one round, one after the other; the two directions of a pair follow each other."""
    place = {node.name: index for index, node in enumerate(plan.nodes)}
    networks = [network.name for network in plan.networks]
    kinds = list(LoadKind)

    def key(test: PlannedTest) -> tuple[int, int, int, int, int]:
        ends = (place[test.source], place[test.target])
        return networks.index(test.network), min(ends), max(ends), kinds.index(test.kind), ends[0]

    paths = (path for path in plan.bandwidth_paths() if not why_not_tested(plan, path))
    return sorted(
        (
            PlannedTest(path.source, path.target, path.network, kind)
            for path in paths
            for kind in test_kinds(plan, path.network)
        ),
        key=key,
    )


def test_length_s(plan: Plan, test: PlannedTest) -> int:
    """How long one such test lasts."""
    if plan.bandwidth.seconds is not None:
        return plan.bandwidth.seconds
    return WAN_TEST_S if plan.is_wan(test.source, test.target) else SITE_TEST_S


def test_limit_bps(plan: Plan, test: PlannedTest) -> int | None:
    """The rate that the sender is held to; None if it is not held. Between sites never above the stated rate."""
    network = plan.network(test.network)
    limits = [plan.bandwidth.cap_bps]
    if plan.is_wan(test.source, test.target):
        limits.append(network.rate_bps)
    match test.kind:
        case LoadKind.PLANNED:
            limits.append(network.load_bps)
        case LoadKind.UDP:
            limits.append(network.load_bps if plan.bandwidth.udp_bps is None else plan.bandwidth.udp_bps)
        case LoadKind.FULL:
            pass
    return min((limit for limit in limits if limit is not None), default=None)
