"""What a node wrote to its disks: per minute, each byte once, and bounded whatever the archive holds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report_fixtures import trio
from synthetic import Machine, Site, write

from analyzer.assess import assess
from analyzer.churn import STEPS, writes
from analyzer.contract import Assessment
from reports.contract import Paragraph, Table
from reports.writes import write_blocks

QUARTER_S = 900


def disk(name, rate, length_s=QUARTER_S, from_s=0):
    """Counters of a disk that writes so much a second (one rate, or one per second)."""
    t_s = np.arange(from_s, length_s + 1.0)
    counts = np.cumsum(np.broadcast_to(rate, len(t_s)))
    return pd.DataFrame({"t_s": t_s, "disk": name, "write_B": np.round(counts).astype(np.int64)})


def found(*disks, facts=None, length_s=QUARTER_S):
    node = SimpleNamespace(name="a", tables={"disk": pd.concat(disks, ignore_index=True)} if disks else {})
    items, charts = writes({"a": node}, {"a": facts or {}}, float(length_s))
    return {item.disk: item for item in items}, charts


def by_minute(*rates):
    """A rate per second of each minute; a counter's first row tells of the second before."""
    return np.concatenate([[0.0], np.repeat(np.array(rates, dtype=float), 60)])


def test_the_figures_are_those_of_whole_minutes():
    items, _ = found(disk("sda", by_minute(*range(100, 1600, 100))))
    sda = items["sda"]
    assert sda.minutes == 15
    # The row at a full minute belongs to the minute that it begins, but tells of the second before.
    assert sda.mean_Bps == pytest.approx(800, rel=0.01)
    assert sda.p50_Bps == pytest.approx(800, rel=0.01)
    assert sda.p95_Bps == sda.p99_Bps == sda.maximum_Bps == pytest.approx(1500, rel=0.01)
    assert sda.written_B == pytest.approx(60 * sum(range(100, 1600, 100)), rel=0.01)
    assert sda.day_B == pytest.approx(86400 * sda.mean_Bps)


def test_percentiles_of_the_node_are_those_of_the_sum_and_not_sums_of_percentiles():
    one, other = [1000.0] * 15, [1000.0] * 15
    one[3], other[9] = 9000.0, 9000.0
    items, _ = found(disk("sda", by_minute(*one)), disk("sdb", by_minute(*other)))
    assert items["sda"].maximum_Bps + items["sdb"].maximum_Bps == pytest.approx(18_000, rel=0.02)
    assert items[""].maximum_Bps == pytest.approx(10_000, rel=0.02), "peaks that do not meet do not add up"
    assert items[""].mean_Bps == pytest.approx(items["sda"].mean_Bps + items["sdb"].mean_Bps)


@pytest.mark.parametrize(
    ("below", "counted"),
    [
        ({"dm-0": ["sda"], "dm-1": ["sda"]}, {"sda", "sdb"}),
        ({"dm-0": ["dm-1"], "dm-1": ["sda", "sdb"]}, {"sda", "sdb"}),
        ({"md0": ["sda", "sdb"], "dm-0": ["md0"], "dm-1": ["md0"]}, {"md0"}),
        ({}, {"sda", "sdb", "dm-0", "dm-1", "md0"}),
        (None, {"sda", "sdb"}),
        ({"dm-0": ["gone"], "dm-1": "odd", "md0": [["odd"], 7]}, {"sda", "sdb", "dm-0", "dm-1", "md0"}),
        ({name: ["sda"] for name in ("sda", "sdb", "dm-0", "dm-1", "md0")}, {"md0"}),
    ],
)  # fmt: skip
def test_each_byte_counts_once_however_disks_lie_on_one_another(below, counted):
    names = {"sda", "sdb", "dm-0", "dm-1", "md0"}
    used = names if not below else names & ({"sda", "sdb"} | set(below))
    items, _ = found(*(disk(name, 100.0) for name in sorted(used)), facts={} if below is None else {"disks": below})
    assert {name for name in used if items[name].counted} == counted & used
    assert items[""].mean_Bps == pytest.approx(100.0 * len(counted & used))


def test_logical_volumes_count_where_the_disks_below_are_not_on_record():
    items, _ = found(disk("dm-0", 100.0))
    assert items["dm-0"].counted
    assert items[""].mean_Bps == pytest.approx(100.0)


def test_a_disk_that_came_later_did_nothing_before():
    items, _ = found(disk("sda", 100.0), disk("sdb", 100.0, from_s=600))
    assert items[""].minutes == items["sda"].minutes > items["sdb"].minutes
    assert items[""].mean_series_Bps[2] == pytest.approx(100.0)
    assert items[""].mean_series_Bps[12] == pytest.approx(200.0)


