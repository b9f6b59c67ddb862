"""A reason of page 1 with the limit beside the figure that crossed it."""

from __future__ import annotations

import re

from analyzer.contract import Area, Assessment, Evidence, Status
from reports import figures
from reports.findings import beyond
from reports.texts import say


def limited(assessment: Assessment, text: str) -> str:
    """The reason; a figure that stands in its sentence as in the evidence gets its limit, where that is more than nothing at all."""
    return "".join(parted(assessment, text))


def parted(assessment: Assessment, text: str) -> tuple[str, str]:
    """The same in two parts: the message of the worst finding, and where else the same was found (empty: nowhere, or no finding says it)."""
    found = next((item for item in assessment.findings if item.message and text.startswith(item.message)), None)
    if found is None:
        return text, ""
    message = found.message
    # How long a run has to be is part of the sentence, and rounder than its limit.
    for item in () if found.area is Area.DATA else found.evidence:
        # Beside a failure the limit that warns would pass for the one that failed.
        if item.limit is not None and item.value is not None and item.limit.judge(item.value) is found.status:
            message = _beside(message, item)
    return message, text[len(found.message) :]


def _beside(message: str, item: Evidence) -> str:
    limit = item.limit
    if limit is None or item.value is None or not beyond(item):
        return message
    level = limit.fail if limit.judge(item.value) is Status.FAIL else limit.warn
    figure = figures.quantity(item.value, item.unit)
    place = re.search(rf"(?<![\w.]){re.escape(figure)}(?![\w/])", message)
    if not level or place is None:
        return message
    told = say("{figure} (limit {limit})", figure=figure, limit=figures.quantity(level, limit.unit))
    return f"{message[: place.start()]}{told}{message[place.end() :]}"
