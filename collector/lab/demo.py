"""The collecting part of `haready demo`: three collectors on three loopback addresses of this machine.

They really measure, but all nodes are one machine: the plan says "demonstration", and so does every page.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

from collector.errors import OperatorError
from collector.external import finish, start

NODES = ("sip-a", "sip-b", "sip-dr")
_STARTING_S = 20.0
_SEALING_S = 30.0

_PLAN = """# A demonstration: three nodes that are one machine.
format = 1

[cluster]
name = "demo"
topology = "ha-dr-trio"
origin = "demonstration"

[network.channel]
kind = "channel"

[[node]]
name = "sip-a"
role = "primary"
site = "main"
addr = {{ channel = "127.88.{net}.1/24" }}

[[node]]
name = "sip-b"
role = "secondary"
site = "main"
addr = {{ channel = "127.88.{net}.2/24" }}

[[node]]
name = "sip-dr"
role = "tertiary"
site = "dr"
addr = {{ channel = "127.88.{net}.3/24" }}

[[stack]]
name = "genesys-addp"
networks = ["channel"]
auto_failover = [["sip-a", "sip-b"]]
"""


def collect_demo(folder: Path, seconds: float, tell: Callable[[str], None]) -> list[Path]:
    """Run three collectors for `seconds` and return their archives.

    Raises:
        OperatorError: a collector failed; the message carries the end of its log.
    """
    plan, key = folder / "plan.toml", folder / "plan.key"
    # A random third octet lets two demonstrations run side by side.
    plan.write_text(_PLAN.format(net=secrets.randbelow(254) + 1), encoding="utf-8")
    key.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    key.chmod(0o600)
    running = []
    for node in NODES:
        command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", node]
        command += ["--duration", f"{seconds:.0f}s", "--out", str(folder)]
        running.append((node, start(command, folder / f"{node}.log")))
    try:
        began = time.monotonic()
        while (
            any(process.poll() is None for _, process in running) and time.monotonic() - began < seconds + _STARTING_S
        ):
            tell(f"measuring on {len(NODES)} nodes, {max(0.0, seconds - (time.monotonic() - began)):.0f} s left")
            time.sleep(0.5)
        failed = [node for node, process in running if finish(process, _SEALING_S)]
    finally:
        for _, process in running:
            process.kill()
    if failed:
        log = (folder / f"{failed[0]}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise OperatorError(
            f"the collector of {failed[0]} failed: {' / '.join(log[-3:])}", f"see {folder / failed[0]}.log"
        )
    return [next(folder.glob(f"haready-demo-{node}-*.zip")) for node in NODES]
