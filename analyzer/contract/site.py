"""The plan beside what the nodes told of their interfaces and routes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PlanNode:
    """A node as planned, for the report. Its addresses stand in `Assessment.addresses`."""

    name: str
    role: str
    site: str
    host: str
    power: str


@dataclass(frozen=True, slots=True)
class PlanNetwork:
    """A network as planned, for the report."""

    name: str
    kind: str
    vlan: int | None
    rate_bps: int | None
    dscp: int
    probed: bool
    bandwidth: bool


class Stamping(StrEnum):
    """Whether an interface stamps packets in hardware. Our probes are stamped by the kernel's software in any case."""

    UNTOLD = ""
    NONE = "none"
    OTHER = "other"
    OFF = "off"
    ON = "on"


@dataclass(frozen=True, slots=True)
class AddressFound:
    """One row of the LAN plan: a planned address beside what the node reported.

    `found`: the node has the address (None: it did not tell). `static` False: it came from a server. `speed_bps`, `duplex`
    and `mtu` are those of the interface that holds it, as `stamping` is; None and "": not told. `vlan`: that of the plan for this
    address.
    """

    node: str
    network: str
    address: str
    nic: str
    switch: str
    port: str
    found: bool | None
    found_nic: str
    found_prefix: int | None
    mac: str
    static: bool | None
    up: bool | None
    speed_bps: int | None
    duplex: str
    mtu: int | None
    vlan: int | None = None
    stamping: Stamping = Stamping.UNTOLD


@dataclass(frozen=True, slots=True)
class Egress:
    """Which interface and source address `node` uses for a peer's or observer's address by its own routing table.

    `network` is "" for an observer. `as_planned` None: the plan or the node does not say enough.
    """

    node: str
    target: str
    network: str
    address: str
    nic: str
    source: str
    gateway: str
    as_planned: bool | None
