"""What of the plan is on the paper, judged by the detector that also scores finished drawings.

The detector knows the parts of the grammar's concepts and shapes at places. A part that it has no
word for counts by its share of the drawn ink's time, which is a guess and says so (`sure`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import DEFAULT_NUM_FRAMES
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.services.codraw.words import Words

Picture = NDArray[np.uint8]
_reading = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class PartLeft:
    """One part of the plan.

    Attributes:
        drawn: it is on the paper.
        sure: how far to trust that, in [0, 1]; 1 if the user said so.
    """

    name: str
    description: str
    drawn: bool
    sure: float


def parts_of(
    words: Words, picture_HW3: Picture, *, inked_frames: int, told: dict[int, bool]
) -> list[PartLeft]:
    """Every part of the plan, in order.

    Args:
        inked_frames: frames of the drawing in which something was drawn, for the guess.
        told: what the user said of parts, by their number from 0.
    """
    scores = _scores(words.model_plan, picture_HW3)
    expected = inked_frames / DEFAULT_NUM_FRAMES * len(words.plan.parts)
    found = []
    for index, part in enumerate(words.plan.parts):
        score = scores[index] if index < len(scores) else None
        drawn, sure = (expected >= index + 1, 0.3) if score is None else (score >= 1, _sure(score))
        if index in told:
            drawn, sure = told[index], 1.0
        found.append(PartLeft(name=part.name, description=part.description, drawn=drawn, sure=sure))
    return found


def drawn_parts(words: Words, picture_HW3: Picture, told: dict[int, bool]) -> set[int]:
    """Numbers of the parts that the detector sees, or of which the user said that they are there.

    Parts that the detector has no word for are left out.
    """
    scores = _scores(words.model_plan, picture_HW3)
    seen = {index for index, score in enumerate(scores) if score is not None and score >= 1}
    return {index for index in seen | set(told) if told.get(index, True)}


def as_values(parts: Sequence[PartLeft]) -> list[dict[str, Any]]:
    """The parts as JSON values."""
    return [
        {
            "name": part.name,
            "description": part.description,
            "drawn": bool(part.drawn),
            "sure": round(float(part.sure), 3),
        }
        for part in parts
    ]


def _sure(score: float) -> float:
    """0.5 at the detector's threshold, towards 1 far from it."""
    return float(1 / (1 + np.exp(-2 * abs(np.log(max(score, 1e-3))))))


def _scores(plan: DrawingPlan, picture_HW3: Picture) -> list[float | None]:
    """The detector's score of every part as a multiple of its threshold; None if it has no word."""
    from videosketcher_app.evaluation.clip import on_grid
    from videosketcher_app.evaluation.reading import (
        DEFAULT_THRESHOLD,
        read_drawings,
        threshold_key,
    )
    from videosketcher_app.evaluation.video import labels_of

    detector = _detector()
    labels = labels_of(plan, detector.vocabulary)
    asked = [label for label in labels if label is not None]
    if not asked:
        return [None] * len(labels)
    darkness_HW = (255 - picture_HW3.min(axis=2)).astype(np.float32) / 255
    ink_HW, _ = on_grid(darkness_HW, np.zeros_like(darkness_HW))
    with _reading:
        (reading,) = read_drawings(detector, [ink_HW], [asked], [None])
    thresholds = detector.calibration.get("thresholds", {})
    score_of = {
        part.label: part.score / thresholds.get(threshold_key(part.label), DEFAULT_THRESHOLD)
        for part in reading.parts
    }
    return [None if label is None else score_of[label] for label in labels]


@cache
def _detector() -> Any:
    from videosketcher_app.evaluation.detector import load_detector

    return load_detector()
