"""Page one and the JSON tell the same figures: what is printed there can be checked against the file beside it, and the other way round."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sample_set
from report_fixtures import bad, demonstration, trio, wordy

from analyzer.contract import Area, Assessment, Status, Verdict
from reports import figures
from reports.basis import rest_s
from reports.brief import LONGEST
from reports.commands import Look, write_report
from reports.contract import Block, Callout, Paragraph, Table
from reports.limited import parted
from reports.render.pdf import Paper
from reports.sections.verdict import SECTION
from reports.wording import worded

SAMPLES = sorted((Path(__file__).parent.parent / "samples").glob("*/assessment.json"))
ASSESSMENTS = {
    **{path.parent.name: lambda path=path: Assessment.from_json(path.read_text(encoding="utf-8")) for path in SAMPLES},
    **{make.__name__: make for make in (trio, bad, demonstration, wordy)},
}
NUMBER = re.compile(r"\d[\d.,:]*\d|\d")
FIXED = frozenset({"95", "100", "15", "24", "1", "2", "3", "4", "5"})
"""Of the page's own sentences: the confidence, the best score, how long to measure, ranks of reasons."""


def page_one(assessment: Assessment, folder: Path, paper: str = "a4") -> str:
    write_report(assessment, folder / "r.pdf", Look(paper=paper))
    done = subprocess.run(
        ["pdftotext", "-raw", "-l", "1", str(folder / "r.pdf"), "-"], check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout


def joined(text: str) -> str:
    """Without any space: lines are broken where a column ends."""
    return "".join(text.split())


@pytest.mark.parametrize("paper", list(Paper))
@pytest.mark.parametrize("name", sample_set.drawn(ASSESSMENTS))
def test_every_figure_of_the_assessment_that_belongs_on_page_one_is_there(name, paper, tmp_path):
    assessment = worded(ASSESSMENTS[name]())
    told = joined(page_one(assessment, tmp_path, paper))

    assert joined(assessment.summary) in told
    for message, elsewhere in (
        *(parted(assessment, reason) for reason in assessment.reasons[:3]),
        *((fix, "") for fix in assessment.fixes[:5]),
    ):
        room = max(LONGEST - len(elsewhere), LONGEST * 3 // 4)
        whole = message if len(message) <= room else message[: message.rfind(". ", 0, room - 2) + 1]
        assert joined(whole).replace("`", "") in told
        assert joined(elsewhere) in told
    entered = [item for advice in assessment.recommendations[:6] for item in advice.settings if not item.only_if]
    assert entered or not any(advice.settings for advice in assessment.recommendations)
    for item in entered:
        value = f"{figures.entry(item.value)}{figures.unit(item.unit)}"
        assert f"{joined(item.option)}:{joined(value)}" in told
    if assessment.score.overall is not None:
        assert f"Score:{assessment.score.overall}of100" in told
    for part in assessment.score.areas:
        if part.lines and part.score is not None:
            assert f"{part.score}of100" in told
        for status, count in Counter(line.status.value for line in part.lines).items():
            if status != "skipped":
                assert f"{count}{status}" in told
    for text in (figures.duration(assessment.duration_s), figures.moment(assessment.started), assessment.tool_version):
        assert joined(text) in told
    assert assessment.plan_digest[:12] in told


@pytest.mark.parametrize("name", sample_set.drawn(path.parent.name for path in SAMPLES))
def test_page_one_of_a_sample_tells_no_figure_that_the_json_does_not_hold(name, tmp_path):
    assessment = ASSESSMENTS[name]()
    data = json.loads(assessment.to_json())
    known = set(FIXED)

    def gather(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                known.update(NUMBER.findall(key))
                gather(inner)
        elif isinstance(value, list):
            known.add(str(len(value)))
            for inner in value:
                gather(inner)
        elif isinstance(value, str):
            known.update(NUMBER.findall(value))
            known.update(NUMBER.findall(figures.moment(value)))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            known.add(figures.entry(value))
            for text in (figures.duration(value), figures.seconds(value), figures.bits(value), figures.ratio(value)):
                known.update(NUMBER.findall(text))

    gather({key: value for key, value in data.items() if key not in {"traces", "curves"}})
    # What is no news is not counted on the page.
    counted = worded(assessment).score.areas
    lines = [line.status for part in counted for line in part.lines]
    for part in counted:
        known.update(map(str, Counter(line.status for line in part.lines).values()))
    known.update(map(str, Counter(lines).values()))
    known.update(NUMBER.findall(assessment.plan_digest[:12]))
    for timing in assessment.timings:  # of a path without the time of bandwidth tests
        known.update(NUMBER.findall(figures.duration(rest_s(timing))))
    moments = [outage.start_s for timing in assessment.timings for outage in timing.outages]
    moments += [note.at_s for note in assessment.notes]
    for at_s in moments:  # as a time of day
        known.update(NUMBER.findall(figures.instant(assessment.started, at_s)))

    text = page_one(assessment, tmp_path)
    told = set(NUMBER.findall(re.sub(r"Page 1 of\s+\d+|\d+\Z", "", text.strip())))

    assert {item.rstrip(".,:") for item in told} - {item.rstrip(".,:") for item in known} == set()


def test_another_figure_in_the_json_is_another_figure_on_the_page(tmp_path):
    first = trio().recommendations[0]
    changed = replace(first.settings[1], value=77)
    advice = replace(first, settings=(first.settings[0], changed, *first.settings[2:]))

    told = page_one(replace(trio(), recommendations=(advice, *trio().recommendations[1:])), tmp_path)

    assert f"{changed.option}: 77" in told.replace("\N{NO-BREAK SPACE}", " ")


def test_with_nothing_to_mend_page_one_does_not_deny_the_advice_beside_its_settings():
    """A second channel may be advised there: so not everything is as it should be."""
    (advice, *others) = trio().recommendations
    advised = replace(advice, cautions=(("One channel only (ch-ab)", "a second, independent one is advised"),))
    sound = replace(trio(), fixes=(), verdict=Verdict.SUITABLE, recommendations=(advised, *others))
    said = [block.text for block in SECTION.build(sound) if isinstance(block, Paragraph)]
    assert any(text.startswith("No check asks for a change. What is advised or stays open") for text in said)
    assert not any("Nothing has to be fixed" in text for text in said)


@pytest.mark.parametrize("brackets", ["", " (each one late, and none of them in order)"])
def test_where_else_a_check_failed_stays_on_page_one_however_long_its_first_message_is(brackets):
    """Page 1 names the other places nowhere else."""
    found = next(item for item in bad().findings if item.status is Status.FAIL and item.area is Area.NETWORK)
    worst = replace(
        found, message=f"Path one carries little, less than it has to{brackets}; " + "far less, " * 30 + "so it fails."
    )
    elsewhere = " Also failed: sip-a → sip-dr (ch-ac). A warning on sip-dr → sip-a (ch-ac), sip-dr → sip-b (ch-bc)."
    run = replace(bad(), findings=(worst,), reasons=(worst.message + elsewhere,))

    why = next(block.text for block in SECTION.build(run) if isinstance(block, Paragraph))

    assert why.startswith("1. Path one carries little")
    shown, _, after = why.partition(f"…{elsewhere}")
    assert after.startswith(" The longest outage began at ")
    assert LONGEST // 3 < len(shown) <= LONGEST * 3 // 4 + len("1. ")
    assert shown.count("(") == shown.count(")")


def advised(*cautions: tuple[str, str], verdict: Verdict = Verdict.SUITABLE) -> list[Block]:
    """Page one of a run whose first two products have these cautions."""
    first, other, *others = trio().recommendations
    own = replace(first, cautions=cautions)
    shared = replace(other, cautions=cautions[:1])
    rest = tuple(replace(item, cautions=()) for item in others)
    return list(SECTION.build(replace(trio(), verdict=verdict, recommendations=(own, shared, *rest))))


def test_a_caution_is_no_line_among_the_values_but_one_of_its_own_with_a_sign_that_its_product_has_too():
    blocks = advised(("One channel only", "a second is advised"), ("Windows only", "sip-a runs Linux"))
    table = next(block for block in blocks if isinstance(block, Table) and "Enter" in block.head)
    below = blocks[blocks.index(table) + 1]

    assert below == Paragraph("▲1 One channel only: a second is advised\n▲2 Windows only: sip-a runs Linux", small=True)
    assert not any("One channel" in cell for row in table.rows for cell in row)
    assert [row[1][row[1].index("▲") :] for row in table.rows[:2]] == ["▲1 ▲2", "▲1"]
    assert not any("▲" in row[1] for row in table.rows[2:])


@pytest.mark.parametrize(
    ("blocks", "warned"),
    [
        (advised(("One channel only", "a second is advised")), True),
        (advised(), False),
        (advised(("One channel only", "a second is advised"), verdict=Verdict.UNSUITABLE), False),
    ],
)
def test_who_may_install_is_told_that_cautions_stand_below_if_any_do(blocks, warned):
    answer = [block.text for block in blocks if isinstance(block, Callout)][-1]
    assert ("Mind the cautions marked ▲ below." in answer) is warned
