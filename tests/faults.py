"""The fault matrix: what ends or disturbs a run, and what is left of it. Written to docs/reliability.md.

    python tests/faults.py [--only TEXT]     as root (disks of their own need mount namespaces), about five minutes

Ends with 1 if a bound is missed: more than 10 s of samples lost, another exit code, damage, a traceback, or a `verify` or `analyze` that does not work on what
remains. Nothing is sent outside of loopback.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import reliability_page
from fault_runs import ALLOWED_S, Make, Row, kills, rows

KILLS = 50
AT_ONCE = 5
PACKETS = 100_000


def _made(make: Make, folder: Path) -> list[Row]:
    try:
        found = make(folder)
    except Exception:  # noqa: BLE001 - a row that breaks is a bound that was missed, and the others go on
        return [Row(getattr(make, "__name__", "?"), wrong=[traceback.format_exc().splitlines()[-1]])]
    done = found if isinstance(found, list) else [found]
    for row in done:
        print(f"{row.what}: {row.code}, {'kept' if not row.wrong else row.wrong}", file=sys.stderr, flush=True)
    return done


def packets() -> Row:
    """See tests/test_mutated_packets.py: what is not authentic is not answered, and memory does not grow."""
    row = Row(f"{PACKETS} mutated packets at each of reflector and sender", left="-")
    env = os.environ | {"HAREADY_PACKETS": str(PACKETS)}
    path = Path(__file__).with_name("test_mutated_packets.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    row.code, row.message = done.returncode, done.stdout.strip().splitlines()[-1].partition(" in ")[0]
    row.check("it failed", kept=done.returncode == 0)
    return row


def _cells(row: Row) -> tuple[object, ...]:
    lost = "-" if row.lost_s is None else f"{row.lost_s:.1f}"
    return (
        row.what,
        lost,
        row.code,
        re.sub(r"/\S*haready-faults-\S*?/spool", "DIR", row.message)[:160],
        row.left,
        "yes" if not row.wrong else "**no**",
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="only rows with this in their functions' names; nothing is written then",
    )
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="haready-faults-") as top, ThreadPoolExecutor(AT_ONCE) as pool:
        flood = None if given.only else pool.submit(packets)
        wanted = [make for make in rows() if given.only in make.__qualname__]
        side = [pool.submit(_made, make, Path(top) / f"{number}") for number, make in enumerate(wanted)]
        found = [row for future in side for row in future.result()]
        if given.only in "kills":
            # By themselves: so many collectors at once are a load of their own.
            found = _made(kills(KILLS), Path(top) / "kills") + found
        if flood is not None:
            found.append(flood.result())
    wrong = [f"{row.what}: {text}" for row in found for text in row.wrong]
    lines = [
        "## Fault matrix\n",
        (
            f"`make faults`: {reliability_page.machine()} Real collectors on loopback, segments of 4 s where they are to be cut or closed. *Lost* is the longest "
            "stretch without a row, less the time in which nothing ran; its bound is "
            f"{ALLOWED_S:g} s. Of what is left `verify` has to find no damage (a sealed archive is whole, exit code 0; a part is not, 5), and "
            "`analyze` has to go through. Exit codes below zero are signals.\n"
        ),
        *reliability_page.table(
            ("what", "lost, s", "exit code", "what it says (first line)", "left", "kept"),
            [_cells(row) for row in found],
        ),
        "",
        "Every bound was kept." if not wrong else f"{len(wrong)} bounds were missed: {'; '.join(wrong)}.",
    ]
    print("\n".join(lines))
    if not given.only:
        reliability_page.put("faults", lines)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    for text in wrong:
        print(f"missed: {text}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
