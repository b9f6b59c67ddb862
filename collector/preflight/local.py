"""All checks of this machine alone, and what `haready collect` makes of them before a long run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from collector.contract import Env, Run
from collector.errors import OperatorError
from collector.machine import Clock, Host
from collector.plan import Plan
from collector.preflight.means import bandwidth, clock, data, device, icmp, realtime, timestamps
from collector.preflight.place import addresses, egress, ports
from collector.preflight.result import Check, Checker, Level, Site
from collector.preflight.room import room

LONG_S = 3600.0
"""A run that is longer does not begin if it cannot succeed (design value)."""
_AGAIN_S = 10.0
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


class CannotSucceedError(OperatorError):
    """A long run that would be for nothing was not begun."""


def refuse_hopeless(look: Callable[[], Site], patience_s: float, tell: Callable[[str], None]) -> None:
    """Look before a long run, and again for so long while it could not succeed: at boot an address may come late.

    Raises:
        CannotSucceedError: it still cannot.
    """
    end_s = time.monotonic() + patience_s
    while True:
        checks = local_checks(look())
        failed = [check for check in checks if check.level is Level.FAIL]
        if not failed or time.monotonic() >= end_s:
            break
        tell(f"waiting, because a run cannot succeed yet: {failed[0].found}")
        time.sleep(min(_AGAIN_S, max(0.0, end_s - time.monotonic())))
    if failed:
        hint = f"{failed[0].next_step}; `haready check` shows all, --anyway begins nevertheless"
        raise CannotSucceedError("\n".join(check.found for check in failed), hint)
    names = list(dict.fromkeys(check.name for check in checks if check.level is Level.WARN))
    if names:
        tell(f"warnings of the check before the run: {', '.join(names)}; `haready check` explains them")
