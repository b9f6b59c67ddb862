"""Which disks lie on which, and which of them holds each data folder of the plan."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from collector.contract import Env, Json
from collector.inventory.files import link, names

_MOST = 256
"""Disks that are told. A machine with more is a storage system, and the facts are repeated in every state of the archive."""


def storage(env: Env) -> dict[str, Json]:
    """The facts disks and data; what is not told is left out."""
    blocks = names(env, "sys/block")
    found: dict[str, Json] = {}
    if blocks:
        below = {block: _below(env, block, blocks) for block in blocks}
        found["disks"] = {block: on for block, on in list(below.items())[:_MOST] if on}
    if env.node.data:
        found["data"] = [{"folder": folder} | (_disk(env, folder) if blocks else {}) for folder in env.node.data]
    return found


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
