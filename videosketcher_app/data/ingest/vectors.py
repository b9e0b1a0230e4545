"""SVGs as sketches: ours with their own timing, any others in the order of their elements.

A line of the SVG becomes a stroke with its color and width; a filled shape is drawn as its outline
and filled by hatching. Fills that are as white as the paper count only where they cover something.

Legend: N points of a line, H/W pixels of the canvas.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray
from svgelements import SVG, Close, Color, Desc, Line, Move, Path, Shape, Title

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.ingest.drawings import MAX_STROKES, IngestedDrawing, drawing_of
from videosketcher_app.data.ingest.hatching import hatching
from videosketcher_app.data.ingest.pace import at_even_pace
from videosketcher_app.data.strokes import FloatArray, Pen, Sketch, Stroke
from videosketcher_app.data.svg import MAX_BYTES, read_svg

CANVAS_SIDE_PX = 640.0  # of the canvas's longer side
MAX_ELEMENTS = 20_000
MAX_POINTS = 400_000
SPACING_PX = 2.0  # between points of a curve
FILL_PEN_PX = 5.0
WHITE = 0.94  # a fill lighter than this is white
_TIMED = re.compile(r"<svg[^>]*\bdata-fps=", re.DOTALL)
_DECLARES = re.compile(r"<!DOCTYPE[^>]*\[")  # a document type that brings its own declarations
_USE, _HREF = "{http://www.w3.org/2000/svg}use", "{http://www.w3.org/1999/xlink}href"
_HINT = "Save it again as a plain SVG."


def read_vectors(text: str) -> IngestedDrawing:
    """The drawing of an SVG document.

    Raises:
        InvalidFile: it is no SVG, is too large or built to explode, or shows nothing.
    """
    if len(text) > MAX_BYTES or "<!ENTITY" in text or _DECLARES.search(text):
        raise InvalidFile(
            f"The SVG is larger than {MAX_BYTES // 1_000_000} MB or declares entities.", hint=_HINT
        )
    _refuse_explosions(text)
    if _TIMED.search(text):
        return drawing_of(read_svg(text), "svg", _caption_of_ours(text))
    try:
        document = SVG.parse(io.StringIO(text), reify=True)
        return _plain(document)
    except InvalidFile:
        raise
    except (
        ElementTree.ParseError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise InvalidFile("This SVG is damaged.", hint=_HINT) from error


@dataclass(eq=False)
class _Page:
    """A canvas that fills up with strokes.

    Attributes:
        scale, left, top: from the document's units to the canvas.
        covered_HW: where something was drawn already.
    """

    scale: float
    left: float
    top: float
    covered_HW: NDArray[np.bool_]
    strokes: list[Stroke] = field(default_factory=list)
    points: int = 0

    def add(self, points_N2: FloatArray, color: tuple[float, float, float], pen: Pen) -> None:
        """A line in canvas pixels."""
        count = len(points_N2)
        self.points += count
        if self.points > MAX_POINTS or len(self.strokes) >= MAX_STROKES:
            raise InvalidFile(
                f"This SVG has more than {MAX_STROKES:,} lines or {MAX_POINTS:,} points.",
                hint="Simplify its paths, or leave out hatching.",
            )
        ones = np.ones(count, np.float32)
        self.strokes.append(Stroke(points_N2=points_N2, times_N=0 * ones, pressure_N=ones, pen=pen))
        shape = np.round(points_N2).astype(np.int32)
        covered = self.covered_HW.view(np.uint8)
        cv2.polylines(covered, [shape], False, 1, max(1, round(pen.width_px)))


def _plain(document: SVG) -> IngestedDrawing:
    shapes = [shape for shape in _elements(document) if isinstance(shape, Shape)]
    page = _page(document, shapes)
    for shape in shapes:
        _draw(page, shape)
    height, width = page.covered_HW.shape
    sketch = Sketch(
        strokes=at_even_pace(page.strokes, width, height), width_px=width, height_px=height
    )
    words = [
        str(e.desc if isinstance(e, Desc) else e.title)
        for e in document.elements()
        if isinstance(e, Desc | Title)
    ]
    return drawing_of(
        sketch, "svg", next((w.strip() for w in words if w.strip() not in ("", "None")), "")
    )


def _elements(document: SVG) -> Iterator[Any]:
    for count, element in enumerate(document.elements()):
        if count > MAX_ELEMENTS:
            raise InvalidFile(f"This SVG has more than {MAX_ELEMENTS:,} elements.", hint=_HINT)
        yield element


def _page(document: SVG, shapes: list[Any]) -> _Page:
    """The canvas: the document's page, or the box of what is drawn if it names none."""
    width, height = float(document.width or 0), float(document.height or 0)
    left = top = 0.0
    attributes = (document.values or {}).get("attributes", {})
    if not ({"width", "viewBox"} & set(attributes)) or not (width > 0 and height > 0):
        boxes = [box for shape in shapes if (box := shape.bbox()) is not None]
        if not boxes:
            raise InvalidFile("There is nothing drawn in this SVG.", hint="Use another file.")
        low, high = np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]
        margin = 0.05 * float((high - low).max())
        left, top = (float(v) - margin for v in low)
        width, height = (float(v) + 2 * margin for v in high - low)
    if not (
        math.isfinite(width * height) and width > 0 and height > 0 and 0.02 < width / height < 50
    ):
        raise InvalidFile(
            f"The page of this SVG measures {width:g}x{height:g}.",
            hint="Set its page or viewBox to the drawing.",
        )
    scale = CANVAS_SIDE_PX / max(width, height)
    size = (max(8, round(height * scale)), max(8, round(width * scale)))
    return _Page(scale=scale, left=left, top=top, covered_HW=np.zeros(size, bool))


