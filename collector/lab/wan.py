"""A WAN between two namespaces, with exact and logged trouble, for as long as a ``with`` block lasts.

    with Lab() as lab:
        ends = WanEnd(lab.namespace("a"), "10.0.0.1/24"), WanEnd(lab.namespace("b"), "10.0.0.2/24")
        with Wan(ends, Impairment(delay_s=0.02, loss=0.01), Impairment(delay_s=0.02), folder, seed=1) as wan:
            ...
        log = wan.log()

Packets are carried by a process of its own (`collector.lab.relay`); its log is the truth.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from collector import external
from collector.errors import OperatorError, Unavailable
from collector.lab.impairment import Impairment
from collector.lab.netns import Namespace
from collector.lab.wanlog import WanLog, read_log
from collector.plan import DEFAULT_PORT

_STARTING_S = 30.0
_ENDING_S = 30.0
QUEUE_PACKETS = 10_000
"""What may be under way in one direction; more is dropped, and logged as such."""


@dataclass(frozen=True, slots=True)
class WanEnd:
    """Where the WAN comes out: a TUN device with an address ("10.0.0.1/24") in a namespace."""

    namespace: Namespace
    address: str
    device: str = "wan0"
    mtu: int = 1500


class Wan:
    """Carries packets between two ends, each direction with its own impairment: `there` from the first end to the second.

    `seed` fixes every random choice; `stamp_port` is the UDP port whose packets the log gives slot numbers for. `folder`
    takes the log and two small files beside it. `real_time`: ask for SCHED_FIFO, without which a loaded machine is heard.
    """

    def __init__(
        self,
        ends: tuple[WanEnd, WanEnd],
        there: Impairment,
        back: Impairment,
        folder: Path,
        *,
        seed: int,
        stamp_port: int = DEFAULT_PORT,
        queue_packets: int = QUEUE_PACKETS,
        real_time: bool = True,
    ) -> None:
        labels = [end.namespace.label for end in ends]
        if labels[0] == labels[1]:
            raise OperatorError("the two ends of a WAN must differ in their labels", "give the namespaces other labels")
        self._ends = ends
        self._name = f"wan-{'-'.join(labels)}"
        self._log = folder / f"{self._name}.log"
        self._output = folder / f"{self._name}.out"
        self._config = folder / f"{self._name}.json"
        self._given = {
            "ends": [
                {"label": end.namespace.label, "namespace": str(end.namespace.path), "device": end.device}
                for end in ends
            ],
            "impairments": {
                f"{labels[0]}>{labels[1]}": asdict(there),
                f"{labels[1]}>{labels[0]}": asdict(back),
            },
            "seed": seed,
            "stamp_port": stamp_port,
            "queue_packets": queue_packets,
            "real_time": real_time,
            "log": str(self._log),
        }
        self._relay: external.Running | None = None
        self._missed = 0

    def __enter__(self) -> Self:
        """Make the devices and start the relay.

        Raises:
            Unavailable: no ``/dev/net/tun``, or not root.
            OperatorError: the relay did not start.
        """
        if not Path("/dev/net/tun").exists():
            raise Unavailable("there is no /dev/net/tun on this machine")
        for path in (self._log, self._output):
            path.unlink(missing_ok=True)
        self._config.write_text(json.dumps(self._given), encoding="utf-8")
        for end in self._ends:
            end.namespace.ip("tuntap", "add", "dev", end.device, "mode", "tun")
            end.namespace.ip("link", "set", end.device, "mtu", str(end.mtu))
            end.namespace.address(end.device, end.address)
        command = [sys.executable, "-m", "collector.lab.relay", str(self._config)]
        self._relay = external.start(command, self._output, leash=True)
        deadline = time.monotonic() + _STARTING_S
        while not self._log.exists():
            if self._relay.poll() is not None or time.monotonic() > deadline:
                self._relay.kill()
                self._relay.wait()
                raise OperatorError(f"the relay did not start: {self._last_words()}", f"see {self._output}")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the relay, finish the log, remove the devices.

        Raises:
            OperatorError: the relay had failed; its log is not whole.
        """
        assert self._relay is not None
        assert self._relay.stdin is not None
        # Before the relay goes: what the kernel drops for want of a reader came after the log.
        self._missed = sum(_dropped(end) for end in self._ends)
        with contextlib.suppress(BrokenPipeError):
            self._relay.stdin.close()
        code = external.finish(self._relay, _ENDING_S)
        for end in self._ends:
            end.namespace.ip("link", "delete", end.device)
        if code and error is None:
            raise OperatorError(f"the relay failed: {self._last_words()}", f"see {self._output}")

    def log(self) -> WanLog:
        """The log, once the WAN is closed.

        Raises:
            OperatorError: the log is not whole, or packets were dropped before the relay could read them.
        """
        if self._missed:
            raise OperatorError(
                f"the kernel dropped {self._missed} packets before the relay read them: the log is not the truth",
                "send more slowly, or in shorter bursts",
            )
        return read_log(self._log)

    @property
    def relay_pid(self) -> int:
        """Process id of the relay."""
        assert self._relay is not None
        return self._relay.pid

    def _last_words(self) -> str:
        lines = self._output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _dropped(end: WanEnd) -> int:
    """Packets that did not fit the device's own queue."""
    (told,) = json.loads(end.namespace.ip("-json", "-statistics", "link", "show", "dev", end.device))
    dropped: int = told["stats64"]["tx"]["dropped"]
    return dropped
