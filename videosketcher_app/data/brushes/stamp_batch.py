"""Stamps of many sketches as one table, with all that painting them at once has to know beforehand.

Every pass of a sketch has a patch: the part of the canvas that its stamps reach. The patches of a
batch lie one behind the other in flat memory, in painting order, so that one scatter finds the ink
of all of them. Sizes are known here, on the processor: a GPU never has to be asked for them.

Legend: B sketches, N stamps of all of them, C columns of the stamp table, P patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.layers import stroke_offsets
from videosketcher_app.data.brushes.model import (
    LOOK_FIELDS,
    REFERENCE_HEIGHT_PX,
    Brush,
    look_of,
    stroke_color,
)
from videosketcher_app.data.strokes import Sketch

# Columns that follow those of `stamps.COLUMNS`: RGB, the stroke's seed and its number.
COLOR, OWN_SEED, STROKE = len(st.COLUMNS), len(st.COLUMNS) + 3, len(st.COLUMNS) + 4
# Columns of the stamps' boxes and of the patches, whole pixels.
LEFT, TOP, WIDTH, HEIGHT = range(4)
REACH_PX = 0.5  # ink reaches so far beyond the border of a footprint
_ROUNDING_PX = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class StampBatch:
    """Stamps of B sketches, sketch after sketch and pass after pass.

    Attributes:
        stamps_NC: the stamp table with the color, the stroke's seed and its number added.
        boxes_N4: pixels that a stamp can reach: left, top, width and height; width 0 if none.
        patch_N: the patch of a stamp.
        patches_P4: what the stamps of a pass can reach, as their boxes.
        sketch_P: the sketch of a patch.
        looks_BK: one number for every name of LOOK_FIELDS.
        inks_B3: build-up, see-through and the paper's offset of every sketch.
        pairs_B, area_B: pixels in all stamp boxes and in all patches of a sketch.
        stamps_B: how many a sketch has.
    """

    stamps_NC: Tensor
    boxes_N4: Tensor
    patch_N: Tensor
    patches_P4: Tensor
    sketch_P: Tensor
    looks_BK: Tensor
    inks_B3: Tensor
    pairs_B: tuple[int, ...]
    area_B: tuple[int, ...]
    stamps_B: tuple[int, ...]

    def to(self, device: torch.device | str) -> StampBatch:
        """The batch on another device."""
        moved = {k: v.to(device, non_blocking=True) for k, v in self._tensors().items()}
        return replace(self, **moved)

    def pin_memory(self) -> StampBatch:
        """For data loaders."""
        return replace(self, **{k: v.pin_memory() for k, v in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


def sketch_stamps(
    sketch: Sketch, brush: Brush, width_px: int, height_px: int, *, seed: int = 0
) -> StampBatch:
    """A batch of one sketch painted with one brush on a canvas."""
    scale = height_px / REFERENCE_HEIGHT_PX
    rows, passes, num_passes = [], [], 0
    for index, stroke in enumerate(sketch.scaled(width_px, height_px).strokes):
        table, own = st.stroke_stamps(stroke, brush, scale)
        color = stroke_color(brush, np.random.default_rng([seed, index]))
        extra = np.array([*color, stroke_offsets(seed, index)[1], index], np.float32)
        rows.append(np.column_stack([table, np.broadcast_to(extra, (len(table), len(extra)))]))
        passes.append(own + num_passes)
        num_passes += int(own[-1]) + 1
    stamps_NC, pass_N = np.concatenate(rows).astype(np.float32), np.concatenate(passes)
    boxes_N4 = _boxes(stamps_NC, width_px, height_px)
    patches_P4 = _around(boxes_N4, pass_N)
    look = look_of(brush, scale)
    ink = [brush.flow.build_up, brush.flow.see_through, stroke_offsets(seed, 0)[0]]
    return StampBatch(
        stamps_NC=torch.from_numpy(stamps_NC),
        boxes_N4=torch.from_numpy(boxes_N4),
        patch_N=torch.from_numpy(pass_N),
        patches_P4=torch.from_numpy(patches_P4),
        sketch_P=torch.zeros(num_passes, dtype=torch.long),
        looks_BK=torch.tensor([[float(getattr(look, name)) for name in LOOK_FIELDS]]),
        inks_B3=torch.tensor([ink], dtype=torch.float32),
        pairs_B=(int((boxes_N4[:, WIDTH] * boxes_N4[:, HEIGHT]).sum()),),
        area_B=(int((patches_P4[:, WIDTH] * patches_P4[:, HEIGHT]).sum()),),
        stamps_B=(len(stamps_NC),),
    )


def collate(batches: Sequence[StampBatch]) -> StampBatch:
    """Several batches as one; the sketches are numbered in their order."""
    patches = np.cumsum([0, *(len(b.sketch_P) for b in batches)])
    sketches = np.cumsum([0, *(len(b.looks_BK) for b in batches)])
    numbered = list(zip(batches, patches.tolist(), sketches.tolist(), strict=False))
    return StampBatch(
        stamps_NC=torch.cat([b.stamps_NC for b in batches]),
        boxes_N4=torch.cat([b.boxes_N4 for b in batches]),
        patch_N=torch.cat([b.patch_N + patch for b, patch, _ in numbered]),
        patches_P4=torch.cat([b.patches_P4 for b in batches]),
        sketch_P=torch.cat([b.sketch_P + sketch for b, _, sketch in numbered]),
        looks_BK=torch.cat([b.looks_BK for b in batches]),
        inks_B3=torch.cat([b.inks_B3 for b in batches]),
        pairs_B=tuple(count for b in batches for count in b.pairs_B),
        area_B=tuple(count for b in batches for count in b.area_B),
        stamps_B=tuple(count for b in batches for count in b.stamps_B),
    )


def _boxes(stamps_NC: NDArray, width_px: int, height_px: int) -> NDArray[np.int64]:
    """Pixels (N, 4) of the canvas that the ink of each stamp can reach."""
    corner = stamps_NC[:, st.CORNER]
    long, short = stamps_NC[:, st.LONG] - corner, stamps_NC[:, st.SHORT] - corner
    cos, sin = np.abs(stamps_NC[:, st.COS]), np.abs(stamps_NC[:, st.SIN])
    beyond = corner + REACH_PX + _ROUNDING_PX
    boxes_N4 = np.empty((len(stamps_NC), 4), np.int64)
    for axis, extent, size_px in (
        (0, long * cos + short * sin, width_px),
        (1, long * sin + short * cos, height_px),
    ):
        low = np.ceil(stamps_NC[:, axis] - extent - beyond).clip(0, size_px)
        high = np.floor(stamps_NC[:, axis] + extent + beyond).clip(-1, size_px - 1)
        boxes_N4[:, axis], boxes_N4[:, 2 + axis] = low, (high - low + 1).clip(0)
    boxes_N4[(boxes_N4[:, 2:] == 0).any(1)] = 0
    return boxes_N4


def _around(boxes_N4: NDArray[np.int64], pass_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """The patch (P, 4) around the boxes of every pass; empty boxes do not count."""
    starts = np.flatnonzero(np.diff(pass_N, prepend=-1))
    some = (boxes_N4[:, WIDTH] > 0)[:, None]
    far = np.iinfo(np.int32).max
    low = np.minimum.reduceat(np.where(some, boxes_N4[:, :2], far), starts)
    high = np.maximum.reduceat(np.where(some, boxes_N4[:, :2] + boxes_N4[:, 2:], 0), starts)
    return np.concatenate([np.minimum(low, high), (high - low).clip(0)], 1)
