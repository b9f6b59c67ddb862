"""The report: every section for every assessment, and a PDF that a customer can sign."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixtures import ALL, HOSTILE, LONG, bad, demonstration, empty, hostile, trio

import reports.sections
from analyzer.contract import Assessment, Status, Subject, Trace
from analyzer.contract import Scope as AssessedScope
from collector.errors import Exit, OperatorError
from reports import axes, figures
from reports.build import build, imprint, sections
from reports.commands import COMMANDS, report, write_report
from reports.contract import Band, Callout, Chart, Checklist, Heading, Mark, Paragraph, Table, Text, Tone
from reports.findings import finding_table
from reports.render.charts import ChartBox
from reports.render.pdf import render
from reports.sections import method, network, nodes, settings, verdict

PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', re.DOTALL)
WORD = re.compile(r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>')


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    for name, make in ALL.items():
        write_report(make(), folder / f"{name}.pdf")
    return {name: folder / f"{name}.pdf" for name in ALL}


def pages(path: Path) -> list[str]:
    return run("pdftotext", "-layout", str(path), "-").split("\f")[:-1]


def text(path: Path) -> str:
    """All words, with line breaks and spaces made alike."""
    return " ".join(run("pdftotext", "-layout", str(path), "-").split())


def words(block: object) -> str:
    return repr(block)


# Sections


def test_the_folder_is_the_registry_and_orders_the_report():
    found = sections()

    names = {path.stem for path in Path(reports.sections.__path__[0]).glob("*.py")} - {"__init__"}
    assert {section.name for section in found} == names
    assert [section.name for section in found][:4] == ["verdict", "settings", "network", "nodes"]
    assert found[-1].name == "method"


@pytest.mark.parametrize("module", [verdict, settings, network, nodes, method])
def test_each_section_documents_itself(module):
    for label in ("What:", "Why HA:", "How:", "Source:"):
        assert label in module.__doc__


@pytest.mark.parametrize("name", ALL)
def test_every_section_builds_for_every_assessment_without_an_empty_block(name):
    for section, blocks in build(ALL[name]()):
        assert blocks[0] == Heading(section.title)
        assert len(blocks) > 1
        for block, following in itertools.pairwise((*blocks, Heading("end"))):
            match block:
                case Table(head, rows, widths, _, statuses):
                    assert rows
                    assert {len(row) for row in rows} == {len(head)} == {len(widths)}
                    assert len(statuses) in {0, len(rows)}
                case Chart(bands=bands):
                    assert bands
                    assert all(any(value is not None for value in band.mid) for band in bands)
                    assert all(len(band.x) <= 480 for band in bands)
                case Checklist(items):
                    assert items
                case Heading(level=2):
                    assert not isinstance(following, Heading), f"nothing below {block.text}"


def test_a_section_that_raises_is_not_swallowed(monkeypatch):
    def broken(_assessment):
        raise ZeroDivisionError
        yield

    monkeypatch.setattr(verdict, "SECTION", replace(verdict.SECTION, build=broken))

    with pytest.raises(ZeroDivisionError):
        list(build(trio()))


def test_no_raw_float_reaches_the_reader():
    for make in (trio, bad, demonstration):
        for _, blocks in build(make()):
            for block in blocks:
                if isinstance(block, Table):
                    for cell in itertools.chain.from_iterable(block.rows):
                        assert not re.search(r"\d\.\d{7,}|\d[eE][-+]\d|\bnan\b|\bNone\b", cell), cell


def test_verdict_is_in_words_with_its_tone():
    told = [block for block in verdict.SECTION.build(bad()) if isinstance(block, Callout)]

    assert told[0].title == "Not suitable"
    assert told[0].tone is Tone.BAD
    assert bad().summary in told[0].text


@pytest.mark.parametrize("origin", ["demonstration", "synthetic", "something else"])
def test_what_is_not_measured_says_so_before_the_verdict(origin):
    first = next(iter(verdict.SECTION.build(replace(trio(), origin=origin))))

    assert isinstance(first, Callout)
    assert first.tone is Tone.WARN
    assert "real site" in first.text


def test_a_demonstration_does_not_tell_anybody_to_install():
    told = [
        block for block in verdict.SECTION.build(replace(trio(), origin="demonstration")) if isinstance(block, Callout)
    ]

    assert "would mean: install" in told[1].text


def test_equal_settings_share_a_row_on_page_one():
    table = next(block for block in verdict.SECTION.build(trio()) if isinstance(block, Table))

    assert [row[1] for row in table.rows] == ["sip-a and sip-b", "sip-a and sip-dr\nsip-b and sip-dr"]
    assert table.rows[1][3] == "addp\n20 s\n20 s\n41 s"


def test_overrides_and_stalls_left_out_stand_on_page_one():
    _, rapid, classic = bad().scenarios
    relaxed = replace(bad(), scenarios=(replace(rapid, on=False), classic))
    told = words(list(verdict.SECTION.build(relaxed)))

    assert "ADDP floor lowered from 20 s to 15 s" in told
    assert "Rapid spanning tree converges, 6 s" in told
    assert "Classic spanning tree" not in told, "off by default is no relaxation"
    assert "Live migration" not in told


def test_run_facts_name_missing_and_damaged_archives():
    told = words(list(verdict.SECTION.build(bad())))

    assert "no archive from: sip-b" in told
    assert "damaged archive: sip-dr" in told


def test_unverified_facts_are_marked():
    rows = [
        row
        for block in settings.SECTION.build(trio())
        if isinstance(block, Table) and block.head[0] == "Option"
        for row in block.rows
    ]

    assert {row[0] for row in rows if "unverified" in row[4]} == {"sync-reconnect-tout"}


def test_every_candidate_for_the_timeout_is_shown_and_the_binding_one_marked():
    candidates = [
        block
        for block in settings.SECTION.build(trio())
        if isinstance(block, Table) and block.head[0].startswith("What asks")
    ]

    assert [row[0] for row in candidates[0].rows] == ["Floor", "Round trips", "Stalls"]
    assert [row[3] for row in candidates[0].rows] == ["yes, the largest", "no", "no"]


def test_a_recommendation_without_settings_says_why():
    callouts = [block for block in settings.SECTION.build(bad()) if isinstance(block, Callout)]

    assert [block.text for block in callouts] == ["No archive of sip-b."]


def test_candidates_are_shown_even_where_no_value_fits():
    advice = replace(trio().recommendations[0], settings=(), detection_s=None, snippets=())

    told = list(settings.SECTION.build(replace(trio(), recommendations=(advice,))))

    assert next(block.caption for block in told if isinstance(block, Table)) == "Candidates for the timeout"


def test_snippets_are_literal():
    snippets = [block for block in settings.SECTION.build(trio()) if isinstance(block, Text)]

    assert len(snippets) == 6
    assert snippets[0].text == trio().recommendations[0].snippets[0].text


def test_network_has_one_chart_per_pair_and_network_with_both_directions():
    charts = [block for block in network.SECTION.build(trio()) if isinstance(block, Chart) and not block.log_x]

    assert len(charts) == 6
    assert all(len(chart.bands) == 2 for chart in charts)
    assert charts[0].x_label == "time since the start, h"
    assert charts[0].bands[0].low


def test_distributions_separate_lan_from_wan_on_a_log_axis():
    charts = [block for block in network.SECTION.build(trio()) if isinstance(block, Chart) and block.log_x]

    assert [(chart.title.split(":")[0], len(chart.bands)) for chart in charts] == [
        ("Network ha", 2),
        ("Network public", 2),
        ("Network ha (WAN)", 4),
        ("Network public (WAN)", 4),
    ]
    assert charts[0].bands[0].mid[-1] == 100.0


def test_outages_are_marked_in_the_charts_unit():
    chart = next(block for block in network.SECTION.build(bad()) if isinstance(block, Chart) and block.marks)

    assert [round(mark.x, 2) for mark in chart.marks if "sip-a → sip-dr" in mark.label] == [7.44, 14.88]
    assert "4 outages, the longest 61.4 s" in chart.caption


def test_traces_and_curves_are_found_by_subject_not_by_id():
    full = trio()
    nameless = replace(
        full,
        traces=tuple(replace(item, id=f"t{place}") for place, item in enumerate(full.traces)),
        curves=tuple(replace(item, id=f"c{place}") for place, item in enumerate(full.curves)),
    )

    assert list(network.SECTION.build(nameless)) == list(network.SECTION.build(full))
    assert list(nodes.SECTION.build(nameless)) == list(nodes.SECTION.build(full))


def test_channels_that_failed_together_are_called_a_danger():
    rows = [
        row
        for block in network.SECTION.build(bad())
        if isinstance(block, Table) and block.head[0] == "Pair"
        for row in block.rows
    ]

    assert "Only one channel" in rows[0][4]
    assert rows[1][2:4] == ("2 times", "61.4 s")
    assert "split the cluster" in rows[1][4]


def test_a_node_shows_damage_and_what_was_not_measured():
    told = words(list(nodes.SECTION.build(bad())))

    assert "Damage: member 107 of 144 ends in the middle of a line" in told
    assert "no PSI on this kernel" in told
    assert "not sealed" in told
    assert "Fetch its archive and analyze again." in told


def test_findings_that_need_a_person_come_first_and_passes_are_gathered():
    table = finding_table(bad().findings)

    assert [status for status, _ in itertools.groupby(table.statuses)] == [
        Status.FAIL,
        Status.ERROR,
        Status.WARN,
        Status.SKIPPED,
        Status.INFO,
        Status.PASS,
    ]
    assert ("Loss", "8 paths", "The loss is within the limit.") in table.rows


def test_every_finding_of_every_area_is_in_the_evidence():
    table = next(
        block
        for block in method.SECTION.build(bad())
        if isinstance(block, Table) and block.head[-1] == "Evidence and limit"
    )

    assert len(table.rows) == len(bad().findings)
    assert any("61.4 s (warn over 5 s, fail over 20 s)" in row[2] for row in table.rows)


def test_limits_are_listed_once_with_their_source_and_sense():
    rows = next(
        block.rows
        for block in method.SECTION.build(trio())
        if isinstance(block, Table) and block.caption == "Limits in use"
    )

    assert len({row[:2] for row in rows}) == len(rows)
    assert ("node.clock", "servers (at least)", "3", figures.DASH, "chrony FAQ") in rows


def test_the_score_can_be_checked_by_hand():
    rows = next(
        block.rows for block in method.SECTION.build(trio()) if isinstance(block, Table) and block.head[0] == "Area"
    )

    assert ("host", "sip-dr", "(1 x 100 + 1 x 50) / 2", "75") in rows


def test_hashes_stand_in_full_in_the_method_and_short_with_the_node():
    digest = trio().nodes[0].sha256

    assert digest in words(list(method.SECTION.build(trio())))
    assert digest not in words(list(nodes.SECTION.build(trio())))
    assert digest[:16] in words(list(nodes.SECTION.build(trio())))


def test_a_pair_is_written_as_two_nodes_and_a_path_with_an_arrow():
    assert figures.subject("sip-a+sip-dr") == "sip-a and sip-dr"
    assert figures.subject("sip-a>sip-b/ha") == "sip-a → sip-b (ha)"
    assert figures.subject("sip-a/sda") == "sip-a/sda"


# Figures


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, figures.DASH),
        (float("nan"), figures.DASH),
        (0.0, "0 s"),
        (3.14e-6, "3.14 µs"),
        (0.9999e-3, "1 ms"),
        (0.0012399, "1.24 ms"),
        (0.99996, "1 s"),
        (12.0, "12 s"),
        (61.4, "61.4 s"),
        (330.0, "5 min 30 s"),
        (3780.0, "1 h 03 min"),
        (86400.0, "24 h"),
        (273600.0, "3 d 04 h"),
    ],
)
def test_seconds_choose_their_unit(value, shown):
    assert figures.seconds(value) == shown


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figures.ratio(0.0012), "0.12 %"),
        (figures.ratio(0), "0 %"),
        (figures.ratio(1e-9), "< 0.00001 %"),
        (figures.span(0.00061, 0.00096), "0.061 to 0.096 %"),
        (figures.span(None, 0.1), figures.DASH),
        (figures.octets(4_170_000), "4.17 MB"),
        (figures.octets(999.6), "1 kB"),
        (figures.quantity(1e6, "B/s"), "1 MB/s"),
        (figures.quantity(1e9, "bps"), "1 Gbit/s"),
        (figures.quantity(3, "count"), "3"),
        (figures.quantity(2.5, "retries"), "2.5 retries"),
        (figures.quantity(None, "s"), figures.DASH),
        (figures.entry(10), "10"),
        (figures.entry(1.5), "1.5"),
        (figures.entry("addp"), "addp"),
        (figures.moment("2026-11-21T10:35:00+01:00"), "2026-11-21 09:35 UTC"),
        (figures.moment("soon"), "soon"),
        (figures.number(123456), "123456"),
        (figures.several(1, "path"), "1 path"),
    ],
)
def test_other_figures(shown, expected):
    assert shown == expected


def test_axes_choose_units_people_read():
    assert axes.time_axis(60).unit == "s"
    assert axes.time_axis(7200).unit == "min"
    assert axes.time_axis(86400).unit == "h"
    assert axes.fitting_axis([3e-6, 5e-6]).unit == "µs"
    assert axes.fitting_axis([0.02, None, 0.03]) == axes.Axis("ms", 1e-3)
    assert axes.fitting_axis([0.0002, 0.9]).wide
    assert axes.unit_axis("ratio", [0.5]).scaled([0.5, None]) == (50.0, None)
    assert axes.unit_axis("B/s", [2e6]).unit == "MB/s"


# Document


@pytest.mark.parametrize("name", ALL)
def test_no_page_is_empty_and_pages_are_numbered(drawn, name):
    found = pages(drawn[name])

    assert int(re.search(r"Pages:\s+(\d+)", run("pdfinfo", str(drawn[name])))[1]) == len(found)
    for number, page in enumerate(found, 1):
        assert f"Page {number} of {len(found)}" in " ".join(page.split())
        assert len(page.split()) > 25, f"page {number} holds next to nothing"


@pytest.mark.parametrize("name", ["trio", "demonstration", "bad", "empty"])
def test_page_one_is_enough_to_act_on(drawn, name):
    assessment = ALL[name]()
    first = " ".join(pages(drawn[name])[0].split())

    assert verdict.WORDS[assessment.verdict][0] in first
    for told in (*assessment.reasons, *assessment.fixes, *assessment.overrides):
        assert told in first
    for item in (setting for advice in assessment.recommendations for setting in advice.settings):
        assert item.option in first
        assert f"{figures.entry(item.value)} {item.unit}".strip() in first
    assert "What this rests on" in first


def test_a_report_on_a_trio_stays_short(drawn):
    assert 8 <= len(pages(drawn["trio"])) <= 16
    assert drawn["trio"].stat().st_size < 450_000


@pytest.mark.parametrize(
    ("name", "label"), [("demonstration", "DEMONSTRATION"), ("hostile", "SYNTHETIC DATA"), ("trio", "")]
)
def test_the_origin_is_on_every_page_unless_measured(drawn, name, label):
    for page in pages(drawn[name]):
        assert ("not a measurement of a site" in page) is bool(label)
        assert label in page


def test_all_faces_are_embedded(drawn):
    rows = run("pdffonts", str(drawn["trio"])).splitlines()[2:]

    assert {re.search(r"DejaVu[\w-]+", row)[0] for row in rows} == {"DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"}
    assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows)


def test_metadata_names_the_cluster_the_verdict_and_the_date_of_the_assessment(drawn):
    told = run("pdfinfo", "-isodates", str(drawn["trio"]))

    assert re.search(r"Title:\s+High-availability readiness: Contact centre voice", told)
    assert re.search(r"Author:\s+haready", told)
    assert re.search(r"Subject:\s+Verdict: suitable\.", told)
    assert re.search(r"Keywords:.*high availability.*measured", told)
    assert re.search(r"CreationDate:\s+2026-11-21T10:02:11Z", told)
    assert b"/Lang (en)" in drawn["trio"].read_bytes()


def test_headings_of_two_levels_are_bookmarks_of_their_pages(drawn):
    outline = run("pdftohtml", "-xml", "-i", "-stdout", str(drawn["trio"])).split("<outline>", 1)[1]
    marks = re.findall(r'<item page="(\d+)">(.*?)</item>', outline)
    expected = [block.text for _, blocks in build(trio()) for block in blocks if isinstance(block, Heading)]

    assert [title for _, title in marks] == expected
    assert "<outline>" in outline, "the second level hangs below the first"
    found = pages(drawn["trio"])
    for page, title in marks:
        assert title in found[int(page) - 1]
    assert b"/PageMode /UseOutlines" in drawn["trio"].read_bytes()


def test_the_head_of_a_table_is_repeated_on_its_next_page(drawn):
    with_head = [page for page in pages(drawn["trio"]) if "Evidence and limit" in page]

    assert len(with_head) >= 2


def test_statuses_are_words_beside_glyphs(drawn):
    told = text(drawn["bad"])

    for glyph, word in (("✓", "pass"), ("✗", "fail"), ("▲", "warn"), ("○", "skipped"), ("◆", "error"), ("●", "info")):
        assert f"{glyph} {word}" in told


def test_text_in_charts_is_text(drawn):
    told = text(drawn["bad"])

    assert "outage sip-a → sip-dr" in told
    assert "time since the start, h" in told
    assert "RTT, ms" in told


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("make", [hostile, bad])
def test_every_word_is_inside_the_page(tmp_path, make, paper):
    path = tmp_path / "r.pdf"
    write_report(make(), path, paper)

    size = {"a4": (595, 842), "letter": (612, 792)}[paper]
    found = PAGE.findall(run("pdftotext", "-bbox", str(path), "-"))
    assert found
    for width, height, body in found:
        assert (round(float(width)), round(float(height))) == size
        for x0, y0, x1, y1, word in WORD.findall(body):
            assert float(x0) >= 40, word
            assert float(x1) <= float(width) - 40, word
            assert float(y0) >= 10, word
            assert float(y1) <= float(height) - 10, word


def test_hostile_names_are_printed_not_obeyed(drawn):
    told = "".join(run("pdftotext", "-raw", str(drawn["hostile"]), "-").split())

    assert "Zürich-Süd<script>alert(1)</script>&Северный" in told
    assert "n" * 150 in told
    assert "<b>&amp;" in told
    assert "↩" in told


def test_a_snippet_keeps_its_lines(drawn):
    lines = [line.strip() for page in pages(drawn["trio"]) for line in page.splitlines()]

    place = lines.index("[backup-sync]")
    assert lines[place : place + 5] == [
        "[backup-sync]",
        "protocol=addp",
        "addp-timeout=10",
        "addp-remote-timeout=10",
        "sync-reconnect-tout=21",
    ]


def test_a_cell_taller_than_a_page_is_continued():
    tall = Table(("a", "b"), (("word " * 4000, "x"), ("y", "z")), (50, 50), statuses=(Status.PASS, None))

    assert render([[Heading("h"), tall]], imprint(trio())).count(b"/Type /Page\n") > 2


def test_same_assessment_same_bytes(tmp_path, drawn):
    write_report(trio(), tmp_path / "again.pdf")

    assert (tmp_path / "again.pdf").read_bytes() == drawn["trio"].read_bytes()


def test_another_process_at_another_time_writes_the_same_bytes(tmp_path, drawn):
    (tmp_path / "a.json").write_text(bad().to_json(), encoding="utf-8")
    code = "import sys; from reports.commands import report; sys.exit(report(['a.json', '-o', 'b.pdf']))"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "7",
        "LC_ALL": "C",
    }

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "b.pdf\n", "")
    assert (tmp_path / "b.pdf").read_bytes() == drawn["bad"].read_bytes()


def test_the_json_is_enough_to_redraw_the_report(tmp_path, drawn):
    write_report(Assessment.from_json(demonstration().to_json()), tmp_path / "r.pdf")

    assert (tmp_path / "r.pdf").read_bytes() == drawn["demonstration"].read_bytes()


def test_another_verdict_gives_another_document(drawn):
    assert drawn["trio"].read_bytes() != drawn["bad"].read_bytes()


# Charts


def chart(**more) -> Chart:
    return Chart(
        "title",
        "x",
        "y",
        (Band("line", (0.0, 1.0, 2.0), (1.0, None, 2.0), (0.5, None, 1.0), (2.0, None, 3.0)),),
        **more,
    )


@pytest.mark.parametrize(
    "odd",
    [
        chart(log_y=True),
        chart(marks=tuple(Mark(place / 10, 0.2, f"m{place % 6}") for place in range(20))),
        replace(chart(), bands=(Band("zero", (0.0,), (0.0,), (0.0,), (0.0,)),)),
        replace(chart(), bands=(Band("void", (0.0, 1.0), (None, None)),)),
        replace(chart(log_x=True), bands=(Band("one", (0.001,), (100.0,)),)),
        replace(chart(log_x=True, log_y=True), bands=(Band("none", (0.0,), (0.0,)),)),
        replace(chart(), bands=()),
        replace(
            chart(),
            bands=tuple(Band(LONG, (0.0, 1.0), (float(n), 1.0)) for n in range(8)),
            title=HOSTILE,
            y_label=HOSTILE[:40],
        ),
        replace(chart(), bands=(Band("high", (0.0, 1.0), (1e12, 3e12)),)),
    ],
)
def test_odd_charts_are_drawn(odd):
    assert render([[odd]], imprint(trio())).startswith(b"%PDF")


def test_a_peak_of_one_bin_between_gaps_is_drawn():
    lone = Band(
        "peak",
        tuple(map(float, range(5))),
        (None, None, 1.0, None, None),
        (None, None, 0.5, None, None),
        (None, None, 9.0, None, None),
    )
    without = replace(lone, high=(None, None, 1.0, None, None))

    assert render([[replace(chart(), bands=(lone,))]], imprint(trio())) != render(
        [[replace(chart(), bands=(without,))]], imprint(trio())
    )


def test_charts_have_one_size_whatever_their_data():
    heights = {
        round(ChartBox(block).wrap(490, 700)[1])
        for _, blocks in build(trio())
        for block in blocks
        if isinstance(block, Chart)
    }

    assert max(heights) - min(heights) <= 14


def test_a_node_without_data_in_a_trace_gets_no_chart():
    void = Trace("v", "Nothing", "s", Subject(AssessedScope.NODE, "sip-a"), 0.0, 1.0, (None,), (None,), (None,))

    assert not [block for block in nodes.SECTION.build(replace(trio(), traces=(void,))) if isinstance(block, Chart)]


# Command


def test_the_command_prints_the_path_and_leaves_nothing_else(tmp_path, capsys):
    source, target = tmp_path / "assessment.json", tmp_path / "out.pdf"
    source.write_text(empty().to_json(), encoding="utf-8")

    assert COMMANDS["report"]([str(source), "-o", str(target), "--paper", "letter"]) == Exit.DONE
    assert capsys.readouterr().out == f"{target}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["assessment.json", "out.pdf"]
    assert "612 x 792" in run("pdfinfo", str(target))


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"{}", b"not json"])
def test_input_that_is_no_assessment_is_refused_with_a_hint(tmp_path, content):
    source = tmp_path / "assessment.json"
    if content is not None:
        source.write_bytes(content)

    with pytest.raises(OperatorError) as caught:
        report([str(source), "-o", str(tmp_path / "r.pdf")])

    assert caught.value.hint
    assert not (tmp_path / "r.pdf").exists()


def test_an_unwritable_target_is_named_and_the_old_report_survives(tmp_path):
    target = tmp_path / "r.pdf"
    target.mkdir()
    (target / "keep").touch()

    with pytest.raises(OperatorError, match=re.escape(str(target))):
        write_report(empty(), target)

    assert [path.name for path in tmp_path.iterdir()] == ["r.pdf"]
    with pytest.raises(OperatorError, match="cannot write"):
        write_report(empty(), tmp_path / "nowhere" / "r.pdf")
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot write"):
        write_report(empty(), tmp_path / "file" / "r.pdf")


@pytest.mark.parametrize("missing", ["matplotlib", "reportlab"])
def test_without_the_extra_there_is_one_line_and_a_hint(tmp_path, missing):
    code = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "from reports.commands import report\nfrom collector.errors import OperatorError\n"
        "try: report(['a.json'])\nexcept OperatorError as error: print(error, '|', error.hint)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "the report needs matplotlib and reportlab | pip install 'haready[report]'\n"


def test_sections_need_no_drawing_library():
    code = "import sys; sys.modules['matplotlib'] = sys.modules['reportlab'] = None; from reports.build import sections; print(len(sections()))"

    assert int(run(sys.executable, "-c", code)) >= 5


def test_no_data_is_said_in_a_sentence():
    told = [block.text for _, blocks in build(empty()) for block in blocks if isinstance(block, Paragraph)]

    assert any("No path was measured" in sentence for sentence in told)
    assert any("No node has an archive" in sentence for sentence in told)
    assert any("Nothing was scored" in sentence for sentence in told)
