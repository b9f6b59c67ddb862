"""Names that are longer than their column are broken where they have a joint."""

from __future__ import annotations

import pytest
from reportlab.pdfbase import pdfmetrics

from reports.contract import Table
from reports.render.glyphs import FACES, face_of
from reports.render.tables import table


@pytest.fixture(autouse=True)
def faces():
    for face in FACES:
        pdfmetrics.registerFont(face_of(face))


def drawn(text: str, width: float) -> list[str]:
    """The lines of the second cell of a table without a head."""
    grid = next(
        part for part in table(Table(("", ""), (("File", text),), (1, 3)), width, 600.0) if hasattr(part, "_cellvalues")
    )
    (cell,) = grid._cellvalues[0][1]
    cell.wrap(grid._colWidths[1] - 8, 600.0)
    return [
        " ".join(line[1]) if isinstance(line, tuple) else "".join(word.text for word in line.words)
        for line in cell.blPara.lines
    ]


@pytest.mark.parametrize(
    "name", ["haready-graz-sip-dr-20261005T070009Z.zip", "x haready_demo_sip_a_20261005T070009Z.zip"]
)
def test_a_file_name_is_broken_behind_a_joint_and_not_inside_a_word(name):
    lines = drawn(name, 170.0)

    assert len(lines) > 1
    assert "".join(lines).replace(" ", "") == name.replace(" ", ""), "no letter is lost or added"
    assert all(line.endswith(("-", "_", "x")) for line in lines[:-1])


def test_a_column_as_wide_as_its_name_does_not_break_it():
    block = Table(("Observer", "Why"), (("gateway-main", "long text " * 40),), (1, 9))
    grid = next(part for part in table(block, 400.0, 600.0) if hasattr(part, "_cellvalues"))

    assert grid._cellvalues[1][0][0].text.count("<br") == 0


def test_a_name_that_fits_or_has_no_joint_stays_as_it_was():
    assert drawn("haready-a-1.zip", 300.0) == ["haready-a-1.zip"]
    assert "".join(drawn("f" * 64, 170.0)) == "f" * 64
