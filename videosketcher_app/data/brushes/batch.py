"""The brush engine for training: many painted sketches at once, on any torch device.

The fast twin of `layers` and `painting`: stamps are made on the processor, everything for each
pixel happens on the device, with the same formulas. A test bounds the difference. The renderer's
own pen is painted here as a round brush, which differs from it in the last shade of its border.

All passes of all sketches are stamped and shaded together, so the number of operations does not
grow with strokes or sketches; only laying the passes of a pixel over each other goes step by step,
and takes as many steps as the most often painted pixel has passes.

Legend: B sketches, N stamps of all of them, C columns of the stamp table, M pixels of all patches,
m pairs of a stamp and a pixel in its reach, E inked pixels of all passes, K inked pixels of the
canvases, T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.layers import REACHED_PX, VISIBLE_ALPHA, footprint_distance
from videosketcher_app.data.brushes.model import LOOK_FIELDS, Look
from videosketcher_app.data.brushes.noise import Tiles, tiles
from videosketcher_app.data.brushes.shading import laid_over, shade, spot_of
from videosketcher_app.data.brushes.stamp_batch import (
    COLOR,
    HEIGHT,
    LEFT,
    OWN_SEED,
    REACH_PX,
    STROKE,
    TOP,
    WIDTH,
    StampBatch,
)

NEVER = 1e6
_DEPTH_STEPS, _DEPTH_RANGE_PX, _STAMP_BITS = 1024.0, 1024.0, 32
_NO_STAMP = torch.iinfo(torch.int64).max
_CHUNK = 16_000_000  # pairs of a stamp and a pixel looked at together: bounds the memory


@dataclass(frozen=True, kw_only=True, eq=False)
class _Entries:
    """The ink of all passes, one entry for every pixel of a pass; `pixel_E` counts canvases on."""

    pixel_E: Tensor
    alpha_E: Tensor
    time_E: Tensor
    color_E3: Tensor
    stroke_E: Tensor
    build_up_E: Tensor
    see_through_E: Tensor

    def __getitem__(self, chosen: Tensor | slice) -> _Entries:
        return _Entries(**{name: value[chosen] for name, value in vars(self).items()})


@torch.no_grad()
def painted_clips(
    batch: StampBatch, width: int, height: int, num_frames: int, *, first_frame: int = 0
) -> Tensor:
    """Clips (B, T, 3, H, W) in [-1, 1] of painted sketches on white paper.

    Args:
        first_frame: frame of the sketches that the clips begin with.
    """
    count, device = len(batch.looks_BK), batch.stamps_NC.device
    index_T = first_frame + torch.arange(num_frames, device=device)
    entries, lengths = _stacked(_entries(batch, width, height))
    pixel_K, ink_KT3 = _composited(entries, lengths, index_T)
    clips = torch.ones(count * height * width, num_frames, 3, device=device)
    clips[pixel_K] = ink_KT3
    return 2 * clips.view(count, height, width, num_frames, 3).permute(0, 3, 4, 1, 2) - 1


def _entries(batch: StampBatch, width: int, height: int) -> _Entries:
    """The ink of every pass by itself, in painting order."""
    winner, depth, time, place = _winners(batch)
    patch = batch.patch_N[winner]
    sketch, (left, top, patch_width, _) = batch.sketch_P[patch], batch.patches_P4[patch].unbind(1)
    x, y = left + place % patch_width, top + place // patch_width
    stamp, ink, looks = batch.stamps_NC[winner], batch.inks_B3[sketch], batch.looks_BK[sketch]
    look = Look(**{name: looks[:, k] for k, name in enumerate(LOOK_FIELDS)})  # type: ignore[arg-type]
    spot = spot_of(torch, stamp, x.float(), y.float(), depth, ink[:, 2], stamp[:, OWN_SEED])
    alpha, shift = shade(torch, spot, look, _tiles_on(stamp.device))
    color = stamp[:, COLOR : COLOR + 3]
    room = torch.where(shift[:, None] < 0, color, 1 - color)
    return _Entries(
        pixel_E=(sketch * height + y) * width + x,
        alpha_E=alpha,
        time_E=time,
        color_E3=color + shift[:, None] * room,
        stroke_E=stamp[:, STROKE],
        build_up_E=torch.where(stamp[:, st.SEAM] > 0, 0.0, ink[:, 0]),
        see_through_E=ink[:, 1],
    )


def _winners(batch: StampBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every inked pixel of a pass: deepest stamp, depth, time of ink, and place in its patch."""
    device, total = batch.stamps_NC.device, sum(batch.area_B)
    best_M = torch.full((total,), _NO_STAMP, device=device)
    inked_M = torch.full((total,), NEVER, device=device)
    area_P = batch.patches_P4[:, WIDTH] * batch.patches_P4[:, HEIGHT]
    start_P = torch.cumsum(area_P, 0) - area_P
    origin_N2 = batch.patches_P4[:, :2][batch.patch_N]
    corner_N2 = batch.boxes_N4[:, :2] - origin_N2
    patch_width_N = batch.patches_P4[:, WIDTH][batch.patch_N]
    first_N = start_P[batch.patch_N] + corner_N2[:, TOP] * patch_width_N + corner_N2[:, LEFT]
    for rows, pairs in _chunks(batch):
        boxes, stamps = batch.boxes_N4[rows], batch.stamps_NC[rows]
        size = boxes[:, WIDTH] * boxes[:, HEIGHT]
        which = torch.repeat_interleave(size, output_size=pairs)
        inside = torch.arange(pairs, device=device) - (torch.cumsum(size, 0) - size)[which]
        box_width = boxes[:, WIDTH][which]
        column, row = inside % box_width, inside // box_width
        at = first_N[rows][which] + row * patch_width_N[rows][which] + column
        near, stamp = boxes[which], stamps[:, : st.SIN + 1][which]
        away = footprint_distance(torch, stamp, near[:, LEFT] + column, near[:, TOP] + row)
        rank = ((away + _DEPTH_RANGE_PX) * _DEPTH_STEPS).long() << _STAMP_BITS
        rank = torch.where(away < REACH_PX, rank + rows.start + which, _NO_STAMP)
        best_M.scatter_reduce_(0, at, rank, "amin")
        time = torch.where(away < REACHED_PX, stamp[:, st.TIME], NEVER)
        inked_M.scatter_reduce_(0, at, time, "amin")
    at_E = torch.nonzero(best_M < _NO_STAMP).flatten()
    rank = best_M[at_E]
    winner = rank & ((1 << _STAMP_BITS) - 1)
    depth = _DEPTH_RANGE_PX - (rank >> _STAMP_BITS).float() / _DEPTH_STEPS
    time = torch.minimum(inked_M[at_E], batch.stamps_NC[:, st.TIME][winner])
    return winner, depth, time, at_E - start_P[batch.patch_N[winner]]


