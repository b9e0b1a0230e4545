"""The condition frame: white paper with a brush box at the top left, as the models know it.

Measured on the published frames of 832 x 480 (facts: reference 2.3): the box is flush with the
picture's edges, only its right and bottom sides are drawn, and a wave of one period lies in it.

Legend: H/W pixels of the frame; pictures are uint8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.mark import Mark, find_mark
from videosketcher_app.data.brushes.model import PEN, REFERENCE_HEIGHT_PX, Brush, Flow, Nib
from videosketcher_app.data.brushes.painting import cutout_of, ink_of
from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points
from videosketcher_app.data.strokes import Sketch, Stroke

POCKET_SIZE_PX = (432, 240)
STUDIO_SIZE_PX = (832, 480)
# Shares of the frame's width and height.
BOX_RIGHT, BOX_BOTTOM = 155.5 / 832, 78.0 / 480
WAVE_LEFT, WAVE_RIGHT = 25 / 832, 130 / 832
WAVE_TOP, WAVE_BOTTOM = 20 / 480, 55 / 480
MARK_LEFT, MARK_RIGHT, MARK_TOP, MARK_BOTTOM = 14 / 832, 142 / 832, 10 / 480, 67 / 480
EDGE_WIDTH = 2.2 / 480
MIN_EDGE_PX = 1.6
SWATCH_WIDTH_PX = 9.0  # of the wave that shows an even swatch, on the reference canvas
_WHITE_LEVEL = 238
_DARK_LEVEL = 140
_ASPECTS = (1.62, 1.92)  # of frames for 832 x 480 and 432 x 240, with some room


@dataclass(frozen=True, kw_only=True, eq=False)
class ConditionFrame:
    """The first frame that a brush model is conditioned on.

    Attributes:
        pixels_HW3: RGB.
        ready_made: it came from the user as a whole frame and is passed on as it was.
        mark: what was understood of the user's picture; None for library brushes and whole frames.
    """

    pixels_HW3: NDArray[np.uint8]
    ready_made: bool = False
    mark: Mark | None = None


def frame_of_brush(brush: Brush, size_px: tuple[int, int] = POCKET_SIZE_PX) -> ConditionFrame:
    """The frame of a library brush, or of a color and a width: the brush painting the wave."""
    return ConditionFrame(pixels_HW3=_boxed(_wave_cutout(brush, size_px), size_px))


def frame_of_color(
    color: tuple[float, float, float],
    width_px: float,
    size_px: tuple[int, int] = POCKET_SIZE_PX,
) -> ConditionFrame:
    """The frame of an even round line; the width is one of the canvas 240 px high."""
    return frame_of_brush(Brush(kind="fineliner", color=color, width_px=width_px), size_px)


def frame_of_stroke(
    stroke: Stroke, sketch: Sketch, brush: Brush, size_px: tuple[int, int] = POCKET_SIZE_PX
) -> ConditionFrame:
    """The frame of a finished drawing's stroke in its own size, or the middle part that fits."""
    scale = size_px[1] / sketch.height_px
    left, top, right, bottom = mark_area(size_px)
    points = stroke.points_N2 * np.float32(scale)
    center = 0.5 * (points.min(0) + points.max(0))
    points = points - center + np.array([left + right, top + bottom], np.float32) / 2
    single = Sketch(
        strokes=(replace(stroke, points_N2=points.astype(np.float32)),),
        width_px=size_px[0],
        height_px=size_px[1],
    )
    return ConditionFrame(pixels_HW3=_boxed(cutout_of(ink_of(single, brush)), size_px))


def frame_of_picture(
    picture: NDArray[np.uint8], size_px: tuple[int, int] = POCKET_SIZE_PX
) -> ConditionFrame:
    """The frame of any picture: a whole frame as it is, else the mark that is found in it.

    Takes uploads, webcam pictures and scribbles, (H, W), (H, W, 3) or (H, W, 4).

    Raises:
        NoMark: the picture shows none.
    """
    if is_condition_frame(picture):
        return ConditionFrame(pixels_HW3=_resized(picture[..., :3], size_px), ready_made=True)
    return frame_of_mark(find_mark(picture), size_px)


