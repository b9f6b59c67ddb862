"""docs/reliability.md: one page, of which three programs write a part each (tests/faults.py, tests/soak.py, tests/bench/day.py)."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
PARTS = ("faults", "day", "soak")
_HEAD = """# Reliability

What a run survives, and what it loses. Each part is written by the command that it names; that command ends with 1 if a bound is missed.
"""


def machine() -> str:
    """What it ran on."""
    return f"Linux {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}; all nodes are one machine."


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]


def put(part: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace one part of the page; the others stay as they are."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    kept = {name: (found[1] if (found := _between(name).search(text)) else "") for name in PARTS}
    kept[part] = "\n".join(["", *lines, ""])
    body = "\n".join(f"<!-- {name} -->\n{kept[name]}\n<!-- end of {name} -->\n" for name in PARTS if kept[name])
    page.write_text(f"{_HEAD}\n{body}", encoding="utf-8")


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", re.DOTALL)
