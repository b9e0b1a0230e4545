"""Recipes for a causal model on latents at rest: what they share, and the first of them, regression.

Three recipes follow each other, as in CausVid (Yin et al. 2025, arXiv 2412.07772) and VideoSketcher:
`causal` regresses clips to their clean latents, `ode` regresses a teacher's stored paths to their
ends, `dmd` matches the teacher's distribution. All of them run the whole clip through block-causal
attention at once, with a noise level per block. They read latents and embeddings from a set
(`training.latents`), so that no epoch touches the VAE or the text encoder.

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens, D width, P path states.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset

from videosketcher_app.models.causal_wan import CausalWan
from videosketcher_app.models.wan.forward import (
    BlockCausalAttention,
    block_forward,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.training.ar_regression import (
    TIMESTEPS,
    add_noise,
    block_timesteps,
    clean_of,
    masked_mean,
    regression_loss,
)
from videosketcher_app.training.batches import endless_batches
from videosketcher_app.training.causal_recipe_forcing import velocity_after_clean
from videosketcher_app.training.latents import LatentSet, TextStore
from videosketcher_app.training.state import StepRandom


@dataclass(frozen=True, kw_only=True)
class CausalConfig:
    """Hyper-parameters of the recipes; the defaults are the reference's.

    Attributes:
        timesteps: noise levels that a block is drawn from; 0 is clean context.
        repeat: times that an epoch shows every row.
        learning_rate, betas, weight_decay: of AdamW.
        guidance_scale: of the real score (dmd); CausVid's 3.5 counts from the conditional estimate.
        score_shift: of the timesteps at which scores are compared (dmd).
        generator_every: critic steps for one step of the student (dmd).
        self_forcing: the student learns on what it draws itself, not on noised clips (dmd).
        bidirectional: the student sees the whole clip at one level, as the teacher does (dmd).
        checkpointed: activations are computed again in the backward pass.
    """

    timesteps: tuple[float, ...] = TIMESTEPS
    batch_size: int = 1
    repeat: int = 1
    num_workers: int = 0
    data_seed: int = 0
    learning_rate: float = 2e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01
    critic_rate: float = 2e-6
    critic_betas: tuple[float, float] = (0.9, 0.999)
    guidance_scale: float = 4.5
    score_shift: float = 8.0
    generator_every: int = 5
    self_forcing: bool = False
    bidirectional: bool = False
    checkpointed: bool = True


class LatentNetwork(nn.Module):
    """A transformer that reads latents and ready embeddings.

    Args:
        wan: its transformer becomes a submodule and is trained in place.
    """

    def __init__(self, wan: CausalWan, *, checkpointed: bool = False) -> None:
        super().__init__()
        self.transformer = wan.transformer
        self.wan = wan
        self.run_block: Callable[..., Tensor] = (
            partial(checkpoint, block_forward, use_reentrant=False)
            if checkpointed
            else block_forward
        )

    def forward(
        self,
        x_BCFhw: Tensor,
        timesteps_BF: Tensor,
        words_BSD: Tensor,
        *,
        causal: bool = True,
        clean_BCFhw: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w), each latent frame at its timestep.

        Args:
            causal: blocks see themselves and the earlier ones; else everything sees everything.
            clean_BCFhw: what blocks see of the earlier ones; None is `x_BCFhw`, noise and all.
        """
        wan = self.wan
        if clean_BCFhw is not None:
            return velocity_after_clean(
                wan, x_BCFhw, timesteps_BF, words_BSD, clean_BCFhw, run_block=self.run_block
            )
        per_block = wan.block_frames * wan.tokens_per_frame(*x_BCFhw.shape[-2:])
        return predict_velocity(
            self.transformer,
            wan.network_input(x_BCFhw, 0),
            timesteps_BF,
            words_BSD,
            attention=BlockCausalAttention(per_block) if causal else dense_attention,
            run_block=self.run_block,
        )

    def sigmas(self, timesteps: Tensor) -> Tensor:
        """Noise levels that the model's family means by timesteps of any shape."""
        levels = [self.wan.sigma_of(t) for t in timesteps.flatten().tolist()]
        return torch.tensor(levels, device=timesteps.device).view(timesteps.shape)


