"""Session: one drawing by two hands. Its methods may be called from any thread.

Everything that needs the model runs on the app's one compute worker, a block at a time, so that
sessions take turns. Methods that wait for it say so; the others answer at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.services.codraw import looking
from videosketcher_app.services.codraw.events import Event, Peek
from videosketcher_app.services.codraw.hand import MAX_WIDTH_PX
from videosketcher_app.services.codraw.looking import LookingBack
from videosketcher_app.services.codraw.model_turn import BLOCK_FRAMES, ModelTurn
from videosketcher_app.services.codraw.paper import Paper, check_polygon
from videosketcher_app.services.codraw.reel import Reel
from videosketcher_app.services.codraw.tracer import Tracer
from videosketcher_app.services.codraw.video import Video, check_video
from videosketcher_app.services.codraw.words import planned_words

Until = Literal["frames", "part", "plan"]
MAX_LASSOS = 50


class Session(LookingBack):
    """One co-drawing session; made by `CoDrawService`.

    Attributes:
        id: 128 random bits as 32 hex digits.
        owner: who may use it.
        request: how it was opened; width, height and model are filled in.
    """

    # -- the user's hand ---------------------------------------------------------------------

    def pen(
        self,
        points: Sequence[Sequence[float]],
        *,
        stroke: int,
        pen: Pen | None = None,
        eraser: bool = False,
    ) -> None:
        """Points of a stroke while the pen is down: [x, y, t, pressure] each.

        x, y are canvas pixels (fractions welcome), t seconds on any clock that rises within the
        stroke, pressure multiplies the pen's width. The first points of a number begin the stroke.
        What fills a block is shown to the model while the pen is down.

        Args:
            stroke: the client's number of this stroke; another number is another stroke.
            pen: color, width and opacity; looked at with the first points.
            eraser: takes ink of both hands away.

        Raises:
            InvalidRequest: points that are no points, too many of them, or the model is drawing.
        """
        pen = replace(pen or Pen(), width_px=min((pen or Pen()).width_px, MAX_WIDTH_PX))
        with self._lock:
            self._require_rest()
            if self._hand is None:
                self._hand, self._hand_blocks = self._new_hand(), []
            self._hand.move(points, number=stroke, pen=pen, eraser=eraser)
            self._taken_back.clear()
            self._prefill()

    def lift(self) -> Stroke | None:
        """The pen is up: the stroke is finished, as it will be kept."""
        with self._lock:
            finished = self._hand.lift() if self._hand is not None else None
            if finished is None:
                return None
            self._prefill()
            self._save_session()
        self._tell()
        return finished.stroke

    def discard(self) -> None:
        """The stroke in the hand was given up."""
        with self._lock:
            if self._hand is not None:
                self._hand.discard()
                self._trim_hand_blocks()

    # -- the model's hand --------------------------------------------------------------------

    def generate(
        self,
        num_frames: int | None = None,
        *,
        until: Until | None = None,
        seed: int | None = None,
        over: Video | None = None,
        mode: str | None = None,
    ) -> Iterator[Event]:
        """The model's turn; the caller's pace is the model's: few frames are made ahead of it.

        Yields TurnBegan, FrameDrawn..., StrokesTraced..., TurnEnded or TurnFailed. Closing the
        iterator stops the turn at the last frame that was taken. Waits for the worker.

        Args:
            num_frames: rounded up to whole blocks of 12; None is the video's length, or the
                request's `turn_frames`.
            until: "frames"; "part" also stops behind a finished part of the plan; "plan" goes on
                until the model adds nothing more. None is "part" for a tutor, else "frames".
            seed: of the noise; None is this turn's own, which `peek` uses too.
            over: a video of the paper's size that is drawn over, zero-shot.
            mode: of speed, of this turn alone; None is the session's.

        Raises:
            InvalidRequest: the model is drawing already, or a value is not possible.
            QuotaExceeded: a guest's drawings have no more room on the disk.
        """
        self._check_room()
        until = until or ("part" if self.tutor else "frames")
        if until not in ("frames", "part", "plan"):
            raise InvalidRequest(
                f"A turn cannot go on until {until!r}.", hint="Choose part or plan."
            )
        if over is not None:
            check_video(over, self.width, self.height)
            num_frames = len(over) if num_frames is None else num_frames
        with self._lock:
            self._require_rest()
            self._check_seed(seed)
            drawn_in = self._checked_mode(mode)
            frames = self._whole_frames(num_frames, until)
            self._commit_hand()
            task = self._assignment(frames, until, seed, over, drawn_in)
            self._turn = ModelTurn(self._side, task, self._keep_model_turn)
        return self._run(self._turn)

    def cancel(self, shown_frame: int | None = None) -> None:
        """Stops the model; at once, from any thread.

        Args:
            shown_frame: index of the last frame that was on the screen; -1 if none was. Later
                frames of the turn, made or not, are forgotten by picture and cache alike. None
                keeps what the iterator has given.
        """
        turn = self._turn
        if turn is not None:
            turn.cancel(shown_frame)

    def peek(self, num_frames: int | None = None, *, seed: int | None = None) -> Peek:
        """What the model would do next (onion skin), on a fork of its memory. Waits.

        Args:
            num_frames: at most two blocks are looked ahead; None is one.

        Raises:
            InvalidRequest: the model is drawing.
        """
        from videosketcher_app.services.codraw.stage import PEEK_BLOCKS

        with self._lock:
            self._require_rest()
            self._check_seed(seed)
            seed = self._turn_seed() if seed is None else seed
            path, words = self._tree.blocks(), self._words.text
            shown, paper = self._pending_blocks(), Paper(self.picture(), self._user_cover())
            mode = self.mode
        count = min(PEEK_BLOCKS, -(-(num_frames or 1) // BLOCK_FRAMES))
        drawn = self._side.peek(path, shown, words, num_blocks=count, seed=seed, mode=mode)
        reel, free_HW = Reel(paper.picture_HW3), self._free()
        for raw_HW3 in drawn.frames_THW3:
            picture_HW3, _ = paper.inked(raw_HW3, drawn.seen_HW3, free_HW)
            paper = Paper(picture_HW3, paper.user_HW)
            reel.add(picture_HW3)
        ink_HW = (reel.before_HW3.astype(np.int16) - reel.last_HW3).max(axis=2) / np.float32(255)
        strokes = Tracer(reel, self._pen_of_model()).finish(len(reel))
        return Peek(
            seed=seed,
            num_frames=len(reel),
            picture_HW3=reel.last_HW3,
            ink_HW=ink_HW.astype(np.float32),
            strokes=strokes,
        )

    # -- turns ---------------------------------------------------------------------------------

    def undo(self) -> int | None:
        """Takes back the latest stroke that the model has not answered, else the latest turn.

        Nothing is lost: `redo` and `branch` come back. Returns the turn that is now the latest.

        Raises:
            InvalidRequest: the model is drawing.
        """
        with self._lock:
            self._require_rest()
            removed = self._hand.take_back() if self._hand is not None else None
            if removed is not None:
                self._taken_back.append(removed)
                self._taken_from = self._tree.head
                self._trim_hand_blocks()
            else:
                self._drop_hand()
                self._tree.undo()
            return self._moved()

    def redo(self) -> int | None:
        """Takes back an `undo`; returns the turn that is now the latest.

        Raises:
            InvalidRequest: the model is drawing.
        """
        with self._lock:
            self._require_rest()
            if self._taken_back and self._taken_from == self._tree.head:
                if self._hand is None:
                    self._hand, self._hand_blocks = self._new_hand(), []
                self._hand.put_back(self._taken_back.pop())
            else:
                self._commit_hand()
                self._tree.redo()
            return self._moved()

    def branch(self, turn: int | None) -> None:
        """Goes to any turn of the tree (None: blank paper) and on from there.

        Raises:
            InvalidRequest: there is no such turn, or the model is drawing.
        """
        with self._lock:
            self._require_rest()
            if turn is not None:
                self._tree.turn(turn)
            self._commit_hand()
            self._taken_back.clear()
            self._tree.goto(turn)
            self._moved()

    def accept(self, turn: int, frame: int) -> int:
        """Goes on from a frame of a model's turn: a new turn that ends there; its number.

        Raises:
            InvalidRequest: there is no such frame, it is no turn of the model, or it is drawing.
        """
        with self._lock:
            self._require_rest()
            whole = self._tree.turn(turn)
            if whole.hand != "model" or not 0 <= frame < whole.num_frames:
                raise InvalidRequest(
                    f"Turn {turn} has no frame {frame} of the model to go on from.",
                    hint="Choose a frame of one of its turns.",
                )
            self._commit_hand()
            self._keep(self._part_of(whole, frame + 1))
            return self._tree.head or 0

    # -- settings between turns ------------------------------------------------------------------

    def say(self, concept: str | None = None, *, plan: str | None = None) -> dict[str, Any]:
        """Other words from the next block on: a concept, which is planned, or a whole plan.

        While the model draws, the block after the one that is shown follows them: what was drawn
        ahead under the old words is drawn again. Returns the plan as `state()["plan"]` has it. May wait for a language model.

        Raises:
            InvalidRequest: neither a concept nor a plan.
        """
        text = plan if plan is not None else concept or ""
        words = planned_words(text, self._planner, who=self.request.planner, role=self.role)
        with self._lock:
            if words.text != self._words.text:
                self._told.clear()
            self._words = words
            if self._turn is not None:
                self._turn.reword(words.text)
            self._save_session()
        self._tell()
        return words.shown()

    def set(
        self,
        *,
        match_hand: bool | None = None,
        tutor: bool | None = None,
        mode: str | None = None,
    ) -> None:
        """How the model takes part; None leaves a setting as it is.

        Args:
            match_hand: its pen and pace follow the user's.
            tutor: it pauses after each part.
            mode: of speed, from its next turn on: a turn that runs goes on as it began.

        Raises:
            InvalidRequest: there is no such mode.
        """
        with self._lock:
            before, self.mode = self.mode, self._checked_mode(mode)
            if self.mode != before and self._turn is None:
                self._follow()
            self.match_hand = self.match_hand if match_hand is None else match_hand
            self.tutor = self.tutor if tutor is None else tutor
            self._save_session()
        self._tell()

    def lock(self, polygon_N2: Sequence[Sequence[float]] | None) -> None:
        """Paper inside this polygon takes no more ink of the model; None unlocks everything.

        Raises:
            InvalidRequest: it is no polygon, or there are too many.
        """
        with self._lock:
            if polygon_N2 is None:
                self._lassos = []
            elif len(self._lassos) >= MAX_LASSOS:
                raise InvalidRequest(f"{MAX_LASSOS} places are locked.", hint="Unlock them first.")
            else:
                self._lassos = [*self._lassos, check_polygon(polygon_N2)]
            self._save_session()
        self._tell()

    def mark_part(self, part: int, drawn: bool | None) -> None:
        """The user says whether a part of the plan is drawn; None lets the app judge again.

        Raises:
            InvalidRequest: the plan has no such part.
        """
        with self._lock:
            if not 0 <= part < len(self._words.plan.parts):
                raise InvalidRequest(f"The plan has no part {part + 1}.", hint="Choose one of it.")
            self._told.pop(part, None)
            if drawn is not None:
                self._told[part] = drawn
            self._save_session()
        self._tell()

    def background(self, picture_HW3: NDArray[np.uint8]) -> int:
        """A picture that the drawing begins with, scaled without distortion; its turn's number.

        Raises:
            InvalidRequest: something is drawn already, or it is no picture.
        """
        with self._lock:
            self._require_rest()
            if self._tree.head is not None or (self._hand is not None and not self._hand.is_empty):
                raise InvalidRequest(
                    "A background goes below a drawing that has not begun.",
                    hint="Go back to blank paper first.",
                )
            self._drop_hand()
            reel = Reel(Paper.blank(self.width, self.height).picture_HW3)
            reel.add(looking.fitted(picture_HW3, self.width, self.height))
            self._keep(self._user_turn((), reel, self._paper().user_HW, traced=False))
            return self._tree.head or 0
