"""Self-forcing on latents: the student draws, through the engine that draws for people, and learns.

Huang et al. 2025, "Self Forcing" (arXiv 2506.08009): a causal model that only ever looked back on
data drifts when it looks back on its own drawings; so its drawings are the past that it is trained
on. The drawing itself needs no gradient: a block's gradient stays within one denoising step, which
`velocity_after_clean` repeats for all blocks at once from the recorded state.

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videosketcher_app.engines.rollout import BlockNoise, BlockRollout
from videosketcher_app.models.causal_wan import CLEAN_TIMESTEP, CausalWan
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.wan.forward import (
    Attention,
    block_forward,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.training.pocket_ar_pass import KeepingAttention, PastAttention
from videosketcher_app.training.state import StepRandom


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnDrawing:
    """What the student drew.

    Attributes:
        clean_BCFhw: its drawing.
        states: noisy latents (B, C, F, h, w) at the beginning of every denoising step.
    """

    clean_BCFhw: Tensor
    states: tuple[Tensor, ...]


@torch.no_grad()
def draw_clip(
    wan: CausalWan,
    words_BSD: Tensor,
    shape: Sequence[int],
    timesteps: Sequence[float],
    random: StepRandom,
) -> OwnDrawing:
    """A whole clip by the student's present weights.

    Args:
        words_BSD: embeddings, padded.
        shape: (B, C, F, h, w).
        timesteps: denoising steps of a block, falling, all above 0.
    """
    batch, channels, num_frames, height, width = shape
    num_blocks = num_frames // wan.block_frames
    window = Window(blocks=max(2, num_blocks), sink_blocks=1)
    cache = wan.new_cache(wan.cache_shape(batch, height, width), window)
    rollout = BlockRollout(wan, cache, wan.prompt_keys(words_BSD))
    blocks: list[Tensor] = []
    states: list[list[Tensor]] = [[] for _ in timesteps]
    for _ in range(num_blocks):
        noise = [random.normal(batch, channels, wan.block_frames, height, width) for _ in timesteps]
        estimates = [*rollout.draw(BlockNoise(first_BCFhw=noise[0], later=noise[1:]), timesteps)]
        states[0].append(noise[0])
        for step, timestep in enumerate(timesteps[1:], start=1):
            sigma = wan.sigma_of(timestep)
            states[step].append((1 - sigma) * estimates[step - 1] + sigma * noise[step])
        blocks.append(estimates[-1])
    return OwnDrawing(
        clean_BCFhw=torch.cat(blocks, dim=2),
        states=tuple(torch.cat(parts, dim=2) for parts in states),
    )


def velocity_after_clean(
    wan: CausalWan,
    noisy_BCFhw: Tensor,
    timesteps_BF: Tensor,
    words_BSD: Tensor,
    clean_BCFhw: Tensor,
    *,
    run_block: Callable[..., Tensor] = block_forward,
) -> Tensor:
    """Velocity (B, C, F, h, w) of all blocks at once, each seeing the clean blocks before it.

    No gradient flows through the clean past.
    """
    per_block = wan.block_frames * wan.tokens_per_frame(*noisy_BCFhw.shape[-2:])
    before = clean_BCFhw[:, :, : -wan.block_frames]
    keeping = [KeepingAttention(per_block) for _ in wan.transformer.blocks]
    attention: Attention | Sequence[Attention] = dense_attention  # one block has no past
    if before.shape[2]:
        with torch.no_grad():
            predict_velocity(
                wan.transformer,
                wan.network_input(before, 0),
                torch.full_like(timesteps_BF[:, : before.shape[2]], CLEAN_TIMESTEP),
                words_BSD,
                attention=keeping,
            )
        attention = [PastAttention(per_block, layer.k_BNLE, layer.v_BNLE) for layer in keeping]
    return predict_velocity(
        wan.transformer,
        wan.network_input(noisy_BCFhw, 0),
        timesteps_BF,
        words_BSD,
        attention=attention,
        run_block=run_block,
    )
