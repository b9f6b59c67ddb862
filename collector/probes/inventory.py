"""What the machine is.

What: host name, operating system and packages (their names, versions and one fingerprint), services that start with the machine, kernel,
whether a restart is due, CPU, memory, file systems, make and model, whether it is virtual; disks with size and model, which lie on which, which of them holds each
data folder of the plan, and errors that file systems and arrays count; interfaces with addresses, speed, duplex, MTU, MAC, driver, firmware and whether they
stamp packets in hardware; routes, and the interface and source that the kernel picks for every peer and observer of the plan; name
servers, to which addresses the plan's node names resolve, how the kernel treats ARP on each interface; time zone, locale, time service with its references and
largest error; and a signature by which two archives of one machine are recognised.
Why HA: both nodes of a pair should be alike, with static addresses that are those of the plan, and heartbeats should leave
by the network that was meant for them. A name that means another machine on each node sends them apart.
How: psutil, /etc, /proc and /sys, `ip` for routes and leases, `getent` for names, `rpm` where there is no dpkg, and the time service's own program (chronyc, ntpq or
timedatectl) for its references; hourly. Without `ip` it stays unknown whether an address is static. Nothing is set, and nothing is sent but the questions about
names that `getent` puts to the name servers. A demonstration has no lists of packages and services.
Source: os-release(5), resolv.conf(5), adjtimex(2), ip-address(8), ip-route(8), getent(1); kernel Documentation/ABI (sysfs-class-dmi,
sysfs-class-net, sysfs-block) and Documentation/networking/ip-sysctl.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Probe, ProbeKind
from collector.inventory.hardware import hardware
from collector.inventory.naming import naming
from collector.inventory.network import network
from collector.inventory.programs import Programs
from collector.inventory.software import software
from collector.inventory.storage import storage
from collector.inventory.takeover import takeover
from collector.inventory.timekeeping import timekeeping
from collector.plan import Origin


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """The facts under ``inventory``; what is not told is left out."""
    while True:
        programs = Programs(env)
        found = env.host.inventory()
        nics = found.pop("nics", {})
        found["os"] = found.get("system", "")
        found |= network(env, programs, nics) | hardware(env) | timekeeping(env, programs)
        installed, lists = software(env, programs)
        found |= installed | storage(env) | takeover(env, nics)
        # Last, because a name server that is away takes the time of whoever comes after it.
        found |= naming(env, programs, str(found.get("hostname") or ""))
        yield Facts("inventory", found)
        # A demonstration is passed on to whoever wants to see one, and its nodes are one machine: the lists would tell of that alone.
        if lists and env.plan.origin is not Origin.DEMONSTRATION:
            yield Facts("software", lists)
        yield None


PROBE = Probe("inventory", (), sample, period_s=3600.0, deadline_s=60.0, kind=ProbeKind.JOB)
