"""Which three reasons are told, in what order, and what is never lost sight of."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from synthetic import plan_data

from analyzer.contract import Area, Evidence, Finding, Limit, Scope, Sense, Status, Subject, Verdict
from analyzer.host import LONGER
from analyzer.verdict import answer
from collector.plan import parse

PLAN = parse(plan_data(), "plan.toml")
MOST = Limit("most", "1", 1.0, 10.0, Sense.AT_MOST, "a test")
LEAST = Limit("least", "1", 100.0, 50.0, Sense.AT_LEAST, "a test")
NONE = Limit("none", "1", 0.0, None, Sense.AT_MOST, "a test")


def finding(rule, status, value=None, limit=MOST, subject=None, **changes):
    evidence = () if value is None else (Evidence(limit.name, value, "1", limit),)
    return Finding(
        rule,
        changes.get("title", rule.title()),
        changes.get("area", Area.HOST),
        subject or Subject(Scope.NODE, "a"),
        status,
        f"{rule} says {status} of {(subject or Subject(Scope.NODE, 'a')).name}.",
        evidence,
        changes.get("remedy", f"mend {rule}"),
    )


def judged(*findings, absent=(), hours=24.0):
    summaries = {name: SimpleNamespace(name=name, damage=(), sealed=True) for name in "ab" if name not in absent}
    timings = {path.name: timing(path.name, hours) for path in PLAN.paths() if path.source not in absent}
    material = SimpleNamespace(plan=PLAN, summaries=summaries, timings=timings, meetings={}, reasons={}, facts={})
    return answer(material, list(findings), ())


def timing(path, hours=24.0):
    return SimpleNamespace(
        path=path,
        hours=hours,
        sent=10,
        answered=10,
        lost_forward=0,
        lost_back=0,
        lost_unknown=0,
        period_s=0.2,
        loaded=SimpleNamespace(samples=0),
        loaded_lost=0,
        loaded_low=None,
        loaded_outage_s=0.0,
        slow=(),
        rtt=SimpleNamespace(p999=0.001),
        longest_outage_s=0.0,
    )


def test_failures_come_before_warnings_and_each_by_how_far_it_lies_beyond():
    found = judged(
        finding("slight", Status.WARN, 1.1),
        finding("strong", Status.WARN, 8.0),
        finding("worse", Status.FAIL, 40.0),
        finding("bad", Status.FAIL, 11.0),
        finding("unseen", Status.SKIPPED),
        finding("note", Status.INFO, remedy="nothing"),
    )
    assert found.verdict is Verdict.UNSUITABLE
    assert [reason.split()[0] for reason in found.reasons] == ["worse", "bad", "strong"]
    assert found.fixes == ("mend worse", "mend bad", "mend strong", "mend slight", "mend unseen")


def test_too_little_weighs_like_too_much():
    # Half of what is needed is twice beyond; three times too much is more, a tenth of it is most.
    found = judged(
        finding("half", Status.WARN, 51.0, LEAST),
        finding("thrice", Status.WARN, 3.0),
        finding("tenth", Status.FAIL, 1.0, LEAST),
    )
    assert [reason.split()[0] for reason in found.reasons] == ["tenth", "thrice", "half"]


def test_the_less_there_is_of_what_is_needed_the_worse():
    found = judged(
        finding("most", Status.WARN, 99.0, LEAST),
        finding("less", Status.WARN, 75.0, LEAST),
        finding("least", Status.WARN, 60.0, LEAST),
    )
    assert [reason.split()[0] for reason in found.reasons] == ["least", "less", "most"]


@pytest.mark.parametrize(("value", "limit"), [(0.0, LEAST), (-3.0, LEAST), (7.0, NONE)])
def test_nothing_at_all_and_a_limit_of_none_can_be_ranked(value, limit):
    found = judged(finding("odd", Status.WARN, value, limit), finding("plain", Status.WARN, 2.0))
    assert len(found.reasons) == 2


def test_a_run_that_was_too_short_is_to_be_repeated_once():
    found = judged(finding("cpu", Status.SKIPPED, remedy=LONGER), hours=0.01)
    assert found.reasons[0].endswith("was measured for 36 s; less than 15 min prove nothing.")
    assert found.fixes == (LONGER,)


def test_a_device_is_named_behind_its_node():
    folders = [finding("disk", Status.WARN, 2.0, subject=Subject(Scope.DEVICE, f"{node}//var")) for node in "ab"]
    assert "Also warned of: b: /var." in judged(*folders).reasons[0]


def test_a_missing_archive_stands_before_failures_and_warnings():
    found = judged(
        finding("warned", Status.WARN, 5.0),
        finding("failed", Status.FAIL, 20.0, subject=Subject(Scope.NODE, "b")),
        absent=("a",),
    )
    assert [reason.split()[0] for reason in found.reasons] == ["No", "failed", "warned"]


def test_what_follows_from_a_missing_archive_is_not_said_again():
    found = judged(
        finding("one", Status.SKIPPED),
        finding("two", Status.SKIPPED, subject=Subject(Scope.PAIR, "a+b")),
        finding("three", Status.SKIPPED, subject=Subject(Scope.PATH, "a>b/ch1")),
        absent=("a",),
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert [reason for reason in found.reasons if "says" in reason] == []
    assert found.summary.endswith("(3 could not be judged).")


def test_what_a_platform_does_not_tell_is_seen_beside_warnings():
    absent = [finding(f"feature{number}", Status.SKIPPED, title=f"Title {number}") for number in range(5)]
    found = judged(*absent, finding("one", Status.WARN, 2.0), finding("two", Status.WARN, 3.0))
    assert found.verdict is Verdict.CONDITIONAL
    assert found.reasons[2] == (
        "5 checks could not be judged (Title 0, Title 1, Title 2 and 2 more). feature0 says skipped of a."
    )
    assert "2 warned, 5 could not be judged" in found.summary


def test_many_warnings_leave_what_is_unknown_in_the_summary():
    warned = [finding(f"w{number}", Status.WARN, 2.0) for number in range(4)]
    found = judged(*warned, finding("unseen", Status.SKIPPED))
    assert "1 could not be judged" in found.summary
    failed = judged(finding("bad", Status.FAIL, 20.0), finding("unseen", Status.SKIPPED))
    assert failed.summary.endswith("1 check failed (1 could not be judged).")


def test_one_unknown_keeps_its_own_words_and_information_is_no_concern():
    found = judged(finding("unseen", Status.SKIPPED), finding("note", Status.INFO))
    assert found.reasons == ("unseen says skipped of a.",)
    assert found.verdict is Verdict.CONDITIONAL
    assert judged(finding("note", Status.INFO)).verdict is Verdict.SUITABLE


def test_one_rule_on_many_subjects_is_one_reason_that_names_them():
    found = judged(
        finding("same", Status.WARN, 2.0),
        finding("same", Status.WARN, 4.0, subject=Subject(Scope.NODE, "b")),
    )
    assert found.reasons == ("same says warn of b. Also warned of: a.",)


SPEED = Limit("link speed of the plan's rate", "ratio", 1.0, 0.5, Sense.AT_LEAST, "a test")
FLAPS = Limit("flaps or changes of speed", "1", 0.0, 1.0, Sense.AT_MOST, "a test")


def linked(limit, value):
    """A failed link of the interface that the plan names for ch1, and what TCP carried over three networks."""
    site = plan_data()
    site["node"][1]["addr"]["ch1"]["nic"] = "eth1"
    plan = parse(site, "plan.toml")
    path = Subject(Scope.PATH, "a>b/ch1")
    pair = Subject(Scope.PAIR, "a+b")
    found = [
        finding("bandwidth", Status.FAIL, 90.0, subject=path, area=Area.NETWORK),
        finding("bandwidth", Status.FAIL, 20.0, subject=Subject(Scope.PATH, "a>b/other"), area=Area.NETWORK, remedy="other"),
        replace(finding("asymmetry", Status.WARN, 5.0, subject=pair), message="Network ch1 between a and b: apart."),
        replace(finding("link-match", Status.WARN, 5.0, subject=pair), message="a and b: ch1 runs at two speeds."),
        finding("link-state", Status.FAIL, value, limit, Subject(Scope.DEVICE, "b/eth1")),
    ]  # fmt: skip
    timings = {one.name: timing(one.name) for one in plan.paths()}
    summaries = {name: SimpleNamespace(name=name, damage=(), sealed=True) for name in "ab"}
    material = SimpleNamespace(plan=plan, summaries=summaries, timings=timings, meetings={}, reasons={}, facts={})
    return answer(material, found, ())


def test_a_slow_link_stands_before_what_follows_from_it_and_is_mended_once():
    found = linked(SPEED, 0.1)
    assert [reason.split()[0] for reason in found.reasons] == ["link-state", "bandwidth", "Network"]
    assert "This follows from the link eth1 of b." in found.reasons[1]
    assert "This follows from the link eth1 of b." in found.reasons[2]
    # Another network has its own cause.
    assert found.fixes == ("mend link-state", "other")


def test_a_link_that_only_comes_and_goes_explains_no_low_rate():
    found = linked(FLAPS, 7.0)
    assert found.reasons[0].startswith("bandwidth")
    assert not any("follows from" in reason for reason in found.reasons)
    assert {"mend bandwidth", "mend asymmetry", "mend link-match", "mend link-state"} <= set(found.fixes)


def test_what_a_rule_warns_of_elsewhere_stands_beside_what_it_failed():
    b, c = Subject(Scope.NODE, "b"), Subject(Scope.NODE, "c")
    found = judged(
        finding("thin", Status.FAIL, 20.0),
        finding("thin", Status.WARN, 2.0, subject=b, remedy="mend b"),
        finding("other", Status.WARN, 9.0, subject=c),
    )
    assert found.reasons == ("thin says fail of a. A warning on b.", "other says warn of c.")
    assert found.fixes == ("mend thin", "mend other", "mend b")
    assert "1 check failed" in found.summary


def test_every_remedy_of_what_warned_has_its_place_among_the_fixes_the_worst_first():
    b, c = Subject(Scope.NODE, "b"), Subject(Scope.NODE, "c")
    found = judged(
        finding("lossy", Status.WARN, 5.0, remedy="mend a"),
        finding("lossy", Status.WARN, 2.0, subject=b, remedy="mend b"),
        finding("lossy", Status.WARN, 3.0, subject=c, remedy="mend c"),
        finding("busy", Status.WARN, 4.0, remedy="relieve a"),
    )
    assert found.fixes == ("mend a", "relieve a", "mend c", "mend b")


def test_of_a_rule_that_failed_every_remedy_of_its_warnings_is_told():
    b, c = Subject(Scope.NODE, "b"), Subject(Scope.NODE, "c")
    found = judged(
        finding("thin", Status.FAIL, 20.0),
        finding("thin", Status.WARN, 2.0, subject=b, remedy="mend b"),
        finding("thin", Status.WARN, 3.0, subject=c, remedy="mend c"),
    )
    assert found.fixes == ("mend thin", "mend c", "mend b")


def test_another_point_about_the_same_subject_is_a_reason_of_its_own():
    found = judged(finding("thin", Status.FAIL, 20.0), finding("thin", Status.WARN, 2.0))
    assert found.reasons == ("thin says fail of a.", "thin says warn of a.")


DAY = Limit("length of the record of a system in use", "1", 100.0, None, Sense.AT_LEAST, "a test")
LONG = Limit("measured", "1", 100.0, None, Sense.AT_LEAST, "a test")
DATA = {"area": Area.DATA}


def a_short_run(*, node=1.0, path=1.0, blind=0.0):
    way = finding("path-coverage", Status.WARN, path, LONG, Subject(Scope.PATH, "a>b/ch1"), **DATA)
    way = replace(way, evidence=(*way.evidence, Evidence("blind", blind, "1", MOST)))
    return finding("node-coverage", Status.WARN, node, DAY, **DATA), way


def test_a_run_that_is_too_short_is_told_of_the_node_and_not_of_its_paths_again():
    assert judged(*a_short_run()).reasons == ("node-coverage says warn of a.",)
    assert judged(*a_short_run()).verdict is Verdict.CONDITIONAL
    assert judged(*a_short_run()).fixes == ("mend node-coverage",)


@pytest.mark.parametrize("other", [{"node": 200.0}, {"blind": 2.0}])
def test_a_path_that_was_measured_less_than_its_node_is_a_reason(other):
    assert any(reason.startswith("path-coverage") for reason in judged(*a_short_run(**other)).reasons)


def failing(*names, **changes):
    return [finding(name, Status.FAIL, 20.0, **changes) for name in names]


def test_what_means_more_for_the_cluster_comes_first_whatever_lies_further_beyond():
    found = judged(
        finding("observers", Status.FAIL, 900.0, area=Area.NETWORK),
        finding("memory", Status.FAIL, 90.0, area=Area.HOST),
        finding("loss", Status.FAIL, 11.0, area=Area.NETWORK),
        finding("identity", Status.FAIL, subject=Subject(Scope.CLUSTER, "test"), area=Area.HOST),
    )
    assert [reason.split()[0] for reason in found.reasons] == ["identity", "loss", "memory"]
    assert found.fixes == ("mend identity", "mend loss", "mend memory", "mend observers")


def test_a_run_that_is_too_short_has_a_reason_however_much_failed():
    short = judged(*failing("one", "two", "three", "four"), hours=0.1)
    assert short.verdict is Verdict.UNSUITABLE
    assert [reason.split()[0] for reason in short.reasons] == ["one", "two", "Path"]
    assert "less than 15 min prove nothing" in short.reasons[2]
    both = judged(*failing("one", "two", "three"), hours=0.1, absent=("a",))
    assert [reason.split()[0] for reason in both.reasons] == ["No", "one", "Path"]


def test_more_points_than_have_room_are_counted():
    found = judged(*failing(*(f"rule{number}" for number in range(16))))
    assert len(found.fixes) == 5
    assert found.fixes[4].startswith("And 12 more points")
    assert len(judged(*failing("a", "b", "c", "d", "e")).fixes) == 5


def listed(subject, *points, text="ch-ab 192.168.100.101/24 is on none of its interfaces"):
    message = f"Node {subject}: {'; '.join([text] * len(points))}."
    return replace(
        finding("lan-plan", Status.FAIL, subject=Subject(Scope.NODE, subject)), message=message, points=points
    )


def test_a_long_list_becomes_a_count_with_the_nodes_concerned():
    kind = "planned addresses are on no interface"
    found = judged(
        *(listed(name, *[kind] * count) for name, count in (("primary", 4), ("secondary", 2), ("tertiary", 1)))
    )
    assert found.reasons == ("7 planned addresses are on no interface of primary, secondary, tertiary.",)
    mixed = judged(listed("primary", kind, kind, "interfaces are down", "", ""))
    assert mixed.reasons == ("2 planned addresses are on no interface of primary, and 3 more points.",)
    other = judged(listed("primary", "", "", "", "", ""))
    assert other.reasons == ("Node primary: ch-ab 192.168.100.101/24 is on none of its interfaces, and 4 more points.",)
    short = judged(listed("primary", kind))
    assert short.reasons == ("Node primary: ch-ab 192.168.100.101/24 is on none of its interfaces.",)
