"""Emphasis: the first step of a block leaves the latest frame further than estimated, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from videosketcher_app.engines.rollout import DENOISING_STEPS, BlockRollout, block_noise
from videosketcher_app.models.causal_wan import CausalWan, causal_pocket
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.tiny import tiny_model

CELLS = (9, 18)
WINDOW = Window(blocks=3, sink_blocks=1)
EMPHASIS = 2.5


@pytest.fixture(scope="module", params=[False, True], ids=["renoised", "noise kept"])
def causal(request: pytest.FixtureRequest) -> CausalWan:
    return replace(causal_pocket(tiny_model()), keeps_noise=request.param)


def rollout(causal: CausalWan) -> BlockRollout:
    words = torch.randn(1, 7, 32, generator=torch.Generator().manual_seed(1))
    cache = causal.new_cache(causal.cache_shape(1, *CELLS), WINDOW)
    return BlockRollout(causal, cache, causal.prompt_keys(words))


def shown() -> Tensor:
    """A block that somebody drew."""
    return torch.randn(1, 16, 3, *CELLS, generator=torch.Generator().manual_seed(2))


@torch.inference_mode()
def estimates(
    drawing: BlockRollout, timesteps: tuple[float, ...] = DENOISING_STEPS
) -> list[Tensor]:
    shape = (1, 16, 3, *CELLS)
    noise = block_noise(3, drawing.num_blocks, shape, len(timesteps), torch.device("cpu"))
    return list(drawing.draw(noise, timesteps))


@torch.inference_mode()
def after_a_shown_block(
    causal: CausalWan, emphasis: float, timesteps: tuple[float, ...] = DENOISING_STEPS
) -> list[Tensor]:
    drawing = rollout(replace(causal, emphasis=emphasis))
    drawing.observe(shown())
    return estimates(drawing, timesteps)


def test_the_first_estimate_is_so_many_times_as_far_from_the_latest_frame(
    causal: CausalWan,
) -> None:
    plain, moved = after_a_shown_block(causal, 1.0), after_a_shown_block(causal, EMPHASIS)
    still = shown()[:, :, -1:]
    torch.testing.assert_close(
        moved[0], still + EMPHASIS * (plain[0] - still), atol=1e-5, rtol=1e-5
    )
    assert not torch.equal(moved[-1], plain[-1])


@pytest.mark.parametrize("timesteps", [(1000.0,), (999.0, 757.0, 522.0)], ids=["last", "begun"])
def test_only_a_step_from_noise_alone_that_others_follow_is_emphasized(
    causal: CausalWan, timesteps: tuple[float, ...]
) -> None:
    plain = after_a_shown_block(causal, 1.0, timesteps)
    moved = after_a_shown_block(causal, EMPHASIS, timesteps)
    assert all(torch.equal(a, b) for a, b in zip(plain, moved, strict=True))


def test_the_first_block_of_all_has_nothing_to_move_away_from(causal: CausalWan) -> None:
    plain, moved = (
        estimates(rollout(causal)),
        estimates(rollout(replace(causal, emphasis=EMPHASIS))),
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, moved, strict=True))


@torch.inference_mode()
def test_a_block_drawn_again_is_the_same(causal: CausalWan) -> None:
    drawing = rollout(replace(causal, emphasis=EMPHASIS))
    drawing.observe(shown())
    first = [estimates(drawing)[-1] for _ in range(2)]
    drawing.rewind(1)
    again = [estimates(drawing)[-1] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
