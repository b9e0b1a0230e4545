"""Text sketches from request to published files: plan, queue, engine, composite, publish."""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from videosketcher_app.core.access import LIMITS, Capability, Limits, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidRequest, QueueFull
from videosketcher_app.core.events import Done, Event, Planned, Progress, Waiting
from videosketcher_app.core.requests import SketchRequest, check_canvas
from videosketcher_app.services.brush_drawing import ReadPicture, model_name_of, read_own_picture
from videosketcher_app.services.history import HistoryService
from videosketcher_app.services.history_entry import JobEntry
from videosketcher_app.services.history_journal import Place
from videosketcher_app.services.jobs import (
    Job,
    JobCancelled,
    JobDone,
    JobFailed,
    JobQueue,
    Priority,
)
from videosketcher_app.services.lora_requests import hashes_of
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.model_manager.ladder import Ladder
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.outputs import (
    Drawing,
    ModelRecord,
    prepare,
    publish,
    run_record,
    stopped_of,
)
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.request_planner import RequestPlanner
from videosketcher_app.services.sampling import Sampler, StageClock
from videosketcher_app.services.unfinished import Unfinished

JobBody = Generator[Event, None, Drawing]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a run's files go.

    Attributes:
        folder: of all runs; None publishes nothing.
        prefix: in front of the run's name ("3_" for the third prompt of a batch).
        gif: writes a GIF too.
    """

    folder: Path | None = None
    prefix: str = ""
    gif: bool = False


class GenerationService:
    """The only way from a text request to a drawing; UI, CLI and API all call it.

    Args:
        queue: the compute worker.
        shelf: models in memory.
        ladder: repeats with less what ran out of memory.
        planner: turns a request into a plan.
        loras: finds the LoRAs that a request names.
        history: notes the owner's jobs and drawings; None notes nothing.
        unfinished: keeps frames until their files are written; None keeps nothing.
        limits_of: what a role may use.
        read_picture: gives the pixels of a brush's image to those who may see it.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        shelf: ModelShelf,
        planner: RequestPlanner,
        loras: LoraLibrary,
        ladder: Ladder,
        history: HistoryService | None = None,
        unfinished: Unfinished | None = None,
        limits_of: Callable[[Role], Limits] = LIMITS.__getitem__,
        read_picture: ReadPicture = read_own_picture,
    ) -> None:
        self._queue = queue
        self._history = history
        self._unfinished = unfinished
        self._limits_of = limits_of
        self._shelf = shelf
        self._ladder = ladder
        self._planner = planner
        self._sampler = Sampler(
            shelf=shelf,
            loras=loras,
            read_picture=read_picture,
            check=partial(check_model_can, takes_loras=True, takes_modes=True, takes_clips=True),
        )

    def run(
        self,
        request: SketchRequest,
        *,
        planned: PlannedDrawing | None = None,
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Iterator[Event]:
        """Yields events and ends with Done; closing the iterator cancels the job.

        Args:
            planned: a plan to draw instead of planning (a replay).

        Raises:
            AppError: why it failed; Cancelled if somebody stopped it.
        """
        job = self.submit(
            request, planned=planned, destination=destination, role=role, session=session
        )
        try:
            yield from self.follow(job)
        finally:
            job.cancel()

    def submit(
        self,
        request: SketchRequest,
        *,
        planned: PlannedDrawing | None = None,
        destination: Destination | None = None,
        role: Role = Role.OWNER,
        session: str = "",
        priority: Priority = Priority.JOB,
    ) -> Job:
        """Queues a request and returns its job at once.

        Args:
            priority: who goes first; a batch lets everybody else go before it.

        Raises:
            Forbidden: the role may not generate.
            QueueFull: too many jobs wait.
            CannotWrite: the destination cannot be written.
        """
        require(role, Capability.GENERATE)
        destination = destination or Destination()
        if destination.folder is not None:
            prepare(destination.folder)
        entry = self.noted(request, planned, destination, role, session)

        def body(cancel: CancelToken) -> JobBody:
            work = self.draw(request, planned, destination, role, cancel, session)
            return work if entry is None else entry.follow(work)

        try:
            job = self._queue.submit(
                body,
                name="A sketch",
                priority=priority,
                session=session,
                role=role,
                max_waiting_of_session=self._limits_of(role).waiting_jobs,
                subject=request.prompt,
            )
        except QueueFull:
            if entry is not None:
                entry.withdraw()
            raise
        if entry is not None:
            entry.accept(job)
        return job

    def rerun(self, job_id: str, *, session: str = "") -> Job:
        """Queues an interrupted job of the history again, with the plan that it had.

        Raises:
            InvalidRequest: the history has no such job.
            QueueFull: too many jobs wait.
            CannotWrite: the destination cannot be written.
        """
        assert self._history is not None, "without a history there is nothing to run again"
        again = self._history.rerun(job_id)
        place = again.place
        job = self.submit(
            again.request,
            planned=again.planned,
            destination=Destination(folder=place.folder, prefix=place.prefix, gif=place.gif),
            session=session,
        )
        self._history.dismiss(job_id)
        return job

    def follow(self, job: Job) -> Iterator[Event]:
        """The events of a job from its start, ending with Done.

        Raises:
            AppError: why it failed; Cancelled if somebody stopped it.
        """
        position = self._queue.position(job)
        if position:
            yield Waiting(position=position)
        yield from events_of_drawing(job, stopped="The sketch was stopped.")

    def preload(self, model: str) -> Job:
        """Loads a model on the compute worker, ahead of the first request."""

        def body(_cancel: CancelToken) -> Generator[Event, None, None]:
            yield Progress(step=0, num_steps=0, stage="loading")
            self._shelf.get(model)

        return self._queue.submit(body, name=f"Loading {model}", priority=Priority.PREVIEW)

    def noted(
        self,
        request: SketchRequest,
        planned: PlannedDrawing | None,
        destination: Destination,
        role: Role,
        session: str,
    ) -> JobEntry | None:
        """The job's entry in the owner's history, if it belongs there."""
        if self._history is None or destination.folder is None or role is not Role.OWNER:
            return None
        place = Place(folder=destination.folder, prefix=destination.prefix, gif=destination.gif)
        return JobEntry(
            self._history.journal, request, planned=planned, place=place, session=session
        )

    def draw(
        self,
        request: SketchRequest,
        planned: PlannedDrawing | None,
        destination: Destination,
        role: Role,
        cancel: CancelToken,
        session: str = "",
    ) -> JobBody:
        """The job itself, for the compute worker: events, and the published drawing at the end."""
        clock = StageClock()
        yield Progress(step=0, num_steps=0, stage="planning")
        planned = planned or self._planner.plan(request, role=role)
        clock.lap("plan")
        yield Planned(planned=planned)
        name = model_name_of(request)
        attempt = partial(
            self._sampler.sample,
            name,
            request,
            planned,
            role=role,
            session=session,
            cancel=cancel,
            clock=clock,
        )
        sampled, given_up = yield from self._ladder.climb(name, attempt, asked=request)
        model, engine, frames = sampled.model, sampled.engine, sampled.frames
        request, planned = sampled.request, sampled.planned
        finished = engine.finished(frames.frames_THW3, request, planned.plan)
        clock.lap("composite")
        yield Progress(step=0, num_steps=0, stage="saving")
        drawing = Drawing(
            frames=finished.frames_THW3,
            raw_frames=frames.frames_THW3,
            request=request,
            planned=planned,
            model=ModelRecord(name=model.name, hashes=dict(model.hashes)),
            settings=dict(frames.settings),
            loras=hashes_of(sampled.loras),
            run=run_record(
                started=clock.started,
                timings={**clock.seconds, **frames.timings, "total": clock.total},
                device=str(model.device),
                extra={
                    "versions": versions(),
                    "machine": platform.machine(),
                    **_stopped_record(frames.settings),
                    **self._ladder.record(name, given_up),
                },
            ),
        )
        if finished.sketch is not None:
            drawing.__dict__["strokes"] = finished.sketch  # known already
        return self._published(drawing, destination)

    def _published(self, drawing: Drawing, destination: Destination) -> Drawing:
        if destination.folder is None:
            return drawing
        how = {"prefix": destination.prefix, "gif": destination.gif}
        if self._unfinished is None:
            return publish(drawing, destination.folder, **how)
        return self._unfinished.publish(drawing, destination.folder, **how)


def events_of_drawing(job: Job, *, stopped: str) -> Iterator[Event]:
    """The events of a job that ends in a drawing, with Done as the last one.

    Args:
        stopped: the sentence for a job that somebody cancelled.

    Raises:
        AppError: why it failed; Cancelled if somebody stopped it.
    """
    for event in job.events():
        match event:
            case JobDone(result=drawing):
                yield Done(drawing=drawing)
            case JobFailed(error=error):
                raise error
            case JobCancelled():
                raise Cancelled(stopped)
            case _:
                yield event


def check_model_can(
    request: SketchRequest,
    model: Any,
    *,
    takes_loras: bool = False,
    takes_modes: bool = False,
    takes_clips: bool = False,
) -> None:
    """Refuses what this model has no way to do, instead of leaving it out in silence.

    Args:
        takes_loras: the caller applies the request's LoRAs.
        takes_modes: the caller draws in the request's mode of speed, where the model can.
        takes_clips: the caller draws whole clips at once, over the request's input video if it
            has one; otherwise it draws block by block.

    Raises:
        InvalidRequest: names the field and what to do.
    """
    check_canvas(request, multiple_px=model.defaults.multiple_px, model=model.name)
    if model.image_conditioned and request.brush is None:
        raise InvalidRequest(
            f"{model.name} draws with a brush.",
            hint="Give a brush, or draw with the model that it is made of.",
        )
    guided = (request.cfg_scale or model.defaults.cfg_scale) != 1
    has_modes = takes_modes and hasattr(model, "paper_latents")
    is_studio = hasattr(model, "settled")
    has_clip = request.input_video is not None
    impossible = [
        (bool(request.loras) and not takes_loras, "takes no LoRA here", "Leave --lora out."),
        (
            request.mode != "exact" and not has_modes,
            f"has no mode {request.mode!r}",
            'Use the mode "exact".',
        ),
        (
            request.attention not in ("torch", "auto") and not is_studio,
            f"does not attend with {request.attention!r}",
            "Leave --attention out.",
        ),
        (
            request.rounding != "none" and not is_studio,
            "has no published rounding",
            "Leave --rounding out.",
        ),
        (has_clip and not takes_clips, "draws over no clip here", "Leave --input-video out."),
        (
            takes_clips and hasattr(model, "causal"),
            "draws block by block, not whole clips",
            "Draw with it by `rollout`, or in the Co-draw tab.",
        ),
        (
            request.num_frames == 1 and not is_studio,
            "draws clips, not single pictures",
            "Ask for 5 frames or more.",
        ),
        (
            bool(request.negative_prompt) and not (guided and hasattr(model, "negative_prompt")),
            "was trained without a negative prompt" if guided else "draws without guidance",
            "Leave the negative prompt out.",
        ),
    ]
    for is_asked, why, hint in impossible:
        if is_asked:
            raise InvalidRequest(f"{model.name} {why}.", hint=hint)


def _stopped_record(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the run record says of a sketch that somebody stopped and kept."""
    stopped = stopped_of(settings)
    return {} if stopped is None else {"stopped": asdict(stopped)}


def versions() -> dict[str, str]:
    """Versions of what decides the result."""
    from importlib.metadata import version

    names = ("torch", "diffsynth", "numpy", "av")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
