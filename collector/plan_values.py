"""Reads the single values of a parsed plan, and notes every mistake by file and key."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from collector.contract import Json
from collector.plan import NAME, Address, AnyNetwork

EnumT = TypeVar("EnumT", bound=StrEnum)
_EVERYBODY = ipaddress.IPv4Address("255.255.255.255")


def shown(value: Json) -> str:
    """A value as it stands in a message: cut short, and never a reason to fail."""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits is not turned into text
        return "a number of very many digits"
    return text if len(text) <= 80 else text[:77] + "..."


def below(path: str, name: str) -> str:
    """The key `name` of `path`: ``network.ch1.vlan``, or ``node sip-a, role`` where a table is called by its own name."""
    return f"{path}{', ' if ' ' in path else '.'}{name}" if path else name


class Values:
    """Reads single values of tables; notes what is wrong with them and goes on, so that all mistakes are shown at once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.mistakes: list[str] = []

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake, as one line that does not steer the terminal, whatever the keys are."""
        line = f"{self.where}: {key}: {what}"
        self.mistakes.append("".join(letter if letter.isprintable() else "?" for letter in line))

    def table(self, parent: dict[str, Json], name: str, known: str, key: str = "") -> dict[str, Json]:
        """A table below `parent`, empty if it is missing; `known` are its keys."""
        value = parent.get(name, {})
        key = key or name
        if not isinstance(value, dict):
            self.wrong(key, "must be a table")
            return {}
        self.unknown(value, key, known)
        return value

    def unknown(self, table: dict[str, Json], key: str, known: str) -> None:
        """Note every key of `table` that is not `known`."""
        for name in sorted(set(table) - set(known.split())):
            self.wrong(below(key, name), f"unknown key; known: {', '.join(known.split())}")

    def value(
        self,
        table: dict[str, Json],
        path: str,
        name: str,
        kind: type,
        default: Any,
        check: Callable[[Any], str] = lambda _: "",
    ) -> Any:
        """One scalar of `kind`; `check` returns what is wrong with it, or nothing. `...` means required."""
        key = below(path, name)
        if name not in table:
            if default is ...:
                self.wrong(key, "is missing")
                return kind()
            return default
        value = table[name]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < 1 << 53 else float("inf")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}
            self.wrong(key, f"must be {words[kind]}, not {shown(value)}")
            return kind() if default is ... else default
        if isinstance(value, int) and abs(value) >= 1 << 63:
            self.wrong(key, "is too large")
        elif problem := check(value):
            self.wrong(key, problem)
        return value

    def choice(self, table: dict[str, Json], path: str, name: str, kind: type[EnumT], default: EnumT | None) -> EnumT:
        """One of the words of `kind`; required if there is no default."""
        options = [str(member) for member in kind]
        value = self.value(table, path, name, str, ... if default is None else str(default))
        if value in options:
            return kind(value)
        if name in table:
            self.wrong(below(path, name), f"{shown(value)} is not one of {', '.join(options)}")
        return default if default is not None else next(iter(kind))

    def name(self, table: dict[str, Json], path: str) -> str:
        """The required key `name`."""

        def check(value: str) -> str:
            return (
                "" if NAME.match(value) else f"{shown(value)} is no name: letters, digits, '.', '_' and '-', at most 63"
            )

        value = self.value(table, path, "name", str, ..., check)
        assert isinstance(value, str)
        return value

    def text(self, table: dict[str, Json], path: str, name: str, default: Any = "") -> str:
        """One line of text that is shown to people; control characters would steer their terminal."""

        def check(value: str) -> str:
            return "" if value.isprintable() else f"{shown(value)} has a control character in it"

        value = self.value(table, path, name, str, default, check)
        assert isinstance(value, str)
        return value

    def address(self, key: str, value: Json) -> Address | None:
        """The IP address of one machine, or None and a mistake."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            self.wrong(key, f"{shown(value)} is no IP address")
            return None
        return address if self.of_a_host(key, address) else None

    def machines(self, key: str, value: Json) -> AnyNetwork | None:
        """An IP address, or a network of them that is not everybody; None and a mistake for anything else."""
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            self.wrong(key, f"{shown(value)} is no IP address, and no network like 192.0.2.0/24")
            return None
        if not network.prefixlen:
            self.wrong(key, f"{network} is everybody; name the networks of those who may probe")
            return None
        return network if self.of_a_host(key, network.network_address) else None

    def of_a_host(self, key: str, address: Address) -> bool:
        """No address of all or of many: packets go to, and are taken from, single machines only."""
        good = not address.is_multicast and not address.is_unspecified and address != _EVERYBODY
        if not good:
            self.wrong(key, f"{address} is not the address of one machine")
        return good

    def called(self, kind: str, row: dict[str, Json], index: int) -> str:
        """How an entry of ``[[kind]]`` is called in messages: by its name, or by its place if that is no name."""
        name = row.get("name")
        return f"{kind} {name if isinstance(name, str) and NAME.match(name) else f'number {index + 1}'}"

    def rows(self, data: dict[str, Json], key: str) -> list[dict[str, Json]]:
        """The tables written as ``[[key]]``."""
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.wrong(key, f"must be written as [[{key}]]")
            return []
        return value

    def texts(self, table: dict[str, Json], path: str, name: str) -> tuple[str, ...]:
        """A list of texts, empty if it is missing."""
        values = self.value(table, path, name, list, [])
        if not all(isinstance(value, str) for value in values):
            self.wrong(below(path, name), "must be a list of texts")
            return ()
        return tuple(values)


def positive(value: float) -> str:
    """What is wrong with a number that must be above 0 and finite; empty if nothing."""
    return "" if 0 < value < float("inf") else f"must be above 0, not {value}"


def rate(value: int) -> str:
    """What is wrong with a rate in bit/s; empty if nothing."""
    return "" if 0 < value <= 10**15 else f"must be above 0 and at most 10^15 bit/s, not {value}"


def between(value: float, low: float, high: float) -> str:
    """What is wrong with a number that must lie within bounds; empty if nothing."""
    return "" if low <= value <= high else f"must lie between {low} and {high}, not {value}"
