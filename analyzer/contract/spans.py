"""Stretches of the run's time axis, as (from, to): what both sides of the contract mean by networks that were out at once."""

from __future__ import annotations

from collections.abc import Iterable

Spans = list[tuple[float, float]]


def union(spans: Iterable[tuple[float, float]]) -> Spans:
    """Stretches in order, those that touch made one."""
    merged: Spans = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def intersection(one: Spans, other: Spans) -> Spans:
    """Overlaps of two lists of stretches, each sorted and without overlap of its own."""
    found: Spans = []
    left = right = 0
    while left < len(one) and right < len(other):
        start, stop = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if stop > start:
            found.append((start, stop))
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return found
