"""Where a demonstration takes place: the plan, and for each node of it where its collector is started.

In the laboratory a pair stands on a LAN and a third node across a WAN. Anywhere else all three are loopback addresses.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from collector.errors import Unavailable
from collector.lab.impairment import Impairment
from collector.lab.netns import Lab, Namespace, limited
from collector.lab.wan import Wan, WanEnd

NODES = ("sip-a", "sip-b", "sip-dr")
WAN_BPS = 20_000_000
"""What every WAN line carries, counted in IP packets. The relay manages five times as much without a drop."""
DELAY_S = 0.015
OUTAGE_S = 1.0
_OUTAGE_AT = 0.8
"""When the outage begins, as a share of the run: after the bandwidth tests of a run of a minute, which stand apart."""
_SEED = 20
_DEADLINE_S = 20.0

_HEAD = """# A demonstration: three nodes that are one machine.
format = 1

[cluster]
name = "demo"
topology = "ha-dr-trio"
origin = "demonstration"
"""

_LOOPBACK = (
    _HEAD
    + """
[network.channel]
kind = "channel"
rate_bps = 1_000_000_000            # stated, or there would be no bandwidth tests between the sites

[[node]]
name = "sip-a"
role = "primary"
site = "main"
addr = {{ channel = "127.88.{net}.1/24" }}

[[node]]
name = "sip-b"
role = "secondary"
site = "main"
addr = {{ channel = "127.88.{net}.2/24" }}

[[node]]
name = "sip-dr"
role = "tertiary"
site = "dr"
addr = {{ channel = "127.88.{net}.3/24" }}

[[stack]]
name = "genesys-addp"
networks = ["channel"]
ports = []
auto_failover = [["sip-a", "sip-b"]]

[bandwidth]
cap_bps = 200_000_000               # one machine is both ends of every test
seconds = 2
"""
)

_LABORATORY = (
    _HEAD
    + f"""
[network.public]
kind = "public"                     # where clients come in; routed between the sites

[network.ch-ab]
kind = "channel"                    # primary to secondary, a cross-over cable
rate_bps = 1_000_000_000

[network.ch-ac]
kind = "channel"                    # primary to tertiary, a leased line
rate_bps = {WAN_BPS}

[network.ch-bc]
kind = "channel"                    # secondary to tertiary, a leased line
rate_bps = {WAN_BPS}

[[node]]
name = "sip-a"
role = "primary"
site = "main"
[node.addr]
public = {{ ip = "10.88.1.1/24", nic = "public", switch = "gateway", port = "port-a" }}
ch-ab = {{ ip = "10.88.2.1/24", nic = "ch-ab" }}
ch-ac = {{ ip = "10.88.8.1/24", nic = "ch-ac" }}

[[node]]
name = "sip-b"
role = "secondary"
site = "main"
[node.addr]
public = {{ ip = "10.88.1.2/24", nic = "public", switch = "gateway", port = "port-b" }}
ch-ab = {{ ip = "10.88.2.2/24", nic = "ch-ab" }}
ch-bc = {{ ip = "10.88.10.2/24", nic = "ch-bc" }}

[[node]]
name = "sip-dr"
role = "tertiary"
site = "dr"
[node.addr]
public = {{ ip = "10.88.3.3/24", nic = "public" }}
ch-ac = {{ ip = "10.88.8.3/24", nic = "ch-ac" }}
ch-bc = {{ ip = "10.88.10.3/24", nic = "ch-bc" }}

[[observer]]
name = "gateway"
kind = "gateway"
addr = "10.88.1.254"

[[stack]]
name = "genesys-addp"
networks = ["ch-ab"]
ports = []
auto_failover = [["sip-a", "sip-b"]]

[[stack]]
name = "neverfail"
networks = ["ch-ab", "ch-ac", "ch-bc"]
ports = ["tcp/57348"]
auto_failover = [["sip-a", "sip-b"]]