def test_neither_a_reset_nor_a_hole_is_taken_for_writes():
    rows = disk("sda", 100.0)
    rows.loc[rows["t_s"] >= 300, "write_B"] -= int(rows["write_B"][300])
    rows = rows[(rows["t_s"] < 500) | (rows["t_s"] >= 700)]
    items, _ = found(rows)
    assert items["sda"].maximum_Bps == pytest.approx(100.0)
    assert items[""].mean_series_Bps[9] is None, "a minute that was not recorded is unknown, not quiet"


def test_the_disk_of_the_planned_data_is_named_and_has_a_series():
    facts = {"data": [{"folder": "/var/lib/sip", "disk": "sdb"}, {"folder": "/x"}, 7, {"folder": 1, "disk": "sda"}]}
    items, _ = found(disk("sda", 300.0), disk("sdb", 100.0), facts=facts)
    assert items["sdb"].holds == ("/var/lib/sip",)
    assert items["sda"].holds == ()
    assert (bool(items["sda"].mean_series_Bps), len(items["sdb"].mean_series_Bps)) == (False, 15)


def test_the_busiest_hour_is_sixty_minutes_in_a_row():
    rates = [100.0] * 180
    rates[50:110] = [200.0] * 60
    items, _ = found(disk("sda", by_minute(*rates), 180 * 60), length_s=180 * 60)
    assert items["sda"].hour_B == pytest.approx(200 * 3600, rel=0.01)
    short, _ = found(disk("sda", 100.0))
    assert short["sda"].hour_B is None


def test_a_long_run_has_a_bounded_series_that_keeps_its_highest_minute():
    minutes = 2 * STEPS + 1
    t_s = np.arange(0.0, 60.0 * minutes, 10.0)
    rate = np.where((t_s // 60) == STEPS, 5000.0, 100.0)
    rows = pd.DataFrame({"t_s": t_s, "disk": "sda", "write_B": np.cumsum(rate * 10).astype(np.int64)})
    items, (chart,) = found(rows, length_s=60 * minutes)
    total = items[""]
    assert total.step_s == 180.0
    assert len(total.mean_series_Bps) == len(total.maximum_series_Bps) == -(-minutes // 3) <= STEPS
    assert max(total.maximum_series_Bps) == pytest.approx(5000, rel=0.2)
    assert max(total.mean_series_Bps) < 0.5 * max(total.maximum_series_Bps)
    assert len(chart.mid) <= 480


def test_a_node_without_a_record_of_its_disks_has_no_figure():
    assert found() == ({}, ())
    rows = disk("sda", 100.0)
    assert found(rows.drop(columns="write_B")) == ({}, ())
    assert found(rows.assign(write_B=np.nan)) == ({}, ())
    assert found(rows[rows["t_s"] < 20]) == ({}, ()), "less than half a minute is no minute"


def test_archives_give_the_figures_and_the_assessment_keeps_them(tmp_path):
    site = Site(
        length_s=300.0, machines={"a": Machine(disk=True, inventory={"data": [{"folder": "/db", "disk": "sda"}]})}
    )
    assessment = assess(list(write(site, tmp_path).values()))
    assert {(item.node, item.disk) for item in assessment.writes} == {("a", ""), ("a", "sda"), ("a", "sdb")}
    assert {item.disk for item in assessment.writes if item.holds == ("/db",)} == {"sda"}
    assert Assessment.from_json(assessment.to_json()).writes == assessment.writes


def told(items, *, carried=True):
    blocks = list(write_blocks(items, carried=carried))
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph)), [
        row for block in blocks if isinstance(block, Table) for row in block.rows
    ]


def test_the_report_says_what_the_figures_mean_and_where_the_planned_data_lies():
    items = [item for item in trio().writes if item.node == "sip-a"]
    text, rows = told(items)
    assert "what replication would have to carry, before compression; growth not included" in text
    assert "lies on dm-0" in text
    assert "projected" not in text, "a whole day was measured"
    assert [row[0] for row in rows] == ["all disks together", "sda", "dm-0 (in others)"]
    assert rows[2][1] == "/var/lib/sip"


def test_what_replication_would_carry_is_said_only_of_a_node_whose_writes_it_takes_and_above_its_table():
    items = [item for item in trio().writes if item.node == "sip-a"]
    lead, table = write_blocks(items, carried=True)
    assert isinstance(lead, Paragraph)
    assert lead.leads
    assert isinstance(table, Table)
    text, rows = told(items[:2], carried=False)
    assert "would have to carry" not in text
    assert "replicated data" not in text
    assert rows


def test_the_report_says_what_it_does_not_know():
    text, _ = told([item for item in trio().writes if item.node == "sip-a"][:2])
    assert "not known, so every disk is shown" in text
    assert told([]) == ("How much this machine writes to its disks was not measured.", [])
    items, _ = found(disk("sda", 100.0))
    text, rows = told(tuple(items.values()))
    assert "projected from 15 minutes" in text
    assert rows[0][6] == "\N{EN DASH}"
