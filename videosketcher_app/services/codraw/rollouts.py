"""Rollouts: several clips in a row from one plan, each begun with the end of the one before.

The reference's way to draw longer than a clip: n clips give n x 81 - (n - 1) x 9 frames. A drawing
without seams and without end is a session of co-drawing in which the model draws alone.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Event, Frames, Planned, Progress
from videosketcher_app.core.geometry import frames_of
from videosketcher_app.core.requests import RolloutRequest, SketchRequest
from videosketcher_app.engines.thrift import RUNGS, Thrift
from videosketcher_app.services.codraw.causal_models import check_model
from videosketcher_app.services.codraw.looking import fitted
from videosketcher_app.services.codraw.stage import window_of
from videosketcher_app.services.codraw.switches import PromptSwitch, check_switches
from videosketcher_app.services.codraw.video import read_video, require_video
from videosketcher_app.services.generation import (
    Destination,
    check_model_can,
    events_of_drawing,
    versions,
)
from videosketcher_app.services.jobs import Job, JobQueue
from videosketcher_app.services.lora_requests import applied_to, choose, hashes_of, with_hashes
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.model_manager.ladder import Ladder
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.outputs import Drawing, ModelRecord, prepare, publish, run_record
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.request_planner import RequestPlanner

if TYPE_CHECKING:
    from videosketcher_app.engines.course import Course
    from videosketcher_app.services.codraw.reel import Picture


class RolloutService:
    """From a rollout request to published files."""

    def __init__(
        self,
        *,
        queue: JobQueue,
        models: ModelShelf,
        planner: RequestPlanner,
        loras: LoraLibrary,
        ladder: Ladder,
    ) -> None:
        self._queue, self._models, self._planner = queue, models, planner
        self._loras, self._ladder = loras, ladder

    def run(
        self,
        request: RolloutRequest,
        *,
        background_HW3: Picture | None = None,
        switches: Sequence[PromptSwitch] = (),
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Iterator[Event]:
        """Yields events and ends with Done; closing the iterator cancels the job.

        Args:
            background_HW3: a picture that the drawing begins with, of any size.
            switches: other words on the way, by frame of the whole run.

        Raises:
            AppError: why it failed; Cancelled if somebody stopped it.
        """
        job = self.submit(
            request,
            background_HW3=background_HW3,
            switches=switches,
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
        background_HW3: Picture | None = None,
        switches: Sequence[PromptSwitch] = (),
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Job:
        """Queues a rollout and returns its job at once.

        Raises:
            Forbidden: the role may not generate.
            MissingModel: there is no causal model on this disk.
            InvalidRequest: a switch is behind the end.
            InvalidFile: there is no such video.
            QueueFull: too many jobs wait.
            CannotWrite: the destination cannot be written.
        """
        require(role, Capability.GENERATE)
        check_model(request.sketch.model)
        check_switches(switches, _num_frames(request))
        if request.sketch.input_video is not None:
            require_video(Path(request.sketch.input_video))
        destination = destination or Destination()
        if destination.folder is not None:
            prepare(destination.folder)
        run = _Rollout(request, background_HW3, tuple(switches), role)

        def body(cancel: CancelToken) -> Generator[Event, None, Drawing]:
            drawing = yield from self._drawn(run, cancel)
            yield Progress(step=0, num_steps=0, stage="saving")
            if destination.folder is None:
                return drawing
            how: dict[str, Any] = {"prefix": destination.prefix, "gif": destination.gif}
            return publish(drawing, destination.folder, **how)

        return self._queue.submit(body, name="A rollout", session=session, role=role)

    def _drawn(self, run: _Rollout, cancel: CancelToken) -> Generator[Event, None, Drawing]:
        from videosketcher_app.data.ink import composite

        begun, started = time.monotonic(), datetime.now(timezone.utc)
        request = run.request
        loras = choose(self._loras, request.sketch.loras, role=run.role)
        sketch = with_hashes(request.sketch, loras)
        yield Progress(step=0, num_steps=0, stage="planning")
        planned = self._planner.plan(sketch, role=run.role)
        words = [(at.frame, self._words(sketch, at.words, run.role)) for at in run.switches]
        yield Planned(planned=planned)
        rungs = iter(RUNGS)
        thrift = next(rungs)

        def save() -> str | None:
            nonlocal thrift
            lower = next(rungs, None)
            thrift = lower or thrift
            return None if lower is None else lower.said

        def attempt() -> Generator[Event, None, tuple[Any, Frames]]:
            yield Progress(step=0, num_steps=0, stage="loading")
            model = self._models.get(sketch.model)
            alone = sketch.replaced(input_video=None, strength=None)  # clips are taken by block
            check_model_can(alone, model, takes_loras=True, takes_modes=True)
            with applied_to(model, loras):
                frames = yield from _sampled(model, run, planned, words, thrift, cancel)
            return model, frames

        climbing = self._ladder.climb(sketch.model, attempt, asked=sketch, save=save)
        (model, frames), given_up = yield from climbing
        return Drawing(
            frames=composite(frames.frames_THW3),
            raw_frames=frames.frames_THW3,
            request=sketch,
            planned=planned,
            model=ModelRecord(name=model.name, hashes=dict(model.hashes)),
            loras=hashes_of(loras),
            settings={**frames.settings, **run.settings()},
            run=run_record(
                started=started.isoformat(timespec="seconds"),
                timings={**frames.timings, "total": time.monotonic() - begun},
                device=str(model.device),
                extra={
                    "versions": versions(),
                    "machine": platform.machine(),
                    **self._ladder.record(sketch.model, given_up),
                },
            ),
        )

    def _words(self, sketch: SketchRequest, prompt: str, role: Role) -> str:
        """What the text encoder reads of other words, planned as the first ones were."""
        other = sketch.replaced(prompt=prompt)
        return other.model_text(self._planner.plan(other, role=role).model_plan)


@dataclass(frozen=True, eq=False)
class _Rollout:
    """What a run was asked for."""

    request: RolloutRequest
    background_HW3: Picture | None
    switches: tuple[PromptSwitch, ...]
    role: Role

    def settings(self) -> dict[str, Any]:
        """For the drawing's config, beside what the engine settled."""
        settings: dict[str, Any] = {
            "num_rollout": self.request.num_rollout,
            "num_overlap_frames": self.request.num_overlap_frames,
            "background": self.background_HW3 is not None,
        }
        if self.switches:
            settings["switches"] = [[at.frame, at.words] for at in self.switches]
        return settings


