"""The collecting part of `haready demo`: three collectors on this machine, in the laboratory where that is possible.

They really measure, but all nodes are one machine: the plan says "demonstration", and so does every page.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from collector.archive.reader import open_archive
from collector.errors import OperatorError, Unavailable
from collector.external import Running, finish, start
from collector.lab.demo_site import DELAY_S, NODES, OUTAGE_S, WAN_BPS, Site, laboratory, loopback
from collector.lab.demo_truth import compare
from collector.lab.netns import Namespace
from collector.plan import DEFAULT_PORT

_STARTING_S = 20.0
_SEALING_S = 30.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Collected:
    """The archives, and one sentence on how they compare with the WAN's logs (empty: there was no WAN)."""

    archives: tuple[Path, ...]
    truth: str


def collect_demo(folder: Path, seconds: float, say: Callable[[str], None], tell: Callable[[str], None]) -> Collected:
    """Run three collectors for `seconds`. `say` gets lines to keep, `tell` the status of the moment.

    Raises:
        OperatorError: a collector failed; the message carries the end of its log.
        KeyboardInterrupt: a signal asked to end; nothing that was started is left.
    """
    with _ending_once(), contextlib.ExitStack() as opened:
        site = _site(opened, folder, seconds, say)
        archives = _measure(site, folder, seconds, tell)
    truth = ""
    if site.lines:
        truth = compare(site.lines, {node: open_archive(path) for node, path in archives.items()}, DEFAULT_PORT)
    return Collected(tuple(archives.values()), truth)


def clear(folder: Path) -> None:
    """Remove what a demonstration makes in its folder, and nothing else."""
    files = (
        "plan.toml",
        "plan.key",
        "*.log",
        "haready-demo-*.zip.notes/*",
        "haready-demo-*.zip*",
        "assessment.json",
        "report.pdf",
        "wan/*",
    )
    for path in [path for pattern in files for path in folder.glob(pattern) if not path.is_dir()]:
        path.unlink(missing_ok=True)
    for path in (folder / "wan", *folder.glob("haready-demo-*.zip.notes")):
        with contextlib.suppress(OSError):  # there was no WAN, or something else is in there
            path.rmdir()


def _site(opened: contextlib.ExitStack, folder: Path, seconds: float, say: Callable[[str], None]) -> Site:
    try:
        site = opened.enter_context(laboratory(folder / "wan", seconds))
    except (Unavailable, OperatorError, OSError) as reason:
        say(f"three collectors measure on loopback addresses of this machine for {seconds:.0f} s")
        say(f"(the laboratory, with a LAN and a WAN, is not possible here: {reason})")
        return loopback()
    say(
        f"three collectors measure in a laboratory of network namespaces on this machine for {seconds:.0f} s: a pair on a LAN,"
    )
    wan = f"{WAN_BPS / 1e6:.0f} Mbit/s, {DELAY_S * 1e3:.0f} ms each way, some loss, an outage of {OUTAGE_S:.0f} s"
    say(f"and a third node across a WAN ({wan})")
    return site


def _measure(site: Site, folder: Path, seconds: float, tell: Callable[[str], None]) -> dict[str, Path]:
    plan, key = folder / "plan.toml", folder / "plan.key"
    plan.write_text(site.plan, encoding="utf-8")
    key.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    key.chmod(0o600)
    command = [sys.executable, "-m", "haready", "collect", "--plan", str(plan)]
    command += ["--duration", f"{seconds:.0f}s", "--out", str(folder), "--node"]
    logs = {node: folder / f"{node}.log" for node in NODES}
    running: dict[str, Running] = {}
    try:
        for node, where in site.nodes.items():
            running[node] = _start(where, [*command, node], logs[node])
        failed = _wait(running, seconds, tell)
        codes = {node: finish(process, _SEALING_S) for node, process in running.items()}
        failed = failed or [node for node, code in codes.items() if code]
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    if failed:
        log = logs[failed[0]].read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise OperatorError(f"the collector of {failed[0]} failed: {' / '.join(log[-3:])}", f"see {logs[failed[0]]}")
    return {node: next(folder.glob(f"haready-demo-{node}-*.zip")) for node in NODES}


def _start(where: Namespace | None, command: list[str], log: Path) -> Running:
    return start(command, log) if where is None else where.start(command, log)


def _wait(running: Mapping[str, Running], seconds: float, tell: Callable[[str], None]) -> list[str]:
    """Until all have ended. If one fails it is named, and the others are told to end: alone they are of no use."""
    began = time.monotonic()
    while (gone_s := time.monotonic() - began) < seconds + _STARTING_S:
        codes = {node: process.poll() for node, process in running.items()}
        if all(code is not None for code in codes.values()):
            break
        if failed := [node for node, code in codes.items() if code]:
            for process in running.values():
                process.terminate()
            return failed
        tell(f"measuring on {len(running)} nodes, {max(0.0, seconds - gone_s):.0f} s left")
        time.sleep(0.5)
    return []


@contextlib.contextmanager
def _ending_once() -> Iterator[None]:
    """Every signal that asks to end is taken for Ctrl-C, and only the first: a second must not cut the clearing up short."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in heeded:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    # What is ignored already (under nohup) stays ignored.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
