"""A painted sketch as SVG: outline paths that any vector program edits, or one raster layer.

Outlines keep color, width, pressure and thick-thin of a brush exactly as the engine paints them,
and its mean coverage; grain and bristles need the raster layer, a PNG at twice the canvas's size.
"""

from __future__ import annotations

import base64
import io
from typing import Literal
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from videosketcher_app.data.brushes.layers import PaintLayer, paint_layers
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.painting import cutout_of, ink_of
from videosketcher_app.data.strokes import Sketch

RASTER_SCALE = 2
OUTLINE_SCALE = 4  # outlines are traced on a canvas this many times larger
_MIN_AREA_PX = 6.0  # traced specks smaller than this (in traced pixels) are left out
_CLOSE_PX = 3  # gaps of grain up to this many traced pixels do not open an outline
_SMOOTH_PX = 0.5


def painted_svg(
    sketch: Sketch,
    brush: Brush,
    *,
    style: Literal["outlines", "raster"] = "outlines",
    seed: int = 0,
) -> str:
    """The finished painting as an SVG document; the same input gives the same text.

    Outlines carry `data-start` and `data-end` (seconds) and `data-part` of their stroke.
    """
    width, height = sketch.width_px, sketch.height_px
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" data-brush={quoteattr(brush.kind)}>'
    )
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    content = raster_layer(sketch, brush, seed) if style == "raster" else outline_group(
        sketch, brush, seed
    )  # fmt: skip
    return "\n".join([head, paper, content, "</svg>", ""])


def raster_layer(sketch: Sketch, brush: Brush, seed: int = 0) -> str:
    """An `<image>` of the painting without paper, to lay into any SVG of the sketch's canvas."""
    width, height = sketch.width_px, sketch.height_px
    ink = ink_of(
        sketch,
        brush,
        width_px=RASTER_SCALE * width,
        height_px=RASTER_SCALE * height,
        seed=seed,
    )
    with io.BytesIO() as buffer:
        Image.fromarray(cutout_of(ink)).save(buffer, "PNG", optimize=True)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"/>'


def outline_group(sketch: Sketch, brush: Brush, seed: int = 0) -> str:
    """A `<g>` with one filled `<path>` a stroke, in painting order."""
    width, height = sketch.width_px * OUTLINE_SCALE, sketch.height_px * OUTLINE_SCALE
    large = sketch.scaled(width, height)
    through = ' style="mix-blend-mode:multiply"' if brush.flow.see_through > 0.5 else ""
    lines = [f'<g fill-rule="evenodd" stroke="none"{through}>']
    for stroke in large.strokes:
        single = Sketch(strokes=(stroke,), width_px=width, height_px=height)
        for layer in paint_layers(single, brush, seed):
            seconds = [f"{time / sketch.fps:.4g}" for time in (stroke.start, stroke.end)]
            facts = f'data-start="{seconds[0]}" data-end="{seconds[1]}" data-part="{stroke.part}"'
            lines.append(_outline_path(layer, width, height, facts))
    return "\n".join([*(line for line in lines if line), "</g>"])


def _outline_path(layer: PaintLayer, width: int, height: int, facts: str) -> str:
    alpha = np.zeros(width * height, np.float32)
    np.maximum.at(alpha, layer.pixel_E, layer.alpha_E)
    covered = alpha[layer.pixel_E]
    solid = float(np.percentile(covered, 90))
    mask = (alpha.reshape(height, width) > 0.4 * solid).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((_CLOSE_PX, _CLOSE_PX), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    parts = [_path_data(o[:, 0]) for o in outlines if cv2.contourArea(o) >= _MIN_AREA_PX]
    if not parts:
        return ""
    inside = mask.reshape(-1)[layer.pixel_E] > 0
    color = np.average(layer.color_E3[inside], axis=0, weights=covered[inside])
    fill = "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in color)
    opacity = float(covered[inside].mean())
    return f'<path d="{"".join(parts)}" fill="{fill}" fill-opacity="{opacity:.3f}" {facts}/>'


def _path_data(contour_M2: NDArray) -> str:
    """A closed outline in canvas pixels, through the pixels' centers."""
    kept = cv2.approxPolyDP(contour_M2[:, None], _SMOOTH_PX, True)[:, 0]
    points = kept.astype(np.float64) / OUTLINE_SCALE
    return "M" + "L".join(f"{x:.5g} {y:.5g}" for x, y in points) + "Z"
