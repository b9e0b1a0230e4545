"""The tutor's eye: how near a copy is to what was shown, wherever and how large it was drawn.

Legend: N, M points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Stroke, resample

POINTS = 40  # of a line as long as the shape's radius
NEAR = 0.15  # of the shape's radius: a point nearer than that is there
MAX_SCALE = 4.0  # a copy that is so much larger or smaller is another shape
_SHOWN_POINTS = 400


def compare_copy(shown: Sequence[Stroke], copy: Sequence[Stroke]) -> dict[str, Any]:
    """How near the strokes of a copy are to those that were shown.

    The copy is moved and scaled onto what was shown, never turned. Returns

        likeness: 1 for a perfect copy, towards 0 without likeness;
        distance_px: mean distance of either to the other, after moving;
        missing: points that were shown and not copied; extra: points of the copy that were not
        shown, where the user drew them;
        shift_px, scale: how the copy lies on the canvas.

    Raises:
        InvalidRequest: there are no strokes on one of the sides.
    """
    if not shown or not copy:
        raise InvalidRequest(
            "There is nothing to compare yet.",
            hint="Draw your copy first." if shown else "Let the model draw a part first.",
        )
    there_N2, drawn_M2 = _points(shown), _points(copy)
    middle, radius = _spread(there_N2)
    own_middle, own_radius = _spread(drawn_M2)
    scale = float(np.clip(radius / own_radius, 1 / MAX_SCALE, MAX_SCALE))
    moved_M2 = (drawn_M2 - own_middle) * scale + middle
    to_copy, to_shown = _distances(there_N2, moved_M2), _distances(moved_M2, there_N2)
    distance_px = float((to_copy.mean() + to_shown.mean()) / 2)
    near_px = NEAR * radius
    return {
        "likeness": round(float(np.exp(-distance_px / near_px)), 3),
        "distance_px": round(distance_px, 2),
        "missing": _listed(there_N2[to_copy > near_px]),
        "extra": _listed(drawn_M2[to_shown > near_px]),
        "shift_px": np.round(own_middle - middle, 1).tolist(),
        "scale": round(1 / scale, 3),
    }


def _points(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    _, radius = _spread(np.concatenate([s.points_N2 for s in strokes]).astype(np.float64))
    spacing_px = radius / POINTS
    lines = [
        resample(s.points_N2, spacing_px) if len(s.points_N2) > 1 else s.points_N2 for s in strokes
    ]
    return np.concatenate(lines).astype(np.float64)


def _spread(points_N2: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Middle and root mean square radius in pixels, at least one."""
    middle = points_N2.mean(axis=0)
    return middle, max(1.0, float(np.sqrt(((points_N2 - middle) ** 2).sum(axis=1).mean())))


def _distances(from_N2: NDArray[np.float64], to_M2: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial import KDTree

    return np.asarray(KDTree(to_M2).query(from_N2)[0])


def _listed(points_N2: NDArray[np.float64]) -> list[list[float]]:
    step = max(1, -(-len(points_N2) // _SHOWN_POINTS))
    return np.round(points_N2[::step], 1).tolist()
