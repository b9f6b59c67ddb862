"""How long something lasted, or will last, as people say it: ``14 min 50 s``, ``1 h 40 min``."""

from __future__ import annotations

from analyzer.words import seconds

_LONG_S, _DAYS_S = 120.0, 3 * 86400.0
_STEPS_S = ((3600, "h"), (60, "min"), (1, "s"))


def lasted(length_s: float) -> str:
    """Two units at most; what is shorter than two minutes keeps its digits."""
    if length_s < _LONG_S:
        return seconds(length_s)
    if length_s >= _DAYS_S:
        return f"{length_s / 86400.0:.0f} days"
    return _in_two(round(length_s)) if length_s < 3600.0 else _in_two(round(length_s / 60.0) * 60)


def about(length_s: float) -> str:
    """The same of a guess: to ten minutes from an hour on, to a minute below."""
    if length_s < _LONG_S or length_s >= _DAYS_S:
        return lasted(length_s)
    grain = 600 if length_s >= 3600.0 else 60
    return _in_two(max(1, round(length_s / grain)) * grain)


def _in_two(whole: int) -> str:
    parts = []
    for size, unit in _STEPS_S:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
