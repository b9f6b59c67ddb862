"""The rows of the fault matrix: each starts real collectors on loopback addresses of its own, does something to them, and looks at what is left."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nodes import alive, children_of, haready, loopback_plan

from collector.archive.format import JOURNAL, PART
from collector.archive.reader import open_archive
from collector.commands import _verified
from collector.errors import ArchiveError

ALLOWED_S = 10.0
STARTED_S = 40.0
DRIVER = Path(__file__).with_name("fault_driver.py")
_JUDGED = (0, 3, 4)
"""Suitable, unsuitable, conditional or inconclusive: the analysis went through."""
_nets = itertools.count(1)


@dataclass(slots=True)
class Row:
    """What was done, what was lost of the samples (None: there were none to lose), how the collector ended, and what works on what is left."""

    what: str
    code: int | str = "-"
    message: str = "-"
    lost_s: float | None = None
    left: str = "nothing"
    wrong: list[str] = field(default_factory=list)

    def check(self, what: str, *, kept: bool) -> None:
        if not kept:
            self.wrong.append(what)

    def lost(self, seconds: float) -> None:
        self.lost_s = max(seconds, self.lost_s or 0.0)
        self.check(f"{seconds:.1f} s were lost", kept=seconds <= ALLOWED_S)


Make = Callable[[Path], "Row | list[Row]"]


class Pair:
    """Nodes a and b on a net of their own, and what they said."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.plan = loopback_plan(folder, f"93.{next(_nets)}", extra=extra)
        self.running: dict[str, subprocess.Popen[str]] = {}

    def start(self, node: str, seconds: float, **more: object) -> subprocess.Popen[str]:
        asked = {"plan": str(self.plan), "node": node, "out": str(self.folder), "seconds": seconds, **more}
        return self.run(node, sys.executable, str(DRIVER), json.dumps(asked))

    def run(self, node: str, *command: str) -> subprocess.Popen[str]:
        log = self.log(node).open("a")
        self.running[node] = subprocess.Popen(command, stdout=log, stderr=log, text=True, start_new_session=True)
        return self.running[node]

    def log(self, node: str) -> Path:
        return self.folder / f"{node}.log"

    def told(self, node: str) -> str:
        return self.log(node).read_text(errors="replace") if self.log(node).exists() else ""

    def until(self, node: str, text: str, seconds: float = STARTED_S) -> None:
        wait_for(lambda: text in self.told(node), f"{node} did not say {text!r}", seconds)

    def measuring(self) -> None:
        for node in self.running:
            self.until(node, "answers (session")

    def files(self, node: str) -> list[Path]:
        """The archive of a node: sealed, or its part."""
        return sorted(
            path for path in self.folder.glob(f"haready-test-{node}-*") if path.name.endswith((".zip", f".zip{PART}"))
        )

    def only(self, node: str) -> Path:
        (found,) = self.files(node)
        return found

    def ends(self, *nodes: str) -> list[int]:
        return [self.running[node].wait(90) for node in nodes]

    def close(self) -> None:
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):  # all of them have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(true: Callable[[], bool], otherwise: str, seconds: float = STARTED_S) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


def times_us(path: Path) -> list[int]:
    """Of all rows, in order."""
    return sorted(
        value
        for segment in open_archive(path).segments()
        for block in segment.blocks
        if "t_us" in block.columns
        for value in block.column("t_us")
        if value is not None
    )


def longest_s(path: Path, end_us: int | None = None) -> float:
    """The longest stretch without a row, from the first row to `end_us` (default: the sealed end)."""
    found = times_us(path)
    archive = open_archive(path)
    end_us = round(1e6 * archive.head["duration_s"]) if end_us is None else end_us
    points = [*found, max(end_us, found[-1])] if found else [0, end_us]
    return max((after - before) / 1e6 for before, after in itertools.pairwise(points))


def since_start_us(path: Path, at_ns: int) -> int:
    return (at_ns - int(open_archive(path).head["t0_ns"])) // 1000


def first_error(text: str) -> str:
    """The first line of what the operator is told; of an end that was asked for, the event that tells it."""
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    if lines:
        return lines[-1]
    stops = [line[line.index("stopping: ") :] for line in text.splitlines() if "stopping: " in line]
    return stops[-1] if stops else "-"


