"""The plan: every mistake is told at once by its key, and nothing but `PlanError` comes out."""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from typing import Any

import pytest
from fakes import make_plan, plan_data
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import Exit, OperatorError, PlanError
from collector.plan import DEFAULT_PORT, Origin, Role, Topology, load, load_key, parse
from collector.plan_templates import template

STACK = {"name": "genesys-addp", "networks": ["ch1"]}


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(plan_data()) | more


def with_node(**more: Any) -> dict[str, Any]:
    data = changed()
    data["node"][1] |= more
    return data


def with_stack(**more: Any) -> dict[str, Any]:
    return changed(stack=[STACK | more])


def without(key: str) -> dict[str, Any]:
    data = changed()
    del data[key]
    return data


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("format", without("format"), "is missing"),
    ("format", changed(format=2), "reads format 1, not 2"),
    ("format", changed(format="1"), "a whole number"),
    ("format", changed(format=True), "a whole number"),
    ("colour", changed(colour="red"), "unknown key"),
    ("cluster", changed(cluster="lab"), "must be a table"),
    ("cluster.name", changed(cluster={}), "is missing"),
    ("cluster.name", changed(cluster={"name": "a b"}), "is no name"),
    ("cluster.name", changed(cluster={"name": "../x"}), "is no name"),
    ("cluster.topology", changed(cluster={"name": "x", "topology": "ring"}), "is not one of ha-pair"),
    ("cluster.phase", changed(cluster={"name": "x", "phase": "after"}), "is not one of before"),
    ("cluster.origin", changed(cluster={"name": "x", "origin": 3}), "must be text"),
    ("cluster.colour", changed(cluster={"name": "x", "colour": 1}), "unknown key"),
    ("network", without("network"), "at least one"),
    ("network.ch 2", changed(network={"ch1": {}, "ch 2": {}}), "letters, digits"),
    ("network.ch2", changed(network={"ch1": {}, "ch2": 5}), "must be a table"),
    ("network.ch1.kind", changed(network={"ch1": {"kind": "wifi"}}), "is not one of public"),
    ("network.ch1.rate_bps", changed(network={"ch1": {"rate_bps": 0}}), "above 0"),
    ("network.ch1.vlan", changed(network={"ch1": {"vlan": 4095}}), "between 1 and 4094"),
    ("network.ch1.probe", changed(network={"ch1": {"probe": "yes"}}), "true or false"),
    ("network.ch1.mtu", changed(network={"ch1": {"mtu": 9000}}), "unknown key"),
    ("network", changed(network={"ch1": {"probe": False}}), "nothing to measure"),
    ("node", without("node"), "at least 2 nodes"),
    ("node", changed(node={"name": "a"}), "[[node]]"),
    ("node", changed(cluster={"name": "x", "topology": "ha-dr-trio"}), "has 3 nodes, this plan has 2"),
    ("node", with_node(name="a"), "two nodes are called 'a'"),
    ("node[1].name", with_node(name=""), "is no name"),
    ("node[1].name", with_node(name=5), "must be text"),
    ("node[1].role", with_node(role="boss"), "is not one of primary"),
    ("node[1].site", with_node(site=1), "must be text"),
    ("node[1].rack", with_node(rack="r1"), "unknown key"),
    ("node[1].addr", with_node(addr={}), "is missing"),
    ("node[1].addr", with_node(addr="10.9.0.2/24"), "is missing"),
    ("node[1].addr.ch9", with_node(addr={"ch1": "10.9.0.2/24", "ch9": "10.8.0.2/24"}), "there is no [network.ch9]"),
    ("node[1].addr.ch1", with_node(addr={"ch1": "10.9.0.2"}), "lacks its prefix length"),
    ("node[1].addr.ch1", with_node(addr={"ch1": "10.9.0.300/24"}), "is no address with prefix"),
    ("node[1].addr.ch1", with_node(addr={"ch1": 7}), "lacks its prefix length"),
    ("node[1].addr.ch1", with_node(addr={"ch1": ["10.9.0.2/24"]}), "is no address with prefix"),
    ("node[1].addr.ch1", with_node(addr={"ch1": "10.9.0.1/24"}), "is node[0].addr.ch1 already"),
    ("observer[0].addr", changed(observer=[{"name": "gw", "kind": "gateway", "addr": "gw.example"}]), "is no IP"),
    ("observer[0].addr", changed(observer=[{"name": "gw"}]), "is missing"),
    ("observer[0].kind", changed(observer=[{"name": "gw", "kind": "x", "addr": "10.9.0.9"}]), "is not one of scs"),
    ("stack", changed(stack=STACK), "[[stack]]"),
    ("stack[0].networks", with_stack(networks=[]), "at least one network"),
    ("stack[0].networks", with_stack(networks=["ch7"]), "there is no [network.ch7]"),
    ("stack[0].networks", with_stack(networks=[1]), "list of texts"),
    ("stack[0].auto_failover", with_stack(auto_failover=[["a", "x"]]), "there is no node 'x'"),
    ("stack[0].auto_failover", with_stack(auto_failover=[["a"]]), "is no pair"),
    ("stack[0].auto_failover", with_stack(auto_failover=[["a", "a"]]), "is no pair"),
    ("stack[0].auto_failover", with_stack(auto_failover="ab"), "must be a list"),
    ("stack[0].auto_failover", with_stack(auto_failover=[[["a"], "b"]]), "no"),
    ("stack[0].override.floor_s", with_stack(override={"reason": "the vendor agreed"}), "is missing"),
    ("stack[0].override.reason", with_stack(override={"floor_s": 5, "reason": " "}), "must say why"),
    ("stack[0].override.why", with_stack(override={"floor_s": 5, "reason": "x", "why": "y"}), "unknown key"),
    ("stack[0].override", with_stack(override=5), "must be a table"),
    ("target.detection_s", changed(target={"detection_s": -1}), "above 0"),
    ("target.detection_s", changed(target={"detection_s": float("nan")}), "above 0"),
    ("target.detection_s", changed(target={"detection_s": float("inf")}), ""),
    ("target.false_failovers_per_year", changed(target={"false_failovers_per_year": "one"}), "must be a number"),
    ("target.false_failovers_per_year", changed(target={"false_failovers_per_year": 10**400}), ""),
    ("scenario.off", changed(scenario={"off": "rstp"}), "must be a list"),
    ("probe.period_s", changed(probe={"period_s": 0.001}), "between 0.02 and 10"),
    ("probe.period_s", changed(probe={"period_s": float("nan")}), "between 0.02 and 10"),
    ("probe.period_s", changed(probe={"period_s": True}), "must be a number"),
    ("probe.port", changed(probe={"port": 65536}), "between 1 and 65535"),
    ("probe.port", changed(probe={"port": 8862.0}), "a whole number"),
    ("bandwidth.budget_B", changed(bandwidth={"budget_B": -1}), "between 0 and"),
    ("bandwidth.quiet", changed(bandwidth={"quiet": [8]}), "list of texts"),
    ("security.key_file", changed(security={"key_file": 5}), "must be text"),
    ("security.open_to", changed(security={"open_to": ["everybody"]}), "is no IP address"),
]


