"""Rollouts: several clips in a row from one plan, each begun with the end of the one before.

The reference's way to draw longer than a clip: n clips give n x 81 - (n - 1) x 9 frames. A drawing
without seams and without end is a session of co-drawing in which the model draws alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Generator, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Event, Frames, Planned, Progress
from videosketcher_app.core.requests import RolloutRequest
from videosketcher_app.services.codraw.causal_models import check_model
from videosketcher_app.services.codraw.looking import fitted
from videosketcher_app.services.generation import (
    Destination,
    check_model_can,
    events_of_drawing,
    versions,
)
from videosketcher_app.services.jobs import Job, JobQueue
from videosketcher_app.services.lora_requests import applied_to, choose, hashes_of, with_hashes
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.outputs import Drawing, ModelRecord, prepare, publish, run_record
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.request_planner import RequestPlanner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RolloutService:
    """From a rollout request to published files."""

    def __init__(
        self,
        *,
        queue: JobQueue,
        models: ModelShelf,
        planner: RequestPlanner,
        loras: LoraLibrary,
    ) -> None:
        self._queue, self._models, self._planner = queue, models, planner
        self._loras = loras

    def run(
        self,
        request: RolloutRequest,
        *,
        background_HW3: NDArray[np.uint8] | None = None,
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Iterator[Event]:
        """Yields events and ends with Done; closing the iterator cancels the job.

        Args:
            background_HW3: a picture that the drawing begins with, of any size.

        Raises:
            AppError: why it failed; Cancelled if somebody stopped it.
        """
        job = self.submit(
            request,
            background_HW3=background_HW3,
            destination=destination,
            role=role,
            session=session,
        )
        try:
            yield from events_of_drawing(job, stopped="The rollout was stopped.")
        finally:
            job.cancel()

    def submit(
        self,
        request: RolloutRequest,
        *,
        background_HW3: NDArray[np.uint8] | None = None,
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Job:
        """Queues a rollout and returns its job at once.

        Raises:
            Forbidden: the role may not generate.
            MissingModel: there is no causal model on this disk.
            QueueFull: too many jobs wait.
            CannotWrite: the destination cannot be written.
        """
        require(role, Capability.GENERATE)
        check_model(request.sketch.model)
        destination = destination or Destination()
        if destination.folder is not None:
            prepare(destination.folder)

        def body(cancel: CancelToken) -> Generator[Event, None, Drawing]:
            drawing = yield from self._drawn(request, background_HW3, role, cancel)
            yield Progress(step=0, num_steps=0, stage="saving")
            if destination.folder is None:
                return drawing
            how: dict[str, Any] = {"prefix": destination.prefix, "gif": destination.gif}
            return publish(drawing, destination.folder, **how)

        return self._queue.submit(
            body, name="A rollout", session=session, role=role, subject=request.sketch.prompt
        )

    def _drawn(
        self,
        request: RolloutRequest,
        background_HW3: NDArray[np.uint8] | None,
        role: Role,
        cancel: CancelToken,
    ) -> Generator[Event, None, Drawing]:
        from videosketcher_app.data.ink import composite

        begun, started = time.monotonic(), datetime.now(timezone.utc)
        loras = choose(self._loras, request.sketch.loras, role=role)
        sketch = with_hashes(request.sketch, loras)
        yield Progress(step=0, num_steps=0, stage="planning")
        planned = self._planner.plan(sketch, role=role)
        yield Planned(planned=planned)
        yield Progress(step=0, num_steps=0, stage="loading")
        model = self._models.get(sketch.model)
        check_model_can(sketch, model, takes_loras=True)
        hashed = request.model_copy(update={"sketch": sketch})
        with applied_to(model, loras):
            frames = yield from _sampled(model, hashed, planned, background_HW3, cancel)
        return Drawing(
            frames=composite(frames.frames_THW3),
            raw_frames=frames.frames_THW3,
            request=sketch,
            planned=planned,
            model=ModelRecord(name=model.name, hashes=dict(model.hashes)),
            loras=hashes_of(loras),
            settings={
                **frames.settings,
                "num_rollout": request.num_rollout,
                "num_overlap_frames": request.num_overlap_frames,
                "background": background_HW3 is not None,
            },
            run=run_record(
                started=started.isoformat(timespec="seconds"),
                timings={**frames.timings, "total": time.monotonic() - begun},
                device=str(model.device),
                extra={"versions": versions(), "machine": platform.machine()},
            ),
        )


def _sampled(
    model: Any,
    request: RolloutRequest,
    planned: PlannedDrawing,
    background_HW3: NDArray[np.uint8] | None,
    cancel: CancelToken,
) -> Generator[Event, None, Frames]:
    from videosketcher_app.engines.autoregressive import AutoregressiveEngine

    sketch, defaults = request.sketch, model.defaults
    if background_HW3 is not None:
        size = sketch.width or defaults.width, sketch.height or defaults.height
        background_HW3 = fitted(background_HW3, *size)
    frames: Frames | None = None
    events = AutoregressiveEngine(model).rollout(
        sketch,
        planned.model_plan,
        num_rollout=request.num_rollout,
        num_overlap_frames=request.num_overlap_frames,
        background_HW3=background_HW3,
        cancel=cancel,
    )
    for event in events:
        if isinstance(event, Frames):
            frames = event
        else:
            yield event
    assert frames is not None, "an engine ends with Frames"
    return frames
