"""How long a small write takes until it is on the disk.

What: the time of one write of 4 KiB and its fdatasync, once a second, in every data folder that the plan names for this node
(`data` of the node); without one, in the folder of the archive.
Why HA: consensus stores and databases answer only when their log is on the disk; one slow commit delays a heartbeat or an election.
How: a probe file of 1 MiB is written beforehand and then overwritten block by block, so that no commit has to extend it. It has no name
(or loses it at once), so that nothing is left behind whatever happens. The write itself goes through the page cache, as a log's does.
Source: etcd's and OpenShift's advice on disks (fdatasync of small blocks); fdatasync(2).
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable

BLOCK_B = 4096
BLOCKS = 256

COMMIT = Table(
    "commit",
    labels=("commit",),
    metrics=(
        Metric("took_us", "s", Kind.EVENT, 1e-6, "time of the write and its fdatasync; null: it failed"),
        Metric("error", "1", Kind.EVENT, help="0, or the errno of what failed"),
    ),
    help="the label is the folder; t_us is when the write began",
)

_sync = getattr(os, "fdatasync", os.fsync)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and folder.

    Raises:
        Unavailable: a folder is not there, or may not be written.
    """
    folders = env.node.data or (str(env.run.folder.resolve()),)
    block = os.urandom(BLOCK_B)  # a device that compresses must not find zeros
    with ExitStack() as opened:
        files = [(folder, opened.enter_context(_probe_file(folder, block))) for folder in folders]
        at = 0
        while True:
            for folder, file in files:
                began = env.clock.monotonic_ns()
                error = 0
                try:
                    os.pwrite(file.fileno(), block, at * BLOCK_B)
                    _sync(file.fileno())
                except OSError as failure:
                    error = failure.errno or -1
                took_us = (env.clock.monotonic_ns() - began) // 1000
                yield Batch("commit", (folder,), began, (None if error else took_us, error))
            at = (at + 1) % BLOCKS
            yield None


def _probe_file(folder: str, block: bytes) -> io.FileIO:
    try:
        file = tempfile.TemporaryFile(dir=folder, buffering=0)
        try:
            file.write(block * BLOCKS)
            _sync(file.fileno())
        except OSError:
            file.close()
            raise
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from error
    return file


PROBE = Probe("commit", (COMMIT,), sample, deadline_s=60.0)
