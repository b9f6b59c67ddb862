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
from report_fixtures import ALL, HOSTILE, LONG, bad, bare, crowd, demonstration, empty, hostile, many, trio, wordy

import reports.sections
from analyzer.contract import (
    Access,
    Area,
    Assessment,
    Basis,
    Claim,
    Constraint,
    CpuShare,
    Evidence,
    Finding,
    Limit,
    NodeStalls,
    ProbeOutcome,
    Quantiles,
    Recommendation,
    ScoreLine,
    Sense,
    Stall,
    StallCause,
    Stamping,
    Status,
    Subject,
    Trace,
    Verdict,
    Waiver,
)
from analyzer.contract import Scope as AssessedScope
from collector.errors import Exit, OperatorError
from reports import axes, figures
from reports.basis import based_on
from reports.build import build, imprint, sections
from reports.commands import COMMANDS, Look, report, write_report
from reports.contract import Band, Callout, Chart, Checklist, Heading, Mark, Paragraph, Table, Text, Tone, Topology
from reports.excerpt import excerpt
from reports.findings import finding_table, owner
from reports.render.charts import ChartBox
from reports.render.pdf import render
from reports.render.topology import Drawing
from reports.risk import CLASSES, proof_blocks, risk_blocks
from reports.sections import (
    acceptance,
    capacity,
    lan_plan,
    method,
    network,
    nodes,
    settings,
    sip_topology,
    timeline,
    topology,
    verdict,
)
from reports.wording import worded

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
    order = [
        "verdict",
        "settings",
        "sip_topology",
        "topology",
        "lan_plan",
        "network",
        "capacity",
        "timeline",
        "nodes",
        "acceptance",
    ]
    assert [section.name for section in found][:10] == order
    assert found[-1].name == "method"


@pytest.mark.parametrize(
    "module",
    [verdict, settings, sip_topology, topology, lan_plan, network, capacity, timeline, nodes, acceptance, method],
)
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
    for make in (trio, bad, demonstration, bare, crowd):
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
    rows = table.rows

    assert [row[1].partition(" ▲")[0] for row in rows] == ["sip-a and sip-b", "sip-a and sip-dr\nsip-b and sip-dr"] * 2
    entered = "\n".join(rows[1][2:4]).replace("\N{NO-BREAK SPACE}", " ")
    assert entered.split("\n") == [
        "protocol: addp",
        "addp-timeout: 20 s",
        "addp-remote-timeout: 20 s",
        "sync-reconnect-tout: 41 s",
    ]
    assert rows[3][2].startswith("Failover timeout: 75")


def test_the_class_of_a_value_stands_with_it_on_page_one():
    table = next(block for block in verdict.SECTION.build(trio()) if isinstance(block, Table))

    assert table.rows[2][4].endswith("; class unrefuted")
    assert "class" not in table.rows[0][4], "nothing was replayed there"


def test_the_settings_say_what_a_value_is_worth_and_what_would_change_it():
    local, wan = (
        list(settings.SECTION.build(replace(trio(), recommendations=(trio().recommendations[place],))))
        for place in (3, 5)
    )

    for told in (local, wan):
        text = next(block.text for block in told if isinstance(block, Paragraph) and block.text.startswith("Class"))
        assert text.startswith(
            f"{CLASSES[Claim.UNREFUTED]} In 24 h of measurement it would have raised no false alarm."
        )
        assert text.endswith("Decided by the floor; only a named override in the plan goes below.")
        assert "start on the other server: not measured" in words(told)
    (chart,) = [block for block in wan if isinstance(block, Chart)]
    assert [band.mid for band in chart.bands][1][-1] is None, "nothing was seen there"
    assert [pin.x for pin in chart.pins] == [100.0]
    assert not any(isinstance(block, Chart) for block in local), "a flat line says nothing"
    assert "None of the timeouts tried" in words(local)


def test_a_run_below_an_hour_counts_no_hours_with_false_alarms():
    advice = trio().recommendations[3]
    short = replace(advice, tradeoff=(), risk=replace(advice.risk, exposure_s=840.0, incidents=1))

    assert "it would have raised at least one false alarm." in words(list(risk_blocks(short)))
    day = replace(short, risk=replace(short.risk, exposure_s=86400.0))
    assert "it would have raised a false alarm in 1 hour." in words(list(risk_blocks(day)))


def test_evidence_parts_what_was_measured_from_its_value():
    limit = Limit("busy", "ratio", 0.5, None, Sense.AT_MOST, "a book")
    first = replace(bad().findings[0], evidence=(Evidence("both loads, 95 %", 0.123, "ratio", limit),))
    told = words(list(method.SECTION.build(replace(bad(), findings=(first,)))))

    assert "both loads, 95 %: 12.3 %" in told


def test_memory_is_told_in_powers_of_two_and_disks_in_powers_of_ten():
    first = replace(bad().findings[0], evidence=(Evidence("available", 2.0**30, "B"),))
    said = {
        rule: words(list(method.SECTION.build(replace(bad(), findings=(replace(first, rule=rule),)))))
        for rule in ("memory", "free-space")
    }

    assert "available: 1 GiB" in said["memory"]
    assert "available: 1.07 GB" in said["free-space"]


def test_the_outcomes_have_a_column_of_waivers_only_where_something_is_waived():
    def head(assessment):
        tables = [block for block in method.SECTION.build(assessment) if isinstance(block, Table)]
        return next(table.head for table in tables if "Outcome" in table.head)

    first, *rest = (replace(found, waiver=None) for found in bad().findings)
    plain = replace(bad(), findings=(first, *rest))
    waived = replace(first, waiver=Waiver(first.rule, first.subject.name, "seen", "Ada", "2027-03-31"))

    assert head(plain) == ("Check", "Rule", "Area", "Outcome")
    assert head(replace(plain, findings=(waived, *rest)))[-1] == "Waived"


def test_what_a_model_of_the_tails_says_stands_with_the_class():
    advice = trio().recommendations[3]
    said = "No model of the tails backs it: silences come in storms."
    shown = replace(advice, risk=replace(advice.risk, model=said))

    (text,) = [block.text for block in proof_blocks([shown]) if isinstance(block, Paragraph)]

    assert text.startswith("The target is at most 1 false alarm a year. In 24 h of valid")
    assert text.index(said) > text.index("if incidents come independently")
    assert said not in words(list(risk_blocks(shown)))


def test_what_the_classes_rest_on_is_said_once_for_all_products():
    told = words(list(settings.SECTION.build(trio())))
    sized = [advice for advice in trio().recommendations if advice.risk]

    assert len(sized) > 1
    assert told.count("if incidents come independently") == 1
    assert told.count("The target is at most") == 1


def test_what_holds_for_one_product_only_stands_under_its_name():
    one = next(advice for advice in trio().recommendations if advice.risk)
    other = replace(one, title="Another product", risk=replace(one.risk, text="In 2 min of valid measurement nothing."))

    (table,) = [block for block in proof_blocks([one, other]) if isinstance(block, Table)]

    assert [row[0].partition(":")[0] for row in table.rows] == [one.title.partition(":")[0], "Another product"]
    assert table.rows[1][1] == "In 2 min of valid measurement nothing."


def test_what_decides_and_was_not_sized_stands_with_the_values_on_page_one():
    blocks = list(verdict.SECTION.build(trio()))
    table = next(block for block in blocks if isinstance(block, Table))
    warning = "▲1 Host object [addp], SCS to host: NOT SIZED, ask the Genesys administrator"

    assert table.rows[0][1].endswith(" ▲1")
    assert words(blocks).count(warning) == 1, "once, however many pairs"


def test_an_unverified_value_says_what_to_do_about_it():
    told = words(list(settings.SECTION.build(trio())))
    sure = replace(trio().recommendations[3], settings=trio().recommendations[3].settings[:1])

    assert settings.UNVERIFIED in told
    assert settings.UNVERIFIED not in words(list(settings.SECTION.build(replace(trio(), recommendations=(sure,)))))


