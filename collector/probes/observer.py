"""Whether the machines that the cluster depends on answer, and how fast.

What: an ICMP echo request a second (56 octets of data) to every observer of the plan: gateway, name server, SCS host, witness, ping target.
Why HA: products ask them before they fail over; one that is silent vetoes a failover that is needed, or causes one that is not.
How: one ping socket (or raw socket) per IP version; round trip from the call to the kernel's stamp of the answer, where the clock was
not set meanwhile, else to when this process read it. Answers are waited for for 0.5 s and looked for again before the next requests;
one that is not there after 2 s is "no answer". Where the kernel gives no stamps, one later than 0.5 s is timed when it is found.
Source: RFC 792, RFC 4443 4.1; icmp(7). The two times are design values.
"""

from __future__ import annotations

import errno
import secrets
import select
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.icmp import DATA_B, Echo, EchoSocket, plain
from collector.machine import Clock
from collector.plan import Observer

POLL_NS = 500_000_000
GIVE_UP_NS = 2_000_000_000
STEPPED_NS = 1_000_000
"""Wall and monotonic clock that part by more within a round trip: the wall clock was set. Slewing (500 ppm) stays below."""
_TOKEN_B = 16

OBSERVER = Table(
    "observer",
    labels=("observer",),
    help="one row per echo request; t_us is when it was sent",
    metrics=(
        Metric("rtt_us", "s", Kind.EVENT, 1e-6, "round trip; null: no answer in time, or not sent"),
        Metric("flag", "1", Kind.EVENT, help="0 sent, else the errno of the call"),
    ),
)


@dataclass(slots=True)
class Request:
    """One echo request; `done` once answered, or refused by the kernel."""

    observer: Observer
    sequence: int
    sent_ns: int
    real_ns: int
    flag: int = 0
    rtt_us: int | None = None
    done: bool = False

    def row(self) -> Batch:
        """Its row, with what is known of it."""
        return Batch(OBSERVER.name, (self.observer.name,), self.sent_ns, (self.rtt_us, self.flag))


class Asking:
    """Requests on their way. The data of each begins with a random token, so nobody can answer what it has not received."""

    def __init__(self, sockets: Mapping[int, EchoSocket | int], clock: Clock) -> None:
        """`sockets` by IP version; an errno where the machine does not speak it."""
        self._sockets = sockets
        self._opened = [sock for sock in sockets.values() if isinstance(sock, EchoSocket)]
        self._clock = clock
        self._waiting: dict[bytes, Request] = {}
        self._unwritten: dict[str, deque[Request]] = {}

    def ask(self, observer: Observer, sequence: int) -> Request:
        """Send one request."""
        data = secrets.token_bytes(_TOKEN_B).ljust(DATA_B, b"\0")
        request = Request(observer, sequence, self._clock.monotonic_ns(), self._clock.realtime_ns())
        self._unwritten.setdefault(observer.name, deque()).append(request)
        sock = self._sockets[observer.address.version]
        if not isinstance(sock, EchoSocket):
            request.flag, request.done = sock, True
            return request
        try:
            sock.send(observer.address, sequence, data)
        except OSError as error:
            request.flag, request.done = error.errno or errno.EIO, True
        else:
            self._waiting[data] = request
        return request

    def wait(self, requests: Iterable[Request], poll_ns: int) -> None:
        """Gather answers until all of `requests` are done, or `poll_ns` have passed."""
        end_ns = self._clock.monotonic_ns() + poll_ns
        while not all(request.done for request in requests):
            left_ns = end_ns - self._clock.monotonic_ns()
            if left_ns <= 0:
                return
            select.select(self._opened, [], [], left_ns / 1e9)
            self.gather()

    def gather(self) -> None:
        """Take what has arrived."""
        for sock in self._opened:
            while (echo := sock.receive()) is not None:
                self._match(echo)

    def _match(self, echo: Echo) -> None:
        request = self._waiting.get(echo.data)
        if request is None or echo.sequence != request.sequence or echo.address != plain(request.observer.address):
            return
        del self._waiting[echo.data]
        request.rtt_us = rtt_ns(request, echo.stamp_ns, self._clock) // 1000
        request.done = True

    def finished(self) -> Iterator[Batch]:
        """Rows of what is done or given up, per observer in the order of sending."""
        given_up_ns = self._clock.monotonic_ns() - GIVE_UP_NS
        for requests in self._unwritten.values():
            while requests and (requests[0].done or requests[0].sent_ns <= given_up_ns):
                yield requests.popleft().row()
        self._waiting = {data: request for data, request in self._waiting.items() if request.sent_ns > given_up_ns}


def rtt_ns(request: Request, stamp_ns: int | None, clock: Clock) -> int:
    """From the call to the answer's arrival. This process's own time is the bound that the kernel's stamp must keep."""
    by_us_ns = clock.monotonic_ns() - request.sent_ns
    parted_ns = clock.realtime_ns() - request.real_ns - by_us_ns
    if stamp_ns is None or abs(parted_ns) > STEPPED_NS:
        return by_us_ns
    by_kernel_ns = stamp_ns - request.real_ns
    return by_kernel_ns if 0 <= by_kernel_ns <= by_us_ns else by_us_ns


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One request a tick and observer; its row when it was answered or given up."""
    observers = env.plan.observers
    if not observers:
        return
    sockets: dict[int, EchoSocket | int] = {}
    try:
        for version in sorted({observer.address.version for observer in observers}):
            sockets[version] = _socket(version)
        asking = Asking(sockets, env.clock)
        sequence = 0
        while True:
            asking.gather()
            sequence = (sequence + 1) & 0xFFFF
            asking.wait([asking.ask(observer, sequence) for observer in observers], POLL_NS)
            yield from asking.finished()
            yield None
    finally:
        for sock in sockets.values():
            if isinstance(sock, EchoSocket):
                sock.close()


def _socket(version: int) -> EchoSocket | int:
    try:
        return EchoSocket(version)
    except OSError as error:
        return error.errno or errno.EAFNOSUPPORT


PROBE = Probe("observer", (OBSERVER,), sample)
