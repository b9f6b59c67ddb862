"""How far the witness is: from archives whose round trips are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from synthetic import Machine, Site, plan_data, write

from analyzer.contract import Scope, Status
from analyzer.engine import judge
from analyzer.frames import read
from analyzer.material import Material
from analyzer.observers import observed
from analyzer.rules import witness

WITNESS = {"name": "w", "kind": "witness", "addr": "10.9.9.9"}


def words(folder, rtt_s, observer=WITNESS, length_s=120.0):
    plan = plan_data(observer=[observer] if observer else [])
    asked = {observer["name"]: lambda t: np.resize(np.asarray(rtt_s, dtype=float), len(t))} if observer else {}
    machines = {"a": Machine(observers=asked), "b": Machine(observers=asked)}
    paths = write(Site(length_s=length_s, plan=plan, machines=machines), folder)
    nodes = {name: read(path) for name, path in paths.items()}
    planned = nodes["a"].plan
    material = Material(
        plan=planned,
        nodes=nodes,
        summaries=dict.fromkeys(nodes, SimpleNamespace(duration_s=length_s, outcomes=())),
        timings={},
        throughputs={},
        echoes={},
        observers=observed(planned, nodes),
        facts={},
        reasons={},
        meetings={},
        scenarios=(),
        duration_s=length_s,
    )
    return judge([witness.RULE], material)


@pytest.mark.parametrize(
    ("rtt_s", "status"),
    [
        (0.1, Status.PASS),
        (0.1001, Status.WARN),
        (0.2, Status.WARN),
        (0.2001, Status.FAIL),
        ([0.001, 0.001, 5.0], Status.PASS),
    ],
)
def test_the_median_round_trip_to_the_witness_is_judged_from_every_node(rtt_s, status, tmp_path):
    found = words(tmp_path, rtt_s)
    assert [(word.subject.name, word.status) for word in found] == [("a", status), ("b", status)]
    assert found[0].evidence[1].what == "round trip, slowest", "two minutes have no 99.9 %"
    assert found[0].evidence[0].value == pytest.approx(np.median(np.atleast_1d(rtt_s)))
    assert bool(found[0].remedy) is (status is not Status.PASS)


def test_without_a_minute_of_answers_the_distance_is_unknown(tmp_path):
    assert {word.status for word in words(tmp_path / "short", 0.5, length_s=59.0)} == {Status.SKIPPED}
    assert {word.status for word in words(tmp_path / "silent", np.nan)} == {Status.SKIPPED}


def test_other_observers_may_be_as_far_as_they_like(tmp_path):
    assert {word.status for word in words(tmp_path / "scs", 0.5, WITNESS | {"kind": "scs"})} == {Status.INFO}
    assert {word.status for word in words(tmp_path / "none", 0.5, None)} == {Status.INFO}


def test_that_the_plan_names_no_witness_is_said_once_and_of_the_cluster(tmp_path):
    (word,) = words(tmp_path, 0.5, None)
    assert (word.subject.scope, word.message) == (Scope.CLUSTER, "The plan names no witness.")
