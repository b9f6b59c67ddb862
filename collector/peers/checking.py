"""What a node answers to one that checks before a run: what it does, in which start, and with which iperf3."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from collector.errors import printable

_SESSION = 32
_SHOWN = 100


class Doing(StrEnum):
    """What the program at the other end does."""

    CHECK = "check"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True)
class Answer:
    """As it was told. `iperf3`: its version there, empty if it cannot be used."""

    doing: Doing
    session: str
    iperf3: str

    @property
    def text(self) -> str:
        """As it travels; it goes through HELLO, so only a holder of the key says or reads it."""
        return f"{self.doing} {self.session} {self.iperf3}".rstrip()


def read(text: str) -> Answer | None:
    """None for what no version of ours says."""
    doing, _, rest = text.partition(" ")
    session, _, iperf3 = rest.partition(" ")
    if doing not in list(Doing) or len(session) != _SESSION or not session.isalnum():
        return None
    return Answer(Doing(doing), session, printable(iperf3[:_SHOWN]))
