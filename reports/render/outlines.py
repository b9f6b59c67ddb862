"""Shapes that matplotlib makes, onto a page of the document as vectors; and where the faces are that it ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.path import Path as Outline
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

if TYPE_CHECKING:
    from matplotlib.transforms import Transform


def font_folder() -> Path:
    """Where the DejaVu faces are that matplotlib ships."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf"


class PageRenderer(RendererBase):
    """Draws shapes of a figure of 72 dots per inch onto a canvas whose origin is the figure's lower left corner."""

    def __init__(self, canvas: Canvas, width: float, height: float) -> None:
        super().__init__()
        self._canvas, self._width, self._height = canvas, width, height

    def flipy(self) -> bool:
        """The page's origin is below."""
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Size in points."""
        return self._width, self._height

    def points_to_pixels(self, points: Any) -> Any:
        """One dot is one point."""
        return points

    def new_gc(self) -> GraphicsContextBase:
        """A graphics context with matplotlib's defaults."""
        return GraphicsContextBase()

    def draw_path(self, gc: GraphicsContextBase, path: Outline, transform: Transform, rgbFace: Any = None) -> None:  # noqa: N803 - matplotlib's name
        """Stroke and fill an outline."""
        canvas = self._canvas
        red, green, blue, *rest = gc.get_rgb()
        alpha = gc.get_alpha() if gc.get_forced_alpha() else (rest[0] if rest else 1.0)
        stroke = gc.get_linewidth() > 0 and alpha > 0
        canvas.saveState()
        clip = gc.get_clip_rectangle()
        if clip is not None:
            window = canvas.beginPath()
            window.rect(clip.x0, clip.y0, clip.width, clip.height)
            canvas.clipPath(window, stroke=0, fill=0)
        if stroke:
            canvas.setStrokeColorRGB(red, green, blue, alpha)
            canvas.setLineWidth(gc.get_linewidth())
            canvas.setLineCap({"butt": 0, "round": 1, "projecting": 2}[str(gc.get_capstyle())])
            canvas.setLineJoin({"miter": 0, "round": 1, "bevel": 2}[str(gc.get_joinstyle())])
            dashes: Any = gc.get_dashes()[1]
            if dashes is not None:
                canvas.setDash(list(dashes))
        if rgbFace is not None:
            red, green, blue, *rest = rgbFace
            canvas.setFillColorRGB(red, green, blue, rest[0] if rest and not gc.get_forced_alpha() else alpha)
        canvas.drawPath(_page_path(path, transform), stroke=int(stroke), fill=int(rgbFace is not None))
        canvas.restoreState()


def _page_path(path: Outline, transform: Transform) -> PDFPathObject:
    """An outline as page operators. Hundredths of a point are plenty and keep the document small."""
    cleaned = path.cleaned(transform, remove_nans=True)
    places, kinds = np.asarray(cleaned.vertices).tolist(), np.asarray(cleaned.codes).tolist()
    code: list[str] = []
    waiting: list[tuple[float, float]] = []
    at = (0.0, 0.0)
    for (x, y), kind in zip(places, kinds, strict=True):
        if kind == Outline.MOVETO:
            code.append(f"{x:.2f} {y:.2f} m")
        elif kind == Outline.LINETO:
            code.append(f"{x:.2f} {y:.2f} l")
        elif kind in {Outline.CURVE3, Outline.CURVE4}:
            waiting.append((x, y))
            if len(waiting) < kind - 1:
                continue
            controls = waiting if kind == Outline.CURVE4 else _cubic(at, *waiting)
            code.append(" ".join(f"{cx:.2f} {cy:.2f}" for cx, cy in controls) + " c")
            waiting = []
        elif kind == Outline.CLOSEPOLY:
            code.append("h")
            continue
        at = (x, y)
    return PDFPathObject(code)


def _cubic(
    start: tuple[float, float], control: tuple[float, float], end: tuple[float, float]
) -> list[tuple[float, float]]:
    """A quadratic curve as the cubic one that pages know."""
    first = (start[0] + 2 / 3 * (control[0] - start[0]), start[1] + 2 / 3 * (control[1] - start[1]))
    second = (end[0] + 2 / 3 * (control[0] - end[0]), end[1] + 2 / 3 * (control[1] - end[1]))
    return [first, second, end]