def frame_of_mark(
    mark: Mark, size_px: tuple[int, int] = POCKET_SIZE_PX, *, width_px: float | None = None
) -> ConditionFrame:
    """The frame of a mark, scaled into the box.

    Args:
        width_px: width of the line on the canvas 240 px high; None fits the mark into the box. A
            mark that gets larger than the box by it is shown in part.
    """
    if mark.swatch:
        cutout = _textured_wave(mark, width_px or SWATCH_WIDTH_PX, size_px)
    else:
        cutout = _placed(mark, width_px, size_px)
    return ConditionFrame(pixels_HW3=_boxed(cutout, size_px), mark=mark)


def frame_width_px(mark: Mark) -> float:
    """Width of a mark's line in a frame it was fitted into, on the canvas 240 px high."""
    if mark.swatch:
        return SWATCH_WIDTH_PX
    height, width = mark.cutout_HW4.shape[:2]
    factor = _fit(width, height, (432, REFERENCE_HEIGHT_PX))
    return mark.figures.width_px * factor


def is_condition_frame(picture: NDArray[np.uint8]) -> bool:
    """True for a whole frame: a box with right and bottom sides, on an otherwise white picture."""
    if picture.ndim != 3 or min(picture.shape[:2]) < REFERENCE_HEIGHT_PX // 2:
        return False
    height, width = picture.shape[:2]
    if not _ASPECTS[0] <= width / height <= _ASPECTS[1]:
        return False
    if picture.shape[2] == 4 and picture[..., 3].min() < 250:
        return False
    level = picture[..., :3].max(-1)
    rows, columns = round(BOX_BOTTOM * height), round(BOX_RIGHT * width)
    away = max(3, round(0.02 * height))
    below, beside = level[rows + away :], level[: rows + away, columns + away :]
    if min((below > _WHITE_LEVEL).mean(), (beside > _WHITE_LEVEL).mean()) < 0.985:
        return False
    side = level[: rows - away, columns - away : columns + away].min(1) < _DARK_LEVEL
    floor = level[rows - away : rows + away, : columns - away].min(0) < _DARK_LEVEL
    return bool(side.mean() > 0.9 and floor.mean() > 0.9)


def box_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Width and height in pixels of the box with its sides, for laying it over a result."""
    line = _edge_px(size_px[1])
    right = BOX_RIGHT * size_px[0] + 0.5 * line
    bottom = BOX_BOTTOM * size_px[1] + 0.5 * line
    return int(np.ceil(right)) + 1, int(np.ceil(bottom)) + 1


def with_box(frame_HW3: NDArray[np.uint8], condition: ConditionFrame) -> NDArray[np.uint8]:
    """A frame of a result with the box of its condition frame laid over it."""
    height, width = frame_HW3.shape[:2]
    box_width, box_height = box_size((width, height))
    result = frame_HW3.copy()
    result[:box_height, :box_width] = condition.pixels_HW3[:box_height, :box_width]
    return result


def mark_area(size_px: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the room for a mark, in pixels."""
    width, height = size_px
    return MARK_LEFT * width, MARK_TOP * height, MARK_RIGHT * width, MARK_BOTTOM * height


