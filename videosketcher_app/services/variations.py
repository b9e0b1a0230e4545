"""Variations: one request drawn with several seeds as one job, each judged by measured order.

Every variation is published and noted in the history like a sketch of its own, with the same
bytes. The plan is made once. What is finished when somebody stops the job stays.
"""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import LIMITS, Capability, Limits, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, InvalidRequest, QueueFull
from videosketcher_app.core.events import Done, Event
from videosketcher_app.core.requests import MAX_SEED, SketchRequest
from videosketcher_app.services.generation import Destination, GenerationService
from videosketcher_app.services.history_entry import JobEntry
from videosketcher_app.services.job import Job
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.outputs import Drawing, prepare
from videosketcher_app.services.planner import PlannedDrawing

if TYPE_CHECKING:
    from videosketcher_app.evaluation.detector import Detector
    from videosketcher_app.evaluation.video import VideoScore

logger = logging.getLogger(__name__)

DEFAULT_COUNT = 4
MAX_COUNT = 9
NUM_SEEDS = MAX_SEED + 1
FEWEST_COMPARED = 2  # the only one is not the best one


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The next variation is drawn from now on; the events that follow are its own."""

    index: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A variation is on the disk.

    Attributes:
        files: by kind, as `Drawing.files`.
        seconds: how long it took.
    """

    folder: Path
    files: dict[str, Path]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the evaluator measured of a variation.

    Attributes:
        num_parts: of the plan.
        num_seen: parts that are in the picture.
        order: share of pairs of seen parts that were drawn in the plan's order; None without a
            pair, and if the plan cannot be judged.
        extra_ink: share of ink that belongs to no part.
        unknown: parts that the evaluator does not know; with any of them nothing is compared.
        problem: why nothing could be measured at all; empty if it could.
    """

    num_parts: int = 0
    num_seen: int = 0
    order: float | None = None
    extra_ink: float | None = None
    unknown: tuple[str, ...] = field(default=())
    problem: str = ""

    @property
    def is_judged(self) -> bool:
        """True if the figures say something about the whole plan."""
        return not self.unknown and not self.problem

    @property
    def rank(self) -> tuple[float, int, float]:
        """The larger, the better: order, then parts seen, then little extra ink."""
        assert self.is_judged
        order = -1.0 if self.order is None else self.order
        return order, self.num_seen, -(self.extra_ink or 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class VariationEvent:
    """One event of one variation.

    Attributes:
        index: of the variation, from 0.
        event: Begun; what a sketch reports; Drawn once it is published; then its Verdict.
    """

    index: int
    event: Event | Begun | Drawn | Verdict


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """One variation that is still to be drawn, and its entry in the history."""

    request: SketchRequest
    entry: JobEntry | None


Body = Generator["Event | Begun | Drawn | Verdict", None, None]


class VariationService:
    """Draws variations on the compute worker.

    Args:
        queue: the compute worker.
        generation: draws each of them.
        limits_of: what a role may use.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        generation: GenerationService,
        limits_of: Callable[[Role], Limits] = LIMITS.__getitem__,
    ) -> None:
        self._queue = queue
        self._generation = generation
        self._limits_of = limits_of

    def submit(
        self,
        request: SketchRequest,
        *,
        folder: Path,
        count: int = DEFAULT_COUNT,
        planned: PlannedDrawing | None = None,
        role: Role = Role.OWNER,
        session: str = "",
    ) -> Job:
        """Queues variations as one job and returns it at once.

        Args:
            request: of the first one; the others have the next seeds.
            folder: where their folders go.
            count: 1 to MAX_COUNT.
            planned: a plan to draw instead of planning.

        Raises:
            InvalidRequest: the count is out of range.
            Forbidden: the role may not generate.
            QueueFull: too many jobs wait.
            CannotWrite: the folder cannot be written.
        """
        require(role, Capability.GENERATE)
        requests = variations_of(request, count)
        prepare(folder)
        destination = Destination(folder=folder)
        drafts = [
            _Draft(
                request=each,
                entry=self._generation.noted(each, planned, destination, role, session),
            )
            for each in requests
        ]

        def body(cancel: CancelToken) -> Body:
            return self._draw_all(drafts, planned, destination, role, cancel, session)

        try:
            job = self._queue.submit(
                body,
                name="Variations",
                session=session,
                role=role,
                max_waiting_of_session=self._limits_of(role).waiting_jobs,
                subject=requests[0].prompt,
            )
        except QueueFull:
            _withdraw(drafts)
            raise
        for draft in drafts:
            if draft.entry is not None:
                draft.entry.accept(job)
        return job

    def follow(self, job: Job) -> Iterator[VariationEvent]:
        """The events of such a job from its start; ends when all variations are judged.

        Raises:
            AppError: why it failed; Cancelled if somebody stopped it.
        """
        index = 0
        for event in self._generation.follow(job):
            if isinstance(event, Done):
                return
            if isinstance(event, Begun):
                index = event.index
            yield VariationEvent(index=index, event=event)

    def _draw_all(
        self,
        drafts: Sequence[_Draft],
        planned: PlannedDrawing | None,
        destination: Destination,
        role: Role,
        cancel: CancelToken,
        session: str,
    ) -> Body:
        """The job itself; runs on the compute worker and keeps no drawing in memory."""
        judge = _Judge()
        left = list(drafts)
        try:
            while left:
                draft = left.pop(0)
                yield Begun(index=len(drafts) - len(left) - 1, seed=draft.request.seed)
                work = self._generation.draw(
                    draft.request, planned, destination, role, cancel, session
                )
                drawing = yield from work if draft.entry is None else draft.entry.follow(work)
                planned = drawing.planned
                yield drawn_of(drawing)
                verdict = judge.verdict(drawing)
                del drawing, work
                yield verdict
        finally:
            if not cancel.cancelled:
                _withdraw(left)  # they would have failed like the one before


