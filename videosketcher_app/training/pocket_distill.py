"""Recipe: guidance and steps distilled, so that a few plain steps look like many with guidance.

Progressive distillation (Salimans and Ho 2022) of a guided teacher (Meng et al. 2023): the student
makes one step of its own short schedule where the teacher, guided, makes several small ones from
the same noisy latent, and learns the mean velocity of the teacher's path.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videosketcher_app.engines.schedules import euler_step, guided, shifted
from videosketcher_app.models.text import END, PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.pocket_t2v import PocketNetwork, PocketT2VConfig, PocketT2VRecipe
from videosketcher_app.training.state import StepRandom


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """Hyper-parameters of the distillation.

    Attributes:
        base: data and optimizer settings; prompts are never dropped.
        num_inference_steps: of the student.
        teacher_steps: small teacher steps for one student step.
        guidance_scale: of the teacher.
        shift: time shift of the student's schedule.
    """

    base: PocketT2VConfig
    num_inference_steps: int = 6
    teacher_steps: int = 4
    guidance_scale: float = 2.5
    shift: float = 8.0


class PocketDistillRecipe(PocketT2VRecipe):
    """The student starts as a copy of the teacher."""

    def __init__(
        self,
        config: DistillConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        student: PocketNetwork,
        teacher: PocketNetwork,
        device: torch.device,
    ) -> None:
        super().__init__(config.base, vae, tokenizer, student, device)
        self.distill = config
        self.teacher = teacher.eval().requires_grad_(False)
        self.teacher.run_block = student.run_block

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the mean velocity over one student step."""
        clean, ids_BL = self.prepare(batch, random)
        d = self.distill
        step_B = (random.uniform(len(clean)) * d.num_inference_steps).long()
        u = 1 - step_B.float() / d.num_inference_steps
        sigma = shifted(u, d.shift)
        noisy = _mix(clean, random.normal(*clean.shape), sigma)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            target = self._teacher_velocity(noisy, u, ids_BL)
            velocity = model(noisy, 1000 * sigma[:, None], ids_BL, self.coordinates_KFhw).float()
        error_B = (velocity - target).square().mean((1, 2, 3, 4))
        first = (step_B == 0).float()
        return {
            "loss": error_B.mean(),
            "loss_first_step": (error_B * first).sum() / first.sum().clamp(min=1),
        }

    @torch.no_grad()
    def _teacher_velocity(self, noisy: Tensor, u_B: Tensor, ids_BL: Tensor) -> Tensor:
        """Mean velocity of the guided teacher's path over one student step."""
        d = self.distill
        empty = torch.zeros_like(ids_BL)
        empty[:, 0] = END
        both = torch.cat([ids_BL, empty])
        x = noisy
        width = 1 / (d.num_inference_steps * d.teacher_steps)
        for k in range(d.teacher_steps):
            sigma = shifted(u_B - k * width, d.shift)
            after = shifted((u_B - (k + 1) * width).clamp(min=0), d.shift)
            timesteps = (1000 * sigma)[:, None].repeat(2, 1)
            doubled = torch.cat([x, x])
            velocity = self.teacher(doubled, timesteps, both, self.coordinates_KFhw).float()
            conditional, unconditional = velocity.chunk(2)
            mixed = guided(conditional, unconditional, d.guidance_scale)
            x = euler_step(x, mixed, _wide(sigma), _wide(after))
        first = shifted(u_B, d.shift)
        last = shifted((u_B - 1 / d.num_inference_steps).clamp(min=0), d.shift)
        return (x - noisy) / _wide(last - first)


def _wide(value_B: Tensor) -> Tensor:
    return value_B.view(-1, 1, 1, 1, 1)


def _mix(clean: Tensor, noise: Tensor, sigma_B: Tensor) -> Tensor:
    return (1 - _wide(sigma_B)) * clean + _wide(sigma_B) * noise
