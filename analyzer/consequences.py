"""What follows from a link that failed: one port is one thing to mend, however many checks it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analyzer.concerns import LINK, beyond
from analyzer.contract import Finding, Scope, Status, Subject
from analyzer.host import carried
from analyzer.material import Material

_FOLLOWS = frozenset({Status.FAIL, Status.WARN})
_SLOW = frozenset({"link speed of the plan's rate", "readings at half duplex"})
"""What the evidence of a link calls that it is slow; one that only comes and goes explains no low rate."""


def told_once(material: Material, findings: Sequence[Finding]) -> tuple[list[Finding], frozenset[Subject]]:
    """The findings, of which those that follow from a failed link say so and ask for nothing, and the devices of these links."""
    links = _links(material, findings)
    if not links:
        return list(findings), frozenset()
    told: list[Finding] = []
    causes: set[Subject] = set()
    for finding in findings:
        cause = next((device for end, device in links.items() if _from(finding, *end)), None)
        if cause is None or finding.status not in _FOLLOWS or finding.waiver is not None:
            told.append(finding)
            continue
        causes.add(cause)
        node, _, nic = cause.name.partition("/")
        told.append(
            replace(finding, message=f"{finding.message} This follows from the link {nic} of {node}.", remedy="")
        )
    return told, frozenset(causes)


def _links(material: Material, findings: Sequence[Finding]) -> Mapping[tuple[str, str], Subject]:
    """The devices whose link failed, by node and network."""
    found: dict[tuple[str, str], Subject] = {}
    for finding in findings:
        slow = any(item.what in _SLOW and beyond(item, finding.status) for item in finding.evidence)
        if finding.rule != LINK or finding.status is not Status.FAIL or finding.waiver is not None or not slow:
            continue
        for node in material.plan.nodes:
            nic = finding.subject.name.removeprefix(f"{node.name}/")
            if nic == finding.subject.name:
                continue
            for network in carried(material.plan, node.name, material.facts.get(node.name, {})).get(nic, ()):
                found.setdefault((node.name, network.name), finding.subject)
    return found


def _from(finding: Finding, node: str, network: str) -> bool:
    """Whether a finding of what TCP carried, or of how alike the ends are, is of that end of that network."""
    subject = finding.subject
    if finding.rule == "bandwidth" and subject.scope is Scope.PATH:
        ends, _, over = subject.name.partition("/")
        return over == network and node in ends.split(">")
    if subject.scope is not Scope.PAIR or node not in subject.name.split("+"):
        return False
    # A pair has several networks: only the sentence says which of them its finding is of.
    if finding.rule == "asymmetry":
        return finding.message.startswith(f"Network {network} between ")
    return finding.rule == "link-match" and finding.message.partition(": ")[2].startswith(f"{network} ")
