"""The live view of a running collection: asked through the folder that takes its notes, answered by its main process.

Who asks leaves an empty file there; the collector looks once a second, writes `status.json` in its place as a whole, and removes the
question. So it costs nothing while nobody asks, only the collector's own user and root can ask, and no answer means that it hangs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.contract import Json
from collector.errors import printable
from collector.machine import LINUX
from collector.notes import new_file
from collector.paths import Paths
from collector.peers.links import Links
from collector.record import Record

_ASK, _STATUS, _UNFINISHED = ".ask", "status.json", "status.new"
_MAX_B = 4 << 20
_MOST = 100_000
_LOOK_S = 0.05
_REASON = 200


@dataclass(frozen=True, slots=True)
class PathView:
    """A path from this node. `state`: up, silent (the peer was there), or waiting; `reason` says why it is not up."""

    path: str
    state: str
    sent: int
    answered: int
    lost: int
    rtt_us: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """How a probe, path, echo or test fares now, and since when (seconds since the start)."""

    probe: str
    state: str
    since_s: float
    ticks: int
    missed: int
    reason: str


@dataclass(frozen=True, slots=True)
class View:
    """What `haready status` shows. Bytes free: None if that cannot be told."""

    node: str
    cluster: str
    session: str
    pid: int
    tool: str
    started: str
    planned_s: float
    elapsed_s: float
    left_s: float
    archive: str
    archive_B: int
    free_B: int | None
    rows: int
    missed: int
    dropped: int
    restarts: int
    observers: int
    answering: int
    testing: str
    next_test: str
    next_test_s: float | None
    paths: tuple[PathView, ...]
    outcomes: tuple[OutcomeView, ...]


# --- the collector's side --------------------------------------------------------------------------------------------------


def answer(folder: Path, view: Callable[[], View]) -> None:
    """Answer whoever asks in `folder`; called once a second. What cannot be written stays unanswered."""
    try:
        with os.scandir(folder) as entries:
            asked = [entry.path for entry in entries if entry.name.endswith(_ASK)]
        if not asked:
            return
        unfinished = folder / _UNFINISHED
        unfinished.unlink(missing_ok=True)
        new_file(unfinished, asdict(view()))
        os.replace(unfinished, folder / _STATUS)
    except OSError:
        return
    for path in asked:
        with contextlib.suppress(OSError):  # withdrawn
            os.unlink(path)  # noqa: PTH108 - as it was listed


def paths_of(paths: Paths, links: Links, record: Record) -> Iterator[PathView]:
    """How every path of this node fares."""
    for path, (sent, answered, rtt_us) in paths.counts().items():
        up = links.usable(path)
        state = "up" if up else "silent" if paths.key(path) is not None else "waiting"
        intervals = record.outcome(f"path {path}").intervals
        reason = "" if up or not intervals else intervals[-1].reason
        # The newest probe of a path that is up is still under way.
        lost = max(0, sent - answered - up)
        yield PathView(path, state, sent, answered, lost, rtt_us, reason[:_REASON])


def outcomes_of(record: Record) -> Iterator[OutcomeView]:
    """Everything that has an outcome by now."""
    for name, outcome in sorted(record.outcomes().items()):
        if outcome.intervals:
            last = outcome.intervals[-1]
            yield OutcomeView(
                name, last.state, last.from_us / 1e6, outcome.ticks, outcome.missed, last.reason[:_REASON]
            )


def free_B(folder: Path) -> int | None:
    """Bytes free where the archive is."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


# --- the asking side -------------------------------------------------------------------------------------------------------


def ask(folder: Path) -> Path:
    """Leave a question in a collector's folder, as a file that the collector may remove. Returns its path.

    Raises:
        OSError: the collector has just ended.
    """
    question = folder / f"{time.monotonic_ns():020d}-{os.getpid()}{_ASK}"
    new_file(question, {}, folder.stat().st_uid)
    return question


def hear(question: Path, deadline_s: float) -> View | None:
    """Wait for the answer until then (`time.monotonic`); None if there is none, or none that is understood.

    Raises:
        OSError: the collector has just ended.
    """
    while question.exists():
        if time.monotonic() >= deadline_s:
            question.unlink(missing_ok=True)
            return None
        time.sleep(_LOOK_S)
    return read(question.with_name(_STATUS))


def read(path: Path) -> View | None:
    """The answer in a file, which another user's process may have written; None for what is none.

    Raises:
        OSError: it is gone.
    """
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        try:
            found = json.loads(file.read(_MAX_B))
            return _view(found) if isinstance(found, dict) else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


def _view(found: Mapping[str, Json]) -> View:
    """Checked field by field, its text made printable. Raises ValueError, TypeError or KeyError for anything else."""
    rows = {name: found[name] for name in ("paths", "outcomes")}
    if not all(isinstance(row, list) and len(row) <= _MOST for row in rows.values()):
        raise TypeError("paths and outcomes are lists")
    paths = tuple(PathView(**_fields(row, PathView)) for row in rows["paths"])
    outcomes = tuple(OutcomeView(**_fields(row, OutcomeView)) for row in rows["outcomes"])
    plain = {name: value for name, value in found.items() if name not in rows}
    return View(**_fields(plain, View), paths=paths, outcomes=outcomes)


def _fields(found: Json, kind: type) -> dict[str, Json]:
    if not isinstance(found, dict):
        raise TypeError("an object is expected")
    kinds = {name: told for name, told in kind.__annotations__.items() if not str(told).startswith("tuple")}
    return {name: _value(found[name], str(told)) for name, told in kinds.items()}


def _value(value: Json, kind: str) -> Json:
    """The value if it is of the kind that the dataclass names."""
    if value is None and kind.endswith("| None"):
        return None
    match kind.removesuffix(" | None"):
        case "str" if isinstance(value, str):
            return printable(value)
        case "int" if type(value) is int:
            return value
        case "float" if type(value) in (int, float) and -1e12 < value < 1e12:
            return float(value)
        case _:
            raise TypeError(f"{kind} is expected")


def process_state(pid: int, root: Path = Path("/")) -> str:
    """What a process that does not answer is at: in words, empty if it cannot be told."""
    if not LINUX:
        return ""
    try:
        letter = (root / f"proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
    words = {"T": "it is stopped", "t": "it is stopped", "D": "it waits for a disk or the kernel", "Z": "it has ended"}
    return words.get(letter, "it runs and does not look into its folder; is it another version?")


def written_ago_s(journal: Path) -> float | None:
    """How long ago the journal was written; it is every five seconds."""
    try:
        return max(0.0, time.time() - journal.stat().st_mtime)
    except OSError:
        return None


def cut_short(folder: Path) -> list[Path]:
    """Archives in a folder that no process of this machine writes any more, as far as this user can see."""
    from collector.archive.format import JOURNAL, PART, SUFFIX
    from collector.notes import FOLDER, running

    held = {one.folder.name.removesuffix(FOLDER) for one in running()}
    journals = sorted(folder.glob(f"haready-*{SUFFIX}{JOURNAL}"))
    ended = [path.with_name(path.name.removesuffix(JOURNAL) + PART) for path in journals]
    return [part for part in ended if part.name.removesuffix(PART) not in held and _mine(part)]


def _mine(part: Path) -> bool:
    """Whether it is this user's: what holds another user's files cannot be seen."""
    try:
        owner = part.stat().st_uid
    except OSError:
        return False
    return sys.platform == "win32" or os.getuid() in (0, owner)
