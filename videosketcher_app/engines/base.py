"""The contract of every engine, and what the services need to know of a loaded model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.data.strokes import Sketch


@dataclass(frozen=True, kw_only=True, eq=False)
class Finished:
    """A result as people see it.

    Attributes:
        frames_THW3: uint8; ink never disappears, paper is white.
        sketch: the strokes, if the engine knows them; None leaves them to be recovered.
    """

    frames_THW3: NDArray[np.uint8]
    sketch: Sketch | None = None


class Engine(Protocol):
    """Turns a valid request into frames; knows no queue, no files, no Gradio."""

    def generate(
        self, request: SketchRequest, plan: DrawingPlan, *, cancel: CancelToken
    ) -> Iterator[Event]:
        """Yields Progress and Preview, then exactly one Frames.

        The engine reads `request.model_text(plan)`, checks `cancel` at every denoising step, and
        draws the same frames for the same request on the same machine.

        Raises:
            Cancelled: the token was raised.
            InvalidRequest: this model cannot draw at the requested size or mode.
        """
        ...

    def finished(
        self, frames_THW3: NDArray[np.uint8], request: SketchRequest, plan: DrawingPlan
    ) -> Finished:
        """The raw frames that `generate` ended with, cleaned.

        Args:
            plan: in the person's words; its parts name the strokes.
        """
        ...


@runtime_checkable
class OwnSampler(Protocol):
    """A model that samples in its reference's own way instead of by `engines.text.denoise`.

    Attributes:
        negative_prompt: what guidance moves away from.
    """

    negative_prompt: str

    def denoise(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        num_inference_steps: int,
        cfg_scale: float,
        shift: float,
        num_frames: int,
        width: int,
        height: int,
    ) -> Iterator[tuple[int, Any, Any]]:
        """Yields (steps done, latents, clean estimate) after every denoising step."""
        ...

    def start_latents(self) -> tuple[Any, float]:
        """Latents of a clip to draw over, or None, and how much is drawn anew."""
        ...

    def preview(self, clean_BCFhw: Any) -> Any:
        """The last frames (B, 3, T, H, W) of an estimate; None if they would cost too much."""
        ...

    def watched(self, check: Callable[[], None]) -> AbstractContextManager[None]:
        """`check` is called many times within a step and may raise, to stop there."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What of the drawing's making goes into its files beside the sampler's settings."""
        ...


class ModelInfo(Protocol):
    """What a loaded model says of itself; it goes into the run's files."""

    @property
    def name(self) -> str:
        """Name in the catalogue."""
        ...

    @property
    def hashes(self) -> Mapping[str, str]:
        """sha256 of every weight file by file name; empty if the weights are not from a file."""
        ...
