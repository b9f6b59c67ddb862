"""Outages of a pair's channels on one time axis."""

from __future__ import annotations

from dataclasses import replace

from report_fixtures import trio

from analyzer.contract import Outage
from reports.channels import incidents
from reports.contract import Table
from reports.sections import network


def with_outages(**by_path):
    """The fixture with these outages (from, length) by path, all its networks being channels."""
    base = trio()
    networks = tuple(replace(item, kind="channel") for item in base.networks)
    timings = tuple(
        replace(item, outages=tuple(Outage(start, length, 3) for start, length in by_path.get(item.path, ())))
        for item in base.timings
    )
    return replace(base, networks=networks, timings=timings)


def paths():
    """Two paths of the first pair, over one network each."""
    base = trio()
    pair = base.joints[0].pair
    return pair, [next(t.path for t in base.timings if {t.source, t.target} == set(pair) and t.network == name) for name in base.joints[0].networks]  # fmt: skip


def test_outages_that_overlap_are_one_incident_with_how_long_several_channels_were_out():
    pair, (one, other) = paths()
    found = incidents(with_outages(**{one: [(100.0, 10.0), (500.0, 2.0)], other: [(104.0, 20.0), (900.0, 1.0)]}))
    assert [(item.pair, item.start_s, item.stop_s, item.several_s) for item in found] == [
        (pair, 100.0, 124.0, 6.0),
        (pair, 500.0, 502.0, 0.0),
        (pair, 900.0, 901.0, 0.0),
    ]
    assert list(found[0].longest_s.values()) == [10.0, 20.0]
    assert incidents(with_outages()) == []


def test_both_directions_of_a_channel_out_are_one_channel_out():
    _, (one, _) = paths()
    source, _, rest = one.partition(">")
    target, _, net = rest.partition("/")
    back = f"{target}>{source}/{net}"
    (found,) = incidents(with_outages(**{one: [(100.0, 10.0)], back: [(102.0, 10.0)]}))
    assert (found.start_s, found.stop_s, found.several_s) == (100.0, 112.0, 0.0)


def test_the_report_shows_the_gravest_in_order_of_time_and_counts_the_rest():
    _, (one, other) = paths()
    many = [(1000.0 + 10 * number, 1.0) for number in range(30)]
    blocks = list(network.SECTION.build(with_outages(**{one: [*many, (5000.0, 4.0)], other: [(5002.0, 4.0)]})))
    table = next(
        block for block in blocks if isinstance(block, Table) and block.caption.startswith("Outages of channels")
    )
    assert len(table.rows) == 12
    assert table.rows[-1][4] == "2 s"
    assert [row[0] for row in table.rows] == sorted(row[0] for row in table.rows)
    assert any("19 further outages" in str(block) for block in blocks)
    assert not any("Outages of channels" in str(block) for block in network.SECTION.build(with_outages()))
