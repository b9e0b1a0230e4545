"""Which heads are spatial and which temporal, from a few sampled queries.

The sampled queries are answered three times: with all keys, under the band in frame-major order, and
under the band in token-major order. A head is of the kind whose answer is nearer to the full one
(arXiv 2502.01776, section 4). Masks are made for the sampled rows only.

Legend: B batch, N heads, R sampled queries, L tokens, E head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.sparse_attention.layout import TokenLayout

SCORE_BYTES = 256 * 2**20  # of the scores held at once; heads are judged in equal groups
_SCORE_ITEM_BYTES = 4


def sample_rows(layout: TokenLayout, num_rows: int, generator: torch.Generator) -> Tensor:
    """Places (R,) of random video tokens."""
    places = torch.randint(0, layout.num_video_tokens, (num_rows,), generator=generator)
    return places + layout.video_start


def find_temporal_heads(
    q_BNLE: Tensor,
    k_BNLE: Tensor,
    v_BNLE: Tensor,
    rows_R: Tensor,
    layout: TokenLayout,
    band: BandMask,
) -> Tensor:
    """(B, N) bool: True where token-major order loses less; equal heads count as spatial."""
    heads = q_BNLE.shape[1]
    batch_bytes = len(q_BNLE) * len(rows_R) * layout.num_tokens * _SCORE_ITEM_BYTES
    group = _equal_group(heads, max(1, SCORE_BYTES // batch_bytes))
    masks_RL = row_masks(rows_R, layout, band)
    groups = (x.split(group, dim=1) for x in (q_BNLE[:, :, rows_R], k_BNLE, v_BNLE))
    return torch.cat([_judge(q, k, v, masks_RL) for q, k, v in zip(*groups, strict=True)], dim=1)


def row_masks(rows_R: Tensor, layout: TokenLayout, band: BandMask) -> tuple[Tensor, Tensor, Tensor]:
    """What the sampled queries see: everything real, the spatial band, the temporal band; (R, L)."""
    place_L = torch.arange(layout.num_tokens, device=rows_R.device)
    spatial_RL = band.sees(rows_R[:, None], place_L)
    moved = layout.token_major_places
    temporal_RL = band.sees(moved(rows_R)[:, None], moved(place_L))
    everything_RL = (place_L < band.real_end).expand_as(spatial_RL)
    return everything_RL, spatial_RL, temporal_RL


def _judge(q_BNRE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, masks_RL: tuple[Tensor, ...]) -> Tensor:
    # Scaled before the product, which may be in float16 and would run over.
    scaled_BNRE = q_BNRE * q_BNRE.shape[-1] ** -0.5
    scores_BNRL = (scaled_BNRE @ k_BNLE.transpose(-1, -2)).float()
    answers = []
    for mask_RL in masks_RL:
        weights_BNRL = scores_BNRL.masked_fill(~mask_RL, -torch.inf).softmax(dim=-1)
        answers.append((weights_BNRL.to(v_BNLE.dtype) @ v_BNLE).float())
    full, spatial, temporal = answers
    return _error(temporal, full) < _error(spatial, full)


def _error(answer_BNRE: Tensor, full_BNRE: Tensor) -> Tensor:
    return (answer_BNRE - full_BNRE).square().mean(dim=(-1, -2))


def _equal_group(heads: int, most: int) -> int:
    """The largest divisor of the heads that is not over the limit: every group has one shape."""
    return max(size for size in range(1, heads + 1) if heads % size == 0 and size <= most)
