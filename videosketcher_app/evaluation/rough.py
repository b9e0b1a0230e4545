"""True drawings with the faults that a small model's lines have, for judges that must not mind them.

Lines break, their pieces lie beside each other, and some are drawn a second time a few pixels away.

Legend: N points of a stroke, P points of a piece of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import Sketch, Stroke

SPACING_PX = 1.0
PIECE_PX = 45.0  # from one gap to the next, on average, at full strength
GAP_PX = (2.0, 9.0)
SHIFT_PX = 1.2  # standard deviation of where a piece lies
AGAIN_CHANCE, AGAIN_PX = 0.35, 3.0  # a piece is drawn twice, so far apart
SHORTEST_PX = 3.0


def roughened(sketch: Sketch, rng: np.random.Generator, strength: float) -> Sketch:
    """The sketch as a model might have drawn it; parts and their times stay.

    Args:
        strength: 0 leaves it as it is, 1 is about what Pocket does to small parts.
    """
    if strength <= 0:
        return sketch
    strokes = [piece for stroke in sketch.strokes for piece in _rough(stroke, rng, strength)]
    return replace(sketch, strokes=tuple(strokes))


def _rough(stroke: Stroke, rng: np.random.Generator, strength: float) -> Iterator[Stroke]:
    arc_N = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke.points_N2, axis=0).T))])
    length = float(arc_N[-1])
    if length < SHORTEST_PX:
        yield stroke
        return
    for start, stop in _pieces(length, rng, strength):
        piece = _piece(stroke, arc_N, start, stop)
        yield _moved(piece, rng.normal(0, SHIFT_PX * strength, 2))
        if rng.random() < AGAIN_CHANCE * strength:
            share = rng.uniform(0.4, 1.0) * (stop - start)
            begun = start + rng.uniform(0, stop - start - share)
            again = _piece(stroke, arc_N, begun, begun + share)
            yield _moved(again, rng.normal(0, AGAIN_PX, 2))


def _pieces(
    length: float, rng: np.random.Generator, strength: float
) -> Iterator[tuple[float, float]]:
    """Where pieces begin and end along a line, in pixels."""
    at = 0.0
    while length - at > SHORTEST_PX:
        stop = min(length, at + max(SHORTEST_PX, rng.exponential(PIECE_PX / strength)))
        yield at, stop
        at = stop + rng.uniform(*GAP_PX)


def _piece(stroke: Stroke, arc_N: NDArray[np.float64], start: float, stop: float) -> Stroke:
    count = max(2, int((stop - start) / SPACING_PX) + 1)
    at_P = np.linspace(start, stop, count)

    def along(values_N: NDArray) -> NDArray[np.float32]:
        return np.interp(at_P, arc_N, values_N).astype(np.float32)

    points_P2 = np.stack([along(column) for column in stroke.points_N2.T], axis=1)
    return replace(
        stroke,
        points_N2=points_P2,
        times_N=along(stroke.times_N),
        pressure_N=along(stroke.pressure_N),
    )


def _moved(stroke: Stroke, by_2: NDArray[np.float64]) -> Stroke:
    return replace(stroke, points_N2=(stroke.points_N2 + by_2).astype(np.float32))
