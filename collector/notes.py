"""Marks that a person sets in a running collection: ``haready note TEXT``.

The collector makes a folder beside its archive (``....zip.notes``, for its own user and root only) and looks into it once
a second. A note is a file in it that bears the time at which it was written, so looking late costs no accuracy. The
collector removes the file when the note is on the disk: whoever wrote it knows then that it is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.archive.format import JOURNAL, MAX_NOTE_LETTERS, MAX_NOTES, SUFFIX
from collector.archive.story import tidy
from collector.contract import Json
from collector.machine import LINUX

FOLDER = ".notes"
"""What the folder's name adds to that of the archive."""
_OWNER, _NOTE, _UNFINISHED = "collector.json", ".note", ".new"
_MAX_FILE_B = 4096
_AT_ONCE = 16
"""Notes taken at one look: more than a person writes, and few enough to delay nothing."""
_ARCHIVE = re.compile(r"haready-.+" + re.escape(SUFFIX + JOURNAL) + r"\Z")


class Mailbox:
    """The collector's side. `open` before the run, `take` once a second, `close` at the end."""

    def __init__(self, archive: Path, node: str) -> None:
        self._folder = archive.with_name(archive.name + FOLDER)
        self._node = node
        self._taken: set[str] = set()

    @property
    def folder(self) -> Path:
        """Where notes and questions are left."""
        return self._folder

    def open(self) -> None:
        """Make the folder, or take over that of an earlier start of this run; never one that could be anybody's.

        Raises:
            OSError: it cannot be made.
        """
        try:
            self._folder.mkdir(mode=0o700)
        except FileExistsError:
            found = self._folder.lstat()
            if not stat.S_ISDIR(found.st_mode):
                raise
            if sys.platform != "win32" and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077):
                raise
            self._tidy()
        new_file(self._folder / _OWNER, {"node": self._node})

    def take(self, keep: Callable[[int, str], None], settle: Callable[[], None]) -> None:
        """Hand every waiting note (monotonic ns, text) to `keep`, then `settle`, then remove the files.

        What cannot be read is removed as well; a folder that is gone holds no notes.
        """
        try:
            with os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith(_NOTE))
        except OSError:
            return
        fresh = [name for name in names if name not in self._taken][
            : max(0, min(_AT_ONCE, MAX_NOTES - len(self._taken)))
        ]
        if not fresh:
            return
        for name in fresh:
            self._taken.add(name)
            found = _read(self._folder / name)
            if found is not None and isinstance(found.get("text"), str) and type(found.get("mono_ns")) is int:
                text = tidy(found["text"])[:MAX_NOTE_LETTERS]
                if text:
                    keep(found["mono_ns"], text)
        settle()
        for name in fresh:
            with contextlib.suppress(OSError):  # withdrawn, or not ours to remove: it is not taken twice
                (self._folder / name).unlink()

    def close(self) -> None:
        """Remove the folder. A note that nobody took stays, so that whoever wrote it finds it there and says so."""
        with contextlib.suppress(OSError):
            self._tidy()
            self._folder.rmdir()

    def _tidy(self) -> None:
        for entry in list(self._folder.iterdir()):
            if not entry.name.endswith(_NOTE):
                entry.unlink()


@dataclass(frozen=True, slots=True)
class Running:
    """A collector that runs on this machine: its node, the folder that takes its notes, its process and its journal."""

    node: str
    folder: Path
    pid: int
    journal: Path


def running() -> list[Running]:
    """The collectors of this machine whose files this user may see, by node: each holds its journal open."""
    found = {}
    for journal, uid, pid in _open_journals():
        folder = journal.with_name(journal.name.removesuffix(JOURNAL) + FOLDER)
        try:
            owner = folder.lstat()
        except OSError:
            continue  # it just ended, or its folders are not those of this process (a container)
        told = _read(folder / _OWNER)
        # A name that somebody else's process made up leads nowhere.
        if stat.S_ISDIR(owner.st_mode) and owner.st_uid == uid and told is not None:
            found[folder] = Running(str(told.get("node")), folder, pid, journal)
    return sorted(found.values(), key=lambda one: (one.node, str(one.folder)))


def post(folder: Path, text: str) -> Path:
    """Leave a note in a collector's folder, as a file that the collector may read. Returns its path.

    Raises:
        OSError: the collector has just ended, or the disk is full.
    """
    name = f"{time.monotonic_ns():020d}-{secrets.token_hex(4)}"
    unfinished = folder / (name + _UNFINISHED)
    new_file(unfinished, {"mono_ns": time.monotonic_ns(), "text": text}, folder.stat().st_uid)
    finished = folder / (name + _NOTE)
    unfinished.rename(finished)
    return finished


def taken(note: Path, patience_s: float) -> bool:
    """Wait until the collector has taken a note; one that it leaves for so long is withdrawn."""
    deadline = time.monotonic() + patience_s
    while note.exists():
        if time.monotonic() >= deadline:
            try:
                note.unlink()
            except FileNotFoundError:
                return True
            with contextlib.suppress(OSError):  # the last one out of a folder whose collector has ended
                note.parent.rmdir()
            return False
        time.sleep(0.05)
    return True


def _open_journals() -> Iterator[tuple[Path, int, int]]:
    """Journals that processes of this machine hold open, and user and number of each process."""
    if not LINUX:
        import psutil

        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                for file in process.open_files():
                    if _ARCHIVE.match(Path(file.path).name):
                        yield Path(file.path), _user(), process.pid
        return
    # Links are read and nothing is looked at: a dead file server that some process uses must not hang this one.
    for found in Path("/proc").iterdir():
        if not found.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # another user's process, or one that has ended
            uid = found.stat().st_uid
            for fd in (found / "fd").iterdir():
                with contextlib.suppress(OSError):
                    journal = fd.readlink()
                    if _ARCHIVE.match(journal.name):
                        yield journal, uid, int(found.name)


def _user() -> int:
    return os.getuid() if sys.platform != "win32" else 0


def new_file(path: Path, content: Json, uid: int | None = None) -> None:
    """A new file for the given user (default: this one) alone."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        if sys.platform != "win32" and uid is not None and uid != os.getuid():
            os.fchown(file.fileno(), uid, -1)
        json.dump(content, file)


def _read(path: Path) -> dict[str, Json] | None:
    """The mapping in a small ordinary file; None for anything else."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            found = json.loads(file.read(_MAX_FILE_B))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
