"""Makes the broken specimens out of format-1.zip: `python tests/data/archives/make_broken.py`."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
SEGMENT = "segments/000001.jsonl.gz"


def _rewritten(change: dict[str, object]) -> bytes:
    """The specimen with another start and manifest."""
    target = io.BytesIO()
    with zipfile.ZipFile(HERE / "format-1.zip") as source, zipfile.ZipFile(target, "w") as copy:
        for member in source.infolist():
            data = source.read(member)
            if member.filename.endswith(".json"):
                data = json.dumps(json.loads(data) | change).encode()
            copy.writestr(zipfile.ZipInfo(member.filename), data)
    return target.getvalue()


def main() -> None:
    whole = (HERE / "format-1.zip").read_bytes()
    with zipfile.ZipFile(HERE / "format-1.zip") as archive:
        at = {member.filename: member.header_offset for member in archive.infolist()}
    inside = at[SEGMENT] + 500
    flipped = bytearray(whole)
    flipped[inside] ^= 0x10
    headless = bytearray(whole)
    for name in ("start.json", "manifest.json"):
        headless[at[name] + 60] ^= 0x01
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<document/>")
    specimens = {
        "cut": whole[:inside],
        "flipped": bytes(flipped),
        "headless": bytes(headless),
        "newer": _rewritten({"format": 2, "tool": "9.9.9"}),
        "not-an-archive": other.getvalue(),
        "empty": b"",
    }
    for name, data in specimens.items():
        (HERE / "broken" / f"{name}.zip").write_bytes(data)


if __name__ == "__main__":
    main()
