"""Write docs/rules.md anew from the rules and profiles; `make docs` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from analyzer.rulebook import rulebook  # noqa: E402 - runs from a checkout without being installed

if __name__ == "__main__":
    (ROOT / "docs" / "rules.md").write_text(rulebook(), encoding="utf-8")