def judge(row: Row, pair: Pair, *, sealed: bool, nodes: str = "ab") -> None:
    """`verify` says what it has to, and `analyze` goes through."""
    paths = [pair.only(node) for node in nodes if pair.files(node)]
    told = _verified(open_archive(paths[0]))
    row.check(f"damage: {told['damage']}", kept=not told["damage"])
    row.check("verify does not call it whole", kept=told["whole"] or not sealed)
    row.check("verify calls it whole", kept=sealed or not told["whole"])
    code = haready("verify", str(paths[0])).returncode
    row.check(f"verify ended with {code}", kept=code == (0 if sealed else 5))
    assessed = pair.folder / "assessment.json"
    assessed.unlink(missing_ok=True)
    done = haready("analyze", *map(str, paths), "-o", str(assessed), "--force")
    row.check(
        f"analyze ended with {done.returncode}: {done.stderr[-200:]}",
        kept=done.returncode in _JUDGED and assessed.exists(),
    )
    row.left = "sealed archive" if sealed else "part and journal"


def ended(row: Row, pair: Pair, code: int, wanted: int, node: str = "a") -> None:
    row.code, row.message = code, first_error(pair.told(node))
    row.check(f"exit code {code}", kept=code == wanted)
    row.check("a traceback", kept="Traceback" not in pair.told(node))


# --- killed ------------------------------------------------------------------------------------------------------------


def kills(count: int, spread_s: float = 15.0, wave: int = 10) -> Make:
    def make(folder: Path) -> list[Row]:
        row, again = Row(f"kill -9, at {count} random moments", -9), Row("kill -9, then `collect --resume`")
        moments = random.Random(20261121)
        waves = [min(wave, count - begun) for begun in range(0, count, wave)]
        for number, size in enumerate(waves):
            _wave(folder / str(number), size, spread_s, moments, row, again)
        return [row, again]

    return make


