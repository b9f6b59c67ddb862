"""Path MTU, changes of route, order of packets and ports: from archives with a known truth to the rules' words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import Link, Site, plan_data, write

from analyzer.assess import assess
from analyzer.contract import Access, Assessment, Finding, PathMtu, PortTest, Scope, Status, Subject
from analyzer.extension import MTUS, PORTS, TIMING, Context
from analyzer.rules import path_mtu, ports, route_changes
from collector.plan import parse

AB, BA = "a>b/ch1", "b>a/ch1"
PLAN = parse(plan_data(), "plan.toml")


def assessed(folder: Path, site: Site) -> Assessment:
    return assess(list(write(site, folder).values()))


def timing(folder: Path, **link):
    site = Site(length_s=300.0, links={AB: Link(**link)})
    return next(item for item in assessed(folder, site).timings if item.path == AB)


def finding(found: Assessment, rule: str, path: str = AB) -> Finding:
    (word,) = [item for item in found.findings if item.rule == rule and item.subject.name == path]
    return word


# --- path MTU --------------------------------------------------------------------------------------------------------


def mtu(path: str = AB, size: int | None = 1500, nic: int | None = 1500, told: int | None = None, **more) -> PathMtu:
    source, target = path[0], path[2]
    found = PathMtu(path, source, target, "ch1", False, 1, size, size, nic, told, "" if size else "no answer")
    return replace(found, **more)


def judged(own: PathMtu, back: PathMtu | None = None, plan=PLAN):
    given = {item.path: item for item in (own, back) if item}
    context = Context(Subject(Scope.PATH, own.path), plan, "a", 900.0, {MTUS: given}, path_mtu.RULE.limits)
    words = list(path_mtu.RULE.check(context))
    assert all(word.remedy for word in words if word.status in (Status.WARN, Status.FAIL, Status.SKIPPED))
    return words


@pytest.mark.parametrize("size", [1500, 9000])
def test_a_path_that_carries_what_its_interfaces_send_passes(size):
    (word,) = judged(mtu(size=size, nic=size), mtu(BA, size, size))
    assert word.status is Status.PASS
    assert word.evidence[0].value == size


def test_one_byte_less_than_the_interfaces_send_is_a_black_hole():
    words = judged(mtu(size=8999, nic=9000), mtu(BA, 8999, 9000))
    assert [word.status for word in words] == [Status.FAIL]
    assert "black hole" in words[0].message


def test_where_a_router_names_its_mtu_it_is_a_warning():
    words = judged(mtu(size=8000, nic=9000, told=8000), mtu(BA, 8000, 9000, 8000))
    assert [word.status for word in words] == [Status.WARN]
    assert "8000" in words[0].message


@pytest.mark.parametrize("told", [1400, None])
def test_what_is_thinner_on_the_way_is_said_once(told):
    words = judged(mtu(size=1400, told=told), mtu(BA, 1400, told=told))
    assert len(words) == 1
    assert "less than 1500 B" not in words[0].message
    assert "less than 1500 B" in judged(mtu(size=1400, nic=1400), mtu(BA, 1400, 1400))[0].message


def test_interfaces_with_different_mtus_warn_and_are_no_black_hole():
    """What the smaller one could send gets through: nothing in between is thinner."""
    for own, back in ((mtu(size=1500, nic=9000), mtu(BA)), (mtu(), mtu(BA, 1500, 9000))):
        (word,) = judged(own, back)
        assert word.status is Status.WARN
        assert "9000 B" in word.message


def test_directions_that_differ_warn():
    (word,) = judged(mtu(size=9000, nic=9000), mtu(BA, 4000, 9000, 4000))
    assert word.status is Status.WARN
    assert "the way back carries 4000 B" in word.message


@pytest.mark.parametrize(("size", "status"), [(1500, Status.PASS), (1499, Status.WARN)])
def test_less_than_ordinary_ethernet_on_one_site_warns(size, status):
    words = judged(mtu(size=size, nic=size), mtu(BA, size, size))
    assert [word.status for word in words] == [status]


def test_between_sites_a_tunnel_may_be_thinner_if_the_interfaces_know():
    far = {"wan": True}
    assert [word.status for word in judged(mtu(size=1400, nic=1400, **far), mtu(BA, 1400, 1400, **far))] == [
        Status.PASS
    ]


def test_an_mtu_that_changed_during_the_run_warns():
    (word,) = judged(mtu(size=1500, largest_B=1600, nic=1500), mtu(BA))
    assert word.status is Status.WARN
    assert "changed" in word.message


def test_an_mtu_that_was_not_found_is_unknown_and_never_a_pass():
    (word,) = judged(mtu(size=None), mtu(BA))
    assert word.status is Status.SKIPPED
    assert "no answer" in word.message


def test_the_other_direction_may_be_missing():
    assert [word.status for word in judged(mtu())] == [Status.PASS]


def test_searches_reach_the_assessment_and_the_smallest_counts(tmp_path):
    rows = [(2.0, 1500, None, 1500, None, 0), (100.0, 1400, 1401, 1500, None, 0), (200.0, None, None, 1500, None, 1)]
    found = assessed(tmp_path, Site(length_s=300.0, links={AB: Link(searches=rows)}))
    (item,) = [item for item in found.path_mtus if item.path == AB]
    assert (item.searches, item.size_B, item.largest_B, item.nic_B, item.told_B) == (2, 1400, 1500, 1500, None)
    # The black hole and the warnings are findings of their own.
    words = [word for word in found.findings if word.rule == "path-mtu" and word.subject.name == AB]
    assert [word.status for word in words] == [Status.FAIL, Status.WARN]
    assert finding(found, "path-mtu", BA).status is Status.WARN


def test_an_archive_without_searches_says_not_measured(tmp_path):
    found = assessed(tmp_path, Site(length_s=300.0, links={AB: Link(searches=()), BA: Link(searches=())}))
    word = finding(found, "path-mtu")
    assert word.status is Status.SKIPPED
    assert "recorded no search" in word.message


@pytest.mark.parametrize(
    "figures", [(0, None, 1500, None), (-5, None, 1500, None), (10**12, None, 1500, None), (None,) * 4]
)
def test_impossible_sizes_are_not_used(tmp_path, figures):
    found = assessed(tmp_path, Site(length_s=300.0, links={AB: Link(searches=[(2.0, *figures, 0)])}))
    assert next(item for item in found.path_mtus if item.path == AB).size_B is None
    assert finding(found, "path-mtu").status is Status.SKIPPED


# --- route and order -------------------------------------------------------------------------------------------------


def about(found, **changes):
    context = Context(
        Subject(Scope.PATH, AB), PLAN, "a", 900.0, {TIMING: replace(found, **changes)}, route_changes.RULE.limits
    )
    (word,) = route_changes.RULE.check(context)
    return word


def test_a_steady_path_passes(tmp_path):
    found = timing(tmp_path)
    assert (found.reordered, found.route_changes_there, found.route_changes_back) == (0, 0, 0)
    assert about(found).status is Status.PASS


def test_each_change_of_ttl_counts_where_it_happened(tmp_path):
    """Three routers for a minute in the middle: one change to it, one back."""
    found = timing(tmp_path, ttl_fwd=lambda slot: np.where((slot > 400) & (slot < 700), 61, 62))
    assert (found.route_changes_there, found.route_changes_back) == (2, 0)
    word = about(found)
    assert word.status is Status.WARN
    assert "2 there, 0 back" in word.message
    assert about(found, route_changes_there=0, route_changes_back=1).status is Status.WARN


def test_a_ttl_that_nobody_told_is_unknown(tmp_path):
    found = timing(tmp_path, ttl_fwd=lambda slot: np.zeros(len(slot)))
    assert (found.route_changes_there, found.route_changes_back) == (None, 0)
    assert about(found).status is Status.PASS
    word = about(found, route_changes_back=None)
    assert word.status is Status.SKIPPED
    assert word.remedy


def test_replies_that_were_overtaken_are_counted(tmp_path):
    """Two replies come a second late, each after four or five of later probes."""
    slow = lambda slot: np.where(np.isin(slot, (300, 900)), 1.0, 0.0002)  # noqa: E731
    assert timing(tmp_path, back_s=slow).reordered == 2
    assert timing(tmp_path / "there", forward_s=slow).reordered == 2


def test_loss_delay_and_a_restart_of_the_sender_are_no_disorder(tmp_path):
    found = timing(
        tmp_path,
        lost_back=range(100, 150),
        lost_forward=[7, 8],
        restart_at=[800],
        back_s=lambda slot: np.where(slot > 600, 0.15, 0.0002),
    )
    assert found.reordered == 0


@pytest.mark.parametrize(("odd", "status"), [(100, Status.PASS), (101, Status.WARN)])
def test_more_than_one_per_cent_out_of_order_or_doubled_warns(tmp_path, odd, status):
    found = replace(timing(tmp_path), answered=10_000)
    assert about(found, reordered=odd).status is status
    assert about(found, duplicates=odd).status is status


# --- ports -----------------------------------------------------------------------------------------------------------


def port(access: Access, reason: str = "", stack: str = "neverfail") -> PortTest:
    return PortTest("a", "b", "ch1", "tcp/57348", stack, access, 1, reason)


def heard(*tests: PortTest):
    context = Context(Subject(Scope.PAIR, "a+b"), PLAN, "", 900.0, {PORTS: tests}, ())
    words = list(ports.RULE.check(context))
    assert all(word.remedy for word in words if word.status in (Status.WARN, Status.FAIL, Status.SKIPPED))
    return words


@pytest.mark.parametrize(
    ("access", "status", "text"),
    [
        (Access.OPEN, Status.PASS, "are open"),
        (Access.FILTERED, Status.FAIL, "nothing answered"),
        (Access.REFUSED, Status.FAIL, "turned away"),
        (Access.NOT_TESTED, Status.SKIPPED, "not tested (no permission)"),
    ],
)
def test_each_result_of_a_port_has_its_word(access, status, text):
    (word,) = heard(port(access, "no permission" if access is Access.NOT_TESTED else ""))
    assert word.status is status
    assert text in word.message


def test_a_port_that_another_program_serves_is_open_and_said_so():
    assert [word.status for word in heard(port(Access.USED))] == [Status.PASS, Status.INFO]


def test_one_closed_port_is_not_hidden_by_the_open_ones_nor_by_the_unknown():
    words = heard(port(Access.OPEN), port(Access.FILTERED), port(Access.NOT_TESTED), port(Access.REFUSED))
    assert [word.status for word in words] == [Status.FAIL, Status.SKIPPED]


def test_a_plan_without_ports_is_no_pass():
    assert [word.status for word in heard()] == [Status.INFO]


STACK = [{"name": "neverfail", "networks": ["ch1"], "ports": ["tcp/57348"]}]


def knocked(folder: Path, there, back) -> Assessment:
    links = {AB: Link(knocks=there), BA: Link(knocks=back)}
    return assessed(folder, Site(length_s=300.0, plan=plan_data(stack=STACK), links=links))


def test_knocks_reach_the_assessment_and_the_worst_of_a_run_counts(tmp_path):
    good = [(3.0, "tcp/57348", 0)]
    found = knocked(tmp_path, [*good, (250.0, "tcp/57348", 3)], good)
    assert [(item.source, item.access, item.tests) for item in found.ports] == [
        ("a", Access.FILTERED, 2),
        ("b", Access.OPEN, 1),
    ]
    assert finding(found, "ports", "a+b").status is Status.FAIL
    assert not any("tcp/57348" in item.what for item in found.untested), "it was tested"


def test_a_try_that_did_not_come_about_counts_only_if_none_did(tmp_path):
    found = knocked(tmp_path, [(3.0, "tcp/57348", 4), (250.0, "tcp/57348", 0)], [(3.0, "tcp/57348", 4)])
    assert [item.access for item in found.ports] == [Access.OPEN, Access.NOT_TESTED]
    assert finding(found, "ports", "a+b").status is Status.SKIPPED
    assert any("tcp/57348" in item.what for item in found.untested)


@pytest.mark.parametrize("rows", [[], [(3.0, "tcp/1", 0)], [(3.0, "tcp/57348", 77)], [(3.0, "tcp/57348", -1)]])
def test_an_archive_that_does_not_tell_is_not_measured(tmp_path, rows):
    found = knocked(tmp_path, rows, rows)
    assert {item.access for item in found.ports} == {Access.NOT_TESTED}
    assert all(item.reason for item in found.ports)
