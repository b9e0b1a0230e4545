"""Text sketching: a drawing plan becomes frames by flow matching.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.core.events import Event, Frames, Preview, Progress
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.data.ink import composite
from videosketcher_app.engines.base import Finished, OwnSampler
from videosketcher_app.engines.finite import require_finite
from videosketcher_app.engines.memory.modes import (
    EXACT,
    Acceleration,
    acceleration_of,
    fitted,
)
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import (
    clean_estimate,
    euler_step,
    guided,
    noisy,
    sigmas,
)
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.sparse_attention.drawing import attending, sparse_attention_of

if TYPE_CHECKING:
    from videosketcher_app.models.sparse_attention.attention import SparseAttention


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
    acceleration: Acceleration = EXACT,
    sparse: SparseAttention | None = None,
) -> Generator[tuple[int, Tensor, Tensor], None, None]:
    """Samples a batch; yields (steps done, latents, clean estimate) after every denoising step.

    Args:
        sparse: attention that the caller wants to ask for its facts; else it is made here.
    """
    sparse = sparse or sparse_attention_of(model, acceleration.sparse, settings)
    if isinstance(model, OwnSampler) and replace(acceleration, sparse=None).is_exact:
        with attending(model, sparse) as drawing:
            yield from drawing.denoise(prompts, seeds, **vars(settings))
        return
    shape = model.latent_shape(settings.num_frames, settings.height, settings.width)
    x = initial_noise(seeds, shape, model.device)
    context = model.encode_prompts(prompts)
    away = model.negative_prompt if isinstance(model, OwnSampler) else ""
    empty = model.encode_prompts([away] * len(prompts)) if settings.cfg_scale != 1 else None
    clean, strength = _start_of(model)
    levels = sigmas(settings.num_inference_steps, settings.shift, strength)
    if clean is not None:
        x = noisy(clean, x, levels[0])
    if not acceleration.is_exact:
        contexts = [context] if empty is None else [context, empty]
        sampler = AcceleratedSampler(
            model, contexts, settings, acceleration, levels=levels, sparse=sparse
        )
        yield from sampler.run(x)
        return
    for step, (sigma, next_sigma) in enumerate(pairwise(levels), 1):
        velocity = model.velocity(x, sigma, context)
        if empty is not None:
            velocity = guided(velocity, model.velocity(x, sigma, empty), settings.cfg_scale)
        clean = clean_estimate(x, velocity, sigma)
        x = euler_step(x, velocity, sigma, next_sigma)
        yield step, x, clean


def _start_of(model: PocketModel) -> tuple[Tensor | None, float]:
    """Latents of a clip to draw over, and how much is drawn anew."""
    if isinstance(model, OwnSampler):
        return model.start_latents()
    return model.start or (None, 1.0)


def to_frames(clip_BCTHW: Tensor) -> NDArray[np.uint8]:
    """Clips in [-1, 1] as frames (B, T, H, W, 3) uint8."""
    bytes_ = ((clip_BCTHW + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return bytes_.permute(0, 2, 3, 4, 1).cpu().numpy()


class _FinishedEarly(Exception):
    """Somebody wants what there is so far; leaves the sampler, also within a step."""


class _Stop:
    """Looks whether somebody wants the drawing to stop, or to finish early while it is sampled."""

    def __init__(self, cancel: CancelToken) -> None:
        self.cancel = cancel
        self._is_sampling = False

    def __call__(self) -> None:
        """Leaves the work at a safe point.

        Raises:
            Cancelled: somebody asked to stop.
            _FinishedEarly: somebody asked for what there is, within `early`.
        """
        self.cancel.raise_if_cancelled()
        if self._is_sampling and self.cancel.finishes_early:
            raise _FinishedEarly

    @contextmanager
    def early(self) -> Iterator[None]:
        """The time in which it may finish early: not while it decodes, for instance."""
        self._is_sampling = True
        try:
            yield
        finally:
            self._is_sampling = False


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

        The preview is the last frame of the clean estimate, decoded alone; a model for which that
        costs much draws without. Asked to finish early, it decodes the whole clean estimate of the
        last step that was done, and the settings of the frames say so: `stopped_after`.

        Raises:
            Cancelled: the token was raised, or it asked to finish before the first step was done.
        """
        settings = settle(request, self.model)
        yield Progress(step=0, num_steps=settings.num_inference_steps)
        stop = _Stop(cancel)
        stop()
        with self._watched(stop):
            yield from self._drawn(request, plan, settings, stop)

    def _drawn(
        self, request: SketchRequest, plan: DrawingPlan, settings: SamplerSettings, stop: _Stop
    ) -> Iterator[Event]:
        asked = acceleration_of(request.mode, self.model.name, request.sparse)
        acceleration = fitted(asked, self.model)
        sparse = sparse_attention_of(self.model, acceleration.sparse, settings, seed=request.seed)
        begun = time.monotonic()
        timings: dict[str, float] = {}
        steps = settings.num_inference_steps
        texts, seeds = [request.model_text(plan)], [request.seed]
        sampling = denoise(self.model, texts, seeds, settings, acceleration, sparse)
        done, latents = yield from self._stepped(sampling, steps, stop, timings)
        stop()
        timings["denoise"] = time.monotonic() - begun
        decoding = time.monotonic()
        yield Progress(step=done, num_steps=steps, stage="decoding")
        clip_BCTHW = self.model.decode(latents)
        require_finite(clip_BCTHW, step=done + 1, num_steps=steps)
        frames = to_frames(clip_BCTHW)[0]
        timings["decode"] = time.monotonic() - decoding
        facts = self._facts(acceleration, sparse)
        early = {} if done == steps else {"stopped_after": done}
        yield Frames(
            frames_THW3=frames, timings=timings, settings={**vars(settings), **facts, **early}
        )

    def _stepped(
        self,
        sampling: Generator[tuple[int, Tensor, Tensor], None, None],
        steps: int,
        stop: _Stop,
        timings: dict[str, float],
    ) -> Generator[Event, None, tuple[int, Tensor]]:
        """Steps that were done, and latents: of the clip after the last step, of the estimate before."""
        begun = time.monotonic()
        done, latents = 0, None
        # Closed at once when it is stopped: the model's attention is then its own again.
        with closing(sampling), stop.early(), suppress(_FinishedEarly):
            stop()
            for step, x, clean in sampling:
                stop.cancel.raise_if_cancelled()
                require_finite(x, step=step, num_steps=steps)
                done, latents = step, x if step == steps else clean
                left = (time.monotonic() - begun) / step * (steps - step)
                last_HW3 = self._last_frame(clean)
                if last_HW3 is not None:
                    yield Preview(frame_HW3=last_HW3, step=step)
                    timings.setdefault("first_preview", time.monotonic() - begun)
                yield Progress(step=step, num_steps=steps, seconds_left=left)
                stop()
        if latents is None:
            raise Cancelled("Stopped before the first step was done.")
        return done, latents

    def _facts(self, acceleration: Acceleration, sparse: SparseAttention | None) -> dict[str, Any]:
        """What the sampler's settings do not say of the drawing's making."""
        model = self.model
        facts: dict[str, Any] = dict(model.facts()) if isinstance(model, OwnSampler) else {}
        if not isinstance(model, OwnSampler) and model.start is not None:
            facts["strength"] = model.start[1]
        if acceleration != EXACT:
            facts["acceleration"] = acceleration.to_mapping()
        if sparse is not None:
            facts["acceleration"]["sparse"] = sparse.facts()
        return facts

    def finished(
        self, frames_THW3: NDArray[np.uint8], request: SketchRequest, plan: DrawingPlan
    ) -> Finished:
        """The clip with permanent ink on white paper."""
        return Finished(frames_THW3=composite(frames_THW3))

    def _watched(self, stop: _Stop) -> AbstractContextManager[None]:
        """A drawing by a large model stops within a step; Pocket's steps are short."""
        if isinstance(self.model, OwnSampler):
            return self.model.watched(stop)
        return nullcontext()

    def _last_frame(self, clean_BCFhw: Tensor) -> NDArray[np.uint8] | None:
        """The end of the clip; two latent frames, since the decoder remembers one."""
        if isinstance(self.model, OwnSampler):
            clip_BCTHW = self.model.preview(clean_BCFhw)
        else:
            clip_BCTHW = self.model.decode(clean_BCFhw[:, :, -2:])
        return None if clip_BCTHW is None else to_frames(clip_BCTHW)[0, -1]