def _chunks(batch: StampBatch) -> Iterator[tuple[slice, int]]:
    """Stamps of as many sketches as may be looked at together, and their pairs."""
    start = end = pairs = 0
    for own, stamps in zip(batch.pairs_B, batch.stamps_B, strict=True):
        if pairs and pairs + own > _CHUNK:
            yield slice(start, end), pairs
            start, pairs = end, 0
        end, pairs = end + stamps, pairs + own
    yield slice(start, end), pairs


def _stacked(entries: _Entries) -> tuple[_Entries, list[int]]:
    """Entries by layer: the lowest of every pixel first; how many pixels have such a layer.

    Pixels with more layers come first in each layer, so that layer l lies on the first of the
    pixels of layer l - 1, in the same order.
    """
    pixel, order = torch.sort(entries.pixel_E, stable=True)
    begins = torch.ones_like(pixel, dtype=torch.bool)
    begins[1:] = pixel[1:] != pixel[:-1]
    begin_K = torch.nonzero(begins).flatten()
    slot_E = torch.cumsum(begins, 0) - 1
    layer_E = torch.arange(len(pixel), device=pixel.device) - begin_K[slot_E]
    most_first_K = torch.argsort(torch.bincount(slot_E), descending=True, stable=True)
    place_K = torch.empty_like(most_first_K)
    place_K[most_first_K] = torch.arange(len(place_K), device=pixel.device)
    by_layer = torch.argsort(layer_E * len(place_K) + place_K[slot_E])
    return entries[order[by_layer]], torch.bincount(layer_E).tolist()


def _composited(entries: _Entries, lengths: list[int], index_T: Tensor) -> tuple[Tensor, Tensor]:
    """Inked pixels (K,) and their colors (K, T, 3): layer over layer.

    A layer of the same stroke as the one below is built up as its brush says.
    """
    inked = lengths[0] if lengths else 0
    device = entries.alpha_E.device
    ink_KT3 = torch.ones(inked, len(index_T), 3, device=device)
    covered_K = torch.zeros(inked, device=device)
    owner_K = torch.full((inked,), -1.0, device=device)
    start = 0
    for length in lengths:
        layer = entries[slice(start, start + length)]
        start += length
        under, covered, owner = ink_KT3[:length], covered_K[:length], owner_K[:length]
        had = torch.where(owner == layer.stroke_E, covered, 0.0)
        laid = laid_over(torch, layer.alpha_E, had, layer.build_up_E)
        laid = torch.where(had > 0, laid, layer.alpha_E)
        covered.copy_(had + laid * (1 - had))
        owner.copy_(layer.stroke_E)
        seen = torch.where(laid > VISIBLE_ALPHA, laid, 0.0)[:, None]
        shown = (seen * (layer.time_E[:, None] <= index_T))[..., None]
        color, through = layer.color_E3[:, None], layer.see_through_E[:, None, None]
        under.lerp_(color + through * color * (under - 1), shown)
    return entries.pixel_E[:inked], ink_KT3


@cache
def _tiles_on(device: torch.device) -> Tiles:
    """The tiles of noise on a device, once."""
    source = vars(tiles()).items()
    return Tiles(**{name: torch.from_numpy(tile).to(device) for name, tile in source})