@pytest.mark.parametrize(
    ("binding", "kind", "told"),
    [
        ("floor", Basis.MEASURED, "floor of 20 s; the measurement (24 h at rest) asks for no more"),
        ("scenario rstp", Basis.MEASURED, "scenario rstp; the measurement (24 h at rest) asks for no more"),
        (
            "scenario rstp at the measured round trips",
            Basis.MEASURED,
            "measured (24 h at rest): scenario rstp at the measured round trips",
        ),
        ("latency", Basis.MEASURED, "measured (24 h at rest): latency"),
        ("floor", Basis.OVERRIDE, "floor of 20 s, lowered by the plan"),
        ("floor", Basis.FLOOR, "floor of 20 s; too little was measured (24 h at rest)"),
        ("latency", Basis.PROVISIONAL, "latency; too little was measured (24 h at rest)"),
    ],
)
def test_a_value_is_called_measured_only_if_a_measured_candidate_decided(binding, kind, told):
    full = trio()
    decided = tuple(
        replace(item, binding=item.name == binding)
        for item in (
            *full.recommendations[1].constraints,
            Constraint("scenario rstp at the measured round trips", 15.0, "TCP"),
        )
    )
    advice = replace(full.recommendations[1], basis=kind, constraints=decided)

    assert based_on(advice, full.timings) == told
    untested = [replace(item, loaded=Quantiles(0), loaded_lost=0) for item in full.timings]
    assert based_on(advice, untested) == told.replace(" at rest", ""), "without tests all of the run is at rest"
    assert f"The values rest on: {told}." in words(
        list(settings.SECTION.build(replace(full, recommendations=(advice,))))
    )
    table = next(b for b in verdict.SECTION.build(replace(full, recommendations=(advice,))) if isinstance(b, Table))
    assert table.rows[0][4] == told


def test_a_pair_that_lacks_a_path_is_not_told_as_measured():
    full = trio()
    advice = replace(full.recommendations[1], basis=Basis.FLOOR)

    assert based_on(advice, full.timings[5:]) == "floor of 20 s; not every path was measured"


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


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (60.0, "a check of the connections only; a newly installed system needs 15 min, systems in use need 24 h"),
        (854.0, "a check of the connections only; a newly installed system needs 15 min, systems in use need 24 h"),
        (960.0, "enough only for a newly installed system; systems in use need 24 h (busy hour and backup not seen)"),
        (82079.0, "enough only for a newly installed system; systems in use need 24 h (busy hour and backup not seen)"),
        (82080.0, "enough for systems in use"),
    ],
)
def test_page_one_says_what_a_run_of_that_length_is_enough_for(seconds, told):
    facts = [b for b in verdict.SECTION.build(replace(trio(), duration_s=seconds)) if isinstance(b, Table)][-1]

    assert dict(facts.rows)["Measured"].endswith(f"09:35 UTC: {told}")


def test_a_rate_that_no_test_tried_stands_on_page_one():
    full = trio()
    held = replace(full.throughputs[2], planned_bps=100_000_000, limit_bps=20_000_000, network="ch-ac")
    facts = dict(
        [b for b in verdict.SECTION.build(replace(full, throughputs=(held,))) if isinstance(b, Table)][-1].rows
    )

    assert facts["Bandwidth"] == "ch-ac: planned 100 Mbit/s, tried only up to 20 Mbit/s"
    assert "Bandwidth" not in dict([b for b in verdict.SECTION.build(full) if isinstance(b, Table)][-1].rows)


def test_unverified_facts_are_marked():
    rows = [
        row
        for block in settings.SECTION.build(trio())
        if isinstance(block, Table) and block.head[0] == "Option"
        for row in block.rows
    ]

    assert {row[0] for row in rows if "unverified" in row[-1]} == {
        "sync-reconnect-tout",
        "Ping Interval (server monitoring)",
    }


def values(assessment: Assessment) -> list[Table]:
    return [
        block for block in settings.SECTION.build(assessment) if isinstance(block, Table) and block.head[0] == "Option"
    ]


def test_a_plain_number_has_no_unit_that_reads_as_a_digit():
    assert [row[1:3] for table in values(trio()) for row in table.rows if row[0] == "Heartbeats missed"] == [
        ("3", figures.DASH)
    ] * 3
    counted = replace(trio().recommendations[3].settings[0], value=7, unit="1")
    plain = replace(trio().recommendations[3], settings=(counted,))
    table = next(b for b in verdict.SECTION.build(replace(trio(), recommendations=(plain,))) if isinstance(b, Table))
    assert table.rows[0][2] == "Failover timeout: 7"


def test_what_only_old_releases_enter_stands_apart_and_not_on_page_one():
    tables = values(trio())

    assert tables[4].caption == "Only if your release is 5.5 or older, instead of Failover timeout"
    assert [row[0] for row in tables[4].rows] == ["Heartbeats missed"]
    assert "Heartbeats missed" not in words(list(verdict.SECTION.build(trio())))


def test_where_an_option_is_entered_has_a_column_if_it_is_told():
    assert "Where" not in values(trio())[0].head
    assert [row[1] for row in values(trio())[3].rows][:2] == ["Monitoring > Configure Failover", figures.DASH]


def test_every_candidate_for_the_timeout_is_shown_and_the_binding_one_marked():
    candidates = [
        block
        for block in settings.SECTION.build(trio())
        if isinstance(block, Table) and block.head[0].startswith("What asks")
    ]

    assert [row[0] for row in candidates[0].rows] == ["floor", "latency", "scenario rstp"]
    assert [row[3] for row in candidates[0].rows] == ["yes, the largest", "no", "no"]


def test_a_recommendation_without_settings_says_why():
    callouts = [block for block in settings.SECTION.build(bad()) if isinstance(block, Callout)]

    assert [block.text for block in callouts if block.tone is Tone.UNKNOWN] == ["No archive of sip-b."]


def test_candidates_are_shown_even_where_no_value_fits():
    advice = replace(trio().recommendations[0], settings=(), detection_s=None, snippets=())

    told = list(settings.SECTION.build(replace(trio(), recommendations=(advice,))))

    assert next(block.caption for block in told if isinstance(block, Table)) == "Candidates for the timeout"


def test_snippets_are_literal():
    snippets = [block for block in settings.SECTION.build(trio()) if isinstance(block, Text)]

    assert len(snippets) == 3
    assert snippets[0].text == trio().recommendations[0].snippets[0].text


def test_equal_text_to_paste_is_printed_once_for_all_its_nodes():
    first = trio().recommendations[0]
    one, other = first.snippets
    differing = replace(first, snippets=(one, replace(other, text="other")))

    def titles(advice):
        told = settings.SECTION.build(replace(trio(), recommendations=(advice,)))
        return [block.title.rpartition(" on ")[2] for block in told if isinstance(block, Text)]

    assert titles(first) == ["sip-a and sip-b"]
    assert titles(differing) == ["sip-a", "sip-b"]


@pytest.mark.parametrize(
    ("changes", "lines", "callouts"),
    [
        ({}, [], 0),
        ({"verdict": Verdict.CONDITIONAL}, [], 0),
        ({"verdict": Verdict.UNSUITABLE}, ["# PROVISIONAL - verdict: not suitable. Do not enter."], 6),
        (
            {"verdict": Verdict.INCONCLUSIVE, "origin": "demonstration"},
            [
                "# PROVISIONAL - verdict: no answer yet (inconclusive). Do not enter.",
                "# DEMONSTRATION - not a measurement of a site. Do not enter.",
            ],
            6,
        ),
    ],
)
def test_values_that_must_not_be_entered_say_so_above_every_product_and_in_every_snippet(changes, lines, callouts):
    told = list(settings.SECTION.build(replace(trio(), **changes)))
    snippets = [block.text.splitlines() for block in told if isinstance(block, Text)]
    titles = [block.title for block in told if isinstance(block, Callout)]

    assert all(snippet[: len(lines) + 1] == [*lines, "[backup-sync]"] for snippet in snippets)
    assert titles == ["Provisional: do not enter these values yet"] * callouts


def test_network_has_one_chart_per_pair_and_network_with_both_directions():
    charts = [block for block in network.SECTION.build(trio()) if isinstance(block, Chart) and not block.log_x]

    assert len(charts) == 6
    assert all(len(chart.bands) == 2 for chart in charts)
    assert charts[0].x_label == "time since the start, h (0 = 2026-11-20 09:35 UTC)"
    assert charts[0].bands[0].low


def test_the_figures_of_a_pair_and_network_stand_together():
    charts = [block for block in network.SECTION.build(trio()) if isinstance(block, Chart)]

    assert [(chart.title, chart.half, chart.log_x, len(chart.bands)) for chart in (*charts[:2], *charts[4:7])] == [
        ("sip-a and sip-b, network ha: over the run", False, False, 2),
        ("sip-a and sip-b, network ha: at rest", True, True, 2),
        ("sip-a and sip-dr, network ha (WAN): over the run", False, False, 2),
        ("sip-a and sip-dr, network ha (WAN): at rest", True, True, 2),
        ("sip-a and sip-dr, network ha (WAN): under load", True, True, 2),
    ]
    assert charts[1].bands[0].mid[-1] == 100.0
    assert charts[1].caption == "No probe was under way during a bandwidth test."


def test_what_is_compared_of_a_pair_has_one_unit_and_one_span():
    charts = [block for block in network.SECTION.build(trio()) if isinstance(block, Chart)]
    idle, loaded = charts[5:7]

    assert idle.x_label == loaded.x_label
    assert (idle.span, idle.caption) == (loaded.span, "")
    values = [value for chart in (idle, loaded) for band in chart.bands for value in band.x]
    assert idle.span == pytest.approx((min(values), max(values)))


