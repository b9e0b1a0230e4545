"""The autoregressive engine: a plan drawn block by block, each block shown as soon as it is there.

`generate` draws one continuous clip of any length; `rollout` joins clips as the reference does,
each begun with the end of the one before.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Event, Frames, Preview, Progress
from videosketcher_app.core.geometry import TEMPORAL_STRIDE, frames_of, latent_frames_of
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.causal_drawing import DEFAULT_WINDOW, CausalDrawing
from videosketcher_app.engines.causal_modes import window_in_mode
from videosketcher_app.engines.course import Course, Following, clip_tensor
from videosketcher_app.engines.rollout import DENOISING_STEPS
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.engines.text import to_frames
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES
from videosketcher_app.models.kv_cache import Window
from videosketcher_app.models.pocket import PocketModel

Drawn = list[tuple[NDArray[np.uint8], Tensor]]  # a block's frames (T, H, W, 3) and its latents

TRAINED_SHIFT = 8.0  # of the schedule that the published steps were taken from


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPreview(Preview):
    """A finished block: its frames are final; `frame_HW3` is the last of them.

    Attributes:
        frames_THW3: uint8 frames of this block alone.
        block: its number within the run, from 0.
    """

    frames_THW3: NDArray[np.uint8]
    block: int


@dataclass
class _Run:
    """What one run has come to so far.

    Attributes:
        num_steps: denoising steps of the whole run.
    """

    num_steps: int
    cancel: CancelToken
    begun: float = field(default_factory=time.monotonic)
    step: int = 0
    timings: dict[str, float] = field(default_factory=dict)

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.begun

    def progress(self) -> Progress:
        """One more denoising step is done."""
        self.step += 1
        left = self.elapsed() / self.step * (self.num_steps - self.step)
        return Progress(step=self.step, num_steps=self.num_steps, seconds_left=left)


def rollout_frames(num_rollout: int, num_overlap_frames: int, num_frames: int = 81) -> int:
    """Frames of `num_rollout` clips that overlap by so many latent frames (3: 81, 153, 225...)."""
    return num_rollout * num_frames - (num_rollout - 1) * frames_of(num_overlap_frames)


def timesteps_of(num_inference_steps: int | None) -> tuple[float, ...]:
    """The published steps, or as many steps of the same schedule."""
    if num_inference_steps in (None, len(DENOISING_STEPS)):
        return DENOISING_STEPS
    assert num_inference_steps is not None
    return tuple(1000 * sigma for sigma in sigmas(num_inference_steps, TRAINED_SHIFT)[:-1])


def timesteps_for(model: PocketModel, num_inference_steps: int | None) -> tuple[float, ...]:
    """The steps that a model was trained on, or as many as asked of the published schedule."""
    own: tuple[float, ...] = getattr(model, "causal_timesteps", ())
    if own and num_inference_steps in (None, len(own)):
        return own
    return timesteps_of(num_inference_steps or model.defaults.num_causal_steps)


class AutoregressiveEngine:
    """Draws plans with the block-causal pass of one model.

    Args:
        window: which blocks a block attends to; it bounds the memory of a drawing of any length.
        decode_frames: latent frames that are decoded at once; None is a whole block.
    """

    def __init__(
        self,
        model: PocketModel,
        window: Window = DEFAULT_WINDOW,
        *,
        decode_frames: int | None = None,
    ) -> None:
        self.model, self.window, self.decode_frames = model, window, decode_frames

    def generate(
        self, request: SketchRequest, plan: DrawingPlan, *, cancel: CancelToken
    ) -> Iterator[Event]:
        """Progress after every denoising step, a BlockPreview a block, then all frames.

        Raises:
            Cancelled: the token was raised.
            InvalidRequest: guidance was asked for, which causal models do without.
        """
        timesteps = self._timesteps(request)
        num_blocks = -(-latent_frames_of(request.num_frames) // BLOCK_LATENT_FRAMES)
        run = _Run(num_blocks * len(timesteps), cancel)
        yield Progress(step=0, num_steps=run.num_steps)
        cancel.raise_if_cancelled()
        drawing = self._new_drawing(request, request.model_text(plan))
        way = Following(drawing, Course(), request.model_text(plan))
        drawn = yield from _blocks(way, num_blocks, request.seed, timesteps, run)
        frames = np.concatenate([frames for frames, _ in drawn])[: request.num_frames]
        drawing.close()
        yield self._finished(frames, request, timesteps, run, drawing.facts)

    def rollout(
        self,
        request: SketchRequest,
        plan: DrawingPlan,
        *,
        num_rollout: int,
        num_overlap_frames: int = BLOCK_LATENT_FRAMES,
        background_HW3: NDArray[np.uint8] | None = None,
        course: Course | None = None,
        cancel: CancelToken,
    ) -> Iterator[Event]:
        """`generate` for several clips in a row: `rollout_frames` frames in all.

        A clip begins with the latent frames that the one before ended with, the first of them
        encoded anew from its frame. That costs nine frames decoded twice, and is what the reference
        does; `generate` with a long request has no seams.

        Args:
            num_overlap_frames: latent frames, a multiple of 3.
            background_HW3: uint8 picture of the canvas's size that the drawing begins with.
            course: other words and a video on the way, counted in frames of the whole run.

        Raises:
            Cancelled: the token was raised.
            InvalidRequest: clip, overlap or background do not fit.
        """
        course = course or Course()
        timesteps = course.timesteps(self._timesteps(request))
        clip_blocks = _check_rollout(request, num_rollout, num_overlap_frames)
        overlap_blocks = num_overlap_frames // BLOCK_LATENT_FRAMES
        start = None if background_HW3 is None else self._background(background_HW3, request)
        begun_blocks = (num_rollout - 1) * overlap_blocks + (start is not None)
        run = _Run((num_rollout * clip_blocks - begun_blocks) * len(timesteps), cancel)
        yield Progress(step=0, num_steps=run.num_steps)
        pieces: list[NDArray[np.uint8]] = []
        facts: Mapping[str, str] = {}
        for clip in range(num_rollout):
            cancel.raise_if_cancelled()
            first_frame = sum(map(len, pieces))
            words = course.words_at(first_frame, request.model_text(plan))
            drawing = self._new_drawing(request, words)
            facts = drawing.facts
            way = Following(drawing, course, words, first_frame=first_frame)
            shown: Drawn = [] if start is None else [(_bytes(drawing.show_latents(start)), start)]
            left = clip_blocks - drawing.num_blocks
            seed = request.seed + clip
            drawn = shown + (yield from _blocks(way, left, seed, timesteps, run))
            frames = np.concatenate([frames for frames, _ in drawn])
            latents = torch.cat([latents for _, latents in drawn], dim=2)
            drawing.close()
            if clip < num_rollout - 1:
                start = self._handed_on(frames, latents, num_overlap_frames)
                frames = frames[: -frames_of(num_overlap_frames)]
            pieces.append(frames)
        yield self._finished(np.concatenate(pieces), request, timesteps, run, facts)

    def _new_drawing(self, request: SketchRequest, words: str) -> CausalDrawing:
        width, height = self._canvas(request)
        return CausalDrawing(
            self.model,
            words,
            width=width,
            height=height,
            window=self.window,
            decode_frames=self.decode_frames,
            mode=request.mode,
        )

    def _canvas(self, request: SketchRequest) -> tuple[int, int]:
        d = self.model.defaults
        return request.width or d.width, request.height or d.height

    def _timesteps(self, request: SketchRequest) -> tuple[float, ...]:
        if request.cfg_scale not in (None, 1.0):
            raise InvalidRequest(
                f"{self.model.name} draws block by block without guidance. "
                f"Received: cfg_scale={request.cfg_scale:g}",
                hint="Leave cfg_scale out, or choose a text model.",
            )
        return timesteps_for(self.model, request.num_inference_steps)

    @torch.inference_mode()
    def _background(self, picture_HW3: NDArray[np.uint8], request: SketchRequest) -> Tensor:
        """One block of latents of a still picture."""
        width, height = self._canvas(request)
        if picture_HW3.shape != (height, width, 3):
            raise InvalidRequest(
                f"The background is {picture_HW3.shape[1]} x {picture_HW3.shape[0]} px, "
                f"the canvas {width} x {height}.",
                hint="Scale the picture to the canvas.",
            )
        count = frames_of(BLOCK_LATENT_FRAMES)
        return self._encoded(np.broadcast_to(picture_HW3, (count, *picture_HW3.shape)))

    @torch.inference_mode()
    def _handed_on(
        self, frames_THW3: NDArray[np.uint8], latents_BCFhw: Tensor, num_overlap_frames: int
    ) -> Tensor:
        """What the next clip begins with: one frame encoded anew, then the raw last latents."""
        at = len(frames_THW3) - frames_of(num_overlap_frames)
        first = self._encoded(frames_THW3[at : at + 1])
        return torch.cat([first, latents_BCFhw[:, :, 1 - num_overlap_frames :]], dim=2)

    def _encoded(self, frames_THW3: NDArray[np.uint8]) -> Tensor:
        scaled = clip_tensor(frames_THW3).to(self.model.device, self.model.dtype)
        return self.model.vae.encode(scaled).float()

    def _finished(
        self,
        frames_THW3: NDArray[np.uint8],
        request: SketchRequest,
        timesteps: Sequence[float],
        run: _Run,
        drawn_with: Mapping[str, str],
    ) -> Frames:
        width, height = self._canvas(request)
        settings = {
            "num_inference_steps": len(timesteps),
            "timesteps": list(timesteps),
            "cfg_scale": 1.0,
            "num_frames": len(frames_THW3),
            "width": width,
            "height": height,
            "mode": request.mode,
            "window_blocks": window_in_mode(self.window, request.mode).blocks,
            "sink_blocks": self.window.sink_blocks,
            **({"drawn_with": dict(drawn_with)} if drawn_with else {}),
        }
        run.timings["draw"] = run.elapsed()
        return Frames(frames_THW3=frames_THW3, timings=run.timings, settings=settings)


def _blocks(
    way: Following, count: int, seed: int, timesteps: Sequence[float], run: _Run
) -> Generator[Event, None, Drawn]:
    """Draws so many blocks, and returns them."""
    drawn: Drawn = []
    for _ in range(count):
        run.cancel.raise_if_cancelled()
        with closing(way.draw(seed=seed, timesteps=timesteps, cancel=run.cancel)) as estimates:
            for estimate in estimates:
                yield run.progress()
                run.cancel.raise_if_cancelled()
                if estimate.frames_BCTHW is not None:
                    drawn.append((_bytes(estimate.frames_BCTHW), estimate.latents_BCFhw))
        frames = drawn[-1][0]
        run.timings.setdefault("first_preview", run.elapsed())
        yield BlockPreview(
            frame_HW3=frames[-1],
            step=run.step,
            frames_THW3=frames,
            block=way.drawing.num_blocks - 1,
        )
    return drawn


def _bytes(clip_BCTHW: Tensor) -> NDArray[np.uint8]:
    return to_frames(clip_BCTHW)[0]


def _check_rollout(request: SketchRequest, num_rollout: int, num_overlap_frames: int) -> int:
    """Blocks of one clip.

    Raises:
        InvalidRequest: names what does not fit.
    """
    latent_frames = latent_frames_of(request.num_frames)
    block_px = BLOCK_LATENT_FRAMES * TEMPORAL_STRIDE
    if num_rollout < 1:
        raise InvalidRequest(
            f"num_rollout must be at least 1. Received: {num_rollout}", hint="Try 1."
        )
    if latent_frames % BLOCK_LATENT_FRAMES:
        raise InvalidRequest(
            f"A rollout draws {block_px}n - 3 frames. Received: num_frames={request.num_frames}",
            hint=f"Try {max(1, round((request.num_frames + 3) / block_px)) * block_px - 3}.",
        )
    if num_overlap_frames % BLOCK_LATENT_FRAMES or not 0 < num_overlap_frames < latent_frames:
        raise InvalidRequest(
            f"num_overlap_frames must be a multiple of {BLOCK_LATENT_FRAMES} below "
            f"{latent_frames}. Received: {num_overlap_frames}",
            hint=f"Try {BLOCK_LATENT_FRAMES}.",
        )
    return latent_frames // BLOCK_LATENT_FRAMES
