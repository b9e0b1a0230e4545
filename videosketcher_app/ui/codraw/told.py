"""What a page is told, as JSON: strokes in the form that a session's state has them in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from videosketcher_app.data.strokes import Stroke


def dumped(kind: str, values: dict[str, Any]) -> str:
    """One message; what is no number is refused, since a page could not read it."""
    return json.dumps({"kind": kind, **values}, allow_nan=False)


def strokes_of(strokes: Iterable[Stroke]) -> list[dict[str, Any]]:
    """Strokes as {"points": [[x, y, frame, pressure]...], "color", "width", "opacity"}."""
    return [
        {
            "points": np.column_stack([stroke.points_N2, stroke.times_N, stroke.pressure_N])
            .astype(np.float64)
            .round(2)
            .tolist(),
            "color": "#" + "".join(f"{round(255 * channel):02x}" for channel in stroke.pen.color),
            "width": round(stroke.pen.width_px, 3),
            "opacity": stroke.pen.opacity,
        }
        for stroke in strokes
    ]
