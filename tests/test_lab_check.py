"""`haready check` on two machines of the laboratory: real interfaces, real routes, a real firewall."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.external import finish
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, Namespace
from collector.lab.wan import Wan, WanEnd

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

PLAN = """
format = 1
[cluster]
name = "lab"
origin = "demonstration"
[network.ch1]
kind = "channel"
[network.ch2]
kind = "channel"
[[node]]
name = "a"
addr = { ch1 = { ip = "10.91.1.1/24", nic = "eth1" }, ch2 = { ip = "10.91.2.1/24", nic = "eth2" } }
[[node]]
name = "b"
addr = { ch1 = { ip = "10.91.1.2/24", nic = "eth1" }, ch2 = { ip = "10.91.2.2/24", nic = "eth2" } }
"""
Site = dict[str, Namespace]


@pytest.fixture
def nodes(tmp_path) -> Iterator[Site]:
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "plan.key").write_text("k" * 64, encoding="ascii")
    (tmp_path / "plan.key").chmod(0o600)
    with Lab() as lab:
        found = {name: lab.namespace(name) for name in "ab"}
        for number in (1, 2):
            lab.link(found["a"], f"eth{number}", found["b"], f"eth{number}")
            for end, name in enumerate("ab", 1):
                found[name].address(f"eth{number}", f"10.91.{number}.{end}/24")
        yield found


def check(nodes: Site, folder: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Both at once; what each found, by name of the check."""
    command = [sys.executable, "-m", "haready", "check", "--plan", str(folder / "plan.toml"), "--json"]
    command += ["--out", str(folder), "--wait", "20s", "--node"]
    running = {name: where.start([*command, name], folder / f"{name}.log") for name, where in nodes.items()}
    found: dict[str, dict[str, list[dict[str, str]]]] = {}
    for name, process in running.items():
        finish(process, 60.0)
        said = (folder / f"{name}.log").read_text(encoding="utf-8")
        for one in json.loads(said[said.index("{") :])["checks"]:
            found.setdefault(name, {}).setdefault(one["name"], []).append(one)
    return found


def test_two_machines_as_planned_pass_every_check_of_place_and_peers(nodes, tmp_path):
    for found in check(nodes, tmp_path).values():
        levels = {name: [one["level"] for one in found[name]] for name in ("addresses", "ports", "egress", "peer")}
        assert levels == {"addresses": ["ok"], "ports": ["ok"], "egress": ["ok"], "peer": ["ok"]}, found


def test_a_way_that_lets_hello_pass_and_drops_the_probes_is_found_and_named(tmp_path):
    """The laboratory's WAN stands for a firewall: it loses UDP of the probes' port and nothing else."""
    wan = PLAN.replace('[network.ch2]\nkind = "channel"\n', "").replace('nic = "eth1"', 'nic = "wan0"')
    (tmp_path / "plan.toml").write_text(re.sub(r", ch2 = \{.*?\}", "", wan), encoding="utf-8")
    (tmp_path / "plan.key").write_text("k" * 64, encoding="ascii")
    (tmp_path / "plan.key").chmod(0o600)
    with Lab() as lab:
        nodes = {name: lab.namespace(name) for name in "ab"}
        ends = WanEnd(nodes["a"], "10.91.1.1/24"), WanEnd(nodes["b"], "10.91.1.2/24")
        with Wan(ends, Impairment(loss=1.0), Impairment(), tmp_path, seed=1):
            found = check(nodes, tmp_path)
    (told,) = found["a"]["peer"]
    assert (told["level"], told["found"]) == ("fail", "udp/8862 does not get through to b on ch1: no answer in 3 s")
    assert told["next_step"].startswith("let udp/8862 pass from 10.91.1.1 to 10.91.1.2, on b")


def test_a_route_and_an_address_that_are_not_as_planned_are_found(nodes, tmp_path):
    nodes["a"].ip("route", "add", "10.91.1.2/32", "dev", "eth2", "src", "10.91.2.1")
    nodes["b"].ip("address", "del", "10.91.2.2/24", "dev", "eth2")
    nodes["b"].ip("address", "add", "10.91.2.2/24", "dev", "eth1")
    found = check(nodes, tmp_path)
    told = [one["found"] for one in found["a"]["egress"]]
    assert "to b on ch1 (10.91.1.2) the system would send from 10.91.2.1, not from 10.91.1.1" in told
    assert "packets from 10.91.1.1 to b on ch1 (10.91.1.2) leave by eth2; the address is on eth1" in told
    assert [one["found"] for one in found["b"]["addresses"]] == ["10.91.2.2 (ch2) is on eth1, the plan says eth2"]


def test_a_peer_that_is_switched_off_is_a_warning_and_not_this_node_s_failure(nodes, tmp_path):
    found = check({"a": nodes["a"]}, tmp_path)
    assert [one["level"] for one in found["a"]["peer"]] == ["warn"]
    nodes["b"].ip("link", "set", "eth1", "down")
    nodes["b"].ip("link", "set", "eth2", "down")
    found = check({"a": nodes["a"]}, tmp_path)
    assert {one["level"] for one in found["a"]["peer"]} == {"warn"}
    assert all("run `haready check` on b" in one["next_step"] for one in found["a"]["peer"])
