"""The user's own pen and pace, for the model to follow on the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.hand import HandStroke

# The grammar's median pen: 21 px a frame on a canvas of 432 x 240.
USUAL_PACE = 21 / math.hypot(432, 240)  # of the canvas's diagonal, a frame
MIN_FPS, MAX_FPS = 4.0, 30.0
MIN_SECONDS = 0.5  # of drawing, before anything is known about a hand


def matched_pen(mine: Sequence[HandStroke]) -> Pen | None:
    """The user's latest color at the user's usual width; None before the first stroke."""
    pens = [stroke.stroke.pen for stroke in mine if not stroke.eraser]
    if not pens:
        return None
    return Pen(color=pens[-1].color, width_px=float(np.median([pen.width_px for pen in pens])))


def matched_fps(
    mine: Sequence[HandStroke],
    own: Sequence[HandStroke],
    fps: float,
    size_px: tuple[int, int],
) -> float:
    """Frames a second at which the model's pen is as fast as the user's.

    Args:
        mine: strokes of the user; own: traced strokes of the model, whose pace is known.
        fps: of the drawing, for as long as nothing is known.
        size_px: width and height of the canvas.
    """
    lines = [stroke for stroke in mine if not stroke.eraser]
    seconds = sum(stroke.seconds for stroke in lines)
    if seconds < MIN_SECONDS:
        return fps
    px_a_second = sum(stroke.stroke.length_px for stroke in lines) / seconds
    return float(np.clip(px_a_second / _pace(own, size_px), MIN_FPS, MAX_FPS))


def _pace(own: Sequence[HandStroke], size_px: tuple[int, int]) -> float:
    """Pixels a frame of the model's pen."""
    usual = USUAL_PACE * math.hypot(*size_px)
    frames = sum(s.stroke.end - s.stroke.start for s in own)
    length = sum(s.stroke.length_px for s in own)
    return length / frames if frames > 1 and length > usual else usual
