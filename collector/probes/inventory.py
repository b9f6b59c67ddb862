"""What the machine is.

What: host name, operating system, kernel, CPU, memory, file systems, interfaces with addresses, speed and MTU,
make and model, and whether it is a virtual machine.
Why HA: both nodes of a pair should be alike, and the addresses found should be those of the plan.
How: psutil, plus /etc/os-release, /proc/cpuinfo and /sys/class/dmi on Linux; hourly.
Source: os-release(5); kernel Documentation/ABI (sysfs-class-dmi).
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Json, Probe, ProbeKind
from collector.errors import Unavailable

_DMI = {"vendor": "sys_vendor", "model": "product_name", "bios": "bios_version"}
_VIRTUAL = (
    "kvm",
    "qemu",
    "vmware",
    "virtualbox",
    "innotek",
    "xen",
    "microsoft corporation",
    "bochs",
    "amazon ec2",
    "google",
)


def _text(env: Env, path: str) -> str:
    try:
        file = env.read(path)
    except Unavailable:
        return ""
    try:
        return file.read().decode(errors="replace").strip()
    except Unavailable:
        return ""
    finally:
        file.close()


def _value(text: str, key: str, separator: str) -> str:
    """The first value of `key` in lines of ``key separator value``."""
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        if found and name.strip() == key:
            return value.strip().strip('"')
    return ""


def _virtual(dmi: dict[str, str], cpuinfo: str) -> Json:
    """True or False where it can be told, else None: unknown is not "physical"."""
    words = " ".join(dmi.values()).lower()
    if any(word in words for word in _VIRTUAL) or "hypervisor" in _value(cpuinfo, "flags", ":").split():
        return True
    return False if dmi.get("vendor") and cpuinfo else None


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """The facts under ``inventory``; what is not told is left out."""
    while True:
        found = env.host.inventory()
        cpuinfo = _text(env, "proc/cpuinfo")
        dmi = {name: _text(env, f"sys/class/dmi/id/{file}") for name, file in _DMI.items()}
        found["os"] = _value(_text(env, "etc/os-release"), "PRETTY_NAME", "=") or found.get("system", "")
        found["cpu"] = _value(cpuinfo, "model name", ":")
        found["virtual"] = _virtual(dmi, cpuinfo)
        found |= {name: value for name, value in dmi.items() if value}
        yield Facts("inventory", found)
        yield None


PROBE = Probe("inventory", (), sample, period_s=3600.0, deadline_s=60.0, kind=ProbeKind.JOB)
