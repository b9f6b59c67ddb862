"""What a run needs of this machine beside its place: iperf3, a kept clock, and what this user may do."""

from __future__ import annotations

import os
import re
import select
import socket
import tempfile
import time
from collections.abc import Iterator

from collector.errors import OperatorError, Unavailable, printable
from collector.icmp import EchoSocket
from collector.inventory.timekeeping import keeper
from collector.machine import LINUX
from collector.peers import iperf3
from collector.peers.fifo import PRIORITY
from collector.peers.timestamps import receive, transmit_stamps, udp_socket
from collector.plan import Transport
from collector.preflight.result import Check, Level, Site, or_ok

IPERF3_S = 10.0
TRIED = "3.12"
"""The version that haready was tried with."""
_VERSION = re.compile(r"iperf (\d+)\.(\d+)")
_STAMP_S, _STAMP_PAUSE_S = 0.5, 0.05
_SO_BINDTODEVICE = 25
_SERVICE = "`haready service install` gives it what it needs; or run as root"


def iperf3_version(site: Site) -> str:
    """What iperf3 calls itself: ``iperf 3.12``.

    Raises:
        Unavailable: it cannot be used, and why.
    """
    try:
        done = site.env.host.run([iperf3.PROGRAM, "--version"], IPERF3_S)
    except OperatorError as error:
        raise Unavailable(str(error)) from error
    found = _VERSION.search(done.out)
    if done.code or not found:
        raise Unavailable("iperf3 does not tell its version")
    return found[0]


def major(version: str) -> str:
    """``3`` of ``iperf 3.12``; empty for anything else. Only equal ones understand each other."""
    found = _VERSION.match(version)
    return found[1] if found else ""


def bandwidth(site: Site) -> Iterator[Check]:
    """iperf3 is there, and of a version that is understood."""
    if not site.tested:
        yield Check("iperf3", Level.OK, "not needed: the plan has no bandwidth tests with this node")
        return
    try:
        version = iperf3_version(site)
    except Unavailable as error:
        hint = "install iperf3 from the system's packages; without it no bandwidth is measured, the rest runs"
        yield Check("iperf3", Level.WARN, printable(str(error)), hint)
        return
    if major(version) != "3":
        yield Check(
            "iperf3", Level.WARN, f"{version} does not speak iperf3's protocol", f"install iperf3 ({TRIED} is tried)"
        )
    else:
        yield Check("iperf3", Level.OK, f"{version} (tried with {TRIED})")


def clock(site: Site) -> Iterator[Check]:
    """A time service keeps the clock."""
    told = keeper(site.env)
    service, kept = told["service"], told["synchronised"]
    by = service or ("no time service" if service == "" else "a time service that cannot be seen")
    hint = "start chrony or systemd-timesyncd: clocks that drift spoil one-way times and the products' logs"
    if kept:
        yield Check("clock", Level.OK, f"synchronised ({by})")
    elif kept is None:
        yield Check("clock", Level.WARN, f"whether the clock is kept cannot be told ({by})", hint)
    else:
        yield Check("clock", Level.WARN, f"not synchronised ({by})", hint)


def realtime(_site: Site) -> Iterator[Check]:
    """SCHED_FIFO is allowed. Asked of the kernel by taking it for a moment, because limits, cgroups and capabilities all decide."""
    if not hasattr(os, "sched_setscheduler"):
        yield Check(
            "realtime",
            Level.WARN,
            "this system has no SCHED_FIFO",
            "nothing to do: stalls are seen at the ordinary class only",
        )
        return
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        hint = f"allow it (LimitRTPRIO={PRIORITY}, or root): else what a real-time cluster process would see is not measured"
        yield Check("realtime", Level.WARN, f"SCHED_FIFO is not allowed: {error.strerror}", hint)
        return
    os.sched_setscheduler(0, before, parameters)
    yield Check("realtime", Level.OK, f"SCHED_FIFO {PRIORITY} is allowed")