def _draw(page: _Page, shape: Any) -> None:
    """The strokes of one element: its fill first, as a viewer paints it, then its line."""
    if shape.values.get("visibility") == "hidden" or shape.values.get("display") == "none":
        return
    lines = [_to_canvas(page, line) for line in _lines(Path(shape))]
    lines = [line for line in lines if len(line)]
    fill, ink = _color(shape.fill), _color(shape.stroke)
    if fill is not None and any(len(line) > 2 for line in lines):
        _fill(page, lines, fill, outlined=ink is None)
    if ink is not None:
        width = float(shape.stroke_width or 1.0) * page.scale
        pen = Pen(color=ink, width_px=float(np.clip(width, 0.3, 500.0)))
        for line in lines:
            page.add(line, ink, pen)


def _fill(
    page: _Page, lines: list[FloatArray], color: tuple[float, float, float], *, outlined: bool
) -> None:
    area_HW = np.zeros(page.covered_HW.shape, np.uint8)
    cv2.fillPoly(area_HW, [np.round(line).astype(np.int32) for line in lines if len(line) > 2], 1)
    if min(color) >= WHITE and not (page.covered_HW & area_HW.astype(bool)).any():
        return
    pen = Pen(color=color, width_px=FILL_PEN_PX)
    if outlined and min(color) < WHITE:
        for line in lines:
            page.add(np.vstack([line, line[:1]]), color, Pen(color=color, width_px=FILL_PEN_PX / 2))
    for path in hatching(area_HW.astype(bool), FILL_PEN_PX):
        page.add(path, color, pen)


def _lines(path: Path) -> Iterator[NDArray[np.float64]]:
    """Polylines of the path's parts, in document units."""
    for part in path.as_subpaths():
        runs: list[NDArray[np.float64]] = []
        for segment in part:
            if isinstance(segment, Move):
                continue
            if segment.start is None or segment.end is None:
                continue
            if isinstance(segment, Line | Close):
                runs.append(np.array([tuple(segment.start), tuple(segment.end)], np.float64))
            else:
                runs.append(np.asarray(segment.npoint(np.linspace(0, 1, 33)), np.float64))
        if runs:
            yield np.vstack([runs[0][:1], *(run[1:] for run in runs)])


def _to_canvas(page: _Page, line_N2: NDArray[np.float64]) -> FloatArray:
    """The line on the canvas without points that say nothing; empty if it is impossible."""
    points = (line_N2 - (page.left, page.top)) * page.scale
    if not np.isfinite(points).all() or np.abs(points).max() > 1e5:
        return np.zeros((0, 2), np.float32)
    keep = [0]
    for index in range(1, len(points)):
        if np.hypot(*(points[index] - points[keep[-1]])) >= SPACING_PX / 2:
            keep.append(index)
    if keep[-1] != len(points) - 1:
        keep.append(len(points) - 1)
    return points[keep].astype(np.float32)


def _color(paint: Color | None) -> tuple[float, float, float] | None:
    """RGB in [0, 1] on white paper; None for no paint."""
    if paint is None or paint.value is None:
        return None
    share = float(paint.alpha or 0) / 255
    if share < 0.05:
        return None
    red, green, blue = (1 - share * (1 - c / 255) for c in _channels(paint))
    return red, green, blue


def _channels(paint: Color) -> tuple[int, int, int]:
    return int(paint.red or 0), int(paint.green or 0), int(paint.blue or 0)


def _caption_of_ours(text: str) -> str:
    root = ElementTree.fromstring(text)  # noqa: S314 - without document types and entities
    return (root.findtext("{http://www.w3.org/2000/svg}desc") or "").strip()


def _refuse_explosions(text: str) -> None:
    """Refuses documents whose references multiply, before anything follows them."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without document types and entities
    except (ElementTree.ParseError, ValueError) as error:
        raise InvalidFile("This file is not an SVG, or it is damaged.", hint=_HINT) from error
    if not root.tag.endswith("svg"):
        raise InvalidFile("This file is not an SVG.", hint=_HINT)
    # Parents come before children, so sizes are added up from the end.
    elements = list(root.iter())
    named = {e.get("id"): e for e in elements if e.get("id")}
    uses = {
        e: named.get((e.get("href") or e.get(_HREF) or "").lstrip("#"))
        for e in elements
        if e.tag == _USE
    }
    sizes: dict[ElementTree.Element, int] = {}
    for _ in range(len(uses) + 1):
        before = dict(sizes)
        for element in reversed(elements):
            there = uses.get(element)
            inside = sum(sizes.get(child, 1) for child in element)
            sizes[element] = min(
                1 + inside + (sizes.get(there, 1) if there is not None else 0), 10 * MAX_ELEMENTS
            )
        if sizes == before or sizes[root] > MAX_ELEMENTS:
            break
    if sizes[root] > MAX_ELEMENTS:
        raise InvalidFile(f"This SVG has more than {MAX_ELEMENTS:,} elements.", hint=_HINT)
