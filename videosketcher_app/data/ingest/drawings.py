"""What every reader of this package gives: a drawing ready for a sketchbook."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.strokes import Sketch, Stroke

MAX_STROKES = 5000


@dataclass(frozen=True, kw_only=True, eq=False)
class IngestedDrawing:
    """A drawing that was brought in.

    Attributes:
        strokes: in drawing order; times are frames at the usual rate.
        width, height: canvas that the strokes refer to, in pixels.
        origin: "svg", "strokes", "recording", "image", "scan" or "output".
        caption: what the source itself says that it shows; may be empty.
    """

    strokes: tuple[Stroke, ...]
    width: int
    height: int
    origin: str
    caption: str = ""


def drawing_of(sketch: Sketch, origin: str, caption: str = "") -> IngestedDrawing:
    """A sketch as a drawing that was brought in.

    Raises:
        InvalidFile: it has no strokes, too many, or none on its canvas.
    """
    if not sketch.strokes:
        raise InvalidFile("There is nothing drawn in this file.", hint="Use another file.")
    if len(sketch.strokes) > MAX_STROKES:
        raise InvalidFile(
            f"This drawing has {len(sketch.strokes):,} strokes.",
            hint=f"At most {MAX_STROKES:,} are possible: simplify it, or leave out hatching.",
        )
    size = np.array([sketch.width_px, sketch.height_px])
    if not any(
        ((s.points_N2 >= 0) & (s.points_N2 <= size)).all(axis=1).any() for s in sketch.strokes
    ):
        raise InvalidFile(
            "All strokes of this drawing lie outside its canvas.",
            hint="Set the page or viewBox of the file to the drawing.",
        )
    return IngestedDrawing(
        strokes=sketch.strokes,
        width=sketch.width_px,
        height=sketch.height_px,
        origin=origin,
        caption=caption,
    )
