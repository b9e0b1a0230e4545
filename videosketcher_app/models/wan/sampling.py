"""From noise to latents: Euler steps along the flow, or the few steps of a distilled model.

Convention: x = (1 - sigma) clean + sigma noise, the velocity is noise - clean, and a timestep is
1000 sigma. Both ways yield (steps done, latents, clean estimate) after every step and can start
from a clip instead of noise alone: from its latents, made noisy to a strength.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from diffsynth.diffusion import FlowMatchScheduler
from torch import Tensor

from videosketcher_app.models.causal_wan import table_sigma

Velocity = Callable[[Tensor, Tensor], Tensor]  # of latents at a timestep
Step = tuple[int, Tensor, Tensor]
StartLatents = tuple[Tensor, float] | None


@dataclass(frozen=True, kw_only=True)
class FewSteps:
    """Timesteps that a model was distilled for.

    Attributes:
        published: in the order of drawing, without the final 0.
        shift: of the schedule that they come from, for another number of steps.
    """

    published: tuple[float, ...] = (1000.0, 757.0, 522.0)
    shift: float = 8.0

    def timesteps(self, num_steps: int) -> tuple[float, ...]:
        """The published ones, or as many others of the same schedule."""
        if num_steps == len(self.published):
            return self.published
        positions = [1 - i / num_steps for i in range(num_steps)]
        return tuple(1000 * _shifted(u, self.shift) for u in positions)

    def level(self, strength: float) -> float:
        """The noise level that a strength means in this schedule."""
        return _shifted(strength, self.shift)


def euler_steps(
    velocity: Velocity,
    noise_BCFhw: Tensor,
    num_steps: int,
    shift: float,
    start: StartLatents = None,
) -> Iterator[Step]:
    """Follows the flow in `num_steps` steps, with diffsynth's own schedule and arithmetic.

    A strength below 1 does not skip steps: all of them go over the noise levels that are left.
    """
    clean, strength = start or (None, 1.0)
    scheduler = FlowMatchScheduler("Wan")
    scheduler.set_timesteps(num_steps, denoising_strength=strength, shift=shift)
    x = noise_BCFhw
    if clean is not None:
        x = scheduler.add_noise(clean, noise_BCFhw, timestep=scheduler.timesteps[0])
    for step, timestep in enumerate(scheduler.timesteps):
        with torch.no_grad():
            v = velocity(x, timestep)
            estimate = x - v * scheduler.sigmas[step]
            x = scheduler.step(v, timestep, x)
        yield step + 1, x, estimate


def renoised_steps(
    velocity: Velocity,
    noise_BCFhw: Tensor,
    fresh: Iterator[Tensor],
    timesteps: Sequence[float],
    start: StartLatents = None,
) -> Iterator[Step]:
    """Estimates the clean clip at each timestep and makes it noisy again for the next.

    Consistency sampling (Song et al. 2023) as CausVid's bidirectional models are run (Yin et al.
    2025): one timestep for all frames, every time with fresh noise, the estimate in float64.

    Args:
        fresh: noise like the first, as often as it is asked for.
        start: clean latents and a noise level; steps above it are left out, but never all.
    """
    sigmas = [table_sigma(timestep) for timestep in timesteps]
    x, first = noise_BCFhw, 0
    if start is not None:
        clean, level = start
        first = next((i for i, s in enumerate(sigmas) if s <= level), len(sigmas) - 1)
        x = _noisy(clean, noise_BCFhw, sigmas[first])
    levels = list(zip(timesteps, sigmas, strict=True))[first:]
    following = [*pairwise(sigmas[first:]), None]
    for step, ((timestep, sigma), pair) in enumerate(zip(levels, following, strict=True), first):
        with torch.no_grad():
            v = velocity(x, torch.tensor(timestep))
            estimate = (x.double() - sigma * v.double()).to(x.dtype)
            x = estimate if pair is None else _noisy(estimate, next(fresh), pair[1])
        yield step + 1, x, estimate


def _noisy(clean: Tensor, noise: Tensor, sigma: float) -> Tensor:
    return (1 - sigma) * clean + sigma * noise


def _shifted(u: float, shift: float) -> float:
    return shift * u / (1 + (shift - 1) * u)
