"""What rules ask for in the same words, and of whom it is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_fixtures import trio
from synthetic import plan_data

from analyzer.contract import Area, Finding, Scope, Status, Subject
from analyzer.remedies import mend, unkept
from collector.plan import parse
from reports.brief import LONGEST, brief
from reports.fixes import fixes


def test_the_link_to_mend_is_named_with_the_switch_and_the_port_of_the_plan():
    data = plan_data()
    data["node"][1]["addr"]["ch1"]["port"] = "12"
    plan = parse(data, "plan.toml")
    assert "switch port (sw-0 12) of eth1 on b." in mend(plan, "b", "eth1", ("ch1",))
    assert "switch port of eth1 on b." in mend(plan, "b", "eth1", ())


@pytest.mark.parametrize(
    "time",
    [None, 5, {}, {"service": ""}, {"service": "", "synchronised": True}, {"service": None, "synchronised": False}],
)
def test_a_time_service_that_is_not_known_to_be_absent_is_not_called_absent(time):
    assert not unkept({"time": time})
    assert unkept({"time": {"service": "", "synchronised": False}})


@pytest.mark.parametrize(
    ("rule", "subjects", "who", "extent"),
    [
        ("time", [(Scope.CLUSTER, "horn")], "system administrator", "all nodes"),
        ("time", [(Scope.CLUSTER, "horn"), (Scope.PAIR, "a+b"), (Scope.NODE, "b")], "system administrator", "b"),
        ("time", [(Scope.CLUSTER, "horn"), (Scope.PAIR, "a+b")], "system administrator", "a and b"),
        ("link-state", [(Scope.DEVICE, "b/eth1")], "system administrator, network administrator", "b: eth1"),
    ],
)
def test_a_fix_names_who_and_where_as_narrowly_as_it_is_known(rule, subjects, who, extent):
    found = tuple(
        Finding(rule, "T", Area.HOST, Subject(*subject), Status.FAIL, "bad", remedy="Mend it.") for subject in subjects
    )
    (fix,) = fixes(replace(trio(), findings=found, fixes=("Mend it.",)), 5)
    assert (fix.who, fix.extent) == (who, extent)


def test_a_text_is_not_cut_behind_a_first_sentence_that_says_nothing():
    text = "Find what sets the clock. " + "If the machine stood still, end that; " * 20
    assert LONGEST // 2 < len(brief(text)) <= LONGEST
