"""Figures of a network that its packets did not take say so where they stand."""

from __future__ import annotations

from dataclasses import replace

from report_fixtures import trio

from analyzer.contract import Assessment
from reports import figures
from reports.contract import Paragraph, Table
from reports.detours import SIGN
from reports.sections import network


def tables(assessment: Assessment) -> dict[str, Table]:
    return {block.caption: block for block in network.SECTION.build(assessment) if isinstance(block, Table)}


def astray() -> tuple[Assessment, set[tuple[str, str]]]:
    """One node sends to one peer over one network by another interface; with both directions of that path as tables name it."""
    base = trio()
    wrong = next(row for row in base.egress if row.network and row.as_planned)
    rows = tuple(replace(row, nic="eth9", as_planned=False) if row is wrong else row for row in base.egress)
    paths = {
        (figures.direction(item.source, item.target), figures.network(item.network, wan=item.wan))
        for item in base.timings
        if {item.source, item.target} == {wrong.node, wrong.target} and item.network == wrong.network
    }
    assert len(paths) == 2
    return replace(base, egress=rows), paths


def test_every_table_of_paths_marks_those_that_left_by_another_way():
    told, paths = astray()
    plain, shown = tables(trio()), tables(told)

    assert SIGN not in str(list(network.SECTION.build(trio())))
    for caption in ("Network matrix", "Delay", "Round trips under load"):
        for before, after in zip(plain[caption].rows, shown[caption].rows, strict=True):
            strayed = tuple(before[:2]) in paths or tuple(before[1::-1]) in paths
            assert (SIGN in "".join(after)) is strayed, caption
            assert after[2:] == before[2:]


def test_the_sign_is_explained_below_each_table_that_has_it():
    blocks = list(network.SECTION.build(astray()[0]))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if isinstance(block, Table) and SIGN in str(block.rows):
            assert isinstance(following, Paragraph)
            assert following.text.startswith(SIGN)
