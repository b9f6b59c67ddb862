"""Iterate rules and stacks over their subjects; every subject gets a word, whatever happens.

A missing need becomes a finding `skipped` that says what was missing, an exception becomes `error`. Identity is stamped
here, so that no rule can mislabel itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

from analyzer.commits import commits
from analyzer.contract import (
    Area,
    Effort,
    Finding,
    NodeSummary,
    Recommendation,
    Scope,
    Status,
    Subject,
    TopologyAdvice,
)
from analyzer.extension import (
    Context,
    Custom,
    Judgement,
    Rule,
    Stack,
    StackContext,
)
from analyzer.joints import joint
from analyzer.lanplan import egress
from analyzer.material import Material
from analyzer.netfacts import text
from analyzer.subjects import subjects
from analyzer.words import cut, few
from collector.plan import ObserverKind, Plan, StackBinding, spelling

if TYPE_CHECKING:
    from analyzer.detectors.trace import PathTrace

T = TypeVar("T")
C = TypeVar("C")


def judge(rules: Sequence[Rule], material: Material) -> list[Finding]:
    """Every rule on every subject of its scope, in the order of the rules."""
    findings = []
    for rule in rules:
        for subject, node, given, missing, thin in subjects(rule, material):

            def stamp(judgement: Judgement, rule: Rule = rule, subject: Subject = subject) -> Finding:
                return Finding(
                    rule.id,
                    rule.title,
                    rule.area,
                    subject,
                    judgement.status,
                    cut(judgement.message),
                    judgement.evidence,
                    cut(judgement.remedy),
                    judgement.traces,
                    judgement.points,
                    effort=_effort(rule, judgement),
                )

            if missing:
                findings.append(stamp(Judgement(Status.SKIPPED, f"Not judged: {missing}.")))
                continue
            tolerance = material.tolerances.get(subject.name)
            context = Context(
                subject, material.plan, node, material.duration_s, given, rule.limits, tolerance, material.customs
            )
            words, failure = _attempt(rule.check, context)
            if thin:
                # What was seen to be bad is bad; what was seen to be good was not seen for long enough.
                bad = [word for word in words if word.status in (Status.WARN, Status.FAIL)]
                words = [*bad, Judgement(Status.SKIPPED, f"Not judged: {thin}.", remedy=_record(node))]
            findings += [stamp(word) for word in words]
            if failure:
                text = f"The rule {rule.id} failed: {failure}. This is a fault of haready, not of the site."
                findings.append(stamp(Judgement(Status.ERROR, text, remedy="Report it with the archives.")))
            elif not words:
                findings.append(stamp(Judgement(Status.ERROR, f"The rule {rule.id} said nothing.")))
    return findings


def _effort(rule: Rule, judgement: Judgement) -> Effort | None:
    """What is not judged is measured again or looked up, whatever it would take to mend."""
    if not judgement.remedy:
        return None
    return (judgement.effort or rule.effort) if judgement.status in (Status.WARN, Status.FAIL) else Effort.RUN


def recommend(stacks: Sequence[Stack], material: Material) -> tuple[list[Recommendation], list[Finding]]:
    """Every bound stack on every pair that its networks join; what went wrong comes as findings."""
    known = {spelling(stack.name): stack for stack in stacks}
    advice: list[Recommendation] = []
    findings: list[Finding] = []
    for binding in material.plan.stacks:
        stack = known.get(spelling(binding.name))
        title = stack.title if stack else "Settings"
        if stack is None:
            names = ", ".join(sorted(known))
            text = f"This version has no settings for {binding.name!r}; it knows {names}."
            subject = Subject(Scope.CLUSTER, material.plan.cluster)
            remedy = "Correct the name under [[stack]] in plan.toml, or size this product by hand."
            findings.append(_finding(binding.name, title, subject, Status.SKIPPED, text, remedy))
            continue
        unmeasured = [] if stack.scope is Scope.NODE else list(_unmeasured(binding, title, material))
        findings += unmeasured
        contexts = list(_contexts(stack, binding, material))
        if not contexts and not unmeasured:
            findings.append(_nowhere(binding, title, material))
        note, caution = _elsewhere(stack, binding, material)
        for context in contexts:
            found, failure = _attempt(partial(_checked, stack), context)
            if caution:
                # Page 1 says it once, beside the first values that it shows.
                found = [replace(item, cautions=(caution, *item.cautions)) for item in found]
            if note and found:
                # Of the product, so it is said once, however many pairs it gets settings for.
                found[0], note = replace(found[0], notes=(note, *found[0].notes)), ""
            advice += found
            if failure:
                text = f"The settings of {stack.name} could not be computed: {failure}. This is a fault of haready."
                findings.append(
                    _finding(stack.name, title, context.subject, Status.ERROR, text, "Report it with the archives.")
                )
    return advice, findings


def advise(
    stacks: Sequence[Stack], material: Material, judged: Sequence[Finding] = ()
) -> tuple[list[TopologyAdvice], list[Finding]]:
    """How bound products may be built on their pairs, of those that have a word on it; what went wrong comes as findings.

    `judged`: what the rules found; advice on what failed would be no advice.
    """
    failed = [finding for finding in judged if finding.status is Status.FAIL]
    known = {spelling(stack.name): stack for stack in stacks}
    advice: list[TopologyAdvice] = []
    findings: list[Finding] = []
    for binding in material.plan.stacks:
        stack = known.get(spelling(binding.name))
        if stack is None or stack.advise is None:
            continue
        for context in _contexts(stack, binding, material):
            about = tuple(finding for finding in failed if _concerns(finding.subject, context))
            found, failure = _attempt(stack.advise, replace(context, failed=about))
            advice += found
            if failure:
                text = f"The advice on topology of {stack.name} failed: {failure}. This is a fault of haready."
                remedy = "Report it with the archives."
                findings.append(_finding(stack.name, stack.title, context.subject, Status.ERROR, text, remedy))
    return advice, findings


def _concerns(subject: Subject, context: StackContext) -> bool:
    """Whether it is one of the nodes, a device of theirs, the pair, or a path that the product uses between them."""
    match subject.scope:
        case Scope.NODE:
            return subject.name in context.pair
        case Scope.DEVICE:
            return subject.name.startswith(tuple(f"{name}/" for name in context.pair))
        case Scope.PATH:
            return any(path.name == subject.name for path in context.paths)
        case Scope.PAIR:
            return set(subject.name.split("+")) == set(context.pair)
        case Scope.CLUSTER:
            return False


def _nowhere(binding: StackBinding, title: str, material: Material) -> Finding:
    """A product that is bound to networks which join nobody, or that nobody probes."""
    on = ", ".join(binding.networks) or "no network"
    return _finding(
        binding.name,
        title,
        Subject(Scope.CLUSTER, material.plan.cluster),
        Status.SKIPPED,
        f"{binding.name} is bound to {on}, and no two nodes are probed there: there is nothing to size it from.",
        f"Correct networks under [[stack]] {binding.name} in plan.toml, or set probe = true for them, and repeat the run.",
    )


def _unmeasured(binding: StackBinding, title: str, material: Material) -> Iterator[Finding]:
    """A word on every pair with a bound network that has no measured path: its settings rest on nothing there."""
    for one, other in combinations(material.plan.nodes, 2):
        common = [name for name in binding.networks if name in one.addresses and name in other.addresses]
        ends = {one.name, other.name}
        seen = {timing.network for timing in material.timings.values() if {timing.source, timing.target} == ends}
        lacking = [name for name in common if name not in seen]
        if not lacking:
            continue
        unprobed = [name for name in lacking if not material.plan.network(name).probe]
        why = f" ({', '.join(unprobed)}: the plan does not probe it)" if unprobed else ""
        yield _finding(
            binding.name,
            title,
            Subject(Scope.PAIR, f"{one.name}+{other.name}"),
            Status.SKIPPED,
            f"{one.name} and {other.name}: nothing was measured on {', '.join(lacking)}, where {binding.name} is to run{why}.",
            " ".join(f"Set probe = true under [network.{name}] in plan.toml and repeat the run." for name in unprobed)
            or "Check cabling, addresses, routes and firewalls of these networks, then repeat the run.",
        )


def _checked(stack: Stack, context: StackContext) -> Iterator[Recommendation]:
    strays = _strays(context)
    notes = tuple(
        f"{way}: what was measured of {network} is of that way and not of the planned one, and the values rest on it."
        for network, way in strays
    )
    cautions = tuple((way, "MEASURED BY ANOTHER WAY; correct it, then measure again") for _, way in strays)
    for advice in stack.recommend(context):
        _within(stack, advice)
        yield replace(advice, notes=(*advice.notes, *notes), cautions=(*advice.cautions, *cautions))


def _strays(context: StackContext) -> list[tuple[str, str]]:
    """Networks of the product on which packets between its nodes do not leave as planned, with the way that they take."""
    return [
        (
            row.network,
            f"Packets from {row.node} to {row.target} over {row.network} leave by {row.nic or 'an unknown interface'}",
        )
        for row in egress(context.plan, context.facts)
        if row.as_planned is False and row.network in context.networks and {row.node, row.target} <= set(context.pair)
    ]


def _elsewhere(stack: Stack, binding: StackBinding, material: Material) -> tuple[str, tuple[str, str] | None]:
    """(a note, the same as page 1 says it) where nodes run a system that the product is not known to run on; else empty and none."""
    if not stack.systems:
        return "", None
    told = {name: text(material.facts.get(name, {}).get("system")) for name in _bound_nodes(binding, material.plan)}
    others = {name: system for name, system in told.items() if system and system not in stack.systems}
    if not others:
        return "", None
    runs = cut(" and ".join(dict.fromkeys(others.values())))
    # The title goes on with what is set there.
    product, systems = stack.title.partition(",")[0], " and ".join(stack.systems)
    who = f"{few(list(others))} {'runs' if len(others) == 1 else 'run'}"
    note = (
        f"{who} {runs}; as far as this version knows (unverified) {product} runs on "
        f"{systems} only. If it is to run on other machines than these, measure those."
    )
    return note, (
        f"{systems} only (unverified)",
        f"{who} {runs}",
    )


def bound(stacks: Sequence[Stack], plan: Plan) -> list[Stack]:
    """The products that the plan names."""
    named = {spelling(binding.name) for binding in plan.stacks}
    return [stack for stack in stacks if spelling(stack.name) in named]


def replicating(stacks: Sequence[Stack], plan: Plan) -> list[StackBinding]:
    """The bindings of products that replicate what is written."""
    names = {spelling(stack.name) for stack in stacks if Custom.REPLICATES in stack.customs}
    return [binding for binding in plan.stacks if spelling(binding.name) in names]


def customs(stacks: Sequence[Stack], plan: Plan) -> dict[Custom, tuple[str, ...]]:
    """What the products that the plan names ask of the site, each with the names of those that ask."""
    asking = bound(stacks, plan)
    return {
        custom: tuple(stack.name for stack in asking if custom in stack.customs)
        for custom in Custom
        if any(custom in stack.customs for stack in asking)
    }


def _within(stack: Stack, advice: Recommendation) -> None:
    """Hold every value against its option: a value that the product would refuse is a fault, never clamped.

    Raises:
        ValueError: not a whole number, or out of the option's range.
    """
    options = {option.name: option for option in stack.options}
    for setting in advice.settings:
        option, value = options[setting.option], setting.value
        if isinstance(value, str):
            continue
        low = -math.inf if option.minimum is None else option.minimum
        high = math.inf if option.maximum is None else option.maximum
        if not low <= value <= high or (option.integer and value != int(value)):
            raise ValueError(f"{setting.option} = {value} is not a value of this option")


def _attempt(plug_in: Callable[[C], Iterator[T]], context: C) -> tuple[list[T], str]:
    """Run a plug-in to its end: (what it yielded, the exception as text or "")."""
    words: list[T] = []
    try:
        words.extend(plug_in(context))
    except Exception as error:  # noqa: BLE001 - one rule's fault must not cost the others their word
        return words, f"{type(error).__name__}: {error}"
    return words, ""


def _finding(name: str, title: str, subject: Subject, status: Status, text: str, remedy: str) -> Finding:
    return Finding(name, title, Area.SETTINGS, subject, status, text, remedy=remedy)


def _contexts(stack: Stack, binding: StackBinding, material: Material) -> Iterator[StackContext]:
    """Whatever the stack has one setting for: the pairs that the bound networks join, automatic or not; the cluster; or each node."""
    automatic = {frozenset(pair) for pair in binding.auto_failover}
    names = _bound_nodes(binding, material.plan)
    if stack.scope is Scope.NODE:
        alone = {
            name: replace(_context(binding, material, (name,), automatic=True), asked=_scs(material, name))
            for name in names
        }
        for name, context in alone.items():
            partners = [other for other in names if other != name and frozenset((name, other)) in automatic]
            yield replace(context, partners=tuple(alone[other] for other in partners))
        return
    if stack.scope is Scope.CLUSTER:
        context = _context(binding, material, tuple(names), automatic=True)
        if context.paths:
            yield replace(context, subject=Subject(Scope.CLUSTER, material.plan.cluster))
        return
    for pair in combinations([node.name for node in material.plan.nodes], 2):
        context = _context(binding, material, pair, automatic=frozenset(pair) in automatic)
        if context.paths or context.automatic:
            yield context


def _bound_nodes(binding: StackBinding, plan: Plan) -> list[str]:
    return [node.name for node in plan.nodes if any(network in node.addresses for network in binding.networks)]


def _scs(material: Material, name: str) -> dict[str, PathTrace]:
    """What the node's requests to SCS hosts met."""
    wanted = {observer.name for observer in material.plan.observers if observer.kind is ObserverKind.SCS}
    return {observer: trace for observer, trace in material.asked.get(name, {}).items() if observer in wanted}


