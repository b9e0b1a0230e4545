"""Time of ink from frames, the clean-up that makes ink permanent, and figures of both.

Legend: T frames, H/W pixels, K pixels that carry ink, 3 channels. Ink is what is missing from
white: `level = paper - value` per channel in grey levels (0 to 255), so that yellow (no blue) is
as much ink as black. The darkness of a pixel is the level of its strongest channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.renderer import NEVER
from videosketcher_app.data.strokes import FloatArray

NOISE_LEVEL = 12.0  # a decoder's noise on blank paper stays below this level
KNEE_LEVEL = 48.0  # from this level on ink is left as it is
FAINT_LEVEL = 24  # pixels that never get this dark are paper
STRONG_LEVEL = 40  # ink has at least one pixel this dark; fainter specks are paper
LAST_FRAMES = 5  # the final color of a pixel is averaged over this many frames

INK_LEVEL = 96  # figures: a pixel at least this dark is ink
STILL_INK_LEVEL = 64  # figures: and still is while it stays at least this dark
WHITE_LEVEL = 12  # figures: a pixel at most this dark is white
BLOCK_PX = (24, 24)

InkSeries = tuple[NDArray[np.int64], FloatArray, FloatArray]  # see `_ink_series`


@dataclass(frozen=True, kw_only=True, eq=False)
class InkMap:
    """Where the ink of a clip is, when it came and in which color.

    Attributes:
        darkness_HW: darkness of the finished drawing in [0, 1], 0 on paper.
        times_HW: frame at which the pixel was inked, with fractions; NEVER on paper.
        color_HW3: RGB in [0, 1] of the finished drawing on pure white paper.
    """

    darkness_HW: FloatArray
    times_HW: FloatArray
    color_HW3: FloatArray


@dataclass(frozen=True, kw_only=True)
class InkFigures:
    """How permanent the ink and how white the paper of a clip is.

    Attributes:
        persistence: share of a frame's ink that is still ink in the last frame, mean over frames.
        first_frame_white: share of white pixels in the first frame.
        paper_drift: largest deviation of a frame's mean paper from white, in grey levels.
        paper_blotch: the same for the worst 24 x 24 px block of any frame.
    """

    persistence: float
    first_frame_white: float
    paper_drift: float
    paper_blotch: float


def ink_map(frames_THW3: NDArray[np.uint8]) -> InkMap:
    """Time of ink, darkness and color of every pixel of a clip (T, H, W, 3) uint8.

    A pixel is inked at the first frame from which its darkness stays above half of its final
    darkness; the crossing is interpolated, so ink that is complete in frame t has time t - 0.5.
    Ink that a model later loses is dated by its first crossing instead.
    """
    return _map_of(frames_THW3, _ink_series(frames_THW3))


def ink_map_and_composite(frames_THW3: NDArray[np.uint8]) -> tuple[InkMap, NDArray[np.uint8]]:
    """`ink_map` and `composite` of a clip, which look for its ink once."""
    series = _ink_series(frames_THW3)
    return _map_of(frames_THW3, series), _composite_of(frames_THW3, series)


def _map_of(frames_THW3: NDArray[np.uint8], series: InkSeries) -> InkMap:
    pixels_K, levels_TK3, final_K3 = series
    height, width = frames_THW3.shape[1:3]
    darkness = np.zeros(height * width, np.float32)
    times = np.full(height * width, NEVER, np.float32)
    color = np.ones((height * width, 3), np.float32)
    if len(pixels_K):
        darkness[pixels_K] = final_K3.max(axis=1) / 255
        times[pixels_K] = _crossing_times(levels_TK3.max(axis=2), final_K3.max(axis=1))
        color[pixels_K] = 1 - final_K3 / 255
    return InkMap(
        darkness_HW=darkness.reshape(height, width),
        times_HW=times.reshape(height, width),
        color_HW3=color.reshape(height, width, 3),
    )


def composite(frames_THW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The clip with permanent ink on pure white paper, same shape.

    Every channel of every pixel only ever gains ink and ends at its final level, free of noise
    and flicker; soft edges stay soft. Opaque light ink over darker ink therefore mixes with it.
    """
    return _composite_of(frames_THW3, _ink_series(frames_THW3))


