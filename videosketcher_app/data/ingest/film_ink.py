"""Time of ink in a film of drawing, in which hands, pens and cursors pass over the paper.

Ink is what stays: a pixel's final color is what it shows at the end, and its time is the moment
that explains best what was seen of it: paper before, ink after. A hand or a cursor passes for a
few moments only, so it moves that time little; what it hides is taken to have come in the middle.

Legend: M moments, H/W pixels, K pixels that carry ink. Levels are what is missing from white.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from videosketcher_app.data.ink import (
    FAINT_LEVEL,
    KNEE_LEVEL,
    NOISE_LEVEL,
    STRONG_LEVEL,
    InkMap,
)
from videosketcher_app.data.renderer import NEVER
from videosketcher_app.data.strokes import FloatArray

LAST_MOMENTS = 5  # the final color is the median of these
MIN_MOMENTS = 3  # what is seen in fewer moments at the end may be the cursor at rest
OFF_COLOR_LEVEL = 60.0  # a pixel this far from a mix of paper and ink shows something else
SEEN_AS_INK = 0.6  # least share of ink that a pixel shows after its time
EMPTY_SHARE = 0.02  # of all ink that may be seen while the paper is as empty as it ever is
LATE_SHARE = 0.2  # of the film, at its end: what came then may be a hand or pen at rest
MORE_LIKELY = 2.0  # so much more often a color passed over the paper than it stayed
RARE_COLOR = 1e-4  # share of what passes that says nothing
COLOR_BINS = 12
SAMPLED_MOMENTS = 30
CHUNK = 8192  # pixels at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmInk:
    """The ink of a film.

    Attributes:
        ink: times are moments, with fractions; what was there from the beginning is paper.
        there_before: share of all ink that was there from the beginning.
    """

    ink: InkMap
    there_before: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Dated:
    """When K pixels became ink (0 if they were from the first moment), and how ink-like since."""

    times_K: FloatArray
    seen_K: FloatArray


def film_ink(frames_MHW3: NDArray[np.uint8]) -> FilmInk:
    """The lasting ink of frames (M, H, W, 3) on white paper, from where the paper is emptiest.

    A preview of the finished drawing at the beginning is left out thereby.
    """
    height, width = frames_MHW3.shape[1:3]
    final_HW3 = 255 - np.median(frames_MHW3[-LAST_MOMENTS:], axis=0).astype(np.float32)
    pixels_K = np.flatnonzero(final_HW3.max(axis=2) >= FAINT_LEVEL)
    final_K3 = final_HW3.reshape(-1, 3)[pixels_K]
    begin = _emptiest(frames_MHW3, pixels_K, final_K3)
    film_MHW3 = frames_MHW3[begin:]
    dated = _dated(film_MHW3, pixels_K, final_K3)
    pixels_K, final_K3, dated = _without_overlay(film_MHW3, pixels_K, final_K3, dated)
    seen_K = dated.times_K <= len(frames_MHW3) - begin - MIN_MOMENTS
    seen_K &= dated.seen_K >= SEEN_AS_INK
    new_K = seen_K & (dated.times_K > 0)
    strong_K = seen_K & (final_K3.max(axis=1) >= STRONG_LEVEL)
    levels_HW3 = np.zeros((height, width, 3), np.float32)
    levels_HW3.reshape(-1, 3)[pixels_K[new_K]] = _soft_threshold(final_K3[new_K])
    times_HW = np.full((height, width), NEVER, np.float32)
    times_HW.reshape(-1)[pixels_K[new_K]] = begin + dated.times_K[new_K]
    return FilmInk(
        ink=ink_of(levels_HW3, times_HW),
        there_before=float((strong_K & ~new_K).sum() / max(1, strong_K.sum())),
    )


def ink_of(levels_HW3: FloatArray, times_HW: FloatArray) -> InkMap:
    """A map of the ink that hangs together with at least one strong pixel.

    Args:
        levels_HW3: what is missing from white, 0 to 255 a channel.
        times_HW: time of ink wherever there is any.
    """
    darkness_HW = levels_HW3.max(axis=2)
    ink_HW = apply_hysteresis_threshold(darkness_HW, 0.5, STRONG_LEVEL)
    return InkMap(
        darkness_HW=np.where(ink_HW, darkness_HW / 255, 0).astype(np.float32),
        times_HW=np.where(ink_HW, times_HW, NEVER).astype(np.float32),
        color_HW3=np.where(ink_HW[..., None], 1 - levels_HW3 / 255, 1).astype(np.float32),
    )


def _without_overlay(
    film_MHW3: NDArray[np.uint8], pixels_K: NDArray, final_K3: FloatArray, dated: _Dated
) -> tuple[NDArray, FloatArray, _Dated]:
    """The ink as it was before the hand or pen came to rest that lies on the paper in the end.

    What lies there is late and has the colors of whatever passed over the paper before.
    """
    moments = len(film_MHW3)
    late_K = np.asarray(dated.times_K >= (1 - LATE_SHARE) * moments)
    early_K = (dated.times_K > 0) & ~late_K
    if not late_K.any():
        return pixels_K, final_K3, dated
    passing = _passing_colors(film_MHW3, pixels_K, final_K3, dated)
    lasting = _histogram(final_K3[early_K])
    bins_K = _bins(final_K3)
    likely_K = late_K & (passing[bins_K] > np.maximum(MORE_LIKELY * lasting[bins_K], RARE_COLOR))
    over_K = late_K & _object(likely_K, pixels_K, film_MHW3.shape[1:3])
    final_K3 = final_K3.copy()
    final_K3[over_K] = _seen_before(film_MHW3, pixels_K[over_K], dated.times_K[over_K])
    times_K, seen_K = dated.times_K.copy(), dated.seen_K.copy()
    again = _dated(film_MHW3, pixels_K[over_K], final_K3[over_K])
    times_K[over_K], seen_K[over_K] = again.times_K, again.seen_K
    ink_K = final_K3.max(axis=1) >= FAINT_LEVEL
    dated = _Dated(times_K=times_K[ink_K], seen_K=seen_K[ink_K])
    return pixels_K[ink_K], final_K3[ink_K], dated


def _object(
    likely_K: NDArray[np.bool_], pixels_K: NDArray, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Pixels that hang together as an object, with its soft rim; a line's mixed edges are none."""
    over_HW = np.zeros(shape, np.uint8)
    over_HW.reshape(-1)[pixels_K[likely_K]] = 1
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    over_HW = cv2.dilate(cv2.morphologyEx(over_HW, cv2.MORPH_OPEN, cross), cross, iterations=2)
    return over_HW.reshape(-1)[pixels_K] > 0