@pytest.mark.parametrize(("key", "data", "what"), MISTAKES, ids=[f"{key}-{what[:24]}" for key, _, what in MISTAKES])
def test_a_mistake_is_told_by_file_and_key(key, data, what):
    with pytest.raises(PlanError) as refused:
        parse(data, "x/plan.toml")

    assert [line for line in refused.value.mistakes if line.startswith(f"x/plan.toml: {key}: ") and what in line]
    assert refused.value.hint
    assert refused.value.code is Exit.USAGE


def test_all_mistakes_of_a_plan_are_told_at_once():
    data = changed(colour=1, cluster={"name": "a b"}, probe={"port": 0}, stack=[STACK | {"networks": ["ch7"]}])

    with pytest.raises(PlanError) as refused:
        parse(data, "p")

    keys = [line.split(": ")[1] for line in refused.value.mistakes]
    assert sorted(keys) == ["cluster.name", "colour", "probe.port", "stack[0].networks"]
    assert str(refused.value).splitlines() == refused.value.mistakes


def test_the_smallest_plan_gets_documented_defaults():
    plan = parse({**changed(), "probe": {}}, "p")

    assert (plan.probing.period_s, plan.probing.port) == (0.2, DEFAULT_PORT)
    assert plan.security.key_file == "plan.key"
    assert plan.origin is Origin.SYNTHETIC
    assert plan.topology is Topology.CUSTOM
    assert [node.role for node in plan.nodes] == [Role.MEMBER] * 2


