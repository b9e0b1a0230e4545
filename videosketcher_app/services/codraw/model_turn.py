"""ModelTurn: one turn of the model, from the first block to the turn that is kept.

Whoever iterates sets the pace: the next block is ordered when the one before is handed out, so at
most two blocks are ever ahead of the reader, and a slow reader holds neither the worker nor memory.

Legend: T frames, H/W canvas pixels.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.events import (
    Box,
    Ending,
    Event,
    FrameDrawn,
    StrokesTraced,
    TurnBegan,
    TurnEnded,
    TurnFailed,
    Waiting,
)
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.model_side import DrawnBlock, ModelSide
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.reel import Picture, Reel
from videosketcher_app.services.codraw.tracer import Tracer
from videosketcher_app.services.codraw.turns import Turn
from videosketcher_app.services.jobs import Job

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode

BLOCK_FRAMES, FIRST_BLOCK_FRAMES = 12, 9
WAITING_POLL_S = 0.5  # how often the place in the queue is looked at
NEW_INK_SHARE = 2e-4  # of the canvas; a block that adds less has added nothing
IDLE_BLOCKS = 2
LOCKED_SHARE = 0.02  # of a block's ink in locked paper, from which the model is told


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignment:
    """What a turn goes on from, and how far it may go.

    Attributes:
        before: the path to it.
        seed: of the noise.
        mode: of speed.
        num_frames: at most; whole blocks.
        free_HW: paper that takes ink; None is all of it.
        pen: for traced strokes; None leaves their own.
        stop: looks at the picture after a block and names the ending, or None to go on.
        new_block: a block with a key of its own; without `words` it has those of that moment.
    """

    number: int
    parent: int | None
    before: tuple[Block, ...]
    paper: Paper
    first_frame: int
    seed: int
    mode: Mode
    num_frames: int
    told_frames: int | None
    fps: float
    free_HW: NDArray[np.bool_] | None
    pen: Pen | None
    stop: Callable[[Picture, int], Ending | None]
    new_block: Callable[..., Block]


@dataclass
class _Shown:
    """How far the reader is; `most` frames are kept, None as many as were handed out."""

    handed_out: int = 0
    most: int | None = None
    stopped: threading.Event = field(default_factory=threading.Event)


class ModelTurn:
    """One turn; iterate `run` once.

    Args:
        keep: gets the finished turn, or None if nothing of it was shown, and the blocks that are
            not in it; called exactly once.
    """

    def __init__(
        self,
        side: ModelSide,
        task: Assignment,
        keep: Callable[[Turn | None, Sequence[Block]], None],
    ) -> None:
        self._side, self._task, self._keep = side, task, keep
        self._reel = Reel(task.paper.picture_HW3)
        self._paper = task.paper.copy()
        self._tracer = Tracer(self._reel, task.pen)
        self._blocks: list[Block] = []
        self._ordered: list[Block] = []
        self._seen_HW3: Picture | None = None
        self._shown = _Shown()
        self._job: Job | None = None
        self._next: Block | None = None
        self._wanted = ""  # words that replaced those of blocks which nobody has seen yet
        self._idle = 0
        self._facts: Mapping[str, str] = {}

    def cancel(self, shown_frame: int | None) -> None:
        """Stops at the frame that is on the screen; from any thread."""
        if shown_frame is not None:
            self._shown.most = max(0, shown_frame + 1)
        self._shown.stopped.set()
        if self._job is not None:
            self._job.cancel()

    def reword(self, words: str) -> None:
        """What is not shown yet is drawn under these words; from any thread."""
        self._wanted = words
        if self._job is not None and self._is_outdated():
            self._job.cancel()

    def run(self) -> Iterator[Event]:
        """The events of the turn; ends the turn however it is left."""
        task, begun = self._task, time.monotonic()
        ending: Ending = "stopped"
        failure: AppError | None = None
        turn: Turn | None = None
        try:
            yield TurnBegan(
                turn=task.number,
                parent=task.parent,
                seed=task.seed,
                first_frame=task.first_frame,
                num_frames=task.told_frames,
                fps=task.fps,
            )
            ending = yield from self._draw()
        except Cancelled:
            pass
        except AppError as error:
            failure = error
        finally:
            told = len(self._tracer.strokes)
            if self._job is not None:
                self._job.cancel()
            turn = self._finished()
            self._keep(turn, self._unused(turn))
        kept = turn.num_frames if turn is not None else 0
        last = tuple(self._tracer.strokes[told:])
        if last:
            yield StrokesTraced(turn=task.number, strokes=last, first=told)
        if failure is not None:
            yield TurnFailed(turn=task.number, error=failure, num_frames=kept)
            return
        yield TurnEnded(
            turn=task.number,
            num_frames=kept,
            ending=ending,
            seconds=time.monotonic() - begun,
            blocks=len(self._blocks),
        )

    def _draw(self) -> Generator[Event, None, Ending]:
        self._order()
        while True:
            drawn = yield from self._arrived()
            frames = self._composited(drawn)
            ending = self._ending(frames)
            if ending is None:
                self._order()
            for index, (frame_HW3, box, raw_HW3) in frames:
                if self._shown.stopped.is_set():
                    return "stopped"
                self._shown.handed_out = index + 1
                yield FrameDrawn(
                    turn=self._task.number,
                    index=index,
                    frame_HW3=frame_HW3,
                    changed=box,
                    raw_HW3=raw_HW3,
                )
            first = len(self._tracer.strokes)
            strokes = self._tracer.advance()
            if strokes:
                yield StrokesTraced(turn=self._task.number, strokes=strokes, first=first)
            if ending is not None:
                return "stopped" if self._shown.stopped.is_set() else ending

    def _order(self) -> None:
        """Asks the worker for the next block."""
        if self._shown.stopped.is_set():
            return
        start = len(self._reel)
        block = self._task.new_block(start=start, stop=start + self._block_frames(start))
        path = [*self._task.before, *self._blocks]
        self._next = block
        self._job = self._side.draw(path, block, seed=self._task.seed, mode=self._task.mode)
        self._ordered.append(block)
        if self._shown.stopped.is_set() or self._is_outdated():  # in between
            self._job.cancel()

    def _is_outdated(self) -> bool:
        """True if the ordered block has words that were replaced."""
        block = self._next
        return bool(self._wanted) and block is not None and block.words != self._wanted

    def _block_frames(self, start: int) -> int:
        return BLOCK_FRAMES if self._task.before or start else FIRST_BLOCK_FRAMES

    def _arrived(self) -> Generator[Event, None, DrawnBlock]:
        """The ordered block; one whose words were replaced meanwhile is ordered anew."""
        while True:
            try:
                drawn = yield from self._awaited()
            except Cancelled:
                if self._shown.stopped.is_set() or not self._is_outdated():
                    raise
            else:
                if not self._is_outdated():
                    return drawn
            self._order()

    def _awaited(self) -> Generator[Event, None, DrawnBlock]:
        job, told = self._job, 0
        if self._shown.stopped.is_set() or job is None:
            raise Cancelled("The turn was stopped.")
        while job.wait(WAITING_POLL_S) is None:
            position = self._side.position(job)
            if position and position != told:
                told = position
                yield Waiting(position=position)
        return job.result()

    def _composited(self, drawn: DrawnBlock) -> list[tuple[int, tuple[Picture, Box, Picture]]]:
        """Puts a block's frames on the paper; they are handed out later."""
        self._facts = drawn.facts
        if self._seen_HW3 is None:
            self._seen_HW3 = drawn.seen_HW3
        first, frames = len(self._reel), []
        kept_out = 0.0
        for raw_HW3 in drawn.frames_THW3:
            picture_HW3, share = self._paper.inked(raw_HW3, self._seen_HW3, self._task.free_HW)
            kept_out = max(kept_out, share)
            self._paper = Paper(picture_HW3, self._paper.user_HW)
            frames.append((picture_HW3, self._reel.add(picture_HW3), raw_HW3))
        block = self._next
        assert block is not None
        if kept_out > LOCKED_SHARE:
            # The model must go on from what is on the paper, not from what it wanted to draw.
            whole = {"start": first, "stop": len(self._reel), "words": block.words}
            block = self._task.new_block(reel=self._reel, **whole)
            self._seen_HW3 = None
        self._blocks.append(block)
        return list(enumerate(frames, start=first))

    def _ending(self, frames: Sequence[tuple[int, tuple[Picture, Box, Picture]]]) -> Ending | None:
        """Why this block is the last one; None if it is not."""
        first = frames[0][0]
        before_HW3 = self._reel.frame(first - 1) if first else self._reel.before_HW3
        change = before_HW3.astype(np.int16) - self._reel.last_HW3
        added = float((change.max(axis=2) > 48).mean())
        self._idle = self._idle + 1 if added < NEW_INK_SHARE else 0
        if len(self._reel) >= self._task.num_frames:
            return "done"
        if self._task.told_frames is None and self._idle >= IDLE_BLOCKS:
            return "idle"
        return self._task.stop(self._reel.last_HW3, len(self._reel))

    def _finished(self) -> Turn | None:
        """The turn as far as it was shown; the last block is filled up with stillness."""
        kept = self._shown.handed_out
        if self._shown.most is not None:
            kept = min(kept, self._shown.most)
        if kept == 0:
            return None
        task = self._task
        self._tracer.finish(kept)
        reel = self._reel.first(kept)
        blocks = [block for block in self._blocks if block.stop <= kept]
        whole = blocks[-1].stop if blocks else 0
        if kept > whole:
            stop = whole + self._block_frames(whole)
            reel.hold(stop)
            words = self._blocks[len(blocks)].words
            blocks.append(task.new_block(reel=reel, start=whole, stop=stop, words=words))
        return Turn(
            number=task.number,
            parent=task.parent,
            hand="model",
            strokes=tuple(HandStroke(stroke=stroke) for stroke in self._tracer.strokes),
            reel=reel,
            paper=Paper(reel.last_HW3, self._paper.user_HW),
            blocks=tuple(blocks),
            first_frame=task.first_frame,
            seed=task.seed,
            mode=task.mode,
            facts=self._facts,
            drawn_frames=kept,
            traced=self._tracer.complete,
        )

    def _unused(self, turn: Turn | None) -> list[Block]:
        used = set() if turn is None else {block.key for block in turn.blocks}
        return [block for block in self._ordered if block.key not in used]
