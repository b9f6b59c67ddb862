"""What interruption the planned products bear, subject by subject."""

from __future__ import annotations

from synthetic import plan_data

from analyzer import stacks
from analyzer.contract import Limit, Sense, Status
from analyzer.extension import Tolerance
from analyzer.tolerance import UNPLANNED, borne, tolerances
from collector.plan import parse
from collector.plugins import discover

PRODUCTS = discover(stacks, "STACK")
THREE = ("a", "b", "c")


def bears(*, nodes=("a", "b"), networks=("ch1",), **extra):
    plan = parse(plan_data(nodes, networks, **extra), "plan.toml")
    return {name: one.timeout_s for name, one in tolerances(PRODUCTS, plan).items()}


def addp(*networks, pairs=(("a", "b"),)):
    return {"name": "genesys-addp", "networks": list(networks), "auto_failover": [list(pair) for pair in pairs]}


def neverfail(*networks, pairs=(("a", "b"),)):
    return addp(*networks, pairs=pairs) | {"name": "neverfail"}


def test_addp_depends_on_each_of_its_paths_alone():
    assert bears() == {"a+b": 10.0, "a": 10.0, "b": 10.0, "a>b/ch1": 10.0, "b>a/ch1": 10.0}
    assert set(bears(sites={"b": "dr"}).values()) == {20.0}


def test_a_network_that_no_product_is_bound_to_bears_anything():
    found = bears(networks=("ch1", "public"), stack=[addp("ch1")])
    assert {name for name in found if "/" in name} == {"a>b/ch1", "b>a/ch1"}


def test_a_product_that_survives_on_one_channel_depends_on_none_of_two_and_on_a_single_one():
    two = bears(networks=("ch1", "ch2"), stack=[neverfail("ch1", "ch2")])
    assert two == {"a+b": 60.0, "a": 60.0, "b": 60.0}
    one = bears(stack=[neverfail("ch1")])
    assert one["a>b/ch1"] == 60.0


def test_the_strictest_product_counts():
    found = bears(networks=("ch1", "ch2"), stack=[neverfail("ch1", "ch2"), addp("ch2")])
    assert (found["a+b"], found["a>b/ch2"], found.get("a>b/ch1")) == (10.0, 10.0, None)


def test_legs_that_a_person_switches_bear_anything_unless_the_product_times_them_too():
    trio = bears(nodes=THREE, stack=[neverfail("ch1")])
    assert {name for name in trio if "c" in name.partition("/")[0]} == set()
    manual = bears(stack=[neverfail("ch1", pairs=())])
    assert manual == {}
    assert bears(stack=[addp("ch1", pairs=())])["a>b/ch1"] == 10.0


def test_where_no_known_product_is_planned_one_stands_in_everywhere():
    for planned in ([], [addp("ch1") | {"name": "other"}]):
        found = tolerances(PRODUCTS, parse(plan_data(stack=planned), "plan.toml"))
        assert set(found) == {"a+b", "a", "b", "a>b/ch1", "b>a/ch1"}
        assert set(found.values()) == {UNPLANNED}


def test_half_of_the_timeout_fails_and_without_a_product_nothing_does():
    limit = Limit("silence", "s", 1.0, None, Sense.AT_MOST, "design value")
    held = borne(limit, Tolerance(10.0, "a product"))
    assert [held.judge(value) for value in (1.0, 1.1, 5.0, 5.1)] == [Status.PASS, Status.WARN, Status.WARN, Status.FAIL]
    assert "half of 10 s (a product)" in held.source
    free = borne(limit, None)
    assert free.judge(1e6) is Status.WARN
    assert "no planned product" in free.source