def _seen_before(
    film_MHW3: NDArray[np.uint8], pixels_K: NDArray, times_K: FloatArray
) -> FloatArray:
    """Levels (K, 3) of pixels just before those times."""
    until_K = np.clip(times_K.astype(int), LAST_MOMENTS, len(film_MHW3))
    window_LK = until_K - np.arange(1, LAST_MOMENTS + 1)[:, None]
    before_LK3 = film_MHW3.reshape(len(film_MHW3), -1, 3)[window_LK, pixels_K]
    return 255 - np.median(before_LK3, axis=0).astype(np.float32)


def _passing_colors(
    film_MHW3: NDArray[np.uint8], pixels_K: NDArray, final_K3: FloatArray, dated: _Dated
) -> FloatArray:
    """How often every color was seen where neither paper nor ink should have been."""
    moments = len(film_MHW3)
    ink_HW3 = np.zeros(film_MHW3.shape[1:], np.float32)
    times_HW = np.full(film_MHW3.shape[1:3], NEVER, np.float32)
    ink_HW3.reshape(-1, 3)[pixels_K] = final_K3
    times_HW.reshape(-1)[pixels_K] = dated.times_K
    seen = []
    for moment in np.linspace(0, (1 - LATE_SHARE) * moments, SAMPLED_MOMENTS).astype(int):
        expected_HW3 = np.where((times_HW <= moment)[..., None], ink_HW3, 0)
        levels_HW3 = 255 - film_MHW3[moment].astype(np.float32)
        strange_HW = np.abs(levels_HW3 - expected_HW3).max(axis=2) > OFF_COLOR_LEVEL
        seen.append(levels_HW3[ndimage.binary_opening(strange_HW) > 0])
    return _histogram(np.concatenate(seen))


def _bins(levels_K3: FloatArray) -> NDArray[np.int64]:
    """Number of each color in a table of COLOR_BINS steps a channel."""
    steps = np.clip(levels_K3 * (COLOR_BINS / 256), 0, COLOR_BINS - 1).astype(np.int64)
    return (steps[:, 0] * COLOR_BINS + steps[:, 1]) * COLOR_BINS + steps[:, 2]


def _histogram(levels_K3: FloatArray) -> FloatArray:
    """Share of every color, those beside it counted in part."""
    counts = np.bincount(_bins(levels_K3), minlength=COLOR_BINS**3).astype(np.float32)
    cube = ndimage.gaussian_filter(counts.reshape((COLOR_BINS,) * 3), 0.7, mode="nearest")
    return (np.asarray(cube, np.float32) / max(1.0, float(counts.sum()))).reshape(-1)


