"""Sketch, Stroke and Pen: what every drawing in this product is made of.

Legend: N points of a stroke. Positions are pixels of the sketch's own canvas (x right, y down),
times are frames of its clip (0 is the first frame, which is always blank paper).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import DEFAULT_FPS, DEFAULT_NUM_FRAMES

FloatArray = NDArray[np.float32]
NIBS = ("round", "chisel")


@dataclass(frozen=True, kw_only=True)
class Pen:
    """What a stroke is drawn with.

    Attributes:
        color: RGB in [0, 1].
        width_px: full width of the line at pressure 1, in canvas pixels.
        opacity: coverage of one pass in (0, 1].
        nib: "round", or "chisel" (width depends on direction).
        nib_angle: angle of the chisel's long edge in radians; ignored by the round nib.
    """

    color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    width_px: float = 2.2
    opacity: float = 1.0
    nib: str = "round"
    nib_angle: float = 0.7

    def __post_init__(self) -> None:
        assert self.nib in NIBS, self.nib
        assert self.width_px > 0, self.width_px
        assert 0 < self.opacity <= 1, self.opacity


@dataclass(frozen=True, kw_only=True, eq=False)
class Stroke:
    """One pen path from pen down to pen up.

    Attributes:
        points_N2: positions in canvas pixels.
        times_N: non-decreasing times in frames at which each point is inked.
        pressure_N: multiplies the pen's width.
        part: index of the plan's part that the stroke belongs to.
        pen: the pen.
    """

    points_N2: FloatArray
    times_N: FloatArray
    pressure_N: FloatArray
    part: int = 0
    pen: Pen = field(default_factory=Pen)

    def __post_init__(self) -> None:
        count = len(self.points_N2)
        assert count >= 1
        assert self.points_N2.shape == (count, 2), self.points_N2.shape
        assert self.times_N.shape == (count,), self.times_N.shape
        assert self.pressure_N.shape == (count,), self.pressure_N.shape

    @property
    def length_px(self) -> float:
        """Length of the path in canvas pixels."""
        return float(np.hypot(*np.diff(self.points_N2, axis=0).T).sum())

    @property
    def start(self) -> float:
        """Frame at which the pen goes down."""
        return float(self.times_N[0])

    @property
    def end(self) -> float:
        """Frame at which the pen goes up."""
        return float(self.times_N[-1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Sketch:
    """An ordered list of strokes on a white canvas.

    Attributes:
        strokes: in drawing order.
        width_px, height_px: canvas that the points refer to.
        num_frames: length of the clip.
        fps: frames a second of the clip.
        part_names: name of every part that strokes refer to by index.
    """

    strokes: tuple[Stroke, ...]
    width_px: int = 432
    height_px: int = 240
    num_frames: int = DEFAULT_NUM_FRAMES
    fps: float = DEFAULT_FPS
    part_names: tuple[str, ...] = ()

    def part_span(self, part: int) -> tuple[float, float] | None:
        """First and last frame of a part's strokes; None if it has no stroke."""
        spans = [(s.start, s.end) for s in self.strokes if s.part == part]
        return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None

    def scaled(self, width_px: int, height_px: int) -> Sketch:
        """The same sketch on a canvas of another size; line widths scale with the height."""
        scale = np.array([width_px / self.width_px, height_px / self.height_px], np.float32)
        strokes = tuple(
            replace(
                stroke,
                points_N2=stroke.points_N2 * scale,
                pen=replace(stroke.pen, width_px=stroke.pen.width_px * float(scale[1])),
            )
            for stroke in self.strokes
        )
        return replace(self, strokes=strokes, width_px=width_px, height_px=height_px)


def resample(points_M2: FloatArray, spacing_px: float) -> FloatArray:
    """The polyline with points every `spacing_px` of arc length, ends kept; at least 2 points."""
    steps = np.hypot(*np.diff(points_M2, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, int(arc[-1] / spacing_px) + 1)
    at = np.linspace(0, arc[-1], count)
    columns = [np.interp(at, arc, points_M2[:, axis]) for axis in (0, 1)]
    return np.stack(columns, axis=1).astype(np.float32)
