"""Standard strokes that show a brush: a wave, a spiral, and the wave of the condition frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import Pen, Sketch, Stroke

SWATCH_FRAMES = 49
_SAMPLES = 240


def wave_points(
    width_px: float, height_px: float, margin_px: float, amplitude_px: float
) -> NDArray:
    """One period of a wave (N, 2), as the published condition frames show it.

    It falls a little at first, has its crest at a quarter and its trough at three quarters.
    """
    share = np.linspace(0, 1, _SAMPLES)
    x = margin_px + share * (width_px - 2 * margin_px)
    y = 0.5 * height_px - amplitude_px * np.sin(2 * np.pi * share)
    return np.stack([x, y], axis=1).astype(np.float32)


def spiral_points(width_px: float, height_px: float, turns: float = 3.2) -> NDArray:
    """A spiral (N, 2) from the center outwards."""
    share = np.sqrt(np.linspace(0.004, 1, 4 * _SAMPLES))
    angle, radius = 2 * np.pi * turns * share, 0.42 * height_px * share
    x = 0.5 * width_px + radius * np.cos(angle) * 1.25
    y = 0.5 * height_px + radius * np.sin(angle)
    return np.stack([x, y], axis=1).astype(np.float32)


def path_stroke(
    points_N2: NDArray, start_frame: float = 1.0, end_frame: float = SWATCH_FRAMES - 5.0
) -> Stroke:
    """A path as a stroke at even pace, with a hand's pressure: lighter at both ends."""
    share = np.linspace(0, 1, len(points_N2))
    pressure = 0.72 + 0.28 * np.sin(np.pi * share)
    return Stroke(
        points_N2=np.asarray(points_N2, np.float32),
        times_N=np.linspace(start_frame, end_frame, len(points_N2)).astype(np.float32),
        pressure_N=pressure.astype(np.float32),
        pen=Pen(),
    )


def sketch_of_path(points_N2: NDArray, width_px: int, height_px: int) -> Sketch:
    """A sketch of one path."""
    return Sketch(
        strokes=(path_stroke(points_N2),),
        width_px=width_px,
        height_px=height_px,
        num_frames=SWATCH_FRAMES,
    )
