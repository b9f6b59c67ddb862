"""A silence of a node that stood still is not looked for in the network."""

from __future__ import annotations

import pytest
from synthetic import plan_data
from test_analyzer_rules import timing

from analyzer.contract import NodeStalls, Outage, Scope, Stall, StallCause, Status, Subject
from analyzer.extension import FACTS, STALLS, TIMING, TIMINGS, Context
from analyzer.rules import outages, redundancy
from analyzer.stood import stood, stood_for_all
from collector.plan import parse

PLAN = parse(plan_data(networks=("ch1", "ch2")), "plan.toml")
SILENCE = (Outage(100.0, 2.0, 10), Outage(400.0, 1.2, 6))


def stalls(node, start_s=100.1, length_s=1.8, cause=StallCause.FROZEN):
    return NodeStalls(node, (), (Stall(start_s, length_s, cause),), 1)


def test_the_node_that_stood_still_during_the_longest_outage_is_named():
    assert stood({"a": stalls("a", 400.0), "b": stalls("b")}, SILENCE) == "b"
    assert stood({"b": stalls("b", cause=StallCause.SUSPEND)}, SILENCE) == "b"


@pytest.mark.parametrize(
    "other",
    [
        {"start_s": 300.0},
        {"length_s": 0.9},
        {"start_s": 101.1},
        {"cause": StallCause.STEAL},
    ],
)
def test_another_stall_explains_no_silence(other):
    assert stood({"b": stalls("b", **other)}, SILENCE) == ""
    assert stood({}, SILENCE) == ""


def test_a_pair_was_silent_for_a_node_only_if_all_its_paths_were():
    b = {"b": stalls("b")}
    there, elsewhere, quiet = (timing(outages=out) for out in (SILENCE, SILENCE[1:], ()))
    assert stood_for_all(b, (there, quiet)) == "b"
    assert stood_for_all(b, (there, elsewhere)) == ""
    assert stood_for_all(b, (quiet,)) == ""


def about(rule, scope, name, given):
    return next(iter(rule.check(Context(Subject(scope, name), PLAN, "", 86400.0, given, rule.limits))))


def test_the_advice_on_an_outage_is_about_that_node():
    found = timing(longest_outage_s=2.0, outages=SILENCE)
    word = about(outages.RULE, Scope.PATH, "a>b/ch1", {TIMING: found, STALLS: {"b": stalls("b")}})
    assert word.status is Status.WARN
    assert "the longest of 2 s, 1.8 s for certain, while b stood still with its clock." in word.message
    assert "Find what stops b as a whole" in word.remedy
    plain = about(outages.RULE, Scope.PATH, "a>b/ch1", {TIMING: found, STALLS: {}})
    assert "stood" not in plain.message
    assert "Find what silences network ch1" in plain.remedy


def test_the_advice_on_networks_that_were_silent_together_is_about_that_node():
    ways = tuple(timing(network=network, outages=SILENCE, longest_outage_s=2.0) for network in ("ch1", "ch2"))
    word = about(redundancy.RULE, Scope.PAIR, "a+b", {TIMINGS: ways, FACTS: {}, STALLS: {"b": stalls("b")}})
    plain = about(redundancy.RULE, Scope.PAIR, "a+b", {TIMINGS: ways, FACTS: {}, STALLS: {}})
    assert "while b stood still with its clock" in word.message
    assert "Find what stops b as a whole" in word.remedy
    assert "Find the part that ch1, ch2 share" in plain.remedy
