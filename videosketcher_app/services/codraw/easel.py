"""Easel: how turns of the model are assigned, kept and cut.

What people may do with a session is `Session`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import MAX_SEED, MAX_TURN_FRAMES
from videosketcher_app.core.sketch_request import MODES
from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.events import Ending, Event
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.model_turn import Assignment, ModelTurn
from videosketcher_app.services.codraw.pace import matched_fps, matched_pen
from videosketcher_app.services.codraw.paper import Paper, free_paper
from videosketcher_app.services.codraw.parts import drawn_parts
from videosketcher_app.services.codraw.reel import Picture, Reel
from videosketcher_app.services.codraw.tracer import strokes_until
from videosketcher_app.services.codraw.turns import Turn, known_mode
from videosketcher_app.services.codraw.user_hand import UserHand
from videosketcher_app.services.codraw.video import Video

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode

DEPTH_STRIDE, BRANCH_STRIDE = 7919, 104_729  # keep the seeds of turns and of their branches apart
PART_FRAMES = 81  # a whole plan takes about so many


class Easel(UserHand):
    """The model's side of a session; every method is called with its lock held unless it says so."""

    def _free(self) -> Any:
        return free_paper(self._lassos, self.width, self.height)

    def _pen_of_model(self) -> Pen | None:
        """The pen for traced strokes, if it follows the user's own."""
        mine = [s for t in self._tree.path() if t.hand == "you" for s in t.strokes]
        return matched_pen(mine) if self.match_hand else None

    def _run(self, turn: ModelTurn) -> Iterator[Event]:
        try:
            yield from turn.run()
        finally:
            self._tell()

    def _whole_frames(self, num_frames: int | None, until: str) -> int:
        if until == "plan" and num_frames is None:
            return MAX_TURN_FRAMES
        wanted = self.request.turn_frames if num_frames is None else num_frames
        if not 1 <= wanted <= MAX_TURN_FRAMES:
            raise InvalidRequest(
                f"A turn has 1 to {MAX_TURN_FRAMES} frames. Received: {wanted}", hint="Try 24."
            )
        return wanted

    def _check_seed(self, seed: int | None) -> None:
        if seed is not None and not 0 <= seed <= MAX_SEED:
            raise InvalidRequest(
                f"A seed is a number from 0 to {MAX_SEED}. Received: {seed}", hint="Leave it out."
            )

    def _checked_mode(self, mode: str | None) -> Mode:
        """That mode of speed; None is the session's."""
        found = self.mode if mode is None else known_mode(mode)
        if found is None:
            raise InvalidRequest(
                f"There is no mode of speed {mode!r}.", hint=f"Choose one of: {', '.join(MODES)}."
            )
        return found

    def _turn_seed(self) -> int:
        """The seed of the next turn: by its depth, and by how many went on from there before."""
        pending = self._hand is not None and not self._hand.is_empty
        head = self._tree.head
        depth = len(self._tree.path()) + pending
        tries = 0 if pending else sum(t.parent == head and t.hand == "model" for t in self._tree)
        seed = self.request.seed + DEPTH_STRIDE * depth + BRANCH_STRIDE * tries
        return seed % (MAX_SEED + 1)

    def _assignment(
        self, frames: int, until: str, seed: int | None, over: Video | None, mode: Mode
    ) -> Assignment:
        parent = self._tree.latest
        before = None if parent is None else parent.reel

        def new_block(
            *, start: int, stop: int, reel: Reel | None = None, words: str | None = None
        ) -> Block:
            words = self._words.text if words is None else words
            if reel is None:
                return self._maker.drawn(words, start=start, stop=stop, over=over)
            return self._maker.shown(words, reel, start=start, stop=stop, parent=before)

        mine = [s for t in self._tree.path() if t.hand == "you" for s in t.strokes]
        own = [s for t in self._tree.path() if t.hand == "model" for s in t.strokes]
        fps = float(self.request.fps)
        size = (self.width, self.height)
        return Assignment(
            number=self._tree.new_number(),
            parent=None if parent is None else parent.number,
            before=tuple(self._tree.blocks()),
            paper=self._paper(),
            first_frame=self._next_frame(),
            seed=self._turn_seed() if seed is None else seed,
            mode=mode,
            num_frames=frames,
            told_frames=None if until == "plan" else self._filled(frames),
            fps=matched_fps(mine, own, fps, size) if self.match_hand else fps,
            free_HW=self._free(),
            pen=self._pen_of_model(),
            stop=self._part_watch() if until == "part" else _never,
            new_block=new_block,
        )

    def _part_watch(self) -> Callable[[Picture, int], Ending | None]:
        """Ends a turn when one more part of the plan is there than before it.

        Under a new plan, what is on the paper counts as having been there before.
        """
        words, told = self._words, dict(self._told)
        before = drawn_parts(words, self._paper().picture_HW3, told)

        def stop(picture_HW3: Picture, num_frames: int) -> Ending | None:
            nonlocal words, told, before
            if words is not self._words:
                words, told = self._words, dict(self._told)
                before = drawn_parts(words, picture_HW3, told)
            more = drawn_parts(words, picture_HW3, told) - before
            longest = 2 * PART_FRAMES / len(words.plan.parts)
            return "part" if more or num_frames >= longest else None

        return stop

    def _keep_model_turn(self, turn: Turn | None, unused: Sequence[Block]) -> None:
        """Takes a finished turn over; called by the turn itself, once, without the lock."""
        with self._lock:
            self._turn = None
            self._shelf.drop(unused)
            if turn is not None:
                self._keep(turn)

    def _part_of(self, whole: Turn, num_frames: int) -> Turn:
        """The first frames of a turn of the model as a turn of its own."""
        parent = None if whole.parent is None else self._tree.turn(whole.parent).reel
        blocks = [block for block in whole.blocks if block.stop <= num_frames]
        start = blocks[-1].stop if blocks else 0
        reel = whole.reel.first(num_frames)
        if num_frames > start:
            cut = whole.blocks[len(blocks)]
            reel.hold(cut.stop)
            blocks.append(
                self._maker.shown(cut.words, reel, start=start, stop=cut.stop, parent=parent)
            )
        strokes = strokes_until([s.stroke for s in whole.strokes], num_frames)
        return replace(
            whole,
            number=self._tree.new_number(),
            strokes=tuple(HandStroke(stroke=stroke) for stroke in strokes),
            reel=reel,
            paper=Paper(reel.last_HW3, whole.paper.user_HW),
            blocks=tuple(blocks),
            drawn_frames=min(whole.drawn_frames, num_frames),
        )


def _never(picture_HW3: Picture, num_frames: int) -> Ending | None:
    del picture_HW3, num_frames
    return None
