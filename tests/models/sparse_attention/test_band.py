"""The mask as numbers equals the mask as a matrix, token by token and block by block."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention.flex_attention import create_block_mask

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.sparse_attention.layout import TokenLayout
from videosketcher_app.models.sparse_attention.presets import (
    PUBLISHED,
    WAN_RULE,
    WITHOUT_SINK,
    BandRule,
    wan_layout,
)

LAYOUTS = {
    "wan": TokenLayout(num_frames=7, tokens_per_frame=150),
    "whole blocks": TokenLayout(num_frames=8, tokens_per_frame=128),
    "words first": TokenLayout(num_frames=5, tokens_per_frame=170, text_tokens=37, text_at="head"),
    "words last": TokenLayout(num_frames=5, tokens_per_frame=170, text_tokens=200, text_at="tail"),
    "padded words": TokenLayout(
        num_frames=5, tokens_per_frame=170, text_tokens=300, text_at="tail", padding_tokens=219
    ),
}
RULES = {"sink": WAN_RULE, "no sink": WITHOUT_SINK}
WIDTHS = (0, 1, 127, 128, 300, 2000)


@pytest.mark.parametrize("half_width", WIDTHS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_blocks_are_those_of_the_dense_mask(
    layout: TokenLayout, rule: BandRule, half_width: int
) -> None:
    band = rule.band_of_width(layout, half_width)
    dense = band.dense()
    part, full = band.blocks()
    seen = _blocks_of(dense)
    whole = _blocks_of(torch.ones_like(dense)) == 128 * 128
    torch.testing.assert_close(full, (seen == 128 * 128) & whole)
    torch.testing.assert_close(part, (seen > 0) & ~full)
    assert band.num_seen == int(dense.sum())


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_flex_attention_gets_what_it_would_have_made_itself(layout: TokenLayout) -> None:
    band = WAN_RULE.band_of_width(layout, 256)
    ours = band.block_mask("cpu")
    length = layout.num_tokens
    assert ours.mask_mod is not None
    theirs = create_block_mask(ours.mask_mod, 1, 1, length, length, device="cpu")
    assert ours.shape == theirs.shape
    for mine, its in zip(_tables(ours), _tables(theirs), strict=True):
        torch.testing.assert_close(mine, its)


def _tables(block_mask) -> list[torch.Tensor]:
    """The blocks of every row as sets: what is behind a row's count has no meaning."""
    tables = []
    for prefix in ("", "full_"):
        number = getattr(block_mask, f"{prefix}kv_num_blocks")[0, 0]
        order = getattr(block_mask, f"{prefix}kv_indices")[0, 0]
        table = torch.zeros(order.shape, dtype=torch.bool)
        for row, count in enumerate(number.tolist()):
            table[row, order[row, :count].long()] = True
        tables.append(table)
    return tables


def _blocks_of(mask_LL: torch.Tensor) -> torch.Tensor:
    blocks = -(-len(mask_LL) // 128)
    grown = torch.zeros(blocks * 128, blocks * 128, dtype=torch.int)
    grown[: len(mask_LL), : len(mask_LL)] = mask_LL
    return grown.view(blocks, 128, blocks, 128).sum(dim=(1, 3))


def test_who_sees_whom() -> None:
    layout = TokenLayout(
        num_frames=3, tokens_per_frame=4, text_tokens=3, text_at="tail", padding_tokens=1
    )
    mask = WAN_RULE.band_of_width(layout, 1).dense()
    video, words, padding = slice(0, 12), slice(12, 14), slice(14, 15)
    assert mask[video, :4].all(), "everyone sees the first frame"
    assert mask[video, words].all()
    assert mask[words, :14].all()
    assert mask[7, [6, 7, 8]].all()
    assert not mask[7, [4, 5, 9, 10, 11]].any()
    assert not mask[:14, padding].any()
    assert not mask[padding, :14].any()
    assert mask[padding, padding].all()


def test_the_published_480p_band() -> None:
    layout = PUBLISHED["wan2.1-14b-480p"].layout
    assert (layout.num_frames, layout.tokens_per_frame, layout.num_tokens) == (21, 1560, 32760)
    band = WAN_RULE.band(layout, 0.3)
    assert band.half_width == 5376
    assert band.density == pytest.approx(0.34, abs=0.005)


@pytest.mark.parametrize(
    ("name", "tokens", "half_width", "first_key"),
    [
        ("wan2.1-14b-480p", 32760, 4480, 1560),
        ("wan2.1-14b-720p", 75600, 10240, 3600),
        ("hunyuan-video-720p", 119056, 12159, 0),
        ("cogvideox-1.5-768p", 45106, 5759, 226),
    ],
)
def test_every_published_layout_has_its_band(
    name: str, tokens: int, half_width: int, first_key: int
) -> None:
    model = PUBLISHED[name]
    band = model.rule.band(model.layout, model.spec.kept_fraction)
    assert (band.num_tokens, band.half_width, band.band_start) == (tokens, half_width, first_key)
    part, full = band.blocks()
    computed = int((part | full).sum()) * 128**2 / tokens**2
    assert band.density < computed < band.density + 0.03
    assert model.spec.kept_fraction - 0.02 < band.density < model.spec.kept_fraction + 0.05


def test_keeping_everything_is_dense() -> None:
    layout = wan_layout(17, 144, 96)
    assert WAN_RULE.band(layout, 1.0).keeps_everything
    assert not WAN_RULE.band(wan_layout(81, 432, 240, cell_px=24), 0.25).keeps_everything


def test_words_that_leave_nothing_for_the_video_are_refused() -> None:
    layout = TokenLayout(num_frames=2, tokens_per_frame=100, text_tokens=100, text_at="head")
    with pytest.raises(InvalidRequest, match="leaves nothing for the video") as error:
        WITHOUT_SINK.band(layout, 0.25)
    least = float(error.value.hint.split()[1])
    assert WITHOUT_SINK.band(layout, least).density > 0


def test_a_mask_of_720p_costs_nothing() -> None:
    model = PUBLISHED["wan2.1-14b-720p"]
    band: BandMask = model.rule.band(model.layout, 0.25)
    part, full = band.blocks()
    assert part.numel() == 591**2
    assert int(full.sum()) > int(part.sum()) > 0
