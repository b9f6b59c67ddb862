"""What to enter, what it rests on, and how the product may be built."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzer.contract.findings import Subject, Untested


class Basis(StrEnum):
    """What a recommended value rests on.

    Floor: under 15 minutes were measured, or a part of the record cannot be read, and the vendor's floor decided. Provisional: the
    same, but something larger did.
    """

    MEASURED = "measured"
    FLOOR = "vendor floor"
    PROVISIONAL = "provisional, too little or damaged data"
    OVERRIDE = "plan override"


class Claim(StrEnum):
    """What a setting's risk rests on: the measured bound alone, a model of the tails, or only that nothing seen speaks against it."""

    CERTIFIED = "certified"
    MODEL_BACKED = "model-backed"
    UNREFUTED = "unrefuted"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value to enter, why it is that value, and where the option is documented.

    `unit` is empty for a plain number. `place`: where in the product the option is, if that is not the recommendation's own `where`.
    `only_if`: what has to be so for this value to be entered at all ("only if ..."); empty: always.
    """

    option: str
    value: int | float | str
    unit: str
    because: str
    source: str
    verified: bool = True
    place: str = ""
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text to paste on one node."""

    node: str
    title: str
    text: str


FLOOR, SCENARIO, AS_MEASURED = "floor", "scenario ", " at the measured round trips"
"""The name of one candidate, and how those of scenarios begin; nothing that was measured asks for these, but for scenarios whose silence TCP's timer, as
measured, makes longer: their names end so."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One candidate for a timeout; the largest one decides. `value_s` before rounding."""

    name: str
    value_s: float
    text: str
    binding: bool = False


@dataclass(frozen=True, slots=True)
class TradeOff:
    """One timeout, and what it would have cost on the measured trace.

    `timeout_s`: the silence that it outlasts; `detection_s`: longest time until a dead peer is noticed. `incidents`: hours of the run in which it
    would have suspected a healthy peer; `bound_per_year`: 95 % upper bound of such hours a year (None: nothing was observed).
    """

    timeout_s: float
    detection_s: float
    incidents: int
    bound_per_year: float | None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Risk:
    """What the trace says of the recommended setting. `text` says the bound in plain words, `caveat` stands with every bound.

    `claim` is a label beside the value and chose nothing. `exposure_s`: how long all that the setting needs was observed at once; `silence_s`: the longest
    silence in it, with that of TCP where the product rides on it, and `halves_s` the longest of the first and of the second half of the run.
    `doubts`: what lowers the class; `better`: what a better class would take. `model`: what a model of the tails says of the setting, or why there is
    none; "" where the measurement alone proves it. `elsewhere_s`: the longest silence outside of the hour that held the longest.
    """

    claim: Claim
    target_per_year: float
    incidents: int
    exposure_s: float
    bound_per_year: float | None
    silence_s: float
    silence_at_s: float
    halves_s: tuple[float, float]
    text: str
    caveat: str
    better: str
    doubts: tuple[str, ...] = ()
    model: str = ""
    elsewhere_s: float | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What one stack should be set to, for one subject. No settings: `notes` say why.

    `override`: what the plan relaxed here and why, printed on page 1; empty if nothing. `cautions`: what else page 1 has to say
    beside the values, because they are not enough without it: (what, what is missing and who knows). `detection_s`: until a dead peer is noticed;
    `takeover`: what comes after that until the service is back, in words. `risk` None: nothing was replayed. `change`: what would change the value.
    `nodes`: whom it is about.
    """

    stack: str
    title: str
    subject: Subject
    networks: tuple[str, ...]
    where: str
    basis: Basis
    settings: tuple[Setting, ...]
    constraints: tuple[Constraint, ...]
    detection_s: tuple[float, float] | None
    override: str
    notes: tuple[str, ...]
    snippets: tuple[Snippet, ...]
    cautions: tuple[tuple[str, str], ...] = ()
    takeover: str = ""
    risk: Risk | None = None
    tradeoff: tuple[TradeOff, ...] = ()
    change: str = ""
    nodes: tuple[str, ...] = ()


class Fit(StrEnum):
    """How a way of building a product fits what was found."""

    ADVISED = "advised"
    POSSIBLE = "possible"
    OPEN = "not known"
    RULED_OUT = "ruled out"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of building it, how it fits, and why."""

    name: str
    fit: Fit
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopologyAdvice:
    """How a product may be built on a pair: how its address moves, what stands by, and what nobody could find out.

    `scs_weaker`: whether the path of the machine that decides switchovers is weaker than the pair's own link (None: not known); `scs` says who decides them, then by what.
    """

    stack: str
    title: str
    subject: Subject
    address: tuple[Choice, ...]
    standby: tuple[Choice, ...]
    scs_weaker: bool | None
    scs: tuple[str, ...]
    questions: tuple[Untested, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stall that a timeout has to survive although this run may not have shown it.

    `default_on` is what holds without a word in the plan: on False and `default_on` True is a relaxation. `network`: it silences the
    network, so that TCP stays silent for longer than `stall_s`; else a node stands still.
    """

    name: str
    title: str
    stall_s: float
    network: bool
    on: bool
    default_on: bool
    why: str
    source: str
