"""Time of ink in a film of drawing, in which hands, pens and cursors pass over the paper.

Ink is what stays: a pixel's final color is what it shows at the end, and its time is the moment
that explains best what was seen of it: paper before, ink after. A hand or a cursor passes for a
few moments only, so it moves that time little; what it hides is taken to have come in the middle.

Legend: M moments, H/W pixels, K pixels that carry ink. Levels are what is missing from white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.ink import FAINT_LEVEL, STRONG_LEVEL, InkMap, _is_ink, _soft_threshold
from videosketcher_app.data.renderer import NEVER
from videosketcher_app.data.strokes import FloatArray

LAST_MOMENTS = 5  # the final color is the median of these
MIN_MOMENTS = 3  # what is seen in fewer moments at the end may be the cursor at rest
OFF_COLOR_LEVEL = 60.0  # a pixel this far from a mix of paper and ink shows something else
SEEN_AS_INK = 0.6  # least share of ink that a pixel shows after its time
CHUNK = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmInk:
    """The ink of a film.

    Attributes:
        ink: times are moments, with fractions; what was there from the first moment is paper.
        there_before: share of all ink that was there from the first moment.
    """

    ink: InkMap
    there_before: float


def film_ink(frames_MHW3: NDArray[np.uint8]) -> FilmInk:
    """The lasting ink of frames (M, H, W, 3) on white paper, from where the paper is emptiest."""
    height, width = frames_MHW3.shape[1:3]
    final_HW3 = 255 - np.median(frames_MHW3[-LAST_MOMENTS:], axis=0).astype(np.float32)
    pixels_K = np.flatnonzero(final_HW3.max(axis=2) >= FAINT_LEVEL)
    final_K3 = final_HW3.reshape(-1, 3)[pixels_K]
    begin, times_K, seen_K = _dated(frames_MHW3, pixels_K, final_K3)
    lasting_K = (times_K <= len(frames_MHW3) - MIN_MOMENTS) & (seen_K >= SEEN_AS_INK)
    before_K = lasting_K & (times_K <= begin)
    strong_K = final_K3.max(axis=1) >= STRONG_LEVEL
    kept_K = lasting_K & ~before_K
    kept_K &= _is_ink(np.where(kept_K, final_K3.max(axis=1), 0), pixels_K, (height, width))
    pixels_K, final_K3, times_K = pixels_K[kept_K], final_K3[kept_K], times_K[kept_K]
    total = max(1, int((lasting_K & strong_K).sum()))
    return FilmInk(
        ink=_map(pixels_K, _soft_threshold(final_K3), times_K - begin, (height, width)),
        there_before=float((before_K & strong_K).sum() / total),
    )
