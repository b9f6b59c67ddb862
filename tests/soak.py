"""A real run of a trio with two channels on loopback: does memory grow, are ticks missed? Written to docs/reliability.md.

    python tests/soak.py [MINUTES [FILE]]      45 minutes unless stated; FILE gets every reading as JSON, to look at what grew and when

Memory is read every ten seconds from outside. The slope is that of the anonymous pages that a process maps, which no other program has a part in; PSS moves with
whatever else uses Python on the machine, and as pages that parent and child shared become each one's own. The main process keeps the rows of a segment until it is
closed, so its memory is a saw of ten minutes; the slope is that of a least-squares line beside the time since the segment began, after the first
segment. Its noise is the standard error of that slope, widened because one residual is like the next one (autocorrelation of lag one).
Ends with 1 if a process grows beyond its noise by more than a bound, or more than 0.1 % of the ticks are missed.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

import reliability_page
from cost import plan, tree

MINUTES = 45.0
LOOK_S = 10.0
SEGMENT_S = 600.0
GROWTH_KIB_H = 100.0
"""What a process may grow by in an hour beyond two standard errors (design value): 2.4 MiB in a day."""
MISSED = 0.001
NAMES = ("main", "wire", "fifo", "host", "echo")


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth in KiB an hour with its standard error."""

    kib_h: float
    error_kib_h: float

    @property
    def kept(self) -> bool:
        return self.kib_h - 2 * self.error_kib_h <= GROWTH_KIB_H


def slope(at_s: Sequence[float], kib: Sequence[float]) -> Slope:
    """Of what was read after the first segment."""
    times, values = np.asarray(at_s), np.asarray(kib)
    later = times >= min(SEGMENT_S, times[-1] / 4)
    times, values = times[later], values[later]
    columns = [times / 3600.0, np.ones_like(times)]
    if times[-1] > 2 * SEGMENT_S:  # of a shorter run there is no whole tooth
        columns.append(times % SEGMENT_S / SEGMENT_S)
    shape = np.column_stack(columns)
    found, *_ = np.linalg.lstsq(shape, values, rcond=None)
    left = values - shape @ found
    lag = float(left[1:] @ left[:-1] / (left @ left)) if left @ left > 0 else 0.0
    wider = math.sqrt((1 + max(0.0, lag)) / (1 - min(0.99, max(0.0, lag))))
    variance = left @ left / (len(left) - len(columns)) * np.linalg.inv(shape.T @ shape)[0, 0]
    return Slope(float(found[0]), wider * math.sqrt(float(variance)))


def missed(archive: Path) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Of one node: by probe (ticks, missed), and the slots of its paths (sent, not sent in time)."""
    from collector.archive.reader import open_archive

    found = open_archive(archive)
    ticks = {
        one["probe"]: (one["ticks"], one["missed"])
        for one in found.head["outcomes"]
        if not one["probe"].startswith(("path ", "bandwidth ", "pmtu ", "reach ", "echo "))
    }
    slots = skipped = 0
    for segment in found.segments():
        for block in segment.blocks:
            if block.table == "sent":
                flags = block.column("flag")
                late = sum(flag == -1 for flag in flags)
                slots, skipped = slots + len(flags) - late, skipped + late
    return ticks, slots, skipped


def read(pid: int) -> tuple[int, int]:
    """Anonymous memory and PSS of a process, in KiB."""
    found = {
        line.split()[0]: int(line.split()[1]) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    }
    return found["Anonymous:"], found["Pss:"]


def run(folder: Path, seconds: float) -> tuple[list[float], dict[str, list[tuple[int, int]]], list[Path]]:
    """When memory was read, what was read by process, and the archives."""
    path = plan(folder)
    nodes = []
    for number in (1, 2, 3):
        command = [sys.executable, "-m", "haready", "collect", "--plan", str(path), "--node", f"n{number}", "--quiet"]
        command += ["--duration", f"{round(seconds)}s", "--out", str(folder)]
        nodes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    time.sleep(5.0)
    pids = {
        f"n{number} {name}": pid
        for number, node in enumerate(nodes, 1)
        for name, pid in zip(NAMES, tree(node.pid), strict=True)
    }
    began, at_s = time.monotonic() - 5.0, list[float]()
    kib: dict[str, list[tuple[int, int]]] = {name: [] for name in pids}
    while time.monotonic() - began < seconds - 2 * LOOK_S:
        at_s.append(time.monotonic() - began)
        for name, pid in pids.items():
            kib[name].append(read(pid))
        time.sleep(LOOK_S)
    codes = [node.wait(120) for node in nodes]
    assert codes == [0, 0, 0], codes
    return at_s, kib, sorted(folder.glob("haready-*.zip"))


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    with tempfile.TemporaryDirectory(prefix="haready-soak-") as top:
        at_s, kib, archives = run(Path(top), 60 * minutes)
        if len(sys.argv) > 2:
            Path(sys.argv[2]).write_text(json.dumps({"at_s": at_s, "anonymous_and_pss_KiB": kib}), encoding="utf-8")
        told = [missed(archive) for archive in archives]
        damage = [json.loads(_inspected(archive))["damage"] for archive in archives]
    wrong = [f"{archive.name}: {text}" for archive, texts in zip(archives, damage, strict=True) for text in texts]
    rows = []
    for name, values in kib.items():
        found = slope(at_s, [anonymous for anonymous, _ in values])
        kept = "yes" if found.kept else "**no**"
        wrong += [] if found.kept else [f"{name} grows"]
        rows.append(
            (
                name,
                f"{max(pss for _, pss in values) / 1024:.1f}",
                f"{found.kib_h:+.0f}",
                f"{found.error_kib_h:.0f}",
                kept,
            )
        )
    ticks = sum(count for probes, _, _ in told for count, _ in probes.values())
    late = sum(count for probes, _, _ in told for _, count in probes.values())
    slots, skipped = sum(slots for _, slots, _ in told), sum(count for _, _, count in told)
    shares = {"ticks of probes": (ticks, late), "slots of paths": (slots, skipped)}
    wrong += [f"{what} missed" for what, (whole, lost) in shares.items() if lost > MISSED * (whole + lost)]
    text = (
        f"`make soak`: {minutes:g} minutes of a trio with two channels. {reliability_page.machine()} Memory was read {len(at_s)} times; "
        f"slope and noise (its standard error) are those of the anonymous pages after the first segment, the ten-minute saw of the segments taken out. Bound: "
        f"{GROWTH_KIB_H:g} KiB an hour beyond two standard errors.\n"
    )
    lines = [
        "## Soak\n",
        text,
        *reliability_page.table(("process", "PSS at most, MiB", "slope, KiB/h", "noise, KiB/h", "kept"), rows),
        "",
        *reliability_page.table(
            ("", "due", "missed", "share", "kept"),
            [
                (
                    what,
                    whole + lost,
                    lost,
                    f"{lost / (whole + lost):.4%}",
                    "yes" if lost <= MISSED * (whole + lost) else "**no**",
                )
                for what, (whole, lost) in shares.items()
            ],
        ),
    ]
    print("\n".join(lines))
    reliability_page.put("soak", lines)
    for text in wrong:
        print(f"missed: {text}", file=sys.stderr)
    return bool(wrong)


def _inspected(archive: Path) -> bytes:
    return subprocess.run(
        [sys.executable, "-m", "haready", "inspect", "--json", str(archive)], capture_output=True, check=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
