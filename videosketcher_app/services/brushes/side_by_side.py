"""Side by side: one plan and seed with several brushes, as one job.

Where a model draws in black and the brush engine paints, the model draws once: every other brush
paints the same strokes, which gives the same files as a drawing of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

from videosketcher_app.core.access import LIMITS, Capability, Limits, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, QueueFull
from videosketcher_app.core.events import Event, Planned, Progress
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.brush_drawing import ReadPicture
from videosketcher_app.services.generation import Destination, GenerationService
from videosketcher_app.services.history_entry import JobEntry
from videosketcher_app.services.job import Job
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.outputs import Drawing, prepare, publish
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.variations import Begun, Drawn, drawn_of

MIN_COUNT, MAX_COUNT = 2, 6
_BY_REINK = "reink"
Draft = tuple[SketchRequest, JobEntry | None]
Body = Generator["Event | Begun | Drawn", None, None]


class SideBySide:
    """Draws one request with several brushes on the compute worker.

    Args:
        queue: the compute worker.
        generation: draws.
        read_picture: pixels of a brush's image, for those who may see it.
        limits_of: what a role may use.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        generation: GenerationService,
        read_picture: ReadPicture,
        limits_of: Callable[[Role], Limits] = LIMITS.__getitem__,
    ) -> None:
        self._queue = queue
        self._generation = generation
        self._read_picture = read_picture
        self._limits_of = limits_of

    def submit(
        self,
        requests: Sequence[SketchRequest],
        *,
        folder: Path,
        planned: PlannedDrawing | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Job:
        """Queues the drawings as one job; `VariationService.follow` gives its events.

        Args:
            requests: equal but for their brushes.
            folder: where their folders go.
            planned: a plan to draw instead of planning.

        Raises:
            InvalidRequest: there are too few brushes, or too many.
            Forbidden: the role may not generate.
            QueueFull: too many jobs wait.
            CannotWrite: the folder cannot be written.
        """
        require(role, Capability.GENERATE)
        if not MIN_COUNT <= len(requests) <= MAX_COUNT:
            raise InvalidRequest(
                f"{MIN_COUNT} to {MAX_COUNT} brushes go side by side. Received: {len(requests)}",
                hint="Pick some on the shelf.",
            )
        prepare(folder)
        place = Destination(folder=folder)
        drafts: list[Draft] = [
            (request, self._generation.noted(request, planned, place, role, session))
            for request in requests
        ]
        entries = [entry for _, entry in drafts if entry is not None]
        try:
            job = self._queue.submit(
                lambda cancel: self._draw_all(drafts, planned, place, role, session, cancel),
                name="Brushes side by side",
                session=session,
                role=role,
                max_waiting_of_session=self._limits_of(role).waiting_jobs,
                subject=requests[0].prompt,
            )
        except QueueFull:
            for entry in entries:
                entry.withdraw()
            raise
        for entry in entries:
            entry.accept(job)
        return job

    def _draw_all(
        self,
        drafts: Sequence[Draft],
        planned: PlannedDrawing | None,
        place: Destination,
        role: Role,
        session: str,
        cancel: CancelToken,
    ) -> Body:
        """The job itself; keeps the first drawing while its strokes are painted again."""
        left = list(drafts)
        first: Drawing | None = None
        try:
            while left:
                request, entry = left.pop(0)
                yield Begun(index=len(drafts) - len(left) - 1, seed=request.seed)
                if first is None:
                    work = self._generation.draw(request, planned, place, role, cancel, session)
                else:
                    work = self._painted(first, request, place, role, session, cancel)
                drawing = yield from work if entry is None else entry.follow(work)
                planned = drawing.planned
                if drawing.settings.get("painted") == _BY_REINK:
                    first = first or drawing
                yield drawn_of(drawing)
        finally:
            if not cancel.cancelled:  # the rest would have failed like the one before
                for _, entry in left:
                    if entry is not None:
                        entry.withdraw()

    def _painted(
        self,
        first: Drawing,
        request: SketchRequest,
        place: Destination,
        role: Role,
        session: str,
        cancel: CancelToken,
    ) -> Generator[Event, None, Drawing]:
        """The strokes of a drawing in another brush."""
        from videosketcher_app.engines.brush_frames import painted_clip, with_pen_of
        from videosketcher_app.engines.brush_source import understand

        assert request.brush is not None
        assert place.folder is not None
        begun = time.monotonic()
        yield Planned(planned=first.planned)
        yield Progress(step=0, num_steps=0, stage="decoding")
        cancel.raise_if_cancelled()
        spec = request.brush
        picture = self._read_picture(spec, role, session) if spec.image else None
        height, width = first.frames.shape[1:3]
        source = understand(spec, (width, height), picture=picture)
        strokes = first.strokes
        frames = painted_clip(strokes, source, seed=request.seed, show_box=spec.show_box)
        yield Progress(step=0, num_steps=0, stage="saving")
        cancel.raise_if_cancelled()
        seconds = {"reink": round(time.monotonic() - begun, 4)}
        drawing = replace(
            first,
            frames=frames,
            raw_frames=frames,
            request=request,
            settings={**first.settings, "brush": source.facts()},
            run={**first.run, "seconds": {**seconds, "total": seconds["reink"]}},
            folder=None,
        )
        drawing.__dict__["strokes"] = with_pen_of(source.brush, strokes)
        return publish(drawing, place.folder)
