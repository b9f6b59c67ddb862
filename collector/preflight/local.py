"""All checks of this machine alone."""

from __future__ import annotations

from pathlib import Path

from collector.contract import Env, Run
from collector.machine import Clock, Host
from collector.plan import Plan
from collector.preflight.means import bandwidth, clock, data, device, icmp, realtime, timestamps
from collector.preflight.place import addresses, egress, ports
from collector.preflight.result import Check, Checker, Site
from collector.preflight.room import room

CHECKS: tuple[Checker, ...] = (
    addresses,
    ports,
    egress,
    room,
    data,
    bandwidth,
    clock,
    realtime,
    timestamps,
    device,
    icmp,
)


def site(
    plan: Plan, node: str, folder: Path, duration_s: float, host: Host, clock: Clock, root: Path = Path("/")
) -> Site:
    """What this machine is as that node."""
    env = Env(clock, host, Run("", clock.monotonic_ns(), folder), plan, plan.node(node), root)
    return Site(env, duration_s, host.inventory().get("nics", {}))


def local_checks(where: Site) -> list[Check]:
    """Every check, in the order of what matters."""
    return [check for checker in CHECKS for check in checker(where)]
