"""Who held which address beside a running product: from the archives to a line of the report."""

from __future__ import annotations

from dataclasses import replace

from report_fixtures import bad
from synthetic import Link, Machine, Site, plan_data, write

from analyzer.assess import assess
from reports.contract import Table
from reports.holders import holder_blocks

VIP = "10.9.9.9"


def test_archives_of_a_live_run_tell_the_move_on_the_common_time_base(tmp_path):
    """b starts a minute later: what it saw at its 40th second was at second 100 of the run."""
    data = plan_data()
    data["cluster"] |= {"phase": "live"}
    data["observer"] = [{"name": "vip", "kind": "virtual", "addr": VIP}]
    site = Site(
        plan=data,
        length_s=300.0,
        links={"a>b/ch1": Link(), "b>a/ch1": Link()},
        machines={
            "a": Machine(holds=[(0.0, VIP, True), (95.0, VIP, False), (5.0, "203.0.113.1", True)]),
            "b": Machine(start_s=60.0, holds=[(100.0, VIP, True)]),
        },
    )
    found = assess(list(write(site, tmp_path).values()))

    told = [(one.name, one.node, round(one.from_s), round(one.to_s), one.left) for one in found.holdings]
    assert told == [("vip", "a", 0, 95, True), ("vip", "b", 100, 300, False)]


def test_the_report_has_a_line_for_each_stretch_and_none_for_a_run_before_the_installation():
    (table,) = [block for block in holder_blocks(bad()) if isinstance(block, Table)]

    assert [row[:2] for row in table.rows] == [("10.40.1.100\nvip", "sip-a"), ("10.40.1.100\nvip", "sip-b")]
    assert table.rows[0][4] == "1 h"
    assert table.rows[1][3] == "not known: its record ends"
    assert list(holder_blocks(replace(bad(), holdings=()))) == []
