"""Real collectors for tests: plans on loopback, started as processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_NODE = """
[[node]]
name = "{name}"
site = "{site}"
addr = {{ ch1 = "{address}/24" }}
"""


def loopback_plan(folder: Path, net: str, names: tuple[str, ...] = ("a", "b"), extra: str = "") -> Path:
    """Write plan.toml and its key for nodes at ``127.NET.1`` and up; returns the plan's path.

    There are no bandwidth tests on it, unless `extra` begins with `bandwidth = true`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    nodes = "".join(
        _NODE.format(name=name, site="main" if name != "dr" else "dr", address=f"127.{net}.{number}")
        for number, name in enumerate(names, 1)
    )
    plan = folder / "plan.toml"
    plan.write_text(
        f'format = 1\n[cluster]\nname = "test"\norigin = "demonstration"\n[network.ch1]\nkind = "sync"\n{extra}\n{nodes}',
        encoding="utf-8",
    )
    key = folder / "plan.key"
    key.write_text("k" * 64, encoding="ascii")
    key.chmod(0o600)
    return plan


def haready(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "haready", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def start_collect(plan: Path, node: str, out: Path, duration: str, *more: str) -> subprocess.Popen[str]:
    """Start `haready collect` in the background."""
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan), "--node", node]
    command += ["--duration", duration, "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children_of(pid: int) -> list[int]:
    """The processes a process has started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    """True unless the process is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
