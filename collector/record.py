"""The story of a run beside its rows: who was met, what happened, how every probe and path fared.

It stands in the state of every segment (what is known so far) and whole in the manifest.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from collector.archive.story import Story
from collector.contract import Json, Outcome, State

BULKY = frozenset({"software"})
"""Facts that are too long to be repeated every five seconds: told in the manifest, and in the segment in which they came or changed."""


class Record:
    """Collects; the supervisor decides when it is written."""

    def __init__(self) -> None:
        self.facts: dict[str, Json] = {}
        self.peers: dict[str, list[str]] = {}
        self.starts: list[tuple[int, str]] = []
        self.restarts: list[dict[str, Json]] = []
        self.dropped = 0
        self.spent: dict[str, int] = {}
        """Bytes that this node's bandwidth tests have sent in the run, by path."""
        self.meetings: list[tuple[int, str, str]] = []
        self.holds: list[tuple[int, str, bool]] = []
        """When this node was found to hold an address of the plan, or not to: at the start and at every change."""
        self._events: list[tuple[int, str]] = []
        self._notes: list[tuple[int, str]] = []
        self._segment_events = self._segment_notes = 0
        self._new_facts: set[str] = set()
        self._outcomes: dict[str, Outcome] = {}
        self._before: dict[str, tuple[int, int, float]] = {}

    def restore(self, told: Story, last_us: int, now_us: int, why: str) -> None:
        """Go on with what an earlier start of this run told up to `last_us`. Between then and now nothing ran."""
        self.facts = {name: dict(values) for name, values in told.facts.items()}
        self.peers = {node: list(sessions) for node, sessions in told.peers.items()}
        self.meetings = list(told.meetings)
        self.starts = list(told.starts)
        self.restarts = [{"process": process, "t_us": t_us, "why": text} for t_us, process, text in told.restarts]
        self.dropped = told.dropped
        self.spent = dict(told.spent)
        self.holds = list(told.holds)
        self._events, self._notes = list(told.events), list(told.notes)
        self.close_segment()
        self._outcomes = {outcome.probe: outcome for outcome in told.outcomes}
        for outcome in told.outcomes:
            outcome.enter(State.SKIPPED, "the collector was not running", last_us)
        self.restarted("collector", list(self._outcomes), now_us, why)

    def started(self, t_us: int, session: str) -> None:
        """A start of the collector, and the session by which peers know it."""
        self.starts.append((t_us, session))

    def fact(self, name: str, values: Json) -> None:
        """What the machine is, under a name of its own."""
        if self.facts.get(name) != values:
            self._new_facts.add(name)
        self.facts[name] = values

    def outcome(self, name: str) -> Outcome:
        """The outcome of a probe, ticker or path, made at its first mention."""
        return self._outcomes.setdefault(name, Outcome(name))

    def outcomes(self) -> dict[str, Outcome]:
        """All of them, by name."""
        return dict(self._outcomes)

    def report(
        self, name: str, state: str, reason: str, t_us: int, ticks: int, missed: int, seconds: float, trace: str
    ) -> None:
        """What a probe's process says of it; the counts are since the start of that process."""
        outcome = self.outcome(name)
        before = self._before.get(name, (0, 0, 0.0))
        outcome.enter(State(state), reason, t_us)
        outcome.ticks, outcome.missed = before[0] + ticks, before[1] + missed
        outcome.seconds = round(before[2] + seconds, 6)
        outcome.traceback = outcome.traceback or trace

    def restarted(self, process: str, probes: list[str], t_us: int, why: str) -> int:
        """Note that a process was started again; its probes count on. Returns how often that has happened."""
        for name in probes:
            done = self.outcome(name)
            self._before[name] = (done.ticks, done.missed, done.seconds)
        self.restarts.append({"process": process, "t_us": t_us, "why": why})
        return sum(restart["process"] == process for restart in self.restarts)

    def met(self, t_us: int, path: str, node: str, session: str) -> None:
        """Note whom HELLO found on which path, and when."""
        self.meetings.append((t_us, path, session))
        sessions = self.peers.setdefault(node, [])
        if session not in sessions:
            sessions.append(session)

    def event(self, t_us: int, text: str) -> None:
        """Something an engineer wants to find beside the rows of that moment."""
        self._events.append((t_us, text))

    def note(self, t_us: int, text: str) -> None:
        """What a person noted."""
        self._notes.append((t_us, text))

    def close_segment(self) -> None:
        """Events and notes so far are in a closed segment."""
        self._segment_events, self._segment_notes = len(self._events), len(self._notes)
        self._new_facts.clear()

    def state(self, *, closing: bool = False) -> dict[str, Json]:
        """What goes into a segment: everything as of now, and the events and notes since the last one.

        Bulky facts only when the segment is `closing`; until then they are lost if the machine is.
        """
        since = {"events": self._events[self._segment_events :], "notes": self._notes[self._segment_notes :]}
        told = {name for name in self.facts if name not in BULKY or (closing and name in self._new_facts)}
        return self._common() | since | {"facts": {name: self.facts[name] for name in self.facts if name in told}}

    def whole(self) -> dict[str, Json]:
        """What goes into the manifest."""
        return self._common() | {"events": self._events, "notes": self._notes}

    def _common(self) -> dict[str, Any]:
        outcomes = [asdict(outcome) for _, outcome in sorted(self._outcomes.items()) if outcome.intervals]
        return {
            "outcomes": outcomes,
            "peers": self.peers,
            "starts": self.starts,
            "meetings": self.meetings,
            "facts": self.facts,
            "restarts": self.restarts,
            "dropped": self.dropped,
            "spent": self.spent,
            "holds": self.holds,
        }
