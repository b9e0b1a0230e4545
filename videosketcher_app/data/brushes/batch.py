"""The brush engine for training: many painted sketches at once, on any torch device.

The fast twin of `layers` and `painting`: stamps are made on the processor, everything for each
pixel happens on the device, with the same formulas. A test bounds the difference. The renderer's
own pen is painted here as a round brush, which differs from it in the last shade of its border.

Legend: B sketches, N stamps of all of them, C columns of the stamp table, L passes of a sketch in
painting order, n pixels of one pass of all sketches, K inked pixels, T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.layers import (
    REACHED_PX,
    VISIBLE_ALPHA,
    signed_distance,
    stroke_offsets,
)
from videosketcher_app.data.brushes.model import (
    LOOK_FIELDS,
    REFERENCE_HEIGHT_PX,
    Brush,
    Look,
    look_of,
    stroke_color,
)
from videosketcher_app.data.brushes.noise import Tiles, tiles
from videosketcher_app.data.brushes.shading import laid_over, shade, spot_of
from videosketcher_app.data.strokes import Sketch

NEVER = 1e6
_COLOR, _OWN_SEED, _STROKE = len(st.COLUMNS), len(st.COLUMNS) + 3, len(st.COLUMNS) + 4
_DEPTH_STEPS, _DEPTH_RANGE_PX, _STAMP_BITS = 1024.0, 1024.0, 32
_CHUNK = 8_000_000  # pairs of a stamp and a pixel looked at together


@dataclass(frozen=True, kw_only=True, eq=False)
class StampBatch:
    """Stamps of B sketches, sorted by pass.

    Attributes:
        stamps_NC: the stamp table with the color, the stroke's seed and its number added.
        sketch_N, pass_N: which sketch a stamp belongs to, and which pass of it.
        looks_BK: one number for every name of LOOK_FIELDS.
        inks_B3: build-up, see-through and the paper's offset of every sketch.
    """

    stamps_NC: Tensor
    sketch_N: Tensor
    pass_N: Tensor
    looks_BK: Tensor
    inks_B3: Tensor

    def to(self, device: torch.device | str) -> StampBatch:
        """The batch on another device."""
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items()}
        return replace(self, **moved)

    def pin_memory(self) -> StampBatch:
        """For data loaders."""
        return replace(self, **{name: value.pin_memory() for name, value in vars(self).items()})


def sketch_stamps(
    sketch: Sketch, brush: Brush, width_px: int, height_px: int, *, seed: int = 0
) -> StampBatch:
    """A batch of one sketch painted with one brush on a canvas."""
    scale = height_px / REFERENCE_HEIGHT_PX
    rows, passes, first_pass = [], [], 0
    for index, stroke in enumerate(sketch.scaled(width_px, height_px).strokes):
        table, own = st.stroke_stamps(stroke, brush, scale)
        color = stroke_color(brush, np.random.default_rng([seed, index]))
        extra = np.array([*color, stroke_offsets(seed, index)[1], index], np.float32)
        rows.append(np.column_stack([table, np.broadcast_to(extra, (len(table), len(extra)))]))
        passes.append(own + first_pass)
        first_pass += int(own[-1]) + 1
    stamps = np.concatenate(rows).astype(np.float32)
    look = look_of(brush, scale)
    paper = stroke_offsets(seed, 0)[0]
    ink = [brush.flow.build_up, brush.flow.see_through, paper]
    return StampBatch(
        stamps_NC=torch.from_numpy(stamps),
        sketch_N=torch.zeros(len(stamps), dtype=torch.long),
        pass_N=torch.from_numpy(np.concatenate(passes)),
        looks_BK=torch.tensor([[float(getattr(look, name)) for name in LOOK_FIELDS]]),
        inks_B3=torch.tensor([ink], dtype=torch.float32),
    )


def collate(batches: Sequence[StampBatch]) -> StampBatch:
    """Several batches as one, sorted by pass; the sketches are numbered in their order."""
    starts = np.cumsum([0, *(len(b.looks_BK) for b in batches)])
    sketch = torch.cat([b.sketch_N + int(s) for b, s in zip(batches, starts, strict=False)])
    passes = torch.cat([b.pass_N for b in batches])
    order = torch.argsort(passes, stable=True)
    return StampBatch(
        stamps_NC=torch.cat([b.stamps_NC for b in batches])[order],
        sketch_N=sketch[order],
        pass_N=passes[order],
        looks_BK=torch.cat([b.looks_BK for b in batches]),
        inks_B3=torch.cat([b.inks_B3 for b in batches]),
    )


@torch.no_grad()
def painted_clips(
    batch: StampBatch, width: int, height: int, num_frames: int, *, first_frame: int = 0
) -> Tensor:
    """Clips (B, T, 3, H, W) in [-1, 1] of painted sketches on white paper.

    Args:
        first_frame: frame of the sketches that the clips begin with.
    """
    count, device = len(batch.looks_BK), batch.stamps_NC.device
    painted = list(_passes(batch, width, height))
    slot = torch.full((count * height * width,), -1, dtype=torch.long, device=device)
    for entries in painted:
        slot[entries.pixel_n] = 0
    inked_K = torch.nonzero(slot == 0).flatten()
    slot[inked_K] = torch.arange(len(inked_K), device=device)
    index_T = first_frame + torch.arange(num_frames, device=device)
    ink_KT3 = torch.ones(len(inked_K), num_frames, 3, device=device)
    for entries in painted:
        rows = slot[entries.pixel_n]
        under = ink_KT3[rows]
        shown = entries.alpha_n[:, None] * (entries.time_n[:, None] <= index_T)
        color = entries.color_n3[:, None]
        target = color + entries.see_through_n[:, None, None] * (under - 1) * color
        ink_KT3[rows] = under + shown[..., None] * (target - under)
    clips = torch.ones(count, height * width, num_frames, 3, device=device)
    clips.view(-1, num_frames, 3)[inked_K] = ink_KT3
    return 2 * clips.view(count, height, width, num_frames, 3).permute(0, 3, 4, 1, 2) - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Entries:
    """The ink of one pass of all sketches; `pixel_n` counts through the canvases."""

    pixel_n: Tensor
    alpha_n: Tensor
    time_n: Tensor
    color_n3: Tensor
    see_through_n: Tensor


def _passes(batch: StampBatch, width: int, height: int) -> Iterator[_Entries]:
    """The ink of the sketches, pass after pass."""
    count, device = len(batch.looks_BK), batch.stamps_NC.device
    source = tiles()
    on_device = Tiles(
        **{name: torch.from_numpy(tile).to(device) for name, tile in vars(source).items()}
    )
    covered = torch.zeros(count * height * width, device=device)
    owner = torch.full((count * height * width,), -1.0, device=device)
    borders = torch.cumsum(torch.bincount(batch.pass_N), 0).tolist()
    for start, end in zip([0, *borders], borders, strict=False):
        stamps, sketch = batch.stamps_NC[start:end], batch.sketch_N[start:end]
        found = _winners(stamps, sketch, count, width, height)
        pixel, winner, depth, time = found
        if not len(pixel):
            continue
        stamp, ink = stamps[winner], batch.inks_B3[sketch[winner]]
        looks = batch.looks_BK[sketch[winner]]
        look = Look(**{name: looks[:, k] for k, name in enumerate(LOOK_FIELDS)})  # type: ignore[arg-type]
        inside = pixel % (height * width)
        x, y = (inside % width).float(), (inside // width).float()
        spot = spot_of(torch, stamp, x, y, depth, ink[:, 2], stamp[:, _OWN_SEED])
        alpha, shift = shade(torch, spot, look, on_device)
        had = torch.where(owner[pixel] == stamp[:, _STROKE], covered[pixel], 0.0)
        build_up = torch.where(stamp[:, st.SEAM] > 0, 0.0, ink[:, 0])
        laid = torch.where(had > 0, laid_over(torch, alpha, had, build_up), alpha)
        covered[pixel] = had + laid * (1 - had)
        owner[pixel] = stamp[:, _STROKE]
        color = stamp[:, _COLOR : _COLOR + 3]
        room = torch.where(shift[:, None] < 0, color, 1 - color)
        seen = laid > VISIBLE_ALPHA
        yield _Entries(
            pixel_n=pixel[seen],
            alpha_n=laid[seen],
            time_n=time[seen],
            color_n3=(color + shift[:, None] * room)[seen],
            see_through_n=ink[seen, 1],
        )


def _winners(
    stamps_nC: Tensor, sketch_n: Tensor, count: int, width: int, height: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every pixel of a pass: its index, deepest stamp, depth and time of ink."""
    device, total = stamps_nC.device, count * height * width
    never = torch.iinfo(torch.int64).max
    best = torch.full((total,), never, device=device)
    inked = torch.full((total,), NEVER, device=device)
    if not len(stamps_nC):
        none = torch.zeros(0, dtype=torch.long, device=device)
        return none, none, none.float(), none.float()
    reach = int(torch.ceil(torch.hypot(stamps_nC[:, st.LONG], stamps_nC[:, st.SHORT]).max()) + 1)
    offset = torch.arange(-reach, reach + 1, device=device)
    dy, dx = (grid.reshape(-1) for grid in torch.meshgrid(offset, offset, indexing="ij"))
    step = max(1, _CHUNK // len(dx))
    for start in range(0, len(stamps_nC), step):
        rows = stamps_nC[start : start + step]
        column = rows[:, st.X].round().long()[:, None] + dx
        row = rows[:, st.Y].round().long()[:, None] + dy
        away = signed_distance(torch, rows, column, row)
        near = (away < 0.5) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        which, _ = torch.nonzero(near, as_tuple=True)
        first_pixel = sketch_n[start : start + step, None] * (height * width)
        pixel, away = (first_pixel + row * width + column)[near], away[near]
        rank = ((away + _DEPTH_RANGE_PX) * _DEPTH_STEPS).long() << _STAMP_BITS
        best.scatter_reduce_(0, pixel, rank + start + which, "amin")
        sure = away < REACHED_PX
        inked.scatter_reduce_(0, pixel[sure], rows[which[sure], st.TIME], "amin")
    pixel = torch.nonzero(best < never).flatten()
    rank = best[pixel]
    winner = rank & ((1 << _STAMP_BITS) - 1)
    depth = _DEPTH_RANGE_PX - (rank >> _STAMP_BITS).float() / _DEPTH_STEPS
    return pixel, winner, depth, torch.minimum(inked[pixel], stamps_nC[winner, st.TIME])