def test_pauses_of_both_nodes_of_a_pair_stand_on_its_time_axis():
    full = trio()
    worst = (Stall(3600.0, 0.9, StallCause.STEAL),)
    stalls = tuple(NodeStalls(name, (), worst, 2) for name in ("sip-a", "sip-b", "sip-dr"))
    chart = next(block for block in network.SECTION.build(replace(full, stalls=stalls)) if isinstance(block, Chart))

    assert [(mark.x, mark.label) for mark in chart.marks] == [(1.0, "pause of sip-a"), (1.0, "pause of sip-b")]


def cpu_chart(assessment: Assessment, node: str) -> Chart:
    kept = replace(assessment, traces=tuple(item for item in assessment.traces if item.subject.name == node))
    return next(block for block in nodes.SECTION.build(kept) if isinstance(block, Chart))


def test_the_cpus_time_is_stacked_and_the_most_that_was_busy_is_a_line_over_it():
    chart = cpu_chart(trio(), "sip-a")
    busy = next(item for item in trio().traces if item.id == "cpu:sip-a")

    assert (chart.title, "Not recorded" in chart.caption) == ("CPU time", False)
    assert chart.stack
    assert chart.stack.whole == 100.0
    assert [band.label for band in chart.stack.layers] == [
        "programs",
        "kernel",
        "interrupts",
        "stolen",
        "waiting for a disk",
    ]
    assert [sum(band.mid[7] for band in chart.stack.layers[:4])] == pytest.approx([100 * busy.mid[7]])
    (line,) = chart.bands
    assert line.mid == pytest.approx([100 * value for value in busy.high])


def test_a_part_of_the_cpus_time_that_was_not_recorded_is_named_and_not_zero():
    full = trio()
    told = replace(full, traces=tuple(item for item in full.traces if item.title != CpuShare.STOLEN))
    chart = cpu_chart(told, "sip-a")

    assert chart.caption.endswith(" Not recorded: stolen.")
    assert chart.stack
    assert len(chart.stack.layers) == 4


def test_layers_of_other_bins_are_not_stacked_and_nothing_is_lost():
    full = trio()
    parts = set(CpuShare) - {CpuShare.BUSY}
    odd = tuple(replace(item, start_s=5.0) if item.title in parts else item for item in full.traces)
    charts = [block for block in nodes.SECTION.build(replace(full, traces=odd)) if isinstance(block, Chart)]

    assert not any(chart.stack for chart in charts)
    assert {chart.title for chart in charts} >= set(CpuShare)


def test_extremes_of_stolen_time_keep_a_chart_where_some_was_stolen():
    full = trio()
    some = tuple(
        replace(item, high=(0.3, *item.high[1:])) if item.id == "cpu-stolen:sip-b" else item for item in full.traces
    )
    titles = [block.title for block in nodes.SECTION.build(replace(full, traces=some)) if isinstance(block, Chart)]

    assert titles.count(CpuShare.STOLEN) == 1
    assert titles.count("CPU time") == 3


def test_outages_are_marked_in_the_charts_unit():
    charts = [block for block in network.SECTION.build(bad()) if isinstance(block, Chart)]
    chart = next(chart for chart in charts if any("sip-a → sip-dr" in mark.label for mark in chart.marks))

    assert [round(mark.x, 2) for mark in chart.marks if "sip-a → sip-dr" in mark.label] == [7.44, 14.88]
    assert "4 outages, the longest 61.4 s" in chart.caption


def test_bandwidth_tests_of_either_node_are_shaded_in_the_chart_of_a_pair():
    full = trio()
    other = replace(full.throughputs[4], source="sip-b", target="sip-dr")
    charts = [
        block
        for block in network.SECTION.build(replace(full, throughputs=(full.throughputs[2], other)))
        if isinstance(block, Chart) and not block.log_x
    ]

    assert [len(chart.shades) for chart in charts[::2]] == [96, 96, 96], (
        "sip-a and sip-b: a test of each with sip-dr, and one at the planned rate"
    )
    assert charts[0].shades[0] == Mark(600 / 3600, 30 / 3600, "bandwidth test")
    alone = replace(full, throughputs=(other,))
    charts = [block for block in network.SECTION.build(alone) if isinstance(block, Chart) and not block.log_x]
    assert charts[0].shades != ()
    apart = replace(full, throughputs=(replace(other, source="x", target="y"),))
    charts = [block for block in network.SECTION.build(apart) if isinstance(block, Chart) and not block.log_x]
    assert charts[0].shades == ()


def test_a_log_axis_says_so():
    charts = [
        block
        for section in (network, nodes, settings)
        for assessment in (bad(), trio())
        for block in section.SECTION.build(assessment)
        if isinstance(block, Chart)
    ]

    assert {("(log)" in chart.x_label, "(log)" in chart.y_label) == (chart.log_x, chart.log_y) for chart in charts} == {
        True
    }
    assert any(chart.log_y for chart in charts)


def test_traces_and_curves_are_found_by_subject_not_by_id():
    full = trio()
    nameless = replace(
        full,
        traces=tuple(replace(item, id=f"t{place}") for place, item in enumerate(full.traces)),
        curves=tuple(replace(item, id=f"c{place}") for place, item in enumerate(full.curves)),
    )

    assert list(network.SECTION.build(nameless)) == list(network.SECTION.build(full))
    assert list(nodes.SECTION.build(nameless)) == list(nodes.SECTION.build(full))


def joined(assessment: Assessment) -> list[tuple[str, ...]]:
    return [
        row
        for block in network.SECTION.build(assessment)
        if isinstance(block, Table) and block.head[0] == "Pair"
        for row in block.rows
    ]


def test_a_public_network_is_no_channel_and_hides_no_outage_of_the_channels():
    rows = joined(bad())

    assert rows[0][1:3] == ("ha", "public")
    assert rows[1][1:5] == ("ha", "public", "2 times", "61.4 s")
    assert all("Only one channel" in row[5] for row in rows)
    unplanned = replace(bad(), networks=())
    assert joined(unplanned)[0][1:5] == ("none", "ha, public", figures.DASH, figures.DASH)


def test_channels_that_failed_together_are_called_a_danger():
    second = replace(bad().networks[1], kind="channel")
    rows = joined(replace(bad(), networks=(bad().networks[0], second)))

    assert rows[1][1:5] == ("ha, public", "none", "2 times", "61.4 s")
    assert "split the cluster" in rows[1][5]


def test_channels_that_did_not_fail_together_are_told_with_how_long_they_were_watched():
    quiet = replace(trio(), networks=(trio().networks[0], replace(trio().networks[1], kind="sync")))

    assert joined(quiet)[0][5] == "In 24 h no common outage was seen."
    apart = tuple(replace(item, common_outages=0, longest_common_outage_s=0.0) for item in bad().joints)
    alternating = replace(bad(), networks=quiet.networks, joints=apart)
    assert joined(alternating)[1][3:5] == ("0 times", "none")


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
    assert len([status for status in table.statuses if status is Status.PASS]) == 1
    assert table.rows[-1][0] == "Passed"
    assert "Loss (8 paths)" in table.rows[-1][2]


def test_of_messages_that_share_a_row_the_gravest_are_spelled_out():
    full = Limit("time until full", "s", 86400.0, 14400.0, Sense.AT_LEAST, "a test")
    found = [
        Finding(
            "space-forecast", "Space in a day", Area.HOST, Subject(AssessedScope.DEVICE, f"sip-b//{name}"), Status.INFO,
            f"/{name} empties. {'x' * 200}", (Evidence("time until full", lasts_s, "s", full),) if lasts_s else (),
        )
        for name, lasts_s in (("a", None), ("b", 80000.0), ("var", 6000.0))
    ]  # fmt: skip
    (row,) = finding_table(found).rows
    assert row[2].startswith("/var empties.")
    assert "And 2 more" in row[2]
    assert "/a empties" not in row[2]


def test_what_passed_is_named_in_one_row_and_found_from_its_evidence():
    table = finding_table(bad().findings)
    passed = [found for found in bad().findings if found.status is Status.PASS]
    titles = {found.title for found in passed}

    assert table.rows[-1][1] == f"{len(titles)} checks"
    assert all(title in table.rows[-1][2] for title in titles)
    assert "“All findings with their evidence”" in table.rows[-1][2]
    assert set(table.targets[-1]) == {f"finding {found.rule} pass" for found in passed}


def test_a_finding_that_somebody_waived_keeps_its_row_whatever_it_says():
    first = next(found for found in bad().findings if found.status is Status.PASS)
    waived = replace(first, waiver=Waiver(first.rule, first.subject.name, "seen", "Ada", "2027-03-31"))
    table = finding_table([waived])

    assert table.rows[0][0] == first.title
    assert "Waived until 2027-03-31 by Ada: seen." in table.rows[0][2]