class LatentSamples(Dataset):
    """Sample number -> latents and padded embeddings (S, D), in an endless order of epochs.

    Every epoch is another order of all rows, `repeat` times each; rows that do not fill a step of
    all processes are left out.

    Args:
        per_step: samples of one step on all processes.
    """

    def __init__(
        self,
        latents: LatentSet,
        texts: TextStore,
        text_tokens: int,
        config: CausalConfig,
        per_step: int,
    ) -> None:
        self.latents, self.texts, self.text_tokens = latents, texts, text_tokens
        self.seed = config.data_seed
        self.shown = len(latents) * config.repeat
        self.per_epoch = max(1, self.shown // per_step) * per_step
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        prompt, latents = self.latents[self.row(index)]
        words_LD = self.texts.read(prompt)
        words_SD = F.pad(words_LD, (0, 0, 0, self.text_tokens - len(words_LD)))
        return latents.numpy(), words_SD.numpy()

    def row(self, index: int) -> int:
        """Which row a sample is."""
        epoch, at = divmod(index, self.per_epoch)
        if epoch != self._epoch:
            dice = np.random.default_rng((self.seed, epoch))
            # Fewer rows than one step needs: each of them is shown more often.
            rounds = -(-self.per_epoch // self.shown)
            order = np.concatenate([dice.permutation(self.shown) for _ in range(rounds)])
            self._epoch, self._order = epoch, order % len(self.latents)
        return int(self._order[at])


class LatentRecipe(ABC):
    """What the recipes share: samples, one optimizer, precision.

    Args:
        module: what is trained and, under accelerate, wrapped.
    """

    module: nn.Module
    optimizers: Sequence[torch.optim.Optimizer]

    def __init__(
        self,
        config: CausalConfig,
        network: LatentNetwork,
        latents: LatentSet,
        texts: TextStore,
        device: torch.device,
    ) -> None:
        self.config, self.network, self.device = config, network, device
        self.latents, self.texts = latents, texts
        self.module = network
        network.transformer.requires_grad_(True)
        self.optimizers = [adamw(network, config.learning_rate, config.betas, config.weight_decay)]

    def samples(self, world: int) -> LatentSamples:
        """Of a run on so many processes."""
        tokens = self.network.wan.text_tokens
        assert tokens is not None, "prompts are padded to one length"
        per_step = self.config.batch_size * world
        return LatentSamples(self.latents, self.texts, tokens, self.config, per_step)

    def batches(self, first_step: int, rank: int, world: int) -> Iterator[tuple]:
        """(step, latents, embeddings)."""
        batches = endless_batches(
            self.samples(world),
            batch_size=self.config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=self.config.num_workers,
        )
        for step, (latents, words_BSD) in enumerate(batches, start=first_step):
            moved = (x.to(self.device, non_blocking=True) for x in (latents, words_BSD))
            yield (step, *moved)

    @abstractmethod
    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """The terms to report; see `training.loop.Recipe`."""

    def autocast(self) -> torch.autocast:
        """bfloat16 on a GPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def levels(self, batch: int, num_frames: int, random: StepRandom) -> tuple[Tensor, Tensor]:
        """A timestep a block, or one a clip, and its noise level; both (B, F)."""
        one_a_clip = self.config.bidirectional
        timesteps_BF = block_timesteps(
            batch,
            num_frames,
            random,
            timesteps=self.config.timesteps,
            block_frames=num_frames if one_a_clip else self.network.wan.block_frames,
        )
        return timesteps_BF, self.network.sigmas(timesteps_BF)


class RegressionRecipe(LatentRecipe):
    """Clips to their clean latents: VideoSketcher's training of its causal model."""

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the clean estimate over what was noisy, in all and by timestep."""
        _, latents_BFChw, words_BSD = batch
        clean_BCFhw = latents_BFChw.transpose(1, 2)
        batch_size, num_frames = latents_BFChw.shape[:2]
        timesteps_BF, sigma_BF = self.levels(batch_size, num_frames, random)
        noise = random.normal(*clean_BCFhw.shape)
        noisy = add_noise(clean_BCFhw, noise, sigma_BF)
        with self.autocast():
            velocity = model(noisy, timesteps_BF, words_BSD)
        estimate = clean_of(noisy, velocity.float(), sigma_BF)
        loss = regression_loss(estimate, clean_BCFhw, timesteps_BF > 0)
        return {"loss": loss, **by_timestep(estimate, clean_BCFhw, timesteps_BF)}


@torch.no_grad()
def by_timestep(estimate: Tensor, goal: Tensor, timesteps_BF: Tensor) -> dict[str, Tensor]:
    """The error of every timestep above 0 that occurs, by name."""
    error_BF = (estimate - goal).square().mean((1, 3, 4))
    seen = [t for t in timesteps_BF.unique().tolist() if t > 0]
    return {f"loss_at_{t:.0f}": masked_mean(error_BF, timesteps_BF == t) for t in seen}


def adamw(
    network: nn.Module, rate: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.AdamW:
    """AdamW over what the network trains."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        trained, rate, betas=betas, weight_decay=weight_decay, fused=trained[0].is_cuda
    )
