"""Write reports/texts/haready.pot anew from the sources; `make texts` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from reports.texts.template import template  # noqa: E402 - runs from a checkout without being installed

if __name__ == "__main__":
    (ROOT / "reports" / "texts" / "haready.pot").write_text(template(), encoding="utf-8")
