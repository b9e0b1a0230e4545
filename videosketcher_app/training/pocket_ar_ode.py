"""Recipe: the few-step student of pocket-ar learns where its guided teacher's paths lead.

The student draws (self-forcing); from a state of its own drawing the teacher goes on in several
guided steps; the student learns to go as far in one. Where a student's steps keep their noise, that
is to its next step, so that no step has to decide more than the teacher does on that way; else to the
path's end, which at the noisiest step is a mean over many drawings (decision 015).

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from videosketcher_app.data.continuations import BLOCK_LATENT_FRAMES
from videosketcher_app.engines.schedules import guided
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.ar_regression import add_noise, block_timesteps
from videosketcher_app.training.flow_matching import without_words
from videosketcher_app.training.ode import ode_loss, path_end, segment_loss
from videosketcher_app.training.pocket_ar_base import ArConfig, ArRecipe, adapter_optimizer
from videosketcher_app.training.pocket_ar_batches import ArBatch
from videosketcher_app.training.pocket_ar_pass import CausalNetwork, past_keys, velocity_after
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.state import StepRandom


class OdeRecipe(ArRecipe):
    """The few-step student learns where the teacher's paths lead; see the module's docstring.

    Args:
        student: an injected adapter; its text encoder is frozen.
        teacher: of `CausalRecipe`, frozen.
        drawer: draws with the student's weights.
    """

    def __init__(
        self,
        config: ArConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: CausalNetwork,
        teacher: CausalNetwork,
        drawer: Drawer,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, device)
        self.module: nn.Module = student
        self.student, self.teacher, self.drawer = student, teacher, drawer
        student.run_block = teacher.run_block = self.run_block
        self.optimizers: Sequence[torch.optim.Optimizer] = [
            adapter_optimizer(student, config.other_rate, betas=(0.9, 0.98))
        ]

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error against the teacher's path: of the step's velocity, or of its clean end."""
        window = self.encode(batch)
        drawing = random.coin(self.config.rollout_share)
        past, noisy, timesteps_BF = (
            self._drawn(window, random) if drawing else self._forced(window, random)
        )
        with self.autocast():
            goal = self._goals(past, noisy, timesteps_BF, window)
            velocity = model(
                noisy, timesteps_BF, window.ids_BL, window.coordinates_KFhw, past, False
            )
        if self.config.keeps_noise:
            until_BF = self._following(timesteps_BF) / 1000
            loss = segment_loss(noisy, velocity.float(), goal, timesteps_BF / 1000, until_BF)
        else:
            loss = ode_loss(noisy, velocity.float(), goal, timesteps_BF)
        return {"loss": loss, "loss_drawn" if drawing else "loss_data": loss.detach()}

    @torch.no_grad()
    def _drawn(self, window: ArBatch, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
        """The student's own drawing as the past, and a state of each of its blocks."""
        with self.autocast():
            context = self.student.text_encoder(window.ids_BL)
        rollout = self.drawer.draw(self.student.transformer, context, window, random)
        step_BF = self._steps(window, random)
        values = torch.tensor(self.config.timesteps, device=self.device)
        noisy = rollout.states[0]
        for step, state in enumerate(rollout.states):
            noisy = torch.where((step_BF == step)[:, None, :, None, None], state, noisy)
        return rollout.clean_BCFhw, noisy, torch.where(window.drawn_BF, values[step_BF], 0.0)

    def _forced(self, window: ArBatch, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
        """Data as the past, and data made noisy; the other hand's blocks are not learned."""
        batch, frames = window.own_BF.shape
        timesteps_BF = block_timesteps(batch, frames, random, timesteps=self.config.timesteps)
        timesteps_BF = torch.where(window.own_BF, timesteps_BF, 0.0)
        noise = random.normal(*window.clean_BCFhw.shape)
        noisy = add_noise(window.clean_BCFhw, noise, timesteps_BF / 1000)
        return window.clean_BCFhw, noisy, timesteps_BF

    def _steps(self, window: ArBatch, random: StepRandom) -> Tensor:
        """A denoising step for every block: (B, F)."""
        batch, frames = window.own_BF.shape
        blocks = random.uniform(batch, frames // BLOCK_LATENT_FRAMES)
        step = (blocks * len(self.config.timesteps)).long()
        return step.repeat_interleave(BLOCK_LATENT_FRAMES, dim=1)

    def _following(self, timesteps_BF: Tensor) -> Tensor:
        """The student's timestep after each of these; 0 after the last one."""
        following_BF = torch.zeros_like(timesteps_BF)
        for now, after in pairwise(self.config.timesteps):
            following_BF = torch.where(timesteps_BF == now, after, following_BF)
        return following_BF

    @torch.no_grad()
    def _goals(self, past: Tensor, noisy: Tensor, timesteps_BF: Tensor, window: ArBatch) -> Tensor:
        """Where the guided teacher's paths lead; conditional and not run as one batch."""
        dit, run = self.teacher.transformer, self.teacher.run_block
        both = torch.cat([window.ids_BL, without_words(window.ids_BL)])
        context = self.teacher.text_encoder(both)
        keys = past_keys(
            dit, past.repeat(2, 1, 1, 1, 1), context, window.coordinates_KFhw, run_block=run
        )

        def guided_by_words(x_BCFhw: Tensor, sigma_BF: Tensor) -> Tensor:
            doubled, sigmas = x_BCFhw.repeat(2, 1, 1, 1, 1), sigma_BF.repeat(2, 1)
            velocity = velocity_after(
                dit, keys, doubled, 1000 * sigmas, context, window.coordinates_KFhw, run_block=run
            )
            conditional, unconditional = velocity.float().chunk(2)
            return guided(conditional, unconditional, self.config.guidance_scale)

        return path_end(
            guided_by_words,
            noisy,
            timesteps_BF / 1000,
            num_steps=self.config.ode_steps,
            shift=self.config.ode_shift,
            until_BF=self._following(timesteps_BF) / 1000 if self.config.keeps_noise else None,
        )
