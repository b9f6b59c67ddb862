"""The process that runs iperf3 for bandwidth tests, one program at a time, each under a deadline.

Apart from main because it waits for programs. It never leaves one behind: it ends them at their deadline, when it is told to stop,
and when its order pipe ends; if it is killed itself, the kernel ends them (Linux).
"""

from __future__ import annotations

import errno
import os
import select
import socket
from dataclasses import dataclass, field

from collector import external
from collector.contract import State
from collector.errors import OperatorError, Unavailable
from collector.machine import Clock
from collector.peers import iperf3
from collector.processes import Inlet, Message, Outlet

_LOOK_S = 0.01
"""How often a server that has just been started is looked at, until it listens."""
_VERSION_S = 10.0
_LARGEST_B = 32 << 20
"""Output beyond this is not iperf3's: two minutes in steps of 0.1 s are 2 MB."""
_CHUNK = 1 << 16


@dataclass(slots=True)
class _Program:
    """The one that runs. `seconds` and `limit_bps` are of interest for tests only, `port` and `address` for servers only."""

    process: external.Running
    path: str
    began_ns: int
    deadline_ns: int
    serves: bool
    address: str = ""
    port: int = 0
    seconds: int = 0
    limit_bps: int | None = None
    ready: bool = False
    output: bytearray = field(default_factory=bytearray)

    @property
    def fd(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()


def run_bandwidth(clock: Clock, t0_ns: int, orders: Inlet, out: Outlet) -> None:
    """Body of the process.

    It says ``("iperf3", version, why not)`` first. Orders: ``("serve", path, address, port, deadline_s)`` is answered by
    ``("served-ready", path, why not)`` and, if it listened, by ``("served", path)`` at its end. ``("test", path, source, target,
    port, seconds, limit_bps, deadline_s)`` is answered by ``("tested", path, state, reason, received_B, receiver_us, sent_B)``.
    ``("stop",)`` ends. Rows come as ``("rows", ...)``.
    """
    out.put(("iperf3", *_version()))
    runner = _Runner(clock, t0_ns, out)
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

    def __init__(self, clock: Clock, t0_ns: int, out: Outlet) -> None:
        self._clock = clock
        self._t0_ns = t0_ns
        self._out = out
        self._now: _Program | None = None

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
        return max(0.0, (self._now.deadline_ns - self._clock.monotonic_ns()) / 1e9)

    def begin(self, order: Message) -> None:
        """Start what is asked for."""
        match order:
            case ("serve", path, address, port, deadline_s):
                if self._now is not None:
                    self._out.put(("served-ready", path, f"{self._now.path} is being tested here"))
                elif _listens(address, port):
                    why = f"TCP port {port} on {address} is in use; end what listens there, or set [bandwidth] port in the plan"
                    self._out.put(("served-ready", path, why))
                else:
                    self._start(path, iperf3.server_command(address, port), deadline_s, serves=True)
                    if self._now is not None:
                        self._now.address, self._now.port = address, port
            case ("test", path, source, target, port, seconds, limit_bps, deadline_s):
                if self._now is not None:
                    self._tell(path, State.ERROR, f"{self._now.path} is being tested here", sent=0)
                else:
                    command = iperf3.client_command(source, target, port, seconds, limit_bps)
                    self._start(path, command, deadline_s, serves=False)
                    if self._now is not None:
                        self._now.seconds, self._now.limit_bps = seconds, limit_bps
            case _:
                raise AssertionError(order[0])

    def _start(self, path: str, command: list[str], deadline_s: float, *, serves: bool) -> None:
        try:
            process = external.listen(command)
        except Unavailable as error:
            if serves:
                self._out.put(("served-ready", path, str(error)))
            else:
                self._tell(path, State.SKIPPED, str(error), sent=0)
            return
        now = self._clock.monotonic_ns()
        self._now = _Program(process, path, now, now + round(deadline_s * 1e9), serves)
        os.set_blocking(self._now.fd, False)

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
            self._out.put(("served-ready", program.path, ""))

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

    def _end(self, program: _Program, late: str) -> None:
        """Make sure that it is gone, then tell what came of it. `late`: why it was ended, empty if it ended by itself."""
        self._now = None
        # One that has closed its output has said all; what it started may still be there.
        external.end(program.process)
        loaded_us = (self._clock.monotonic_ns() - program.began_ns) // 1000
        assert program.process.stdout is not None
        program.process.stdout.close()
        if not program.serves:
            self._tested(program, late, loaded_us)
        elif program.ready:
            self._rows("served", program.path, [(self._us(program.began_ns), loaded_us)])
            self._out.put(("served", program.path))
        else:
            said = iperf3.read(bytes(program.output), 0)
            why = said.why if isinstance(said, iperf3.Failure) else "the server ended at once"
            self._out.put(("served-ready", program.path, late or why))

    def _tested(self, program: _Program, late: str, loaded_us: int) -> None:
        path, t_us = program.path, self._us(program.began_ns)
        said = iperf3.Failure(late, None) if late else iperf3.read(bytes(program.output), program.seconds)
        if isinstance(said, iperf3.Failure):
            if said.sent_B != 0:
                # No figure, but the path was loaded: probes of that time must not count as those of an idle path.
                self._rows("bandwidth", path, [(t_us, loaded_us, None, None, program.limit_bps, None, None, None)])
            self._tell(path, State.TIMEOUT if late else State.ERROR, said.why, sent=said.sent_B)
            return
        figures = (said.received_B, said.receiver_us, program.limit_bps)
        costs = (said.retransmits, said.source_cpu_ppm, said.target_cpu_ppm)
        self._rows("bandwidth", path, [(t_us, loaded_us, *figures, *costs)])
        zero_us = t_us + said.lead_us
        self._rows(
            "window", path, [(zero_us + step.start_us, step.length_us, step.received_B) for step in said.windows]
        )
        self._out.put(("tested", path, State.OK.value, "", said.received_B, said.receiver_us, said.received_B))

    def _tell(self, path: str, state: State, reason: str, *, sent: int | None) -> None:
        self._out.put(("tested", path, state.value, reason, None, None, sent))

    def _rows(self, table: str, path: str, rows: list[tuple[int | None, ...]]) -> None:
        if rows:
            self._out.put(("rows", table, (path,), rows))

    def _us(self, mono_ns: int) -> int:
        return (mono_ns - self._t0_ns) // 1000


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
