"""Figures in the analyzer's own sentences."""

from __future__ import annotations

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def seconds(value_s: float) -> str:
    """Three significant digits in the unit that fits: ``1.84 ms``, ``6 s``, ``0 s``."""
    for size, unit in _UNITS:
        if value_s >= size:
            return f"{float(f'{value_s / size:.3g}'):g} {unit}"
    return "0 s" if value_s <= 0 else f"{float(f'{value_s / 1e-6:.3g}'):g} µs"
