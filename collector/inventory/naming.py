"""To which addresses the names of the plan resolve here."""

from __future__ import annotations

import ipaddress

from collector.contract import Env, Json
from collector.inventory.programs import Programs

_NOT_FOUND = 2
"""Exit code of getent(1): the name is in no database."""
NAMES = 32
"""A larger cluster's further names are not looked up (design value): each may wait for a name server."""


def naming(env: Env, programs: Programs, hostname: str) -> dict[str, Json]:
    """The fact `names`: addresses by name, none where it does not resolve. A name that could not be asked about is left out.

    `hostname`: this machine's own name is looked up as well.
    """
    wanted = dict.fromkeys((*(node.name for node in env.plan.nodes), hostname))
    found: dict[str, Json] = {}
    for name in list(wanted)[:NAMES]:
        done = programs.done("getent", "ahosts", name) if name else None
        if done is not None and done.code in (0, _NOT_FOUND):
            found[name] = _addresses(done.out)
    return {"names": found} if found else {}


def _addresses(out: str) -> list[Json]:
    """Every address once, in the order of the answer: that is the order in which programs try them."""
    first = dict.fromkeys(line.split()[0] for line in out.splitlines() if line.split())
    return [word for word in first if _is_address(word)]


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