def _wave_cutout(brush: Brush, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size_px
    line = brush.width_px * height / REFERENCE_HEIGHT_PX
    amplitude = max(0.012 * height, 0.5 * ((WAVE_BOTTOM - WAVE_TOP) * height - line))
    # Ends of a broad line must stay inside the box, too.
    inset = max(0.0, 0.5 * line - WAVE_LEFT * width + 3)
    left, right = WAVE_LEFT * width + inset, WAVE_RIGHT * width - inset
    points = wave_points(right - left, (WAVE_TOP + WAVE_BOTTOM) * height, 0.0, amplitude)
    points[:, 0] += left
    return cutout_of(ink_of(sketch_of_path(points, width, height), brush, seed=1))


def _textured_wave(mark: Mark, width_px: float, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The wave cut out of a swatch."""
    flat = Brush(
        kind="gouache" if width_px > 3 else PEN,
        color=mark.color,
        width_px=width_px,
        nib=Nib(pressure=0.4),
        flow=Flow(),
    )
    wave = _wave_cutout(flat, size_px)
    box_width, box_height = box_size(size_px)
    texture = cv2.resize(
        mark.cutout_HW4[..., :3], (box_width, box_height), interpolation=cv2.INTER_AREA
    )
    wave[:box_height, :box_width, :3] = texture
    return wave


def _fit(width: int, height: int, size_px: tuple[int, int]) -> float:
    """Factor by which a cut-out of a size fits the room for a mark."""
    left, top, right, bottom = mark_area(size_px)
    return min((right - left) / width, (bottom - top) / height)


def _placed(mark: Mark, width_px: float | None, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The mark's cut-out on an empty canvas, in the middle of the box."""
    height, width = mark.cutout_HW4.shape[:2]
    factor = _fit(width, height, size_px)
    if width_px is not None:
        wanted = width_px * size_px[1] / REFERENCE_HEIGHT_PX
        factor = wanted / mark.figures.width_px
    left, top, right, bottom = mark_area(size_px)
    center_x, center_y = 0.5 * (left + right), 0.5 * (top + bottom)
    # Coverage times color: mixing must not let the color of empty pixels in.
    source = mark.cutout_HW4.astype(np.float32) / 255
    source[..., :3] *= source[..., 3:]
    if factor < 1:  # averaging first, since the warp below samples single points
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        source = cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        factor = 1.0
    shift_x = center_x - 0.5 * factor * source.shape[1]
    shift_y = center_y - 0.5 * factor * source.shape[0]
    move = np.array([[factor, 0, shift_x], [0, factor, shift_y]], np.float64)
    placed = cv2.warpAffine(source, move, size_px, flags=cv2.INTER_LINEAR)
    keep = np.zeros(placed.shape[:2], bool)
    keep[: int(bottom) + 1, : int(right) + 1] = True
    placed[~keep] = 0
    alpha = placed[..., 3:]
    placed[..., :3] = np.where(alpha > 1e-3, placed[..., :3] / np.maximum(alpha, 1e-3), 0)
    return np.round(np.clip(placed, 0, 1) * 255).astype(np.uint8)


def _boxed(cutout_HW4: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """White paper with the mark and the two sides of the box."""
    width, height = size_px
    mark = cutout_HW4.astype(np.float32) / 255
    paper = 1 + mark[..., 3:] * (mark[..., :3] - 1)
    box_width, box_height = box_size(size_px)
    outside = np.ones((height, width), bool)
    outside[:box_height, :box_width] = False
    paper[outside] = 1
    sides = _sides(width, height)[..., None]
    return np.round((1 - sides) * paper * 255).astype(np.uint8)


def _edge_px(height: int) -> float:
    return max(MIN_EDGE_PX, EDGE_WIDTH * height)


def _sides(width: int, height: int) -> NDArray:
    """Coverage (H, W) of the box's black sides."""
    line = _edge_px(height)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    right, bottom = BOX_RIGHT * width, BOX_BOTTOM * height
    across_x = np.clip(0.5 * line + 0.5 - np.abs(x - right), 0, 1)
    across_y = np.clip(0.5 * line + 0.5 - np.abs(y - bottom), 0, 1)
    within_x, within_y = x <= right + 0.5 * line, y <= bottom + 0.5 * line
    return np.maximum(
        within_y[:, None] * across_x[None], across_y[:, None] * within_x[None]
    ).astype(np.float32)


def _resized(picture_HW3: NDArray[np.uint8], size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame itself if it has the size, otherwise resized."""
    if (picture_HW3.shape[1], picture_HW3.shape[0]) == size_px:
        return np.ascontiguousarray(picture_HW3)
    return np.asarray(cv2.resize(picture_HW3, size_px, interpolation=cv2.INTER_AREA), np.uint8)
