"""Which samples every run of the tests draws; the drawing of all is for `make matrix`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

OFTEN = frozenset({"demonstration", "healthy-trio", "thin-wan", "slow-commit"})
"""Recorded, sound, with a backlog, and of another product: together they have every kind of block."""
SAMPLES = frozenset({
    "channels-together", "clock-adrift", "filling-disk", "healthy-pair", "healthy-trio-day", "lossy-wan", "lossy-wan-day",
    "slow-nic", "stalling-vm", "weak-secondary", "wrong-egress",
})  # fmt: skip
"""The others."""


def drawn(names: Iterable[str], often: Collection[str] = OFTEN) -> list[Any]:
    """The names as parameters of a test; those of the samples beside `often` are marked."""
    rare = (OFTEN | SAMPLES) - set(often)
    return [pytest.param(name, marks=pytest.mark.matrix) if name in rare else name for name in names]
