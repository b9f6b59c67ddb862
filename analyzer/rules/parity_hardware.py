"""Whether disks and network interfaces of the two nodes are alike.

What: Size, kind and model of the disks, number of network interfaces that lead outside, their drivers and firmware; what differs is listed by name.
Why HA: The standby holds the same data on its own disks and answers over its own interfaces. One size smaller is full on the day it matters, and
    two versions of a firmware fail in two ways.
How: The inventories of both nodes. The standby may have more, and needs no interface
    that the plan puts to use on the other node only. Disks count as equal within 2 %: two of one nominal size differ by that.
    Volumes of a storage system are told as the disks that they look like; whether a virtual machine's disk rotates is not asked. What stands
    behind virtual interfaces is not seen.
Source: NF: same make and model recommended; secondary and tertiary equal to the primary or greater. 2 %: design value.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.installed import standby
from analyzer.netfacts import flag, nics, text, whole
from analyzer.troubles import Trouble, words
from analyzer.words import few, octets
from collector.plan import Node, Role

_NF = "NF: secondary and tertiary equal to the primary or greater"
DISKS = Limit("standby's disks", "ratio", 0.98, None, Sense.AT_LEAST, f"{_NF}; 2 % are a design value")
NICS = Limit("standby's network interfaces", "ratio", 1.0, None, Sense.AT_LEAST, _NF)

_MOST_B = 1 << 60
_BY_HAND = "Compare what was not told by hand."
_VIRTUAL = frozenset({"veth", "vlan", "macvlan", "ipvlan", "bonding", "team", "bridge"})
"""Drivers of interfaces that are made of others, or of nothing."""


@dataclass(frozen=True, slots=True)
class Drive:
    """A disk. `rotating` None and `model` "": not told."""

    name: str
    size: int
    model: str
    rotating: bool | None


def _check(context: Context) -> Iterator[Judgement]:
    one, other = (context.plan.node(name) for name in context.subject.name.split("+"))
    title = f"{one.name} and {other.name}"
    silent = [node.name for node in (one, other) if node.name not in context.facts]
    if silent:
        yield Judgement(
            Status.SKIPPED,
            f"Disks and interfaces of {title} cannot be compared: {' and '.join(silent)} recorded no inventory.",
            remedy="Compare the two machines by hand.",
        )
        return
    ends = standby(one, other) or (one, other)
    limited = standby(one, other) is not None
    first, second = (context.facts[node.name] for node in ends)
    troubles: list[Trouble] = []
    evidence: list[Evidence] = []
    for found, figure in (
        _disks(context.limit(DISKS.name), ends, first, second, limited=limited),
        _interfaces(context.limit(NICS.name), ends, first, second, limited=limited),
    ):
        troubles += found
        evidence += figure
    more = "one" if one.role is other.role is Role.MEMBER else "the standby"
    good = f"{title} have disks and network interfaces alike, or {more} has more."
    yield from words(context.plan, title, troubles, good, tuple(evidence))


def _disks(
    limit: Limit, ends: tuple[Node, Node], first: Mapping[str, Any], second: Mapping[str, Any], *, limited: bool
) -> tuple[list[Trouble], list[Evidence]]:
    strong, weak = ends
    mine, its = drives(first), drives(second)
    missing = [node.name for node, told in ((strong, mine), (weak, its)) if not told]
    if not mine or not its:
        return [Trouble(Status.SKIPPED, f"the disks of {' and '.join(missing)} were not told", _BY_HAND)], []
    sizes = [sum(drive.size for drive in found) for found in (mine, its)]
    troubles: list[Trouble] = []
    evidence: list[Evidence] = []
    if limited:
        ratio = sizes[1] / sizes[0]
        if strong.role is weak.role and ratio > 1.0:
            # Members change places, so the smaller one counts.
            ratio, strong, weak, sizes = 1.0 / ratio, weak, strong, sizes[::-1]
        evidence.append(Evidence(limit.name, ratio, limit.unit, limit))
        if limit.judge(ratio) is not Status.PASS:
            text = f"{weak.name} has {octets(sizes[1])} of disks, {strong.name} {octets(sizes[0])}"
            troubles.append(Trouble(Status.WARN, text, f"Give {weak.name} at least what {strong.name} has."))
    flash, spindle = _slower(ends, mine, its)
    if flash and limited:
        text = f"{spindle} has a disk that rotates, {flash} has none"
        troubles.append(Trouble(Status.WARN, text, f"Give {spindle} disks as fast as those of {flash}."))
    troubles += _unlike(
        "disks",
        ends,
        [drive.model or "no model told" for drive in mine],
        [drive.model or "no model told" for drive in its],
    )
    return troubles, evidence


def _slower(ends: tuple[Node, Node], mine: list[Drive], its: list[Drive]) -> tuple[str, str]:
    """(node without, node with) a rotating disk where only the standby has one, or only one of two members; else empty."""
    kinds = [{drive.rotating for drive in found} for found in (mine, its)]
    for fast, slow in ((0, 1), (1, 0)) if ends[0].role is ends[1].role else ((0, 1),):
        if kinds[fast] == {False} and True in kinds[slow]:
            return ends[fast].name, ends[slow].name
    return "", ""


def drives(facts: Mapping[str, Any]) -> list[Drive]:
    """The disks that the node told, by name; empty if it told none."""
    told = facts.get("drives")
    # Whether a virtual disk rotates is what its hypervisor makes of it.
    virtual = flag(facts.get("virtual")) is True
    return [
        Drive(text(name), size, text(entry.get("model")), None if virtual else flag(entry.get("rotating")))
        for name, entry in (sorted(told.items()) if isinstance(told, dict) else ())
        if isinstance(entry, dict) and (size := whole(entry.get("size_B"), 1, _MOST_B)) is not None
    ]


def _interfaces(
    limit: Limit, ends: tuple[Node, Node], first: Mapping[str, Any], second: Mapping[str, Any], *, limited: bool
) -> tuple[list[Trouble], list[Evidence]]:
    strong, weak = ends
    found = [
        None if (told := nics(facts)) is None else [nic for nic in told if nic.outward and nic.driver not in _VIRTUAL]
        for facts in (first, second)
    ]
    mine, its = found
    if mine is None or its is None:
        missing = [node.name for node, told in zip(ends, found, strict=True) if told is None]
        return [Trouble(Status.SKIPPED, f"the interfaces of {' and '.join(missing)} were not told", _BY_HAND)], []
    troubles: list[Trouble] = []
    evidence: list[Evidence] = []
    counts = [len(mine), len(its)]
    if limited and all(counts):
        if strong.role is weak.role and counts[1] > counts[0]:
            strong, weak, counts = weak, strong, counts[::-1]
        # What the plan needs on the one and not on the other is no difference between the machines.
        wanted = max(1, counts[0] - max(0, _planned(strong) - _planned(weak)))
        ratio = counts[1] / wanted
        evidence.append(Evidence(limit.name, ratio, limit.unit, limit))
        if limit.judge(ratio) is not Status.PASS:
            text = f"{weak.name} has {counts[1]} network interfaces, {strong.name} {counts[0]}"
            troubles.append(
                Trouble(
                    Status.WARN,
                    text,
                    f"Give {weak.name} {wanted} interfaces, as {strong.name} has beside those that only it needs by the plan."
                    if wanted < counts[0]
                    else f"Give {weak.name} as many interfaces as {strong.name}.",
                )
            )
    cards = [[_card(facts, nic.name, nic.driver) for nic in told] for facts, told in ((first, mine), (second, its))]
    troubles += _unlike("interfaces (driver, firmware)", ends, cards[0], cards[1])
    return troubles, evidence


def _planned(node: Node) -> int:
    """How many interfaces the plan puts addresses on; where it names none, one a network."""
    return len({socket.nic or network for network, socket in node.sockets.items()})


def _card(facts: Mapping[str, Any], name: str, driver: str) -> str:
    """Driver with its version and the card's firmware, as far as told."""
    entry = facts["nics"].get(name)
    told = entry.get("firmware") if isinstance(entry, dict) else None
    version, firmware = (text(told.get(key)) if isinstance(told, dict) else "" for key in ("version", "firmware"))
    return " ".join(filter(None, (driver or "driver not told", version, firmware and f"firmware {firmware}")))


def _unlike(what: str, ends: tuple[Node, Node], mine: list[str], its: list[str]) -> Iterator[Trouble]:
    """Equal is recommended only, so it is information: how many of each one node has and the other has not."""
    counts = Counter(mine), Counter(its)
    extra = [
        f"{few([f'{number} x {name}' for name, number in sorted((here - there).items())])} on {node.name}"
        for here, there, node in ((counts[0], counts[1], ends[0]), (counts[1], counts[0], ends[1]))
        if here - there
    ]
    if extra:
        yield Trouble(Status.INFO, f"{what} that only one of them has: {'; '.join(extra)} (equal is recommended)")


RULE = Rule(
    "parity-hardware",
    "Equal disks and interfaces",
    Area.HOST,
    Scope.PAIR,
    (FACTS,),
    (DISKS, NICS),
    _check,
    effort=Effort.RESOURCES,
)
