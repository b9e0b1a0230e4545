"""The lesson sheet: steps to look at, to trace and to try, as vector lines on paper.

Every step is a row of two boxes. The left one shows the new part in black over what is there in
grey; the right one has the new part as dotted lines to trace. At the end there is an empty box.
Lengths are points (1/72 inch), y upwards, as in PDF.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from videosketcher_app.data.lesson import LessonStep
from videosketcher_app.data.lesson_fonts import FONT, font_of, wrapped
from videosketcher_app.data.strokes import Stroke
from videosketcher_app.data.svg import bezier_curves

Paper = Literal["a4", "letter"]
PAPERS: dict[Paper, tuple[float, float]] = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
MARGIN = 40.0
GAP = 14.0
TITLE_SIZE, TEXT_SIZE = 18.0, 10.0
LEADING = 1.35  # from line to line, in sizes
MAX_TEXT_LINES = 3
EARLIER, NEW, DOTS, FRAME = 0.72, 0.0, 0.35, 0.6  # greys: 0 is black
DOT_WIDTH, DOT_SPACING = 1.6, 4.5
MIN_LINE, MAX_LINE = 0.5, 4.0


@dataclass(frozen=True, kw_only=True)
class LessonWords:
    """What is printed beside the plan's own words; other languages pass their own.

    Attributes:
        title: with {concept}; printed as it is if no font has the concept's letters.
        untitled: the title of a sheet that does not say what it shows.
        look, trace, your_turn: above the boxes.
    """

    title: str = "How to draw {concept}"
    untitled: str = "A drawing lesson"
    look: str = "Look"
    trace: str = "Trace the dots"
    your_turn: str = "Your turn"


@dataclass(frozen=True, kw_only=True)
class _Box:
    """A frame on the page: its upper left corner, its size, and points per canvas pixel."""

    left: float
    top: float
    width: float
    height: float
    scale: float


def lesson_pdf(
    steps: Sequence[LessonStep],
    *,
    concept: str = "",
    plain_concept: str = "",
    canvas_px: tuple[int, int],
    paper: Paper = "a4",
    words: LessonWords | None = None,
    keyword: str = "",
) -> bytes:
    """The sheet as a PDF; the same lesson gives the same bytes.

    Args:
        concept: what is drawn, for the title; empty leaves it out.
        plain_concept: the same in the model's words, if no font has the letters of `concept`.
        canvas_px: width and height that the strokes refer to.
        keyword: text for the document's keywords.
    """
    from reportlab.pdfgen.canvas import Canvas

    words = words or LessonWords()
    page, buffer = PAPERS[paper], io.BytesIO()
    canvas = Canvas(buffer, pagesize=page, invariant=1, pageCompression=1)
    printable = next((c for c in (concept, plain_concept) if c and font_of(c)), "")
    title = words.title.format(concept=printable) if printable else words.untitled
    canvas.setTitle(title)
    canvas.setKeywords(keyword)
    sheet = _Sheet(canvas, page, canvas_px, words)
    sheet.title(title)
    for step in steps:
        sheet.step(step)
    sheet.your_turn()
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


class _Sheet:
    """Fills pages from top to bottom."""

    def __init__(
        self, canvas: Any, page: tuple[float, float], canvas_px: tuple[int, int], words: LessonWords
    ) -> None:
        self._canvas, self._page, self._words = canvas, page, words
        room = (page[0] - 2 * MARGIN - GAP) / 2
        tallest = (page[1] - 2 * MARGIN) / 2  # two steps fit on a page, whatever the canvas
        self._scale = min(room / canvas_px[0], tallest * 0.8 / canvas_px[1])
        self._size = canvas_px[0] * self._scale, canvas_px[1] * self._scale
        self._top = page[1] - MARGIN
        canvas.setLineCap(1)
        canvas.setLineJoin(1)

    def title(self, text: str) -> None:
        """The title, over the whole width."""
        self._top -= self._text(
            text, MARGIN, self._top, TITLE_SIZE, self._page[0] - 2 * MARGIN, lines=2
        )
        self._top -= GAP / 2

    def step(self, step: LessonStep) -> None:
        """A row: the step's words above, the box to look at, the box to trace."""
        self._require(self._size[1] + TEXT_SIZE * LEADING * (MAX_TEXT_LINES + 1) + GAP)
        text = next((t for t in (step.text, step.plain_text) if t and font_of(t)), "")
        caption = f"{step.number}. {text}".strip()
        room = self._page[0] - 2 * MARGIN
        self._top -= self._text(caption, MARGIN, self._top, TEXT_SIZE, room, lines=MAX_TEXT_LINES)
        left, right = self._boxes()
        for stroke in step.earlier:
            self._line(stroke, left, grey=EARLIER)
            self._line(stroke, right, grey=EARLIER)
        for stroke in step.new:
            self._line(stroke, left, grey=NEW)
            self._line(stroke, right, grey=DOTS, dotted=True)
        for box, label in ((left, self._words.look), (right, self._words.trace)):
            self._frame(box, label)
        self._top -= self._size[1] + GAP

    def your_turn(self) -> None:
        """An empty box, as wide as the sheet where the page is high enough."""
        room = self._page[0] - 2 * MARGIN
        label = TEXT_SIZE * LEADING
        self._require(self._size[1] + label + GAP)
        scale = min(room / self._size[0], (self._top - MARGIN - label) / self._size[1])
        size = self._size[0] * scale, self._size[1] * scale
        self._top -= self._text(self._words.your_turn, MARGIN, self._top, TEXT_SIZE, room)
        self._frame(
            _Box(left=MARGIN, top=self._top, width=size[0], height=size[1], scale=self._scale), ""
        )

    def _require(self, height: float) -> None:
        """Begins a new page if this one has less room."""
        if self._top - height < MARGIN:
            self._canvas.showPage()
            self._canvas.setLineCap(1)
            self._canvas.setLineJoin(1)
            self._top = self._page[1] - MARGIN

    def _boxes(self) -> tuple[_Box, _Box]:
        width, height = self._size
        left, right = (
            _Box(left=x, top=self._top, width=width, height=height, scale=self._scale)
            for x in (MARGIN, MARGIN + width + GAP)
        )
        return left, right

    def _frame(self, box: _Box, label: str) -> None:
        canvas = self._canvas
        canvas.setStrokeGray(FRAME)
        canvas.setLineWidth(0.6)
        canvas.setDash()
        canvas.rect(box.left, box.top - box.height, box.width, box.height, stroke=1, fill=0)
        if font := font_of(label):
            canvas.setFillGray(FRAME)
            canvas.setFont(font, TEXT_SIZE * 0.7)
            canvas.drawString(box.left + 4, box.top - TEXT_SIZE, label)

    def _line(self, stroke: Stroke, box: _Box, *, grey: float, dotted: bool = False) -> None:
        """One stroke inside a box, clipped to it."""
        canvas = self._canvas
        points = stroke.points_N2.astype(np.float64)
        mean_width = stroke.pen.width_px * float(stroke.pressure_N.mean()) * box.scale
        canvas.saveState()
        frame = canvas.beginPath()
        frame.rect(box.left, box.top - box.height, box.width, box.height)
        canvas.clipPath(frame, stroke=0, fill=0)
        canvas.setStrokeGray(grey)
        canvas.setLineWidth(DOT_WIDTH if dotted else min(MAX_LINE, max(MIN_LINE, mean_width)))
        if dotted:
            canvas.setDash([0, DOT_SPACING])
        path = canvas.beginPath()
        path.moveTo(*_placed(points[0], box))
        if len(points) == 1:
            path.lineTo(*_placed(points[0] + (0.01, 0), box))
        else:
            for first, second, end in bezier_curves(stroke.points_N2):
                path.curveTo(*_placed(first, box), *_placed(second, box), *_placed(end, box))
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.restoreState()

    def _text(
        self, text: str, left: float, top: float, size: float, room: float, *, lines: int = 1
    ) -> float:
        """Prints at most some lines, the last one ending in "…" if there are more; the height."""
        font = font_of(text) or FONT
        broken = wrapped(text, font, size, room)
        if len(broken) > lines:
            broken = [*broken[: lines - 1], f"{broken[lines - 1][:-1]}…"]
        self._canvas.setFillGray(0.1)
        self._canvas.setFont(font, size)
        for index, line in enumerate(broken):
            self._canvas.drawString(left, top - size - index * size * LEADING, line)
        return size * LEADING * max(1, len(broken))


def _placed(point_2: Any, box: _Box) -> tuple[float, float]:
    """A place on the canvas as a place on the page."""
    return box.left + float(point_2[0]) * box.scale, box.top - float(point_2[1]) * box.scale
