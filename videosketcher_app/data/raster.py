"""The renderer for training batches: many sketches of one pen at once, on any torch device.

The fast twin of `data.renderer`: black or coloured round stamps, largest coverage and earliest
time by scatter. A test equates the two.

Legend: B batch, P stamps, T frames, H/W pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videosketcher_app.data.renderer import EDGE_COVERAGE, nib_radii
from videosketcher_app.data.strokes import FloatArray, Sketch

NEVER = 1e6
OFF_CANVAS = -100.0
STAMP_SPACING_PX = 0.8


def sketch_stamps(sketch: Sketch, width_px: int, height_px: int, max_stamps: int) -> FloatArray:
    """Stamps (max_stamps, 4) of a sketch on a canvas: x, y, time in frames, radius; padded rows
    lie off the canvas and are never inked. Longer sketches are thinned evenly.
    """
    scaled = sketch.scaled(width_px, height_px)
    rows = [
        np.column_stack(
            [s.points_N2, s.times_N, nib_radii(s.points_N2, s.pressure_N, s.pen)]
        ).astype(np.float32)
        for s in scaled.strokes
    ]
    stamps = np.concatenate(rows)
    step = max(1, int(STAMP_SPACING_PX / max(_spacing(stamps), 1e-3)))
    stamps = stamps[::step]
    if len(stamps) > max_stamps:
        stamps = stamps[np.linspace(0, len(stamps) - 1, max_stamps).astype(int)]
    padded = np.full((max_stamps, 4), OFF_CANVAS, np.float32)
    padded[:, 2], padded[:, 3] = NEVER, 0.0
    padded[: len(stamps)] = stamps
    return padded


def _spacing(stamps: FloatArray) -> float:
    """Median distance of neighbouring stamps in pixels."""
    return float(np.median(np.hypot(*np.diff(stamps[:, :2], axis=0).T))) if len(stamps) > 1 else 1.0


def ink_maps(stamps_BP4: Tensor, width: int, height: int, reach: int = 3) -> tuple[Tensor, Tensor]:
    """Coverage (B, H, W) in [0, 1] and time of ink (B, H, W) in frames, NEVER where there is none.

    Args:
        reach: largest radius in whole pixels that stamps may have.
    """
    batch = len(stamps_BP4)
    x, y, t, radius = stamps_BP4.float().unbind(-1)
    offset = torch.arange(-reach, reach + 1, device=stamps_BP4.device)
    dy, dx = (grid.reshape(-1) for grid in torch.meshgrid(offset, offset, indexing="ij"))
    columns = x.round().long()[..., None] + dx
    rows = y.round().long()[..., None] + dy
    distance = ((columns - x[..., None]) ** 2 + (rows - y[..., None]) ** 2).sqrt()
    alpha = (radius[..., None] + 0.5 - distance).clamp(0, 1)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (alpha > 0)
    inside &= t[..., None] < NEVER
    pixel = (rows * width + columns).clamp(0, width * height - 1).view(batch, -1)
    alpha = alpha * inside
    times = torch.where(inside & (alpha > EDGE_COVERAGE), t[..., None], NEVER)
    coverage = torch.zeros(batch, height * width, device=x.device)
    coverage.scatter_reduce_(1, pixel, alpha.view(batch, -1), "amax")
    inked = torch.full_like(coverage, NEVER)
    inked.scatter_reduce_(1, pixel, times.reshape(batch, -1), "amin")
    shape = (batch, height, width)
    return coverage.view(shape), inked.view(shape)


def clip_of_maps(coverage_BHW: Tensor, inked_BHW: Tensor, num_frames: int) -> Tensor:
    """Grey clips (B, T, H, W) in [-1, 1], 1 is white paper."""
    index = torch.arange(num_frames, device=coverage_BHW.device).view(1, -1, 1, 1)
    return 1 - 2 * coverage_BHW[:, None] * (inked_BHW[:, None] <= index)
