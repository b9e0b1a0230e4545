"""Painting: a sketch with a brush as a picture, as all frames, or as a stream of frames.

Only pixels whose ink changes are composited again, so a frame costs what was painted in it.

Legend: H/W canvas pixels; E entries, one for every pixel of a stroke, sorted by pixel and within a
pixel by stroke; K pixels that change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.layers import PaintLayer, paint_layers
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.strokes import Sketch

Brushes = Brush | Sequence[Brush]
WHITE = np.float32(1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ink:
    """All ink of a sketch, sorted by pixel and within a pixel by the order of painting.

    Attributes:
        pixel_E: flat index on the canvas.
        alpha_E: coverage in (0, 1].
        frame_E: first frame that shows the entry.
        color_E3: RGB in [0, 1].
        see_through_E: 1 where the ink darkens what it covers, 0 where it hides it.
        width_px, height_px: of the canvas.
        num_frames: of the clip.
    """

    pixel_E: NDArray[np.int64]
    alpha_E: NDArray
    frame_E: NDArray[np.int32]
    color_E3: NDArray
    see_through_E: NDArray
    width_px: int
    height_px: int
    num_frames: int


def ink_of(
    sketch: Sketch,
    brushes: Brushes,
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    seed: int = 0,
) -> Ink:
    """Paints all strokes once; pictures and frames are made from the result."""
    sketch = sketch.scaled(width_px or sketch.width_px, height_px or sketch.height_px)
    layers = list(paint_layers(sketch, brushes, seed))
    pixel = _joined([layer.pixel_E for layer in layers], np.int64)
    order = np.argsort(pixel, kind="stable")
    times = _joined([layer.time_E for layer in layers], np.float32)[order]
    return Ink(
        pixel_E=pixel[order],
        alpha_E=_joined([layer.alpha_E for layer in layers], np.float32)[order],
        frame_E=np.clip(np.ceil(times), 0, sketch.num_frames).astype(np.int32),
        color_E3=_joined([layer.color_E3 for layer in layers], np.float32, 3)[order],
        see_through_E=_joined([_see_through(layer) for layer in layers], np.float32)[order],
        width_px=sketch.width_px,
        height_px=sketch.height_px,
        num_frames=sketch.num_frames,
    )


def stream_frames(
    sketch: Sketch,
    brushes: Brushes,
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    seed: int = 0,
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of the clip in order; every frame is an array of its own."""
    yield from frames_of(ink_of(sketch, brushes, width_px=width_px, height_px=height_px, seed=seed))


def frames_of(ink: Ink) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of ink in order."""
    by_frame = np.argsort(ink.frame_E, kind="stable")
    borders = np.searchsorted(ink.frame_E[by_frame], np.arange(ink.num_frames + 1))
    canvas_HW3 = np.full((ink.height_px, ink.width_px, 3), 255, np.uint8)
    for index in range(ink.num_frames):
        news = by_frame[borders[index] : borders[index + 1]]
        if len(news):
            changed = np.unique(ink.pixel_E[news])
            canvas_HW3.reshape(-1, 3)[changed] = _bytes(composited(ink, changed, index))
        yield canvas_HW3.copy()


def frames(sketch: Sketch, brushes: Brushes, *, seed: int = 0) -> NDArray[np.uint8]:
    """All frames (T, H, W, 3) of the sketch's clip."""
    return np.stack(list(stream_frames(sketch, brushes, seed=seed)))


def picture(
    sketch: Sketch,
    brushes: Brushes,
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """The finished painting (H, W, 3) on white paper."""
    return picture_of(ink_of(sketch, brushes, width_px=width_px, height_px=height_px, seed=seed))


def picture_of(ink: Ink) -> NDArray[np.uint8]:
    """The finished painting (H, W, 3) on white paper of ink."""
    canvas_HW3 = np.full((ink.height_px, ink.width_px, 3), 255, np.uint8)
    inked = np.unique(ink.pixel_E)
    if len(inked):
        painted = composited(ink, inked, ink.num_frames)
        canvas_HW3.reshape(-1, 3)[inked] = _bytes(painted)
    return canvas_HW3


def cutout_of(ink: Ink) -> NDArray[np.uint8]:
    """The finished painting (H, W, 4) without paper: over white it gives the picture.

    Of all color and coverage pairs that give the same picture, the one with the least coverage
    that keeps a single pass's color is taken.
    """
    painted = np.zeros((ink.height_px * ink.width_px, 4), np.float32)
    inked, first = np.unique(ink.pixel_E, return_index=True)
    if len(inked):
        bare = np.ones(len(inked), np.float32)
        counts = np.diff(np.append(first, len(ink.pixel_E)))
        for rank in range(int(counts.max())):
            has = counts > rank
            bare[has] *= 1 - ink.alpha_E[first[has] + rank]
        over_white = composited(ink, inked, ink.num_frames)
        alpha = np.maximum(1 - bare, (1 - over_white).max(1))
        color = 1 - (1 - over_white) / np.maximum(alpha, 1e-4)[:, None]
        painted[inked, :3], painted[inked, 3] = np.clip(color, 0, 1), alpha
    return _bytes(painted).reshape(ink.height_px, ink.width_px, 4)


def composited(ink: Ink, pixels_K: NDArray, index: int) -> NDArray:
    """Colors (K, 3) of some pixels in one frame: every entry shown by then, lowest first."""
    starts = np.searchsorted(ink.pixel_E, pixels_K)
    counts = np.searchsorted(ink.pixel_E, pixels_K, side="right") - starts
    under_K3 = np.full((len(pixels_K), 3), WHITE, np.float32)
    for rank in range(int(counts.max())):
        has = np.flatnonzero(counts > rank)
        entry = starts[has] + rank
        shown = (ink.alpha_E[entry] * (ink.frame_E[entry] <= index))[:, None]
        color, under = ink.color_E3[entry], under_K3[has]
        through = ink.see_through_E[entry][:, None]
        target = np.where(through > 0, color + through * (under * color - color), color)
        under_K3[has] = under + shown * (target - under)
    return under_K3


def _see_through(layer: PaintLayer) -> NDArray:
    return np.full(len(layer.pixel_E), layer.see_through, np.float32)


def _joined(arrays: list[NDArray], dtype: type, channels: int = 0) -> NDArray:
    empty = np.zeros((0, channels) if channels else 0, dtype)
    return np.concatenate([empty, *arrays]).astype(dtype)


def _bytes(values: NDArray) -> NDArray[np.uint8]:
    return np.round(values * np.float32(255)).astype(np.uint8)
