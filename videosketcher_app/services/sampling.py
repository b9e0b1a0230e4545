"""Sampling: from a planned request to raw frames; what a job repeats when memory ran out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event, Frames, Progress
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.brush_drawing import ReadPicture, brush_engine, worded
from videosketcher_app.services.lora_requests import ChosenLora, applied_to, choose, with_hashes
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.settled_model import settled

if TYPE_CHECKING:
    from videosketcher_app.engines.base import Engine
    from videosketcher_app.engines.brush import BrushEngine
    from videosketcher_app.engines.text import TextEngine


class StageClock:
    """Seconds by stage, on the monotonic clock."""

    def __init__(self) -> None:
        self.started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.seconds: dict[str, float] = {}
        self._begun = self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Books the time since the last lap; a stage that is repeated adds up."""
        now = time.monotonic()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled:
    """What was drawn, and with what.

    Attributes:
        request: with the hashes of its LoRAs.
        planned: in the words of the model.
        frames: as the engine ended with them.
    """

    model: Any
    engine: TextEngine | BrushEngine
    request: SketchRequest
    planned: PlannedDrawing
    loras: Sequence[ChosenLora]
    frames: Frames


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Loads what a request needs and draws it.

    Attributes:
        shelf: models in memory.
        loras: finds the LoRAs that a request names.
        read_picture: gives the pixels of a brush's image to those who may see it.
        check: refuses what a model cannot do.
    """

    shelf: ModelShelf
    loras: LoraLibrary
    read_picture: ReadPicture
    check: Callable[[SketchRequest, Any], None]

    def sample(
        self,
        name: str,
        request: SketchRequest,
        planned: PlannedDrawing,
        *,
        role: Role,
        session: str,
        cancel: CancelToken,
        clock: StageClock,
    ) -> Generator[Event, None, Sampled]:
        """Draws with a model by name; yields events. On the compute worker.

        Raises:
            AppError: the model cannot be loaded, or cannot draw this.
        """
        yield Progress(step=0, num_steps=0, stage="loading")
        model = self.shelf.get(name)
        self.check(request, model)
        model = settled(model, request, role)
        planned = worded(planned, request, model)
        engine = self._engine(model, request, role, session)
        loras = choose(self.loras, request.loras, role=role)
        request = with_hashes(request, loras)
        clock.lap("load")
        with applied_to(model, loras):
            frames = yield from _frames(engine, request, planned, cancel)
        clock.lap("draw")
        return Sampled(
            model=model, engine=engine, request=request, planned=planned, loras=loras, frames=frames
        )

    def _engine(
        self, model: Any, request: SketchRequest, role: Role, session: str
    ) -> TextEngine | BrushEngine:
        """Text or brush, whichever the request asks for."""
        from videosketcher_app.engines.text import TextEngine

        if request.brush is None:
            return TextEngine(model)
        picture = self.read_picture(request.brush, role, session) if request.brush.image else None
        return brush_engine(model, request, picture)


def _frames(
    engine: Engine, request: SketchRequest, planned: PlannedDrawing, cancel: CancelToken
) -> Generator[Event, None, Frames]:
    """Passes the engine's events on and returns its last one."""
    frames: Frames | None = None
    for event in engine.generate(request, planned.model_plan, cancel=cancel):
        if isinstance(event, Frames):
            frames = event
        else:
            yield event
    assert frames is not None, "an engine ends with Frames"
    return frames
