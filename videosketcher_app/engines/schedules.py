"""Noise levels of flow matching and the sampler's arithmetic: pure functions.

Convention (facts: reference 0): x = (1 - sigma) clean + sigma noise, the network predicts the
velocity noise - clean, the timestep is 1000 sigma, and a shift k maps u to k u / (1 + (k - 1) u).
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")  # a float, an array or a tensor


def shifted(u: T, shift: float) -> T:
    """The noise level of a uniform position u in [0, 1]."""
    return shift * u / (1 + (shift - 1) * u)  # type: ignore[operator]


def sigmas(num_inference_steps: int, shift: float, strength: float = 1.0) -> list[float]:
    """Noise levels down to 0: `num_inference_steps` + 1 values.

    Args:
        strength: uniform position to start from; below 1 something of a clip is kept.
    """
    positions = [strength * (1 - i / num_inference_steps) for i in range(num_inference_steps + 1)]
    return [shifted(u, shift) for u in positions]


def noisy(clean: T, noise: T, sigma: float) -> T:
    """Clean latents at a noise level."""
    return (1 - sigma) * clean + sigma * noise  # type: ignore[operator]


def euler_step(x: T, velocity: T, sigma: float, next_sigma: float) -> T:
    """One step of Euler's method along the flow."""
    return x + (next_sigma - sigma) * velocity  # type: ignore[operator]


def clean_estimate(x: T, velocity: T, sigma: float) -> T:
    """The clean latents that a noisy latent and its velocity point at."""
    return x - sigma * velocity  # type: ignore[operator]


def emphasized(velocity: T, x: T, still: T, sigma: float, emphasis: float) -> T:
    """The velocity whose clean estimate is `emphasis` times as far from `still` as the given one's."""
    return velocity + (emphasis - 1) * (velocity - (x - still) / sigma)  # type: ignore[operator]


def guided(conditional: T, unconditional: T, guidance_scale: float) -> T:
    """Classifier-free guidance (Ho and Salimans 2022)."""
    return unconditional + guidance_scale * (conditional - unconditional)  # type: ignore[operator]
