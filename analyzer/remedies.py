"""What several rules ask for in the same words: one cause is mended once, so it is one point of what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from analyzer.netfacts import flag
from collector.plan import Plan

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_@/-]*")


def unkept(facts: Mapping[str, Any]) -> bool:
    """Whether the inventory says that no time service runs and that the clock is not synchronised; what is not told is neither."""
    told = facts.get("time")
    time = told if isinstance(told, dict) else {}
    return time.get("service") == "" and flag(time.get("synchronised")) is False


def keep(node: str) -> str:
    """For a clock that no service keeps."""
    return (
        f"Start and enable chrony on {node} (install it if it is absent), with the same servers as its peers, before the product runs: "
        "its clock may be stepped."
    )


ALONE = 1.0
"""Requests at a time below which none waits for another (design value)."""


def slow_commits(node: str, folder: str) -> str:
    """For small writes that take long to be on the disk, or of which too few fit into a second."""
    return (
        f"Look what holds up small writes to {folder} of {node}: other writers, the disk's write cache and battery, firmware, an array that rebuilds, SMART; "
        "compare with a like disk of another node. Else give the cluster's log a faster disk of its own (flash with power-loss protection), and test it with fio."
    )


def slow_disk(node: str, disk: str) -> str:
    """For a disk that is slow although little waits for it: nothing that loads it could be moved away."""
    return (
        f"Look why {disk} of {node} is slow by itself: its write cache and battery, firmware, an array that rebuilds, SMART, or what a virtual disk stands on; "
        "compare with a like disk of another node. Else put the cluster's files on a faster one."
    )


def lasting(node: str) -> str:
    """The end of a sentence about routes: which file that is depends on the system, and is not known here."""
    return f"change it in the network configuration that {node} starts with, or the next start undoes it."


def typed(words: Sequence[str]) -> str:
    """A command to type; empty where a word of it, which may come from an archive, is none that a name or an address is made of."""
    return f"`{' '.join(words)}`" if all(_WORD.fullmatch(word) for word in words) else ""


def mend(plan: Plan, node: str, nic: str, networks: tuple[str, ...]) -> str:
    """For the link of an interface that holds the node's address on these networks, with the port that the plan names."""
    sockets = plan.node(node).sockets
    ports = dict.fromkeys(
        f"{sockets[name].switch} {sockets[name].port}".strip()
        for name in networks
        if name in sockets and (sockets[name].switch or sockets[name].port)
    )
    where = f" ({', '.join(ports)})" if ports else ""
    return (
        f"Check cable, transceiver and switch port{where} of {nic} on {node}. Let both ends negotiate speed and duplex: one end that is "
        "forced is the usual cause of half duplex."
    )
