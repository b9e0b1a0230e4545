"""Recipe, stage 2 of pocket-brush: guidance and small steps of the painted model into plain ones.

The same progressive, guided distillation as `pocket_distill`, on painted clips: the teacher is the
base with the adapter of stage 1 folded in, the student goes on training that adapter. Only the
words are dropped for guidance; the condition frame is seen by both passes, so guidance sharpens the
drawing and leaves the color alone.

Legend: B clips, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videosketcher_app.engines.schedules import euler_step, guided, shifted
from videosketcher_app.models.text import END, PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.brush_batches import BrushBatch
from videosketcher_app.training.pocket_brush import (
    BrushNetwork,
    PaintedLatents,
    PocketBrushConfig,
    PocketBrushRecipe,
    weighted_error,
)
from videosketcher_app.training.state import StepRandom


@dataclass(frozen=True, kw_only=True)
class BrushDistillConfig:
    """Hyper-parameters of the distillation.

    Attributes:
        base: data and optimizer settings; prompts are never dropped.
        num_inference_steps: of the student.
        teacher_steps: small teacher steps for one student step.
        guidance_scale: of the teacher.
        shift: time shift of the student's schedule.
    """

    base: PocketBrushConfig
    num_inference_steps: int = 8
    teacher_steps: int = 3
    guidance_scale: float = 2.5
    shift: float = 10.0


class PocketBrushDistillRecipe(PocketBrushRecipe):
    """The student starts as a copy of the teacher."""

    def __init__(
        self,
        config: BrushDistillConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: BrushNetwork,
        teacher: BrushNetwork,
        device: torch.device,
    ) -> None:
        super().__init__(config.base, vae, tokenizer, student, device)
        self.distill = config
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher.run_block = student.run_block

    def loss(self, model: nn.Module, batch: BrushBatch, random: StepRandom) -> dict[str, Tensor]:
        """Weighted squared error of the mean velocity over one student step."""
        painted = self.prepare(batch, random)
        clean, d = painted.clean_BCFhw, self.distill
        step_B = (random.uniform(len(clean)) * d.num_inference_steps).long()
        u_B = 1 - step_B.float() / d.num_inference_steps
        sigma_B = shifted(u_B, d.shift)
        noise = random.normal(*clean.shape)
        noisy = (1 - _wide(sigma_B)) * clean + _wide(sigma_B) * noise
        with self._autocast():
            target = self._teacher_velocity(noisy, u_B, painted)
            velocity = model(
                noisy,
                1000 * sigma_B[:, None],
                painted.ids_BL,
                self.coordinates_KFhw,
                painted.condition_BCFhw,
            ).float()
        error_B = weighted_error(velocity - target, painted.weight_BCFhw)
        first = (step_B == 0).float()
        return {
            "loss": error_B.mean(),
            "loss_first_step": (error_B * first).sum() / first.sum().clamp(min=1),
        }

    @torch.no_grad()
    def _teacher_velocity(self, noisy: Tensor, u_B: Tensor, painted: PaintedLatents) -> Tensor:
        """Mean velocity of the guided teacher's path over one student step."""
        d = self.distill
        empty = torch.zeros_like(painted.ids_BL)
        empty[:, 0] = END
        words = torch.cat([painted.ids_BL, empty])
        condition = painted.condition_BCFhw.repeat(2, 1, 1, 1, 1)
        x = noisy
        width = 1 / (d.num_inference_steps * d.teacher_steps)
        for k in range(d.teacher_steps):
            sigma = shifted(u_B - k * width, d.shift)
            after = shifted((u_B - (k + 1) * width).clamp(min=0), d.shift)
            timesteps = (1000 * sigma)[:, None].repeat(2, 1)
            velocity = self.teacher(
                torch.cat([x, x]), timesteps, words, self.coordinates_KFhw, condition
            ).float()
            conditional, unconditional = velocity.chunk(2)
            mixed = guided(conditional, unconditional, d.guidance_scale)
            x = euler_step(x, mixed, _wide(sigma), _wide(after))  # type: ignore[arg-type]
        first = shifted(u_B, d.shift)
        last = shifted((u_B - 1 / d.num_inference_steps).clamp(min=0), d.shift)
        return (x - noisy) / _wide(last - first)


def _wide(value_B: Tensor) -> Tensor:
    return value_B.view(-1, 1, 1, 1, 1)