def test_paths_are_every_ordered_pair_on_every_probed_network():
    data = changed(
        network={"ch1": {}, "ch2": {}, "idle": {"probe": False}},
        node=[
            {"name": "a", "addr": {"ch1": "10.1.0.1/24", "ch2": "10.2.0.1/24", "idle": "10.3.0.1/24"}},
            {"name": "b", "addr": {"ch1": "10.1.0.2/24", "idle": "10.3.0.2/24"}},
            {"name": "c", "addr": {"ch1": "10.1.0.3/24", "ch2": "10.2.0.3/24"}},
        ],
    )

    assert [path.name for path in parse(data, "p").paths()] == [
        "a>b/ch1",
        "a>c/ch1",
        "b>a/ch1",
        "b>c/ch1",
        "c>a/ch1",
        "c>b/ch1",
        "a>c/ch2",
        "c>a/ch2",
    ]


def test_a_pair_at_two_sites_is_a_wan_pair():
    plan = parse(with_node(site="dr"), "p")

    assert plan.is_wan("a", "b")
    assert not plan.is_wan("a", "a")


def test_an_unknown_node_is_refused_with_those_there_are():
    with pytest.raises(OperatorError, match="no node 'z'") as refused:
        make_plan().node("z")

    assert refused.value.hint == "nodes: a, b"


@pytest.mark.parametrize("topology", [Topology.HA_PAIR, Topology.DR_PAIR, Topology.HA_DR_TRIO])
def test_the_template_of_every_topology_is_a_plan_without_mistakes(tmp_path, topology):
    path = tmp_path / "plan.toml"
    path.write_text(template(topology, "my-cluster", "plan.toml", "plan.key"))

    plan = load(path)

    assert plan.topology is topology
    assert plan.cluster == "my-cluster"
    assert plan.security.key_file == "plan.key"
    assert len(plan.nodes) == (3 if topology is Topology.HA_DR_TRIO else 2)
    assert all(plan.is_wan(*pair) for stack in plan.stacks for pair in stack.auto_failover) is (
        topology is Topology.DR_PAIR
    )


# --- digest ----------------------------------------------------------------------------------------------------------

TEXT = """format = 1
[cluster]
name = "lab"
phase = "live"
[network.ch1]
kind = "sync"
rate_bps = 1000
[[node]]
name = "a"
addr = { ch1 = "10.0.0.1/24" }
[[node]]
name = "b"
addr = { ch1 = "10.0.0.2/24" }
[target]
false_failovers_per_year = 2
detection_s = 30.5
"""


def digest(tmp_path, text: str) -> str:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return load(path).digest


def test_comments_white_space_and_the_order_of_keys_do_not_change_the_digest(tmp_path):
    other = TEXT.replace("format = 1\n", "# ours\n\nformat   =   1 # one\n\n")
    other = other.replace('name = "lab"\nphase = "live"\n', 'phase = "live"\nname = "lab"\n')
    other = other.replace('kind = "sync"\nrate_bps = 1000\n', 'rate_bps = 1_000\nkind = "sync"\n')

    assert other != TEXT
    assert digest(tmp_path, other) == digest(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"lab"', '"lob"'),
        ('"live"', '"before"'),
        ('"sync"', '"channel"'),
        ("= 1000", "= 1001"),
        ('name = "a"', 'name = "c"'),
        ("10.0.0.1/24", "10.0.0.1/25"),
        ("10.0.0.2", "10.0.0.3"),
        ("= 2\n", "= 3\n"),
        ("30.5", "30.6"),
    ],
)
def test_any_changed_value_changes_the_digest(tmp_path, old, new):
    assert TEXT.count(old) == 1

    assert digest(tmp_path, TEXT.replace(old, new)) != digest(tmp_path, TEXT)


