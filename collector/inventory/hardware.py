"""Make, model and CPU, whether the machine is virtual, and a signature that tells it from others."""

from __future__ import annotations

import hashlib

from collector.contract import Env, Json
from collector.inventory.files import names, text, value

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
_PERMANENT = "0"
"""addr_assign_type of an address that came with the device (NET_ADDR_PERM)."""


def hardware(env: Env) -> dict[str, Json]:
    """The facts cpu, virtual, vendor, model, bios and signature; what is not told is left out."""
    cpuinfo = text(env, "proc/cpuinfo")
    dmi = {name: text(env, f"sys/class/dmi/id/{file}") for name, file in _DMI.items()}
    found: dict[str, Json] = {"cpu": value(cpuinfo, "model name", ":"), "virtual": _virtual(dmi, cpuinfo)}
    found |= {name: told for name, told in dmi.items() if told}
    signature = _signature(env)
    return found | ({"signature": signature} if signature else {})


def _virtual(dmi: dict[str, str], cpuinfo: str) -> bool | None:
    """True or False where it can be told, else None: unknown is not "physical"."""
    words = " ".join(dmi.values()).lower()
    if any(word in words for word in _VIRTUAL) or "hypervisor" in value(cpuinfo, "flags", ":").split():
        return True
    return False if dmi.get("vendor") and cpuinfo else None


def _signature(env: Env) -> str:
    """16 hexadecimal digits; empty if nothing identifies the machine. An ordinary user may not read all that root may."""
    marks = [
        text(env, "etc/machine-id"),
        text(env, "sys/class/dmi/id/product_uuid"),
        text(env, "sys/class/dmi/id/product_serial"),
        *_permanent_macs(env),
    ]
    return hashlib.sha256("\n".join(["haready", *marks]).encode()).hexdigest()[:16] if any(marks) else ""


def _permanent_macs(env: Env) -> list[str]:
    found = set()
    for nic in names(env, "sys/class/net"):
        folder = f"sys/class/net/{nic}"
        # A member of a bond bears the bond's address and keeps its own here.
        own = text(env, f"{folder}/bonding_slave/perm_hwaddr")
        if not own and text(env, f"{folder}/addr_assign_type") == _PERMANENT:
            own = text(env, f"{folder}/address")
        if own.strip("0:"):
            found.add(own)
    return sorted(found)
