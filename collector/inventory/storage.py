"""Which disks there are, which lie on which, which holds each data folder of the plan, and what errors the kernel counts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from collector.contract import Env, Json
from collector.inventory.files import link, names, text, value

_MOST = 256
"""Disks that are told. A machine with more is a storage system, and the facts are repeated in every state of the archive."""


_SECTOR_B = 512
_NO_DISK = re.compile(r"(sr|fd)\d+\Z")
"""Optical and floppy drives: even an empty one of a virtual machine tells a size, and that it rotates."""
_STATS = ("write_errs", "read_errs", "flush_errs", "corruption_errs", "generation_errs")
"""What btrfs counts in error_stats."""


def storage(env: Env) -> dict[str, Json]:
    """The facts drives, disks, disk_errors and data; what is not told is left out."""
    blocks = names(env, "sys/block")
    found: dict[str, Json] = {}
    if blocks:
        found["drives"] = dict(list(_drives(env, blocks))[:_MOST])
        found["disk_errors"] = list(_errors(env, blocks))[:_MOST]
        below = {block: _below(env, block, blocks) for block in blocks}
        found["disks"] = {block: on for block, on in list(below.items())[:_MOST] if on}
    if env.node.data:
        found["data"] = [{"folder": folder} | (_disk(env, folder) if blocks else {}) for folder in env.node.data]
    return found


def _drives(env: Env, blocks: list[str]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every disk once: one that is reached by several ways has a name for each, and one identity."""
    seen: set[str] = set()
    for block in blocks:
        told = {} if _NO_DISK.match(block) else _drive(env, block)
        identity = text(env, f"sys/block/{block}/device/wwid") if told else ""
        if told and identity not in seen:
            yield block, told
        if identity:
            seen.add(identity)


def _drive(env: Env, block: str) -> dict[str, Json]:
    """Size and make of a disk that is a device; empty for what is made of others, and for an empty drive."""
    folder = f"sys/block/{block}"
    sectors = _count(env, f"{folder}/size")
    if not sectors or not (env.root / folder / "device").exists():
        return {}
    told: dict[str, Json] = {"size_B": sectors * _SECTOR_B}
    if model := text(env, f"{folder}/device/model"):
        told["model"] = model
    rotating = text(env, f"{folder}/queue/rotational")
    return told | ({"rotating": rotating == "1"} if rotating in ("0", "1") else {})


def _errors(env: Env, blocks: list[str]) -> Iterator[dict[str, Json]]:
    """What file systems and arrays count: errors of ext4 and btrfs since they were made or checked, members that an array lacks."""
    for device in names(env, "sys/fs/ext4"):
        if (errors := _count(env, f"sys/fs/ext4/{device}/errors_count")) is not None:
            yield {"device": device, "kind": "ext4", "count": errors}
    for name in names(env, "sys/fs/btrfs"):
        for device in names(env, f"sys/fs/btrfs/{name}/devinfo"):
            lines = text(env, f"sys/fs/btrfs/{name}/devinfo/{device}/error_stats")
            counts = [told for key in _STATS if (told := value(lines, key, " ")).isdecimal()]
            if counts:
                yield {"device": f"{name}/{device}", "kind": "btrfs", "count": sum(map(int, counts))}
    for block in blocks:
        if (missing := _count(env, f"sys/block/{block}/md/degraded")) is not None:
            yield {"device": block, "kind": "md", "count": missing}


def _count(env: Env, path: str) -> int | None:
    told = text(env, path)
    return int(told) if told.isdecimal() else None


def _below(env: Env, block: str, blocks: list[str]) -> list[Json]:
    """The whole disks that a logical volume, an array or a multipath device lies on."""
    parts = names(env, f"sys/block/{block}/slaves")
    return [*sorted({_whole(env, part, blocks) for part in parts})]


def _whole(env: Env, part: str, blocks: list[str]) -> str:
    if part in blocks:
        return part
    # A partition is a folder of its disk; names alone would not do, mmcblk0p1 and sda1 follow other rules.
    return next((block for block in blocks if (env.root / f"sys/block/{block}/{part}").is_dir()), part)


def _disk(env: Env, folder: str) -> dict[str, Json]:
    """The disk as the table ``disk`` calls it; nothing where it cannot be told (btrfs and ZFS have devices of their own)."""
    try:
        device = (env.root / folder.lstrip("/")).stat().st_dev
    except OSError:
        return {}
    place = PurePosixPath(link(env, f"sys/dev/block/{os.major(device)}:{os.minor(device)}"))
    if not place.name:
        return {}
    partition = (env.root / "sys/block" / place.parent.name / place.name).is_dir()
    return {"disk": place.parent.name if partition else place.name}
