"""Block rollout: a drawing continued block by block from what is already there.

Every block starts as noise, is estimated clean at each of a few timesteps and made noisy again for
the next (consistency sampling, Song et al. 2023) or, by models that were trained so, followed along
its flow (Euler's method), and at last passes once more, clean, so that the cache remembers it as it
is (CausVid, Yin et al. 2025).

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.engines.schedules import clean_estimate, emphasized, euler_step, noisy
from videosketcher_app.engines.still_paper import Region, held, others
from videosketcher_app.models.causal_wan import CLEAN_TIMESTEP, CausalWan
from videosketcher_app.models.kv_cache import KVCache, Window
from videosketcher_app.models.wan.forward import PromptKeys

DENOISING_STEPS = (1000.0, 757.0, 522.0)
SEED_STRIDE = 1_000_003  # keeps the noise of neighbouring seeds and blocks apart

OnForward = Callable[[int, int, Tensor], None]


@dataclass(frozen=True, kw_only=True)
class BlockNoise:
    """All randomness of one block.

    Attributes:
        first_BCFhw: what the block starts from.
        later: one tensor like it for each step but the first.
    """

    first_BCFhw: Tensor
    later: Sequence[Tensor]


def block_noise(
    seed: int, block: int, shape: tuple[int, ...], num_steps: int, device: torch.device
) -> BlockNoise:
    """Noise that depends on seed and block alone, so that a block drawn again is the same.

    Args:
        shape: (B, C, F, h, w); drawn on the CPU, so that devices agree.
    """
    generator = torch.Generator("cpu").manual_seed((seed * SEED_STRIDE + block) % 2**63)
    drawn = [torch.randn(shape, generator=generator).to(device) for _ in range(num_steps)]
    return BlockNoise(first_BCFhw=drawn[0], later=drawn[1:])


class BlockRollout:
    """One drawing in progress: its cache, its words, and the clean latents of its window.

    A drawn block counts at once, but the pass that makes the cache remember it waits until it is
    needed or `settle` is called, so that the block can be shown first.

    Args:
        prompt: of `CausalWan.prompt_keys`.
        region: chooses the tokens that are computed after a block's first step; None is all.
    """

    def __init__(
        self,
        model: CausalWan,
        cache: KVCache,
        prompt: PromptKeys,
        region: Region | None = None,
    ) -> None:
        self.model, self.cache, self.prompt, self.region = model, cache, prompt, region
        self._clean: dict[int, Tensor] = {}
        self._unsettled: Tensor | None = None  # the clean latents of the cache's open block
        self._active_A: Tensor | None = None  # of the open block

    @property
    def num_blocks(self) -> int:
        """Complete blocks."""
        return self.cache.num_blocks + (self._unsettled is not None)

    def observe(self, latents_BCFhw: Tensor) -> None:
        """Appends blocks that are already clean: a background, or what a person drew."""
        self.settle()
        for block_BCFhw in latents_BCFhw.split(self.model.block_frames, dim=2):
            self.cache.begin()
            self._active_A = None  # a block that was dropped may have left some
            self._unsettled = block_BCFhw
            self.settle()

    def draw(
        self,
        noise: BlockNoise,
        timesteps: Sequence[float] = DENOISING_STEPS,
        on_forward: OnForward | None = None,
    ) -> Generator[Tensor, None, None]:
        """Draws the next block; yields its clean estimate (B, C, F, h, w) after every step.

        The last estimate is the block. An iterator that is closed before it leaves no trace.

        Raises:
            OutOfMemory: branches hold all pages of the cache.
        """
        self.settle()
        self.cache.begin()
        self._active_A = None
        try:
            for step, clean_BCFhw in enumerate(self._estimates(noise, timesteps, on_forward), 1):
                if step == len(timesteps):
                    self._unsettled = clean_BCFhw
                yield clean_BCFhw
        finally:
            if self.cache.is_open and self._unsettled is None:
                self.cache.rewind(self.cache.num_blocks)

    def settle(self) -> None:
        """Makes the cache remember the latest block by a pass over its clean latents."""
        if self._unsettled is None:
            return
        clean_BCFhw = self._unsettled
        self._velocity(clean_BCFhw, CLEAN_TIMESTEP)
        self._active_A = None
        self._clean[self.cache.num_blocks] = clean_BCFhw
        self._unsettled = None
        self.cache.commit()
        self._forget()

    def can_rewind(self, num_blocks: int) -> bool:
        """Whether the cache still holds what is needed to go back so far."""
        return num_blocks == self.num_blocks or self.cache.can_rewind(num_blocks)

    def rewind(self, num_blocks: int) -> None:
        """Back to the first blocks; `can_rewind` tells whether that is possible."""
        if num_blocks == self.num_blocks:
            return
        self._unsettled = None
        self.cache.rewind(num_blocks)  # also drops the open block
        self._forget()

    def fork(self) -> BlockRollout:
        """A branch with the same past, at no cost."""
        self.settle()
        branch = BlockRollout(self.model, self.cache.fork(), self.prompt, self.region)
        branch._clean = dict(self._clean)
        return branch

    def close(self) -> None:
        """Gives the pages back."""
        self._unsettled = None
        self.cache.reset()
        self._clean.clear()

    def switch_prompt(self, prompt: PromptKeys) -> None:
        """From here on other words: the window's clean latents pass again under them."""
        kept, latest = dict(self._clean), self.num_blocks
        if self._unsettled is not None:
            kept[self.cache.num_blocks], self._unsettled = self._unsettled, None
        window = self.cache.window
        sink = range(min(window.sink_blocks, latest))
        recent = [b for b in sorted(kept) if window.oldest_beside(latest) <= b < latest]
        self.prompt = prompt
        self.cache.reset()
        for block in sink:
            self.observe(kept[block])
        if recent and recent[0] > self.cache.num_blocks:
            self.cache.skip_to(recent[0])
        for block in recent:
            self.observe(kept[block])
        assert self.num_blocks == latest, (self.num_blocks, latest)

    def _estimates(
        self, noise: BlockNoise, timesteps: Sequence[float], on_forward: OnForward | None
    ) -> Iterator[Tensor]:
        block, model = self.cache.num_blocks, self.model
        x = noise.first_BCFhw
        later = iter(noise.later)
        for step, (timestep, following) in enumerate(pairwise([*timesteps, None])):
            assert timestep is not None
            velocity = self._velocity(x, timestep)
            if on_forward is not None:
                on_forward(block, step, velocity.transpose(1, 2))
            if step == 0 and following is not None:
                velocity = self._emphasized(velocity, x, timestep)
            precise = clean_estimate(x.double(), velocity.double(), model.sigma_of(timestep))
            clean = self._where_active(precise.to(x.dtype), is_first=step == 0)
            if following is not None:
                sigma = model.sigma_of(following)
                if model.keeps_noise:
                    x = euler_step(x, velocity, model.sigma_of(timestep), sigma)
                else:
                    x = noisy(clean, next(later), sigma)
            yield clean

    def _velocity(self, x_BCFhw: Tensor, timestep: float) -> Tensor:
        """Of the open block; where nothing is active, nothing is computed, and it means nothing."""
        active_A = self._active_A
        if active_A is not None and not len(active_A):
            return torch.zeros_like(x_BCFhw, dtype=torch.float32)
        return self.model.block_velocity(x_BCFhw, timestep, self.prompt, self.cache, active_A)

    def _emphasized(self, velocity: Tensor, x_BCFhw: Tensor, timestep: float) -> Tensor:
        """What noise alone says about the block, further away from a canvas where nothing happens.

        There a network of few steps answers the mean over where a line may run: faint ink, which
        the noise of the next step hides. A state that begins with a video is left as it is.
        """
        before, sigma = self._clean.get(self.cache.num_blocks - 1), self.model.sigma_of(timestep)
        if self.model.emphasis == 1 or before is None or sigma < 1:
            return velocity
        still = before[:, :, -1:].to(velocity)
        return emphasized(velocity, x_BCFhw.to(velocity), still, sigma, self.model.emphasis)

    def _where_active(self, clean_BCFhw: Tensor, *, is_first: bool) -> Tensor:
        """The estimate, with still tokens as they were before the block."""
        before = self._clean.get(self.cache.num_blocks - 1)
        if self.region is None or before is None:
            return clean_BCFhw
        patch = self.model.transformer.patch_size[1]
        before_BChw = before[:, :, -1].to(clean_BCFhw)
        if is_first:
            self._active_A = self.region.active(clean_BCFhw, before_BChw, patch)
            if self._active_A is not None:
                self.cache.hold_still(others(self._active_A, self.cache.pool.shape.block_tokens))
        if self._active_A is None:
            return clean_BCFhw
        return held(clean_BCFhw, before_BChw, self._active_A, patch)

    def _forget(self) -> None:
        kept = self.cache.kept_blocks()
        self._clean = {block: clean for block, clean in self._clean.items() if block in kept}