[bandwidth]
cap_bps = 200_000_000               # one machine is all three nodes and the WAN
seconds = 3
"""
)


@dataclass(frozen=True, slots=True)
class LeasedLine:
    """A WAN that carries one network between two nodes and nothing else, so that its log has the network's slots."""

    network: str
    nodes: tuple[str, str]
    wan: Wan


@dataclass(frozen=True, slots=True)
class Site:
    """A plan's text, the namespace of each node (None: this machine's own network), and the lines whose logs tell the truth."""

    plan: str
    nodes: Mapping[str, Namespace | None]
    lines: tuple[LeasedLine, ...] = ()


def loopback() -> Site:
    """Three addresses of this machine; a random third octet lets two demonstrations run side by side."""
    return Site(_LOOPBACK.format(net=secrets.randbelow(254) + 1), dict.fromkeys(NODES))


@contextlib.contextmanager
def laboratory(folder: Path, seconds: float) -> Iterator[Site]:
    """A LAN, and a third node across a WAN that logs what it does into `folder`; a run lasts `seconds`.

    Raises:
        Unavailable, OperatorError, OSError: it cannot be built here.
    """
    with contextlib.ExitStack() as opened:
        lab = opened.enter_context(Lab())
        gateway = lab.namespace("gateway", router=True)
        nodes = {name: lab.namespace(name) for name in NODES}
        _require_programs(gateway)
        a, b, dr = (nodes[name] for name in NODES)
        _lan(lab, gateway, a, b)
        folder.mkdir()
        trouble = Impairment(delay_s=DELAY_S, jitter_s=0.001, loss=0.001)
        outage = replace(trouble, outages=((seconds * _OUTAGE_AT, OUTAGE_S),))
        routed = WanEnd(gateway, "10.88.3.254/24", "wan"), WanEnd(dr, "10.88.3.3/24", "public")
        _line(opened, routed, trouble, folder, _SEED)
        dr.route("default", "10.88.3.254")
        to_a = WanEnd(a, "10.88.8.1/24", "ch-ac"), WanEnd(dr, "10.88.8.3/24", "ch-ac")
        to_b = WanEnd(b, "10.88.10.2/24", "ch-bc"), WanEnd(dr, "10.88.10.3/24", "ch-bc")
        lines = (
            LeasedLine("ch-ac", ("sip-a", "sip-dr"), _line(opened, to_a, outage, folder, _SEED + 1)),
            LeasedLine("ch-bc", ("sip-b", "sip-dr"), _line(opened, to_b, trouble, folder, _SEED + 2)),
        )
        yield Site(_LABORATORY, nodes, lines)


def _lan(lab: Lab, gateway: Namespace, a: Namespace, b: Namespace) -> None:
    """The public network, a switch that is also the router; and a cable between the pair."""
    for node, port, number in ((a, "port-a", 1), (b, "port-b", 2)):
        lab.link(node, "public", gateway, port)
        node.address("public", f"10.88.1.{number}/24")
    lab.bridge(gateway, "lan", ["port-a", "port-b"])
    gateway.address("lan", "10.88.1.254/24")
    lab.link(a, "ch-ab", b, "ch-ab")
    for node, number in ((a, 1), (b, 2)):
        node.address("ch-ab", f"10.88.2.{number}/24")
        node.route("default", "10.88.1.254")


def _line(
    opened: contextlib.ExitStack, ends: tuple[WanEnd, WanEnd], trouble: Impairment, folder: Path, seed: int
) -> Wan:
    """A WAN with the same trouble either way, and a rate: the kernel's, because the relay has none."""
    wan = opened.enter_context(Wan(ends, trouble, trouble, folder, seed=seed))
    for end in ends:
        opened.enter_context(limited(end.namespace, end.device, WAN_BPS))
    return wan


def _require_programs(where: Namespace) -> None:
    """A machine may let us make namespaces and yet run nothing in them (it has to mount /sys anew)."""
    done = where.run(["true"], _DEADLINE_S)
    if done.code:
        why = done.err.strip().splitlines()
        raise Unavailable(f"no program can be run in a namespace: {why[0] if why else f'exit code {done.code}'}")
