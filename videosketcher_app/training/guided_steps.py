"""Progressive distillation of a guided teacher: what a step of the student stands for.

Progressive distillation (Salimans and Ho 2022, arXiv 2202.00512) of a guided teacher (Meng et al.
2023, arXiv 2210.03142): the student makes one step of its own short schedule where the teacher,
guided, makes several small ones from the same noisy latent, and learns the mean velocity of the
teacher's path.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import euler_step, guided, shifted, sigmas
from videosketcher_app.training.flow_matching import per_clip
from videosketcher_app.training.state import StepRandom

# Latents (B, C, F, h, w) and timesteps (B, 1) to velocities (B, C, F, h, w).
Student = Callable[[Tensor, Tensor], Tensor]
# The same for latents (2B, C, F, h, w) and timesteps (2B, 1); the second half
# of the batch is the same latents, seen without words.
Teacher = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class GuidedSteps:
    """The student's schedule and the teacher's finer one.

    Attributes:
        num_inference_steps: of the student.
        teacher_steps: small teacher steps for one student step.
        guidance_scale: of the teacher.
        shift: time shift of the student's schedule.
    """

    num_inference_steps: int
    teacher_steps: int
    guidance_scale: float
    shift: float

    def draw(self, batch: int, random: StepRandom) -> Tensor:
        """Indices (B,) of the student's steps to learn, from noise on."""
        return (random.uniform(batch) * self.num_inference_steps).long()

    def sigma(self, step_B: Tensor) -> Tensor:
        """Noise levels (B,) at which the student's steps begin."""
        return shifted(self._position(step_B), self.shift)

    @torch.no_grad()
    def mean_velocity(self, teacher: Teacher, noisy_BCFhw: Tensor, step_B: Tensor) -> Tensor:
        """Mean velocity (B, C, F, h, w) of the guided teacher's path over one student step."""
        u_B = self._position(step_B)
        width = 1 / (self.num_inference_steps * self.teacher_steps)
        x = noisy_BCFhw
        for k in range(self.teacher_steps):
            sigma = shifted(u_B - k * width, self.shift)
            after = shifted((u_B - (k + 1) * width).clamp(min=0), self.shift)
            velocity = teacher(torch.cat([x, x]), (1000 * sigma)[:, None].repeat(2, 1)).float()
            mixed = guided(*velocity.chunk(2), self.guidance_scale)
            x = euler_step(x, mixed, per_clip(sigma), per_clip(after))  # type: ignore[arg-type]
        last = shifted((u_B - 1 / self.num_inference_steps).clamp(min=0), self.shift)
        return (x - noisy_BCFhw) / per_clip(last - shifted(u_B, self.shift))

    @torch.no_grad()
    def own_latents(self, student: Student, noise_BCFhw: Tensor, num_steps: int) -> Tensor:
        """What the student itself has made of noise (B, C, F, h, w) after some of its steps.

        Clips with noise added are only nearly what a sampler meets: its own errors add up. A
        student that learns where it arrives by itself learns to mend them (backward distillation,
        Kohler et al. 2024, arXiv 2405.05224).
        """
        levels = sigmas(self.num_inference_steps, self.shift)
        x = noise_BCFhw
        for sigma, after in pairwise(levels[: num_steps + 1]):
            timesteps_B1 = x.new_full((len(x), 1), 1000 * sigma)
            x = euler_step(x, student(x, timesteps_B1).float(), sigma, after)  # type: ignore[arg-type]
        return x

    def _position(self, step_B: Tensor) -> Tensor:
        return 1 - step_B.float() / self.num_inference_steps


def step_losses(error_B: Tensor, step_B: Tensor) -> dict[str, Tensor]:
    """The mean error, and that of the first step alone, which decides the layout."""
    first = (step_B == 0).float()
    return {
        "loss": error_B.mean(),
        "loss_first_step": (error_B * first).sum() / first.sum().clamp(min=1),
    }
