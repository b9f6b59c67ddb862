"""Whether file systems and arrays of the node count errors.

What: Errors that ext4 and btrfs have counted, and members that a software array (md) lacks, as of the last inventory.
Why HA: A disk that begins to fail stalls before it dies, and a degraded array has lost its redundancy: both break at the worst moment.
How: /sys/fs and /sys/block, once an hour. ext4 counts since it was made or last checked, so an old error that nobody looked into counts too.
    XFS, disks themselves (SMART) and storage systems tell nothing here.
Source: Design values, unverified: none. Linux, Documentation/ABI (sysfs-fs-ext4), Documentation/admin-guide/md.rst.
Fails when: an array is degraded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.host import worst
from analyzer.netfacts import text, whole
from analyzer.words import few

ERRORS = Limit("errors that file systems count", "1", 0.0, None, Sense.AT_MOST, "design value, unverified: none")
MISSING = Limit("members that an array lacks", "1", None, 0.0, Sense.AT_MOST, "design value, unverified: none")
_MOST = 1 << 53
_LOOK = "Look into the kernel's log and at SMART (`smartctl -a`), or ask who runs the storage."


def _check(context: Context) -> Iterator[Judgement]:
    told = context.facts.get("disk_errors")
    if not isinstance(told, list):
        yield Judgement(
            Status.SKIPPED,
            f"The inventory of node {context.node} does not say whether its disks count errors.",
            remedy=f"{_LOOK} A newer version of haready reads what file systems and arrays count.",
        )
        return
    counts = [item for entry in told if (item := _counted(entry)) is not None]
    if not counts:
        yield Judgement(
            Status.INFO, f"Nothing on node {context.node} counts its disk errors (ext4, btrfs and md do). {_LOOK}"
        )
        return
    errors, missing = context.limit(ERRORS.name), context.limit(MISSING.name)
    faults = sum(count for kind, _, count in counts if kind != "md")
    lacking = sum(count for kind, _, count in counts if kind == "md")
    bad = [
        f"array {device} lacks {count} of its members" if kind == "md" else f"{kind} on {device} counted {count} errors"
        for kind, device, count in counts
        if count
    ]
    status = worst((errors.judge(faults), missing.judge(lacking)))
    yield Judgement(
        status,
        f"Node {context.node}: {few(bad)}."
        if bad
        else f"Node {context.node}: no file system or array counts an error.",
        (
            Evidence(errors.name, float(faults), "1", errors),
            Evidence(missing.name, float(lacking), "1", missing),
            Evidence("file systems and arrays that count", float(len(counts)), "1"),
        ),
        ""
        if status is Status.PASS
        else f"{_LOOK} Replace what is broken on {context.node}, check the file system, rebuild the array, and repeat the run.",
    )


def _counted(entry: Any) -> tuple[str, str, int] | None:
    """Kind, device and count; None for what is no such entry."""
    if not isinstance(entry, dict):
        return None
    kind, device, count = text(entry.get("kind")), text(entry.get("device")), whole(entry.get("count"), 0, _MOST)
    return (kind, device, count) if kind in ("ext4", "btrfs", "md") and device and count is not None else None


RULE = Rule("disk-errors", "Errors of disks", Area.HOST, Scope.NODE, (FACTS,), (ERRORS, MISSING), _check)