def test_a_row_that_only_informs_is_brief_and_says_the_same_once():
    first = replace(bad().findings[0], status=Status.INFO, remedy="")
    names = [f"n{place}" for place in range(3)]
    several = [
        replace(first, subject=Subject(AssessedScope.NODE, name), message=f"{name} " + "x" * 200) for name in names
    ]
    same = [replace(found, message="No witness.") for found in several]

    ((_, where, told),) = finding_table(several).rows
    assert where == "n0\nn1\nn2"
    assert told == f"{several[0].message}\nAnd 2 more: see “All findings with their evidence”."
    assert finding_table(same).rows[0][2] == "No witness."
    failed = [replace(found, status=Status.FAIL) for found in several]
    assert all(found.message in finding_table(failed).rows[0][2] for found in failed), "what fails is told in full"


def test_that_a_loopback_has_no_wire_is_no_news():
    first = bad().findings[0]
    loop = replace(first, status=Status.INFO, subject=Subject(AssessedScope.DEVICE, "sip-a/lo"), message="No wire.")

    def told(*more):
        return worded(replace(bad(), findings=(*bad().findings, *more))).findings[len(bad().findings) :]

    assert told(loop) == ()
    waiver = Waiver(loop.rule, loop.subject.name, "seen", "Ada", "2027-03-31")
    other = replace(loop, subject=Subject(AssessedScope.DEVICE, "sip-a/loop"))
    for kept in (replace(loop, status=Status.WARN), other, replace(loop, waiver=waiver), replace(loop, rule="lo.only")):
        assert told(kept) == (kept,), "a rule that has nothing else to say is not lost"


def test_what_is_no_news_is_counted_nowhere():
    first = bad().findings[0]
    loop = replace(first, status=Status.INFO, subject=Subject(AssessedScope.DEVICE, "sip-a/lo"), message="No wire.")
    line = ScoreLine(loop.subject.name, loop.rule, Status.INFO, None)
    areas = tuple(replace(area, lines=(*area.lines, line)) for area in bad().score.areas)
    more = replace(bad(), findings=(*bad().findings, loop), score=replace(bad().score, areas=areas))

    assert list(build(more)) == list(build(bad()))


def evidence(assessment: Assessment) -> Table:
    return next(
        block
        for block in method.SECTION.build(assessment)
        if isinstance(block, Table) and block.head[-1] == "Where, and evidence"
    )


@pytest.mark.parametrize(("value", "shown"), [(2.0, "b: uptime: 2 s"), (0.5, "b restarts. Measured: uptime: 500 ms")])
def test_a_warning_whose_figures_keep_their_limits_says_why_beside_them(value, shown):
    limit = Limit("uptime", "s", 1.0, None, Sense.AT_MOST, "design value")
    found = replace(
        bad().findings[0], status=Status.WARN, subject=Subject(AssessedScope.NODE, "b"), message="b restarts.",
        evidence=(Evidence("uptime", value, "s", limit),),
    )  # fmt: skip

    ((_, lines),) = evidence(replace(bad(), findings=(found,))).rows

    assert lines.splitlines()[1:] == [shown]


def test_a_check_that_failed_elsewhere_in_the_table_says_where_it_passed():
    def judged(status: Status, rule: str, node: str) -> Finding:
        return Finding(rule, rule.title(), Area.HOST, Subject(AssessedScope.NODE, node), status, f"{rule} of {node}.")

    table = finding_table(
        [
            judged(Status.FAIL, "memory", "a"),
            *(judged(Status.PASS, rule, node) for rule, node in (("memory", "b"), ("memory", "c"), ("steal", "a"))),
        ]
    )

    assert table is not None
    assert table.rows[-1][2].startswith("Memory (b, c), Steal.")


def test_every_finding_of_every_area_is_in_the_evidence():
    table = evidence(bad())
    told = list(zip(table.statuses, table.rows, strict=True))

    for found in bad().findings:
        assert any(
            status is found.status and found.rule in row[0] and figures.subject(found.subject.name) in row[1]
            for status, row in told
        ), found
    assert any("Limits: outage_s: warn over 5 s, fail over 20 s\n" in row[1] for _, row in told)
    assert any("longest outage: 61.4 s" in row[1] for _, row in told)


def test_findings_of_one_rule_share_a_row_and_equal_evidence_a_line():
    first = bad().findings[0]
    same = [replace(first, subject=Subject(AssessedScope.NODE, f"n{place:02}")) for place in range(30)]
    table = evidence(replace(bad(), findings=tuple(same)))

    assert len(table.rows) == 3, "a row fits a page"
    assert [row[0] for row in table.rows[1:]] == [f"{first.title} (cont.)\n{first.rule}"] * 2
    lines = table.rows[0][1].splitlines()
    assert len(lines) == 2, "the limit and one line for twelve nodes"
    assert lines[1].startswith("n00, n01, n02")


@pytest.mark.parametrize(
    ("status", "value", "worded"),
    [(Status.WARN, 3.0, True), (Status.FAIL, None, True), (Status.WARN, 6.0, False), (Status.PASS, 3.0, False)],
)
def test_evidence_that_shows_nothing_wrong_stands_beside_what_is(status, value, worded):
    limit = Limit("interfaces", "1", 5.0, None, Sense.AT_MOST, "s")
    found = replace(
        bad().findings[0], status=status, message="It is wrong.", evidence=(Evidence("interfaces", value, "1", limit),)
    )
    (row,) = evidence(replace(bad(), findings=(found,))).rows
    assert ("It is wrong. Measured: interfaces" in row[1]) is worded


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("sip-a: no swap.", "sip-a: no swap."),
        ("Node sip-a, started today, is fine.", "Node sip-a, started today, is fine."),
        ("No swap at all.", "sip-a: No swap at all."),
        ("Node sip-ab is fine.", "sip-a: Node sip-ab is fine."),
        ("Node sip-a.b is fine.", "sip-a: Node sip-a.b is fine."),
    ],
)
def test_a_line_of_evidence_names_once_whom_it_is_about(message, line):
    found = replace(
        bad().findings[0],
        subject=Subject(AssessedScope.NODE, "sip-a"),
        status=Status.INFO,
        message=message,
        evidence=(),
        waiver=None,
    )

    assert evidence(replace(bad(), findings=(found,))).rows[0][1] == line


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


@pytest.mark.parametrize(
    ("changes", "signed"),
    [({}, True), ({"origin": "demonstration"}, False), ({"verdict": Verdict.UNSUITABLE}, False)],
)
def test_there_is_room_to_sign_for_what_may_be_entered(changes, signed):
    told = [block.text for block in acceptance.SECTION.build(replace(trio(), **changes)) if isinstance(block, Heading)]

    assert ("Signatures" in told) is signed


def test_hashes_stand_in_full_in_the_method_and_short_with_the_node():
    digest = trio().nodes[0].sha256

    assert digest in words(list(method.SECTION.build(trio())))
    assert digest not in words(list(nodes.SECTION.build(trio())))
    assert digest[:16] in words(list(nodes.SECTION.build(trio())))


def test_a_pair_is_written_as_two_nodes_and_a_path_with_an_arrow():
    assert figures.subject("sip-a+sip-dr") == "sip-a and sip-dr"
    assert figures.subject("sip-a>sip-b/ha") == "sip-a → sip-b (ha)"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sip-a/sda", "sip-a: sda"),
        ("sip-a//var", "sip-a: /var"),
        ("sip-a//", "sip-a: /"),
        ("sip-a//a>b", "sip-a: /a>b"),
    ],
)
def test_a_device_is_written_behind_its_node(name, shown):
    assert figures.subject(name) == shown


def test_a_long_list_of_names_is_cut_and_counted():
    assert figures.listing(["a", "b", "c"], 3) == "a, b, c"
    assert figures.listing(["a", "b", "c", "d", "e"], 3) == "a, b, c and 2 more"


# Topology


def map_of(assessment: Assessment) -> Topology:
    return next(block for block in topology.SECTION.build(assessment) if isinstance(block, Topology))


def boxes(path: Path, page: str = "Topology") -> list[list[tuple[float, float, float, float, str]]]:
    """Words with their places, of every page from the one that begins with `page` up to the LAN plan."""
    found, inside = [], False
    for _, _, body in PAGE.findall(run("pdftotext", "-bbox", str(path), "-")):
        words = [(float(a), float(b), float(c), float(d), word) for a, b, c, d, word in WORD.findall(body)]
        inside = inside or any(word == page and bottom - top > 12 for _, top, _, bottom, word in words)
        if inside and "LAN" in [word for *_, word in words]:
            return [*found, words]
        if inside:
            found.append(words)
    return found