def _context(binding: StackBinding, material: Material, names: tuple[str, ...], *, automatic: bool) -> StackContext:
    paths = tuple(
        path
        for path in material.plan.paths()
        if path.network in binding.networks and path.source in names and path.target in names
    )
    timings = tuple(material.timings[path.name] for path in paths if path.name in material.timings)
    return StackContext(
        material.plan,
        binding,
        Subject(Scope.PAIR if len(names) > 1 else Scope.NODE, "+".join(names)),
        names,
        automatic,
        paths,
        timings,
        material.scenarios,
        joint((names[0], names[1]), material.plan, timings) if timings and len(names) == 2 else None,
        tuple(material.throughputs[path.name] for path in paths if path.name in material.throughputs),
        tuple(name for name in names if name in material.summaries and _holed(material.summaries[name])),
        tuple(echo for path in paths if (echo := material.echoes.get(path.name)) is not None and not echo.reason),
        facts={name: material.facts[name] for name in names if name in material.facts},
        observers=tuple(timing for timing in material.observers if timing.node in names),
        traces={path.name: material.paths[path.name] for path in paths if path.name in material.paths},
        commits=tuple(
            found for name in names if (found := commits(material.plan, material.nodes.get(name))) is not None
        ),
        clocks={name: material.clocks[name] for name in names if name in material.clocks},
    )


def _holed(node: NodeSummary) -> bool:
    """Whether a part of the record is there and cannot be read. One that ended early merely ended."""
    return bool(node.damage)


def _record(node: str) -> str:
    return f"See in the archive of {node} (haready inspect) why the record ends or has holes, and repeat the run."
