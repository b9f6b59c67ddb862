"""What `haready collect` does before a long run: look whether it can succeed, and refuse it if not.

The checks run in a process of their own, which ends before the run begins: what they load would stay in the main process's memory for a
day, and one that hangs (on a dead file server, say) would hold the run up.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence

from collector.errors import OperatorError
from collector.preflight.result import Check, Level
from collector.processes import Child, fork

LONG_S = 3600.0
"""A run that is longer does not begin if it cannot succeed (design value)."""
APART_S = 60.0
"""Checks that take longer are given up (design value)."""
_AGAIN_S = 10.0


class CannotSucceedError(OperatorError):
    """A long run that would be for nothing was not begun."""


def apart(look: Callable[[], Sequence[Check]], patience_s: float = APART_S) -> list[Check]:
    """Check in another process, for so long at most. What could not be checked is a warning, never a pass."""
    child = fork("check", lambda _orders, out: out.put(_told(look())))
    try:
        return _hear(child, patience_s)
    finally:
        child.kill()


def _told(checks: Sequence[Check]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple((check.name, check.level.value, check.found, check.next_step) for check in checks)


def _hear(child: Child, patience_s: float) -> list[Check]:
    end_s = time.monotonic() + patience_s
    while not child.inlet.ended and (left_s := end_s - time.monotonic()) > 0:
        select.select([child.inlet.fd], [], [], left_s)
        for told in child.inlet.messages():
            return [Check(name, Level(level), found, step) for name, level, found, step in told]
    why = "they ended with an error" if child.inlet.ended else f"they did not end within {patience_s:.0f} s"
    return [Check("check", Level.WARN, f"the checks before the run told nothing: {why}", "run `haready check`")]


def refuse_hopeless(look: Callable[[], Sequence[Check]], patience_s: float, tell: Callable[[str], None]) -> None:
    """Look before a long run, and again for so long while it could not succeed: at boot an address may come late.

    Raises:
        CannotSucceedError: it still cannot.
    """
    end_s = time.monotonic() + patience_s
    while True:
        checks = look()
        failed = [check for check in checks if check.level is Level.FAIL]
        if not failed or time.monotonic() >= end_s:
            break
        tell(f"waiting, because a run cannot succeed yet: {failed[0].found}")
        time.sleep(min(_AGAIN_S, max(0.0, end_s - time.monotonic())))
    if failed:
        hint = f"{failed[0].next_step}; `haready check` shows all, --anyway begins nevertheless"
        raise CannotSucceedError("\n".join(check.found for check in failed), hint)
    names = list(dict.fromkeys(check.name for check in checks if check.level is Level.WARN))
    if names:
        tell(f"warnings of the check before the run: {', '.join(names)}; `haready check` explains them")
