"""Recipe: the student of pocket-ar by distribution matching, on what it draws itself.

Self-Forcing (Huang et al. 2025, arXiv 2506.08009): the student draws a window; a teacher who sees the
whole window at once, around the given frames, and a critic who knows the student's drawings say how
to make it more likely. Gradients stay within one denoising step of every block.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from videosketcher_app.engines.schedules import guided
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.ar_regression import add_noise, clean_of
from videosketcher_app.training.dmd import critic_loss, dmd_gradient, dmd_loss, score_timesteps
from videosketcher_app.training.flow_matching import without_words
from videosketcher_app.training.pocket_ar_base import ArConfig, ArRecipe, adapter_optimizer
from videosketcher_app.training.pocket_ar_batches import ArBatch
from videosketcher_app.training.pocket_ar_pass import CausalNetwork
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.state import StepRandom


class DmdNetworks(nn.Module):
    """Student and critic with their losses, as one module, so that processes average both at once.

    Args:
        teacher: bidirectional around given frames; frozen and no part of the module's weights.
    """

    def __init__(
        self,
        student: CausalNetwork,
        critic: CausalNetwork,
        teacher: CausalNetwork,
        guidance_scale: float,
    ) -> None:
        super().__init__()
        self.student, self.critic = student, critic
        self.guidance_scale = guidance_scale
        self._teacher = [teacher]  # in a list: not a submodule

    def forward(
        self,
        states_BCFhw: Tensor,
        timesteps_BF: Tensor,
        clean_BCFhw: Tensor,
        window: ArBatch,
        random: StepRandom,
        *,
        generator: bool,
    ) -> dict[str, Tensor]:
        """Losses of the critic and, in its turn, of the student.

        Args:
            states_BCFhw: the student's noisy latents at the step that is learned.
            clean_BCFhw: the student's drawing, which its blocks look back on.
        """
        drawn_BF = window.drawn_BF
        with torch.set_grad_enabled(generator):
            velocity = self.student(
                states_BCFhw,
                timesteps_BF,
                window.ids_BL,
                window.coordinates_KFhw,
                clean_BCFhw,
                False,
            )
            estimate = clean_of(states_BCFhw, velocity.float(), timesteps_BF / 1000)
            drawing = torch.where(window.given_F[:, None, None], clean_BCFhw, estimate)
        loss_critic = self._critic_loss(drawing, window, random)
        terms = {"loss": loss_critic, "loss_critic": loss_critic.detach()}
        if generator:
            gradient = self._gradient(drawing.detach(), window, random)
            loss_student = dmd_loss(drawing, gradient, drawn_BF)
            terms["loss"] = loss_critic + loss_student.float()
            terms["loss_student"] = loss_student.detach().float()
        return terms

    def _critic_loss(self, drawing: Tensor, window: ArBatch, random: StepRandom) -> Tensor:
        noisy, noise, timesteps_BF = _noised(drawing.detach(), window, random)
        velocity = self.critic(noisy, timesteps_BF, window.ids_BL, window.coordinates_KFhw)
        return critic_loss(velocity, noise, drawing, window.drawn_BF)

    @torch.no_grad()
    def _gradient(self, drawing: Tensor, window: ArBatch, random: StepRandom) -> Tensor:
        noisy, _, timesteps_BF = _noised(drawing, window, random)
        coordinates, sigma_BF = window.coordinates_KFhw, timesteps_BF / 1000
        fake = self.critic(noisy, timesteps_BF, window.ids_BL, coordinates).float()
        both = torch.cat([window.ids_BL, without_words(window.ids_BL)])
        real = self._teacher[0](
            noisy.repeat(2, 1, 1, 1, 1), timesteps_BF.repeat(2, 1), both, coordinates
        )
        conditional, unconditional = (
            clean_of(noisy, half, sigma_BF) for half in real.float().chunk(2)
        )
        return dmd_gradient(
            drawing,
            guided(conditional, unconditional, self.guidance_scale),
            clean_of(noisy, fake, sigma_BF),
            window.drawn_BF,
        )


class DmdRecipe(ArRecipe):
    """Distribution matching through self-forcing; see the module's docstring."""

    def __init__(
        self,
        config: ArConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        networks: DmdNetworks,
        drawer: Drawer,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, device)
        self.module: nn.Module = networks
        self.student, self.drawer = networks.student, drawer
        for network in (networks.student, networks.critic, networks._teacher[0]):
            network.run_block = self.run_block
        betas = (0.0, 0.99)  # Self-Forcing's: no momentum against a moving critic
        self.optimizers: Sequence[torch.optim.Optimizer] = [
            adapter_optimizer(networks.student, config.other_rate, betas=betas),
            adapter_optimizer(networks.critic, config.critic_rate, betas=betas),
        ]

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """The critic's loss, and in one of `generator_every` steps the student's beside it."""
        window = self.encode(batch)
        with torch.no_grad(), self.autocast():
            context = self.student.text_encoder(window.ids_BL)
        rollout = self.drawer.draw(self.student.transformer, context, window, random)
        step = self._learned_step(random)
        timestep = self.config.timesteps[step]
        timesteps_BF = torch.where(window.drawn_BF, timestep, 0.0)
        generator = random.coin(1 / self.config.generator_every)
        with self.autocast():
            return model(
                rollout.states[step],
                timesteps_BF,
                rollout.clean_BCFhw,
                window,
                random,
                generator=generator,
            )

    def _learned_step(self, random: StepRandom) -> int:
        """A random step; with kept noise the last one, as only its estimate is a drawing."""
        count = len(self.config.timesteps)
        return count - 1 if self.config.keeps_noise else int(random.uniform(1) * count)


def _noised(drawing: Tensor, window: ArBatch, random: StepRandom) -> tuple[Tensor, Tensor, Tensor]:
    """The drawing at a score's noise level, given frames clean; with the noise and timesteps."""
    timesteps_BF = score_timesteps(random.uniform(len(drawing)))[:, None].expand(
        -1, drawing.shape[2]
    )
    timesteps_BF = torch.where(window.given_F, 0.0, timesteps_BF)
    noise = random.normal(*drawing.shape)
    return add_noise(drawing, noise, timesteps_BF / 1000), noise, timesteps_BF
