"""Customs of single products that change how a site is judged: what one asks for is right nowhere else."""

from __future__ import annotations

from typing import Final

from collector.plan import NetworkKind, Phase, Plan

NEVERFAIL: Final = "neverfail"


def neverfail(plan: Plan) -> bool:
    """Whether the plan names Neverfail."""
    return any(stack.name.lower() == NEVERFAIL for stack in plan.stacks)


def neverfail_runs(plan: Plan) -> bool:
    """Whether Neverfail is running already: its nodes are clones, and all carry the public address by design."""
    return plan.phase is Phase.LIVE and neverfail(plan)


def shares_public(plan: Plan, network: str) -> bool:
    """Whether one address of that network belongs on several nodes: the passive node's is masked by a packet filter."""
    return neverfail_runs(plan) and plan.network(network).kind is NetworkKind.PUBLIC
