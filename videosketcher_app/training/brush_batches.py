"""Batches for brush models: random sketches, each with a random brush and its condition frame.

Legend: B sketches, T frames, H/W pixels, h/w latent cells, F latent frames, L tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.utils.data import Dataset

from videosketcher_app.core.geometry import SPATIAL_STRIDE, TEMPORAL_STRIDE
from videosketcher_app.data.brushes.batch import painted_clips
from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.brushes.condition import (
    box_size,
    frame_of_brush,
    frame_of_stroke,
    mark_area,
)
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.stamp_batch import StampBatch, collate, sketch_stamps
from videosketcher_app.data.brushes.swatch import path_stroke
from videosketcher_app.data.brushes.variety import training_brush
from videosketcher_app.data.datasets import SketchSource
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.engines.brush_source import clear
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.training.batches import Canvas

WAVE_SHARE = 0.6  # of condition frames that show the standard wave; the others a free mark
WORN_SHARE = 0.4  # of condition frames that have been blurred and compressed
_BRUSH_STREAM = 7  # random numbers of brushes are independent of those of sketches


@dataclass(frozen=True, kw_only=True, eq=False)
class BrushBatch:
    """B painted sketches in the making.

    Attributes:
        stamps: what the batch engine paints.
        frames_BHW3: condition frames, uint8.
        ids_BL: token ids of the plans with the brush clause.
    """

    stamps: StampBatch
    frames_BHW3: Tensor
    ids_BL: Tensor

    def to(self, device: torch.device | str) -> BrushBatch:
        """The batch on another device."""
        return BrushBatch(
            stamps=self.stamps.to(device),
            frames_BHW3=self.frames_BHW3.to(device, non_blocking=True),
            ids_BL=self.ids_BL.to(device, non_blocking=True),
        )

    def pin_memory(self) -> BrushBatch:
        """For data loaders."""
        return BrushBatch(
            stamps=self.stamps.pin_memory(),
            frames_BHW3=self.frames_BHW3.pin_memory(),
            ids_BL=self.ids_BL.pin_memory(),
        )


class BrushDataset(Dataset):
    """Sample index -> a batch of one.

    Args:
        clear_share: see `learned_brush`.
    """

    def __init__(
        self,
        source: SketchSource,
        tokenizer: PocketTokenizer,
        canvas: Canvas,
        *,
        clear_share: float = 0.0,
    ) -> None:
        self.source, self.tokenizer, self.canvas = source, tokenizer, canvas
        self.clear_share = clear_share

    def __getitem__(self, index: int) -> BrushBatch:
        rng = np.random.default_rng([self.source.seed, _BRUSH_STREAM, index])
        composition, c = self.source(index), self.canvas
        brush = learned_brush(rng, self.clear_share)
        seed = int(rng.integers(1 << 31))
        ids = np.zeros((1, c.max_tokens), np.int64)
        plan = replace(composition.plan, concept=with_clause(composition.plan.concept))
        tokens = self.tokenizer.encode(str(plan))[: c.max_tokens]
        ids[0, : len(tokens)] = tokens
        return BrushBatch(
            stamps=sketch_stamps(composition.sketch, brush, c.width, c.height, seed=seed),
            frames_BHW3=torch.from_numpy(condition_pixels(brush, (c.width, c.height), rng))[None],
            ids_BL=torch.from_numpy(ids),
        )


def learned_brush(rng: np.random.Generator, clear_share: float = 0.0) -> Brush:
    """A random brush for training.

    Args:
        clear_share: of the brushes that are as an engine shows them to a model whose strokes it
            paints again, see `engines.brush_source.clear`.
    """
    brush = training_brush(rng)
    return clear(brush) if clear_share and rng.random() < clear_share else brush


def collate_brush(samples: list[BrushBatch]) -> BrushBatch:
    """Several batches as one."""
    return BrushBatch(
        stamps=collate([s.stamps for s in samples]),
        frames_BHW3=torch.cat([s.frames_BHW3 for s in samples]),
        ids_BL=torch.cat([s.ids_BL for s in samples]),
    )


def condition_pixels(
    brush: Brush, size_px: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A condition frame (H, W, 3) of a brush as people bring it: a wave or a free mark, often worn."""
    if rng.random() < WAVE_SHARE:
        frame = frame_of_brush(brush, size_px).pixels_HW3
    else:
        frame = _free_mark(brush, size_px, rng)
    if rng.random() < WORN_SHARE:
        frame = _worn(frame, rng)
    box_width, box_height = box_size(size_px)
    clean = np.full_like(frame, 255)
    clean[:box_height, :box_width] = frame[:box_height, :box_width]
    return clean


@torch.no_grad()
def boxed_clips(batch: BrushBatch, canvas: Canvas, num_frames: int) -> tuple[Tensor, Tensor]:
    """Clips (B, 3, T, H, W) in [-1, 1] with the box under their ink, and the ink's cells.

    Returns:
        the clips, and the darkest ink (B, 1, F, h, w) in [0, 1] of every latent cell, without the
        box.
    """
    clips_BT3HW = painted_clips(batch.stamps, canvas.width, canvas.height, num_frames)
    cells = _ink_cells(clips_BT3HW)
    width, height = box_size((canvas.width, canvas.height))
    corner = batch.frames_BHW3[:, :height, :width].permute(0, 3, 1, 2)[:, None] / 255
    ink = (clips_BT3HW[..., :height, :width] + 1) / 2
    clips_BT3HW[..., :height, :width] = 2 * ink * corner - 1
    return clips_BT3HW.transpose(1, 2), cells


def condition_clips(frames_BHW3: Tensor) -> Tensor:
    """Condition frames as clips (B, 3, 1, H, W) in [-1, 1]."""
    return (frames_BHW3.permute(0, 3, 1, 2).float() / 127.5 - 1)[:, :, None]


def _ink_cells(clips_BT3HW: Tensor) -> Tensor:
    darkness_BTHW = (1 - clips_BT3HW.amin(2)) / 2
    lead = darkness_BTHW[:, :1].expand(-1, TEMPORAL_STRIDE - 1, -1, -1)
    clip = torch.cat([lead, darkness_BTHW], 1)[:, None]
    return F.max_pool3d(clip, (TEMPORAL_STRIDE, SPATIAL_STRIDE, SPATIAL_STRIDE))


def _free_mark(
    brush: Brush, size_px: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A smooth random line in the box, from a short dash to a scribble."""
    left, top, right, bottom = mark_area(size_px)
    room = np.array([right - left, bottom - top])
    turns = int(rng.integers(2, 7))
    nodes = rng.uniform(0.12, 0.88, (turns, 2)) * room
    nodes[:, 0] = np.sort(nodes[:, 0]) if rng.random() < 0.6 else nodes[:, 0]
    at = np.linspace(0, turns - 1, 160)
    smooth = np.stack([np.interp(at, np.arange(turns), nodes[:, k]) for k in (0, 1)], axis=1)
    smooth = ndimage.gaussian_filter1d(smooth, rng.uniform(3, 14), axis=0, mode="nearest")
    sketch = Sketch(
        strokes=(path_stroke(smooth.astype(np.float32)),), width_px=size_px[0], height_px=size_px[1]
    )
    return frame_of_stroke(sketch.strokes[0], sketch, brush, size_px).pixels_HW3


def _worn(frame_HW3: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """As a camera and a JPEG leave it."""
    soft = cv2.GaussianBlur(frame_HW3, (0, 0), rng.uniform(0.3, 0.8))
    quality = int(rng.integers(55, 96))
    _, data = cv2.imencode(".jpg", soft[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded_BGR = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded_BGR[..., ::-1], np.uint8)
