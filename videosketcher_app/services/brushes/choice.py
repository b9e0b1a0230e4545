"""BrushChoice: the brush that somebody has chosen, what was understood of it, and their corrections.

Whatever it comes from (the shelf, a picture, a scribble, a stroke of a drawing, a whole condition
frame), it gives the same two things: the frame that a brush model is conditioned on, and a brush of
the engine that paints new strokes in that hand.

Legend: H/W pixels; pictures are uint8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.brushes.condition import (
    POCKET_SIZE_PX,
    ConditionFrame,
    box_size,
    frame_of_brush,
    frame_of_mark,
    frame_of_picture,
    frame_of_stroke,
    frame_width_px,
    is_condition_frame,
)
from videosketcher_app.data.brushes.library import LibraryBrush
from videosketcher_app.data.brushes.likeness import brush_like
from videosketcher_app.data.brushes.mark import Mark, NoMark, find_mark
from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, PEN, REFERENCE_HEIGHT_PX, Brush, Nib
from videosketcher_app.data.strokes import Sketch, Stroke

ORIGINS = ("shelf", "own", "picture", "painted", "stroke", "frame")
MIN_WIDTH_PX = 0.5
ROUND_BELOW = 0.15  # a line whose width depends less on its direction has a round tip
_MIN_THICKNESS = 0.05
_INSIDE_BOX = 6  # pixels of a frame 240 px high between the box's sides and its inside
Library = Mapping[str, LibraryBrush]
Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """What a brush was understood to be; a person may correct every figure.

    Attributes:
        color: RGB in [0, 1].
        width_px: of its line on the canvas 240 px high.
        kind: of its texture, one of `data.brushes.model.KINDS`.
        direction: share by which the width depends on the direction of travel, in [0, 1].
    """

    color: tuple[float, float, float]
    width_px: float
    kind: str
    direction: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BrushChoice:
    """A chosen brush. Made by the functions below, changed by `corrected`.

    Attributes:
        title: what people read.
        origin: one of ORIGINS.
        name: of a brush on the shelf; empty for all others.
        brush: what paints, with all corrections.
        found: what was understood at first.
        understood: the same with the person's corrections.
        mark: the mark that was found in a picture.
        whole_frame: (H, W, 3), a ready-made condition frame as it came.
        stroke: a stroke of a drawing, and the drawing.
    """

    title: str
    origin: str
    brush: Brush
    found: Understanding
    understood: Understanding
    name: str = ""
    mark: Mark | None = None
    whole_frame: Picture | None = None
    stroke: tuple[Stroke, Sketch] | None = None

    def __post_init__(self) -> None:
        assert self.origin in ORIGINS, self.origin

    @property
    def is_reshaped(self) -> bool:
        """True once texture or direction were corrected: then the picture shows another brush."""
        found, now = self.found, self.understood
        return (found.kind, found.direction) != (now.kind, now.direction)

    @property
    def is_corrected(self) -> bool:
        """True once anything was corrected."""
        return self.found != self.understood

    def frame(self, size_px: tuple[int, int] = POCKET_SIZE_PX) -> ConditionFrame:
        """The condition frame; a ready-made one without corrections as it came."""
        if self.whole_frame is not None and not self.is_corrected:
            return frame_of_picture(self.whole_frame, size_px)
        if self.is_reshaped:
            return frame_of_brush(self.brush, size_px)
        if self.mark is not None:
            color, width = self._changed_color, self._changed_width
            return frame_of_mark(self.mark.corrected(color=color), size_px, width_px=width)
        if self.stroke is not None:
            stroke, sketch = self.stroke
            return frame_of_stroke(stroke, sketch, self.brush, size_px)
        return frame_of_brush(self.brush, size_px)

    def corrected(self, now: Understanding, library: Library) -> BrushChoice:
        """The same brush with a person's figures in place of what was understood.

        Raises:
            InvalidRequest: a figure is not possible.
        """
        _check(now, library)
        brush = self.brush
        if now.kind != self.understood.kind:
            brush = _of_kind(now.kind, library)
        if (now.kind, now.direction) != (self.understood.kind, self.understood.direction):
            brush = _with_direction(brush, now.direction)
        brush = replace(brush, color=now.color, width_px=now.width_px)
        return replace(self, brush=brush, understood=now)

    @property
    def _changed_color(self) -> tuple[float, float, float] | None:
        return None if self.found.color == self.understood.color else self.understood.color

    @property
    def _changed_width(self) -> float | None:
        return None if self.found.width_px == self.understood.width_px else self.understood.width_px


def choice_of_library(entry: LibraryBrush, *, origin: str = "shelf") -> BrushChoice:
    """A brush of the shelf."""
    found = _understood(entry.brush)
    return BrushChoice(
        title=entry.title,
        origin=origin,
        name=entry.name,
        brush=entry.brush,
        found=found,
        understood=found,
    )


def choice_of_picture(
    picture: Picture, library: Library, *, title: str, origin: str = "picture"
) -> BrushChoice:
    """The brush of a mark in a picture (H, W), (H, W, 3) or (H, W, 4), or of a whole frame.

    Raises:
        NoMark: the picture shows none.
    """
    if is_condition_frame(picture):
        return _choice_of_frame(picture, library, title=title)
    return choice_of_mark(find_mark(picture), library, title=title, origin=origin)


def choice_of_mark(
    mark: Mark, library: Library, *, title: str, origin: str, name: str = ""
) -> BrushChoice:
    """The brush of a mark that was found already."""
    width = float(np.clip(frame_width_px(mark), MIN_WIDTH_PX, MAX_WIDTH_PX))
    brush = brush_like(mark, library, width_px=width)
    found = Understanding(
        color=mark.color, width_px=width, kind=brush.kind, direction=mark.figures.direction
    )
    return BrushChoice(
        title=title,
        origin=origin,
        name=name,
        brush=brush,
        found=found,
        understood=found,
        mark=mark,
    )


def choice_of_stroke(
    stroke: Stroke, sketch: Sketch, *, title: str, brush: Brush | None = None
) -> BrushChoice:
    """The brush of a finished drawing's stroke.

    Args:
        brush: what the drawing was painted with; None for the line of a model, which is plain.
    """
    if brush is None:
        width = stroke.pen.width_px * REFERENCE_HEIGHT_PX / sketch.height_px
        brush = Brush(
            kind=PEN,
            color=stroke.pen.color,
            width_px=float(np.clip(width, MIN_WIDTH_PX, MAX_WIDTH_PX)),
        )
    found = _understood(brush)
    return BrushChoice(
        title=title,
        origin="stroke",
        brush=brush,
        found=found,
        understood=found,
        stroke=(stroke, sketch),
    )


def _choice_of_frame(picture: Picture, library: Library, *, title: str) -> BrushChoice:
    """A ready-made frame; for painting strokes, the mark in its box is understood like any other."""
    frame = picture[..., :3]
    size_px = (frame.shape[1], frame.shape[0])
    width, height = box_size(size_px)
    margin = max(2, round(_INSIDE_BOX * frame.shape[0] / REFERENCE_HEIGHT_PX))
    inside = np.ascontiguousarray(frame[: height - margin, : width - margin])
    try:
        mark = find_mark(inside)
    except NoMark as error:
        raise NoMark(
            "This is a condition frame, but no mark is in its box.",
            hint="Use a frame whose box at the top left holds a stroke.",
        ) from error
    line = mark.figures.width_px * REFERENCE_HEIGHT_PX / frame.shape[0]
    line = float(np.clip(line, MIN_WIDTH_PX, MAX_WIDTH_PX))
    brush = brush_like(mark, library, width_px=line)
    found = Understanding(
        color=mark.color, width_px=line, kind=brush.kind, direction=mark.figures.direction
    )
    return BrushChoice(
        title=title,
        origin="frame",
        brush=brush,
        found=found,
        understood=found,
        mark=mark,
        whole_frame=np.ascontiguousarray(frame),
    )


def _understood(brush: Brush) -> Understanding:
    is_steady = brush.nib.shape == "chisel"  # other long nibs turn with the stroke
    return Understanding(
        color=brush.color,
        width_px=brush.width_px,
        kind=brush.kind,
        direction=1 - brush.nib.thickness if is_steady else 0.0,
    )


def _of_kind(kind: str, library: Library) -> Brush:
    return next(entry.brush for entry in library.values() if entry.brush.kind == kind)


def _with_direction(brush: Brush, direction: float) -> Brush:
    """A nib that keeps its angle, as flat as the share asks for; else a round one."""
    nib = brush.nib
    if direction < ROUND_BELOW:
        is_flat = nib.shape == "chisel"
        return replace(brush, nib=replace(nib, shape="round", thickness=1.0)) if is_flat else brush
    thickness = max(_MIN_THICKNESS, 1 - direction)
    angle = nib.angle if nib.shape == "chisel" else Nib().angle
    return replace(brush, nib=replace(nib, shape="chisel", thickness=thickness, angle=angle))


def _check(now: Understanding, library: Library) -> None:
    kinds = sorted({entry.brush.kind for entry in library.values()})
    if now.kind not in kinds:
        raise InvalidRequest(
            f"There is no texture {str(now.kind)[:40]!r}.", hint=f"Choose one of: {', '.join(kinds)}."
        )
    if not MIN_WIDTH_PX <= now.width_px <= MAX_WIDTH_PX:
        raise InvalidRequest(
            f"A brush is {MIN_WIDTH_PX:g} to {MAX_WIDTH_PX:g} px wide. "
            f"Received: {now.width_px:g} px.",
            hint="Move the width into this range.",
        )
    if not 0 <= now.direction <= 1:
        raise InvalidRequest(
            f"The direction's share is 0 to 1. Received: {now.direction:g}.",
            hint="0 is a round tip, 1 the flattest nib.",
        )
    if not all(0 <= channel <= 1 for channel in now.color):
        raise InvalidRequest("This is no color.", hint='Write it as "#1d3fa6".')
