"""Faults that show at the start of a run: told then, and not by the analysis a day later.

Nothing is measured for this. It looks at what the probes tell on its way through the main process.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from collector.archive.format import Row
from collector.contract import Json, State
from collector.plan import Address, Node, ObserverKind, Phase, Plan

SILENT_US = 10_000_000
"""An observer without an answer for this long counts as silent (design value)."""
_TELLING = ("commit", "observer")
"""Probes whose absence is somebody's mistake, not a property of the machine."""


class Faults:
    """One warning each, made an event of the run by `note`."""

    def __init__(self, plan: Plan, node: Node, now_us: Callable[[], int], note: Callable[[str], None]) -> None:
        self._node = node
        self._live = plan.phase is Phase.LIVE
        self._now_us = now_us
        self._note = note
        self._told: set[str] = set()
        # Before a product runs, nobody is to answer for the address that it will move.
        self._observers = {
            observer.name: str(observer.address)
            for observer in plan.observers
            if self._live or observer.kind is not ObserverKind.VIRTUAL
        }
        self._asked_us: dict[str, int] = {}
        self._heard_us: dict[str, int] = {}
        self._errno: dict[str, int] = {}
        self._silent: set[str] = set()

    @property
    def observers(self) -> int:
        """Observers of the plan."""
        return len(self._observers)

    @property
    def answering(self) -> int:
        """Observers that have answered lately."""
        now_us = self._now_us()
        return sum(now_us - heard_us < SILENT_US for heard_us in self._heard_us.values())

    def rows(self, table: str, labels: Sequence[str], rows: Sequence[Row]) -> None:
        """Take rows of the table `observer`; others are of no interest here."""
        if table != "observer" or labels[0] not in self._observers:
            return
        for t_us, rtt_us, flag in rows:
            assert t_us is not None
            self._asked_us.setdefault(labels[0], t_us)
            if rtt_us is not None:
                self._heard_us[labels[0]] = t_us
            self._errno[labels[0]] = flag or 0

    def facts(self, name: str, values: Mapping[str, Json]) -> None:
        """Take what the inventory found, and tell of addresses that are not where the plan has them."""
        nics = values.get("nics")
        if name == "inventory" and isinstance(nics, dict):
            for text in misplaced(self._node, nics, live=self._live):
                self._warn(text)

    def probe(self, name: str, state: State, reason: str) -> None:
        """Take how a probe fares: without a data folder or a way to ask observers it will not do its work."""
        if name in _TELLING and state is State.SKIPPED:
            what = {"commit": "small writes are not timed", "observer": "no observer is asked"}[name]
            self._warn(f"{what}: {reason}")

    def beat(self) -> None:
        """Once a second: tell of observers that have never answered, and of those that do after all."""
        now_us = self._now_us()
        for name, asked_us in self._asked_us.items():
            if name in self._heard_us:
                if name in self._silent:
                    self._silent.discard(name)
                    self._note(f"observer {name} answers now")
            elif name not in self._silent and now_us - asked_us >= SILENT_US:
                self._silent.add(name)
                why = f" ({os.strerror(self._errno[name])})" if self._errno[name] else ""
                self._warn(
                    f"observer {name} ({self._observers[name]}) has not answered for {SILENT_US // 1_000_000} s{why}"
                )

    def _warn(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._note(f"warning: {text}")


def misplaced(node: Node, nics: Mapping[str, Json], *, live: bool = False) -> Iterator[str]:
    """Planned addresses that are not where the plan has them. `nics`: the interfaces, as in the inventory.

    `live`: a product may have moved one to another node; `collector.roles` tells of that.
    """
    for network, interface in node.addresses.items():
        planned = node.sockets[network].nic
        where = holders(nics, interface.ip)
        if not where:
            if not interface.ip.is_loopback and not live:  # of those only one stands on its interface; all can be used
                yield f"no interface has {interface.ip}, which the plan says for {network}"
            where = [name for name, nic in nics.items() if interface.ip.is_loopback and _is_loopback(nic)]
        if planned and where and planned not in where:
            missing = "" if planned in nics else f", and there is no {planned} here"
            yield f"the plan says {planned} for {network}; the address is on {', '.join(where)}{missing}"


def holders(nics: Mapping[str, Json], ip: Address) -> list[str]:
    """The interfaces that have an address. `nics`: as in the inventory."""
    return [name for name, nic in nics.items() if _holds(nic, ip)]


def _addresses(nic: Json) -> Iterator[Address]:
    for entry in nic.get("addresses", []) if isinstance(nic, dict) else []:
        try:
            yield ipaddress.ip_address(str(entry["address"]).partition("%")[0])
        except (KeyError, TypeError, ValueError):
            continue  # what the system calls an address may be none


def _holds(nic: Json, ip: Address) -> bool:
    plain = ipaddress.ip_address(int(ip)) if ip.version == 6 else ip  # without the scope a link-local one may name
    return plain in _addresses(nic)


def _is_loopback(nic: Json) -> bool:
    return any(address.is_loopback for address in _addresses(nic))
