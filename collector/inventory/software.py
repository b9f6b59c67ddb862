"""Operating system, and a fingerprint of the packages that are installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain

from collector.contract import Env, Json
from collector.inventory.files import lines, text, value
from collector.inventory.programs import Programs


def software(env: Env, programs: Programs) -> dict[str, Json]:
    """The facts os and packages: equal fingerprints mean equal packages. What is not told is left out."""
    name = value(text(env, "etc/os-release"), "PRETTY_NAME", "=")
    found: dict[str, Json] = {"os": name} if name else {}
    for manager, packages in (("dpkg", _dpkg(env)), ("rpm", _rpm(programs))):
        listed = sorted(packages)
        if listed:
            digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
            return found | {"packages": {"manager": manager, "count": len(listed), "sha256": digest}}
    return found


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
