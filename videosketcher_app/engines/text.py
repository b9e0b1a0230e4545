"""Text sketching: a drawing plan becomes frames by flow matching.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event, Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.data.ink import composite
from videosketcher_app.engines.base import Finished, OwnSampler
from videosketcher_app.engines.schedules import clean_estimate, euler_step, guided, sigmas
from videosketcher_app.models.pocket import PocketModel


@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """How a clip is sampled, with nothing left open."""

    num_inference_steps: int
    cfg_scale: float
    shift: float
    num_frames: int
    width: int
    height: int


def settle(request: SketchRequest, model: PocketModel) -> SamplerSettings:
    """The request's settings with the model's defaults where it is silent."""
    d = model.defaults
    return SamplerSettings(
        num_inference_steps=request.num_inference_steps or d.num_inference_steps,
        cfg_scale=d.cfg_scale if request.cfg_scale is None else request.cfg_scale,
        shift=d.shift,
        num_frames=request.num_frames,
        width=request.width or d.width,
        height=request.height or d.height,
    )


def initial_noise(seeds: Sequence[int], shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Standard normal noise (B, *shape), drawn on the CPU so that devices agree."""
    rows = [
        torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds
    ]
    return torch.stack(rows).to(device)


def denoise(
    model: PocketModel,
    prompts: Sequence[str],
    seeds: Sequence[int],
    settings: SamplerSettings,
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Samples a batch; yields (steps done, latents, clean estimate) after every denoising step."""
    if isinstance(model, OwnSampler):
        yield from model.denoise(prompts, seeds, **vars(settings))
        return
    shape = model.latent_shape(settings.num_frames, settings.height, settings.width)
    x = initial_noise(seeds, shape, model.device)
    context = model.encode_prompts(prompts)
    empty = model.encode_prompts([""] * len(prompts)) if settings.cfg_scale != 1 else None
    levels = sigmas(settings.num_inference_steps, settings.shift)
    for step, (sigma, next_sigma) in enumerate(pairwise(levels), 1):
        velocity = model.velocity(x, sigma, context)
        if empty is not None:
            velocity = guided(velocity, model.velocity(x, sigma, empty), settings.cfg_scale)
        clean = clean_estimate(x, velocity, sigma)
        x = euler_step(x, velocity, sigma, next_sigma)
        yield step, x, clean


def to_frames(clip_BCTHW: Tensor) -> NDArray[np.uint8]:
    """Clips in [-1, 1] as frames (B, T, H, W, 3) uint8."""
    bytes_ = ((clip_BCTHW + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return bytes_.permute(0, 2, 3, 4, 1).cpu().numpy()


class TextEngine:
    """Draws one plan with one model.

    Args:
        model: networks on their device.
    """

    def __init__(self, model: PocketModel) -> None:
        self.model = model

    def generate(
        self, request: SketchRequest, plan: DrawingPlan, *, cancel: CancelToken
    ) -> Iterator[Event]:
        """Progress and a preview after every denoising step, then the raw frames.

        The preview is the last frame of the clean estimate, decoded alone.
        """
        settings = settle(request, self.model)
        begun = time.monotonic()
        timings: dict[str, float] = {}
        latents = None
        yield Progress(step=0, num_steps=settings.num_inference_steps)
        cancel.raise_if_cancelled()
        sampling = denoise(self.model, [request.model_text(plan)], [request.seed], settings)
        for step, latents, clean in sampling:  # noqa: B007 (the last latents are decoded below)
            cancel.raise_if_cancelled()
            left = (time.monotonic() - begun) / step * (settings.num_inference_steps - step)
            yield Preview(frame_HW3=self._last_frame(clean), step=step)
            timings.setdefault("first_preview", time.monotonic() - begun)
            yield Progress(step=step, num_steps=settings.num_inference_steps, seconds_left=left)
        cancel.raise_if_cancelled()
        timings["denoise"] = time.monotonic() - begun
        assert latents is not None
        decoding = time.monotonic()
        steps = settings.num_inference_steps
        yield Progress(step=steps, num_steps=steps, stage="decoding")
        frames = to_frames(self.model.decode(latents))[0]
        timings["decode"] = time.monotonic() - decoding
        yield Frames(frames_THW3=frames, timings=timings, settings=vars(settings))

    def finished(
        self, frames_THW3: NDArray[np.uint8], request: SketchRequest, plan: DrawingPlan
    ) -> Finished:
        """The clip with permanent ink on white paper."""
        return Finished(frames_THW3=composite(frames_THW3))

    def _last_frame(self, clean_BCFhw: Tensor) -> NDArray[np.uint8]:
        """The end of the clip; two latent frames, since the decoder remembers one."""
        return to_frames(self.model.decode(clean_BCFhw[:, :, -2:]))[0, -1]
