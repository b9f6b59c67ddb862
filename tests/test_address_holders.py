"""Who held which address beside a running product: two at once, nobody, moves, and what clones share by design."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import bad
from synthetic import Link, Machine, Site, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Holding, Scope, Status, Subject
from analyzer.extension import HOLDINGS, Context, Custom
from analyzer.roles import tenures
from analyzer.rules.address_holders import RULE
from collector.plan import parse
from reports.contract import Table
from reports.holders import holder_blocks

VIP = "10.9.9.9"


def make_plan(phase="live"):
    data = plan_data()
    data["cluster"] |= {"phase": phase}
    data["observer"] = [{"name": "vip", "kind": "ping", "addr": VIP}]
    return data


def held(node, from_s, to_s, left=True, address=VIP):
    return Holding(address, "vip", node, from_s, to_s, left)


def judged(*holdings, phase="live", customs=None):
    plan = parse(make_plan(phase), "test")
    subject = Subject(Scope.CLUSTER, plan.cluster)
    context = Context(subject, plan, "", 900.0, {HOLDINGS: holdings}, RULE.limits, customs=customs or {})
    return list(RULE.check(context))


@pytest.mark.parametrize(
    ("until_s", "status"), [(119.9, Status.INFO), (120.0, Status.INFO), (120.1, Status.FAIL)], ids=str
)
def test_two_holders_at_once_for_more_than_two_looks_are_a_split_brain(until_s, status):
    (word,) = judged(held("a", 0.0, until_s), held("b", 100.0, 900.0, left=False))

    assert word.status is status
    if status is Status.FAIL:
        assert "was on a and b at the same time for 20.1 s" in word.message
        assert word.remedy


@pytest.mark.parametrize(
    ("from_s", "status"), [(119.9, Status.INFO), (120.0, Status.INFO), (120.1, Status.WARN)], ids=str
)
def test_an_address_that_nobody_held_for_more_than_two_looks_is_a_service_that_nobody_gave(from_s, status):
    (word,) = judged(held("a", 0.0, 100.0), held("b", from_s, 900.0, left=False))

    assert word.status is status
    assert ("was on no node for 20.1 s" in word.message) is (status is Status.WARN)


def test_one_holder_for_the_whole_run_passes_and_a_move_is_told():
    (calm,) = judged(held("a", 0.0, 900.0, left=False))
    (moved,) = judged(held("a", 0.0, 300.0), held("b", 305.0, 900.0, left=False))

    assert (calm.status, moved.status) == (Status.PASS, Status.INFO)
    assert "a then b" in moved.message
    assert [item.value for item in moved.evidence] == [0.0, 5.0, 1.0]


def test_without_a_word_from_any_node_nothing_passes_and_before_the_installation_nothing_is_asked():
    (unknown,) = judged()
    (before,) = judged(phase="before")

    assert (unknown.status, before.status) == (Status.SKIPPED, Status.INFO)


def test_the_public_address_that_clones_share_is_no_split_brain():
    public = "192.0.2.10"
    data = make_plan()
    data["network"] |= {"public": {"kind": "public"}}
    for node, ip in zip(data["node"], (public, "192.0.2.11"), strict=True):
        node["addr"] |= {"public": f"{ip}/24"}
    plan = parse(data, "test")
    holdings = tuple(Holding(public, "a on public", node, 0.0, 900.0, left=False) for node in ("a", "b"))
    subject = Subject(Scope.CLUSTER, plan.cluster)
    words = [
        next(iter(RULE.check(Context(subject, plan, "", 900.0, {HOLDINGS: holdings}, RULE.limits, customs=customs))))
        for customs in ({Custom.CLONES: "Neverfail"}, {})
    ]

    assert [word.status for word in words] == [Status.INFO, Status.FAIL]


def test_the_second_longest_holder_does_not_hide_an_empty_time():
    """b's stretch lies within a's, so nobody held it only after a's end."""
    (tenure,) = tenures([held("a", 0.0, 100.0), held("b", 10.0, 20.0), held("b", 150.0, 200.0)])

    assert (tenure.nobody_s, tenure.twice_s, tenure.both) == (50.0, 10.0, ("a", "b"))


def test_archives_of_a_live_run_tell_the_move_on_the_common_time_base(tmp_path):
    """b starts a minute later: what it saw at its 40th second was at second 100 of the run."""
    site = Site(
        plan=make_plan(),
        length_s=300.0,
        links={"a>b/ch1": Link(), "b>a/ch1": Link()},
        machines={
            "a": Machine(holds=[(0.0, VIP, True), (95.0, VIP, False), (5.0, "203.0.113.1", True)]),
            "b": Machine(start_s=60.0, holds=[(100.0, VIP, True)]),
        },
    )
    found = assess(list(write(site, tmp_path).values()))

    told = [(one.node, round(one.from_s), round(one.to_s), one.left) for one in found.holdings]
    assert told == [("a", 0, 95, True), ("b", 100, 300, False)]
    (finding,) = [one for one in found.findings if one.rule == RULE.id]
    assert finding.status is Status.INFO
    assert "a then b" in finding.message


def test_the_report_has_a_line_for_each_stretch_and_none_for_a_run_before_the_installation():
    (table,) = [block for block in holder_blocks(bad()) if isinstance(block, Table)]

    assert [row[:2] for row in table.rows] == [("10.40.1.100\nvip", "sip-a"), ("10.40.1.100\nvip", "sip-b")]
    assert table.rows[0][4] == "1 h"
    assert table.rows[1][3] == "end of its record"
    assert list(holder_blocks(replace(bad(), holdings=()))) == []
