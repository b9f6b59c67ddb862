"""The main process of a node: starts the others, keeps their rows, stays acquainted with the peers, seals.

It has no thread and waits in one place, so it can fork at any time. It never measures: whatever it does for a while
(encoding a segment, waiting for the disk) delays nobody's packets. The module is long because one loop has one owner: processes,
links and record meet here, each with its own work in a module of its own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import gc
import os
import secrets
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import collector.probes
from collector.again import PLANNED_END
from collector.archive import resume
from collector.archive.resume import Unfinished
from collector.archive.writer import Before, Writer
from collector.children import Children
from collector.contract import Env, Json, Probe, Run, State, Table
from collector.echoes import Echoes
from collector.errors import CutShortError, OperatorError, WriteError
from collector.faults import Faults
from collector.live import View, answer, free_B, outcomes_of, paths_of
from collector.machine import Clock, Host, take_anchor
from collector.notes import Mailbox
from collector.paths import Paths
from collector.peers.bandwidth import run_bandwidth
from collector.peers.checking import Answer, Doing
from collector.peers.echo import run_echo
from collector.peers.fifo import run_fifo
from collector.peers.guests import Guests
from collector.peers.hello import Identity, Peer, Purpose
from collector.peers.links import Links
from collector.peers.ports import udp_listener
from collector.peers.tables import TABLES
from collector.peers.wire import Outgoing, run_wire
from collector.plan import Plan
from collector.plugins import discover
from collector.processes import Message
from collector.reach import Reach
from collector.record import Record
from collector.roles import Roles, away
from collector.scheduler import Watch, run_host
from collector.sizes import Sizes
from collector.space import NEXT_STEP, Space
from collector.strangers import Strangers
from collector.tester import Tester, limits

FLUSH_S = 5.0
ANCHOR_S = 10.0
SEGMENT_S = 600.0
FAREWELL_S = 2.0
GRACE_S = 0.5
HAND_OVER_S = 3.0
RESTARTS = 20
"""A child that died this often is not started again."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one start of the collector is asked to do. `segment_s` is shorter in tests only."""

    plan: Plan
    node: str
    key: bytes
    folder: Path
    duration_s: float
    version: str
    command: str
    segment_s: float = SEGMENT_S
    before: Unfinished | None = None
    """What an earlier start has recorded of the same run, to be continued to its planned end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What is left: the sealed archive, its SHA-256, why the run ended, and (path, reason) of what was never up.

    `next_step`: what to do about an early end that nobody asked for; empty if somebody did, or there was none.
    `unmeasured`: paths were planned and not one probe was answered; `remedy`: what to do about that, if it is known.
    """

    path: Path
    sha256: str
    early: bool
    why: str
    never_met: tuple[tuple[str, str], ...]
    unmeasured: bool
    remedy: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A look at a running collection."""

    left_s: float
    paths: int
    up: int
    sent: int
    answered: int
    rtt_us: int | None
    size_B: int
    alone_s: float = 0.0
    """For how long no path has been up."""
    observers: int = 0
    answering: int = 0
    """Observers of the plan, and those that have answered lately."""
    test: str = ""
    """The bandwidth test that this node takes part in, by its name; empty if none is."""
    ending: str = ""
    """Why sampling has stopped; empty while it goes on."""


class Supervisor:
    """One start of the collector on one node. `run` does everything."""

    def __init__(
        self,
        job: Job,
        clock: Clock,
        host: Host,
        tell: Callable[[str], None],
        probes: Sequence[Probe] | None = None,
    ) -> None:
        """`tell` receives every event as text; `probes` replaces those found in `collector.probes`."""
        self._job = job
        self._clock = clock
        self._tell = tell
        self._up_ns = clock.monotonic_ns()
        self._boot = resume.boot_id()
        before = job.before
        self._t0_ns = self._up_ns if before is None else resume.zero_ns(before, clock, self._boot)
        self._session = secrets.token_hex(16)
        self._node = job.plan.node(job.node)
        self._record = Record()
        self._stop = ""
        self._next_step = ""
        self._space = Space(job.folder)
        self._probes: list[Probe] = discover(collector.probes, "PROBE") if probes is None else list(probes)
        self._parked: set[str] = set()
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._selector, self._take)
        self._started = _utc(clock)
        if before is None:
            self._path = job.folder / resume.name(job.plan.cluster, job.node, self._started)
        else:
            self._path = before.path
            self._record.restore(before.story, before.last_us, self._now_us(), "it was started again")
        self._record.started(max(0, self._now_us()), self._session)
        left_s = job.duration_s - max(0, self._now_us()) / 1e6
        run = Run(self._session, self._t0_ns, job.folder)
        self._env = Env(clock, host, run, job.plan, self._node)
        self._watch = Watch(self._probes)
        me = Identity(job.plan, job.node, self._session, job.version, job.key)
        own = [path.name for path in job.plan.paths() if path.source == job.node]
        self._strangers = Strangers(
            job.plan.security.key_file, job.plan.probing.port, self._now_us, self._note, self._tell
        )
        self._paths = Paths(own, self._order_paths, self._record, self._now_us, self._note, self._strangers)
        self._links = Links(
            me,
            self._selector,
            clock,
            self._paths,
            self._asked,
            lambda peer, sock: self._echoes.called(peer, sock),  # noqa: PLW0108 - they are made with the links
        )
        self._echoes = Echoes(
            job.plan,
            job.node,
            self._session,
            self._links,
            lambda order: self._children.order("echo", order),
            self._record,
            self._now_us,
            self._note,
        )
        self._tester = Tester(
            me,
            clock,
            left_s,
            self._links,
            self._children.order,
            self._record,
            self._now_us,
            self._note,
            self._settle,
        )
        self._sizes = Sizes(
            job.plan,
            job.node,
            clock,
            self._selector,
            self._paths.key,
            lambda table, labels, rows: self._writer.rows(table, labels, rows),  # noqa: PLW0108 - made when the run begins
            self._record,
            self._t0_ns,
            self._note,
        )
        self._reach = Reach(
            job.plan,
            job.node,
            clock,
            self._selector,
            self._links,
            self._paths.key,
            lambda table, labels, rows: self._writer.rows(table, labels, rows),  # noqa: PLW0108 - made when the run begins
            self._record,
            left_s,
            self._note,
            self._t0_ns,
        )
        self._roles = Roles(job.plan, self._node, host.source_address, self._record, self._now_us, self._note)
        self._faults = Faults(job.plan, self._node, self._now_us, self._note)
        self._listening: list[socket.socket] = []
        self._mailbox = Mailbox(self._path, job.node)

    # --- the run ---------------------------------------------------------------------------------------------------

    def run(self, look: Callable[[Status], None]) -> Result:
        """Collect until the planned end, SIGINT or SIGTERM; `look` is called once a second.

        Raises:
            OperatorError: an address or port cannot be used, or the archive cannot be created.
            CutShortError: the archive could not be written any more; sampling has stopped.
        """
        self._space.refuse(0 if self._job.before is None else self._job.before.archive.size_B)
        self._bind()
        # From here on there are files: whoever asks it to end now gets a sealed archive.
        with self._signals():
            return self._run(look)

    def _run(self, look: Callable[[Status], None]) -> Result:
        tables: list[Table] = [*TABLES, *(table for probe in self._probes for table in probe.tables)]
        try:
            self._writer = self._open(tables)
            self._mailbox.open()
        except OSError as error:
            # "No such file" would be no answer: the folder is there, but (like /proc) takes no files.
            why = "no file can be made there" if error.errno == errno.ENOENT else error.strerror
            raise OperatorError(
                f"cannot write to {self._job.folder}: {why}", "choose another folder with --out"
            ) from error
        # What is there by now stays; a collection in a child would touch, and so copy, every page that it shares.
        gc.collect()
        gc.freeze()
        for name in self._processes():
            self._spawn(name)
        try:
            self._collect(look)
            look(replace(self._status(0), ending=self._stop or "planned end"))
            self._wind_down()
            return self._seal()
        except WriteError as error:
            self._writer.abandon()
            raise CutShortError(
                f"the archive cannot be written: {error}; stopped after {self._now_us() / 1e6:.0f} s",
                f"make room, then go on with --resume; what was written until then is readable: haready verify {self._path}",
            ) from error
        finally:
            self._children.kill_all()
            self._mailbox.close()
            self._sizes.close()
            self._reach.leave()
            self._links.close()
            self._echoes.close()
            for sock in self._listening:
                sock.close()

    def _collect(self, look: Callable[[Status], None]) -> None:
        end_ns = self._t0_ns + round(self._job.duration_s * 1e9)
        timers = {"flush": FLUSH_S, "anchor": ANCHOR_S, "segment": self._job.segment_s}
        beat_ns = self._clock.monotonic_ns()
        due = {name: beat_ns + round(period * 1e9) for name, period in timers.items()}
        self._writer.anchor(take_anchor(self._clock))
        while not self._stop and (now := self._clock.monotonic_ns()) < end_ns:
            if now >= beat_ns:
                beat_ns = now + 1_000_000_000
                self._links.beat()
                self._check_children(now)
                self._tester.beat()
                self._take_notes()
                self._sizes.beat()
                self._reach.beat()
                self._faults.beat()
                self._roles.beat()
                self._check_space()
                answer(self._mailbox.folder, lambda: self._view(end_ns))
                look(self._status(end_ns - now))
            for name, at in due.items():
                if now >= at:
                    due[name] = now + round(timers[name] * 1e9)
                    self._timer(name)
            soonest = min(beat_ns, end_ns, *due.values())
            self._wait(max(0.0, (soonest - self._clock.monotonic_ns()) / 1e9))

    def _check_space(self) -> None:
        if not self._stop and (low := self._space.low(self._writer.journal_B)):
            self._stop, self._next_step = low, NEXT_STEP

    def _asked(self, peer: Peer, reply: Callable[[str], None]) -> None:
        """A peer's question, to whom it concerns."""
        match peer.purpose:
            case Purpose.ECHO:
                self._echoes.asked(reply)
            case Purpose.LISTEN:
                self._reach.asked(peer, reply)
            case Purpose.CHECK:
                reply(Answer(Doing.COLLECT, self._session, self._tester.iperf3).text)
            case _:
                self._tester.asked(peer, reply)

    def _timer(self, name: str) -> None:
        match name:
            case "flush":
                self._settle()
            case "anchor":
                self._writer.anchor(take_anchor(self._clock))
            case "segment":
                self._save_state(closing=True)
                self._writer.close_segment(self._now_us(), take_anchor(self._clock))
                self._record.close_segment()

    def _wait(self, seconds: float) -> None:
        for key, mask in self._selector.select(seconds):
            key.data(mask)

    def _wind_down(self) -> None:
        """Say goodbye, let what is under way come home, then stop the others: a clean end looks like no loss."""
        why = self._stop or PLANNED_END
        self._note(f"stopping: {why}")
        self._tester.leave()
        self._sizes.close()
        self._reach.leave()
        self._links.leave()
        deadline = self._clock.monotonic_ns() + round(FAREWELL_S * 1e9)
        while not self._links.quiet and (now := self._clock.monotonic_ns()) < deadline:
            self._links.beat()
            self._wait(min(0.1, (deadline - now) / 1e9))
        self._paths.pause()
        grace = self._clock.monotonic_ns() + round(GRACE_S * 1e9)
        while (now := self._clock.monotonic_ns()) < grace:
            self._wait((grace - now) / 1e9)
        self._children.stop()
        deadline = self._clock.monotonic_ns() + round(HAND_OVER_S * 1e9)
        while self._children and (now := self._clock.monotonic_ns()) < deadline:
            self._wait((deadline - now) / 1e9)
            for name in self._children.ended():
                self._children.end(name)

    def _seal(self) -> Result:
        self._take_notes()
        self._mailbox.close()
        now_us = self._now_us()
        self._save_state(closing=True)
        self._writer.close_segment(now_us, take_anchor(self._clock))
        why = self._stop or PLANNED_END
        sha256 = self._writer.seal(
            {
                "ended": _iso(_utc(self._clock)),
                "duration_s": round(now_us / 1e6, 6),
                "ended_because": why,
                **self._record.whole(),
            }
        )
        never = self._paths.never_met()
        unmeasured = self._links.planned > 0 and not self._paths.tally().answered
        early = bool(self._stop)
        return Result(self._path, sha256, early, why, never, unmeasured, self._strangers.remedy(), self._next_step)

    def _open(self, tables: list[Table]) -> Writer:
        before = self._job.before
        if before is None:
            return Writer(self._path, self._start(tables), tables)
        self._note(f"the run goes on after {(self._now_us() - before.last_us) / 1e6:.0f} s without a record")
        start = before.start(self._start(tables)["tables"])
        return Writer(self._path, start, tables, Before(before.archive, self._t0_ns, self._now_us()))

    def _start(self, tables: list[Table]) -> dict[str, Json]:
        """What is known before the first row; see docs/archive-format.md."""
        job = self._job
        by = {table.name: probe.name for probe in self._probes for table in probe.tables}
        return {
            "tool": job.version,
            "node": job.node,
            "session": self._session,
            "cluster": job.plan.cluster,
            "origin": job.plan.origin.value,
            "plan": dict(job.plan.data),
            "plan_digest": job.plan.digest,
            "started": _iso(self._started),
            "t0_ns": self._t0_ns,
            "planned_s": job.duration_s,
            "command": job.command,
            "tables": [asdict(table) | ({"probe": by[table.name]} if table.name in by else {}) for table in tables],
        }

    # --- processes -------------------------------------------------------------------------------------------------

    def _bind(self) -> None:
        """Open the ports on this node's addresses first, so that a conflict is told before anything starts."""
        missing = self._away()
        self._links.listen(missing)
        port = self._job.plan.probing.port
        for network in sorted(
            {path.network for path in self._job.plan.paths() if path.target == self._job.node} - missing
        ):
            address = str(self._node.addresses[network].ip)
            self._listening.append(udp_listener(address, network, port, self._job.plan.network(network).dscp))

    def _away(self) -> frozenset[str]:
        return away(self._job.plan, self._node, self._env.host.source_address)

    def _processes(self) -> Iterator[str]:
        yield from ("wire", "fifo", "host")
        if self._tester.wanted:
            yield "bandwidth"
        if self._echoes.wanted:
            yield "echo"

    def _order_paths(self, order: Message) -> None:
        """What becomes of a path concerns the probes and the TCP echo alike."""
        self._children.order("wire", order)
        self._children.order("echo", order)

    def _spawn(self, name: str) -> None:
        plan, clock, t0 = self._job.plan, self._clock, self._t0_ns
        match name:
            case "wire":
                missing = self._away()
                outgoing = [
                    Outgoing(
                        path.name,
                        str(self._node.addresses[path.network].ip),
                        str(plan.node(path.target).addresses[path.network].ip),
                        plan.probing.port,
                        plan.network(path.network).dscp,
                    )
                    for path in plan.paths()
                    if path.source == self._job.node and path.network not in missing
                ]
                period = round(plan.probing.period_s * 1e9)
                socks, session = self._listening, self._session
                own = (str(there.ip) for node in plan.nodes for there in node.addresses.values())
                guests = Guests(plan.security.open_to, own)
                self._children.start(
                    name,
                    lambda orders, out: run_wire(outgoing, socks, period, session, t0, clock, orders, out, guests),
                    [sock.fileno() for sock in socks],
                )
            case "fifo":
                self._children.start(name, lambda orders, out: run_fifo(clock, t0, orders, out))
            case "bandwidth":
                self._children.start(name, lambda orders, out: run_bandwidth(clock, t0, orders, out, limits(plan)))
            case "echo":
                paths, end = self._echoes.paths, self._echoes.begin()
                planned_s = self._job.duration_s - self._now_us() / 1e6
                self._children.start(
                    name, lambda orders, out: run_echo(paths, planned_s, clock, t0, end, orders, out), [end.fileno()]
                )
                end.close()
            case _:
                probes = [probe for probe in self._probes if probe.name not in self._parked]
                self._children.start(name, lambda orders, out: run_host(probes, self._env, self._watch, orders, out))

    def _take(self, message: Message) -> None:
        match message:
            case ("rows", table, labels, rows):
                self._writer.rows(table, labels, rows)
                self._faults.rows(table, labels, rows)
            case ("path", path, sent, answered, rtt_us):
                self._paths.counted(path, sent, answered, rtt_us)
                self._links.heard(path, answered)
            case ("probe", *report):
                self._record.report(*report)
                name, state, reason, *_ = report
                self._faults.probe(name, State(state), reason)
            case ("facts", name, values):
                self._record.fact(name, values)
                self._faults.facts(name, values)
            case ("dropped", count):
                self._record.dropped += count
                self._note(f"{count} messages were dropped: the main process did not read in time")
            case ("ready", path):
                self._links.admitted(path)
            case ("connect" | "echo", *_):
                self._echoes.heard(message)
            case _:
                self._tester.heard(message)

    def _check_children(self, now_ns: int) -> None:
        """Start again what died, and without its culprit what hangs."""
        overdue = self._watch.overdue(now_ns) if "host" in self._children else []
        if overdue:
            for probe in overdue:
                self._parked.add(probe.name)
                reason = f"no answer within {probe.deadline_s:.0f} s; left out for the rest of the run"
                self._record.outcome(probe.name).enter(State.TIMEOUT, reason, self._now_us())
            self._again("host", f"{', '.join(probe.name for probe in overdue)} hung")
        for name in self._children.ended():
            self._again(name, "it ended unexpectedly")
        self._children.push()

    def _again(self, name: str, why: str) -> None:
        self._children.end(name)
        probes = [probe for probe in self._probes if name == "host"]
        for probe in probes:
            self._watch.leave(probe)
        times = self._record.restarted(name, [probe.name for probe in probes], self._now_us(), why)
        if times > RESTARTS:
            self._give_up(name, [probe.name for probe in probes])
            return
        self._note(f"process {name} was started again: {why}")
        self._spawn(name)
        if name in ("wire", "echo"):
            self._paths.again()
        elif name == "bandwidth":
            self._tester.interrupted("its process was started again")

    def _give_up(self, name: str, probes: list[str]) -> None:
        """A process that keeps dying: what it did is no longer measured, and says so. Without wire nothing is left."""
        reason = f"process {name} died {RESTARTS + 1} times; left out for the rest of the run"
        self._note(reason)
        for one in ["ticker fifo"] if name == "fifo" else probes:
            self._record.outcome(one).enter(State.ERROR, reason, self._now_us())
        if name == "bandwidth":
            self._tester.lost(reason)
        if name == "echo":
            self._echoes.lost(reason)
        if name == "wire":
            self._paths.lost(reason)
            self._stop = reason

    # --- what people note ------------------------------------------------------------------------------------------

    def _take_notes(self) -> None:
        self._mailbox.take(self._noted, self._settle)

    def _noted(self, mono_ns: int, text: str) -> None:
        now_us = self._now_us()
        self._record.note(min(max(0, (mono_ns - self._t0_ns) // 1000), now_us), text)
        self._tell(f"noted: {text}")

    def _settle(self) -> None:
        self._save_state()
        self._writer.flush(self._now_us())

    # --- small things ----------------------------------------------------------------------------------------------

    def _save_state(self, *, closing: bool = False) -> None:
        self._paths.save()
        self._writer.state(self._record.state(closing=closing) | {"boot": self._boot})

    def _note(self, text: str) -> None:
        self._record.event(self._now_us(), text)
        self._tell(text)

    def _status(self, left_ns: int) -> Status:
        tally = self._paths.tally()
        now_ns = self._clock.monotonic_ns()
        if self._links.up or not self._links.planned:
            self._up_ns = now_ns
        return Status(
            left_ns / 1e9,
            self._links.planned,
            self._links.up,
            tally.sent,
            tally.answered,
            tally.rtt_us,
            self._writer.size_B,
            (now_ns - self._up_ns) / 1e9,
            self._faults.observers,
            self._faults.answering,
            self._tester.busy,
        )

    def _view(self, end_ns: int) -> View:
        self._paths.save()
        job, record, now_ns = self._job, self._record, self._clock.monotonic_ns()
        test, test_s = self._tester.upcoming() or ("", None)
        return View(
            node=job.node,
            cluster=job.plan.cluster,
            session=self._session,
            pid=os.getpid(),
            tool=job.version,
            started=_iso(self._started),
            planned_s=job.duration_s,
            elapsed_s=(now_ns - self._t0_ns) / 1e9,
            left_s=(end_ns - now_ns) / 1e9,
            archive=str(self._path.resolve()),
            archive_B=self._writer.size_B,
            free_B=free_B(job.folder),
            rows=self._writer.count,
            missed=sum(outcome.missed for outcome in record.outcomes().values()),
            dropped=record.dropped,
            restarts=len(record.restarts),
            observers=self._faults.observers,
            answering=self._faults.answering,
            testing=self._tester.busy,
            next_test=test,
            next_test_s=test_s,
            paths=tuple(paths_of(self._paths, self._links, record)),
            outcomes=tuple(outcomes_of(record)),
        )

    def _now_us(self) -> int:
        return (self._clock.monotonic_ns() - self._t0_ns) // 1000

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask for an orderly end; a pipe wakes the selector for them. A closed terminal does not."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)

        def asked(number: int, _frame: object) -> None:
            self._stop = self._stop or f"stopped by {signal.Signals(number).name}"

        earlier = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
        earlier[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        wakeup = signal.set_wakeup_fd(writing)
        self._selector.register(reading, selectors.EVENT_READ, lambda _: os.read(reading, 64))
        try:
            yield
        finally:
            self._selector.unregister(reading)
            signal.set_wakeup_fd(wakeup)
            for number, handler in earlier.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)


def _utc(clock: Clock) -> dt.datetime:
    return dt.datetime.fromtimestamp(clock.realtime_ns() / 1e9, dt.UTC)


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
