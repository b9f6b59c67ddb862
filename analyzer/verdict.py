"""From findings to the one word, the reasons for it, and what to do first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.concerns import beyond, excess, grouped, rank
from analyzer.consequences import told_once
from analyzer.contract import (
    Area,
    Finding,
    LimitChange,
    Scope,
    Status,
    Subject,
    Timing,
    Verdict,
)
from analyzer.extension import SUFFICIENT_S, exposure_s, watched
from analyzer.host import LONGER
from analyzer.material import Material
from analyzer.words import seconds, span
from collector.plan import Plan

_REASONS = 3
_FIXES = 5
_NAMED = 3
_NODE_COVERAGE, _PATH_COVERAGE = "node-coverage", "path-coverage"
_MEASURED, _LENGTHS = "measured", ("length of the record", "length of the record of a system in use")
"""The rules of how long was measured, and what they call that in their evidence."""
_HOLED = 0.01
"""Share of a record that may be unreadable before the run proves nothing (design value)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict in words."""

    verdict: Verdict
    summary: str
    reasons: tuple[str, ...]
    fixes: tuple[str, ...]


def answer(
    material: Material, findings: Sequence[Finding], overrides: Sequence[str], changes: Sequence[LimitChange] = ()
) -> Answer:
    """Judge the whole. Reasons come worst first, at most three; fixes at most five, none twice.

    First an absent archive and nodes that are one machine, then what failed, then what else keeps the run from proving anything, then
    faults, warnings, damage and overrides; within each by what it means for the cluster, then by how far it lies beyond its limit. What a
    rule warns of elsewhere stands beside what it failed, and a run that is too short for its nodes is told of them, not of their paths again. What
    keeps the run from proving anything has a reason always. What could not be judged comes last, in one sentence, and the summary
    counts it, so that it neither crowds out a failure nor goes unseen. What follows from another finding stands behind it and asks for
    nothing of its own. Information is no concern. What is waived is no reason against
    the site, and no pass either: it is told behind everything else, and the verdict is "suitable with waivers" at best. A check that
    would be worse without a relaxed limit makes the verdict conditional.
    """
    findings, causes = told_once(material, findings)
    waived = [finding for finding in findings if finding.waiver is not None]
    plan, summaries, timings = material.plan, list(material.summaries.values()), material.timings
    absent, gaps = _absent(material), _gaps(material)
    damaged = [node for node in summaries if node.damage or not node.sealed]
    by_status = {
        status: [finding for finding in findings if finding.status is status and finding.waiver is None]
        for status in Status
    }
    relaxed = _relaxed(changes)
    doubtful = [*by_status[Status.ERROR], *by_status[Status.WARN], *by_status[Status.SKIPPED]]
    if by_status[Status.FAIL]:
        verdict = Verdict.UNSUITABLE
    elif absent or gaps:
        verdict = Verdict.INCONCLUSIVE
    elif doubtful or damaged or overrides or relaxed:
        verdict = Verdict.CONDITIONAL
    elif waived:
        verdict = Verdict.WAIVED
    else:
        verdict = Verdict.SUITABLE
    failed = by_status[Status.FAIL]
    warned = [
        finding
        for finding in by_status[Status.WARN]
        if not ((absent or gaps) and finding.area is Area.DATA and finding.subject.scope is Scope.PATH)
    ]
    beside, apart = _beside(warned, failed)
    apart = [finding for finding in apart if not _short_as_its_nodes(finding, apart)]
    concerns = [
        *grouped((finding for finding in failed if rank(finding) == 0), beside),
        *absent,
        *grouped((finding for finding in failed if rank(finding) > 0), beside, causes),
        *gaps,
        *grouped(by_status[Status.ERROR]),
        *grouped((finding for finding in apart if finding.remedy), causes=causes),
        # What only follows from something told above asks for nothing of its own.
        *grouped(finding for finding in apart if not finding.remedy),
        *(
            (
                f"The archive of node {node.name} is damaged or was not closed in order.",
                "Copy it again, or repeat the run.",
            )
            for node in damaged
        ),
        *((text, "Have the person named in the plan confirm the shorter floor.") for text in overrides),
        *relaxed,
        *_unjudged(material, by_status[Status.SKIPPED], told=bool(absent or gaps)),
        *_accepted(waived),
    ]
    reasons = _once(text for text, _ in concerns) or _good(timings)
    # What has to be done about it may be another thing than about what failed.
    more = (remedy for _, remedy in grouped(beside))
    others = (finding.remedy for finding in sorted(failed, key=excess, reverse=True))
    # A rule that only warns has one reason, too, and may ask for something else of each of its subjects.
    further = (finding.remedy for finding in sorted([*beside, *apart], key=excess, reverse=True))
    fixes = _once(remedy for remedy in (*(remedy for _, remedy in concerns), *others, *more, *further) if remedy)
    return Answer(verdict, _summary(plan, verdict, by_status, waived), _told(reasons, gaps), _first(fixes))


def _relaxed(changes: Sequence[LimitChange]) -> list[tuple[str, str]]:
    """Checks that stand better only because a profile relaxed their limits, as one concern."""
    found = [change for change in changes if change.decided]
    if not found:
        return []
    first = found[0]
    subjects = sum(len(change.decided) for change in found)
    more = f" and {subjects - 1} more" if subjects > 1 else ""
    return [
        (
            f"Only by a limit that profile {first.limit.profile} relaxed: {first.title} of {first.decided[0]}{more}.",
            f"Have whoever answers for profile {first.limit.profile} confirm its relaxed limits.",
        )
    ]


def _accepted(waived: Sequence[Finding]) -> list[tuple[str, str]]:
    """What is waived, the worst first; nothing is left to do about it before its day."""
    severity = (Status.FAIL, Status.WARN, Status.SKIPPED)
    ordered = sorted(waived, key=lambda finding: (severity.index(finding.status), rank(finding), -excess(finding)))
    return [
        (f"Waived, not passed: {finding.message} Accepted by {word.who} until {word.until}: {word.reason}.", "")
        for finding in ordered
        if (word := finding.waiver) is not None
    ]


def _told(reasons: tuple[str, ...], gaps: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The first reasons, of which the last is a gap if there is one: failures of a run that proves little may be of the run."""
    shown = reasons[:_REASONS]
    if not gaps or any(text in shown for text, _ in gaps):
        return shown
    return (*shown[: _REASONS - 1], gaps[-1][0])


