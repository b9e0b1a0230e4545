"""The user's hand: points as they come in become strokes with the model's sense of time, and frames.

A frame of the drawing passes with every frame of real time while the pen moves; but a pen that
rests or creeps takes no more frames than the slowest pen that the model has learned from, so that
what it sees has the pace of what it knows. Nothing else of the stroke is changed.

Legend: N points, H/W canvas pixels. Times are frames of the turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.renderer import stroke_layer
from videosketcher_app.data.strokes import FloatArray, Pen, Stroke
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.reel import Reel

# The fifth percentile of the grammar's pens: 8 px a frame on a canvas of 432 x 240.
SLOWEST_PACE = 8 / math.hypot(432, 240)  # of the canvas's diagonal, a frame
LIFT_FRAMES = 0.3  # from pen up to pen down, the grammar's median
FIRST_INK = 0.5  # frame 0 of a drawing is blank paper
MAX_STROKE_POINTS = 20_000
MAX_STROKES = 2000  # of one turn
MAX_WIDTH_PX = 64.0
MAX_LENGTH = 200  # of a stroke, in diagonals of the canvas
STAMPED_PX = 2_000_000  # pixels that one piece of a stroke may stamp, so that memory stays small
MAX_COORDINATE = 1e4
MIN_PRESSURE, MAX_PRESSURE = 0.02, 4.0

Row = tuple[float, float, float, float]  # x, y, time, pressure; exact in float32


@dataclass(frozen=True, kw_only=True, eq=False)
class HandStroke:
    """One stroke of the user.

    Attributes:
        stroke: as it is kept; times are frames of the turn.
        eraser: it takes ink away.
        seconds: that the pen was down.
    """

    stroke: Stroke
    eraser: bool = False
    seconds: float = 0.0


@dataclass
class _Line:
    """The stroke in the hand.

    Attributes:
        base: the paper under it.
        cover_HW: coverage of the points that are inked already.
        inked: how many points these are.
    """

    number: int
    pen: Pen
    eraser: bool
    base: Paper
    cover_HW: FloatArray
    rows: list[Row] = field(default_factory=list)
    length_px: float = 0.0
    clock: float = 0.0
    begun_s: float = 0.0
    last_s: float = 0.0
    inked: int = 0

    def cover(self, tips: Sequence[Row]) -> None:
        """Inks the points that are not inked yet, and on to the tips, which are no points."""
        # From the last inked point on, so that the pieces join.
        rows = [*self.rows[max(0, self.inked - 1) :], *tips]
        if not rows:
            return
        height, width = self.cover_HW.shape
        for piece in _pieces(rows, self.pen):
            layer = stroke_layer(piece, width, height)
            if layer is not None:
                box = self.cover_HW[layer.top :, layer.left :]
                box = box[: layer.coverage_HW.shape[0], : layer.coverage_HW.shape[1]]
                np.maximum(box, layer.coverage_HW, out=box)
        self.inked = len(self.rows)

    def laid(self) -> Paper:
        """The paper with what is inked."""
        return self.base.lay(self.cover_HW, self.pen.color, erase=self.eraser)


class Hand:
    """The strokes of one turn of the user, and the frames in which they appear.

    Args:
        paper: what the turn begins on.
        first: the drawing begins with this turn.
    """

    def __init__(self, paper: Paper, *, fps: float, first: bool) -> None:
        self.paper = paper
        self.reel = Reel(paper.picture_HW3)
        self.strokes: list[HandStroke] = []
        self._fps, self._start = fps, FIRST_INK if first else 0.0
        self._line: _Line | None = None
        self._papers: list[tuple[Paper, int]] = []  # before each stroke: paper, frames
        height, width = paper.user_HW.shape
        self._diagonal_px = math.hypot(width, height)

    @property
    def is_down(self) -> bool:
        """True while a stroke is in the hand."""
        return self._line is not None

    @property
    def is_empty(self) -> bool:
        """True if nothing was drawn."""
        return not self.strokes and self._line is None

    @property
    def end(self) -> float:
        """The time, in frames, up to which something was drawn."""
        if self._line is not None:
            return self._line.clock
        return self.strokes[-1].stroke.end if self.strokes else self._start

    def move(
        self, points: Sequence[Sequence[float]], *, number: int, pen: Pen | None, eraser: bool
    ) -> None:
        """More points of stroke `number`; a new number lifts the pen first.

        Raises:
            InvalidRequest: they are no points, or too many.
        """
        rows = _checked(points)
        if self._line is not None and self._line.number != number:
            self.lift()
        if self._line is None:
            if not rows:
                return
            self._put_down(number, pen or Pen(), eraser, rows[0][2])
        line = self._line
        assert line is not None
        if len(line.rows) + len(rows) > MAX_STROKE_POINTS:
            raise InvalidRequest(
                f"A stroke has at most {MAX_STROKE_POINTS:,} points.", hint="Lift the pen."
            )
        for x, y, at_s, pressure in rows:
            line.clock = _exact(line.clock + self._passed(line, x, y, at_s))
            line.last_s = max(line.last_s, at_s)
            self._show_until((x, y, line.clock, pressure))
            line.rows.append((x, y, line.clock, pressure))

    def lift(self) -> HandStroke | None:
        """Ends the stroke in the hand; its last frame is there afterwards."""
        line, self._line = self._line, None
        if line is None:
            return None
        kept = HandStroke(
            stroke=_stroke(line.rows, line.pen),
            eraser=line.eraser,
            seconds=line.last_s - line.begun_s,
        )
        line.cover(())
        self.strokes.append(kept)
        self.paper = line.laid()
        while len(self.reel) <= math.ceil(line.clock):
            self.reel.add(self.paper.picture_HW3)
        return kept

    def discard(self) -> None:
        """Gives up the stroke in the hand."""
        if self._line is not None:
            self._line = None
            self._back()

    def take_back(self) -> HandStroke | None:
        """Removes the latest finished stroke with its frames."""
        self.lift()
        if not self.strokes:
            return None
        removed = self.strokes.pop()
        self._back()
        return removed

    def put_back(self, removed: HandStroke) -> None:
        """Draws a finished stroke again, as it was."""
        self.lift()
        stroke = removed.stroke
        rows = np.column_stack([stroke.points_N2, stroke.times_N, stroke.pressure_N]).tolist()
        self._put_down(-1, stroke.pen, removed.eraser, 0.0)
        line = self._line
        assert line is not None
        line.last_s = removed.seconds
        shift = max(0.0, line.clock - stroke.start)
        for x, y, frame, pressure in rows:
            line.clock = _exact(frame + shift)
            self._show_until((x, y, line.clock, pressure))
            line.rows.append((x, y, line.clock, pressure))
        self.lift()

    def all_of_it(self) -> Paper:
        """The paper with everything that was drawn until now."""
        line = self._line
        if line is None:
            return self.paper
        seen = replace(line, cover_HW=line.cover_HW.copy())
        seen.cover(())
        return seen.laid()

    def picture(self) -> NDArray[np.uint8]:
        """The same as a picture (H, W, 3)."""
        return self.all_of_it().picture_HW3

    def _put_down(self, number: int, pen: Pen, eraser: bool, at_s: float) -> None:
        if len(self.strokes) >= MAX_STROKES:
            raise InvalidRequest(
                f"A turn has at most {MAX_STROKES:,} strokes.", hint="Let the model go on."
            )
        self._papers.append((self.paper, len(self.reel)))
        clock = _exact(self.end + LIFT_FRAMES) if self.strokes else self._start
        cover = np.zeros_like(self.paper.user_HW)
        self._line = _Line(
            number=number, pen=pen, eraser=eraser, base=self.paper, cover_HW=cover, clock=clock
        )
        self._line.begun_s = self._line.last_s = at_s

    def _passed(self, line: _Line, x: float, y: float, at_s: float) -> float:
        """Frames that pass on the way to a point."""
        if not line.rows:
            return 0.0
        way_px = math.hypot(x - line.rows[-1][0], y - line.rows[-1][1])
        line.length_px += way_px
        if line.length_px > MAX_LENGTH * self._diagonal_px:
            raise InvalidRequest("This stroke is too long.", hint="Lift the pen and go on.")
        slowest_px = SLOWEST_PACE * self._diagonal_px
        return min(max(0.0, at_s - line.last_s) * self._fps, way_px / slowest_px)

    def _show_until(self, row: Row) -> None:
        """Makes the frames that are over before the pen comes to a point."""
        line = self._line
        assert line is not None
        while len(self.reel) < row[2]:
            tips = [_between(line.rows[-1], row, len(self.reel))] if line.rows else []
            line.cover(tips)
            self.reel.add(line.laid().picture_HW3 if tips else self.reel.last_HW3)

    def _back(self) -> None:
        self.paper, frames = self._papers.pop()
        self.reel = self.reel.first(frames)


def _between(one: Row, other: Row, time: float) -> Row:
    """Where the pen is at a time between two points."""
    share = (time - one[2]) / (other[2] - one[2])
    x, y, at, pressure = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return x, y, at, pressure


def _pieces(rows: Sequence[Row], pen: Pen) -> Iterator[Stroke]:
    """The stroke in pieces that stamp few pixels at a time; neighbours share a point."""
    longest_px = STAMPED_PX / (pen.width_px * max(row[3] for row in rows) + 3) ** 2
    start, length_px = 0, 0.0
    for index in range(1, len(rows)):
        length_px += math.hypot(
            rows[index][0] - rows[index - 1][0], rows[index][1] - rows[index - 1][1]
        )
        if length_px > longest_px:
            yield _stroke(rows[start : index + 1], pen)
            start, length_px = index, 0.0
    yield _stroke(rows[start:], pen)


def _stroke(rows: Sequence[Row], pen: Pen) -> Stroke:
    table = np.array(rows, np.float32).reshape(-1, 4)
    return Stroke(
        points_N2=table[:, :2].copy(),
        times_N=table[:, 2].copy(),
        pressure_N=table[:, 3].copy(),
        pen=pen,
    )


def _checked(points: Sequence[Sequence[float]]) -> list[Row]:
    """The points with pressures that leave a mark.

    Raises:
        InvalidRequest: they are not rows of four finite numbers near the canvas.
    """
    table: NDArray[Any] = np.zeros(1)
    with suppress(TypeError, ValueError, OverflowError):
        table = np.asarray(points, np.float64)
    if table.size == 0 and table.ndim <= 2:
        return []
    if table.ndim != 2 or table.shape[1] != 4 or not (np.abs(table) < 1e7).all():
        raise InvalidRequest(
            "A point of a stroke is [x, y, seconds, pressure], four finite numbers.",
            hint="Reload the page if this comes from it.",
        )
    if not (np.abs(table[:, :2]) < MAX_COORDINATE).all():
        raise InvalidRequest("A point lies far off the canvas.", hint="Draw on the paper.")
    pressure_N = np.clip(table[:, 3], MIN_PRESSURE, MAX_PRESSURE)
    rows = zip(table[:, 0], table[:, 1], table[:, 2], pressure_N, strict=True)
    return [(_exact(x), _exact(y), float(t), _exact(p)) for x, y, t, p in rows]


def _exact(value: float) -> float:
    """The nearest number that float32 can hold, so that a kept stroke is the one that was drawn."""
    return float(np.float32(value))