def _sampled(
    model: Any,
    run: _Rollout,
    planned: PlannedDrawing,
    words: Sequence[tuple[int, str]],
    thrift: Thrift,
    cancel: CancelToken,
) -> Generator[Event, None, Frames]:
    from videosketcher_app.engines.autoregressive import AutoregressiveEngine

    sketch, background_HW3 = run.request.sketch, run.background_HW3
    size = (sketch.width or model.defaults.width, sketch.height or model.defaults.height)
    if background_HW3 is not None:
        background_HW3 = fitted(background_HW3, *size)
    engine = AutoregressiveEngine(
        model, window_of(thrift, history_blocks=0), decode_frames=thrift.decode_frames
    )
    frames: Frames | None = None
    events = engine.rollout(
        sketch,
        planned.model_plan,
        num_rollout=run.request.num_rollout,
        num_overlap_frames=run.request.num_overlap_frames,
        background_HW3=background_HW3,
        course=_course(run, words, size),
        cancel=cancel,
    )
    for event in events:
        if isinstance(event, Frames):
            frames = event
        else:
            yield event
    assert frames is not None, "an engine ends with Frames"
    return frames


def _course(run: _Rollout, words: Sequence[tuple[int, str]], size: tuple[int, int]) -> Course:
    """What the engine follows on the way.

    Raises:
        InvalidRequest: a guest names a video.
        InvalidFile: the video cannot be read.
    """
    from videosketcher_app.engines.course import Course

    sketch = run.request.sketch
    if sketch.input_video is None:
        return Course(switches=tuple(words))
    if run.role is not Role.OWNER:
        raise InvalidRequest(
            "Clips to draw over are the owner's.", hint="Draw without an input video."
        )
    video = read_video(
        Path(sketch.input_video),
        width=size[0],
        height=size[1],
        num_frames=_num_frames(run.request),
        strength=sketch.strength,
    )
    return Course(switches=tuple(words), video_THW3=video.frames_THW3, strength=video.strength)


def _num_frames(request: RolloutRequest) -> int:
    """Frames of the whole run."""
    overlap = frames_of(request.num_overlap_frames)
    return request.num_rollout * request.sketch.num_frames - (request.num_rollout - 1) * overlap
