"""Stalls that every recommended timeout has to survive although a run may not have shown one.

They are on unless the plan states that they cannot happen (``[scenario] off``); a scenario that needs a particular
network design is off unless the plan asks for it (``[scenario] on``). The lengths are design values: typical published
defaults of the mechanisms, not measurements of this site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from analyzer.contract import Scenario
from collector.contract import Json
from collector.plan import Plan, ScenarioName

_SOURCE = "design value"


def resolve(plan: Plan, inventories: Mapping[str, Mapping[str, Json]]) -> tuple[Scenario, ...]:
    """The default scenarios, switched by the plan. `inventories` by node; a node without one counts as virtual."""
    physical = all(inventories.get(node.name, {}).get("virtual") is False for node in plan.nodes)
    defaults = (
        Scenario(
            ScenarioName.LIVE_MIGRATION.value,
            "Live migration or snapshot of a virtual machine",
            2.0,
            False,
            not physical,
            not physical,
            "every node says that it is a physical machine" if physical else "a node is, or may be, a virtual machine",
            f"{_SOURCE}: the final stun lasts 0.5 to 2 s",
        ),
        Scenario(
            ScenarioName.RSTP.value,
            "Rapid spanning tree finds a new path",
            6.0,
            True,
            True,
            True,
            "a switch or a trunk can fail at any time",
            f"{_SOURCE}: 1 to 6 s, three lost hellos of 2 s",
        ),
        Scenario(
            ScenarioName.STP.value,
            "Classic spanning tree finds a new path",
            50.0,
            True,
            False,
            False,
            "only where switch ports are not edge ports",
            f"{_SOURCE}: maximum age 20 s and twice the forward delay of 15 s",
        ),
    )
    wanted = {**dict.fromkeys(plan.scenarios_off, False), **dict.fromkeys(plan.scenarios_on, True)}
    return tuple(_switched(scenario, wanted.get(ScenarioName(scenario.name))) for scenario in defaults)


def _switched(scenario: Scenario, on: bool | None) -> Scenario:
    if on is None:
        return scenario
    why = "the plan says that it can happen" if on else "the plan says that it cannot happen"
    return replace(scenario, on=on, why=why)
