"""Write analyzer/schemas/assessment-N.json anew from the contract; `make schema` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from analyzer.schema import FILE, text  # noqa: E402 - runs from a checkout without being installed

if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