def test_a_plan_that_travelled_through_an_archive_is_the_same_plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(TEXT)
    plan = load(path)

    again = parse(json.loads(json.dumps(plan.data)), "manifest")

    assert again == plan
    assert again.digest == plan.digest


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"format = = 1\n", r"line 1"),
        (b'[cluster]\nname = "a"\nname = "b"\n', r"overwrite"),
        (b"\xff\xfeformat = 1", r"not UTF-8 text \(byte 0\)"),
        (b"", r"format: is missing"),
        (b"format = " + b"9" * 5000, r"plan.toml"),
        (b"a = " + b"[" * 5000, r"plan.toml"),
    ],
    ids=["syntax", "key twice", "not UTF-8", "empty", "endless number", "nested"],
)
def test_a_file_that_is_no_plan_is_refused_by_name(tmp_path, content, what):
    path = tmp_path / "plan.toml"
    path.write_bytes(content)

    try:
        load(path)
    except PlanError as error:
        refused = error
    except RecursionError:  # shown here: pytest itself stumbles over its traceback
        pytest.fail("RecursionError instead of PlanError", pytrace=False)

    assert re.search(what, str(refused))
    assert str(path) in str(refused)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_plan_that_is_no_file_is_refused_with_a_hint(tmp_path, name):
    with pytest.raises(PlanError) as refused:
        load(tmp_path / name)

    assert "haready plan init" in refused.value.hint


def key_file(tmp_path, content: bytes = b"k" * 64 + b"\n", mode: int = 0o600):
    path = tmp_path / "plan.key"
    path.write_bytes(content)
    path.chmod(mode)
    return tmp_path / "plan.toml"


def test_the_key_is_read_from_beside_the_plan_without_its_line_end(tmp_path):
    assert load_key(key_file(tmp_path), make_plan()) == b"k" * 64


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_key_that_others_may_use_is_refused(tmp_path, mode):
    with pytest.raises(OperatorError, match=f"open to others .mode {mode:o}") as refused:
        load_key(key_file(tmp_path, mode=mode), make_plan())

    assert refused.value.hint == f"chmod 600 {tmp_path / 'plan.key'}"


@pytest.mark.parametrize(("length", "good"), [(0, False), (31, False), (32, True)])
def test_a_key_has_at_least_32_characters(tmp_path, length, good):
    plan_path = key_file(tmp_path, b"  " + b"k" * length + b"\n\n")

    if good:
        assert load_key(plan_path, make_plan()) == b"k" * length
    else:
        with pytest.raises(OperatorError, match=f"holds {length} characters; at least 32"):
            load_key(plan_path, make_plan())


def test_a_missing_key_is_told_with_what_to_do(tmp_path):
    with pytest.raises(OperatorError, match="No such file") as refused:
        load_key(tmp_path / "plan.toml", make_plan())

    assert "chmod 600" in refused.value.hint


# --- anything at all -------------------------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**308, 10**400)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["10.1.1.1/24", "10.1.1.2/24", "::1/64", "a", "b", "ch1", "ha-pair"])
    | st.dates()
    | st.just(dt.time(1, 2))
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
KEYS = "name role site host power addr kind rate_bps vlan probe networks auto_failover override floor_s reason ch1 a b"
known = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
)
TABLES = "format cluster node observer network stack target scenario probe bandwidth security"


def mistakes(data: dict[str, Any]) -> list[str] | None:
    """None: it is a plan."""
    try:
        parse(data, "p")
    except PlanError as error:
        return error.mistakes
    return None


@settings(deadline=None)
@given(data=st.dictionaries(st.text(max_size=8) | st.sampled_from(TABLES.split()), anything | known, max_size=8))
def test_any_mapping_is_a_plan_or_a_plan_error(data):
    told = mistakes(data)

    assert told is None or (told and all(line.startswith("p: ") for line in told))


@settings(deadline=None)
@given(
    key=st.sampled_from(
        ["cluster", "node", "observer", "network", "stack", "target", "scenario", "probe", "bandwidth", "security"]
    ),
    value=known,
    rows=st.booleans(),
)
def test_a_good_plan_with_any_one_table_replaced_is_a_plan_or_a_plan_error(key, value, rows):
    assert mistakes(changed(**{key: [value] if rows else value})) != []


@settings(deadline=None)
@given(pairs=known, override=known)
def test_a_stack_with_any_failover_and_override_is_a_plan_or_a_plan_error(pairs, override):
    assert mistakes(with_stack(auto_failover=[pairs], override=override)) != []
