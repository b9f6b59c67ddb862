"""Who answers for an address, seen by a real kernel on a real switch of namespaces."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeClock, FakeHost, make_env, make_plan

from collector.contract import Env
from collector.inventory.takeover import takeover
from collector.lab.netns import Lab, Namespace, entered
from collector.probes import neighbours

# `make lab` runs them, as root; an ordinary user is told so and can still test everything else.
pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="the laboratory needs root")]

PATIENCE_S = 20.0
NOBODY = "10.9.0.9"


@pytest.fixture
def lab() -> Iterator[dict[str, Namespace]]:
    """Nodes a and b and a stranger with b's address, whose cable is not in yet, on one switch."""
    with Lab() as made:
        found = {label: made.namespace(label) for label in ("a", "b", "twin", "switch")}
        for label, ip in (("a", "10.9.0.1"), ("b", "10.9.0.2"), ("twin", "10.9.0.2")):
            made.link(found[label], "eth0", found["switch"], f"to-{label}")
            found[label].address("eth0", f"{ip}/24")
        made.bridge(found["switch"], "br0", ["to-a", "to-b"])
        yield found


def node_a() -> Env:
    """What the probe is given on node a of this very machine."""
    env = make_env(FakeClock(), FakeHost(), Path("/"))
    plan = make_plan(observer=[{"name": "service", "kind": "virtual", "addr": NOBODY}])
    return Env(env.clock, env.host, env.run, plan, plan.node("a"), env.root)


def ask(ip: str) -> None:
    """Let the kernel look for an address: it has a packet for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (ip, 9))


def told(ticks: Iterator[object], entry: tuple[str, str, str]) -> bool:
    """Whether the probe tells of the entry before patience ends."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        fact = next(ticks)
        if fact is not None:
            seen = [(one["address"], one["nic"], one["mac"]) for one in fact.values["seen"]]  # type: ignore[attr-defined]
            if entry in seen:
                return True
        time.sleep(0.02)
    return False


def mac(where: Namespace) -> str:
    found: str = json.loads(where.ip("-json", "link", "show", "eth0"))[0]["address"]
    return found


def test_a_machine_outside_the_plan_that_has_a_planned_address_is_seen_beside_its_owner(lab):
    with entered(lab["a"].path):
        ticks = neighbours.sample(node_a())
        ask("10.9.0.2")
        assert told(ticks, ("10.9.0.2", "eth0", mac(lab["b"])))

        lab["switch"].ip("link", "set", "to-b", "nomaster")
        lab["switch"].ip("link", "set", "to-twin", "master", "br0")
        lab["a"].ip("neigh", "flush", "all")
        ask("10.9.0.2")
        assert told(ticks, ("10.9.0.2", "eth0", mac(lab["twin"])))


def test_an_address_that_nobody_has_is_seen_to_be_free(lab):
    with entered(lab["a"].path):
        ticks = neighbours.sample(node_a())
        ask(NOBODY)
        assert told(ticks, (NOBODY, "eth0", ""))


@pytest.mark.parametrize("where", ["eth0", "all"])
def test_arp_ignore_of_8_is_told_and_makes_the_interface_mute_wherever_it_is_set(lab, where):
    lab["b"].setting(f"net.ipv4.conf.{where}.arp_ignore", "8")
    with entered(lab["b"].path):
        nics = {"eth0": {"addresses": [{"family": "AF_INET", "address": "10.9.0.2"}]}}
        assert takeover(node_a(), nics)["arp"][where]["arp_ignore"] == 8
    with entered(lab["a"].path):
        ticks = neighbours.sample(node_a())
        ask("10.9.0.2")
        assert told(ticks, ("10.9.0.2", "eth0", ""))
        assert not any(mac(lab["b"]) in line for line in Path("/proc/net/arp").read_text(encoding="ascii").splitlines())
