"""Whether the two nodes are alike.

What: Operating system, kernel, packages, services, time zone, locale, CPUs, memory, make and model of both nodes; what differs is listed by name.
Why HA: Replication carries data, not programs: the standby runs what is installed there, with the strength that it has, on the
    day it matters. A passive server much weaker than the active one is among the vendor's causes of channel drops.
How: The inventories of both nodes; packages by name and version, or by their fingerprint where a list is missing; services by what starts with
    the machine. The standby may be stronger than the primary. Memory counts as equal within 2 %, which firmware and kernel keep for
    themselves. Disks, interfaces and firmware: see parity-hardware.
Source: NF: same operating system, service packs and updates; secondary and tertiary equal to the primary or greater; same make and
    model recommended. Time zone, locale, services and 2 %: design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.installed import differences, listed, standby
from analyzer.netfacts import flag, text, whole
from analyzer.troubles import Trouble, words
from analyzer.words import memory
from collector.plan import Node, Role

_NF = "NF: secondary and tertiary equal to the primary or greater"
CPUS = Limit("standby's CPUs", "ratio", 1.0, None, Sense.AT_LEAST, _NF)
MEMORY = Limit("standby's memory", "ratio", 0.98, None, Sense.AT_LEAST, f"{_NF}; 2 % are a design value")

_MOST = 1 << 53
_BY_HAND = "Compare what was not told by hand."
_SAME = "Install the same operating system, updates and packages on both nodes."


def _check(context: Context) -> Iterator[Judgement]:
    one, other = (context.plan.node(name) for name in context.subject.name.split("+"))
    silent = [node.name for node in (one, other) if node.name not in context.facts]
    if silent:
        yield Judgement(
            Status.SKIPPED,
            f"{one.name} and {other.name} cannot be compared: {' and '.join(silent)} recorded no inventory.",
            remedy="Compare the two machines by hand.",
        )
        return
    first, second = context.facts[one.name], context.facts[other.name]
    # What a person can least make up for comes first.
    sizes, evidence = _sizes(context, one, other)
    troubles: list[Trouble] = [*sizes]
    for what, key in (("operating system", "os"), ("kernel", "kernel")):
        troubles += _alike(what, text(first.get(key)), text(second.get(key)), one, other, Status.WARN, _SAME)
    troubles += _packages(one, other, first, second)
    troubles += _alike(
        "time zone",
        text(first.get("timezone")),
        text(second.get("timezone")),
        one,
        other,
        Status.WARN if one.site == other.site else Status.INFO,
        "Set the same time zone on both nodes, so that schedules and logs agree.",
    )
    troubles += _locale(one, other, first, second)
    troubles += _services(one, other, first, second)
    troubles += _hardware(one, other, first, second)
    members = one.role is other.role is Role.MEMBER
    weaker = f", and {'neither is weaker' if members else 'the standby is no weaker'}" if evidence else ""
    good = f"{one.name} and {other.name} have the same operating system and packages{weaker}."
    yield from words(context.plan, f"{one.name} and {other.name}", troubles, good, evidence)


def _alike(what: str, mine: str, its: str, one: Node, other: Node, status: Status, remedy: str) -> Iterator[Trouble]:
    missing = [node.name for node, told in ((one, mine), (other, its)) if not told]
    if missing:
        yield Trouble(Status.SKIPPED, f"the {what} of {' and '.join(missing)} was not told", _BY_HAND)
    elif mine != its:
        yield Trouble(status, f"{what}: {mine} on {one.name}, {its} on {other.name}", remedy)


def _packages(one: Node, other: Node, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Trouble]:
    mine, its = _package_facts(first), _package_facts(second)
    prints = [text(packages.get("sha256")) for packages in (mine, its)]
    for trouble in _alike("list of packages", prints[0], prints[1], one, other, Status.WARN, _SAME):
        if trouble.status is Status.SKIPPED:
            yield trouble
            continue
        lists = [listed(facts, "packages") for facts in (first, second)]
        named = list(differences(lists[0], lists[1], one.name, other.name)) if lists[0] and lists[1] else []
        how = f": {'; '.join(named)}" if named else ""
        yield Trouble(
            Status.WARN,
            f"packages or their versions differ ({_many(mine)} on {one.name}, {_many(its)} on {other.name}){how}",
            "Install the same packages in the same versions on both nodes."
            if named
            else "Compare the package lists of both nodes and install the same versions.",
            "packages or their versions differ",
        )


def _locale(one: Node, other: Node, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Trouble]:
    """A system that sets none tells an empty one. Where neither tells, nobody asked: the archives are older."""
    told = ["locale" in facts for facts in (first, second)]
    mine, its = text(first.get("locale")), text(second.get("locale"))
    if any(told) and not all(told):
        silent = other if told[0] else one
        yield Trouble(Status.SKIPPED, f"the locale of {silent.name} was not told", _BY_HAND)
    elif mine != its:
        words = [f"{locale or 'none set'} on {node.name}" for node, locale in ((one, mine), (other, its))]
        yield Trouble(
            Status.WARN,
            f"locale: {', '.join(words)}",
            "Set the same locale on both nodes: sorting, dates and decimal signs follow it.",
        )


def _services(one: Node, other: Node, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Trouble]:
    """Where neither tells, nobody asked: the machine has no systemd, or the archive is older."""
    mine, its = listed(first, "services"), listed(second, "services")
    if (mine is None) != (its is None):
        silent = one if mine is None else other
        yield Trouble(Status.SKIPPED, f"services that start with {silent.name} were not told", _BY_HAND)
    if mine is None or its is None:
        return
    named = list(differences(mine, its, one.name, other.name))
    if named:
        yield Trouble(
            Status.WARN,
            f"services that start with the machine, {'; '.join(named)}",
            "Enable the same services on both nodes, as far as the product does not start them itself.",
            "services that start with the machine differ",
        )


def _package_facts(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    told = facts.get("packages")
    return told if isinstance(told, dict) else {}


def _many(packages: Mapping[str, Any]) -> str:
    count = whole(packages.get("count"), 0, _MOST)
    return "an unknown number" if count is None else str(count)


def _sizes(context: Context, one: Node, other: Node) -> tuple[list[Trouble], tuple[Evidence, ...]]:
    """CPUs and memory of the standby by the primary's; members swap roles, so the weaker of them counts."""
    ends = standby(one, other)
    troubles: list[Trouble] = []
    evidence: list[Evidence] = []
    if ends is None:
        return troubles, ()
    for limit, key, what, says in (
        (context.limit(CPUS.name), "cpus", "number of CPUs", _cpus),
        (context.limit(MEMORY.name), "memory_B", "memory", _memory),
    ):
        sizes = {node.name: whole(context.facts[node.name].get(key), 1, _MOST) for node in ends}
        known = {name: size for name, size in sizes.items() if size is not None}
        if len(known) < len(sizes):
            silent = " and ".join(name for name in sizes if name not in known)
            troubles.append(Trouble(Status.SKIPPED, f"the {what} of {silent} was not told", _BY_HAND))
            continue
        strong, weak = (node.name for node in ends)
        if ends[0].role is Role.MEMBER and known[weak] > known[strong]:
            strong, weak = weak, strong
        ratio = known[weak] / known[strong]
        evidence.append(Evidence(limit.name, ratio, limit.unit, limit))
        if limit.judge(ratio) is not Status.PASS:
            text = f"{weak} has {says(known[weak])}, {strong} {says(known[strong])}"
            troubles.append(Trouble(Status.WARN, text, f"Give {weak} at least what {strong} has."))
    return troubles, tuple(evidence)


def _cpus(count: int) -> str:
    return f"{count} CPU{'' if count == 1 else 's'}"


def _memory(size: int) -> str:
    return f"{memory(size)} of memory"


def _hardware(one: Node, other: Node, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Trouble]:
    """Recommended only, so it is information; a virtual machine often has no make to tell."""
    for what, keys in (("make and model", ("vendor", "model")), ("CPU", ("cpu",)), ("BIOS", ("bios",))):
        mine, its = (" ".join(filter(None, (text(facts.get(key)) for key in keys))) for facts in (first, second))
        if mine and its and mine != its:
            yield Trouble(Status.INFO, f"{what}: {mine} on {one.name}, {its} on {other.name} (equal is recommended)")
        elif not (mine and its):
            yield Trouble(Status.INFO, f"{what} was not told by both")
    kinds = {flag(facts.get("virtual")) for facts in (first, second)}
    if kinds == {True, False}:
        yield Trouble(Status.INFO, "one of them is a virtual machine, the other is not")


RULE = Rule("parity", "Equal machines", Area.HOST, Scope.PAIR, (FACTS,), (CPUS, MEMORY), _check, effort=Effort.WINDOW)