class CausalModel:
    """A causal transformer for scripts: whole rollouts from given noise, and its cache to look at.

    Attributes:
        cache: of the latest `generate`; None before the first.
    """

    def __init__(self, wan: CausalWan) -> None:
        self.wan = wan
        self.cache: KVCache | None = None

    def train_forward(self, x: Tensor, timesteps: Tensor, prompt_embeds: Tensor) -> Tensor:
        """See `CausalWan.train_forward`."""
        return self.wan.train_forward(x, timesteps, prompt_embeds)

    @torch.inference_mode()
    def generate(
        self,
        noise: Tensor,
        prompt_embeds: Tensor,
        start_latents: Tensor | None = None,
        renoise: Tensor | None = None,
        denoising_steps: Sequence[float] = DENOISING_STEPS,
        frames_per_block: int = 3,
        *,
        seed: int = 0,
        on_forward: OnForward | None = None,
    ) -> Tensor:
        """Draws a clip: latents (B, F, C, h, w), float32; the first ones are `start_latents`.

        Args:
            noise: (B, F, C, h, w), by absolute block: what `start_latents` covers is not read.
            prompt_embeds: (B, S, text_dim), unpadded.
            start_latents: (B, F0, C, h, w) that the drawing begins with.
            renoise: (blocks, steps - 1, frames_per_block, C, h, w), by absolute block; None draws
                it from `seed`.
            on_forward: called with (block, step, velocity) after every denoising pass.

        Raises:
            InvalidRequest: shapes that do not fit each other or the model.
        """
        latents = noise.transpose(1, 2).to(self.wan.device)
        wan = self._checked(latents, frames_per_block, start_latents, renoise, denoising_steps)
        batch, _, frames, height, width = latents.shape
        num_blocks = frames // frames_per_block
        self.cache = _empty_cache(wan, self.cache, (batch, height, width), num_blocks)
        rollout = BlockRollout(wan, self.cache, wan.prompt_keys(prompt_embeds))
        drawn = []
        if start_latents is not None:
            drawn.append(start_latents.transpose(1, 2).to(latents))
            rollout.observe(drawn[0])
        for block in range(rollout.num_blocks, num_blocks):
            first = latents[:, :, block * frames_per_block : (block + 1) * frames_per_block]
            fresh = block_noise(seed, block, first.shape, len(denoising_steps), wan.device)
            later = fresh.later if renoise is None else _given(renoise, block, first)
            *_, clean = rollout.draw(
                BlockNoise(first_BCFhw=first, later=later), denoising_steps, on_forward
            )
            drawn.append(clean)
        rollout.settle()
        return torch.cat(drawn, dim=2).transpose(1, 2).float()

    def _checked(
        self,
        latents_BCFhw: Tensor,
        frames_per_block: int,
        start_latents: Tensor | None,
        renoise: Tensor | None,
        denoising_steps: Sequence[float],
    ) -> CausalWan:
        wan = _with_block(self.wan, frames_per_block)
        wan.check_latents(latents_BCFhw, "noise")
        if not denoising_steps:
            raise InvalidRequest("denoising_steps is empty.", hint="Give 1000, 757, 522.")
        batch, channels, frames, *cells = latents_BCFhw.shape
        if start_latents is not None:
            wan.check_latents(start_latents.transpose(1, 2), "start_latents")
            given = tuple(start_latents.shape)
            if given[1] > frames or (given[0], *given[2:]) != (batch, channels, *cells):
                raise InvalidRequest(
                    f"start_latents {given} does not fit noise {(batch, frames, channels, *cells)}.",
                    hint="They agree in all axes but the second, where noise is at least as long.",
                )
        blocks = frames // frames_per_block
        wanted = (blocks, len(denoising_steps) - 1, frames_per_block, channels, *cells)
        if renoise is not None and tuple(renoise.shape) != wanted:
            raise InvalidRequest(
                f"renoise must have the shape {wanted}. Received: {tuple(renoise.shape)}",
                hint="It is (blocks, steps - 1, frames_per_block, C, h, w), by absolute block.",
            )
        return wan


def _with_block(wan: CausalWan, frames_per_block: int) -> CausalWan:
    if frames_per_block < 1:
        raise InvalidRequest(
            f"frames_per_block must be at least 1. Received: {frames_per_block}",
            hint="The published models draw 3 latent frames a block.",
        )
    return replace(wan, block_frames=frames_per_block)


def _empty_cache(
    wan: CausalWan, old: KVCache | None, size: tuple[int, int, int], num_blocks: int
) -> KVCache:
    """The old cache if it has this size, else a new one."""
    shape, window = wan.cache_shape(*size), Window(blocks=num_blocks)
    if old is not None and old.pool.shape == shape and old.window == window:
        old.reset()
        return old
    return wan.new_cache(shape, window)


def _given(renoise: Tensor, block: int, like_BCFhw: Tensor) -> list[Tensor]:
    return [one.transpose(0, 1).to(like_BCFhw).expand_as(like_BCFhw) for one in renoise[block]]