def timestamps(site: Site) -> Iterator[Check]:
    """The kernel stamps packets: a datagram to ourselves on a planned address."""
    hint = "times are taken in user space then, and flagged: a busy machine looks like a slow network"
    ips = [site.env.node.addresses[network].ip for network in site.networks]
    try:
        stamped = LINUX and any(_stamped(str(ip)) for ip in ips[:1])
    except OSError as error:
        yield Check("timestamps", Level.WARN, f"not tried: {ips[0]}: {error.strerror}", "mend the address first")
        return
    if stamped:
        yield Check("timestamps", Level.OK, "the kernel stamps packets")
    else:
        yield Check("timestamps", Level.WARN, "the kernel does not stamp packets", hint)


def _stamped(address: str) -> bool:
    """Whether a datagram to ourselves bears the kernel's arrival time.

    The kernel begins to stamp a while after it was asked, so one without a stamp tells nothing: it is tried until `_STAMP_S` is over.
    """
    until = time.monotonic() + _STAMP_S
    with udp_socket(address, 0) as sock:
        while time.monotonic() < until:
            sock.sendto(b"haready", sock.getsockname())
            select.select([sock], [], [], _STAMP_PAUSE_S)
            while (found := receive(sock)) is not None:
                if found.stamp_ns is not None:
                    return True
            transmit_stamps(sock, 1)  # what is left on the error queue wakes the next wait at once
    return False


def device(site: Site) -> Iterator[Check]:
    """A socket may be bound to an interface."""
    if not LINUX:
        yield Check("device", Level.WARN, "this system cannot bind a socket to an interface", "nothing to do")
        return
    nics = [name for name, nic in site.nics.items() if isinstance(nic, dict) and nic.get("addresses")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, nics[0].encode() + b"\0" if nics else b"lo\0")
        except OSError as error:
            hint = f"{_SERVICE}; the collector binds to addresses, so the run does without"
            yield Check("device", Level.WARN, f"binding to an interface is not allowed: {error.strerror}", hint)
            return
    yield Check("device", Level.OK, "binding to an interface is allowed")


def icmp(site: Site) -> Iterator[Check]:
    """The observers can be asked, and protocols of their own (VRRP) tried."""
    troubles = [*_echo_troubles(site), *_raw_troubles(site)]
    yield from or_ok("icmp", troubles, f"{len(site.env.plan.observers)} observers can be asked")


def _echo_troubles(site: Site) -> Iterator[Check]:
    for version in sorted({observer.address.version for observer in site.env.plan.observers}):
        try:
            EchoSocket(version).close()
        except Unavailable as error:
            yield Check("icmp", Level.WARN, f"no observer is asked: {error}", _SERVICE)
        except OSError as error:
            hint = f"observers with IPv{version} addresses are not asked: take them out of the plan, or switch IPv{version} on"
            yield Check("icmp", Level.WARN, f"no IPv{version} here: {error.strerror}", hint)


def _raw_troubles(site: Site) -> Iterator[Check]:
    name = site.env.node.name
    for number in sorted(
        {
            one.port.number
            for one in site.env.plan.ports()
            if one.port.transport is Transport.IP and name in (one.source, one.target)
        }
    ):
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, number).close()
        except OSError as error:
            yield Check("icmp", Level.WARN, f"IP protocol {number} is not tried: {error.strerror}", _SERVICE)


def data(site: Site) -> Iterator[Check]:
    """The data folders of the product can be written, so that small writes are timed there."""
    yield from or_ok("data", _data_troubles(site), "small writes can be timed")


def _data_troubles(site: Site) -> Iterator[Check]:
    for folder in site.env.node.data:
        try:
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            hint = "make the folder, or let this user write there; else commits of the product's disk are not timed"
            yield Check("data", Level.WARN, f"{folder} cannot be written: {error.strerror}", hint)