def drawn_of(drawing: Drawing) -> Drawn:
    """The news that a published drawing is on the disk."""
    assert drawing.folder is not None, "variations are published"
    seconds = float(drawing.run["seconds"]["total"])
    return Drawn(folder=drawing.folder, files=drawing.files, seconds=seconds)


def variations_of(request: SketchRequest, count: int) -> list[SketchRequest]:
    """The requests of all variations: the seeds from the request's own on.

    Raises:
        InvalidRequest: the count is out of range.
    """
    if type(count) is not int or not 1 <= count <= MAX_COUNT:
        raise InvalidRequest(
            f"There are 1 to {MAX_COUNT} variations at once. Received: {reprlib.repr(count)}",
            hint=f"Choose {DEFAULT_COUNT}.",
        )
    return [request.replaced(seed=(request.seed + i) % NUM_SEEDS) for i in range(count)]


def best_of(verdicts: Sequence[Verdict | None]) -> int | None:
    """The index of the best variation; None if there is nothing to compare.

    Args:
        verdicts: None for a variation that is not judged yet.
    """
    judged = [v for v in verdicts if v is not None]
    if len(judged) < FEWEST_COMPARED or not all(v.is_judged for v in judged):
        return None
    ranks = {i: v.rank for i, v in enumerate(verdicts) if v is not None and v.order is not None}
    return max(ranks, key=lambda i: (ranks[i], -i), default=None)


class _Judge:
    """The evaluator, read from the disk when the first drawing is there and gone with the job."""

    def __init__(self) -> None:
        self._detector: Detector | None = None

    def verdict(self, drawing: Drawing) -> Verdict:
        """Measures one drawing against the words that the model read."""
        from videosketcher_app.evaluation.detector import load_detector
        from videosketcher_app.evaluation.video import labels_of, score_video

        plan = drawing.planned.model_plan
        try:
            self._detector = self._detector or load_detector()
        except AppError as error:
            logger.warning("Variations are not judged: %s", error)
            return Verdict(num_parts=len(plan.parts), problem=error.message)
        labels = labels_of(plan, self._detector.vocabulary)
        shown = drawing.plan.parts if len(drawing.plan.parts) == len(labels) else plan.parts
        unknown = tuple(
            part.name for part, label in zip(shown, labels, strict=True) if label is None
        )
        if unknown:
            return Verdict(num_parts=len(labels), unknown=unknown)
        return _verdict_of(score_video(drawing.frames, plan, self._detector))


def _verdict_of(score: VideoScore) -> Verdict:
    return Verdict(
        num_parts=len(score.parts),
        num_seen=sum(part.present for part in score.parts),
        order=score.order,
        extra_ink=score.extra_ink,
    )


def _withdraw(drafts: Sequence[_Draft]) -> None:
    """These were never drawn and never will be: the history forgets them."""
    for draft in drafts:
        if draft.entry is not None:
            draft.entry.withdraw()