def _wave(folder: Path, size: int, spread_s: float, moments: random.Random, row: Row, again: Row) -> None:
    pairs = [Pair(folder / str(number)) for number in range(size // 2)]
    try:
        for pair in pairs:
            for node in "ab":
                pair.start(node, 600.0, segment_s=4.0)
        wait_for(lambda: all(pair.files(node) for pair in pairs for node in "ab"), "the collectors did not start")
        began = time.monotonic()
        killed: dict[tuple[int, str], int] = {}
        offspring: list[int] = []
        for moment, number, node in sorted(
            (moments.uniform(0.0, spread_s), n, node) for n in range(len(pairs)) for node in "ab"
        ):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            process = pairs[number].running[node]
            row.check("a collector ended by itself", kept=process.poll() is None)
            offspring += children_of(process.pid)
            killed[number, node] = time.monotonic_ns()
            process.kill()
            process.wait()
        time.sleep(3.0)
        row.check("a child outlived its parent", kept=not any(alive(pid) for pid in offspring))
        for (number, node), at_ns in killed.items():
            path = pairs[number].only(node)
            row.lost(longest_s(path, since_start_us(path, at_ns)))
        for pair in pairs:
            judge(row, pair, sealed=False)
        pair, at_ns = pairs[0], killed[0, "a"]
        ahead_us = since_start_us(pair.only("a"), at_ns)
        process = pair.start("a", 600.0, segment_s=4.0, resume=True)
        pair.until("a", "the run goes on after")
        time.sleep(4.0)
        process.terminate()
        ended(again, pair, process.wait(60), 6)
        resumed = times_us(pair.only("a"))
        later = [t for t in resumed if t > ahead_us]
        again.check("nothing was measured after it", kept=bool(later))
        again.lost(longest_s(pair.only("a"), None) - (later[0] - ahead_us) / 1e6 if later else 0.0)
        judge(again, pair, sealed=True)
    finally:
        for pair in pairs:
            pair.close()


def power_cut(folder: Path) -> list[Row]:
    """Everything that was on its way to the disk when the power failed: cut at every byte."""
    pair = Pair(folder)
    snapshots: dict[int, tuple[bytes, int]] = {}
    over = threading.Event()

    def watch() -> None:
        """The journal as it was at the last flush before its segment was closed, and when that was found."""
        while not over.wait(0.05):
            for part in pair.files("a"):
                journal = part.with_name(part.name.removesuffix(PART) + JOURNAL)
                if journal.exists() and len(data := journal.read_bytes()) > 0:
                    seen = len(open_archive(part)._members)
                    if snapshots.get(seen, (b"", 0))[0] != data:
                        snapshots[seen] = (data, time.monotonic_ns())

    watcher = threading.Thread(target=watch, daemon=True)
    try:
        for node in "ab":
            pair.start(node, 600.0, segment_s=12.0)
        pair.measuring()
        watcher.start()
        wait_for(lambda: len(open_archive(pair.only("a"))._members) >= 2, "no segment was closed", 60.0)
        time.sleep(8.0)
        over.set()
        watcher.join()
        for node in "ab":
            pair.running[node].kill()
        pair.ends("a", "b")
        return [_cut_journal(pair), _cut_segment(pair, snapshots)]
    finally:
        over.set()
        pair.close()


def _cut_journal(pair: Pair) -> Row:
    row = Row("power cut: journal cut at every byte", "-")
    part = pair.only("a")
    journal = part.with_name(part.name.removesuffix(PART) + JOURNAL)
    whole = journal.read_bytes()
    there = pair.folder / "cut"
    there.mkdir()
    copy, journal_copy = there / part.name, there / journal.name
    copy.write_bytes(part.read_bytes())
    reached = []
    for size in range(len(whole) + 1):
        journal_copy.write_bytes(whole[:size])
        reached.append(_readable(row, copy))
    # What lies before a flush is on the disk: a cut loses what was written since, and no cut loses more than one stretch.
    row.check("a longer journal held less", kept=reached == sorted(reached))
    steps = sorted(set(reached))
    row.lost(max(after - before for before, after in itertools.pairwise(steps)) / 1e6)
    row.message = f"{len(reached)} cuts"
    _judge_some(row, pair, copy, journal_copy, [whole[: len(whole) * n // 6] for n in range(7)])
    return row


def _cut_segment(pair: Pair, snapshots: dict[int, tuple[bytes, int]]) -> Row:
    row = Row("power cut while a segment is written: part cut at every byte of it", "-")
    part = pair.only("a")
    archive = open_archive(part)
    member = archive._members[-1]
    whole, (journal, _) = part.read_bytes(), snapshots[len(archive._members) - 1]
    there = pair.folder / "torn"
    there.mkdir()
    copy, journal_copy = there / part.name, there / (part.name.removesuffix(PART) + JOURNAL)
    journal_copy.write_bytes(journal)
    begin = member.offset - len(member.name) - 30
    end_us = max(segment.to_us for _, segment in archive.stored())
    reached = []
    for size in range(begin, member.offset + member.size):
        copy.write_bytes(whole[:size])
        reached.append(_readable(row, copy))
    row.lost(max(end_us - found for found in reached) / 1e6)
    row.message = f"{len(reached)} cuts"
    span = member.offset + member.size - begin
    cuts = [whole[: begin + span * n // 4] for n in range(4)]
    for data in cuts:
        copy.write_bytes(data)
        _analyzed(row, pair, copy)
    row.left = "part and journal"
    return row


def _readable(row: Row, path: Path) -> int:
    """Up to when it holds rows, as far as the reader says; damage other than the cut itself is wrong."""
    try:
        archive = open_archive(path)
        return max((segment.to_us for segment in archive.segments()), default=0)
    except ArchiveError as error:
        row.check(f"not readable: {error}", kept=False)
        return 0


def _judge_some(row: Row, pair: Pair, copy: Path, journal: Path, cuts: Sequence[bytes]) -> None:
    for data in cuts:
        journal.write_bytes(data)
        _analyzed(row, pair, copy)
    row.left = "part and journal"


def _analyzed(row: Row, pair: Pair, path: Path) -> None:
    code = haready("verify", str(path)).returncode
    row.check(f"verify ended with {code}", kept=code == 5)
    done = haready("analyze", str(path), str(pair.only("b")), "-o", str(path.with_name("x.json")), "--force")
    row.check(f"analyze ended with {done.returncode}: {done.stderr[-200:]}", kept=done.returncode in _JUDGED)


# --- disks -------------------------------------------------------------------------------------------------------------


def _on_a_disk_of_its_own(pair: Pair, size: str, *lines: str, options: str = "") -> subprocess.Popen[str]:
    """Node a in a mount namespace with a small disk as its spool; what is on that at the end is copied to the pair's folder."""
    spool = pair.folder / "spool"
    spool.mkdir()
    command = [
        sys.executable,
        "-m",
        "haready",
        "collect",
        "--plan",
        str(pair.plan),
        "--node",
        "a",
        "--out",
        str(spool),
        "--duration",
        "5m",
    ]
    script = [
        f"mount -t tmpfs -o size={size}{options} tmpfs {shlex.quote(str(spool))}",
        f"cd {shlex.quote(str(spool))}",
        *(line.replace("COLLECT", shlex.join(command)) for line in lines),
        f"cp -a haready-*.zip* {shlex.quote(str(pair.folder))} 2>/dev/null",
        "exit $code",
    ]
    return pair.run("a", "unshare", "-m", "sh", "-c", "\n".join(script))


def disk_small(folder: Path) -> Row:
    row, pair = Row("disk full at start (40 MB free)"), Pair(folder)
    _on_a_disk_of_its_own(pair, "40m", "COLLECT", "code=$?")
    ended(row, pair, *pair.ends("a"), 2)
    row.check("files were left", kept=not pair.files("a"))
    return row


def disk_read_only(folder: Path) -> Row:
    row, pair = Row("read-only spool"), Pair(folder)
    _on_a_disk_of_its_own(pair, "200m", "COLLECT", "code=$?", options=",ro")
    ended(row, pair, *pair.ends("a"), 2)
    row.check("files were left", kept=not pair.files("a"))
    return row


def disk_filling(folder: Path) -> Row:
    row, pair = Row("disk fills up mid-run (200 MB, others write 155 MB)"), Pair(folder)
    try:
        pair.start("b", 300.0)
        _on_a_disk_of_its_own(
            pair, "200m", "COLLECT & pid=$!", "sleep 12", "head -c 155m /dev/zero > filler", "wait $pid; code=$?"
        )
        code = pair.ends("a")[0]
        pair.running["b"].terminate()
        pair.ends("b")
        ended(row, pair, code, 6)
        row.lost(longest_s(pair.only("a")))
        judge(row, pair, sealed=True)
    finally:
        pair.close()
    return row


def disk_full(folder: Path) -> list[Row]:
    """Nothing is left within a second, so that sealing fails, too; then there is room again."""
    pair, row, again = (
        Pair(folder),
        Row("disk full to the last byte, also at sealing"),
        Row("the same, after room was made: `collect --resume`"),
    )
    try:
        pair.start("b", 300.0)
        marks = folder / "full_ns"
        _on_a_disk_of_its_own(
            pair, "200m", "COLLECT & pid=$!", "sleep 12", "head -c 300m /dev/zero > filler 2>/dev/null",
            f"{shlex.quote(sys.executable)} -c 'import time; print(time.monotonic_ns())' > {shlex.quote(str(marks))}",
            "while kill -0 $pid; do cat /dev/zero >> filler 2>/dev/null; sleep 0.02; done 2>/dev/null",
            "wait $pid; code=$?", f"mkdir {shlex.quote(str(folder))}/before; cp -a haready-* {shlex.quote(str(folder))}/before",
            f"echo $code > {shlex.quote(str(folder))}/code", "rm filler",
            f"COLLECT --resume 2> {shlex.quote(str(folder))}/again.log & pid=$!", "sleep 6", "kill -TERM $pid; wait $pid; code=$?",
        )  # fmt: skip
        code = pair.ends("a")[0]
        pair.running["b"].terminate()
        pair.ends("b")
        ended(row, pair, int((folder / "code").read_text()), 6)
        (part,) = (folder / "before").glob(f"*{PART}")
        full_us = since_start_us(part, int(marks.read_text()))
        row.lost(longest_s(part, full_us))
        _analyzed(row, pair, part)
        row.left = "part and journal"
        again.code, again.message = code, first_error((folder / "again.log").read_text())
        again.check(f"exit code {code}", kept=code == 6)
        sealed = next(path for path in pair.files("a") if path.suffix == ".zip")
        gone = next((t for t in times_us(sealed) if t > full_us), full_us)
        again.lost(max(0.0, longest_s(sealed) - (gone - full_us) / 1e6))
        judge(again, pair, sealed=True)
    finally:
        pair.close()
    return [row, again]


# --- clocks, stops, peers ----------------------------------------------------------------------------------------------


def clock_step(step_s: float, name: str) -> Make:
    def make(folder: Path) -> Row:
        row, pair = Row(f"clock set by {name} mid-run"), Pair(folder)
        try:
            began = time.monotonic()
            pair.start("a", 15.0, segment_s=4.0, step_s=step_s)
            pair.start("b", 17.0, segment_s=4.0)
            code = pair.ends("a")[0]
            took_s = time.monotonic() - began
            pair.ends("b")
            ended(row, pair, code, 0)
            row.check(f"a run of 15 s took {took_s:.0f} s", kept=14.5 < took_s < 35.0)
            row.lost(longest_s(pair.only("a")))
            moved = [
                anchor[1] - anchor[0]
                for segment in open_archive(pair.only("a")).segments()
                for anchor in segment.anchors
            ]
            row.check("the step is not in the archive", kept=abs(abs(moved[-1] - moved[0]) / 1e9 - abs(step_s)) < 5.0)
            judge(row, pair, sealed=True)
        finally:
            pair.close()
        return row

    return make


def stopped(folder: Path) -> Row:
    row, pair = Row("SIGSTOP of the whole collector for 30 s"), Pair(folder)
    try:
        process = pair.start("a", 55.0)
        pair.start("b", 57.0)
        pair.measuring()
        time.sleep(6.0)
        family = [process.pid, *children_of(process.pid)]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(30.0)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
        ended(row, pair, *pair.ends("a"), 0)
        pair.ends("b")
        row.lost(max(0.0, longest_s(pair.only("a")) - 30.0))
        head = open_archive(pair.only("a")).head
        timeouts = [one["probe"] for one in head["outcomes"] if one["intervals"][-1]["state"] == "timeout"]
        row.check(f"left out after it: {timeouts}", kept=not timeouts)
        judge(row, pair, sealed=True)
    finally:
        pair.close()
    return row


def peer_down(folder: Path) -> Row:
    row, pair = Row("peer down for half the run"), Pair(folder)
    try:
        pair.start("a", 40.0)
        pair.start("b", 42.0)
        pair.measuring()
        time.sleep(6.0)
        pair.running["b"].kill()
        pair.ends("b")
        time.sleep(20.0)
        pair.start("b", 42.0, resume=True)
        code, *_ = pair.ends("a", "b")
        ended(row, pair, code, 0)
        row.lost(longest_s(pair.only("a")))
        told = pair.told("a")
        row.check("it was not met again", kept=told.count("a>b/ch1: the collector on b answers (session") == 2)
        judge(row, pair, sealed=True)
    finally:
        pair.close()
    return row


def port_taken(folder: Path) -> Row:
    row, pair = Row("port taken"), Pair(folder)
    address = pair.plan.read_text().partition('ch1 = "')[2].partition("/")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 8862))
        pair.start("a", 10.0)
        ended(row, pair, *pair.ends("a"), 2)
    row.check("files were left", kept=not pair.files("a"))
    return row


def bad_probe(name: str, what: str, state: str) -> Make:
    def make(folder: Path) -> Row:
        row, pair = Row(f"probe that {what}"), Pair(folder)
        try:
            pair.start("a", 18.0, probes=[name])
            pair.start("b", 18.0)
            code = pair.ends("a")[0]
            pair.ends("b")
            ended(row, pair, code, 0)
            outcomes = {
                one["probe"]: one["intervals"][-1]["state"] for one in open_archive(pair.only("a")).head["outcomes"]
            }
            row.check(f"its outcome is {outcomes.get(name)}", kept=outcomes.get(name) == state)
            row.check(f"cpu: {outcomes.get('cpu')}", kept=outcomes.get("cpu") == "ok")
            cpu = _of_table(pair.only("a"), "cpu")
            row.lost(max((after - before) / 1e6 for before, after in itertools.pairwise(cpu)))
            judge(row, pair, sealed=True)
        finally:
            pair.close()
        return row

    return make


def _of_table(path: Path, table: str) -> list[int]:
    return sorted(
        value
        for segment in open_archive(path).segments()
        for block in segment.blocks
        if block.table == table
        for value in block.column("t_us")
        if value is not None
    )


# --- SIGTERM -----------------------------------------------------------------------------------------------------------


def _before_it_hears(_pair: Pair) -> None:
    time.sleep(0.05)


def _starting(pair: Pair) -> None:
    wait_for(lambda: bool(list(pair.folder.glob("haready-test-a-*"))), "it did not start")


def _meeting(pair: Pair) -> None:
    pair.until("a", "is not started there yet")


def _measuring(pair: Pair) -> None:
    pair.measuring()
    time.sleep(6.0)


def _testing(pair: Pair) -> None:
    pair.until("a", "a test of 20 s begins", 60.0)
    time.sleep(1.0)


TEST = "bandwidth = true\n[bandwidth]\ncap_bps = 50000000\nseconds = 20\n"


def terminated(
    when: str,
    wait: Callable[[Pair], None],
    extra: str = "",
    segment_s: float = 600.0,
    *,
    both: bool = True,
    twice: bool = False,
) -> Make:
    def make(folder: Path) -> Row:
        row, pair = Row(f"SIGTERM {when}"), Pair(folder, extra)
        try:
            process = pair.start("a", 90.0, segment_s=segment_s)
            if both:
                pair.start("b", 90.0)
            wait(pair)
            offspring = [grand for child in children_of(process.pid) for grand in (child, *children_of(child))]
            process.terminate()
            asked_ns = time.monotonic_ns()
            if twice:
                for _ in range(3):
                    time.sleep(0.4)
                    process.terminate()
            code = process.wait(60)
            took_s = (time.monotonic_ns() - asked_ns) / 1e9
            if both:
                pair.running["b"].terminate()
                pair.ends("b")
            time.sleep(0.5)
            row.check("a child outlived its parent", kept=not any(alive(pid) for pid in offspring))
            row.check(f"it took {took_s:.0f} s", kept=took_s < 20.0)
            row.code, row.message = code, first_error(pair.told("a"))
            row.check("a traceback", kept="Traceback" not in pair.told("a"))
            if wait is _before_it_hears:
                row.check(f"exit code {code}", kept=code == -signal.SIGTERM)
                row.check("files were left", kept=not list(pair.folder.glob("haready-test-a-*")))
                return row
            row.check(f"exit code {code}", kept=code == 6)
            row.lost(longest_s(pair.only("a")))
            judge(row, pair, sealed=True, nodes="ab" if both else "a")
        finally:
            pair.close()
        return row

    return make


def rows() -> Iterator[Make]:
    """Those that run side by side; the longest first."""
    yield stopped
    yield peer_down
    yield power_cut
    yield disk_full
    yield terminated("during a bandwidth test", _testing, TEST)
    yield disk_filling
    for name, what, state in (
        ("raises", "raises", "error"),
        ("hangs", "hangs", "timeout"),
        ("greedy", "hangs and keeps the interpreter's lock", "timeout"),
        ("floods", "floods (2000 random rows a second)", "ok"),
    ):
        yield bad_probe(name, what, state)
    for step_s, name in ((3600.0, "+1 h"), (-3600.0, "-1 h"), (86_400.0, "+1 day"), (-86_400.0, "-1 day")):
        yield clock_step(step_s, name)
    yield terminated("before it opened anything", _before_it_hears, both=False)
    yield terminated("while starting", _starting, both=False)
    yield terminated("while meeting (no peer yet)", _meeting, both=False)
    yield terminated("while measuring", _measuring)
    yield terminated("while segments close (20 a second)", _measuring, segment_s=0.05)
    yield terminated("again and again while winding down", _measuring, twice=True)
    yield disk_small
    yield disk_read_only
    yield port_taken
