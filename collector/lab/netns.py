"""Network namespaces of our own, joined by veth pairs and bridges: several machines inside this one.

Everything a `Lab` makes lives inside namespaces whose names tell their owner (process id and its start time), so a
namespace that was left behind can be told from one in use: `sweep` removes what belongs to nobody any more. No device is ever
made in the machine's own namespace. Needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) and iproute2.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from collector import external
from collector.errors import OperatorError, Unavailable

_MOUNTS = Path("/run/netns")
_PREFIX = "hrlab"
_NAME = re.compile(rf"{_PREFIX}-(\d+)-(\d+)-[0-9a-f]+-")
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_DEADLINE_S = 20.0
_ENDING_S = 5.0
_CLONE_NEWNET = 0x40000000
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21
_SMALLEST_BURST_B = 16 * 1024


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace. `label` is what the test calls it, `name` what ``ip netns`` lists."""

    label: str
    name: str

    @property
    def path(self) -> Path:
        """The file that holds it open."""
        return _MOUNTS / self.name

    def ip(self, *arguments: str) -> str:
        """Run ``ip`` on this namespace and return what it printed; see `Lab` for the errors."""
        return _tool("ip", "-n", self.name, *arguments)

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, command: Sequence[str], deadline_s: float) -> external.Finished:
        """Run a program in here to its end; the errors are those of `external.run`."""
        return external.run(self.inside(command), deadline_s)

    def start(self, command: Sequence[str], log: Path) -> external.Running:
        """Start a program in here in the background (its process id is that of the program); see `external.start`."""
        return external.start(self.inside(command), log)

    def address(self, device: str, address: str) -> None:
        """Give `device` an address ("10.0.0.1/24") and bring it up."""
        self.ip("address", "add", address, "dev", device)
        self.ip("link", "set", device, "up")

    def route(self, target: str, via: str) -> None:
        """Send what is for `target` ("10.0.2.0/24" or "default") to the router at `via`."""
        self.ip("route", "add", target, "via", via)

    def setting(self, name: str, value: str) -> None:
        """Set a kernel parameter of this namespace: ``net.ipv4.ip_forward``, say."""
        with entered(self.path):
            Path("/proc/sys", *name.split(".")).write_text(value, encoding="ascii")


class Lab:
    """Owner of any number of namespaces; on leaving, whatever is in them is ended and they are removed.

    Its methods raise `Unavailable` where the machine cannot do it (not root, no ``ip``, a device type the kernel lacks) and
    `OperatorError` where the request itself was wrong.
    """

    def __init__(self) -> None:
        self._prefix = f"{_PREFIX}-{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(2)}-"

    def __enter__(self) -> Self:
        require()
        sweep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove([name for name in _existing() if name.startswith(self._prefix)])

    def namespace(self, label: str, *, router: bool = False) -> Namespace:
        """A new namespace with only a loopback device; a `router` forwards IPv4."""
        if not _LABEL.match(label):
            raise OperatorError(f"{label!r} is no label", "small letters, digits and '-', at most 32")
        found = Namespace(label, self._prefix + label)
        _tool("ip", "netns", "add", found.name)
        # Neighbour discovery would be traffic that nobody asked for.
        found.setting("net.ipv6.conf.all.disable_ipv6", "1")
        found.setting("net.ipv6.conf.default.disable_ipv6", "1")
        found.ip("link", "set", "lo", "up")
        if router:
            found.setting("net.ipv4.ip_forward", "1")
        return found

    def link(self, one: Namespace, one_device: str, other: Namespace, other_device: str) -> None:
        """A cable: a pair of veth devices, one end in each namespace, both up."""
        one.ip(
            *("link", "add", one_device, "type", "veth"),
            *("peer", "name", other_device, "netns", other.name),
        )
        one.ip("link", "set", one_device, "up")
        other.ip("link", "set", other_device, "up")

    def bridge(self, where: Namespace, device: str, ports: Sequence[str]) -> None:
        """A switch: a bridge in `where` over devices that are there already."""
        where.ip("link", "add", device, "type", "bridge")
        for port in ports:
            where.ip("link", "set", port, "master", device)
        where.ip("link", "set", device, "up")