def test_the_drawing_has_every_site_node_network_and_observer():
    drawn = map_of(trio())

    assert [(site.name, [node.name for node in site.nodes]) for site in drawn.sites] == [
        ("Site Zürich", ["sip-a", "sip-b"]),
        ("Site Genève", ["sip-dr"]),
    ]
    assert drawn.sites[0].nodes[0].lines == ("primary", "host esx-1", "power feed B")
    assert [(item.name, len(item.links)) for item in drawn.networks] == [
        ("ha", 3),
        ("public", 3),
        ("management", 0),
        ("Pairs", 1),
    ]
    assert drawn.networks[0].note == "channel, VLAN 120, 1 Gbit/s planned, DSCP 46"
    assert "not probed" in drawn.networks[2].note
    assert [(item.name, len(item.taps)) for item in drawn.observers] == [("gw-1", 3), ("scs-1", 3)]


def test_a_line_shows_the_worse_direction_and_the_worst_result():
    full = trio()
    slow = replace(full.timings[1], rtt=replace(full.timings[1].rtt, p50=0.5), loss=0.25)
    warned = replace(full.findings[0], status=Status.WARN)
    changed = replace(full, timings=(full.timings[0], slow, *full.timings[2:]), findings=(*full.findings, warned))
    link = map_of(changed).networks[0].links[0]

    assert link.above == "RTT 500 ms median, 0.48 ms 99.9 %; loss 25 %"
    assert link.below == "→ 929 Mbit/s   ← 928 Mbit/s"
    assert link.status is Status.WARN


def marked(finding: Finding, scope: AssessedScope, name: str, **changes: object) -> Assessment:
    """The trio's assessment with that one finding alone."""
    return replace(trio(), findings=(replace(finding, subject=Subject(scope, name), status=Status.FAIL, **changes),))


def test_what_two_nodes_fail_together_is_marked_on_a_line_of_their_own():
    finding = trio().findings[0]
    for name in ("sip-a+sip-dr", "sip-dr+sip-a"):
        drawn = map_of(marked(finding, AssessedScope.PAIR, name, title="Independent paths"))
        (pairs,) = [item for item in drawn.networks if item.name == "Pairs"]

        assert [(link.ends, link.above, link.status) for link in pairs.links] == [
            (("sip-a", "sip-dr"), "Independent paths", Status.FAIL)
        ]
        assert {node.status for site in drawn.sites for node in site.nodes} == {None}
    assert not [item for item in map_of(replace(trio(), findings=())).networks if item.name == "Pairs"]


def test_what_the_record_of_a_path_lacks_is_marked_at_the_node_that_made_it():
    path = "sip-a>sip-b/ha"
    for area, node, link in ((Area.DATA, Status.FAIL, None), (Area.NETWORK, None, Status.FAIL)):
        drawn = map_of(marked(trio().findings[0], AssessedScope.PATH, path, area=area))
        statuses = {one.name: one.status for site in drawn.sites for one in site.nodes}

        assert statuses == {"sip-a": node, "sip-b": None, "sip-dr": None}
        assert drawn.networks[0].links[0].status is link


def test_what_is_not_known_is_said_in_the_drawing():
    links = {link.ends: link for link in map_of(bad()).networks[0].links}

    assert (links["sip-b", "sip-dr"].above, links["sip-b", "sip-dr"].status) == ("not measured", None)
    assert links["sip-a", "sip-dr"].below.endswith(f"← {figures.DASH}")
    assert [(tap.text, tap.status) for item in map_of(bad()).observers for tap in item.taps] == [
        ("0.41 ms, lost 0.5 %", Status.PASS),
        ("no answer", Status.FAIL),
        ("0.41 ms, lost 0 %", Status.PASS),
        ("not asked", None),
    ]
    assert map_of(bare()).networks[0].links[0].above == "no probe was answered"
    assert map_of(bare()).sites[0].nodes[1].status is None


def test_nobody_at_a_virtual_address_is_no_fault_in_the_drawing():
    moved = tuple(replace(item, kind="virtual") for item in bad().observers)
    taps = [(tap.text, tap.status) for item in map_of(replace(bad(), observers=moved)).observers for tap in item.taps]
    assert ("nobody answers", None) in taps
    assert Status.FAIL not in [status for _, status in taps]


def test_an_observer_that_gave_no_answer_is_marked_by_a_sign_and_a_word(drawn):
    assert "✗ no answer" in text(drawn["bad"])
    assert "✗ no answer" not in text(drawn["trio"])


def test_a_link_shows_where_it_is_plugged_in():
    assert map_of(trio()).networks[0].links[0].plugs == ("ens224, sw-ha-1 port Gi1/0/1", "ens224, sw-ha-1 port Gi1/0/2")
    assert map_of(bare()).networks[0].links[0].plugs == ("", "")


def test_a_node_shows_the_worst_result_about_it_and_its_devices():
    statuses = {node.name: node.status for site in map_of(bad()).sites for node in site.nodes}

    assert statuses == {"sip-a": Status.ERROR, "sip-b": None, "sip-dr": Status.FAIL}


@pytest.mark.parametrize("name", ["trio", "bad", "demonstration"])
def test_every_name_and_every_label_is_drawn(drawn, name):
    told = text(drawn[name])
    block = map_of(ALL[name]())

    for site in block.sites:
        assert site.name in told
        for node in site.nodes:
            assert node.name in told
            assert all(line in told for line in node.lines)
    for item in block.networks:
        assert f"{item.name} {item.note}" in told
        for link in item.links:
            assert " ".join(link.above.split()) in told
            assert " ".join(link.below.split()) in told
            assert all(plug in told for plug in link.plugs)
    for observer in block.observers:
        assert observer.name in told
        assert all(tap.text in told for tap in observer.taps)


@pytest.mark.parametrize("name", ["trio", "bad", "crowd", "hostile", "bare"])
def test_no_text_of_the_drawing_lies_on_another(drawn, name):
    found = boxes(drawn[name])

    assert found
    for words in found:
        for one, other in itertools.combinations(words, 2):
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            # Boxes of words are as high as the face's ascent and descent: lines of small type touch by a little.
            assert across < 0.5 or down < 0.35 * min(one[3] - one[1], other[3] - other[1]), (one, other)


def test_a_drawing_higher_than_the_page_goes_on_below_the_same_nodes(drawn):
    with_nodes = [words for words in boxes(drawn["crowd"]) if any(word[4] == "Genève" for word in words)]
    first, *rest = Drawing(map_of(crowd())).split(490, 700)

    assert len(with_nodes) >= 2
    assert first.wrap(490, 700)[1] <= 700
    assert len(rest) == 1
    assert Drawing(map_of(trio())).split(490, 120) == [], "nothing but the nodes fits: the next page takes all"


def test_the_caption_of_a_drawing_of_several_parts_stands_below_the_last(drawn):
    whole = Drawing(map_of(crowd()))
    high = whole.wrap(490, 700)[1]
    caption = map_of(crowd()).caption.split()

    # Where all but the caption fits, a row goes to the next page with it.
    first, rest = whole.split(490, high - 10)

    assert first.wrap(490, 700)[1] < high - 10
    assert rest.wrap(490, 700)[1] > 0
    words = [word[4] for page in boxes(drawn["crowd"]) for word in page]
    assert sum(words[at : at + 8] == caption[:8] for at in range(len(words))) == 1


def test_a_link_without_a_rate_takes_less_height():
    block = map_of(trio())
    bare = replace(
        block,
        networks=tuple(
            replace(item, links=tuple(replace(link, below="") for link in item.links)) for item in block.networks
        ),
    )
    told = sum(bool(link.below) for item in block.networks for link in item.links)

    spared = Drawing(block).wrap(490, 700)[1] - Drawing(bare).wrap(490, 700)[1]

    assert told
    assert spared == pytest.approx(10 * told)


def test_more_nodes_than_a_drawing_takes_are_summarised_by_site():
    blocks = list(topology.SECTION.build(many(20)))
    tables = [block for block in blocks if isinstance(block, Table)]

    assert not any(isinstance(block, Topology) for block in blocks)
    assert "20 nodes at 5 sites" in blocks[0].text
    assert tables[0].rows[0][:3] == ("site 0", "4", "node-000, node-005, node-010, node-015")
    assert len(tables[1].rows) == 15
    assert tables[1].rows[0][0] == "site 2 and site 3", "the one with a failed path comes first"
    assert tables[1].statuses[0] is Status.FAIL
    assert tables[1].rows[1][0] == "within site 0"


# LAN plan


def lan(assessment: Assessment, first: str) -> list[tuple[str, ...]]:
    return next(
        block.rows
        for block in lan_plan.SECTION.build(assessment)
        if isinstance(block, Table) and block.head[0] == first
    )


