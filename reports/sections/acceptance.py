"""Acceptance sheet: what was entered, what was tried, and who says so.

What: A box for the settings of every product on every node, for manual switchover, switchback and a stopped primary of every group that
    fails over, with room for who and when; signatures; the archives that it is about, with their hashes; and the commands that measure again.
Why HA: A cluster is accepted by trying it. Whoever finds it standing still in a year has to see what was entered, what was tried, and on
    which measurement it was built.
How: Products, settings and times until a dead peer is noticed are those of the recommendations. Nothing is ticked by this program: it
    has not seen the installed cluster. Where the verdict does not let the values be entered, and for data that is no measurement of a site, there is nothing to
    accept, and the sheet says so.
Source: Genesys SIP Server HA guide (tests after an installation: manual switchover, switchback, stopped primary, each with a live call; log events of a
    change of mode). For other products the same three tests are a design value.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from analyzer.contract import Assessment, Recommendation, Scope, Subject
from collector.errors import printable
from reports import figures
from reports.contract import Block, Callout, Heading, Paragraph, Section, Table, Text, Tone
from reports.excerpt import excerpt
from reports.provenance import archive_blocks
from reports.provisional import ready, remarks
from reports.texts import each, mark, say

SIGNERS = (mark("Settings entered by"), mark("Open points confirmed by"), mark("Accepted for the customer by"))
BOX = "\N{BALLOT BOX}"
EMPTY = "\n\N{NO-BREAK SPACE}"
"""Room for a hand."""
MOST_ROWS, MOST_SUBJECTS, MOST_ARCHIVES = 60, 12, 24
"""Of a larger cluster the sheet is an example that goes on elsewhere (design value)."""
TESTED = frozenset({Scope.PAIR, Scope.CLUSTER})
_SPARE = "members that may fail"
"""What the rule about majorities calls that in its evidence."""


def _build(assessment: Assessment) -> Iterator[Block]:
    if assessment.origin != "measured" or not ready(assessment):
        yield Callout(say("There is nothing to accept yet"), "\n".join(remarks(assessment)), Tone.UNKNOWN)
        return
    yield Paragraph(
        say(
            "To be filled in by hand on the installed cluster. A box that stays empty was not tried. This run was measured before or beside that "
            "and knows nothing of it."
        )
    )
    yield Heading(say("Settings applied"), 2)
    yield from _settings(assessment)
    yield Heading(say("Tests"), 2)
    yield from _tests(assessment)
    yield Heading(say("Signatures"), 2)
    yield Paragraph(
        say(
            "By these signatures the settings above were entered, the tests above were made, the points under “Not tested” were "
            "confirmed, and the archives named below are those of this site."
        )
    )
    yield Table(
        each("", "Name", "Date", "Signature"),
        tuple((f"{say(who)}{EMPTY}", "", "", "") for who in SIGNERS),
        (34, 24, 16, 26),
    )
    yield Heading(say("What it was built on"), 2)
    yield from archive_blocks(assessment)
    yield Heading(say("To test again"), 2)
    yield Paragraph(
        say(
            "Measure again after every change of machines or network, with the same plan and key. Where the cluster runs by then, state "
            'phase = "live" in the plan on every node first.'
        )
    )
    yield Text(say("Commands"), _commands(assessment))


def _settings(assessment: Assessment) -> Iterator[Block]:
    rows = tuple(
        (BOX, f"{advice.title}\n{advice.where}", _place(node, advice.subject), "\n".join(_values(advice)), EMPTY)
        for advice in assessment.recommendations
        if advice.settings
        for node in advice.nodes or (figures.subject(advice.subject.name),)
    )
    if not rows:
        yield Paragraph(say("This run gives no settings. The section “Settings” says why."))
        return
    head = each("", "Product, and where", "On", "Entered as", "Who and when")
    yield from excerpt(Table(head, rows, (4, 28, 14, 36, 18)), MOST_ROWS)


def _place(node: str, subject: Subject) -> str:
    whole = figures.subject(subject.name)
    return node if node == whole else say("{node}\n(for {subject})", node=node, subject=whole)


def _values(advice: Recommendation) -> Iterator[str]:
    for item in advice.settings:
        value = f"{item.option}: {figures.entry(item.value)} {figures.unit(item.unit)}".rstrip()
        yield f"{value} ({item.only_if})" if item.only_if else value


def _tests(assessment: Assessment) -> Iterator[Block]:
    """Three tests of every group that fails over, as far as a product for it is planned."""
    groups: dict[Subject, list[Recommendation]] = defaultdict(list)
    for topology in assessment.topologies:
        groups[topology.subject] = []
    for advice in assessment.recommendations:
        if advice.detection_s is not None and advice.settings and advice.subject.scope in TESTED:
            groups[advice.subject].append(advice)
    if not groups:
        yield Paragraph(say("No planned product fails over between these nodes, so there is no test of it."))
        return
    sip = {topology.subject for topology in assessment.topologies}
    rows = tuple(
        (BOX, f"{test}\n{figures.subject(subject.name)}", note, EMPTY, "")
        for subject in list(groups)[:MOST_SUBJECTS]
        for test, note in (
            _of_members(groups[subject], _none_spare(assessment, groups[subject]))
            if subject.scope is Scope.CLUSTER
            else _three(groups[subject], sip=subject in sip)
        )
    )
    yield Paragraph(say("Each with a live call or session. Note the times, and what became of the call."))
    head = each("", "Test", "To be seen", "Result and times", "Who and when")
    yield Table(head, rows, (4, 26, 34, 20, 16))
    left = len(groups) - MOST_SUBJECTS
    if left > 0:
        yield Paragraph(say("{number}: the same three tests.", number=figures.several(left, "more group")), small=True)


def _three(group: list[Recommendation], *, sip: bool) -> Iterator[tuple[str, str]]:
    """The tests with what is to be seen; `sip`: of a SIP Server pair, whose guide names the events."""
    changed = say("The other server is primary.")
    if sip:
        changed = say(
            "The other server is primary; its log has 00-04562 (warm) or 00-04563 (hot), that of the backup 00-04560 (warm) or 00-04561 (hot)."
        )
    yield say("Manual switchover"), changed
    back = (
        say("The first server is primary again, with the same events in the logs.")
        if sip
        else say("The first server is primary again.")
    )
    yield say("Switchback"), back
    yield say("Stop the primary"), "\n".join((changed, *_noticed(group)))


def _of_members(group: list[Recommendation], none_spare: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The tests of a cluster of members, which has neither a primary server nor its backup; `none_spare`: products that bear no loss of a member."""
    going = [advice for advice in group if advice.title not in none_spare]
    stops = [
        say("{product} stops until the member is back: it has none to spare.", product=title) for title in none_spare
    ]
    again = say("Start it again before the next test.")
    on = [say("The others go on without it.")] if going else []
    yield say("Stop a member that does not lead"), "\n".join((*on, *stops, again))
    on = [say("Another member does so now.")] if going else []
    yield (
        say("Stop the member that leads, or that runs the service"),
        "\n".join((*on, *stops, *_noticed(going))),
    )
    yield say("Start it again"), say("All are members again.")


