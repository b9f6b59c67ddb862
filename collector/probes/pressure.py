"""Time lost by waiting for CPU, memory or disk.

What: how long at least one task ("some"), or every task that was not idle ("full"), waited for CPU, memory or I/O.
Why HA: a busy machine may be well, a machine under pressure is not: its cluster process waits, and its heartbeats with
it. It tells shortage on the node from a slow network.
How: /proc/pressure/cpu, memory and io, kept open. Some distributions switch it off (kernel parameter psi=1 switches it
on); then there are no rows.
Source: kernel Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.machine import KeptFile

RESOURCES = ("cpu", "memory", "io")

PRESSURE = Table(
    "pressure",
    labels=("pressure",),
    metrics=(
        Metric("some_us", "s", Kind.COUNTER, 1e-6, "at least one task waited"),
        Metric("full_us", "s", Kind.COUNTER, 1e-6, "all tasks that were not idle waited; null: kernel does not tell"),
    ),
)

_TOTAL = re.compile(rb"^(some|full) .*\btotal=(\d+)", re.MULTILINE)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and resource."""
    with ExitStack() as opened:
        files = _open(env, opened)
        while True:
            now = env.clock.monotonic_ns()
            for name, file in files.items():
                told = {key: int(total) for key, total in _TOTAL.findall(_read(file))}
                if told:
                    yield Batch("pressure", (name,), now, (told.get(b"some"), told.get(b"full")))
            yield None


def _open(env: Env, opened: ExitStack) -> dict[str, KeptFile]:
    files = {}
    for name in RESOURCES:
        try:
            files[name] = env.read(f"proc/pressure/{name}")
        except Unavailable:
            continue
        opened.callback(files[name].close)
    if not files:
        raise Unavailable("no PSI on this kernel")
    return files


def _read(file: KeptFile) -> bytes:
    """A kernel that has PSI but has it switched off lets the file be opened, but not be read."""
    try:
        return file.read()
    except Unavailable as off:
        raise Unavailable(f"no PSI on this kernel ({off})") from off


PROBE = Probe("pressure", (PRESSURE,), sample)
