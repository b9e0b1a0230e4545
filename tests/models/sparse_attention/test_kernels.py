"""Every kernel equals full attention under the same mask."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention.flex_attention import flex_attention

from videosketcher_app.models.sparse_attention import kernels, pieces
from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.sparse_attention.kernels import (
    FIRST_FOR_PIECES,
    PIECES,
    SLICED,
    BandAttention,
    band_attention,
    dense_band_attention,
    fastest_kernel,
    kernel_for,
)
from videosketcher_app.models.sparse_attention.layout import TokenLayout
from videosketcher_app.models.sparse_attention.presets import WAN_RULE, WITHOUT_SINK

BANDS = {
    "wan": WAN_RULE.band(TokenLayout(num_frames=9, tokens_per_frame=100), 0.3),
    "wan, narrow": WAN_RULE.band_of_width(TokenLayout(num_frames=9, tokens_per_frame=100), 7),
    "wan, wide": WAN_RULE.band_of_width(TokenLayout(num_frames=9, tokens_per_frame=100), 9999),
    "words first": WITHOUT_SINK.band(
        TokenLayout(num_frames=9, tokens_per_frame=100, text_tokens=30, text_at="head"), 0.4
    ),
    "words last": WITHOUT_SINK.band(
        TokenLayout(
            num_frames=9, tokens_per_frame=100, text_tokens=60, text_at="tail", padding_tokens=21
        ),
        0.4,
    ),
}


@pytest.fixture(params=BANDS.values(), ids=list(BANDS))
def band(request: pytest.FixtureRequest) -> BandMask:
    return request.param


def _inputs(length: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, 3, length, 16, generator=generator) for _ in range(3))


def test_the_dense_twin_is_softmax_under_the_mask(band: BandMask) -> None:
    q, k, v = (x.double() for x in _inputs(band.num_tokens))
    scores = (q @ k.transpose(-1, -2)) / 4
    expected = scores.masked_fill(~band.dense(), -torch.inf).softmax(-1) @ v
    torch.testing.assert_close(dense_band_attention(q, k, v, band), expected)


def test_slices_of_keys_equal_the_dense_twin(
    band: BandMask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "RUN_TOKENS", 70)
    q, k, v = _inputs(band.num_tokens)
    sliced = band_attention(SLICED, q, k, v, band)
    torch.testing.assert_close(sliced, dense_band_attention(q, k, v, band), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("longest", [1, 70, 2048])
def test_pieces_without_a_mask_equal_the_dense_twin(
    band: BandMask, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "RUN_TOKENS", longest)
    q, k, v = _inputs(band.num_tokens)
    found = band_attention(PIECES, q, k, v, band)
    torch.testing.assert_close(found, dense_band_attention(q, k, v, band), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("batched", [True, False], ids=["middle", "runs"])
def test_runs_see_what_the_mask_says(band: BandMask, batched: bool) -> None:
    seen = torch.zeros(band.num_tokens, band.num_tokens, dtype=torch.long)
    video = slice(band.query_start, band.query_end)
    seen[video, : band.band_start] += 1
    seen[video, band.band_end : band.real_end] += 1
    middle = pieces.middle_of(band, 70) if batched else None
    ordinary = list(pieces.runs(band, 70, middle))
    alike = [
        pieces._run(band, first, first + middle.run)
        for first in (range(middle.first, middle.end, middle.run) if middle else ())
    ]
    for run in [*ordinary, *alike]:
        if run.whole is not None:
            seen[run.first : run.end, run.whole[0] : run.whole[1]] += 1
        count = run.end - run.first
        triangle = torch.ones(count, count, dtype=torch.long).tril()
        if run.above is not None:
            seen[run.first : run.end, run.above[0] : run.above[1]] += triangle
        if run.below is not None:
            seen[run.first : run.end, run.below[0] : run.below[1]] += triangle.flip(0, 1)
    assert torch.equal(seen[video], band.dense()[video].long())
    for run in alike:
        assert run.whole == (run.end - band.half_width, run.first + band.half_width)
        assert run.above is not None
        assert run.below is not None


def test_the_middle_of_a_band_is_one_call_a_piece() -> None:
    band = WAN_RULE.band(TokenLayout(num_frames=21, tokens_per_frame=1560), 0.3)
    middle = pieces.middle_of(band, pieces.RUN_TOKENS)
    assert middle is not None
    assert middle.run * middle.count > 0.6 * band.num_tokens
    others = sum(run.end - run.first for run in pieces.runs(band, pieces.RUN_TOKENS, middle))
    assert others + middle.run * middle.count == band.num_tokens


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_under_our_rule_equals_the_dense_twin(
    band: BandMask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_compiled_flex", lambda: flex_attention)
    q, k, v = _inputs(band.num_tokens)
    flex = kernels.flex_band_attention(q, k, v, band)
    torch.testing.assert_close(flex, dense_band_attention(q, k, v, band), atol=2e-6, rtol=1e-5)


def test_a_cpu_needs_no_triton() -> None:
    assert kernel_for(torch.device("cpu")) == SLICED
    assert fastest_kernel(*_inputs(8), has_room=True) == SLICED


@pytest.mark.gpu
@torch.inference_mode()
def test_a_card_with_room_takes_pieces() -> None:
    heads = [x.to("cuda", torch.bfloat16) for x in _inputs(256)]
    hopper = torch.cuda.get_device_capability() >= FIRST_FOR_PIECES
    assert fastest_kernel(*heads, has_room=True) == (
        PIECES if hopper else kernel_for(heads[0].device)
    )
    assert fastest_kernel(*heads) == kernel_for(heads[0].device)
    exact = [x.float() for x in heads]  # cuDNN has none for these
    assert fastest_kernel(*exact, has_room=True) == kernel_for(heads[0].device)


@pytest.mark.gpu
@pytest.mark.parametrize("attend", [kernels.flex_band_attention, pieces.in_pieces])
@torch.inference_mode()
def test_a_cards_kernel_equals_the_dense_twin(band: BandMask, attend: BandAttention) -> None:
    q, k, v = (x.to("cuda", torch.bfloat16) for x in _inputs(band.num_tokens))
    flex, dense = (each(q, k, v, band).float().flatten() for each in (attend, dense_band_attention))
    assert torch.nn.functional.cosine_similarity(flex, dense, dim=0) >= 0.9995
