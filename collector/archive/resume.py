"""Go on with an archive whose run has not come to its planned end: what it holds, and where its time axis goes on.

A run is one archive, however often its collector was started. Within one boot of the machine the monotonic clock goes on by itself. After a
reboot it begins anew, so the axis is carried over by the wall clock and never goes back: a wall clock that stands wrong after the reboot
moves the rest of the run, not its order.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.archive.format import PART, SUFFIX
from collector.archive.reader import Archive, open_archive
from collector.archive.story import Story, add_state, story
from collector.contract import Json
from collector.machine import Anchor, Clock

_BOOT_ID = Path("proc/sys/kernel/random/boot_id")
_LEAST_GAP_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an archive holds so far.

    `path`: its final name; `archive`: where it is now; `last_us`: up to when it holds anything; `boot`: in which boot of the machine that was
    (empty: not told); `t0_ns` and `anchor`: the zero of the axis and the last reading of the clocks then.
    """

    path: Path
    archive: Archive
    story: Story
    segments: int
    last_us: int
    boot: str
    t0_ns: int
    anchor: Anchor | None

    @property
    def head(self) -> Mapping[str, Json]:
        """What was written at the start of the run."""
        return self.archive.head

    def start(self, tables: Sequence[Json]) -> dict[str, Json]:
        """The same, with the tables of today's version (as they are told there) before those that only an older one wrote."""
        new = {table["name"] for table in tables}
        older = [
            table for table in self.head.get("tables") or () if isinstance(table, dict) and table.get("name") not in new
        ]
        return {key: self.head[key] for key in _KEPT if key in self.head} | {"tables": [*tables, *older]}

    @property
    def planned_us(self) -> int:
        """When the run is to end."""
        return int(self.head["planned_s"] * 1e6)


_KEPT = (
    "tool",
    "node",
    "session",
    "cluster",
    "origin",
    "plan",
    "plan_digest",
    "started",
    "t0_ns",
    "planned_s",
    "command",
)


def name(cluster: str, node: str, started: dt.datetime) -> str:
    """The name of a run's archive."""
    return f"haready-{cluster}-{node}-{started:%Y%m%dT%H%M%SZ}{SUFFIX}"


def newest(folder: Path, cluster: str, node: str) -> Path | None:
    """The archive of the latest run of a node in `folder`, as its final name; None if there is none."""
    ours = re.compile(
        rf"haready-{re.escape(cluster)}-{re.escape(node)}-\d{{8}}T\d{{6}}Z{re.escape(SUFFIX)}({re.escape(PART)})?"
    )
    names = sorted(
        path.name.removesuffix(PART) for path in folder.iterdir() if ours.fullmatch(path.name) and _own(path)
    )
    return folder / names[-1] if names else None


def _own(path: Path) -> bool:
    """Whether the file is this user's: in a folder that others may write to, a name says nothing."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and (sys.platform == "win32" or found.st_uid == os.geteuid())


def read(path: Path) -> Unfinished:
    """What the archive with the final name `path` holds; an unsealed part of that name is newer than a sealed file.

    Raises:
        ArchiveError: nothing in it is readable.
    """
    part = path.with_name(path.name + PART)
    archive = open_archive(part if part.exists() else path)
    told: dict[str, Json] = {}
    boot, t0_ns, last_us, segments = "", int(archive.head["t0_ns"]), 0, 0
    anchor: Anchor | None = None
    for segment in archive.segments():
        add_state(told, segment.state)
        boot = str(segment.state.get("boot", boot))
        segments = max(segments, segment.seq)
        if segment.to_us >= last_us:
            last_us, t0_ns = segment.to_us, segment.t0_ns
            anchor = Anchor(*segment.anchors[-1]) if segment.anchors else anchor
    return Unfinished(path, archive, story(told), segments, last_us, boot, t0_ns, anchor)


def zero_ns(run: Unfinished, clock: Clock, boot: str) -> int:
    """The monotonic time of this boot at which the axis of `run` has its zero."""
    now_ns = clock.monotonic_ns()
    if _same_boot(run, clock, boot):
        return run.t0_ns
    now_us = run.last_us + _LEAST_GAP_US
    if run.anchor is not None:
        since_ns = clock.realtime_ns() - run.anchor.real_ns
        now_us = max(now_us, (run.anchor.mono_ns - run.t0_ns + since_ns) // 1000)
    return now_ns - now_us * 1000


def _same_boot(run: Unfinished, clock: Clock, boot: str) -> bool:
    """Whether the monotonic clock is still the one of the last reading. In doubt it is not: then the wall clock carries over."""
    return bool(boot) and boot == run.boot and run.anchor is not None and clock.monotonic_ns() >= run.anchor.mono_ns


def boot_id(root: Path = Path("/")) -> str:
    """What tells this boot of the machine from every other; empty where nothing does."""
    try:
        return (root / _BOOT_ID).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
