"""Blocks that stream in 8 bits: near what they were, with LoRAs, frames and modes of speed."""

from __future__ import annotations

import pytest
import torch

from tests.models.streamed_wan import (
    FRAMES_THW3,
    LAYERS,
    adapter,
    drawn,
    fingerprint,
    model_of,
    with_differences,
)
from videosketcher_app.models import lean_block
from videosketcher_app.models.lean_block import in_pieces
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.wan.image_to_video import WanImageModel


@pytest.fixture(scope="module")
def streamed():
    return model_of("stream_ram")


@pytest.fixture(scope="module")
def small():
    return model_of("stream_ram", stored="fp8")


def test_8_bit_blocks_stay_near_and_take_half(small, streamed):
    exact, near = drawn(streamed), drawn(small)
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05
    assert small.transformer.blocks.num_bytes < 0.5 * streamed.transformer.blocks.num_bytes
    assert small.transformer.blocks[1].ffn[0].weight.dtype == torch.float8_e4m3fn
    assert small.transformer.head.head.weight.dtype == torch.float32, "the head keeps its digits"


def test_8_bit_blocks_see_a_condition_frame():
    near, exact = (
        drawn(model_of("stream_ram", kind=WanImageModel, stored=stored).conditioned(FRAMES_THW3[0]))
        for stored in ("fp8", "bf16")
    )
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05


def test_loras_work_beside_8_bit_blocks_and_change_their_biases(small, streamed):
    before, plain = fingerprint(small.transformer), drawn(small)
    effects = []
    for model in (streamed, small):
        without = drawn(model)
        with applied(model.transformer, [(with_differences(streamed.transformer), 0.4)]):
            effects.append(drawn(model) - without)
    assert float((effects[1] - effects[0]).norm() / effects[0].norm()) < 0.2
    assert fingerprint(small.transformer) == before
    assert torch.equal(drawn(small), plain)


def test_a_merged_lora_unpacks_8_bit_weights(small):
    before, lora = fingerprint(small.transformer), adapter(model_of("resident").transformer, 6)
    plain = drawn(small)
    drawings = []
    for merge in (False, True):
        with applied(small.transformer, [(lora, 0.5)], merge=merge):
            drawings.append(drawn(small))
    torch.testing.assert_close(*drawings, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(drawings[0], plain, atol=1e-2)
    assert fingerprint(small.transformer) == before


def test_modes_of_speed_take_little_memory_with_8_bits(small, monkeypatch):
    seen = []
    monkeypatch.setattr(lean_block, "in_pieces", lambda *given: seen.append(1) or in_pieces(*given))
    words = small.encode_prompts(["a cat"])
    x = torch.randn(1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(2))
    found = small.velocity(x, 0.5, words)
    assert len(seen) == LAYERS
    exact = model_of("stream_ram").velocity(x, 0.5, words)
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.05
