"""Operating system, packages, and services that start with the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain

from collector.contract import Env, Json
from collector.inventory.files import lines, names, text, value
from collector.inventory.programs import Programs

_KERNELS = 4
_MOST_B = 1 << 20
"""A list of packages that is longer is left to its fingerprint: 300 kB are ten thousand packages."""


def software(env: Env, programs: Programs) -> tuple[dict[str, Json], dict[str, Json]]:
    """The facts os, packages, overcommit and restart of the inventory, and those of ``software``: the lists themselves.

    Equal fingerprints mean equal packages. What is not told is left out.
    """
    found, listed = _packages(env, programs)
    services = sorted(_services(env))
    lists: dict[str, Json] = {"packages": listed} if listed and len(listed) <= _MOST_B else {}
    if services:
        lists["services"] = "\n".join(services)
    overcommit = text(env, "proc/sys/vm/overcommit_memory")
    if overcommit.isdecimal():
        found["overcommit"] = int(overcommit)
    return found | _restart(env), lists


def _packages(env: Env, programs: Programs) -> tuple[dict[str, Json], str]:
    """The facts os and packages, and the packages one a line."""
    name = value(text(env, "etc/os-release"), "PRETTY_NAME", "=")
    found: dict[str, Json] = {"os": name} if name else {}
    for manager, packages in (("dpkg", _dpkg(env)), ("rpm", _rpm(programs))):
        listed = sorted(packages)
        if listed:
            joined = "\n".join(listed)
            digest = hashlib.sha256(joined.encode()).hexdigest()
            return found | {"packages": {"manager": manager, "count": len(listed), "sha256": digest}}, joined
    return found, ""


def _services(env: Env) -> set[str]:
    """Services that systemd starts with the machine: what an administrator enabled. Those that run now come and go."""
    folder = "etc/systemd/system"
    wanted = [name for name in names(env, folder) if name.endswith((".wants", ".requires"))]
    return {unit for name in wanted for unit in names(env, f"{folder}/{name}") if unit.endswith(".service")}


def _restart(env: Env) -> dict[str, Json]:
    """The fact restart: what the next start would change. `wanted`: Debian's own mark; `kernels`: installed since the machine started."""
    found: dict[str, Json] = {}
    if (env.root / "var/lib/dpkg/status").exists():
        found["wanted"] = (env.root / "run/reboot-required").exists()
    running, booted_s = text(env, "proc/sys/kernel/osrelease"), _booted_s(env)
    installed = names(env, "lib/modules")
    # A machine that keeps its running kernel elsewhere (a container) says nothing about its next start.
    if running in installed and booted_s is not None:
        found["kernels"] = [name for name in installed if name != running and _installed_s(env, name) > booted_s][
            :_KERNELS
        ]
    return {"restart": found} if found else {}


def _installed_s(env: Env, kernel: str) -> float:
    """When a file of the kernel's package came here, else 0. Its own time is that of its build, and lists of modules are made anew for old kernels too."""
    try:
        return (env.root / "lib/modules" / kernel / "modules.builtin").stat().st_ctime
    except OSError:
        return 0.0


def _booted_s(env: Env) -> int | None:
    booted = value(text(env, "proc/stat"), "btime", " ")
    return int(booted) if booted.isdecimal() else None


def _dpkg(env: Env) -> Iterator[str]:
    """``name version`` of what is installed; removed packages whose settings were kept are listed there too."""
    fields: dict[str, str] = {}
    for line in chain(lines(env, "var/lib/dpkg/status"), [""]):
        key, _, rest = line.partition(":")
        if key in ("Package", "Version", "Status"):
            fields[key] = rest.strip()
        if not line:
            if fields.get("Package") and fields.get("Status", "").split()[-1:] == ["installed"]:
                yield f"{fields['Package']} {fields.get('Version', '')}"
            fields = {}


def _rpm(programs: Programs) -> Iterator[str]:
    listed = programs.text("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\n")
    # The keys that signed packages stand in the same data base; they are no software.
    yield from (line for line in listed.splitlines() if line and not line.startswith("gpg-pubkey "))
