"""Make the synthetic samples anew: archives, assessment, report, and how they stand to what was expected.

    python tools/make_samples.py [NAME...]                 all of samples/, or these
    python tools/make_samples.py --from archives NAME...   without making the archives (also --from assessment)
    python tools/make_samples.py --list

Of a day only assessment and report are kept; its archives lie in a folder of their own while they are needed (--keep FOLDER).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402, T201 - the program runs from anywhere, and talks
from sampler.archive import write
from sampler.expected import Expected, answered
from sampler.scenarios import SCENARIOS
from sampler.world import Scenario

from analyzer.assess import assess
from analyzer.contract import Assessment
from collector.plan import load
from reports.commands import write_report

SAMPLES = ROOT / "samples"
STAGES = ("scenario", "archives", "assessment")


def make(scenario: Scenario, stage: str, keep: Path | None) -> bool:
    """One sample; whether it shows what was expected of it."""
    folder = SAMPLES / scenario.name
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="haready-sample-") as top:
        place = folder if scenario.short else (keep or Path(top)) / scenario.name
        if stage == "scenario":
            for old in place.glob("*.zip"):
                old.unlink()
            write(scenario, load(folder / "plan.toml"), place)
        if stage != "assessment":
            # Made by no clock: the same archives have to give the same file.
            created = datetime.fromisoformat(scenario.started).replace(tzinfo=UTC)
            created += timedelta(seconds=round(scenario.seconds) + 3600)
            assessment = assess(sorted(place.glob("*.zip")), created)
            (folder / "assessment.json").write_text(_packed(assessment), encoding="utf-8")
    assessment = Assessment.from_json((folder / "assessment.json").read_text(encoding="utf-8"))
    write_report(assessment, folder / "report.pdf")
    missed = list(answered(Expected.of(folder), assessment))
    print(
        f"{scenario.name}: {assessment.verdict}, {'as expected' if not missed else 'NOT as expected'}, {time.monotonic() - began_s:.0f} s"
    )
    for text in [*(f"  - {reason}" for reason in assessment.reasons), *(f"  ! {text}" for text in missed)]:
        print(text)
    sys.stdout.flush()
    return not missed


def _packed(assessment: Assessment) -> str:
    """The same JSON with a line for each of its parts instead of one for each number, which is half as long."""
    parts = (
        f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}"
        for key, value in json.loads(assessment.to_json()).items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Make those that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--from", dest="stage", choices=STAGES, default="scenario", help="what is there already")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the archives of days there, or take them from there"
    )
    parser.add_argument("--list", action="store_true", help="names and seeds")
    options = parser.parse_args()
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name}: seed {scenario.seed}, {scenario.seconds:.0f} s")
        return 0
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such sample: {', '.join(unknown)}; --list names them")
    made = [make(SCENARIOS[name], options.stage, options.keep) for name in options.names or SCENARIOS]
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
