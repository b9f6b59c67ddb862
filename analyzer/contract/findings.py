"""What was judged, by which limit, and what the operator accepts of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Outcome of one rule on one subject. Unknown (skipped, error) is never a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, no secret
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


class Verdict(StrEnum):
    """The answer to "will these machines and this network carry it?"."""

    SUITABLE = "suitable"
    WAIVED = "suitable with waivers"
    CONDITIONAL = "conditional"
    UNSUITABLE = "unsuitable"
    INCONCLUSIVE = "inconclusive"


class Scope(StrEnum):
    """What a rule is asked about, once per subject."""

    NODE = "node"
    DEVICE = "device"
    PAIR = "pair"
    PATH = "path"
    CLUSTER = "cluster"


class Sense(StrEnum):
    """Which side of a limit is good."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


class Change(StrEnum):
    """What a profile did to a limit. One level relaxed is relaxed, whatever became of the other."""

    NONE = ""
    RELAXED = "relaxed"
    STRICTER = "stricter"


class Effort(StrEnum):
    """What it usually takes to do what a finding asks for, from the least. A judgement of the kind of work, not of this site (design value)."""

    RUN = "another run"
    SETTING = "settings"
    SEARCH = "search for the cause"
    WINDOW = "maintenance window"
    RESOURCES = "machine, part or line"


class Area(StrEnum):
    """The scores' headings."""

    DATA = "data"
    HOST = "host"
    NETWORK = "network"
    SETTINGS = "settings"


OF_PATHS = ("path ", "bandwidth ", "echo ", "pmtu ", "reach ")
"""How outcomes begin that are about a path, not about a probe of the node: rules of their own judge them."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that judges, with its source. `warn` and `fail` are in `unit`; None: no such level.

    `profile`: which profile changed it ("": none did), from `default_warn` and `default_fail`.
    """

    name: str
    unit: str
    warn: float | None
    fail: float | None
    sense: Sense
    source: str
    profile: str = ""
    default_warn: float | None = None
    default_fail: float | None = None

    @property
    def change(self) -> Change:
        """Whether the profile relaxed it or made it stricter."""
        if not self.profile:
            return Change.NONE
        levels = ((self.default_warn, self.warn), (self.default_fail, self.fail))
        if any(self._relaxed(before, now) for before, now in levels):
            return Change.RELAXED
        return Change.NONE if all(before == now for before, now in levels) else Change.STRICTER

    def _relaxed(self, before: float | None, now: float | None) -> bool:
        if before is None or now is None:
            return before is not None
        return now > before if self.sense is Sense.AT_MOST else now < before

    def judge_default(self, value: float) -> Status:
        """What the limit says without the profile."""
        if not self.profile:
            return self.judge(value)
        return Limit(self.name, self.unit, self.default_warn, self.default_fail, self.sense, self.source).judge(value)

    def judge(self, value: float) -> Status:
        """Pass up to and including the limit, warn or fail beyond it."""
        sign = 1.0 if self.sense is Sense.AT_MOST else -1.0
        if self.fail is not None and sign * value > sign * self.fail:
            return Status.FAIL
        if self.warn is not None and sign * value > sign * self.warn:
            return Status.WARN
        return Status.PASS


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured figure, beside the limit it was held against (None: informative)."""

    what: str
    value: float | None
    unit: str
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about. `name` is ``node``, ``node/device``, ``a+b`` or ``a>b/network``; no node has + > / in its name."""

    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """A person's word that one rule's finding on one subject is accepted up to and including the day `until` (ISO 8601)."""

    rule: str
    subject: str
    reason: str
    who: str
    until: str


class WaiverState(StrEnum):
    """What came of a waiver."""

    APPLIED = "applied"
    EXPIRED = "expired"
    NOT_NEEDED = "not needed"
    UNMATCHED = "matches nothing"


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver of the run's operator and what came of it; `remark` says what to do about one that was not applied."""

    waiver: Waiver
    state: WaiverState
    remark: str


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A limit that a profile changed. `decided`: subjects that the unchanged limit would have judged worse."""

    rule: str
    title: str
    limit: Limit
    decided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word on one subject. `traces` are ids of traces or curves that show it.

    `points`: of a message that has several points, what kind each is ("" if it has none), so that equal ones can be counted.
    `waiver`: who accepted it; its status stays what it is. `effort`: what its remedy takes, None if there is none or it is not known.
    """

    rule: str
    title: str
    area: Area
    subject: Subject
    status: Status
    message: str
    evidence: tuple[Evidence, ...] = ()
    remedy: str = ""
    traces: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    waiver: Waiver | None = None
    effort: Effort | None = None


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One term of the arithmetic: what a finding contributed to its subject's mean. None: not judged, not counted."""

    subject: str
    rule: str
    status: Status
    points: int | None


@dataclass(frozen=True, slots=True)
class AreaScore:
    """Score of an area: the lowest mean of a subject. None: nothing could be judged, or less than half.

    `worst`: the subject of the gravest finding (the fewest points, then furthest beyond its limit); another one may have the lowest mean.
    """

    area: Area
    score: int | None
    worst: str
    lines: tuple[ScoreLine, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100; the worst area decides. None where the run is too incomplete for one. Never without its breakdown."""

    overall: int | None
    areas: tuple[AreaScore, ...]


@dataclass(frozen=True, slots=True)
class Untested:
    """Something that no measurement of this run answers, and who can."""

    what: str
    who: str
