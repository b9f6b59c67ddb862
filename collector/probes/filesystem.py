"""Space left on local file systems.

What: size, free space and inodes, free inodes of every local file system that is mounted.
Why HA: a full file system stops logging, the database and often the switchover itself; it fills up for days before.
How: statvfs of the mounts in /proc/mounts that have a local type, every ten seconds; psutil where there is no /proc.
Network file systems are left out: asking one whose server is gone never returns. So are RAM disks and images, and of
several mounts of one device all but the first.
Source: statvfs(3), proc(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.machine import LINUX

FILESYSTEM = Table(
    "filesystem",
    labels=("filesystem",),
    metrics=(
        Metric("size_KiB", "B", Kind.GAUGE, 1024.0, "size of the file system"),
        Metric("free_KiB", "B", Kind.GAUGE, 1024.0, "free for an ordinary user"),
        Metric("inodes", "1", Kind.GAUGE, help="files it can hold; null: it has no such limit"),
        Metric("inodes_free", "1", Kind.GAUGE, help="files an ordinary user can still make"),
    ),
    help="the label is the mount point",
)

_LOCAL = frozenset(
    b"bcachefs btrfs exfat ext2 ext3 ext4 f2fs hfsplus jfs nilfs2 ntfs ntfs3 reiserfs ufs vfat xfs zfs".split()
)
"""Types whose storage belongs to this node alone. Cluster file systems (gfs2, ocfs2) hang without their quorum."""

_ESCAPE = re.compile(rb"\\([0-7]{3})")


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and file system; one that cannot be asked has none."""
    if not LINUX:
        while True:
            now = env.clock.monotonic_ns()
            for label, told in sorted(env.host.filesystems().items()):
                yield Batch("filesystem", (label,), now, (told["size_B"] // 1024, told["free_B"] // 1024, None, None))
            yield None
    mounts = env.read("proc/mounts")
    root = os.fsencode(env.root)
    try:
        while True:
            now = env.clock.monotonic_ns()
            for mount in local_mounts(mounts.read()):
                try:
                    found = os.statvfs(os.path.join(root, mount.lstrip(b"/")))  # noqa: PTH118 - bytes, not text
                except OSError:
                    continue  # unmounted meanwhile, or closed to this user
                yield Batch("filesystem", (mount.decode(errors="replace"),), now, _row(found))
            yield None
    finally:
        mounts.close()


def _row(found: os.statvfs_result) -> tuple[int | None, ...]:
    size, free = (blocks * found.f_frsize // 1024 for blocks in (found.f_blocks, found.f_bavail))
    return size, free, *((found.f_files, found.f_favail) if found.f_files else (None, None))


def local_mounts(text: bytes) -> list[bytes]:
    """Mount points of local file systems in the lines of /proc/mounts, each device once."""
    on_top: dict[bytes, list[bytes]] = {}
    for line in text.splitlines():
        fields = line.split(b" ")
        if len(fields) >= 4:
            on_top[_ESCAPE.sub(_octal, fields[1])] = fields  # a later mount hides the one below it
    first: dict[bytes, bytes] = {}
    for mount, (device, _, kind, options, *_) in on_top.items():
        image = device.startswith(b"/dev/loop") and b"ro" in options.split(b",")
        if kind in _LOCAL and not image:
            first.setdefault(device, mount)
    return list(first.values())


def _octal(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8) & 0xFF])


PROBE = Probe("filesystem", (FILESYSTEM,), sample, period_s=10.0)
