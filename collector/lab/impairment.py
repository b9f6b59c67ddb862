"""What a WAN does to packets, decided packet by packet from seeded random numbers.

Each kind of trouble draws from its own sequence, one number per packet, so that asking for jitter does not change which
packets are lost: the n-th packet that an impairment applies to has the same fate in every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from random import Random

from collector.contract import Json
from collector.lab.wanlog import Fate
from collector.plan import DEFAULT_PORT

_RATIOS = ("loss", "duplicate", "reorder")


@dataclass(frozen=True, slots=True)
class Impairment:
    """One direction of a WAN.

    `delay_s` is for every packet. The rest is for UDP packets from or to `udp_port` only (STAMP; HELLO over TCP gets
    through unharmed), or for every packet if that is None:

    - `jitter_s`: the delay varies evenly by up to this much either way; packets keep their order
    - `loss`: ratio of packets lost at random
    - `lost`: packets lost for certain, by number in order of arrival, from 0
    - `outages`: (start, length) in s since the relay started; what arrives meanwhile is lost, what is under way is not
    - `duplicate`: ratio of packets followed by a copy
    - `reorder`, `reorder_s`: ratio of packets held back by so much more, so that later ones overtake them

    Raises:
        ValueError: a ratio outside 0 to 1, a negative time, or more jitter than delay.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    lost: tuple[int, ...] = ()
    outages: tuple[tuple[float, float], ...] = ()
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.05
    udp_port: int | None = DEFAULT_PORT

    def __post_init__(self) -> None:
        for name in _RATIOS:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be a ratio between 0 and 1, not {getattr(self, name)!r}")
        if not 0.0 <= self.jitter_s <= self.delay_s or self.reorder_s < 0.0:
            raise ValueError("times must not be negative, and jitter not greater than the delay")

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Impairment:
        """Read back what ``dataclasses.asdict`` and JSON made of one."""
        given = {field.name: data[field.name] for field in fields(cls)}
        given["lost"] = tuple(given["lost"])
        given["outages"] = tuple((start_s, length_s) for start_s, length_s in given["outages"])
        return cls(**given)


class Judge:
    """Applies an `Impairment` to the packets of one direction. `start_ns`: when the relay started, monotonic clock."""

    def __init__(self, impairment: Impairment, seed: str, start_ns: int) -> None:
        self._impairment = impairment
        self._loss, self._jitter, self._duplicate, self._reorder = (
            Random(f"{seed}/{purpose}") for purpose in ("loss", "jitter", "duplicate", "reorder")
        )
        self._lost = frozenset(impairment.lost)
        self._outages = [
            (start_ns + round(start_s * 1e9), start_ns + round((start_s + length_s) * 1e9))
            for start_s, length_s in impairment.outages
        ]
        self._delay_ns = round(impairment.delay_s * 1e9)
        self._jitter_ns = round(impairment.jitter_s * 1e9)
        self._reorder_ns = round(impairment.reorder_s * 1e9)
        self._newest_ns = 0
        self.count = 0

    def applies(self, ports: tuple[int, int] | None) -> bool:
        """Whether a packet with these UDP ports (None: not UDP) is one to be harmed."""
        wanted = self._impairment.udp_port
        return wanted is None or (ports is not None and wanted in ports)

    def spared(self, now_ns: int) -> int:
        """When to release a packet that is not to be harmed."""
        return now_ns + self._delay_ns

    def harmed(self, now_ns: int) -> tuple[Fate, int, int]:
        """Fate of the next packet, when to release it (0: never), and how many times."""
        number, self.count = self.count, self.count + 1
        lost = self._loss.random() < self._impairment.loss
        doubled = self._duplicate.random() < self._impairment.duplicate
        held = self._reorder.random() < self._impairment.reorder
        shift_ns = self._jitter.randint(-self._jitter_ns, self._jitter_ns)
        if any(start <= now_ns < stop for start, stop in self._outages):
            return Fate.OUTAGE, 0, 0
        if lost or number in self._lost:
            return Fate.LOSS, 0, 0
        planned_ns = now_ns + self._delay_ns + shift_ns
        if held:
            planned_ns += self._reorder_ns
        else:
            self._newest_ns = planned_ns = max(planned_ns, self._newest_ns)
        return Fate.RELEASED, planned_ns, 2 if doubled else 1