def _first(fixes: tuple[str, ...]) -> tuple[str, ...]:
    """At most `_FIXES` of them; where there are more, the last says how many."""
    if len(fixes) <= _FIXES:
        return fixes
    left = len(fixes) - _FIXES + 1
    return (*fixes[: _FIXES - 1], f"And {left} more points: each finding in this report says what to do.")


def _absent(material: Material) -> list[tuple[str, str]]:
    """Nodes without an archive: (what, what to do)."""
    absent = [node.name for node in material.plan.nodes if node.name not in material.summaries]
    if not absent:
        return []
    names = ", ".join(absent)
    return [
        (
            f"No archive of node {names} was given.",
            f"Run the collector on {names} as well and assess all archives together.",
        )
    ]


def _gaps(material: Material) -> list[tuple[str, str]]:
    """What keeps the run from proving anything: (what, what to do)."""
    plan, timings = material.plan, material.timings
    found = [
        (
            f"Of the record of {node.name} {span(node.gaps_s)} cannot be read: what happened meanwhile is not known.",
            f"Copy the archive of {node.name} again, and compare its SHA-256 with what the collector printed; or repeat the run.",
        )
        for node in material.summaries.values()
        if node.damage and node.gaps_s > _HOLED * node.duration_s
    ]
    for pair, met in material.meetings.items():
        joined = any({path.source, path.target} == set(pair) for path in plan.paths())
        if joined and not met:
            one, other = (material.summaries[name] for name in pair)
            found.append(
                (
                    f"{one.name} (started {one.started}) and {other.name} ({other.started}) never met, or not in one run.",
                    "Run both collectors at the same time, see that they meet, and assess those archives.",
                )
            )
    never = [path for path in plan.paths() if path.name not in timings and path.source in material.summaries]
    if never:
        names = ", ".join(path.name for path in never[:3]) + (f" and {len(never) - 3} more" if len(never) > 3 else "")
        reason = material.reasons.get(never[0].name, "")
        check = "check cabling, addresses, routes and firewalls of these paths, then repeat the run."
        found.append(
            (
                f"Never measured: {names}" + (f" ({reason})." if reason else "."),
                f"Mend what the collector says of them; if that does not help, {check}"
                if reason
                else check.capitalize(),
            )
        )
    found += _unmeasured(material)
    short = [timing for timing in timings.values() if exposure_s(timing) < SUFFICIENT_S]
    if short:
        least = min(short, key=exposure_s)
        found.append(
            (
                f"Path {least.path} was measured for {watched(least)}; less than 15 min prove nothing.",
                LONGER,
            )
        )
    return found


def _unmeasured(material: Material) -> Iterator[tuple[str, str]]:
    """Products that are to fail over by themselves between two nodes, on networks that the plan does not probe at all."""
    for binding in material.plan.stacks:
        for pair in binding.auto_failover:
            if not any(
                path.network in binding.networks and {path.source, path.target} == set(pair)
                for path in material.plan.paths()
            ):
                one, other = pair
                nets = ", ".join(binding.networks)
                joining = [
                    net for net in binding.networks if all(net in material.plan.node(name).addresses for name in pair)
                ]
                yield (
                    f"{binding.name} is to fail over between {one} and {other} on {nets}, and the plan probes none of that.",
                    f"Set probe = true under [network.{(joining or binding.networks)[0]}] in plan.toml and repeat the run.",
                )


