"""The contract of every engine, and what the services need to know of a loaded model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest


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
