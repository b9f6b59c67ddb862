"""The assessment as the report words it: paths in one notation, and without what is no news.

Messages come from the rules, which write a path as the JSON does (``a>b/net``). A reader sees it here as everywhere else in the report.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from typing import Any

from analyzer.contract import Assessment, Finding, Scope, Snippet, Status, Subject
from reports import figures

WORDED = (
    "summary",
    "reasons",
    "fixes",
    "overrides",
    "findings",
    "nodes",
    "recommendations",
    "scenarios",
    "throughputs",
    "echoes",
    "observers",
    "path_mtus",
    "ports",
    "replications",
    "headrooms",
    "topologies",
    "untested",
    "changes",
    "waivers",
)
"""Parts that hold sentences. What people noted stays as they wrote it, and series of figures have none."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*+"
_PATH = re.compile(rf"(?<![\w>/.-]){_NAME}>{_NAME}/{_NAME}(?![\w>/])")
_LOOPBACK = re.compile(r"/lo\d*\Z")


def worded(assessment: Assessment) -> Assessment:
    """The same assessment with sentences for people. Names by which its parts refer to each other stay as they are."""
    names = frozenset(_names(assessment))
    told: dict[str, Any] = {name: _told(getattr(assessment, name), names) for name in WORDED}
    return _newsworthy(replace(assessment, **told))


def _names(assessment: Assessment) -> set[str]:
    parts = (
        assessment.timings,
        assessment.throughputs,
        assessment.echoes,
        assessment.path_mtus,
        assessment.replications,
    )
    return {item.path for part in parts for item in part} | {
        found.subject.name for found in assessment.findings if found.subject.scope is Scope.PATH
    }


def _told(value: Any, names: Collection[str]) -> Any:
    # Exactly a name is a key, by which a part of the assessment finds another; and what is pasted is pasted as it is.
    if type(value) is str:
        return value if ">" not in value or value in names else _PATH.sub(lambda found: _shown(found[0], names), value)
    if isinstance(value, tuple):
        return tuple(_told(item, names) for item in value)
    if is_dataclass(value) and not isinstance(value, (type, Subject, Snippet)):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: told for name, part in old.items() if (told := _told(part, names)) != part}
        return replace(value, **new) if new else value
    return value


def _shown(text: str, names: Collection[str]) -> str:
    """A known name with its arrow; the full stop of a sentence is none of it."""
    name = text if text in names else text.rstrip(".")
    return f"{figures.subject(name)}{text[len(name) :]}" if name in names else text


def _newsworthy(assessment: Assessment) -> Assessment:
    """That a loopback has neither link nor wire is no news: neither told nor counted, where its rule has anything else to say."""
    said = {found.rule for found in assessment.findings if not _no_news(found)}
    left_out = {id(found) for found in assessment.findings if found.rule in said and _no_news(found)}
    if not left_out:
        return assessment
    gone = {(found.rule, found.subject.name) for found in assessment.findings if id(found) in left_out}
    gone -= {(found.rule, found.subject.name) for found in assessment.findings if id(found) not in left_out}
    areas = tuple(
        replace(area, lines=tuple(line for line in area.lines if (line.rule, line.subject) not in gone))
        for area in assessment.score.areas
    )
    return replace(
        assessment,
        findings=tuple(found for found in assessment.findings if id(found) not in left_out),
        score=replace(assessment.score, areas=areas),
    )


def _no_news(found: Finding) -> bool:
    return (
        found.status is Status.INFO
        and found.waiver is None
        and found.subject.scope is Scope.DEVICE
        and _LOOPBACK.search(found.subject.name) is not None
    )