def _composite_of(frames_THW3: NDArray[np.uint8], series: InkSeries) -> NDArray[np.uint8]:
    pixels_K, levels_TK3, final_K3 = series
    clean = np.full(frames_THW3.shape, 255, np.uint8)
    if len(pixels_K):
        levels = np.maximum.accumulate(_soft_threshold(levels_TK3), axis=0)
        np.minimum(levels, final_K3, out=levels)
        clean.reshape(len(clean), -1, 3)[:, pixels_K] = np.round(255 - levels)
    return clean


def ink_figures(frames_THW3: NDArray[np.uint8]) -> InkFigures:
    """Persistence of ink and whiteness of paper of a clip (T, H, W, 3) uint8, as it is."""
    import cv2

    darkness_THW = _darkness(frames_THW3)
    ink_THW = darkness_THW >= INK_LEVEL
    counts_T = ink_THW.sum(axis=(1, 2))
    kept_T = (ink_THW & (darkness_THW[-1] >= STILL_INK_LEVEL)).sum(axis=(1, 2))
    inked = counts_T > 0
    persistence = float((kept_T[inked] / counts_T[inked]).mean()) if inked.any() else 1.0
    near_ink_HW = cv2.dilate((darkness_THW.max(axis=0) >= FAINT_LEVEL).astype(np.uint8), _disc(3))
    drift, blotch = _paper_deviation(frames_THW3, near_ink_HW == 0)
    return InkFigures(
        persistence=persistence,
        first_frame_white=float((darkness_THW[0] <= WHITE_LEVEL).mean()),
        paper_drift=drift,
        paper_blotch=blotch,
    )


def _disc(radius_px: int) -> NDArray[np.uint8]:
    import cv2

    size_px = 2 * radius_px + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size_px, size_px)).astype(np.uint8)