def _unjudged(material: Material, findings: Sequence[Finding], *, told: bool) -> list[tuple[str, str]]:
    """What could not be judged, as one concern. `told`: absent archives and paths without a measurement are gaps already."""
    left = [finding for finding in findings if not (told and _follows(material, finding))]
    groups = grouped(left)
    if len(groups) < 2:
        return groups
    titles = list(dict.fromkeys(finding.title for finding in left))
    names = ", ".join(titles[:_NAMED]) + (f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else "")
    text = f"{len(groups)} checks could not be judged ({names}). {groups[0][0]}"
    return [(text, groups[0][1]), *((text, remedy) for _, remedy in groups[1:])]


def _follows(material: Material, finding: Finding) -> bool:
    """Whether the subject could not be judged because an archive is absent or a path was never measured."""
    absent = {node.name for node in material.plan.nodes} - set(material.summaries)
    subject = finding.subject
    match subject.scope:
        case Scope.NODE:
            return subject.name in absent
        case Scope.PAIR:
            return bool(absent & set(subject.name.split("+")))
        case Scope.PATH:
            return subject.name not in material.timings
        case _:
            return False


def _beside(warned: Sequence[Finding], failed: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """(warnings of a rule that failed another subject, all others): the first are no reason of their own."""
    subjects: dict[str, set[Subject]] = {}
    for finding in failed:
        subjects.setdefault(finding.rule, set()).add(finding.subject)
    beside = [finding for finding in warned if finding.subject not in subjects.get(finding.rule, {finding.subject})]
    apart = [finding for finding in warned if finding.subject in subjects.get(finding.rule, {finding.subject})]
    return beside, apart


def _short_as_its_nodes(finding: Finding, warned: Sequence[Finding]) -> bool:
    """Whether it only says of a path that it was not measured for long enough, which is said of one of its nodes already."""
    if finding.rule != _PATH_COVERAGE:
        return False
    crossed = [item.what for item in finding.evidence if beyond(item, finding.status)]
    ends = finding.subject.name.partition("/")[0].split(">")
    short = {other.subject.name for other in warned if other.rule == _NODE_COVERAGE and _lasted(other)}
    return crossed == [_MEASURED] and not short.isdisjoint(ends)


def _lasted(finding: Finding) -> bool:
    return any(item.what in _LENGTHS and beyond(item, finding.status) for item in finding.evidence)


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _good(timings: Mapping[str, Timing]) -> tuple[str, ...]:
    """What speaks for a suitable site, in figures."""
    measured = [timing for timing in timings.values() if timing.rtt.p999 is not None]
    if not measured:
        return ()
    least_h = min(map(exposure_s, measured)) / 3600.0
    slow = max(measured, key=lambda timing: timing.rtt.p999 or 0.0)
    out = max(measured, key=lambda timing: timing.longest_outage_s)
    outage = (
        f"The longest outage lasted {seconds(out.longest_outage_s)} ({out.path})."
        if out.longest_outage_s
        else "No path had an outage."
    )
    return (
        f"Every path was measured for at least {span(least_h * 3600)}.",
        f"99.9 % of all round trips take at most {seconds(slow.rtt.p999 or 0.0)} (worst: {slow.path}).",
        outage,
    )


def _summary(
    plan: Plan, verdict: Verdict, by_status: Mapping[Status, Sequence[Finding]], waived: Sequence[Finding]
) -> str:
    text = _in_short(plan, verdict, by_status)
    if not waived:
        return text
    failed = sum(finding.status is Status.FAIL for finding in waived)
    points = "1 finding is waived" if len(waived) == 1 else f"{len(waived)} findings are waived"
    return f"{text} {points}" + (f", {failed} of them failed." if failed else ".")


def _in_short(plan: Plan, verdict: Verdict, by_status: Mapping[Status, Sequence[Finding]]) -> str:
    failed, warned = len(by_status[Status.FAIL]), len(by_status[Status.WARN])
    unknown = len(by_status[Status.SKIPPED]) + len(by_status[Status.ERROR])
    blind = f" ({unknown} could not be judged)" if unknown else ""
    match verdict:
        case Verdict.UNSUITABLE:
            checks = "1 check failed" if failed == 1 else f"{failed} checks failed"
            return f"The machines and network of {plan.cluster} will not carry a cluster as they are: {checks}{blind}."
        case Verdict.INCONCLUSIVE:
            return f"The measurement of {plan.cluster} is not complete enough to answer the question{blind}."
        case Verdict.CONDITIONAL:
            return (
                f"The machines and network of {plan.cluster} will carry a cluster once the points below are settled "
                f"({warned} warned, {unknown} could not be judged)."
            )
        case Verdict.WAIVED:
            return f"The machines and network of {plan.cluster} will carry a cluster if those who waived what was found are right."
        case Verdict.SUITABLE:
            return f"The machines and network of {plan.cluster} will carry a cluster with the settings below."
