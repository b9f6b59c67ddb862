"""Peers that run but are not ours: another key, another plan, another version.

Waiting does not help against them, so they are told with what to do, at once and again every minute. Everything else that a
conversation can fail of may pass by itself, and is told once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

AGAIN_US = 60_000_000
"""After this long the same is told again (design value)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with a peer that answers, and what to do about it."""

    what: str
    remedy: str


def refusal(text: str, key_file: str, port: int) -> Refusal | None:
    """Why a conversation failed (see `collector.peers.hello`), if only a person can mend that."""
    if text.startswith("its key differs"):
        return Refusal(
            "runs, but its key is not ours", f"copy {key_file} from one node to all, and start all of them again"
        )
    if text.startswith("it refused: the plans differ"):
        return Refusal(
            "runs, but its plan is not ours", "copy the plan from one node to all, and start all of them again"
        )
    if text.startswith("it refused: "):
        return Refusal(f"runs, but refuses: {text.removeprefix('it refused: ')}", "mend that there, and start it again")
    if text == "it does not speak HELLO":
        return Refusal(
            f"has another program than haready on TCP port {port}", "end that one, or choose another port in the plan"
        )
    return None


class Strangers:
    """Tells of each such peer: the first time as an event of the run, then on the screen only."""

    def __init__(
        self,
        key_file: str,
        port: int,
        now_us: Callable[[], int],
        note: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        """`note` makes an event of the run and tells it, `tell` only tells."""
        self._key_file = key_file
        self._port = port
        self._now_us = now_us
        self._note = note
        self._tell = tell
        self._told: dict[str, tuple[Refusal, int]] = {}

    def refused(self, peer: str, text: str) -> bool:
        """Take why a conversation with `peer` failed; False if that may pass by itself."""
        found = refusal(text, self._key_file, self._port)
        if found is None:
            return False
        before, told_us = self._told.get(peer, (None, 0))
        now_us = self._now_us()
        if found != before or now_us - told_us >= AGAIN_US:
            say = self._tell if found == before else self._note
            say(f"ERROR: {peer} {found.what}; nothing is measured with it")
            say(f"hint: {found.remedy}")
            self._told[peer] = (found, now_us)
        return True

    def met(self, peer: str) -> None:
        """It is one of ours after all."""
        self._told.pop(peer, None)

    def remedy(self) -> str:
        """What to do about those of now; empty if there are none."""
        return next((found.remedy for found, _ in self._told.values()), "")
