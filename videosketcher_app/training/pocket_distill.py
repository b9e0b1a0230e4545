"""Recipe: guidance and steps distilled, so that a few plain steps look like many with guidance.

How a student's step stands for several guided ones of the teacher: `guided_steps`.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.flow_matching import noised, without_words
from videosketcher_app.training.guided_steps import GuidedSteps, step_losses
from videosketcher_app.training.pocket_t2v import PocketNetwork, PocketT2VConfig, PocketT2VRecipe
from videosketcher_app.training.state import StepRandom


class PocketDistillRecipe(PocketT2VRecipe):
    """The student starts as a copy of the teacher; `config` drops no prompts."""

    def __init__(
        self,
        config: PocketT2VConfig,
        steps: GuidedSteps,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: PocketNetwork,
        teacher: PocketNetwork,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, student, device)
        self.steps = steps
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher.run_block = student.run_block

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the mean velocity over one student step."""
        clean, ids_BL = self.prepare(batch, random)
        step_B = self.steps.draw(len(clean), random)
        sigma_B = self.steps.sigma(step_B)
        noisy = noised(clean, random.normal(*clean.shape), sigma_B)
        both = torch.cat([ids_BL, without_words(ids_BL)])

        def teacher(doubled: Tensor, timesteps: Tensor) -> Tensor:
            return self.teacher(doubled, timesteps, both, self.coordinates_KFhw)

        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            target = self.steps.mean_velocity(teacher, noisy, step_B)
            velocity = model(noisy, 1000 * sigma_B[:, None], ids_BL, self.coordinates_KFhw).float()
        error_B = (velocity - target).square().mean((1, 2, 3, 4))
        return step_losses(error_B, step_B)
