"""Profiling finds the kind of every planted head."""

from __future__ import annotations

import pytest
import torch

from benchmarks.planted_heads import planted_heads
from videosketcher_app.models.sparse_attention import profiling
from videosketcher_app.models.sparse_attention.layout import TokenLayout
from videosketcher_app.models.sparse_attention.presets import WAN_RULE, WITHOUT_SINK, BandRule
from videosketcher_app.models.sparse_attention.profiling import (
    find_temporal_heads,
    row_masks,
    sample_rows,
)

NUM_ROWS, HEADS = 64, 40
SMALL = {
    "wan": (TokenLayout(num_frames=21, tokens_per_frame=60), WAN_RULE),
    "wan, square": (TokenLayout(num_frames=21, tokens_per_frame=24), WAN_RULE),
    "hunyuan": (
        TokenLayout(
            num_frames=33, tokens_per_frame=36, text_tokens=16, text_at="tail", padding_tokens=9
        ),
        WITHOUT_SINK,
    ),
    "cogvideox": (
        TokenLayout(num_frames=11, tokens_per_frame=80, text_tokens=14, text_at="head"),
        WITHOUT_SINK,
    ),
}


def test_400_planted_heads_are_all_recognized() -> None:
    found, planted = [], []
    for number in range(10):
        layout, rule = list(SMALL.values())[number % len(SMALL)]
        found.append(_found(layout, rule, seed=number))
        planted.append(_kinds(number))
    assert torch.cat(planted).numel() == 400
    assert 100 < int(torch.cat(planted).sum()) < 300, "both kinds are there"
    assert int((torch.cat(found) == torch.cat(planted)).sum()) == 400


def _kinds(seed: int) -> torch.Tensor:
    return torch.rand(HEADS, generator=torch.Generator().manual_seed(1000 + seed)) < 0.5


def _found(layout: TokenLayout, rule: BandRule, *, seed: int) -> torch.Tensor:
    q, k, v = planted_heads(layout, _kinds(seed), seed=seed)
    rows = sample_rows(layout, NUM_ROWS, torch.Generator().manual_seed(seed))
    return find_temporal_heads(q, k, v, rows, layout, rule.profile_band(layout))[0]


def test_groups_of_heads_judge_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    layout, rule = SMALL["wan"]
    whole = _found(layout, rule, seed=3)
    monkeypatch.setattr(profiling, "SCORE_BYTES", 5 * NUM_ROWS * layout.num_tokens * 4)
    torch.testing.assert_close(_found(layout, rule, seed=3), whole)


@pytest.mark.parametrize(("layout", "rule"), SMALL.values(), ids=SMALL)
def test_row_masks_are_rows_of_the_whole_masks(layout: TokenLayout, rule: BandRule) -> None:
    band = rule.profile_band(layout)
    rows = sample_rows(layout, 20, torch.Generator().manual_seed(0))
    everything, spatial, temporal = row_masks(rows, layout, band)
    dense = band.dense()
    torch.testing.assert_close(spatial, dense[rows])
    place = layout.token_major_places(torch.arange(layout.num_tokens))
    torch.testing.assert_close(temporal, dense[place][:, place][rows])
    assert int(everything.sum()) == len(rows) * (layout.num_tokens - layout.padding_tokens)


def test_only_video_tokens_are_sampled() -> None:
    layout, _ = SMALL["cogvideox"]
    rows = sample_rows(layout, 5000, torch.Generator().manual_seed(0))
    assert int(rows.min()) == layout.video_start
    assert int(rows.max()) == layout.video_end - 1
