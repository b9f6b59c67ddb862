"""The page to act on, and that of a node, stay one page: long ones are set smaller, down to what is easy to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reportlab.platypus import Flowable

SIZES = (1.0, 0.96, 0.92, 0.88, 0.84, 0.81, 0.78)
"""Scales that are tried; at the last one the text of a table has 6 points."""

HOPELESS = 1.2
"""Text shrinks with the square of the scale, more or less: what is this much too long is not tried smaller."""

Made = Callable[[float], Sequence[Flowable]]


class Scaled(Flowable):
    """Flowables below each other, drawn at `scale`; they are laid out on the wider page that this leaves them."""

    def __init__(self, parts: Sequence[Flowable], scale: float) -> None:
        super().__init__()
        self._parts, self._scale = parts, scale

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803 - reportlab's names
        """The width offered and the height that the parts take."""
        self.width = aW
        self.height = stacked(self._parts, aW / self._scale, aH / self._scale) * self._scale
        return self.width, self.height

    def draw(self) -> None:
        """Draw the parts from the top down."""
        canvas = self.canv
        canvas.saveState()
        canvas.scale(self._scale, self._scale)
        y, gap = self.height / self._scale, 0.0
        for part in self._parts:
            high = part.wrap(self.width / self._scale, y)[1]
            y -= max(gap, part.getSpaceBefore()) + high
            part.drawOn(canvas, 0, y)
            gap = part.getSpaceAfter()
        canvas.restoreState()


def stacked(parts: Sequence[Flowable], width: float, height: float) -> float:
    """Height of flowables below each other: the larger of two neighbours' spaces counts, as on a page."""
    total, gap = 0.0, 0.0
    for part in parts:
        total += max(gap, part.getSpaceBefore()) + part.wrap(width, height)[1]
        gap = part.getSpaceAfter()
    return total


def fitted(make: Made, width: float, height: float) -> list[Flowable] | None:
    """What `make` gives for a page wide enough at the largest scale at which it fits; None: it fits at none."""
    for scale in SIZES:
        parts = make(scale)
        tall = stacked(parts, width / scale, height / scale) * scale
        if tall <= height:
            return [Scaled(parts, scale)]
        if tall * SIZES[-1] ** 2 > height * scale**2 * HOPELESS:
            return None
    return None
