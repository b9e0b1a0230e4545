"""Easel: what stands behind a session: the tree, the strokes in hand, the model, the disk.

It knows how turns are made and kept; what people may do with it is `Session`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import MAX_SEED, MAX_TURN_FRAMES, CoDrawRequest
from videosketcher_app.data.strokes import FloatArray, Pen
from videosketcher_app.services.codraw import kept
from videosketcher_app.services.codraw.blocks import Block, BlockMaker, LatentShelf
from videosketcher_app.services.codraw.events import Ending, Event
from videosketcher_app.services.codraw.hand import Hand, HandStroke
from videosketcher_app.services.codraw.model_side import ModelSide
from videosketcher_app.services.codraw.model_turn import (
    BLOCK_FRAMES,
    FIRST_BLOCK_FRAMES,
    Assignment,
    ModelTurn,
)
from videosketcher_app.services.codraw.pace import matched_fps, matched_pen
from videosketcher_app.services.codraw.paper import Paper, free_paper
from videosketcher_app.services.codraw.parts import drawn_parts
from videosketcher_app.services.codraw.reel import Picture, Reel
from videosketcher_app.services.codraw.tracer import strokes_until
from videosketcher_app.services.codraw.turns import Turn, TurnTree
from videosketcher_app.services.codraw.words import Words
from videosketcher_app.services.request_planner import RequestPlanner

logger = logging.getLogger(__name__)
DEPTH_STRIDE, BRANCH_STRIDE = 7919, 104_729  # keep the seeds of turns and of their branches apart
PART_FRAMES = 81  # a whole plan takes about so many


@dataclass(frozen=True, kw_only=True)
class SessionParts:
    """What a session is made of; the service puts it together.

    Attributes:
        side: its requests to the compute worker.
        shelf: the latents of its blocks.
        folder: its own folder on the disk.
        planner: for other words.
        check_room: raises if the visitor's drawings may not grow.
    """

    side: ModelSide
    shelf: LatentShelf
    maker: BlockMaker
    tree: TurnTree
    words: Words
    folder: Path
    planner: RequestPlanner
    check_room: Callable[[], None]


class Easel:
    """The state of one session; every method is called with its lock held unless it says so.

    Attributes:
        id: 128 random bits as 32 hex digits.
        owner: who may use it.
        request: how it was opened; width, height and model are filled in.
        unsaved: why the latest turn is not on the disk; "" if it is.
    """

    def __init__(
        self, session_id: str, owner: str, role: Role, request: CoDrawRequest, parts: SessionParts
    ) -> None:
        self.id, self.owner, self.role, self.request = session_id, owner, role, request
        assert request.width is not None
        assert request.height is not None
        self.width, self.height = request.width, request.height
        self.match_hand, self.tutor = request.match_hand, False
        self.folder = parts.folder
        self._side, self._shelf, self._maker = parts.side, parts.shelf, parts.maker
        self._tree, self._words, self._planner = parts.tree, parts.words, parts.planner
        self._check_room = parts.check_room
        self._lock = threading.RLock()
        self._hand: Hand | None = None
        self._hand_blocks: list[Block] = []
        self._taken_back: list[HandStroke] = []
        self._taken_from: int | None = None  # the latest turn when they were taken back
        self._lassos: list[list[list[float]]] = []
        self._told: dict[int, bool] = {}
        self._turn: ModelTurn | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._closed = False
        self.unsaved = ""

    @property
    def is_drawing(self) -> bool:
        """True while a turn of the model is not kept yet."""
        return self._turn is not None

    def listen(self, tell: Callable[[str], None]) -> Callable[[], None]:
        """Calls `tell("state")` whenever `state()` has changed; returns what ends it."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell) if tell in self._listeners else None

    def open_model(self) -> None:
        """Makes the model's memory of this session now; waits.

        Raises:
            AppError: why that is not possible.
        """
        self._side.open()

    def save(self) -> None:
        """Writes the session's file; from any thread."""
        with self._lock:
            self._save_session()

    def restore(self, values: dict[str, Any]) -> None:
        """Takes over what `save` wrote beside the turns and the words."""
        with self._lock:
            self._tree.goto(values["head"])
            self._lassos = [[list(map(float, c)) for c in lasso] for lasso in values["locked"]]
            self._told = {int(part): drawn is True for part, drawn in values["told"].items()}
            self.match_hand = values["match_hand"] is True
            self.tutor = values["tutor"] is True
            pending = [kept.stroke_of(stroke) for stroke in values["pending"]]
            if pending:
                self._hand = self._new_hand()
                for stroke in pending:
                    self._hand.put_back(stroke)

    def close(self, then: Callable[[], None]) -> None:
        """Stops what runs and saves; from any thread.

        Args:
            then: called once the model's memory is given back.
        """
        turn = self._turn
        if turn is not None:
            turn.cancel(None)
        with self._lock:
            self._save_session()
            self._closed = True
        self._side.close(then)
        self._shelf.forget()

    # -- paper and words -----------------------------------------------------------------------

    def _paper(self) -> Paper:
        latest = self._tree.latest
        return Paper.blank(self.width, self.height) if latest is None else latest.paper

    def _user_cover(self) -> FloatArray:
        if self._hand is None:
            return self._paper().user_HW
        return self._hand.all_of_it().user_HW

    def _free(self) -> Any:
        return free_paper(self._lassos, self.width, self.height)

    def _pen_of_model(self) -> Pen | None:
        """The pen for traced strokes, if it follows the user's own."""
        mine = [s for t in self._tree.path() if t.hand == "you" for s in t.strokes]
        return matched_pen(mine) if self.match_hand else None

    def _require_rest(self) -> None:
        if self._turn is not None:
            raise InvalidRequest("The model is drawing.", hint="Stop it first.")

    # -- the user's turn -----------------------------------------------------------------------

    def _new_hand(self) -> Hand:
        first = self._tree.head is None
        return Hand(self._paper().copy(), fps=self.request.fps, first=first)

    def _drop_hand(self) -> None:
        self._hand, self._hand_blocks = None, []

    def _prefill(self) -> None:
        """Shows the model the blocks of the user's turn that are full."""
        if self._hand is None:
            return
        whole = self._whole_until(len(self._hand.reel))
        if whole > self._shown_until():
            self._show_until(self._hand.reel, whole)
            try:
                path = [*self._tree.blocks(), *self._hand_blocks]
                self._side.prefill(path, self._words.text)
            except AppError:  # it is only done ahead of time
                logger.info("no place in the queue to read strokes ahead")

    def _shown_until(self) -> int:
        return self._hand_blocks[-1].stop if self._hand_blocks else 0

    def _whole_until(self, num_frames: int) -> int:
        """Frames of the whole blocks among the first frames of a turn."""
        lead = 0 if self._tree.head is not None else FIRST_BLOCK_FRAMES - BLOCK_FRAMES
        return max(0, (num_frames - lead) // BLOCK_FRAMES * BLOCK_FRAMES + lead)

    def _filled(self, num_frames: int) -> int:
        """So many frames, filled up to whole blocks; at least one."""
        whole = self._whole_until(num_frames)
        if whole == num_frames and whole > 0:
            return whole
        first = FIRST_BLOCK_FRAMES if self._tree.head is None and whole == 0 else BLOCK_FRAMES
        return whole + first

    def _show_until(self, reel: Reel, whole: int) -> None:
        """Makes the blocks of the user's turn up to a frame."""
        parent = self._tree.latest
        before = None if parent is None else parent.reel
        while self._shown_until() < whole:
            start = self._shown_until()
            stop = self._filled(start + 1)
            self._hand_blocks.append(
                self._maker.shown(self._words.text, reel, start=start, stop=stop, parent=before)
            )

    def _trim_hand_blocks(self) -> None:
        assert self._hand is not None
        there = len(self._hand.reel)
        self._hand_blocks = [block for block in self._hand_blocks if block.stop <= there]

    def _pending_blocks(self) -> list[Block]:
        """The user's turn as it would be kept now, without keeping it."""
        if self._hand is None or self._hand.is_empty:
            return []
        before = list(self._hand_blocks)
        reel = self._hand.reel.first(len(self._hand.reel))
        reel.add(self._hand.picture())
        reel.hold(self._filled(len(reel)))
        self._show_until(reel, len(reel))
        pending, self._hand_blocks = self._hand_blocks, before
        return pending

    def _commit_hand(self) -> None:
        """What the user has drawn since becomes a turn."""
        hand = self._hand
        if hand is None:
            return
        hand.lift()
        if hand.strokes:
            turn = self._user_turn(tuple(hand.strokes), hand.reel, hand.paper.user_HW)
            self._keep(turn)
        self._drop_hand()
        self._taken_back.clear()

    def _user_turn(
        self,
        strokes: tuple[HandStroke, ...],
        reel: Reel,
        user_HW: FloatArray,
        *,
        traced: bool = True,
    ) -> Turn:
        parent, drawn = self._tree.latest, len(reel)
        reel.hold(self._filled(drawn))
        self._show_until(reel, len(reel))
        return Turn(
            number=self._tree.new_number(),
            parent=None if parent is None else parent.number,
            hand="you",
            strokes=strokes,
            reel=reel,
            paper=Paper(reel.last_HW3, user_HW),
            blocks=tuple(self._hand_blocks),
            first_frame=self._next_frame(),
            drawn_frames=drawn,
            traced=traced,
        )

    # -- the model's turn ----------------------------------------------------------------------

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

    def _turn_seed(self) -> int:
        """The seed of the next turn: by its depth, and by how many went on from there before."""
        pending = self._hand is not None and not self._hand.is_empty
        head = self._tree.head
        depth = len(self._tree.path()) + pending
        tries = 0 if pending else sum(t.parent == head and t.hand == "model" for t in self._tree)
        seed = self.request.seed + DEPTH_STRIDE * depth + BRANCH_STRIDE * tries
        return seed % (MAX_SEED + 1)

    def _assignment(self, frames: int, until: str, seed: int | None) -> Assignment:
        parent, words = self._tree.latest, self._words.text
        before = None if parent is None else parent.reel

        def new_block(*, start: int, stop: int, reel: Reel | None = None) -> Block:
            if reel is None:
                return self._maker.drawn(words, start=start, stop=stop)
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
            num_frames=frames,
            told_frames=None if until == "plan" else self._filled(frames),
            fps=matched_fps(mine, own, fps, size) if self.match_hand else fps,
            free_HW=self._free(),
            pen=self._pen_of_model(),
            stop=self._part_watch() if until == "part" else _never,
            new_block=new_block,
        )

    def _part_watch(self) -> Callable[[Picture, int], Ending | None]:
        """Ends a turn when one more part of the plan is there than before it."""
        words, told = self._words, dict(self._told)
        before = drawn_parts(words, self._paper().picture_HW3, told)
        longest = 2 * PART_FRAMES / len(words.plan.parts)

        def stop(picture_HW3: Picture, num_frames: int) -> Ending | None:
            more = drawn_parts(words, picture_HW3, told) - before
            return "part" if more or num_frames >= longest else None

        return stop

    def _keep_model_turn(self, turn: Turn | None, unused: Sequence[Block]) -> None:
        """Takes a finished turn over; called by the turn itself, once, without the lock."""
        with self._lock:
            self._turn = None
            self._shelf.drop(unused)
            if turn is not None:
                self._keep(turn)

    def _keep(self, turn: Turn) -> None:
        self._tree.add(turn)
        self._drop_hand()
        self._taken_back.clear()
        self._written(lambda: kept.write_turn(self.folder, turn))
        self._moved()

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

    # -- bookkeeping ---------------------------------------------------------------------------

    def _next_frame(self) -> int:
        latest = self._tree.latest
        return 0 if latest is None else latest.first_frame + latest.num_frames

    def _moved(self) -> int | None:
        """After the head has moved: the model follows when it has time."""
        self._save_session()
        try:
            self._side.prefill([*self._tree.blocks(), *self._hand_blocks], self._words.text)
        except AppError:
            logger.info("no place in the queue to follow a turn ahead")
        self._tell()
        return self._tree.head

    def _save_session(self) -> None:
        pending = self._hand.strokes if self._hand is not None else []
        values = {
            "id": self.id,
            "owner": self.owner,
            "request": self.request.to_mapping(),
            "words": self._words.to_mapping(),
            "turns": [turn.number for turn in self._tree],
            "head": self._tree.head,
            "pending": [kept.stroke_values(stroke) for stroke in pending],
            "locked": self._lassos,
            "told": {str(part): drawn for part, drawn in self._told.items()},
            "match_hand": self.match_hand,
            "tutor": self.tutor,
        }
        self._written(lambda: kept.write_session(self.folder, values))

    def _written(self, write: Callable[[], None]) -> None:
        """Writes if it can; a full disk stops nobody from drawing on."""
        if self._closed:
            return
        try:
            write()
            self.unsaved = ""
        except AppError as error:
            logger.warning("a co-drawing could not be saved: %s", error.message)
            self.unsaved = error.message

    def _tell(self) -> None:
        for tell in tuple(self._listeners):
            tell("state")


def _never(picture_HW3: Picture, num_frames: int) -> Ending | None:
    del picture_HW3, num_frames
    return None
