"""The hand: turns clean curves into strokes with tremor, overshoot, pressure and timing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray, Pen, Sketch, Stroke, resample

POINT_SPACING_PX = 0.8
PAUSE_PX = 6.0  # lifting the pen takes as long as drawing this many pixels
FIRST_INK_FRAME = 1.0


@dataclass(frozen=True, kw_only=True)
class Hand:
    """How steadily and with which pen a sketch is drawn; lengths in canvas pixels.

    Attributes:
        tremor_px: standard deviation of the slow sideways drift of a line.
        overshoot_px: how far a line may run past its end.
        pressure_swing: relative change of width along a stroke.
        end_frame: frame at which the last stroke ends.
        pen: pen of every stroke.
    """

    tremor_px: float = 0.5
    overshoot_px: float = 1.0
    pressure_swing: float = 0.12
    end_frame: float = 75.0
    pen: Pen = field(default_factory=Pen)

    @staticmethod
    def sample(rng: np.random.Generator, num_frames: int = 81) -> Hand:
        """A random careful hand with a thin black pen."""
        return Hand(
            tremor_px=float(rng.uniform(0.0, 0.85)),
            overshoot_px=float(rng.uniform(0.0, 2.0)),
            pressure_swing=float(rng.uniform(0.05, 0.16)),
            end_frame=float(rng.uniform(0.89, 0.95)) * (num_frames - 1),
            pen=Pen(width_px=float(rng.uniform(2.4, 3.2))),
        )


def draw_parts(
    parts_px: Sequence[Sequence[NDArray[np.floating[Any]]]],
    names: Sequence[str],
    hand: Hand,
    rng: np.random.Generator,
    *,
    width_px: int = 432,
    height_px: int = 240,
    num_frames: int = 81,
) -> Sketch:
    """Draws the curves of every part, in order, within the clip.

    A part's share of the time is half equal and half in proportion to its ink, so that small parts
    remain visible events.

    Args:
        parts_px: per part, curves (N, 2) in canvas pixels.
        names: name of every part.
    """
    drawn = [[_line(curve, hand, rng) for curve in curves] for curves in parts_px]
    ink_px = np.array([sum(len(c) * POINT_SPACING_PX + PAUSE_PX for c in cs) for cs in drawn])
    share = 0.5 / len(drawn) + 0.5 * ink_px / ink_px.sum()
    durations = share * (hand.end_frame - FIRST_INK_FRAME)
    starts = FIRST_INK_FRAME + np.concatenate([[0.0], np.cumsum(durations)[:-1]])
    strokes = [
        stroke
        for index, curves in enumerate(drawn)
        for stroke in _timed(curves, starts[index], durations[index], index, hand, rng)
    ]
    return Sketch(
        strokes=tuple(strokes),
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
        part_names=tuple(names),
    )


def _timed(
    curves: Sequence[NDArray[np.floating[Any]]],
    start: float,
    duration: float,
    part: int,
    hand: Hand,
    rng: np.random.Generator,
) -> list[Stroke]:
    pause = PAUSE_PX / POINT_SPACING_PX
    total = sum(len(c) + pause for c in curves)
    strokes, passed = [], 0.0
    for curve in curves:
        count = len(curve)
        times = start + duration * (passed + np.arange(count)) / total
        passed += count + pause
        swing = np.sin(np.linspace(0, rng.uniform(2, 9), count) + rng.uniform(0, 6))
        strokes.append(
            Stroke(
                points_N2=curve,
                times_N=times.astype(np.float32),
                pressure_N=(1 + hand.pressure_swing * swing).astype(np.float32),
                part=part,
                pen=hand.pen,
            )
        )
    return strokes


def _line(curve_px: FloatArray, hand: Hand, rng: np.random.Generator) -> FloatArray:
    """One curve as this hand draws it."""
    points = resample(curve_px, POINT_SPACING_PX)
    points = _overshoot(points, hand.overshoot_px * rng.random())
    count = len(points)
    knots = max(2, int(count * POINT_SPACING_PX) // 18)
    at = np.linspace(0, knots - 1, count)
    drift = rng.normal(0, hand.tremor_px, (2, knots))
    wobble = np.stack([np.interp(at, np.arange(knots), row) for row in drift], axis=1)
    # Short marks (eyes, buttons) are drawn by a careful hand.
    return (points + wobble * min(1.0, count / 60)).astype(np.float32)


def _overshoot(points: FloatArray, amount_px: float) -> FloatArray:
    if amount_px < POINT_SPACING_PX or len(points) < 8:
        return points
    direction = points[-1] - points[-4]
    norm = float(np.hypot(*direction))
    if norm < 1e-6:
        return points
    steps = np.arange(1, int(amount_px / POINT_SPACING_PX) + 1)[:, None] * POINT_SPACING_PX
    return np.vstack([points, points[-1] + steps * direction / norm]).astype(np.float32)
