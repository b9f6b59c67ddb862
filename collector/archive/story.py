"""The story of a run as an archive tells it, checked: outcomes, peers, facts, events, notes, restarts.

A sealed archive tells it whole in its manifest; one that was cut short tells it in the states of its segments.
What is malformed is left out, and a fact that no machine has is "not told" (null): an archive is hostile input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from collector.archive.format import MAX_INTEGER, MAX_NOTE_LETTERS, MAX_NOTES
from collector.contract import Interval, Json, Outcome, State

DEPTH = 8
"""Containers in each other; the deepest of a real inventory are five (interfaces, one of them, its addresses, one of them)."""
ENTRIES = 4096
"""Entries of one container: more than a machine has of anything that it tells, and few enough for a rule to hold each against each."""


def bounded(value: Json, depth: int = DEPTH) -> Json:
    """The same with null for what is nested deeper, and for numbers that nothing measures: not finite or beyond 62 bits.

    Of what is longer than any machine's own list the first entries.
    """
    match value:
        case dict() | list() if not depth:
            return None
        case dict():
            return {key: bounded(item, depth - 1) for key, item in islice(value.items(), ENTRIES)}
        case list():
            return [bounded(item, depth - 1) for item in islice(value, ENTRIES)]
        case int() | float() if not abs(value) <= MAX_INTEGER:  # NaN too
            return None
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Story:
    """`peers`: node -> sessions that were met; `meetings`: (t_us, path, session); `restarts`: (t_us, process, why).

    `starts`: (t_us, session) of every start of the collector; older archives do not tell, for they have one.

    `spent`: bytes that this node's bandwidth tests have sent, by path; of one that was under way when the collector was killed, the forecast.
    `holds`: (t_us, address, whether the node holds it) at the start of a live run and at every change.
    `notes`: (t_us, text) of what a person noted during the run.
    """

    outcomes: tuple[Outcome, ...]
    peers: Mapping[str, tuple[str, ...]]
    meetings: tuple[tuple[int, str, str], ...]
    starts: tuple[tuple[int, str], ...]
    facts: Mapping[str, Mapping[str, Json]]
    events: tuple[tuple[int, str], ...]
    notes: tuple[tuple[int, str], ...]
    restarts: tuple[tuple[int, str, str], ...]
    dropped: int
    spent: Mapping[str, int]
    holds: tuple[tuple[int, str, bool], ...]


def tidy(text: str) -> str:
    """One line of printable letters: control characters and runs of blanks become one blank."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def add_state(told: dict[str, Json], state: Mapping[str, Json]) -> None:
    """Take over what a segment's state tells: events, notes and facts add up, the rest is as of now."""
    for key in ("outcomes", "peers", "meetings", "starts", "restarts", "dropped", "spent", "holds"):
        if key in state:
            told[key] = state[key]
    if isinstance(state.get("facts"), dict):
        told.setdefault("facts", {}).update(state["facts"])
    for key in ("events", "notes"):
        if isinstance(state.get(key), list):
            told.setdefault(key, []).extend(state[key])


def story(told: Mapping[str, Json]) -> Story:
    """Check what a manifest, or the added-up states, told."""
    peers, facts = told.get("peers"), told.get("facts")
    dropped, spent = told.get("dropped"), told.get("spent")
    return Story(
        outcomes=tuple(outcome for item in _list(told, "outcomes") if (outcome := _outcome(item)) is not None),
        peers={
            str(node): tuple(str(session) for session in sessions)
            for node, sessions in (peers.items() if isinstance(peers, dict) else ())
            if isinstance(sessions, list)
        },
        meetings=tuple(
            (item[0], str(item[1]), str(item[2]))
            for item in _list(told, "meetings")
            if isinstance(item, list) and len(item) == 3 and _sane(item[0])
        ),
        starts=tuple(moments(told, "starts")),
        facts={
            str(name): bounded(values)
            for name, values in (facts.items() if isinstance(facts, dict) else ())
            if isinstance(values, dict)
        },
        events=tuple(moments(told, "events")),
        notes=tuple((t_us, tidy(text)[:MAX_NOTE_LETTERS]) for t_us, text in islice(moments(told, "notes"), MAX_NOTES)),
        restarts=tuple(
            (item["t_us"], str(item.get("process")), str(item.get("why")))
            for item in _list(told, "restarts")
            if isinstance(item, dict) and _sane(item.get("t_us"))
        ),
        dropped=dropped if isinstance(dropped, int) and _sane(dropped) else 0,
        spent={
            str(path): whole_B
            for path, whole_B in (spent.items() if isinstance(spent, dict) else ())
            if _sane(whole_B) and whole_B >= 0
        },
        holds=tuple(
            (item[0], tidy(str(item[1])), item[2])
            for item in _list(told, "holds")
            if isinstance(item, list | tuple) and len(item) == 3 and _sane(item[0]) and type(item[2]) is bool
        ),
    )


def _list(told: Mapping[str, Json], key: str) -> list[Json]:
    value = told.get(key)
    return value if isinstance(value, list) else []


def moments(told: Mapping[str, Json], key: str) -> Iterator[tuple[int, str]]:
    """Pairs of time and text."""
    for item in _list(told, key):
        if isinstance(item, list) and len(item) == 2 and _sane(item[0]):
            yield item[0], str(item[1])


def _sane(value: Json) -> bool:
    return type(value) is int and abs(value) <= MAX_INTEGER


def _outcome(item: Json) -> Outcome | None:
    try:
        intervals = [
            Interval(State(part["state"]), str(part["reason"]), part["from_us"], part["to_us"])
            for part in item["intervals"]
            if _sane(part["from_us"]) and _sane(part["to_us"])
        ]
        ticks, missed, seconds = item["ticks"], item["missed"], float(item["seconds"])
        if not _sane(ticks) or not _sane(missed):
            return None
        return Outcome(str(item["probe"]), intervals, ticks, missed, seconds, str(item.get("traceback", "")))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
