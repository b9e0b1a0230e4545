"""ModelSide: one session's requests to the compute worker, a block at a time.

Every method returns at once with a job or waits for one; the stage itself is touched by the
worker alone. Jobs of co-drawing go before all others, and sessions take turns between blocks.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, OutOfMemory, QueueFull
from videosketcher_app.core.events import Progress
from videosketcher_app.engines.thrift import RUNGS, Thrift
from videosketcher_app.models.machine import free_unused, is_out_of_memory
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.jobs import Job, JobQueue, Priority

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode
    from videosketcher_app.services.codraw.stage import Stage

logger = logging.getLogger(__name__)
Work = Callable[["Stage"], Generator[Any, None, Any]]
MOST_WAITING = 6  # jobs of one session; more would be a fault of ours


@dataclass(frozen=True, eq=False)
class DrawnBlock:
    """A block of the model.

    Attributes:
        frames_THW3: as decoded.
        seen_HW3: how the decoder showed the picture before it.
        facts: what it was drawn with, in words, where the mode decides that.
    """

    frames_THW3: NDArray[np.uint8]
    seen_HW3: NDArray[np.uint8]
    facts: Mapping[str, str] = field(default_factory=dict)


class ModelSide:
    """The model of one session.

    What runs out of memory is done again on a new stage, which plays the drawing from what is kept
    of it: first as before, then more and more thriftily. What helped stays until nothing helps.
    Another mode of speed is another stage too: the whole past is then seen in that mode, so that a
    turn depends on its own mode alone.

    Args:
        make_stage: called on the worker when a stage of a mode is needed and there is none.
        say: notes what was given up, for people.
    """

    def __init__(
        self,
        queue: JobQueue,
        make_stage: Callable[[Thrift, Mode], Stage],
        *,
        session: str,
        role: Role,
        say: Callable[[str], None] = logger.warning,
    ) -> None:
        self._queue, self._make_stage, self._say = queue, make_stage, say
        self._rung = 0  # of RUNGS
        self._session, self._role = session, role
        self._stage: Stage | None = None
        self._stage_mode: Mode | None = None
        self._prefill: Job | None = None
        self._closed = False

    def open(self, *, mode: Mode) -> None:
        """Makes the stage of a mode now; waits.

        Raises:
            AppError: why there is none.
        """

        def body(_cancel: CancelToken) -> Generator[Progress, None, None]:
            yield Progress(step=0, num_steps=0, stage="loading")
            self._ready(mode)

        self._submit(body, "Opening a co-drawing").result()

    def draw(self, path: Sequence[Block], block: Block, *, seed: int, mode: Mode) -> Job:
        """Draws a block behind a path; the job's result is a DrawnBlock."""

        def body(cancel: CancelToken) -> Generator[Progress, None, DrawnBlock]:
            def work(stage: Stage) -> Generator[Progress, None, DrawnBlock]:
                stage.goto(path, block.words, cancel)
                seen_HW3, steps = stage.seen(), stage.draw(block, seed=seed, cancel=cancel)
                frames_THW3 = yield from _told(steps, stage.num_steps)
                return DrawnBlock(frames_THW3, seen_HW3, stage.facts)

            return (yield from self._thriftily(work, mode))

        return self._submit(body, "A turn of the model")

    def peek(
        self,
        path: Sequence[Block],
        shown: Sequence[Block],
        words: str,
        *,
        num_blocks: int,
        seed: int,
        mode: Mode,
    ) -> DrawnBlock:
        """What the model would draw behind a path and some more shown blocks; waits."""

        def body(cancel: CancelToken) -> Generator[Progress, None, DrawnBlock]:
            def work(stage: Stage) -> Generator[Progress, None, DrawnBlock]:
                stage.goto(path, words, cancel)
                steps = stage.peek(shown, num_blocks, seed=seed, cancel=cancel)
                frames_THW3, seen_HW3 = yield from _told(steps, stage.num_steps * num_blocks)
                return DrawnBlock(frames_THW3, seen_HW3)

            return (yield from self._thriftily(work, mode))

        return self._submit(body, "A look ahead").result()

    def prefill(self, path: Sequence[Block], words: str, *, mode: Mode) -> None:
        """Shows the model a path while the pen is down; at once, and only the latest counts."""
        if self._prefill is not None:
            self._prefill.cancel()

        def body(cancel: CancelToken) -> Generator[Progress, None, None]:
            def work(stage: Stage) -> Generator[Progress, None, None]:
                yield Progress(step=0, num_steps=0)
                stage.goto(path, words, cancel)
                stage.settle()

            yield from self._thriftily(work, mode)

        self._prefill = self._submit(body, "Reading strokes")

    def idle(self) -> bool:
        """Waits until nothing of this session is queued or runs; for tests and for closing."""
        return self._submit(_nothing, "Waiting").wait() is not None

    def close(self, then: Callable[[], None]) -> None:
        """Gives the model's memory back when the worker has let go of it, and calls `then`."""

        def body(_cancel: CancelToken) -> Iterator[Any]:
            self._let_go()
            return iter(())

        self._closed = True
        if self._prefill is not None:
            self._prefill.cancel()
        try:
            job = self._submit(body, "Closing a drawing")
        except QueueFull:  # the app is closing, and its worker has ended
            self._let_go()
            then()
        else:
            job.when_ended(lambda _job: then())

    def _let_go(self) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.close()

    def _ready(self, mode: Mode) -> Stage:
        if self._closed:
            raise Cancelled("This drawing was closed.")
        if self._stage_mode != mode:
            self._let_go()
        if self._stage is None:
            self._stage, self._stage_mode = self._make_stage(RUNGS[self._rung], mode), mode
        return self._stage

    def _thriftily(self, work: Work, mode: Mode) -> Generator[Any, None, Any]:
        """Does the work, and again with less when memory runs out; on the worker.

        Raises:
            OutOfMemory: nothing is left to give up; the next work begins with everything again.
        """
        was_freed = False
        while True:
            try:
                return (yield from work(self._ready(mode)))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                traceback.clear_frames(error.__traceback__)  # they hold what filled the memory
            self._let_go()
            free_unused()
            if was_freed:
                self._give_up()
            was_freed = True

    def _give_up(self) -> None:
        """One rung down.

        Raises:
            OutOfMemory: this was the last one.
        """
        if self._rung + 1 == len(RUNGS):
            self._rung = 0
            raise OutOfMemory(
                "There is not enough memory to go on with this drawing.",
                hint="It is kept. Close other programs or drawings, then press Continue again.",
            )
        self._rung += 1
        self._say(f"Drawing together: memory ran out. {RUNGS[self._rung].said}")

    def _submit(self, body: Callable[[CancelToken], Iterator[Any]], name: str) -> Job:
        return self._queue.submit(
            body,
            name=name,
            priority=Priority.CO_DRAWING,
            session=self._session,
            role=self._role,
            max_waiting_of_session=MOST_WAITING,
        )

    def position(self, job: Job) -> int:
        """How many jobs go before this one."""
        return self._queue.position(job)


def _told(steps: Generator[Any, None, Any], num_steps: int) -> Generator[Progress, None, Any]:
    """The steps as progress; returns what they return."""
    step = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        step += 1
        yield Progress(step=step, num_steps=num_steps)


def _nothing(_cancel: CancelToken) -> Iterator[Any]:
    return iter(())
