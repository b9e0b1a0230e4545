"""From readings to figures: one score a drawing, one row of figures a set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import PLACES
from videosketcher_app.evaluation.clip import ClipReading
from videosketcher_app.evaluation.reading import DrawingReading
from videosketcher_app.evaluation.tasks import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """One scored drawing.

    Attributes:
        named: what the classifier sees; None where it was not asked.
        stray_ink: share of the ink in thirds of the canvas that the plan leaves empty; None unless
            every part of the plan stands at a place of its own.
    """

    task: Task
    clip: ClipReading
    reading: DrawingReading
    named: str | None = None
    stray_ink: float | None = None

    def faults(self) -> list[str]:
        """What is wrong with the drawing, in words."""
        parts = self.reading.parts
        found = [f"missing: {part.label}" for part in parts if not part.present]
        found += [f"misplaced: {p.label}" for p in parts if p.present and not p.in_place]
        found += [f"wrong shape: {p.label}" for p in parts if p.present and p.right_shape is False]
        if self.reading.pairs_right < self.reading.pairs:
            drawn = sorted((p for p in parts if p.frame is not None), key=lambda p: p.frame or 0.0)
            found.append("order: " + ", ".join(p.label.split("/")[-1] for p in drawn))
        if self.named is not None and self.named != self.task.name:
            found.append(f"looks like: {self.named}")
        return found


def stray_share(ink_HW: NDArray[np.float32], labels: Sequence[str]) -> float | None:
    """Share of the ink in the thirds where no part of the plan belongs; None without places."""
    if not all("@" in label for label in labels):
        return None
    free_HW = np.ones(ink_HW.shape, bool)
    height, width = ink_HW.shape
    for label in labels:
        column, row = PLACES[label.split("@")[1]]
        rows = slice(row * height // 3, (row + 1) * height // 3)
        free_HW[rows, column * width // 3 : (column + 1) * width // 3] = False
    total = float(ink_HW.sum())
    return float(ink_HW[free_HW].sum()) / total if total else 0.0


def figures(scores: Sequence[Score]) -> dict[str, float]:
    """The figures of some drawings; a figure without a drawing behind it is left out."""
    parts = [part for score in scores for part in score.reading.parts]
    pairs = sum(score.reading.pairs for score in scores)
    right = sum(score.reading.pairs_right for score in scores)
    named = [score.named == score.task.name for score in scores if score.named is not None]
    shapes = [part.right_shape for part in parts if part.right_shape is not None]
    stray = [score.stray_ink for score in scores if score.stray_ink is not None]
    rows: dict[str, float] = {
        "drawings": len(scores),
        "order": right / pairs if pairs else float("nan"),
        "order_all_pairs": right / max(1, _all_pairs(scores)),
        "present": _mean([part.present for part in parts]),
        "in_place": _mean([part.in_place for part in parts]),
        "right_shape": _mean(shapes),
        "extra_ink": _mean([score.reading.extra_ink for score in scores]),
        "stray_ink": _mean(stray),
        "recognised": _mean(named),
    }
    return _known(rows | _clip_figures([score.clip for score in scores]))


def _all_pairs(scores: Sequence[Score]) -> int:
    """Pairs of planned parts, missing ones included: a missing part spoils all of its pairs."""
    counts = [len(score.reading.parts) for score in scores]
    return sum(count * (count - 1) // 2 for count in counts)


def _clip_figures(clips: Sequence[ClipReading]) -> dict[str, float]:
    if not clips:
        return {}
    raw, clean = [clip.raw for clip in clips], [clip.composited for clip in clips]
    return {
        "persistence": _mean([f.persistence for f in raw]),
        "persistence_worst": min(f.persistence for f in raw),
        "first_frame_white": _mean([f.first_frame_white for f in raw]),
        "first_frame_white_worst": min(f.first_frame_white for f in raw),
        "paper_drift": _mean([f.paper_drift for f in raw]),
        "paper_drift_worst": max(f.paper_drift for f in raw),
        "composited_persistence": _mean([f.persistence for f in clean]),
        "composited_persistence_worst": min(f.persistence for f in clean),
    }


def grouped(scores: Sequence[Score], key: Callable[[Score], str]) -> dict[str, dict[str, float]]:
    """The figures of every group of drawings, sorted by name."""
    names = sorted({key(score) for score in scores})
    return {name: figures([score for score in scores if key(score) == name]) for name in names}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _known(values: dict[str, float]) -> dict[str, float]:
    return {key: round(float(value), 4) for key, value in values.items() if not np.isnan(value)}
