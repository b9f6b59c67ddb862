"""The process that runs iperf3 for bandwidth tests, one program at a time, each under a deadline.

Apart from main because it waits for programs. It never leaves one behind: it ends them at their deadline, when it is told to stop,
and when its order pipe ends; if it is killed itself, the kernel ends them (Linux).
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from collector import external
from collector.contract import State
from collector.errors import OperatorError, Unavailable
from collector.machine import Clock
from collector.peers import iperf3, sockdiag
from collector.peers.guard import APART_S, Limits, Meter, Own, Vigil
from collector.plan import LoadKind, PlannedTest
from collector.processes import Inlet, Message, Outlet

_LOOK_S = 0.01
"""How often a server that has just been started is looked at, until it listens."""
_VERSION_S = 10.0
_LARGEST_B = 32 << 20
"""Output beyond this is not iperf3's: two minutes in steps of 0.1 s are 2 MB."""
_CHUNK = 1 << 16
NO_LIMITS = Limits()


@dataclass(slots=True)
class _Program:
    """The one that runs. `name` is the test's (`PlannedTest.name`). `seconds` is of interest for tests only."""

    process: external.Running
    name: str
    began_ns: int
    deadline_ns: int
    serves: bool
    address: str
    port: int
    limit_bps: int | None
    seconds: int = 0
    vigil: Vigil | None = None
    ready: bool = False
    output: bytearray = field(default_factory=bytearray)

    @property
    def fd(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    @property
    def kind(self) -> LoadKind:
        """What the test does to the path."""
        return PlannedTest.read(self.name)[1]

    def own(self, now_ns: int) -> Own:
        """What the test has used of this node so far."""
        cpu_s = external.cpu_s(self.process)
        if self.kind is LoadKind.UDP and self.limit_bps is not None:
            payload = self.limit_bps * (now_ns - self.began_ns) // 8_000_000_000
            return Own(cpu_s, payload, 0) if self.serves else Own(cpu_s, 0, payload)
        carried = sockdiag.carried_B(self.port, v6=":" in self.address)
        return Own(cpu_s, counted=False) if carried is None else Own(cpu_s, *carried)


def run_bandwidth(clock: Clock, t0_ns: int, orders: Inlet, out: Outlet, limits: Limits = NO_LIMITS) -> None:
    """Body of the process. `limits`: what others may use beside a test.

    It says ``("iperf3", version, why not)`` first. Orders: ``("serve", name, address, port, limit_bps, deadline_s)`` is answered by
    ``("served-ready", name, why not)`` and, if it listened, by ``("served", name, why aborted)`` at its end. ``("test", name, source,
    target, port, seconds, limit_bps, deadline_s)`` is answered by ``("tested", name, state, reason, received_B, receiver_us,
    sent_B)``. The name of a test says path and kind. ``("stop",)`` ends. Rows come as ``("rows", ...)``.
    """
    out.put(("iperf3", *_version()))
    runner = _Runner(clock, t0_ns, out, limits)
    try:
        while not orders.ended:
            ready, _, _ = select.select([orders.fd, *runner.fds], [], [], runner.patience_s())
            if orders.fd in ready:
                for order in orders.messages():
                    if order[0] == "stop":
                        return
                    runner.begin(order)
            runner.go_on(readable=any(fd in ready for fd in runner.fds))
            out.push()
    finally:
        runner.abandon("the run was ended")
        out.push()


def _version() -> tuple[str, str]:
    """(what iperf3 calls itself, "") or ("", why it cannot be used)."""
    try:
        done = external.run([iperf3.PROGRAM, "--version"], _VERSION_S)
    except Unavailable:
        return "", "iperf3 is not installed"
    except OperatorError as error:
        return "", str(error)
    first = next(iter(done.out.strip().splitlines()), "")
    return (first[:80], "") if done.code == 0 else ("", f"iperf3 --version ended with {done.code}")


class _Runner:
    """Holds the program that runs now, if any."""

    def __init__(self, clock: Clock, t0_ns: int, out: Outlet, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._t0_ns = t0_ns
        self._out = out
        self._now: _Program | None = None
        self._looked_ns = 0

    @property
    def fds(self) -> list[int]:
        """What to wait on beside the orders."""
        return [] if self._now is None else [self._now.fd]

    def patience_s(self) -> float | None:
        """How long the caller may wait before `go_on`."""
        if self._now is None:
            return None
        if self._now.serves and not self._now.ready:
            return _LOOK_S
        left_s = max(0.0, (self._now.deadline_ns - self._clock.monotonic_ns()) / 1e9)
        return left_s if self._now.vigil is None else min(left_s, APART_S)

    def begin(self, order: Message) -> None:
        """Start what is asked for."""
        # Taken beforehand: on a busy machine a program may run for a while before this process does again.
        now = self._clock.monotonic_ns()
        match order:
            case ("serve", name, address, port, limit_bps, deadline_s):
                if self._now is not None:
                    self._out.put(("served-ready", name, f"{self._now.name} is being tested here"))
                elif _listens(address, port):
                    why = f"TCP port {port} on {address} is in use; end what listens there, or set [bandwidth] port in the plan"
                    self._out.put(("served-ready", name, why))
                elif process := self._start(name, iperf3.server_command(address, port), serves=True):
                    end = now + round(deadline_s * 1e9)
                    self._hold(_Program(process, name, now, end, True, address, port, limit_bps))
            case ("test", name, source, target, port, seconds, limit_bps, deadline_s):
                if self._now is not None:
                    self._tell(name, State.ERROR, f"{self._now.name} is being tested here", sent=0)
                elif process := self._start(
                    name, _client(name, (source, target, port, seconds), limit_bps), serves=False
                ):
                    end = now + round(deadline_s * 1e9)
                    self._hold(_Program(process, name, now, end, False, source, port, limit_bps, seconds))
            case _:
                raise AssertionError(order[0])

    def _start(self, name: str, command: list[str], *, serves: bool) -> external.Running | None:
        try:
            return external.listen(command)
        except Unavailable as error:
            if serves:
                self._out.put(("served-ready", name, str(error)))
            else:
                self._tell(name, State.SKIPPED, str(error), sent=0)
        return None

    def _hold(self, program: _Program) -> None:
        self._now = program
        os.set_blocking(program.fd, False)
        if not program.serves:
            self._watch(program)

    def _watch(self, program: _Program) -> None:
        if self._limits.any:
            now = self._clock.monotonic_ns()
            self._looked_ns = now
            program.vigil = Vigil(Meter(self._limits), now, program.own(now))

    def go_on(self, *, readable: bool) -> None:
        """Read what the program says; note that it listens, or that it has ended; end it at its deadline."""
        program = self._now
        if program is None:
            return
        if readable and self._read(program):
            self._end(program, "")
        elif self._clock.monotonic_ns() >= program.deadline_ns:
            self._end(program, "iperf3 was still running at its deadline and was ended")
        elif program.serves and not program.ready and _listens(program.address, program.port):
            program.ready = True
            # From here on the path may be loaded.
            program.began_ns = self._clock.monotonic_ns()
            self._watch(program)
            self._out.put(("served-ready", program.name, ""))
        elif aborted := self._laden(program):
            self._end(program, "", aborted)

    def _laden(self, program: _Program) -> str:
        """Why the test has to make room for others; empty if it has not, or if it is too soon to say."""
        now = self._clock.monotonic_ns()
        if program.vigil is None or now - self._looked_ns < APART_S * 1e9:
            return ""
        self._looked_ns = now
        return program.vigil.look(now, program.own(now))

    def _read(self, program: _Program) -> bool:
        """True at the end of the output."""
        try:
            while chunk := os.read(program.fd, _CHUNK):
                program.output += chunk
                if len(program.output) > _LARGEST_B:
                    return True
        except BlockingIOError:
            return False
        return True

    def abandon(self, why: str) -> None:
        """End what still runs."""
        if self._now is not None:
            self._end(self._now, why)

    def _end(self, program: _Program, late: str, aborted: str = "") -> None:
        """Make sure that it is gone, then tell what came of it. `late`, `aborted`: why it was ended, empty if it ended by itself."""
        self._now = None
        # One that has closed its output has said all; what it started may still be there.
        external.end(program.process)
        loaded_us = (self._clock.monotonic_ns() - program.began_ns) // 1000
        assert program.process.stdout is not None
        program.process.stdout.close()
        if aborted:
            aborted = f"ended after {loaded_us / 1e6:.0f} s, {aborted}"
        if not program.serves:
            self._tested(program, late, aborted, loaded_us)
        elif program.ready:
            self._rows("served", program, [(self._us(program.began_ns), loaded_us, _number(program.kind))])
            self._out.put(("served", program.name, aborted))
        else:
            said = iperf3.read(bytes(program.output), 0)
            why = said.why if isinstance(said, iperf3.Failure) else "the server ended at once"
            self._out.put(("served-ready", program.name, late or why))

    def _tested(self, program: _Program, late: str, aborted: str, loaded_us: int) -> None:
        seconds, output = program.seconds, bytes(program.output)
        span = (self._us(program.began_ns), loaded_us)
        said: iperf3.Result | iperf3.Datagrams | iperf3.Failure
        if late or aborted:
            said = iperf3.Failure(late or aborted, None)
        else:
            said = (iperf3.read_udp if program.kind is LoadKind.UDP else iperf3.read)(output, seconds)
        if isinstance(said, iperf3.Failure):
            if said.sent_B != 0:
                # No figure, but the path was loaded: probes of that time must not count as those of an idle path.
                self._failed(program, span)
            state = State.SKIPPED if aborted else State.TIMEOUT if late else State.ERROR
            self._tell(program.name, state, said.why, sent=said.sent_B)
            return
        figures, cpu = (said.received_B, said.receiver_us), (said.source_cpu_ppm, said.target_cpu_ppm)
        sent = said.received_B
        if isinstance(said, iperf3.Datagrams):
            told = (said.packets, said.lost, said.jitter_us)
            self._rows("datagrams", program, [(*span, program.limit_bps, *figures, *told, *cpu)])
            sent = said.received_B if said.sent_B is None else said.sent_B
        else:
            row = (*span, *figures, program.limit_bps, said.retransmits, *cpu, _number(program.kind))
            self._rows("bandwidth", program, [row])
            zero_us = span[0] + said.lead_us
            self._rows(
                "window", program, [(zero_us + step.start_us, step.length_us, step.received_B) for step in said.windows]
            )
        self._out.put(("tested", program.name, State.OK.value, "", *figures, sent))

    def _failed(self, program: _Program, span: tuple[int, int]) -> None:
        if program.kind is LoadKind.UDP:
            self._rows("datagrams", program, [(*span, program.limit_bps, *(None,) * 7)])
        else:
            nothing = (None, None, program.limit_bps, None, None, None)
            self._rows("bandwidth", program, [(*span, *nothing, _number(program.kind))])

    def _tell(self, name: str, state: State, reason: str, *, sent: int | None) -> None:
        self._out.put(("tested", name, state.value, reason, None, None, sent))

    def _rows(self, table: str, program: _Program, rows: Sequence[tuple[int | None, ...]]) -> None:
        if rows:
            self._out.put(("rows", table, (PlannedTest.read(program.name)[0],), list(rows)))

    def _us(self, mono_ns: int) -> int:
        return (mono_ns - self._t0_ns) // 1000


def _client(name: str, ends: tuple[str, str, int, int], limit_bps: int | None) -> list[str]:
    if PlannedTest.read(name)[1] is LoadKind.UDP:
        return iperf3.udp_command(*ends, limit_bps or 0)
    return iperf3.client_command(*ends, limit_bps)


def _number(kind: LoadKind) -> int:
    return list(LoadKind).index(kind)


def _listens(address: str, port: int) -> bool:
    """True if some socket listens there. Asked by binding, because connecting would use up a server that serves once."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as sock:
        # So that only a listener stands in the way, not a connection of an earlier test that is still being forgotten.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