@contextlib.contextmanager
def limited(where: Namespace, device: str, rate_bps: int, queue_s: float = 0.05) -> Iterator[None]:
    """Let `device` send at most `rate_bps` bit/s (tbf; Ethernet frames counted), with a queue of `queue_s`.

    Raises:
        Unavailable: the kernel has no tbf, or there is no ``tc``.
    """
    # A millisecond's worth, in bytes: less, and a kernel that wakes late never catches up.
    burst = max(_SMALLEST_BURST_B, rate_bps // 8000)
    shape = ("rate", f"{rate_bps}bit", "burst", f"{burst}b", "latency", f"{round(queue_s * 1e6)}us")
    _tool("tc", "-n", where.name, "qdisc", "add", "dev", device, "root", "tbf", *shape)
    try:
        yield
    finally:
        _tool("tc", "-n", where.name, "qdisc", "del", "dev", device, "root")


@contextlib.contextmanager
def blackhole(where: Namespace, address: str) -> Iterator[None]:
    """Swallow, without a word, every packet from `address` (IPv4) that comes to `where` or would be forwarded there.

    Placed at the receiver or a router, because a sender's own kernel would tell the program (EPERM).

    Raises:
        Unavailable: there is neither ``nft`` nor ``iptables``, or the kernel does not do what they ask.
    """
    chains = ("input", "forward")
    if shutil.which("nft"):
        on = [["nft", "add", "table", "ip", "haready"]]
        for chain in chains:
            kind = f"{{ type filter hook {chain} priority 0 ; }}"
            on.append(["nft", "add", "chain", "ip", "haready", chain, kind])
            on.append(["nft", "add", "rule", "ip", "haready", chain, "ip", "saddr", address, "drop"])
        off = [["nft", "delete", "table", "ip", "haready"]]
    elif shutil.which("iptables"):
        rules = [[chain.upper(), "-s", address, "-j", "DROP"] for chain in chains]
        on = [["iptables", "-w", "-I", *rule] for rule in rules]
        off = [["iptables", "-w", "-D", *rule] for rule in rules]
    else:
        raise Unavailable("neither nft nor iptables is installed")
    for command in on:
        _tool(*where.inside(command))
    try:
        yield
    finally:
        for command in off:
            _tool(*where.inside(command))


@contextlib.contextmanager
def entered(namespace: Path) -> Iterator[None]:
    """Let the calling thread be in another network namespace; what it opens meanwhile (sockets, TUN devices) stays there.

    Raises:
        Unavailable: not allowed.
        OSError: there is no such namespace.
    """
    with contextlib.ExitStack() as opened:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        opened.callback(os.close, home)
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        opened.callback(os.close, there)
        _setns(there)
        opened.callback(_setns, home)
        yield


def require() -> None:
    """Do nothing if a laboratory can be built here.

    Raises:
        Unavailable: not Linux, not root, or no ``ip``.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("network namespaces are Linux's")
    if shutil.which("ip") is None:
        raise Unavailable("the program ip (iproute2) is not installed")
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    held = int(re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    missing = [
        name
        for name, bit in (("CAP_NET_ADMIN", _CAP_NET_ADMIN), ("CAP_SYS_ADMIN", _CAP_SYS_ADMIN))
        if not held >> bit & 1
    ]
    if missing:
        raise Unavailable(f"network namespaces need root: {' and '.join(missing)} missing")


def sweep() -> list[str]:
    """Remove the namespaces (and end the programs in them) whose owner is dead; returns their names."""
    orphans = []
    for name in _existing():
        match = _NAME.match(name)
        if match and _started(int(match[1])) != int(match[2]):
            orphans.append(name)
    _remove(orphans)
    return orphans


def _existing() -> list[str]:
    try:
        return sorted(entry.name for entry in _MOUNTS.iterdir())
    except FileNotFoundError:
        return []


def _remove(names: Sequence[str]) -> None:
    """End what runs in the namespaces, then remove them all; raises the first trouble after trying each."""
    troubles = []
    for name in names:
        _end_programs(name)
        try:
            _tool("ip", "netns", "delete", name)
        except OperatorError as error:
            # Somebody else's sweep may have been faster.
            if name in _existing():
                troubles.append(error)
    if troubles:
        raise troubles[0]


def _end_programs(name: str) -> None:
    deadline = time.monotonic() + _ENDING_S
    while time.monotonic() < deadline:
        listed = external.run(["ip", "netns", "pids", name], _DEADLINE_S)
        pids = [int(word) for word in listed.out.split()]
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 for one that is gone or a zombie. Numbers come again, times do not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def _tool(*command: str) -> str:
    """Run a program of the system; what it printed.

    Raises:
        Unavailable: it is not here, or the machine does not let it.
        OperatorError: it refused for another reason.
    """
    done = external.run(command, _DEADLINE_S)
    if done.code == 0:
        return done.out
    why = (done.err or done.out).strip().splitlines()
    text = f"{' '.join(command)}: {why[0] if why else f'exit code {done.code}'}"
    if re.search(r"not permitted|not supported|Unknown device type|qdisc kind is unknown|Could not process", done.err):
        raise Unavailable(text)
    raise OperatorError(text, "see the laboratory's page, docs/lab.md")


def _setns(fd: int) -> None:
    import ctypes  # os.setns came with Python 3.12

    if ctypes.CDLL(None, use_errno=True).setns(fd, _CLONE_NEWNET):
        raise Unavailable(f"cannot enter a network namespace: {os.strerror(ctypes.get_errno())}")