def _none_spare(assessment: Assessment, group: Sequence[Recommendation]) -> list[str]:
    """The products of the group of which the analyzer found that no member may fail."""
    stopping = {
        item.message.partition(":")[0].lower().replace("_", "-")
        for item in assessment.findings
        if item.rule == "quorum" and any(shown.what == _SPARE and shown.value == 0 for shown in item.evidence)
    }
    return list(dict.fromkeys(advice.title for advice in group if advice.stack.lower().replace("_", "-") in stopping))


def _noticed(group: list[Recommendation]) -> Iterator[str]:
    """How fast each product notices that its peer is silent, said once."""
    noticed = [
        say(
            "{product}: a silent peer is noticed after {low} to {high}. {then}",
            product=advice.title,
            low=figures.seconds(advice.detection_s[0]),
            high=figures.seconds(advice.detection_s[1]),
            then=advice.takeover,
        ).rstrip()
        for advice in group
        if advice.detection_s is not None
    ]
    yield from dict.fromkeys(noticed)


def _commands(assessment: Assessment) -> str:
    """What to type, with every name quoted: names come from outside, and this is pasted into a shell."""
    profile = f" --profile {_quoted(assessment.profile)}" if assessment.profile else ""
    shown = assessment.nodes[:MOST_ARCHIVES]
    again = [
        f"haready collect --plan plan.toml --node {_quoted(node.name)} --duration {_duration(node.planned_s)} --out /var/tmp"
        for node in shown
    ]
    archives = " ".join(_quoted(node.archive) for node in shown)
    return "\n".join(
        (
            f"# {say('1. On every node, at about the same time:')}",
            *again,
            f"# {say('2. With the new archives in one folder:')}",
            f"haready assess haready-*.zip{profile} -o after.pdf --json after.json",
            f"# {say('3. What is different from this run:')}",
            f"haready compare {_quoted(f'{assessment.stem}-assessment.json')} after.json",
            f"# {say('This report once more, from its archives:')}",
            f"haready assess {archives}{profile}",
            "",
        )
    )


def _quoted(name: str) -> str:
    # What begins with a hyphen would be an option, quoted or not.
    return shlex.quote(printable(f"./{name}" if name.startswith("-") else name))


def _duration(planned_s: float) -> str:
    """As `--duration` takes it: whole hours where it is some."""
    whole = max(round(planned_s), 1)
    return f"{whole // 3600}h" if whole % 3600 == 0 else f"{whole}s"


SECTION = Section("acceptance", "Acceptance sheet", 80, _build)
