"""Recipe: guidance and steps distilled, so that a few plain steps look like many with guidance.

How a student's step stands for several guided ones of the teacher: `guided_steps`. A share of the
steps begins where the student itself arrives from noise, the others at training clips with noise.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videosketcher_app.models.image_condition import LATENT_CHANNELS
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.flow_matching import noised, without_words
from videosketcher_app.training.guided_steps import GuidedSteps, step_losses
from videosketcher_app.training.ink_weights import InkWeights
from videosketcher_app.training.pocket_t2v import PocketNetwork, PocketT2VConfig, PocketT2VRecipe
from videosketcher_app.training.state import StepRandom


class PocketDistillRecipe(PocketT2VRecipe):
    """The student starts as a copy of the teacher; `config` drops no prompts.

    Args:
        own_share: share of the steps on the student's own latents.
        weights: of the error in the cells of training clips.
    """

    def __init__(
        self,
        config: PocketT2VConfig,
        steps: GuidedSteps,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: PocketNetwork,
        teacher: PocketNetwork,
        device: torch.device,
        *,
        own_share: float = 0.0,
        weights: InkWeights | None = None,
    ) -> None:
        super().__init__(config, vae, tokenizer, student, device)
        self.steps, self.own_share = steps, own_share
        self.weights = weights or InkWeights()
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher.run_block = student.run_block

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the mean velocity over one student step."""
        stamps_BP4, ids_BL = self.on_device(batch)
        if random.coin(self.own_share):
            return self._loss_on_own_latents(model, ids_BL, random)
        with torch.no_grad():
            maps = self.maps(stamps_BP4)
            clean = self.latents(*maps)
            weight = self.weights.of(*maps, clean.shape[2])
        step_B = self.steps.draw(len(clean), random)
        sigma_B = self.steps.sigma(step_B)
        noisy = noised(clean, random.normal(*clean.shape), sigma_B)
        error_B = (weight * self._squared_error(model, noisy, ids_BL, step_B)).mean((1, 2, 3, 4))
        return step_losses(error_B, step_B)

    def _loss_on_own_latents(
        self, model: nn.Module, ids_BL: Tensor, random: StepRandom
    ) -> dict[str, Tensor]:
        """The same from where the student arrives after a number of steps that all ranks share."""
        later = self.steps.num_inference_steps - 1
        step = 1 + int(torch.randint(later, (), generator=random.shared)) if later else 0
        noise = random.normal(len(ids_BL), LATENT_CHANNELS, *self.coordinates_KFhw.shape[1:])

        def student(noisy: Tensor, timesteps: Tensor) -> Tensor:
            return self.module(noisy, timesteps, ids_BL, self.coordinates_KFhw)

        with self.autocast():
            noisy = self.steps.own_latents(student, noise, step)
        step_B = torch.full((len(ids_BL),), step, device=self.device)
        error = self._squared_error(model, noisy, ids_BL, step_B).mean()
        return {"loss": error, "loss_own": error}

    def _squared_error(
        self, model: nn.Module, noisy_BCFhw: Tensor, ids_BL: Tensor, step_B: Tensor
    ) -> Tensor:
        """Squared error (B, C, F, h, w) of the student's velocity against the teacher's mean one."""
        both_BL = torch.cat([ids_BL, without_words(ids_BL)])

        def teacher(doubled: Tensor, timesteps: Tensor) -> Tensor:
            return self.teacher(doubled, timesteps, both_BL, self.coordinates_KFhw)

        timesteps_B1 = 1000 * self.steps.sigma(step_B)[:, None]
        with self.autocast():
            target = self.steps.mean_velocity(teacher, noisy_BCFhw, step_B)
            velocity = model(noisy_BCFhw, timesteps_B1, ids_BL, self.coordinates_KFhw).float()
        return (velocity - target).square()
