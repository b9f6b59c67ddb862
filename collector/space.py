"""The floor of free space: below it a collector stops by itself and seals, before a full disk ends it or stops the product beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collector.errors import OperatorError
from collector.live import free_B

FLOOR_B = 50_000_000
"""Free space that a run leaves to others (design value): logs and databases of a product stop hard on a full disk."""
NEXT_STEP = "make room there, then go on with the same run: the same command with --resume"
"""What to do after such an end."""


class Space:
    """Looks at the disk of a folder. What cannot be told stops nothing."""

    def __init__(self, folder: Path, free: Callable[[Path], int | None] = free_B) -> None:
        self._folder = folder
        self._free = free

    def refuse(self, copied: int = 0) -> None:
        """Before anything is written. `copied`: bytes; of a run that goes on, its archive is copied first.

        Raises:
            OperatorError: there is too little to begin with.
        """
        free = self._free(self._folder)
        if free is not None and free < FLOOR_B + copied:
            copy = f", and {_mb(copied)} for the copy with which a run goes on" if copied else ""
            raise OperatorError(
                f"only {_mb(free)} are free in {self._folder.resolve()}: {_mb(FLOOR_B)} are left to others{copy}",
                "make room there, or choose another folder with --out",
            )

    def low(self, journal: int) -> str:
        """Why sampling has to stop now; empty if it may go on. `journal`: its bytes.

        Sealing writes the open segment once more, which is smaller than its journal, and a manifest of much the same size at most: both
        have to fit without touching the floor.
        """
        free = self._free(self._folder)
        if free is None or free >= FLOOR_B + 2 * journal:
            return ""
        return f"only {_mb(free)} were free in {self._folder.resolve()}, and {_mb(FLOOR_B)} are left to others"


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
