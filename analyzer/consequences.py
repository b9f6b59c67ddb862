"""What follows from something else that was found: one fault is one thing to mend, however many checks it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.concerns import LINK, beyond
from analyzer.contract import Evidence, Finding, Outage, Scope, Status, Subject, Timing
from analyzer.contract.spans import Spans
from analyzer.host import carried
from analyzer.joints import common_spans, on_channels
from analyzer.lost import in_outages, silenced
from analyzer.material import Material

_FOLLOWS = frozenset({Status.FAIL, Status.WARN})
_SLOW = frozenset({"link speed of the plan's rate", "readings at half duplex"})
"""What the evidence of a link calls that it is slow; one that only comes and goes explains no low rate."""
_AT_ONCE = "longest outage of all "
"""How the evidence of a pair begins that its channels, or beside a single one all its networks, were out at once."""
_SHARE = 0.5
"""An outage that was common for at least this share of its length is the common one (design value, as for standstills)."""


@dataclass(frozen=True, slots=True)
class _Cause:
    """A finding, which others follow from it, and what is said of them."""

    finding: Finding
    told: str
    explains: Callable[[Finding], bool]

    def covers(self, finding: Finding) -> bool:
        """Whether a finding follows from this one. What only warns explains no failure."""
        return self.finding.status in (Status.FAIL, finding.status) and self.explains(finding)


def told_once(material: Material, findings: Sequence[Finding]) -> tuple[list[Finding], frozenset[tuple[str, Subject]]]:
    """The findings, of which those that follow from another say so and ask for nothing, and rule and subject of these others."""
    found = [item for item in findings if item.status in _FOLLOWS and item.waiver is None]
    known = [*_links(material, found), *_common(material, found), *_lossy(material, found)]
    told: list[Finding] = []
    causes: set[tuple[str, Subject]] = set()
    for finding in findings:
        open_ = finding.status in _FOLLOWS and finding.waiver is None
        cause = next((item for item in known if item.covers(finding)), None) if open_ else None
        if cause is None:
            told.append(finding)
            continue
        causes.add((cause.finding.rule, cause.finding.subject))
        told.append(replace(finding, message=f"{finding.message} {cause.told}", remedy=""))
    return told, frozenset(causes)


def _links(material: Material, findings: Sequence[Finding]) -> Iterator[_Cause]:
    """Links that failed for being slow, once for each network that they carry."""
    taken: set[tuple[str, str]] = set()
    for finding in findings:
        slow = any(item.what in _SLOW and beyond(item, finding.status) for item in finding.evidence)
        if finding.rule != LINK or finding.status is not Status.FAIL or not slow:
            continue
        for node in material.plan.nodes:
            nic = finding.subject.name.removeprefix(f"{node.name}/")
            if nic == finding.subject.name:
                continue
            for network in carried(material.plan, node.name, material.facts.get(node.name, {})).get(nic, ()):
                end = (node.name, network.name)
                if end not in taken:
                    taken.add(end)
                    yield _Cause(finding, f"This follows from the link {nic} of {node.name}.", _slowed(*end))


def _slowed(node: str, network: str) -> Callable[[Finding], bool]:
    """Whether a finding of what TCP carried, or of how alike the ends are, is of that end of that network."""

    def explains(finding: Finding) -> bool:
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

    return explains


def _common(material: Material, findings: Sequence[Finding]) -> Iterator[_Cause]:
    """Pairs all of whose channels were out at once."""
    for finding in findings:
        one, _, other = finding.subject.name.partition("+")
        crossed = any(item.what.startswith(_AT_ONCE) and beyond(item, finding.status) for item in finding.evidence)
        if finding.rule != "redundancy" or finding.subject.scope is not Scope.PAIR or not crossed:
            continue
        timings = on_channels((one, other), material.plan, material.timings.values())
        if len({timing.network for timing in timings}) < 2:
            timings = [timing for timing in material.timings.values() if {timing.source, timing.target} == {one, other}]
        spans = common_spans((one, other), material.plan, timings)
        yield _Cause(
            finding,
            f"That is the outage of {', '.join(dict.fromkeys(timing.network for timing in timings))} at the same moment.",
            _silenced({timing.path: timing for timing in timings}, spans),
        )


def _silenced(timings: Mapping[str, Timing], spans: Spans) -> Callable[[Finding], bool]:
    """Whether a finding is of nothing but the outages of these stretches."""

    def explains(finding: Finding) -> bool:
        timing = timings.get(finding.subject.name)
        if timing is None:
            return False
        inside = [outage for outage in timing.outages if _within(outage, spans)]
        if finding.rule == "loss":
            return 2 * in_outages(inside) > timing.lost
        if finding.rule != "outages":
            return False
        graver = [outage for outage in timing.outages if _judged(outage, timing, finding.evidence)]
        return bool(graver) and all(outage in inside for outage in graver)

    return explains


def _within(outage: Outage, spans: Spans) -> bool:
    end_s = outage.start_s + outage.length_s
    common_s = sum(max(0.0, min(stop, end_s) - max(start, outage.start_s)) for start, stop in spans)
    return common_s >= _SHARE * outage.length_s


def _judged(outage: Outage, timing: Timing, evidence: Sequence[Evidence]) -> bool:
    """Whether it lies beyond a limit of the finding by itself."""
    certain_s = max(0.0, outage.length_s - timing.period_s)
    return any(item.limit is not None and item.limit.judge(certain_s) is not Status.PASS for item in evidence)


def _lossy(material: Material, findings: Sequence[Finding]) -> Iterator[_Cause]:
    """Paths that drop packets now and then, for which TCP slows down. What silences one for a while is no such path."""
    for finding in findings:
        timing = material.timings.get(finding.subject.name)
        if finding.rule == "loss" and timing is not None and not silenced(timing):
            yield _Cause(
                finding,
                "TCP slows down for lost packets: mend the loss first.",
                _held_back(material, {timing.source, timing.target}, timing.network),
            )
            yield _Cause(finding, "It loses as much at rest: mend that first.", _as_at_rest(material, timing))


def _as_at_rest(material: Material, timing: Timing) -> Callable[[Finding], bool]:
    """Whether a finding is of no more loss under load than that path, or the way back of it, has at rest."""

    def explains(finding: Finding) -> bool:
        loaded = material.timings.get(finding.subject.name) if finding.rule == "under-load" else None
        if (
            loaded is None
            or {loaded.source, loaded.target} != {timing.source, timing.target}
            or loaded.network != timing.network
        ):
            return False
        crossed = [item for item in finding.evidence if beyond(item, finding.status)]
        most = loaded.loss_high or 0.0
        return bool(crossed) and all(item.unit == "ratio" and (item.value or 0.0) <= most for item in crossed)

    return explains


def _held_back(material: Material, ends: set[str], network: str) -> Callable[[Finding], bool]:
    """Whether a finding is of what TCP carried between these over this network, and it had to send again."""

    def explains(finding: Finding) -> bool:
        carried_ = material.throughputs.get(finding.subject.name) if finding.rule == "bandwidth" else None
        return (
            carried_ is not None
            and {carried_.source, carried_.target} == ends
            and carried_.network == network
            and any(test.retransmits != 0 for test in carried_.tests)
        )

    return explains
