"""Operating system, and a fingerprint of the packages that are installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from collector.contract import Env, Json
from collector.inventory.files import text, value
from collector.inventory.programs import Programs


def software(env: Env, programs: Programs) -> dict[str, Json]:
    """The facts os and packages: equal fingerprints mean equal packages. What is not told is left out."""
    name = value(text(env, "etc/os-release"), "PRETTY_NAME", "=")
    found: dict[str, Json] = {"os": name} if name else {}
    for manager, lines in (("dpkg", _dpkg(env)), ("rpm", _rpm(programs))):
        listed = sorted(lines)
        if listed:
            digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
            return found | {"packages": {"manager": manager, "count": len(listed), "sha256": digest}}
    return found


def _dpkg(env: Env) -> Iterator[str]:
    """``name version`` of what is installed; removed packages whose settings were kept are listed there too."""
    for paragraph in text(env, "var/lib/dpkg/status").split("\n\n"):
        fields = dict.fromkeys(("Package", "Version", "Status"), "")
        for line in paragraph.splitlines():
            key, _, rest = line.partition(":")
            if key in fields:
                fields[key] = rest.strip()
        if fields["Package"] and fields["Status"].split()[-1:] == ["installed"]:
            yield f"{fields['Package']} {fields['Version']}"


def _rpm(programs: Programs) -> Iterator[str]:
    listed = programs.text("rpm", "-qa", "--qf", "%{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\n")
    # The keys that signed packages stand in the same data base; they are no software.
    yield from (line for line in listed.splitlines() if line and not line.startswith("gpg-pubkey "))