def test_the_lan_plan_shows_what_is_planned_beside_what_was_found():
    row = lan(trio(), "Node")[0]

    assert row[:4] == ("sip-a", "ha, channel\nVLAN 120", "10.1.1.1/24\nens224", "sw-ha-1\nGi1/0/1")
    assert row[4:6] == ("ens224 /24\nstatic", "up, MTU 1500\n1 Gbit/s full")
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", row[6])
    assert row[7] == lan_plan.YES


def test_the_lan_plan_shows_the_vlan_of_the_address_where_it_is_another_than_the_networks():
    assessment = trio()
    other = replace(assessment.addresses[0], vlan=17)

    row = lan(replace(assessment, addresses=(other, *assessment.addresses[1:])), "Node")[0]

    assert row[1] == "ha, channel\nVLAN 17"


def test_what_differs_from_the_plan_is_marked_and_what_was_not_told_is_no_yes():
    rows = lan(bad(), "Node")

    assert rows[0][7].split("\n") == [lan_plan.NO, "on ens256", "prefix /16", "interface is down"]
    assert "from a server" in rows[0][4]
    assert rows[1][4:] == ("nowhere", figures.DASH, figures.DASH, f"{lan_plan.NO}\nthe node does not have it")
    assert rows[2][7] == lan_plan.UNKNOWN
    assert "7 planned addresses: 2 not as planned, 2 not told by the node, 3 as planned." in words(
        list(lan_plan.SECTION.build(bad()))
    )


def test_a_lan_that_is_as_planned_is_said_in_one_sentence():
    assert "All 9 addresses are as planned." in words(list(lan_plan.SECTION.build(trio())))
    one = replace(trio(), addresses=trio().addresses[:1])
    assert "The one planned address is as planned." in words(list(lan_plan.SECTION.build(one)))


@pytest.mark.parametrize("address", ["10.1.1.1", "", "/", "10.1.1.1/x", "10.1.1.1/" + "9" * 5000, "10.1.1.1/٢"])
def test_an_address_without_a_readable_prefix_contradicts_nothing(address):
    assert lan_plan.differences(replace(trio().addresses[0], address=address, found_prefix=2), None) == ()


def test_an_interface_slower_than_planned_or_at_half_duplex_is_not_as_planned():
    address = replace(trio().addresses[0], speed_bps=10**8, duplex="half")
    network = replace(trio().networks[0], rate_bps=10**9)

    assert lan_plan.differences(address, network) == ("100 Mbit/s, planned 1 Gbit/s", "half duplex")
    assert lan_plan.differences(replace(address, speed_bps=10**9, duplex="full"), network) == ()
    assert lan_plan.differences(replace(address, speed_bps=None, duplex=""), network) == ()


def test_packets_that_leave_another_way_than_planned_come_first():
    rows = lan(bad(), "On node")

    assert rows[0] == ("sip-a", "ens192", "192.0.2.1", "direct", "sip-b (ha)\n10.1.1.2", lan_plan.NO)
    assert rows[1][5] == lan_plan.UNKNOWN
    assert rows[2][4:] == ("gw-1 (observer)", lan_plan.UNPLANNED), "a plan has no way to an observer"
    assert {row[5] for row in rows[3:]} == {lan_plan.YES}


def test_ways_as_planned_share_a_row_and_are_counted():
    rows = lan(bad(), "On node")
    yes = [row for row in rows if row[5] == lan_plan.YES]

    assert ("sip-dr", "ens224", "10.1.1.3", "direct", "sip-a (ha), sip-b (ha)", lan_plan.YES) in yes
    planned = [row for row in bad().egress if row.as_planned]
    assert sum(row[4].count(" (") for row in yes) == len(planned) > len(yes)
    counted = "Of 19 ways: 1 not as planned, 1 unknown, 1 to observers, for which the plan names none, 16 as planned."
    assert counted in words(list(lan_plan.SECTION.build(bad())))
    unheard = replace(bad(), egress=tuple(replace(row, nic="", source="", as_planned=None) for row in bad().egress))
    assert {row[5] for row in lan(unheard, "On node")} == {lan_plan.UNKNOWN}, "nothing told is no answer"


def test_the_lan_plan_is_in_the_document(drawn):
    told = text(drawn["bad"])

    for figure in ("ens256", "/16", "sw-public-1", "Gi1/0/3", "192.0.2.254", "✗ NO", "? unknown", "MTU"):
        assert figure in told


# Bandwidth and observers


def rows_of(assessment: Assessment, caption: str) -> list[tuple[str, ...]]:
    return next(
        block.rows
        for block in network.SECTION.build(assessment)
        if isinstance(block, Table) and caption in (block.caption, block.head[-1])
    )


def test_goodput_is_shown_each_way_with_what_it_was_held_to():
    rows = rows_of(trio(), "Goodput, each way")

    assert len(rows) == 6
    assert rows[0] == (
        "sip-a → sip-b", "ha", "1 Gbit/s", "1 Gbit/s", "914 Mbit/s", "929 Mbit/s", "940 Mbit/s",
    )  # fmt: skip
    assert "On all 6 paths: Tests: 24; Resent: 828; CPU sender / receiver: 11 % / 23 %." in words(
        list(network.SECTION.build(trio()))
    )


def test_missing_bandwidth_tests_have_their_reason_and_absent_figures_a_dash():
    assert rows_of(bad(), "Paths") == (("the budget of the run was spent", "sip-b → sip-a (ha), sip-dr → sip-a (ha)"),)
    assert rows_of(bare(), "Goodput, each way")[0][2:] == (
        figures.DASH, "none", "1", *(figures.DASH,) * 4, f"{figures.DASH} / {figures.DASH}",
    )  # fmt: skip


def test_round_trips_under_load_stand_beside_idle_ones():
    rows = rows_of(bad(), "Round trips under load")

    assert rows[0][2:] == (
        "0.24 ms", "0.39 ms", "0.48 ms", "4.41 ms", "12.2 ms", "8.91 ms", "1190", "0", "none",
    )  # fmt: skip
    assert rows[-1][-3:] == ("1200", "10", "1.4 s")
    assert rows_of(bare(), "Round trips under load")[0][-3:-1] == ("7", "7"), "all lost is a row too"


def stamped(assessment: Assessment) -> str:
    return next(
        (
            block.text
            for block in network.SECTION.build(assessment)
            if isinstance(block, Paragraph) and block.text.startswith("Probes were stamped by ")
        ),
        "",
    )


def test_which_clock_stamped_and_what_the_cards_could_do_is_told_of_each_path():
    full = trio()
    first, other, *_ = (item for item in full.timings if item.network == "ha")
    alike = replace(full, addresses=tuple(replace(item, stamping=Stamping.OFF) for item in full.addresses))
    assert stamped(alike) == (
        "Probes were stamped by the kernel's software at both ends (every path). "
        "Hardware time stamps of the cards: possible, but not switched on (every card)."
    )
    mixed = replace(
        full,
        timings=(first, replace(other, wire=Quantiles(0))),
        addresses=tuple(
            replace(item, stamping=Stamping.NONE)
            for item in full.addresses
            if (item.node, item.network) == ("sip-a", "ha")
        ),
    )
    assert "at both ends (sip-a \N{RIGHTWARDS ARROW} sip-b (ha)); a program at one end at least" in stamped(mixed)
    assert "not possible (sip-a (ha)); not told (sip-b (ha))" in stamped(mixed)
    partly = replace(full, timings=(replace(first, answered=4 * first.wire.samples),))
    assert "for 25 % of the answers only (every path)" in stamped(partly)
    assert stamped(replace(full, timings=(replace(first, answered=0),))) == ""


def test_every_path_has_its_mtu_and_route_or_the_reason_why_not():
    rows = {row[:2]: row[2:] for row in rows_of(replace(bad(), egress=()), "Path MTU")}

    told = rows["sip-a → sip-b", "ha"]
    assert told == ("1400 B", "1500 B", "none", "24", "0 / 0", "0")
    assert ("2 / 0", "3") in [row[4:] for row in rows.values()]
    assert "On all 8 paths: Doubled: 0." in words(list(network.SECTION.build(bad())))
    assert rows["sip-a → sip-dr", "ha (WAN)"][:3] == ("1400 to 1472 B", "1500 B", "1400 B")
    assert rows["sip-dr → sip-a", "ha (WAN)"][:4] == (figures.DASH,) * 4
    assert rows_of(bad(), "Path MTU that is not known")[0][0] == "not even small packets were answered"
    assert rows_of(bare(), "Path MTU")[0][2:6] == ("1500 B", "any", "none", "24")


def test_every_planned_port_has_its_result_in_words():
    whole = rows_of(trio(), "Ports")
    assert [row[4] for row in whole] == ["open"] * 2, "ports that answer alike on all paths of a network share a row"
    assert sum(row[3].count("→") for row in whole) == len(trio().ports)
    assert all(len(row) == 5 for row in whole), "there is no reason to tell"
    rows = rows_of(bad(), "Ports")
    assert rows[0] == ("tcp/57348", "neverfail", "public", "sip-b → sip-a", "no answer", "because no answer")
    assert {row[4] for row in rows} <= {str(access) for access in Access}
    assert len({row[4] for row in rows}) > 2
    assert all(row[5] for row in rows)


