"""The report model: blocks that sections build and renderers draw.

A section turns an assessment into blocks and knows no PDF; a renderer draws blocks and knows no
assessment. A renderer matches on `Block` and ends in ``assert_never``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from analyzer.contract import Assessment, Status


class Tone(StrEnum):
    """How a block is to be read; drawn as colour *and* as shape or word."""

    GOOD = "good"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 starts a section and becomes a bookmark, level 2 a bookmark below it."""

    text: str
    level: int = 1
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. `small` for notes and sources; one that `leads` introduces the next block and stays with it."""

    text: str
    small: bool = False
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Callout:
    """A box that must not be missed."""

    title: str
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text. `widths` are relative; `statuses` gives a row its mark (None: no mark)."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    caption: str = ""
    statuses: tuple[Status | None, ...] = ()
    numeric: tuple[int, ...] = ()
    """Columns that hold figures and are aligned to the right."""
    targets: tuple[tuple[str, ...], ...] = ()
    """For each row the names under which links find it; of equal names the first of the report counts."""
    links: tuple[str, ...] = ()
    """For each row the name of what it leads to ("": nothing). A name that no row and no chart has leads nowhere."""
    heat: tuple[tuple[float, ...], ...] = ()
    """For each row and cell a shade behind the text, from 0 (none) to 1; empty: no cell has one."""


@dataclass(frozen=True, slots=True)
class Band:
    """A line with its spread over x; None: no data at that x."""

    label: str
    x: tuple[float, ...]
    mid: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at x, drawn as a tick on the axis. `machine`: to a node and not to the network, which has another sign."""

    x: float
    length: float
    label: str
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """A moment that is drawn as a line through the plot, with a short label above it; a list elsewhere explains it."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Stack:
    """Shares of a whole, drawn on each other from below: the `mid` of each band, all at the same x. The axis reaches from 0 to `whole`."""

    layers: tuple[Band, ...]
    whole: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a shared axis. Values are in the axis' own units. Two `half` charts in a row stand side by side, and are lower."""

    title: str
    x_label: str
    y_label: str
    bands: tuple[Band, ...]
    marks: tuple[Mark, ...] = ()
    shades: tuple[Mark, ...] = ()
    """Stretches drawn grey behind the lines, all with one label."""
    log_x: bool = False
    log_y: bool = False
    caption: str = ""
    half: bool = False
    pins: tuple[Pin, ...] = ()
    targets: tuple[str, ...] = ()
    """Names under which links find it."""
    stack: Stack | None = None
    """Lies behind the lines, which are in its units."""
    span: tuple[float, float] | None = None
    """What the x axis holds at least: charts that are to be compared have the same."""
    end: float | None = None
    """Where what was measured ends: the last bin may reach beyond, the x axis does not."""


@dataclass(frozen=True, slots=True)
class MapNode:
    """A node of the drawing: its name, short lines about it, and the worst result that is about it (None: none)."""

    name: str
    lines: tuple[str, ...]
    status: Status | None


@dataclass(frozen=True, slots=True)
class MapSite:
    """A site of the drawing with its nodes, side by side."""

    name: str
    nodes: tuple[MapNode, ...]


@dataclass(frozen=True, slots=True)
class MapLink:
    """A line between two nodes of the drawing: text above and below it, and its worst result (None: not judged).

    `plugs`: a short text below each end, such as interface and switch port; empty where nothing is known.
    """

    ends: tuple[str, str]
    above: str
    below: str
    status: Status | None
    plugs: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class MapNetwork:
    """A network of the drawing with its lines."""

    name: str
    note: str
    links: tuple[MapLink, ...]


@dataclass(frozen=True, slots=True)
class MapTap:
    """How a machine at the edge answered one node. Status fail: it did not; None: it was not asked."""

    node: str
    text: str
    status: Status | None


@dataclass(frozen=True, slots=True)
class MapObserver:
    """A machine at the edge of the drawing, with a tap for each node that should ask it."""

    name: str
    note: str
    taps: tuple[MapTap, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """Who stands where and what joins them: a drawing for a handful of nodes; use a table for more."""

    sites: tuple[MapSite, ...]
    networks: tuple[MapNetwork, ...]
    observers: tuple[MapObserver, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text to paste, in a fixed-width face, never re-wrapped."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """Things for a person to do and tick off: (what, who)."""

    items: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Callout | Table | Chart | Topology | Text | Checklist


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. A module in `reports/sections/` exports it as ``SECTION``.

    `order` places it (verdict 10, settings 20, topology of the SIP Servers 23, topology 25, LAN plan 27, network 30, capacity 35, timeline 38, nodes 40, acceptance sheet 80, method 90).
    One that yields nothing is left out: only what the plan does not ask for may be absent.
    """

    name: str
    title: str
    order: int
    build: Callable[[Assessment], Iterator[Block]]
