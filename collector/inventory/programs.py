"""Programs that are asked for facts, within the time that the inventory has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from collector.contract import Env
from collector.errors import OperatorError, Unavailable
from collector.external import Finished

CALL_S = 10.0
ALL_S = 40.0
"""The inventory's own deadline is 60 s; past it the process that samples the host is started again without it."""


class Programs:
    """Runs programs one after another. One that hung once is not asked again, and none after `ALL_S`."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._end_ns = env.clock.monotonic_ns() + round(ALL_S * 1e9)
        self._hung: set[str] = set()

    def done(self, *command: str) -> Finished | None:
        """How it ended; None if it is not installed or hung, or no time is left."""
        left_s = (self._end_ns - self._env.clock.monotonic_ns()) / 1e9
        if command[0] in self._hung or left_s <= 0:
            return None
        try:
            return self._env.host.run(command, min(CALL_S, left_s))
        except Unavailable:
            return None
        except OperatorError:
            self._hung.add(command[0])
            return None

    def text(self, *command: str) -> str:
        """What it printed; empty if it is not installed, failed or hung."""
        done = self.done(*command)
        return "" if done is None or done.code else done.out

    def objects(self, *command: str) -> list[Mapping[str, Any]] | None:
        """The objects of the JSON list that it printed; None if it printed none."""
        try:
            found = json.loads(self.text(*command))
        except (ValueError, RecursionError):
            return None
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else None