def _darkness(frames_THW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    lightest = np.minimum(frames_THW3[..., 0], frames_THW3[..., 1])
    return 255 - np.minimum(lightest, frames_THW3[..., 2])


def _paper_deviation(frames_THW3: NDArray[np.uint8], paper_HW: NDArray) -> tuple[float, float]:
    import cv2

    if not paper_HW.any():
        return 0.0, 0.0
    share_HW = cv2.boxFilter(paper_HW.astype(np.float32), -1, BLOCK_PX)
    # Every twelfth position covers all blocks; a block counts if half of it is paper.
    at = (slice(None, None, 12), slice(None, None, 12))
    usable = share_HW[at] >= 0.5
    drift = blotch = 0.0
    for frame_HW3 in frames_THW3:
        missing_HW = cv2.cvtColor(255 - frame_HW3, cv2.COLOR_RGB2GRAY) * paper_HW
        drift = max(drift, float(missing_HW.sum() / paper_HW.sum()))
        if usable.any():
            means = cv2.boxFilter(missing_HW, cv2.CV_32F, BLOCK_PX)[at][usable]
            blotch = max(blotch, float((means / share_HW[at][usable]).max()))
    return drift, blotch


def _ink_series(frames_THW3: NDArray[np.uint8]) -> InkSeries:
    """Pixels with ink, their levels over time without single-frame flicker, and final levels."""
    paper_T3 = np.median(frames_THW3[:, ::4, ::4].reshape(len(frames_THW3), -1, 3), axis=1)
    darkest_HW = frames_THW3.min(axis=0).min(axis=2).astype(np.float32)
    candidate_HW = paper_T3.max() - darkest_HW >= FAINT_LEVEL
    pixels = np.flatnonzero(candidate_HW)
    values_TK3 = frames_THW3.reshape(len(frames_THW3), -1, 3)[:, pixels].astype(np.float32)
    levels_TK3 = np.maximum(paper_T3[:, None].astype(np.float32) - values_TK3, 0)
    levels_TK3 = _without_flicker(levels_TK3)
    final_K3 = _soft_threshold(_final_levels(levels_TK3))
    kept_K = _is_ink(final_K3.max(axis=1), pixels, candidate_HW.shape)
    return pixels[kept_K], levels_TK3[:, kept_K], final_K3[kept_K]


def _without_flicker(levels_TK3: FloatArray) -> FloatArray:
    """Median of every frame and its two neighbors; edges and ramps stay where they are."""
    if len(levels_TK3) < 3:
        return levels_TK3
    before, here, after = levels_TK3[:-2], levels_TK3[1:-1], levels_TK3[2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    calm = levels_TK3.copy()
    calm[1:-1] = np.clip(here, low, high)
    return calm


def _final_levels(levels_TK3: FloatArray) -> FloatArray:
    """Mean level over the last frames in which a pixel is about as dark as it ever gets."""
    if not levels_TK3.size:
        return np.zeros(levels_TK3.shape[1:], np.float32)
    darkness_TK = levels_TK3.max(axis=2)
    dark_TK = darkness_TK >= 0.8 * darkness_TK.max(axis=0)
    from_end_TK = np.cumsum(dark_TK[::-1], axis=0, dtype=np.int16)[::-1]
    weight_TK = (dark_TK & (from_end_TK <= LAST_FRAMES)).astype(np.float32)
    return np.einsum("tk,tkc->kc", weight_TK, levels_TK3) / weight_TK.sum(axis=0)[:, None]


def _soft_threshold(levels: FloatArray) -> FloatArray:
    """Noise to zero, ink unchanged, a straight ramp between."""
    ramp = (levels - NOISE_LEVEL) * (KNEE_LEVEL / (KNEE_LEVEL - NOISE_LEVEL))
    return np.where(levels >= KNEE_LEVEL, levels, np.maximum(ramp, 0)).astype(np.float32)


def _is_ink(darkness_K: FloatArray, pixels_K: NDArray, shape: tuple[int, ...]) -> NDArray:
    """True for pixels with ink that hang together with at least one strong pixel."""
    import cv2

    darkness_HW = np.zeros(shape, np.float32)
    darkness_HW.reshape(-1)[pixels_K] = darkness_K
    count, labels = cv2.connectedComponents((darkness_HW > 0).astype(np.uint8), connectivity=8)
    labels_HW = np.asarray(labels, np.int64)
    strong = np.zeros(count, bool)
    strong[np.unique(labels_HW[darkness_HW >= STRONG_LEVEL])] = True
    strong[0] = False
    return strong[labels_HW.reshape(-1)[pixels_K]]


def _crossing_times(darkness_TK: FloatArray, final_K: FloatArray) -> FloatArray:
    """Interpolated frame at which every pixel passes half of its final darkness for good."""
    above_TK = darkness_TK >= final_K / 2
    last_below_K = len(above_TK) - 1 - np.argmin(above_TK[::-1], axis=0)
    # Ink that is lost in the end has no lasting crossing: it came with its first one.
    lost_K = ~above_TK[-1]
    frame_K = np.where(lost_K, np.argmax(above_TK, axis=0), last_below_K + 1)
    frame_K = np.where(above_TK.all(axis=0), 0, frame_K)
    column = np.arange(darkness_TK.shape[1])
    after = darkness_TK[frame_K, column]
    before = darkness_TK[np.maximum(frame_K - 1, 0), column]
    step = np.maximum(after - before, 1e-3)
    fraction = np.clip((final_K / 2 - before) / step, 0, 1)
    return np.where(frame_K == 0, 0, frame_K - 1 + fraction).astype(np.float32)
