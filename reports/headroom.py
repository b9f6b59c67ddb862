"""What one node has left with the work of another, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.contract import Assessment, Finding, Headroom, Resource, Scope, Status
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, say, word


def headroom_blocks(assessment: Assessment) -> Iterator[Block]:
    """Every node with the work of each other one, by resource; what is missing with its reason."""
    items = assessment.headrooms
    if not items:
        yield Paragraph(say("No two nodes with archives are joined by a probed network, so nothing was added up."))
        return
    apart = _not_for(assessment)
    for sentence in dict.fromkeys(apart.values()):
        pairs_of = [figures.subject(name) for name, text in apart.items() if text == sentence]
        yield Paragraph(say("{pairs}: {text}", pairs=figures.listing(pairs_of), text=sentence))
    items = tuple(item for item in items if not {f"{item.node}+{item.other}", f"{item.other}+{item.node}"} & set(apart))
    if not items:
        return
    yield Paragraph(
        say(
            "What both nodes used in the same minute, added up, and its share of what the first one has by itself. What runs on both anyway, such as the "
            "operating system, is in the sum twice. Of all minutes 95 % (99 %) stay below; one figure: both are the same."
        )
    )
    known = [item for item in items if not item.reason]
    if known:
        pairs: dict[tuple[str, str], dict[Resource, list[Headroom]]] = defaultdict(lambda: defaultdict(list))
        for item in known:
            pairs[item.node, item.other][item.resource].append(item)
        rows = tuple(
            (
                say("{node} with the work of {other}", node=node, other=other),
                *(
                    "\n".join(_cell(item) for item in by_resource.get(resource, ())) or figures.DASH
                    for resource in Resource
                ),
            )
            for (node, other), by_resource in pairs.items()
        )
        head = (say("Node"), *(_title(word(resource)) for resource in Resource))
        yield from excerpt(Table(head, rows, (24, 19, 19, 15, 23)))
    missing: dict[str, list[Headroom]] = defaultdict(list)
    for item in items:
        if item.reason:
            missing[item.reason].append(item)
    if missing:
        lines = tuple(
            (
                reason,
                figures.listing(
                    [
                        say("{node} with {other}: {value}", node=item.node, other=item.other, value=word(item.resource))
                        for item in members
                    ]
                ),
            )
            for reason, members in missing.items()
        )
        yield from excerpt(
            Table(each("Not known because", "What"), lines, (50, 50), statuses=(Status.SKIPPED,) * len(lines))
        )


def _not_for(assessment: Assessment) -> dict[str, str]:
    """Pairs of which the check says that none takes over the other's work, with its sentence: it has figures, and judges none of them."""
    of_pair: dict[str, list[Finding]] = defaultdict(list)
    for found in assessment.findings:
        if found.rule == "headroom" and found.subject.scope is Scope.PAIR:
            of_pair[found.subject.name].append(found)
    known = {frozenset((item.node, item.other)) for item in assessment.headrooms if item.share is not None}
    return {
        name: told.removeprefix(f"{name.replace('+', ' and ')}: ")
        for name, found in of_pair.items()
        if frozenset(name.split("+")) in known and not any(item.evidence for item in found)
        if (told := next((item.message for item in found if item.status is Status.INFO), ""))
    }


def _title(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _cell(item: Headroom) -> str:
    """``37.5 % (48.8 %) of 8 cores``; where the limit is not known, what was used."""
    of = f"{item.of}: " if item.resource is Resource.NIC else ""
    if item.share is None:
        return say("{of}{amount}, its limit is not told", of=of, amount=_amount(item, item.p95))
    if item.resource is Resource.DISK:
        return say("{ratio} busy", ratio=_shares(item))
    return say(
        "{of}{ratio} of {amount}",
        of=of,
        ratio=_shares(item),
        amount=_amount(item, item.capacity),
    )


def _shares(item: Headroom) -> str:
    """Both quantiles; one figure where a short run makes them the same."""
    share, peak = figures.ratio(item.share), figures.ratio(item.peak_share)
    return share if share == peak else f"{share} ({peak})"


def _amount(item: Headroom, value: float | None) -> str:
    match item.resource:
        case Resource.CPU:
            return figures.DASH if value is None else say("{number} cores", number=figures.number(value))
        case Resource.MEMORY:
            return figures.memory(value)
        case Resource.NIC:
            return figures.bits(value)
        case Resource.DISK:
            return figures.ratio(value)