def test_no_table_has_two_columns_called_result():
    tables = [block for _, blocks in build(bad()) for block in blocks if isinstance(block, Table)]

    assert not [block.head for block in tables if "Result" in block.head and any(block.statuses)]


@pytest.mark.parametrize(("samples", "shown"), [(1000, "2 ms"), (999, figures.DASH), (0, figures.DASH)])
def test_a_quantile_of_too_few_values_is_not_printed_as_one(samples, shown):
    assert figures.quantile(0.002, samples, 1000) == shown
    assert figures.quantile(None, samples, 1000) == figures.DASH


def test_a_short_run_shows_its_slowest_round_trip_once_as_what_it_is():
    few = tuple(replace(item, rtt=replace(item.rtt, samples=180)) for item in trio().timings)
    short = replace(trio(), timings=few)

    row = rows_of(short, "Delay")[0]
    assert row[2:5] == ("0.24 ms", "0.33 ms", "12.2 ms")
    told = words(list(network.SECTION.build(short)))
    assert f"{figures.DASH}: too few probes for that, see RTT max." in told
    assert f"On all 12 paths: RTT p99.9: {figures.DASH}" in told
    assert "max" not in {
        text for block in network.SECTION.build(short) if isinstance(block, Table) for row in block.rows for text in row
    }
    assert "too few probes for that" not in words(list(network.SECTION.build(trio())))
    assert map_of(short).networks[0].links[0].above.endswith("0.48 ms max; loss 0 %")


def test_observers_say_who_asked_and_who_could_not():
    asked = rows_of(bad(), "Longest silence")

    assert [row[:1] + row[3:6] for row in asked[:2]] == [
        ("gw-1", "sip-a", "86\N{NO-BREAK SPACE}400", "0.5 %"),
        ("gw-1", "sip-dr", "86\N{NO-BREAK SPACE}400", "100 %"),
    ]
    assert asked[1][6:] == (figures.DASH, figures.DASH, figures.DASH, "2 s")
    assert any(
        row[3:] == ("sip-dr", "the node may not send ICMP echo requests")
        for row in rows_of(bad(), "Observers that were not asked")
    )


def test_tcp_is_told_path_by_path_with_what_was_cut_and_forgotten():
    first, *_, last = rows_of(bad(), "Left idle")

    assert first[4:] == ("91.3 s", "2", "4123", "5 min ok, 30 min dropped")
    assert last[5] == "1"
    assert "On all 4 paths: p99.9: 210 ms; Timer: 204 ms." in words(list(network.SECTION.build(bad())))
    assert rows_of(bare(), "Left idle")[0][4:] == (figures.DASH, "0 s", "3", figures.DASH, figures.DASH, "0 s dropped")
    reason = "the TCP echo of sip-a>sip-b/ha was never measured"
    assert any(row[1] == reason for row in rows_of(demonstration(), "TCP was not measured"))
    assert any(
        "TCP was not tried" in block.text for block in network.SECTION.build(empty()) if isinstance(block, Paragraph)
    )


def test_figures_of_the_network_are_in_the_document(drawn):
    told = text(drawn["trio"])

    for figure in ("929 Mbit/s", "11 % / 23 %", "4.41 ms", "Round trips under load", "scs-1", "192.0.2.254"):
        assert figure in told


# Nodes


def test_every_node_begins_its_own_page_with_its_findings_and_charts(drawn):
    found = pages(drawn["trio"])
    for name in ("sip-a", "sip-b", "sip-dr"):
        own = [page for page in found if _lines(page)[1:2] == [name]]
        assert len(own) == 1, "below the header"
        for told in ("Stalls of the machine", "CPU time", "Late wake-ups", "Time to make a write durable"):
            assert told in own[0]


def test_the_archives_of_all_nodes_stand_side_by_side(drawn):
    (page,) = (page for page in pages(drawn["trio"]) if "The archives (" in page)
    for name in ("sip-a", "sip-b", "sip-dr"):
        assert f"voice-{name}-" in page


def _lines(page: str) -> list[str]:
    return [line.strip() for line in page.splitlines() if line.strip()]


def _troubled(count: int, reason: str) -> Assessment:
    """The first node could not measure this many things."""
    full = trio()
    outcomes = tuple(ProbeOutcome(f"probe {place}", "error", reason, 1, 0, 1.0) for place in range(count))
    return replace(full, nodes=(replace(full.nodes[0], outcomes=outcomes), *full.nodes[1:]))


def test_a_node_with_much_to_tell_is_set_smaller_and_keeps_its_page(tmp_path):
    path = tmp_path / "r.pdf"
    write_report(_troubled(20, "a reason of some length, say"), path)
    own = [page for page in pages(path) if "probe 0 " in page and "Not measured in full" in page]

    assert len(own) == 1
    assert "probe 19" in own[0]
    assert "Time to make a write durable" in own[0]


def test_a_node_with_too_much_to_tell_goes_on_on_the_next_page(tmp_path):
    path = tmp_path / "r.pdf"
    write_report(_troubled(60, "word " * 60), path)

    assert "probe 59" in text(path)
    assert "Time to make a write durable" in text(path)


def test_all_nodes_are_listed_at_a_glance_also_those_without_an_archive():
    table = next(block for block in nodes.SECTION.build(bad()) if isinstance(block, Table))

    assert [row[0] for row in table.rows] == ["sip-a", "sip-b", "sip-dr"]
    assert table.statuses == (Status.ERROR, None, Status.FAIL)
    assert table.rows[0][5] == "1 error, 1 warn, 1 info"
    assert table.rows[1][3:] == ("nothing", "missing. Fetch its archive and analyze again.", "none made")


@pytest.mark.parametrize(
    ("scope", "name", "expected"),
    [
        (AssessedScope.NODE, "a", "a"),
        (AssessedScope.DEVICE, "a//var/log", "a"),
        (AssessedScope.DEVICE, "a/b/sda", "a"),
        (AssessedScope.DEVICE, "c/sda", None),
        (AssessedScope.NODE, "a/sda", None),
        (AssessedScope.PATH, "a>b/net", None),
    ],
)
def test_a_finding_belongs_to_the_node_that_it_is_about(scope, name, expected):
    assert owner(Subject(scope, name), {"a", "b"}) == expected


# Size


def test_a_long_table_is_cut_and_says_where_the_rest_is():
    table = Table(("a",), tuple((str(place),) for place in range(9)), (1,), statuses=(Status.PASS,) * 9)
    cut, note = excerpt(table, 5)

    assert len(cut.rows) == len(cut.statuses) == 5
    assert "4 more rows" in note.text
    assert "assessment.json" in note.text
    assert list(excerpt(table, 9)) == [table]


def test_many_nodes_make_a_report_that_ends(tmp_path):
    crowded = many(40)
    write_report(crowded, tmp_path / "r.pdf")
    told = text(tmp_path / "r.pdf")

    assert len(crowded.timings) == 1560
    assert len(pages(tmp_path / "r.pdf")) < 190
    assert "and 28 more" in told
    assert "1410 more rows of this table" in told
    assert "of 780." in told, "charts of the worst pairs only"


def test_long_reasons_end_with_a_whole_sentence_on_page_one():
    why = next(
        block.text for block in verdict.SECTION.build(wordy()) if isinstance(block, Paragraph) and block.text[0] == "1"
    )

    assert [line.endswith("the warning. …") for line in why.splitlines()] == [True] * 3


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
        (figures.ratio(1e-9), "nearly 0 %"),
        (figures.ratio(-1e-9), "nearly 0 %"),
        (figures.quantity(-4e-12, "ppm"), "0 ppm"),
        (figures.quantity(-4e-6, "ppm"), "-0.000004 ppm"),
        (figures.number(-0.0), "0"),
        (figures.milliseconds(835.8), "13 min 56 s"),
        (figures.milliseconds(119.9), "119 900 ms".replace(" ", figures.GROUP, 1)),
        (figures.outage(835.8), "13 min 56 s"),
        (figures.outage(119.9), "120 s"),
        (figures.seconds(835.8), "13 min 56 s"),
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
        (figures.number(123456), "123\N{NO-BREAK SPACE}456"),
        (figures.number(1234.5, 6), "1234.5"),
        (figures.quantity(4144, "count"), figures.quantity(4144, "retries").removesuffix(" retries")),
        (figures.quantity(1500, "octets"), "1500 B"),
        (figures.milliseconds(0.000571), "0.571 ms"),
        (figures.milliseconds(1.24), "1240 ms"),
        (figures.milliseconds(None), figures.DASH),
        (figures.megabits(947e6), "947 Mbit/s"),
        (figures.megabits(1e9), "1 Gbit/s"),
        (figures.count(9999), "9999"),
        (figures.count(-9999), "-9999"),
        (figures.count(10_000), "10\N{NO-BREAK SPACE}000"),
        (figures.unit("1/s"), "/s"),
        (figures.memory(1023.9 * 2**20), "1 GiB"),
        (figures.memory(None), figures.DASH),
        (figures.megabits(None), figures.DASH),
        (figures.outage(0.0), "none"),
        (figures.outage(125.04), "2 min 05 s"),
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


