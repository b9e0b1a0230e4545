"""Drawings whose parts were seen at given frames, as a detector would tell it."""

from __future__ import annotations

from collections.abc import Sequence

from videosketcher_app.evaluation.reading import DrawingReading, PartReading


def reading_of(labels: Sequence[str], frames: Sequence[float | None]) -> DrawingReading:
    """Parts that were seen at these frames; None is a part that is missing."""
    parts = tuple(
        PartReading(
            label=label,
            score=1.0,
            present=frame is not None,
            center=None,
            radius=0.0,
            in_place=True,
            right_shape=None,
            frame=frame,
        )
        for label, frame in zip(labels, frames, strict=True)
    )
    return DrawingReading(parts=parts, extra_ink=0.0, pairs_right=0.0, pairs=0)
