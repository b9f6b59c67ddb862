"""How the kernel treats ARP on each interface that has an address: what lets an address move from machine to machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.contract import Env, Json
from collector.inventory.files import text

KEYS = ("arp_ignore", "arp_announce", "arp_filter", "arp_accept", "arp_notify", "drop_gratuitous_arp")
"""As they are called under net.ipv4.conf (kernel Documentation/networking/ip-sysctl)."""
ALL = "all"


def takeover(env: Env, nics: Mapping[str, Any]) -> dict[str, Json]:
    """The fact `arp`: the settings of each interface that has an IPv4 address, and those of `all`, which hold on every interface."""
    found = {
        nic: settings
        for nic in (ALL, *(name for name, facts in nics.items() if _has_address(facts)))
        if (settings := _settings(env, nic))
    }
    return {"arp": found} if found else {}


def _has_address(facts: Mapping[str, Any]) -> bool:
    return any(str(entry.get("family")) == "AF_INET" for entry in facts.get("addresses", ()))


def _settings(env: Env, nic: str) -> dict[str, Json]:
    read = {key: text(env, f"proc/sys/net/ipv4/conf/{nic}/{key}") for key in KEYS}
    return {key: int(value) for key, value in read.items() if value.isascii() and value.isdigit()}
