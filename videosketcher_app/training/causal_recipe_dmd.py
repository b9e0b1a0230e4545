"""Recipe: a few-step student, causal or bidirectional, by distribution matching.

CausVid's (Yin et al. 2025, arXiv 2412.07772): the student draws from noised clips, a level per block,
in one pass; or, with `self_forcing`, it draws the whole clip from noise and learns one denoising step
of all its blocks (`causal_recipe_forcing`), and the clips lend nothing but their words and size.
Teacher and critic see the whole clip at once and say
how to make the drawing more likely. The critic learns in every step, the student in one of
`generator_every`, the first included. Both losses read one drawing and are one step of their
optimizers; CausVid draws once more for the critic, after the student's step.

Legend: B batch, C channels, F latent frames, h/w latent cells, S text tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from videosketcher_app.engines.schedules import guided
from videosketcher_app.training.ar_regression import add_noise, clean_of
from videosketcher_app.training.causal_recipe import (
    CausalConfig,
    LatentNetwork,
    LatentRecipe,
    adamw,
)
from videosketcher_app.training.causal_recipe_forcing import draw_clip
from videosketcher_app.training.dmd import critic_loss, dmd_gradient, dmd_loss, score_timesteps
from videosketcher_app.training.latents import LatentSet, TextStore
from videosketcher_app.training.state import StepRandom


class MatchingNetworks(nn.Module):
    """Student and critic with their losses, as one module, so that processes average both at once.

    Args:
        teacher: frozen and no part of the module's weights.
        away_SD: embeddings of what guidance moves away from, padded.
    """

    def __init__(
        self,
        student: LatentNetwork,
        critic: LatentNetwork,
        teacher: LatentNetwork,
        away_SD: Tensor,
        config: CausalConfig,
    ) -> None:
        super().__init__()
        self.student, self.critic, self.config = student, critic, config
        self._teacher = [teacher]  # in a list: not a submodule
        self._away_SD = away_SD

    def forward(
        self,
        noisy_BCFhw: Tensor,
        timesteps_BF: Tensor,
        sigma_BF: Tensor,
        words_BSD: Tensor,
        random: StepRandom,
        *,
        generator: bool,
        past_BCFhw: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the critic and, in its turn, of the student.

        Args:
            past_BCFhw: what the student's blocks look back on; None is the noisy clip itself.
        """
        with torch.set_grad_enabled(generator):
            causal = not self.config.bidirectional
            velocity = self.student(
                noisy_BCFhw, timesteps_BF, words_BSD, causal=causal, clean_BCFhw=past_BCFhw
            )
            drawing = clean_of(noisy_BCFhw, velocity.float(), sigma_BF)
        everything_BF = torch.ones_like(timesteps_BF, dtype=torch.bool)
        loss_critic = self._critic_loss(drawing.detach(), words_BSD, everything_BF, random)
        terms = {"loss": loss_critic, "loss_critic": loss_critic.detach()}
        if generator:
            gradient = self._gradient(drawing.detach(), words_BSD, everything_BF, random)
            loss_student = dmd_loss(drawing, gradient, everything_BF).float()
            terms["loss"] = loss_critic + loss_student
            terms["loss_student"] = loss_student.detach()
        return terms

    def _critic_loss(
        self, drawing: Tensor, words_BSD: Tensor, counted_BF: Tensor, random: StepRandom
    ) -> Tensor:
        noisy, noise, timesteps_BF, _ = self._noised(drawing, random)
        velocity = self.critic(noisy, timesteps_BF, words_BSD, causal=False)
        return critic_loss(velocity, noise, drawing, counted_BF)

    @torch.no_grad()
    def _gradient(
        self, drawing: Tensor, words_BSD: Tensor, counted_BF: Tensor, random: StepRandom
    ) -> Tensor:
        noisy, _, timesteps_BF, sigma_BF = self._noised(drawing, random)
        fake = self.critic(noisy, timesteps_BF, words_BSD, causal=False).float()
        away_BSD = self._away_SD.to(words_BSD).expand_as(words_BSD)
        # One after the other: at Wan's size a batch of two costs the memory of two.
        teacher = self._teacher[0]
        conditional, unconditional = (
            clean_of(noisy, teacher(noisy, timesteps_BF, w, causal=False).float(), sigma_BF)
            for w in (words_BSD, away_BSD)
        )
        real = guided(conditional, unconditional, self.config.guidance_scale)
        return dmd_gradient(drawing, real, clean_of(noisy, fake, sigma_BF), counted_BF)

    def _noised(self, drawing: Tensor, random: StepRandom) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The drawing at a score's level, one a clip; with noise, timesteps and levels."""
        timesteps_B = score_timesteps(random.uniform(len(drawing)), self.config.score_shift)
        timesteps_BF = timesteps_B[:, None].expand(-1, drawing.shape[2])
        sigma_BF = self.student.sigmas(timesteps_BF)
        noise = random.normal(*drawing.shape)
        return add_noise(drawing, noise, sigma_BF), noise, timesteps_BF, sigma_BF


class MatchingRecipe(LatentRecipe):
    """Distribution matching; see the module's docstring. Rows may be clips, or paths' clean ends."""

    def __init__(
        self,
        config: CausalConfig,
        networks: MatchingNetworks,
        latents: LatentSet,
        texts: TextStore,
        device: torch.device,
    ) -> None:
        super().__init__(config, networks.student, latents, texts, device)
        self.module = networks
        self.clipped_apart = (networks.student, networks.critic)
        networks.critic.transformer.requires_grad_(True)
        self.optimizers: Sequence[torch.optim.Optimizer] = [
            *self.optimizers,
            adamw(networks.critic, config.critic_rate, config.critic_betas, config.weight_decay),
        ]

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """The critic's loss, and in the student's steps its own beside it."""
        step, latents, words_BSD = batch
        clean_BFChw = latents[:, -1] if latents.ndim == 6 else latents
        clean_BCFhw = clean_BFChw.transpose(1, 2)
        with self.autocast():
            past, noisy, timesteps_BF, sigma_BF = (
                self._drawn(clean_BCFhw, words_BSD, random)
                if self.config.self_forcing
                else (None, *self._noised(clean_BCFhw, random))
            )
            return model(
                noisy,
                timesteps_BF,
                sigma_BF,
                words_BSD,
                random,
                generator=step % self.config.generator_every == 0,
                past_BCFhw=past,
            )

    def _noised(self, clean_BCFhw: Tensor, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
        """The clip with a noise level per block."""
        batch_size, num_frames = clean_BCFhw.shape[0], clean_BCFhw.shape[2]
        timesteps_BF, sigma_BF = self.levels(batch_size, num_frames, random)
        noisy = add_noise(clean_BCFhw, random.normal(*clean_BCFhw.shape), sigma_BF)
        return noisy, timesteps_BF, sigma_BF

    def _drawn(
        self, clean_BCFhw: Tensor, words_BSD: Tensor, random: StepRandom
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The student's own drawing, and all its blocks at one of their denoising steps."""
        steps, wan = self.config.timesteps, self.network.wan
        drawing = draw_clip(wan, words_BSD, clean_BCFhw.shape, steps, random)
        step = int(random.uniform(1) * len(steps))
        timesteps_BF = clean_BCFhw.new_full(clean_BCFhw.shape[:3:2], steps[step])
        sigma_BF = self.network.sigmas(timesteps_BF)
        return drawing.clean_BCFhw, drawing.states[step], timesteps_BF, sigma_BF
