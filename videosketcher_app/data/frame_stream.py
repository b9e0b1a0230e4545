"""The renderer for long and large clips: frames one by one, equal to `data.renderer.frames`.

Only pixels whose ink changes are composited again, so a frame costs what was drawn in it, and
memory holds one frame and the ink, not the clip.

Legend: H/W canvas pixels; E entries, one for every pixel that a stroke covers, sorted by pixel and
within a pixel by stroke.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.renderer import InkLayer, stroke_layer
from videosketcher_app.data.strokes import FloatArray, Sketch, Stroke


@dataclass(frozen=True, kw_only=True, eq=False)
class _Entries:
    """All ink of a sketch.

    Attributes:
        pixel_E: flat index on the canvas.
        coverage_E: in [0, 1].
        frame_E: first frame that shows the entry.
        color_E3: RGB in [0, 1].
    """

    pixel_E: NDArray[np.int32]
    coverage_E: FloatArray
    frame_E: NDArray[np.int32]
    color_E3: FloatArray


def stream_frames(
    sketch: Sketch, width_px: int | None = None, height_px: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of the sketch's clip in order, at another size if given.

    Every frame is an array of its own.
    """
    sketch = sketch.scaled(width_px or sketch.width_px, height_px or sketch.height_px)
    entries = _entries(sketch)
    by_frame = np.argsort(entries.frame_E, kind="stable")
    borders = np.searchsorted(entries.frame_E[by_frame], np.arange(sketch.num_frames + 1))
    canvas_HW3 = np.full((sketch.height_px, sketch.width_px, 3), 255, np.uint8)
    pixels_N3 = canvas_HW3.reshape(-1, 3)
    for index in range(sketch.num_frames):
        # What is inked before the clip begins is there from its first frame.
        news = by_frame[0 if index == 0 else borders[index] : borders[index + 1]]
        if len(news):
            changed = np.unique(entries.pixel_E[news])
            pixels_N3[changed] = _composited(entries, changed, index)
        yield canvas_HW3.copy()


def _entries(sketch: Sketch) -> _Entries:
    parts = [_of_layer(s, sketch) for s in sketch.strokes]
    kept = [part for part in parts if part is not None]
    if not kept:
        none = np.zeros(0, np.int32)
        empty = np.zeros(0, np.float32)
        return _Entries(pixel_E=none, coverage_E=empty, frame_E=none, color_E3=empty.reshape(0, 3))
    pixel, coverage, frame, color = (np.concatenate(column) for column in zip(*kept, strict=True))
    order = np.argsort(pixel, kind="stable")
    return _Entries(
        pixel_E=pixel[order],
        coverage_E=coverage[order],
        frame_E=frame[order],
        color_E3=color[order],
    )


def _of_layer(stroke: Stroke, sketch: Sketch) -> tuple[NDArray, NDArray, NDArray, NDArray] | None:
    layer: InkLayer | None = stroke_layer(stroke, sketch.width_px, sketch.height_px)
    if layer is None:
        return None
    rows, columns = np.nonzero((layer.coverage_HW > 0) & (layer.times_HW < sketch.num_frames))
    pixel = (rows + layer.top) * sketch.width_px + columns + layer.left
    frame = np.ceil(layer.times_HW[rows, columns])
    color = np.broadcast_to(np.asarray(layer.color, np.float32), (len(pixel), 3))
    return (
        pixel.astype(np.int32),
        layer.coverage_HW[rows, columns],
        np.maximum(frame, 0).astype(np.int32),
        color,
    )


def _composited(entries: _Entries, pixels_K: NDArray, index: int) -> NDArray[np.uint8]:
    """Colors (K, 3) of some pixels in one frame: every entry shown by then, lowest first."""
    starts = np.searchsorted(entries.pixel_E, pixels_K)
    counts = np.searchsorted(entries.pixel_E, pixels_K, side="right") - starts
    ink_K3 = np.ones((len(pixels_K), 3), np.float32)
    for rank in range(int(counts.max())):
        has = counts > rank
        entry = starts[has] + rank
        shown = entries.coverage_E[entry] * (entries.frame_E[entry] <= index)
        under = ink_K3[has]
        ink_K3[has] = under + shown[:, None] * (entries.color_E3[entry] - under)
    return np.round(ink_K3 * np.float32(255)).astype(np.uint8)
