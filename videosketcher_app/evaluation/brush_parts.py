"""Which parts brush drawings miss, by brush and by part, beside what true paintings miss.

A broad brush hides small parts from the detector even where the engine painted them: only what a
drawing misses beyond its true painting is the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from videosketcher_app.evaluation.detector import Detector
from videosketcher_app.evaluation.text import score_clips

if TYPE_CHECKING:
    from videosketcher_app.evaluation.brush import BrushScore

WIDTHS_PX = (0.0, 4.0, 7.0, 10.0, 60.0)
MOST_PARTS = 12
Missed = dict[str, list[bool]]


def missed_rows(
    drawn: Sequence[BrushScore], true: Sequence[BrushScore], detector: Detector
) -> list[dict[str, object]]:
    """Shares of parts that were not found, [drawn, true], by kind and width of brush and by part."""
    found = [_missed(scores, detector) for scores in (drawn, true)]
    rows: list[dict[str, object]] = []
    for k, what in enumerate(("kind", "width", "part")):
        shares = _beside(found[0][k], found[1][k])
        worst = sorted(shares, key=lambda name: shares[name][1] - shares[name][0])[:MOST_PARTS]
        rows.append({"set": f"missed by {what}", **{name: shares[name] for name in worst}})
    return rows


def _missed(scores: Sequence[BrushScore], detector: Detector) -> tuple[Missed, Missed, Missed]:
    by_kind: Missed = {}
    by_width: Missed = {}
    by_part: Missed = {}
    readings = score_clips(detector, [s.case.task for s in scores], [s.reading for s in scores])
    for score, reading in zip(scores, readings, strict=True):
        brush = score.case.brush
        for part in reading.reading.parts:
            for group, name in (
                (by_kind, brush.kind),
                (by_width, _width_name(brush.width_px)),
                (by_part, part.label),
            ):
                group.setdefault(name, []).append(not part.present)
    return by_kind, by_width, by_part


def _width_name(width_px: float) -> str:
    at = int(np.searchsorted(WIDTHS_PX, width_px, side="right"))
    return f"{WIDTHS_PX[at - 1]:g} to {WIDTHS_PX[at]:g} px"


def _beside(drawn: Missed, true: Missed) -> dict[str, list[float]]:
    """Shares of both, for all that both have."""
    return {
        name: [round(float(np.mean(missed[name])), 3) for missed in (drawn, true)]
        for name in drawn
        if name in true
    }
