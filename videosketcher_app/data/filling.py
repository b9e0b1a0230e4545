"""Drawings of any length and pace brought into one clip, so that the drawing fills it.

Pauses for thought are shortened, since a clip has no frames to spare for them; the order, the pace
of the pen within what is drawn, and every point stay as they were. Strokes without times (from a
finished SVG, say) get the pace of the timed ones, or an even one.

Legend: N points of a stroke; times are frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.strokes import FloatArray, Sketch, Stroke

FIRST_INK_FRAME = 1.0  # frame 0 is blank paper
LAST_INK_SHARE = 0.92  # of the clip; the finished drawing stands for the rest
MAX_PAUSE_FRAMES = 0.4 * DEFAULT_FPS  # from one point or stroke to the next, as it was drawn
LIFT_PX = 6.0  # lifting the pen takes as long as drawing this many pixels of 240 px height
LIFT_HEIGHT_PX = 240.0


class CanvasLike(Protocol):
    """Anything with a size in pixels."""

    @property
    def width(self) -> int:
        """In pixels."""
        ...

    @property
    def height(self) -> int:
        """In pixels."""
        ...


def fitted(sketch: Sketch, canvas: CanvasLike) -> Sketch:
    """The whole sketch in the middle of another canvas; nothing is stretched or cut."""
    scale = min(canvas.width / sketch.width_px, canvas.height / sketch.height_px)
    shift = np.array(
        [canvas.width - scale * sketch.width_px, canvas.height - scale * sketch.height_px]
    )
    strokes = tuple(
        replace(
            stroke,
            points_N2=(stroke.points_N2 * scale + shift / 2).astype(np.float32),
            pen=replace(stroke.pen, width_px=stroke.pen.width_px * scale),
        )
        for stroke in sketch.strokes
    )
    return replace(sketch, strokes=strokes, width_px=canvas.width, height_px=canvas.height)


def filled(sketch: Sketch, num_frames: int) -> Sketch:
    """The sketch in a clip of `num_frames` frames, its strokes in their order of the list.

    The first ink appears in frame 1 and the last at `LAST_INK_SHARE` of the clip.
    """
    steps = _steps(sketch)
    if not steps:
        return replace(sketch, num_frames=num_frames)
    passed = np.cumsum(np.concatenate(steps))
    passed -= passed[0]
    last = max(FIRST_INK_FRAME, LAST_INK_SHARE * (num_frames - 1))
    scale = (last - FIRST_INK_FRAME) / passed[-1] if passed[-1] > 0 else 0.0
    times = (FIRST_INK_FRAME + passed * scale).astype(np.float32)
    borders = np.cumsum([len(step) for step in steps])[:-1]
    strokes = tuple(
        replace(stroke, times_N=times_N)
        for stroke, times_N in zip(sketch.strokes, np.split(times, borders), strict=True)
    )
    return replace(sketch, strokes=strokes, num_frames=num_frames)


def _steps(sketch: Sketch) -> list[NDArray[np.float64]]:
    """Per stroke, the time from the point before (or the stroke before) to each of its points."""
    pace_px = _pace_px(sketch.strokes)
    lift = LIFT_PX * sketch.height_px / LIFT_HEIGHT_PX / pace_px
    steps: list[NDArray[np.float64]] = []
    before: Stroke | None = None
    for stroke in sketch.strokes:
        within = np.diff(_own_times(stroke, pace_px))
        pause = stroke.start - before.end if before is not None else 0.0
        # Also a pen that jumps takes its time, and so does one whose times say nothing.
        pause = float(np.clip(pause, lift, max(lift, MAX_PAUSE_FRAMES)))
        rests = np.minimum(within, MAX_PAUSE_FRAMES)
        steps.append(np.concatenate([[0.0 if before is None else pause], rests]))
        before = stroke
    return steps


def _own_times(stroke: Stroke, pace_px: float) -> NDArray[np.float64]:
    """The stroke's times; those of an even pen if it took no time at all."""
    if stroke.end > stroke.start:
        return stroke.times_N.astype(np.float64)
    return _arc(stroke.points_N2) / pace_px


def _pace_px(strokes: Sequence[Stroke]) -> float:
    """Pixels a frame of the timed strokes together; 1 if none says anything."""
    timed = [stroke for stroke in strokes if stroke.end > stroke.start]
    length = sum(stroke.length_px for stroke in timed)
    frames = sum(
        float(np.minimum(np.diff(stroke.times_N), MAX_PAUSE_FRAMES).sum()) for stroke in timed
    )
    return length / frames if length > 0 and frames > 0 else 1.0


def _arc(points_N2: FloatArray) -> NDArray[np.float64]:
    """Length of the path up to every point, in pixels."""
    steps = np.hypot(*np.diff(points_N2.astype(np.float64), axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])