def _soft_threshold(levels: FloatArray) -> FloatArray:
    """Noise to zero, ink unchanged, a straight ramp between."""
    ramp = (levels - NOISE_LEVEL) * (KNEE_LEVEL / (KNEE_LEVEL - NOISE_LEVEL))
    return np.where(levels >= KNEE_LEVEL, levels, np.maximum(ramp, 0)).astype(np.float32)


def _emptiest(frames_MHW3: NDArray[np.uint8], pixels_K: NDArray, final_K3: FloatArray) -> int:
    """The first moment at which hardly anything of the finished drawing is to be seen."""
    if not len(pixels_K):
        return 0
    some = slice(None, None, max(1, len(pixels_K) // CHUNK))
    shown_MK, weight_MK = _shown(frames_MHW3, pixels_K[some], final_K3[some])
    share_M = (shown_MK * weight_MK).sum(axis=1) / np.maximum(weight_MK.sum(axis=1), 1)
    return int(np.argmax(share_M <= share_M.min() + EMPTY_SHARE))


def _dated(frames_MHW3: NDArray[np.uint8], pixels_K: NDArray, final_K3: FloatArray) -> _Dated:
    times_K, seen_K = np.zeros(len(pixels_K), np.float32), np.zeros(len(pixels_K), np.float32)
    for start in range(0, len(pixels_K), CHUNK):
        part = slice(start, start + CHUNK)
        shown_MK, weight_MK = _shown(frames_MHW3, pixels_K[part], final_K3[part])
        times_K[part], seen_K[part] = _change_points(shown_MK, weight_MK)
    return _Dated(times_K=times_K, seen_K=seen_K)


def _shown(
    frames_MHW3: NDArray[np.uint8], pixels_K: NDArray, final_K3: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How much of its final ink a pixel shows (0 to 1), and how much that can be trusted."""
    levels_MK3 = 255 - frames_MHW3.reshape(len(frames_MHW3), -1, 3)[:, pixels_K].astype(np.float32)
    norm_K = np.maximum((final_K3**2).sum(axis=1), 1.0)
    shown_MK = np.einsum("mkc,kc->mk", levels_MK3, final_K3) / norm_K
    shown_MK = np.clip(shown_MK, 0, 1)
    rest_MK = np.linalg.norm(levels_MK3 - shown_MK[..., None] * final_K3, axis=2)
    weight_MK = np.exp(-((rest_MK / OFF_COLOR_LEVEL) ** 2))
    return shown_MK.astype(np.float32), weight_MK.astype(np.float32)


def _change_points(shown_MK: FloatArray, weight_MK: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Moment from which every pixel is best called ink, and how much of it is seen since then."""
    moments, count = shown_MK.shape
    # Calling moment m paper costs what it shows, calling it ink costs what is missing.
    gain_MK = np.zeros((moments + 1, count), np.float32)
    np.cumsum((2 * shown_MK - 1) * weight_MK, axis=0, out=gain_MK[1:])
    best_K = gain_MK.min(axis=0) + 0.25
    first_K = np.argmax(gain_MK <= best_K, axis=0)
    last_K = moments - np.argmax(gain_MK[::-1] <= best_K, axis=0)
    change_K = gain_MK.argmin(axis=0)
    hidden_K = _hidden(gain_MK, weight_MK, first_K, last_K)
    column = np.arange(count)
    after, before = (shown_MK[np.clip(change_K - d, 0, moments - 1), column] for d in (0, 1))
    share = np.clip((0.5 - before) / np.maximum(after - before, 1e-3), 0, 1)
    times_K = np.where(hidden_K, (first_K + last_K) / 2, change_K) - 1 + share
    since_MK = np.arange(moments)[:, None] >= change_K
    trusted_K = np.maximum((weight_MK * since_MK).sum(axis=0), 1e-3)
    seen_K = (shown_MK * weight_MK * since_MK).sum(axis=0) / trusted_K
    return np.where(change_K == 0, 0, np.maximum(times_K, 1e-3)).astype(np.float32), seen_K


def _hidden(
    gain_MK: FloatArray, weight_MK: FloatArray, first_K: NDArray, last_K: NDArray
) -> NDArray[np.bool_]:
    """True where the best moments are many because something hid the pixel."""
    total_MK = np.concatenate([np.zeros((1, weight_MK.shape[1])), np.cumsum(weight_MK, axis=0)])
    column = np.arange(weight_MK.shape[1])
    trusted_K = total_MK[last_K, column] - total_MK[first_K, column]
    return (last_K - first_K >= 3) & (trusted_K < 0.5 * (last_K - first_K))
