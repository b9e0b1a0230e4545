"""Self-forcing: the student draws, through the engine that draws for people, before it learns.

Huang et al. 2025, "Self Forcing" (arXiv 2506.08009): a causal model that only ever looked back on
data drifts when it looks back on its own drawings; so its drawings are the past it is trained on.

The rollout needs no gradient: a block's gradient stays within one denoising step, which
`pocket_ar_pass.causal_velocity` repeats for all blocks at once from the recorded state.

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from videosketcher_app.data.continuations import BLOCK_LATENT_FRAMES, WINDOW_BLOCKS
from videosketcher_app.engines.rollout import BlockNoise, BlockRollout
from videosketcher_app.engines.schedules import noisy
from videosketcher_app.models.adapters import copy_merged
from videosketcher_app.models.causal_wan import CausalWan, plain_sigma
from videosketcher_app.models.coordinates import transformer_input
from videosketcher_app.models.kv_cache import KVCache, Window
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer
from videosketcher_app.training.pocket_ar_batches import ArBatch
from videosketcher_app.training.state import StepRandom

WINDOW = Window(blocks=WINDOW_BLOCKS, sink_blocks=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rollout:
    """What the student drew.

    Attributes:
        clean_BCFhw: the window: what was given, then what was drawn.
        states: noisy latents (B, C, F, h, w) at the beginning of every denoising step; zeros in
            the given blocks.
    """

    clean_BCFhw: Tensor
    states: tuple[Tensor, ...]


class Drawer:
    """A copy of the student in the product's precision, with its adapter folded in.

    Args:
        timesteps: denoising steps of a block, falling.
        keeps_noise: see `CausalWan`.
    """

    def __init__(
        self,
        config: TransformerConfig,
        timesteps: Sequence[float],
        device: torch.device,
        *,
        keeps_noise: bool = False,
    ) -> None:
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.transformer = build_transformer(config).to(device, dtype)
        self.transformer.eval().requires_grad_(False)
        self.timesteps = tuple(timesteps)
        self._wan = CausalWan(
            transformer=self.transformer,
            latent_channels=config.out_dim,
            text_tokens=None,
            sigma_of=plain_sigma,
            keeps_noise=keeps_noise,
            device=device,
            dtype=dtype,
        )
        self._caches: dict[tuple[int, ...], KVCache] = {}

    @torch.no_grad()
    def draw(
        self, student: nn.Module, context_BSD: Tensor, batch: ArBatch, random: StepRandom
    ) -> Rollout:
        """Draws what the batch's setting leaves open, with the student's present weights."""
        copy_merged(student, self.transformer)
        given = batch.setting.given_blocks
        clean_BCFhw = batch.clean_BCFhw
        blocks = [*clean_BCFhw.split(BLOCK_LATENT_FRAMES, dim=2)]
        states = [[torch.zeros_like(block) for block in blocks[:given]] for _ in self.timesteps]
        rollout = self._begin(context_BSD, batch)
        for index in range(given, WINDOW_BLOCKS):
            shape = blocks[index].shape
            noise = [random.normal(*shape) for _ in self.timesteps]
            estimates = list(
                rollout.draw(BlockNoise(first_BCFhw=noise[0], later=noise[1:]), self.timesteps)
            )
            for step, state in enumerate(self._states(noise, estimates)):
                states[step].append(state)
            blocks[index] = estimates[-1]
        rollout.close()
        return Rollout(
            clean_BCFhw=torch.cat(blocks, dim=2),
            states=tuple(torch.cat(parts, dim=2) for parts in states),
        )

    def _begin(self, context_BSD: Tensor, batch: ArBatch) -> BlockRollout:
        """A rollout that has seen the given blocks, at their places in the drawing."""
        setting, clean = batch.setting, batch.clean_BCFhw
        wan = replace(self._wan, network_input=_Coordinates(batch))
        size = (len(clean), *clean.shape[-2:])
        if size not in self._caches:
            self._caches[size] = wan.new_cache(wan.cache_shape(*size), WINDOW)
        rollout = BlockRollout(wan, self._caches[size], wan.prompt_keys(context_BSD))
        given = clean[:, :, : setting.given_blocks * BLOCK_LATENT_FRAMES]
        if setting.given_blocks:
            rollout.observe(given[:, :, :BLOCK_LATENT_FRAMES])
            if setting.first_block > 1:
                rollout.cache.skip_to(setting.first_block)
        if setting.given_blocks > 1:
            rollout.observe(given[:, :, BLOCK_LATENT_FRAMES:])
        return rollout

    def _states(self, noise: Sequence[Tensor], estimates: Sequence[Tensor]) -> list[Tensor]:
        """The noisy latents that each step began with, as the engine made them."""
        states = [noise[0]]
        sigmas = [plain_sigma(timestep) for timestep in self.timesteps]
        for step, (before, sigma) in enumerate(pairwise(sigmas)):
            if self._wan.keeps_noise:
                states.append(torch.lerp(estimates[step], states[step], sigma / before))
            else:
                states.append(noisy(estimates[step], noise[step + 1], sigma))
        return states


class _Coordinates:
    """The network's input from the batch's coordinates, by absolute position."""

    def __init__(self, batch: ArBatch) -> None:
        self._batch = batch

    def __call__(self, latents_BCFhw: Tensor, first_frame: int) -> Tensor:
        skipped = (self._batch.setting.first_block - 1) * BLOCK_LATENT_FRAMES
        at = first_frame - skipped if first_frame else 0
        coordinates = self._batch.coordinates_KFhw[:, at : at + latents_BCFhw.shape[2]]
        return transformer_input(latents_BCFhw, coordinates.to(latents_BCFhw))
