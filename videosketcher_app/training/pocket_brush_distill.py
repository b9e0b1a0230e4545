"""Recipe, stage 2 of pocket-brush: guidance and small steps of the painted model into plain ones.

The same progressive, guided distillation as `pocket_distill`, on painted clips: the teacher is the
base with the adapter of stage 1 folded in, the student goes on training that adapter. Only the
words are dropped for guidance; the condition frame is seen by both passes, so guidance sharpens the
drawing and leaves the color alone.

Legend: B clips, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.brush_batches import BrushBatch
from videosketcher_app.training.flow_matching import noised, without_words
from videosketcher_app.training.guided_steps import GuidedSteps, step_losses
from videosketcher_app.training.pocket_brush import (
    BrushNetwork,
    PocketBrushConfig,
    PocketBrushRecipe,
    weighted_error,
)
from videosketcher_app.training.state import StepRandom


class PocketBrushDistillRecipe(PocketBrushRecipe):
    """The student starts as a copy of the teacher; `config` drops no prompts."""

    def __init__(
        self,
        config: PocketBrushConfig,
        steps: GuidedSteps,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: BrushNetwork,
        teacher: BrushNetwork,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, student, device)
        self.steps = steps
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher.run_block = student.run_block

    def loss(self, model: nn.Module, batch: BrushBatch, random: StepRandom) -> dict[str, Tensor]:
        """Weighted squared error of the mean velocity over one student step."""
        painted = self.prepare(batch, random)
        clean = painted.clean_BCFhw
        step_B = self.steps.draw(len(clean), random)
        sigma_B = self.steps.sigma(step_B)
        noisy = noised(clean, random.normal(*clean.shape), sigma_B)
        words = torch.cat([painted.ids_BL, without_words(painted.ids_BL)])
        condition = painted.condition_BCFhw.repeat(2, 1, 1, 1, 1)

        def teacher(doubled: Tensor, timesteps: Tensor) -> Tensor:
            return self.teacher(doubled, timesteps, words, self.coordinates_KFhw, condition)

        with self._autocast():
            target = self.steps.mean_velocity(teacher, noisy, step_B)
            velocity = model(
                noisy,
                1000 * sigma_B[:, None],
                painted.ids_BL,
                self.coordinates_KFhw,
                painted.condition_BCFhw,
            ).float()
        error_B = weighted_error(velocity - target, painted.weight_BCFhw)
        return step_losses(error_B, step_B)