@pytest.mark.parametrize("name", ["trio", "demonstration", "bad", "empty", "wordy"])
def test_page_one_is_enough_to_act_on(drawn, name):
    assessment = ALL[name]()
    first = " ".join(pages(drawn[name])[0].split())

    assert verdict.WORDS[assessment.verdict][0] in first
    # Side by side, columns of wrapped lines cross in the text: words, not sentences, are what can be found.
    known = set(first.split())
    for told in (*assessment.reasons, *assessment.fixes, *assessment.overrides):
        assert set(told.partition(". ")[0].rstrip(".").split()) <= known | {word.rstrip(".") for word in known}
    for item in (
        setting for advice in assessment.recommendations for setting in advice.settings if not setting.only_if
    ):
        assert {word.rstrip(":") for word in (*item.option.split(), figures.entry(item.value))} <= {
            word.rstrip(":") for word in known
        }
    for area in {area.area for area in assessment.score.areas if area.lines}:
        assert verdict.AREAS[area] in first
    assert "What this rests on" in first
    assert "Settings" in pages(drawn[name])[1].split(), "the next section begins on the second page"


def test_a_report_on_a_trio_stays_short(drawn):
    # Of these, two are replication and the work of both nodes on one, one is the topology of the SIP Servers, and three are the acceptance sheet.
    assert 12 <= len(pages(drawn["trio"])) <= 30
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


def test_the_head_of_a_table_is_repeated_on_its_next_page(tmp_path):
    long = Table(("Where it was", "x"), tuple((str(place), "y") for place in range(90)), (50, 50))
    (tmp_path / "long.pdf").write_bytes(render([[Heading("h"), long]], imprint(trio())))

    assert all("Where it was" in page for page in pages(tmp_path / "long.pdf"))
    assert len(pages(tmp_path / "long.pdf")) >= 2


def test_a_warning_is_not_parted_from_what_it_warns_of(tmp_path):
    table = Table(("Option", "Value"), tuple((f"o{place}", "1") for place in range(6)), (50, 50))
    for lines in range(28, 44):
        filler = [Paragraph("word") for _ in range(lines)]
        lead = (Heading("Product", 2), Callout("Provisional", "text", Tone.WARN), Paragraph("Enter"), table)
        (tmp_path / "c.pdf").write_bytes(render([[Heading("h")], [Heading("i"), *filler, *lead]], imprint(trio())))
        assert [page for page in pages(tmp_path / "c.pdf") if "Provisional" in page and "Option" in page], lines


def test_statuses_are_words_beside_glyphs(drawn):
    told = text(drawn["bad"])

    for glyph, word in (
        ("✓", "pass"),
        ("✗", "fail"),
        ("▲", "warn"),
        ("○", "not judged"),
        ("◆", "error"),
        ("●", "info"),
    ):
        assert f"{glyph} {word}" in told


def test_text_in_charts_is_text(drawn):
    told = text(drawn["bad"])

    assert "outage sip-a → sip-dr" in told
    assert "time since the start, h" in told
    assert "RTT, ms" in told


@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize("make", [hostile, bad, crowd, bare])
def test_every_word_is_inside_the_page(tmp_path, make, paper):
    path = tmp_path / "r.pdf"
    write_report(make(), path, Look(paper=paper))

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
        chart(shades=tuple(Mark(place / 2, 0.2, "shade") for place in range(-3, 9))),
        replace(chart(shades=(Mark(0.0, 9.0, LONG),)), bands=()),
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


def test_shades_are_drawn_with_their_label(tmp_path):
    shaded = chart(shades=(Mark(0.5, 0.5, "bandwidth test"),))
    (tmp_path / "s.pdf").write_bytes(render([[shaded]], imprint(trio())))

    assert "bandwidth test" in text(tmp_path / "s.pdf")
    assert render([[chart()]], imprint(trio())) != (tmp_path / "s.pdf").read_bytes()


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
        if isinstance(block, Chart) and not block.half
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

    assert done.stdout.startswith(f"the report needs matplotlib and reportlab; missing here: {missing} | ")
    assert "--no-index --find-links wheels" in done.stdout, "a site has no internet"


def test_sections_need_no_drawing_library():
    code = "import sys; sys.modules['matplotlib'] = sys.modules['reportlab'] = None; from reports.build import sections; print(len(sections()))"

    assert int(run(sys.executable, "-c", code)) >= 5


def test_no_data_is_said_in_a_sentence():
    told = [block.text for _, blocks in build(empty()) for block in blocks if isinstance(block, Paragraph)]

    assert any("No path was measured" in sentence for sentence in told)
    assert any("No node has an archive" in sentence for sentence in told)
    assert any("Nothing was scored" in sentence for sentence in told)


def test_what_passed_counts_each_subject_once():
    passed = next(found for found in bad().findings if found.status is Status.PASS)
    one, other = (Subject(AssessedScope.NODE, name) for name in ("a", "b"))

    def where(*subjects):
        table = finding_table([replace(passed, subject=subject, message=f"m{i}") for i, subject in enumerate(subjects)])
        ((_, _, told),) = table.rows
        return told.partition(". ")[0]

    assert where(one, one, one, other, other, other) == f"{passed.title} (2 nodes)"
    assert where(one, one) == passed.title


def test_few_fast_probes_show_their_slowest_under_its_own_name():
    def fast(samples: int) -> Table:
        timings = tuple(
            replace(item, fast=tuple(replace(one, rtt=replace(one.rtt, samples=samples)) for one in item.fast))
            for item in trio().timings
        )
        blocks = list(network.SECTION.build(replace(trio(), timings=timings)))
        table = next(
            block for block in blocks if isinstance(block, Table) and block.caption == "Fast probes under load"
        )
        before = blocks[blocks.index(table) - 1]
        assert isinstance(before, Paragraph)
        assert before.leads
        return table

    one = next(item for item in trio().timings if item.fast).fast[0]
    few, many_ = fast(999), fast(1000)
    assert few.head[3].startswith("max ")
    assert few.rows[0][3] == figures.milliseconds(one.rtt.maximum)
    assert many_.head[3].startswith("p99.9 ")
    assert many_.rows[0][3] == figures.milliseconds(one.rtt.p999)


def test_round_trips_under_load_leave_out_a_quantile_that_no_path_has():
    few = tuple(replace(item, loaded=replace(item.loaded, samples=999)) for item in bad().timings)
    blocks = list(network.SECTION.build(replace(bad(), timings=few)))
    head = next(
        block.head for block in blocks if isinstance(block, Table) and block.caption == "Round trips under load"
    )

    assert "Loaded p99.9" not in head
    assert {"Idle max", "Loaded max"} <= set(head)
    assert "p99.9 is told of 1000 probes and more" not in words(blocks)


def test_values_that_are_the_same_for_two_legs_have_one_section_with_the_reasons_and_notes_of_both():
    leg = next(item for item in trio().recommendations if item.settings)
    leg = replace(leg, constraints=(), risk=None, tradeoff=(), notes=("both", "first"), networks=("n1",))
    reason = replace(leg.settings[0], because="another reason")
    other = replace(
        leg, subject=replace(leg.subject, name="x+y"), settings=(reason, *leg.settings[1:]), notes=("both", "second"), networks=("n2",)
    )  # fmt: skip

    def headed(*items: Recommendation) -> list[str]:
        blocks = settings.SECTION.build(replace(trio(), recommendations=items))
        return [block.text for block in blocks if isinstance(block, Heading) and block.text.startswith(leg.title)]

    assert headed(leg, other) == [f"{leg.title}: {figures.subject(leg.subject.name)}; x and y"]
    told = words(list(settings.SECTION.build(replace(trio(), recommendations=(leg, other)))))
    assert "Networks: n1, n2." in told
    assert f"{leg.settings[0].because}; another reason" in told
    assert told.count("Note: both") == told.count("Note: first") == told.count("Note: second") == 1
    changed = replace(other, settings=(replace(reason, value=4711), *leg.settings[1:]))
    assert len(headed(leg, changed)) == 2, "another value is entered elsewhere"
    sized = replace(leg, constraints=trio().recommendations[0].constraints)
    assert len(headed(sized, replace(sized, subject=other.subject))) == 2, "what was measured for each is told of each"
