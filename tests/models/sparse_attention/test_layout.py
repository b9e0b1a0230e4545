"""The token-major order puts one place's frames side by side and is undone exactly."""

from __future__ import annotations

import pytest
import torch

from tests.models.sparse_attention.test_profiling import SMALL
from videosketcher_app.models.sparse_attention.layout import (
    TokenLayout,
    gather_order,
    restore_order,
)

LAYOUTS = {name: layout for name, (layout, _) in SMALL.items()}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_restoring_undoes_gathering_exactly(layout: TokenLayout) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, layout.num_tokens, 8, generator=generator)
    temporal = torch.rand(2, 6, generator=generator) < 0.5
    gathered = gather_order(x, temporal, layout)
    assert torch.equal(restore_order(gathered, temporal, layout), x)
    assert torch.equal(gathered[~temporal], x[~temporal])
    assert not torch.equal(gathered[temporal], x[temporal])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_places_of_both_orders_are_inverse(layout: TokenLayout) -> None:
    place = torch.arange(layout.num_tokens)
    moved = layout.token_major_places(place)
    assert torch.equal(layout.frame_major_places(moved), place)
    assert torch.equal(moved.sort().values, place)
    outside = (place < layout.video_start) | (place >= layout.video_end)
    assert torch.equal(moved[outside], place[outside])


def test_one_place_through_time_becomes_neighbors() -> None:
    layout = TokenLayout(num_frames=3, tokens_per_frame=4, text_tokens=2, text_at="head")
    names = ["w0", "w1", *(f"f{f}p{p}" for f in range(3) for p in range(4))]
    order = layout.frame_major_places(torch.arange(layout.num_tokens))
    assert [names[place] for place in order][:8] == [
        "w0", "w1", "f0p0", "f1p0", "f2p0", "f0p1", "f1p1", "f2p1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_frames": 0},
        {"text_tokens": 3},
        {"text_at": "head"},
        {"text_tokens": 3, "text_at": "head", "padding_tokens": 1},
        {"text_tokens": 3, "text_at": "tail", "padding_tokens": 4},
    ],
)
def test_impossible_layouts_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        TokenLayout(**{"num_frames": 2, "tokens_per_frame": 3, **wrong})  # type: ignore[arg-type]
