"""Machines side by side: what differs has a column for each node, what does not stands once."""

from __future__ import annotations

from dataclasses import replace

from report_fixtures import trio

from analyzer.contract import Assessment
from reports import figures
from reports.contract import Table
from reports.machines import BESIDE, machine_blocks


def _with(facts: dict[str, tuple[tuple[str, str], ...]]) -> Assessment:
    """An assessment of these nodes, which told these facts of themselves and nothing else that differs."""
    base = trio()
    nodes = tuple(replace(base.nodes[0], name=name, inventory=told) for name, told in facts.items())
    return replace(base, nodes=nodes, planned=(), addresses=(), clocks=())


def _machines(assessment: Assessment) -> list[Table]:
    """The tables of the machines, without those of the archives."""
    tables = [block for block in machine_blocks(assessment) if isinstance(block, Table)]
    return tables[: next(place for place, table in enumerate(tables) if "SHA-256" in str(table.rows))]


def test_a_fact_that_differs_has_a_column_for_each_node_and_one_that_does_not_stands_once():
    told = _with({"a": (("CPU", "X1"), ("Kernel", "6.1")), "b": (("CPU", "X1"), ("Kernel", "6.9"))})

    differ, same = _machines(told)

    assert (differ.head, differ.rows) == (("", "a", "b"), (("Kernel", "6.1", "6.9"),))
    assert ("CPU", "X1") in [row[place : place + 2] for row in same.rows for place in (0, 2)]


def test_a_fact_that_one_node_did_not_tell_differs_and_is_a_dash():
    differ, _ = _machines(_with({"a": (("Locale", "C"),), "b": ()}))

    assert differ.rows == (("Locale", "C", figures.DASH),)


def test_two_facts_of_one_label_are_both_told():
    differ, _ = _machines(_with({"a": (("Disk", "sda"), ("Disk", "sdb")), "b": (("Disk", "sda"),)}))

    assert differ.rows == (("Disk", "sda\nsdb", "sda"),)


def test_of_a_single_node_everything_is_one_list():
    (only,) = _machines(_with({"a": (("Kernel", "6.1"),)}))

    assert only.caption == ""
    assert "Kernel" in str(only.rows)


def test_more_nodes_than_columns_go_on_in_a_further_table():
    names = [f"n{number}" for number in range(BESIDE + 1)]
    tables = _machines(_with({name: (("Host name", name),) for name in names}))

    assert [table.head for table in tables if table.caption == "What differs"] == [
        ("", *names[:BESIDE]),
        ("", names[-1]),
    ]


def test_without_an_archive_there_is_nothing_to_compare():
    assert list(machine_blocks(replace(trio(), nodes=()))) == []


def test_facts_that_are_all_long_have_no_empty_table_above_them():
    told = _with(dict.fromkeys("ab", (("Interfaces", "eth0 up, " * 20),)))
    apart = tuple(replace(node, role=node.name, site=node.name) for node in told.nodes)

    tables = _machines(replace(told, nodes=apart))

    assert [(table.caption, len(table.rows)) for table in tables] == [("What differs", 2), ("The same on all", 1)]


def test_a_fact_that_only_another_node_has_stands_where_it_does_there():
    differ, _ = _machines(
        _with({"a": (("Address on x", "1"), ("Ways out", "eth0")), "b": (("Address on y", "2"), ("Ways out", "eth1"))})
    )

    assert [row[0] for row in differ.rows] == ["Address on y", "Address on x", "Ways out"]
