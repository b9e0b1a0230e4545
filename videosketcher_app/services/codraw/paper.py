"""Paper: what both hands have put on the canvas, and how the model's frames become ink on it.

The user's ink is exact and never altered. Of a model's frame only what is darker than its own
decode of the picture before the turn counts as new ink; it stays, it lies below the user's ink, and
it keeps out of locked paper.

Legend: H/W canvas pixels, N points. Levels are grey levels of darkness, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.ink import KNEE_LEVEL, NOISE_LEVEL
from videosketcher_app.data.strokes import FloatArray

Picture = NDArray[np.uint8]
MAX_CORNERS = 2000


class Paper:
    """The canvas at one moment of a path; `copy` before changing what others hold.

    Attributes:
        picture_HW3: what is on the screen; replaced, never written to.
        user_HW: how much of each pixel the user's ink covers, in [0, 1]; same rule.
    """

    def __init__(self, picture_HW3: Picture, user_HW: FloatArray) -> None:
        self.picture_HW3, self.user_HW = picture_HW3, user_HW

    @classmethod
    def blank(cls, width: int, height: int) -> Paper:
        """White paper."""
        return cls(
            np.full((height, width, 3), 255, np.uint8), np.zeros((height, width), np.float32)
        )

    def copy(self) -> Paper:
        """The same paper, to go on from."""
        return Paper(self.picture_HW3, self.user_HW)

    def lay(self, coverage_HW: FloatArray, color: Sequence[float], *, erase: bool) -> Paper:
        """The paper with a stroke of the user on it; an eraser's color is the paper's."""
        under = self.picture_HW3.astype(np.float32)
        ink = np.full(3, 255, np.float32) if erase else np.asarray(color, np.float32) * 255
        over = under + coverage_HW[..., None] * (ink - under)
        user = self.user_HW + coverage_HW * (0 - self.user_HW if erase else 1 - self.user_HW)
        return Paper(np.round(over).astype(np.uint8), user.astype(np.float32))

    def inked(
        self, raw_HW3: Picture, seen_HW3: Picture, free_HW: NDArray[np.bool_] | None
    ) -> tuple[Picture, float]:
        """The picture with a frame of the model on it.

        Args:
            raw_HW3: the frame as decoded.
            seen_HW3: how the decoder showed the picture before the turn.
            free_HW: paper that takes ink of the model; None is all of it.

        Returns:
            the picture, and the share of the frame's new ink that locked paper kept out.
        """
        rise_HW = (seen_HW3.astype(np.int16) - raw_HW3).max(axis=2).astype(np.float32)
        weight_HW = np.clip((rise_HW - NOISE_LEVEL) / (KNEE_LEVEL - NOISE_LEVEL), 0, 1)
        weight_HW *= 1 - self.user_HW
        kept_out = 0.0
        if free_HW is not None:
            total = float(weight_HW.sum())
            weight_HW *= free_HW
            kept_out = 1 - float(weight_HW.sum()) / total if total else 0.0
        under = self.picture_HW3.astype(np.float32)
        darker = np.minimum(under, raw_HW3)
        mixed = np.round(under + weight_HW[..., None] * (darker - under)).astype(np.uint8)
        return np.minimum(mixed, self.picture_HW3), kept_out


def free_paper(
    polygons: Sequence[Sequence[Sequence[float]]], width: int, height: int
) -> NDArray[np.bool_] | None:
    """Where the model may put ink (H, W); None if nothing is locked."""
    if not polygons:
        return None
    import cv2

    locked = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(locked, [np.round(np.asarray(polygon, np.float64)).astype(np.int32)], 1)
    return locked == 0


def check_polygon(polygon_N2: Sequence[Sequence[float]]) -> list[list[float]]:
    """The polygon as plain numbers.

    Raises:
        InvalidRequest: it has fewer than 3 corners, too many, or corners that are no points.
    """
    try:
        corners = np.asarray(polygon_N2, np.float64)
    except (TypeError, ValueError):
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1:] != (2,) or not 3 <= len(corners) <= MAX_CORNERS:
        raise InvalidRequest(
            f"A lasso has 3 to {MAX_CORNERS} corners of two numbers.", hint="Draw it again."
        )
    if not (np.abs(corners) < 1e5).all():  # also refuses NaN
        raise InvalidRequest("A corner of the lasso is far off the canvas.", hint="Draw it again.")
    return corners.tolist()
