"""What the report of a day of a trio takes: 24 h, five probes a second, two channels. Beside it the same report with its charts as pictures.

    python tests/bench/report.py [ASSESSMENT]     about six minutes, most of them for the archives and their assessment

The day is synthetic (tests/synthetic.py): delays with tails, losses, outages, bandwidth tests every half hour, machines that tell every host
table. `haready report` runs as a program of its own; CPU and memory are what the kernel accounted for it. Limits: 8 s of CPU, 400 MiB,
3 MiB of PDF, 480 bins a chart. The other variant draws the same figures with matplotlib's Agg at 200 dots an inch and embeds them as PNG.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400.0
CPU_S, MEMORY_MIB, PDF_MIB, BINS = 8.0, 400.0, 3.0, 480
DOTS = 200
"""An inch: what a picture needs to look like print."""


def day(folder: Path) -> Path:
    """The assessment of a synthetic day, as a file; bandwidth tests between sites are asked for, so their rate is stated."""
    import numpy as np
    from synthetic import Link, Machine, Site, Test, plan_data, write

    from analyzer.assess import assess

    def delays(seed: int, floor_s: float) -> Any:
        return lambda slot: floor_s * (1.0 + np.random.default_rng(seed).pareto(3.0, 500_000)[slot % 500_000] * 0.2)

    planned: dict[str, Any] = {
        "sites": {"c": "dr"},
        "bandwidth": {"budget_B": 10**12},
        "network": {name: {"rate_bps": 10**8} for name in ("ch1", "ch2")},
    }
    site = Site(DAY_S, plan=plan_data(("a", "b", "c"), ("ch1", "ch2"), **planned))
    busy = np.random.default_rng(1)
    for node in "abc":
        site.machines[node] = Machine(
            host=True,
            disk=True,
            writes_Bps=lambda true_s: np.full(len(true_s), 2e6),
            stalls=[(float(at_s), 0.1) for at_s in busy.uniform(60, DAY_S - 60, 40)],
        )
    for seed, (one, other, network) in enumerate(
        (one, other, network) for network in ("ch1", "ch2") for one in "abc" for other in "abc" if one != other
    ):
        far = "c" in (one, other)
        slots = np.random.default_rng(100 + seed)
        site.links[f"{one}>{other}/{network}"] = Link(
            forward_s=delays(2 * seed, 0.015 if far else 0.0002),
            back_s=delays(2 * seed + 1, 0.015 if far else 0.0002),
            lost_forward=[*slots.integers(0, 430_000, 200 if far else 5), *range(100_000 + seed, 100_020 + seed)],
            tests=[Test(600.0 + 120.0 * seed + 1800.0 * turn, 9e7) for turn in range(47)],
        )
    archives = write(site, folder)
    path = folder / "assessment.json"
    path.write_text(assess(sorted(archives.values()), datetime(2026, 11, 21, tzinfo=UTC)).to_json(), encoding="utf-8")
    return path


def as_pictures() -> None:
    """Draw the plots as pictures from now on."""
    from matplotlib.backend_bases import RendererBase
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from reportlab.lib.utils import ImageReader

    from reports.render import charts

    class Picture(RendererBase):
        def __init__(self, canvas: Any, width: float, height: float) -> None:
            super().__init__()
            self.canvas, self.width, self.height = canvas, width, height

    class Drawn(charts.Figure):
        def draw(self, renderer: Any) -> None:
            if not isinstance(renderer, Picture):
                super().draw(renderer)
                return
            FigureCanvasAgg(self)
            target = io.BytesIO()
            self.savefig(target, format="png", dpi=DOTS, transparent=True)
            renderer.canvas.drawImage(ImageReader(target), 0, 0, renderer.width, renderer.height, mask="auto")

    charts.Figure = Drawn
    charts.PageRenderer = Picture


def measured(arguments: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and MiB of a program, as the kernel accounted for it.

    A small process in between starts it: until it runs its own program, a child counts the memory of the process that started it, and this one has just
    made a day.
    """
    between = [sys.executable, __file__, "--account", *arguments]
    told = subprocess.run(between, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}).stdout
    cpu_s, mib = map(float, told.split())
    return cpu_s, mib


def account(arguments: Sequence[str]) -> None:
    """Run Python with these arguments, and print its CPU seconds and MiB."""
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main(given: list[str]) -> int:
    """Print a line for each variant; 1 if the report takes more than it may."""
    if given[:1] == ["--account"]:
        account(given[1:])
        return 0
    if given[:1] == ["--pictures"]:
        from reports.commands import report

        as_pictures()
        return report(given[1:])
    from analyzer.contract import Assessment
    from reports.build import build
    from reports.contract import Chart

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began_s = time.perf_counter()
        path = Path(given[0]) if given else day(folder)
        if not given:
            print(f"archives and assessment of a synthetic day made in {time.perf_counter() - began_s:.0f} s")
        assessment = Assessment.from_json(path.read_text(encoding="utf-8"))
        found = [block for _, blocks in build(assessment) for block in blocks if isinstance(block, Chart)]
        bins = max((len(band.x) for chart in found for band in chart.bands), default=0)
        print(f"{len(found)} charts of at most {bins} bins; assessment {path.stat().st_size / 2**20:.1f} MiB")
        sizes = {}
        variants = {"vectors": ["-m", "haready", "report"], f"PNG, {DOTS} dpi": [__file__, "--pictures"]}
        for variant, program in variants.items():
            pdf = folder / f"{len(sizes)}.pdf"
            runs = [measured([*program, str(path), "-o", str(pdf), "--force"]) for _ in range(3)]
            sizes[variant] = (min(cpu_s for cpu_s, _ in runs), max(mib for _, mib in runs), pdf.stat().st_size / 2**20)
            print(
                f"{variant:<14} {sizes[variant][0]:6.2f} s CPU  {sizes[variant][1]:6.0f} MiB  PDF {sizes[variant][2]:5.2f} MiB"
            )
        vectors, pictures = sizes.values()
        print(
            f"pictures/vectors: CPU {pictures[0] / vectors[0]:.2f}, memory {pictures[1] / vectors[1]:.2f}, PDF {pictures[2] / vectors[2]:.2f}"
        )
        within = vectors[0] <= CPU_S and vectors[1] <= MEMORY_MIB and vectors[2] <= PDF_MIB and bins <= BINS
        print(
            f"limits: {CPU_S:g} s, {MEMORY_MIB:g} MiB, {PDF_MIB:g} MiB, {BINS} bins: {'kept' if within else 'EXCEEDED'}"
        )
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
