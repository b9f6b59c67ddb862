"""The report as a short text for a ticket: what page 1 says, and nothing that a ticket system would obey."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixtures import ALL, HOSTILE, bad, demonstration, hostile, trio, wordy

from analyzer.contract import Area, Assessment, Effort, Finding, Scope, Status, Subject
from collector.errors import Exit, OperatorError
from reports.build import build, imprint
from reports.commands import COMMANDS, Form, Look, write_report
from reports.contract import Callout, Chart, Checklist, Heading, Paragraph, Table, Text, Tone
from reports.fixes import fixes
from reports.render.markdown import JOINER, inline, render
from reports.texts import Language
from reports.ticket import ticket


def told(assessment: Assessment) -> str:
    return render(ticket(assessment), imprint(assessment))


def plain(text: str) -> str:
    """What a reader sees of the words: without escapes and joiners."""
    return html.unescape(re.sub(r"\\(.)", r"\1", text.replace("<br>", "\n"))).replace(JOINER, "")


@pytest.mark.parametrize(
    ("make", "word"), [(trio, "✓ Suitable"), (bad, "✗ Not suitable"), (demonstration, "○ No answer yet")]
)
def test_a_ticket_tells_what_is_needed_to_act(make, word):
    assessment = make()
    text = plain(told(assessment))

    assert f"**{word}" in text
    assert f"Score: {assessment.score.overall} of 100" in text or assessment.score.overall is None
    for reason in assessment.reasons[:3]:
        assert reason[:120] in text
    for part in assessment.score.areas:
        assert part.score is None or f"{part.score} of 100" in text
    for fix in fixes(assessment, 5):
        assert f"- [ ] {fix.what[:100]}" in text
        assert fix.who in text
    for node in assessment.nodes:
        assert node.archive in text
        assert node.sha256 in text
    assert all(
        item.option in text for advice in assessment.recommendations[:3] for item in advice.settings if not item.only_if
    )
    assert "class unrefuted" in text or not any(advice.risk for advice in assessment.recommendations)


def test_a_fix_has_the_one_who_can_do_it_how_much_there_is_of_it_and_what_it_takes():
    def found(rule: str, subject: str, status: Status = Status.FAIL, effort: Effort | None = None) -> Finding:
        return Finding(rule, rule, Area.NETWORK, Subject(Scope.PATH, subject), status, "Bad.", remedy="Mend it.", effort=effort)  # fmt: skip

    findings = (
        found("loss", "a>b/n", effort=Effort.WINDOW),
        found("loss", "b>a/n", effort=Effort.SETTING),
        found("jitter", "a>b/n"),
        found("loss", "c>a/n", Status.PASS),
    )
    site = replace(trio(), findings=findings, fixes=("Mend it.", "Ask somebody."))
    first, second = fixes(site, 5)

    assert (first.who, first.extent, first.effort) == ("network administrator", "2 paths", "maintenance window")
    assert (second.who, second.extent, second.effort) == ("installer", "", "")
    assert "Mend it. (network administrator; 2 paths; maintenance window)" in told(site)
    (alone,) = fixes(replace(trio(), findings=findings[:1], fixes=("Mend it.",)), 5)
    assert alone.extent == "a → b (n)"


def test_what_a_machine_does_is_mended_by_who_runs_it_wherever_it_shows():
    machine = Finding(
        "standstill", "x", Area.HOST, Subject(Scope.NODE, "a"), Status.WARN, "It stood.", remedy="Find what stops a."
    )
    path = replace(machine, rule="outages", area=Area.NETWORK, subject=Subject(Scope.PATH, "a>b/n"))
    (fix,) = fixes(replace(trio(), findings=(path, machine), fixes=("Find what stops a.",)), 5)
    assert (fix.who, fix.extent) == ("system administrator", "a")


@pytest.mark.parametrize("name", ALL)
def test_a_ticket_stays_short(name):
    assert len(told(ALL[name]()).encode()) < 30_000


@pytest.mark.parametrize("name", ALL)
def test_every_section_can_be_told(name):
    assessment = ALL[name]()
    text = render((blocks for _, blocks in build(assessment)), imprint(assessment))

    head, columns = "", 0
    for line in text.splitlines():
        if line.startswith("| "):
            bars = len(re.findall(r"(?<!\\)\|", line))
            assert bars == columns or not head, line
            columns = bars
        head = line if line.startswith("| ") else ""


HARMFUL = (
        "<script>alert(1)</script>", "[x](http://evil.example)", "![x](//evil.example/i.png)", "| a | b |", "# heading", "@everyone and #12",
        "/close", "- item", "1. item", "> quote", "===", "```", "&lt;b&gt;", "www.evil.example", "*bold* _it_ ~~no~~ `code` $x$ {macro}",
        "\u202egnp.exe\u2066", "a\\", "<!-- -->", "\x1b[31m",
)  # fmt: skip
HARM = "\n".join(HARMFUL)


def test_what_comes_from_outside_is_text_wherever_it_stands():
    blocks = [
        Heading(HARM), Paragraph(HARM), Callout(HARM, HARM, Tone.BAD), Checklist(((HARM, HARM),)), Chart(HARM, HARM, HARM, ()),
        Table((HARM, "b"), ((HARM, HARM),), (1, 1), HARM, (Status.FAIL,)),
    ]  # fmt: skip
    text = render([blocks], replace(imprint(trio()), cluster=HARM, title=HARM, banner=HARM, footer=HARM, lines=(HARM,)))

    bare = re.sub(r"\\.", "", text).replace("<br>", "")
    assert not re.search(r"[<`~$^{}]|&(?!lt;|amp;)[#\w]|\]\(|!\[|://|www\.|\x1b|[\u202e\u2066]", bare)
    assert not re.search(rf"@(?!{JOINER})|#(?=\d)", bare)
    ours = re.sub(r"(?m)^(#{2,6} |> |- \[ \] |\| |\*\*?(?=\S)|---$)", "", text)
    assert not re.search(r"(?m)^(#|/|- |\d+[.)]|>|=|\+)", ours)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sip-a and sip-b (public)", "sip-a and sip-b (public)"),
        ("fsync_p99_s", r"fsync\_p99\_s"),
        ("1. first", r"1\. first"),
        ("1\N{NO-BREAK SPACE}094 probes", "1 094 probes"),
        ("two\nlines", "two lines"),
        ("-5 %", r"\-5 %"),
        ("10.0.0.1 to 10.0.0.2", r"10\.0.0.1 to 10.0.0.2"),
        ("", ""),
    ],
)
def test_ordinary_text_stays_readable(given, expected):
    assert inline(given) == expected


def test_text_to_paste_is_fenced_beyond_any_fence_in_it():
    text = render([[Text("how", "a\n````\nb | <c>\n")]], imprint(trio()))

    assert "\n`````\na\n````\nb | <c>\n`````\n" in text


def test_names_that_mean_harm_are_told_and_not_obeyed():
    text = told(hostile())

    assert "<script>" not in text
    assert HOSTILE[:40] in plain(text)


def test_it_ends_with_the_plan_and_the_version():
    assert told(trio()).endswith(f"haready {trio().tool_version}   plan {trio().plan_digest[:12]}\n")


# Command


def test_the_command_writes_it_beside_the_pdf(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    assert COMMANDS["report"](["a.json", "--format", "md"]) == Exit.DONE

    name = capsys.readouterr().out.strip()
    assert name == f"{trio().stem}-report.md"
    assert (tmp_path / name).read_text(encoding="utf-8") == told(trio())


def test_it_needs_no_drawing_library(tmp_path):
    (tmp_path / "a.json").write_text(wordy().to_json(), encoding="utf-8")
    program = (
        "import sys\nfor name in ('reportlab', 'matplotlib', 'numpy', 'pandas'): sys.modules[name] = None\n"
        "from reports.commands import report\nsys.exit(report(['a.json', '--format', 'md', '-o', 'b.md']))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, capture_output=True)

    assert (tmp_path / "b.md").read_text(encoding="utf-8") == told(wordy())


def test_a_lone_surrogate_is_no_crash(tmp_path):
    write_report(replace(trio(), cluster="a\ud800b"), tmp_path / "r.md", Look(Form.MARKDOWN))

    assert (tmp_path / "r.md").read_text(encoding="utf-8")


def test_it_is_written_in_the_chosen_language(tmp_path):
    path = tmp_path / "xx.po"
    path.write_text('msgid ""\nmsgstr "Language: xx\\n"\n\nmsgid "Verdict"\nmsgstr "Urteil"\n', encoding="utf-8")
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    COMMANDS["report"](
        [str(tmp_path / "a.json"), "--format", "md", "-o", str(tmp_path / "r.md"), "--language", str(path)]
    )

    assert "### Urteil" in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert Look().language.tag == Language().tag == "en"


def test_an_unwritable_place_is_refused_in_two_lines(tmp_path):
    (tmp_path / "a.json").write_text(trio().to_json(), encoding="utf-8")

    with pytest.raises(OperatorError) as caught:
        COMMANDS["report"]([str(tmp_path / "a.json"), "--format", "md", "-o", str(tmp_path / "no" / "r.md")])

    assert caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [(["-o", "x.md"], b"## "), (["-o", "x.MD", "--format", "md"], b"## "), (["-o", "x.txt"], b"%PDF")],
)
def test_the_file_s_name_tells_the_form_where_nothing_else_does(tmp_path, monkeypatch, arguments, begins):
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(trio().to_json(), encoding="utf-8")

    assert COMMANDS["report"](["a.json", *arguments]) == Exit.DONE
    assert Path(arguments[1]).read_bytes().startswith(begins)


@pytest.mark.parametrize(("name", "form"), [("x.pdf", "md"), ("x.md", "pdf")])
def test_a_name_that_contradicts_the_form_is_refused(tmp_path, monkeypatch, name, form):
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(trio().to_json(), encoding="utf-8")

    with pytest.raises(OperatorError, match=f"{name} is no name for --format {form}"):
        COMMANDS["report"](["a.json", "-o", name, "--format", form])
    assert not Path(name).exists()
