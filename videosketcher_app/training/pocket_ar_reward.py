"""Recipe: pocket-ar learns from what a part reader says of the sketches that it has gone on with.

The student draws (self-forcing, `pocket_ar_rollout`); then every block is drawn once more from its
recorded noise, all blocks at once, each after the recorded past. That gives the same drawing, with the
gradient of all of a block's steps; none flows from a block to earlier ones. So each block has to be
told what it owes: the parts that a true drawing has by then (`part_reward.off_schedule`).

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens, Q parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from videosketcher_app.data.continuation_source import ContinuationSource
from videosketcher_app.data.continuations import BLOCK_LATENT_FRAMES, first_frame_of
from videosketcher_app.data.raster import ink_maps
from videosketcher_app.engines.schedules import euler_step
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import Canvas, endless_batches
from videosketcher_app.training.latent_critic import blurred
from videosketcher_app.training.part_reader_recipe import PARTS_SALT
from videosketcher_app.training.part_reward import PartReward
from videosketcher_app.training.part_times import PartTimes, part_fields
from videosketcher_app.training.pocket_ar_base import ArConfig, ArRecipe, adapter_optimizer
from videosketcher_app.training.pocket_ar_batches import (
    WIDEST_NIB,
    ArBatch,
    ContinuationDataset,
)
from videosketcher_app.training.pocket_ar_pass import CausalNetwork, PastAttention, past_keys
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.pocket_reward import (
    KeptAsItWas,
    again,
    criticized,
    fading,
    judged,
    total_of,
    true_cells,
)
from videosketcher_app.training.state import StepRandom


class ContinuedPartsDataset(ContinuationDataset):
    """The fields of `ContinuationDataset`, then those of `PartTimes`."""

    def __init__(
        self,
        source: ContinuationSource,
        tokenizer: PocketTokenizer,
        canvas: Canvas,
        step_samples: int,
        vocabulary: Vocabulary,
    ) -> None:
        super().__init__(source, tokenizer, canvas, step_samples)
        self.vocabulary = vocabulary

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        setting = self.source.setting(index // self.step_samples)
        sample = self.source(index, setting)
        parts = part_fields(
            sample.sketch,
            sample.source,
            sample.labels,
            self.vocabulary,
            np.random.default_rng([PARTS_SALT, self.source.seed, index]),
            num_frames=first_frame_of(setting.num_blocks),
        )
        return *super().__getitem__(index), *parts


class ArRewardRecipe(ArRecipe):
    """The student's adapter learns; its steps keep their noise.

    Args:
        student: an injected adapter; its text encoder is frozen.
        first: the student as it begins, frozen.
        drawer: draws with the student's weights.
    """

    def __init__(
        self,
        config: ArConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: CausalNetwork,
        first: CausalNetwork,
        drawer: Drawer,
        reward: PartReward,
        device: torch.device,
        kept: KeptAsItWas | None = None,
    ) -> None:
        super().__init__(config, vae, tokenizer, device)
        self.module: nn.Module = student
        self.student, self.drawer, self.vae = student, drawer, vae
        self.first = first.eval().requires_grad_(False)
        student.run_block = first.run_block = self.run_block
        self.reward, self.kept = reward, kept or KeptAsItWas()
        self.optimizers = [adapter_optimizer(student, config.other_rate, betas=(0.9, 0.98))]
        if self.kept.critic:
            self.module, self.clipped_apart, critics = criticized(student, device)
            self.optimizers = [*self.optimizers, critics]

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Half-drawn sketches with their parts, held-out plans left out."""
        config = self.config
        dataset = ContinuedPartsDataset(
            ContinuationSource(config.mix, config.data_seed),
            self.tokenizer,
            config.canvas,
            config.batch_size * world,
            self.reward.reader.vocabulary,
        )
        return endless_batches(
            dataset,
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """What the drawings lack, how far the model has moved, how much ink has faded."""
        stamps_BP4, *rest = batch
        window = self.encode((stamps_BP4, *rest[:3]))
        parts = PartTimes.of(rest[3:], self.device)
        truth = self._truth(stamps_BP4, parts, window)
        with torch.no_grad(), self.autocast():
            context = self.student.text_encoder(window.ids_BL)
            rollout = self.drawer.draw(self.student.transformer, context, window, random)
        with self.autocast():
            latents, moved = self._drawn_again(
                model, rollout.clean_BCFhw, rollout.states[0], window
            )
            seen = blurred(latents, random.normal(*latents.shape))
            terms = self.reward(seen, parts.labels_BQ, truth)
            terms |= {"moved": moved, "fading": fading(self.vae, latents, random)}
            if self.kept.critic:
                terms |= judged(model, latents, window.clean_BCFhw, random)
        return total_of(terms, self.kept)

    def _drawn_again(
        self, model: nn.Module, past: Tensor, noise: Tensor, window: ArBatch
    ) -> tuple[Tensor, Tensor]:
        """The window with the gradient of every step, and how far the velocities have moved."""
        drawn_B1F11 = window.drawn_BF[:, None, :, None, None]
        x, moved = noise, []
        kept = self._kept(self.student, past, window)
        kept_first = self._kept(self.first, past, window)
        levels = [t / 1000 for t in (*self.drawer.timesteps, 0.0)]
        for sigma, after in pairwise(levels):
            timesteps_BF = torch.where(window.drawn_BF, 1000 * sigma, 0.0)
            arguments = (timesteps_BF, window.ids_BL, window.coordinates_KFhw)
            now = again(partial(model, past=kept), x, *arguments).float()
            with torch.no_grad():
                before = self.first(x.detach(), *arguments, past=kept_first).float()
            distance = ((now - before).square() * drawn_B1F11).sum()
            moved.append(distance / (drawn_B1F11.sum() * now[0, :, 0].numel()))
            x = euler_step(x, now, sigma, after)  # type: ignore[arg-type]
        return torch.where(drawn_B1F11, x, past), torch.stack(moved).mean()

    @torch.no_grad()
    def _kept(self, network: CausalNetwork, past: Tensor, window: ArBatch) -> list[PastAttention]:
        """What the layers keep of the past, by this network's weights."""
        return past_keys(
            network.transformer,
            past,
            network.text_encoder(window.ids_BL),
            window.coordinates_KFhw,
            run_block=self.run_block,
        )

    @torch.no_grad()
    def _truth(self, stamps_BP4: Tensor, parts: PartTimes, window: ArBatch) -> Tensor:
        """Cells (B, F, Q) that the true drawing has inked of every part, at the window's frames."""
        skipped = (window.setting.first_block - 1) * BLOCK_LATENT_FRAMES
        moments = [
            frame + (skipped if frame >= BLOCK_LATENT_FRAMES else 0)
            for frame in range(len(window.given_F))
        ]
        stamps = stamps_BP4.to(self.device, non_blocking=True)
        canvas = self.config.canvas
        maps = ink_maps(stamps, canvas.width, canvas.height, WIDEST_NIB)
        return true_cells(*maps, parts, moments)
