"""Room on the disk: what a run of that length will write, and what is free."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator

import collector.probes
from collector.contract import Table
from collector.display import size
from collector.peers.tables import ECHO, ECHO_TCP, REPLY, SENT, TICKER
from collector.plugins import discover
from collector.preflight.result import Check, Level, Site

VALUE_B = 2.0
"""Bytes a stored value: 1.87 were measured over a run's first minute, 0.77 over sixteen (docs/cost.md), everything included."""
RESERVE_B = 64 << 20
"""Beyond the archive: the journal of ten minutes, and what others write meanwhile (design value)."""
_UNLABELLED = 1
_PRESSURES = 3


def values_per_s(site: Site) -> float:
    """How many values a second this node will store."""
    env, node = site.env, site.env.node
    host = env.host
    devices = {
        "cpu": len(host.cores()) + 1,
        "nic": len(host.nics()),
        "link": len(host.nics()),
        "backlog": len(host.nics()),
        "disk": len(host.disks()),
        "filesystem": len(host.filesystems()),
        "observer": len(env.plan.observers),
        "commit": max(1, len(node.data)),
        "pressure": _PRESSURES,
    }
    host_values: float = sum(
        len(table.columns) * devices.get(next(iter(table.labels), ""), _UNLABELLED) / probe.period_s
        for probe in discover(collector.probes, "PROBE")
        for table in probe.tables
    )
    probed: float = sum(path.source == node.name for path in env.plan.paths()) / env.plan.probing.period_s
    echoed = sum(path.source == node.name for path in env.plan.echo_paths())
    return host_values + probed * _width(SENT, REPLY) + echoed * _width(ECHO, ECHO_TCP) + 2 * _width(TICKER)


def _width(*tables: Table) -> int:
    return sum(len(table.columns) for table in tables)


def forecast_B(site: Site) -> int:
    """What the archive will have at most."""
    return round(values_per_s(site) * VALUE_B * site.duration_s)


def room(site: Site) -> Iterator[Check]:
    """The folder takes files, and has room for the archive."""
    folder = site.env.run.folder
    hint = "choose another folder with --out"
    try:
        tempfile.TemporaryFile(dir=folder).close()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        # "No such file" would be no answer: the folder is there, but (like /proc) takes no files.
        there = error.errno == errno.ENOENT and folder.is_dir()
        why = "no file can be made there" if there else error.strerror
        yield Check("room", Level.FAIL, f"cannot write to {folder}: {why}", hint)
        return
    forecast = forecast_B(site)
    found = f"the archive will take up to {size(forecast)}; {size(free)} are free in {folder.resolve()}"
    if free < forecast + RESERVE_B:
        yield Check("room", Level.FAIL, found, f"make room ({size(RESERVE_B)} stay reserved), or {hint}")
    elif free < 2 * (forecast + RESERVE_B):
        yield Check("room", Level.WARN, found, f"it is enough if nobody else fills the disk; or {hint}")
    else:
        yield Check("room", Level.OK, found)
