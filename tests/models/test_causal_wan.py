"""Block by block over a cache equals one masked pass over the whole clip, for both families."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.causal_wan import (
    CausalWan,
    causal_pocket,
    plain_sigma,
    table_sigma,
)
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity, prompt_keys
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

TIMESTEPS = (0.0, 250.0, 1000.0, 522.0)


def random_wan():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = TransformerConfig(
            dim=48,
            in_dim=16,
            ffn_dim=64,
            text_dim=32,
            freq_dim=32,
            num_heads=2,
            num_layers=2,
            patch=2,
        )
        return CausalWan(transformer=build_transformer(config).eval().requires_grad_(False))


@pytest.fixture(scope="module", params=["wan", "pocket"])
def causal(request):
    return random_wan() if request.param == "wan" else causal_pocket(tiny_model())


def inputs(frames, batch=1):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(batch, 16, frames, 6, 12, generator=generator)
    return latents, torch.randn(batch, 7, 32, generator=generator)


def test_cached_blocks_equal_the_masked_training_pass(causal):
    latents, words = inputs(12, batch=2)
    timesteps = torch.tensor(TIMESTEPS).repeat_interleave(3).expand(2, -1)
    whole = causal.train_forward(latents.transpose(1, 2), timesteps, words).transpose(1, 2)
    prompt = causal.prompt_keys(words)
    past = causal.new_cache(causal.cache_shape(2, 6, 12), Window(blocks=4))
    for block, timestep in enumerate(TIMESTEPS):
        past.begin()
        piece = latents[:, :, 3 * block : 3 * block + 3]
        causal.block_velocity(torch.ones_like(piece), 700.0, prompt, past)  # overwritten
        velocity = causal.block_velocity(piece, timestep, prompt, past)
        past.commit()
        expected = whole[:, :, 3 * block : 3 * block + 3]
        torch.testing.assert_close(velocity, expected, atol=3e-6, rtol=0)


def test_a_repeated_pass_changes_nothing(causal):
    latents, words = inputs(3)
    prompt = causal.prompt_keys(words)
    past = causal.new_cache(causal.cache_shape(1, 6, 12), Window(blocks=1))
    past.begin()
    first = causal.block_velocity(latents, 757.0, prompt, past)
    assert torch.equal(first, causal.block_velocity(latents, 757.0, prompt, past))


def test_words_cached_once_equal_words_read_at_every_pass():
    transformer = random_wan().transformer
    latents, words = inputs(3)
    timesteps = torch.tensor([[300.0]])
    direct = predict_velocity(transformer, latents, timesteps, words)
    cached = predict_velocity(transformer, latents, timesteps, prompt_keys(transformer, words))
    assert torch.equal(direct, cached)


def test_wan_attends_to_padding_and_pocket_does_not(causal):
    """Both as they were trained: Wan reads 512 rows, zeros included."""
    _, words = inputs(3)
    key, _ = causal.prompt_keys(words)[0]
    assert key.shape[2] == (512 if causal.text_tokens else 7)


def test_training_pass_gives_gradients(causal):
    latents, words = inputs(6)
    clip = latents.transpose(1, 2).requires_grad_(True)
    causal.train_forward(clip, torch.full((1, 6), 500.0), words)[:, 3:].sum().backward()
    assert clip.grad[:, :3].abs().sum() > 0


def test_the_page_is_as_large_as_computed():
    """facts/reference 3.5: 21 latent frames of the 1.3B model at 832x480 are 6,038,323,200 bytes."""
    config = TransformerConfig(
        dim=1536, in_dim=16, ffn_dim=8960, text_dim=4096, num_heads=12, num_layers=30, patch=2
    )
    with torch.device("meta"):
        wan = CausalWan(transformer=build_transformer(config), dtype=torch.bfloat16)
    assert 7 * wan.cache_shape(1, 60, 104).page_bytes == 6_038_323_200


def test_noise_levels_of_timesteps():
    assert [table_sigma(t) for t in (1000, 757, 522, 0)] == pytest.approx(
        [1.0, 0.756757, 0.521739, 0.007944], abs=1e-6
    )
    assert plain_sigma(757) == 0.757


def test_other_block_lengths(causal):
    single = replace(causal, block_frames=1)
    single.check_latents(torch.zeros(1, 16, 5, 6, 12), "noise")
    with pytest.raises(InvalidRequest, match="whole blocks of 3"):
        causal.check_latents(torch.zeros(1, 16, 5, 6, 12), "noise")
