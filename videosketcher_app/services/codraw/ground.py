"""Ground: what a session stands on: its tree of turns, the strokes in hand, its words and its disk.

`UserHand` makes turns of the person's strokes on it, `Easel` turns of the model.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.data.strokes import FloatArray
from videosketcher_app.services.codraw import kept
from videosketcher_app.services.codraw.blocks import Block, BlockMaker, LatentShelf
from videosketcher_app.services.codraw.hand import Hand, HandStroke
from videosketcher_app.services.codraw.model_side import ModelSide
from videosketcher_app.services.codraw.model_turn import ModelTurn
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.turns import Turn, TurnTree, known_mode
from videosketcher_app.services.codraw.words import Words
from videosketcher_app.services.request_planner import RequestPlanner

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode

logger = logging.getLogger(__name__)


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


class Ground:
    """The state of one session; every method is called with its lock held unless it says so.

    Attributes:
        id: 128 random bits as 32 hex digits.
        owner: who may use it.
        request: how it was opened; width, height and model are filled in.
        mode: of speed, in which the model has its next turn.
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
        self.mode: Mode = request.mode
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
        self._side.open(mode=self.mode)

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
            self.mode = known_mode(values.get("mode")) or self.request.mode
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

    # -- paper, and the strokes in hand --------------------------------------------------------

    def _paper(self) -> Paper:
        latest = self._tree.latest
        return Paper.blank(self.width, self.height) if latest is None else latest.paper

    def _user_cover(self) -> FloatArray:
        if self._hand is None:
            return self._paper().user_HW
        return self._hand.all_of_it().user_HW

    def _require_rest(self) -> None:
        if self._turn is not None:
            raise InvalidRequest("The model is drawing.", hint="Stop it first.")

    def _new_hand(self) -> Hand:
        first = self._tree.head is None
        return Hand(self._paper().copy(), fps=self.request.fps, first=first)

    def _drop_hand(self) -> None:
        self._hand, self._hand_blocks = None, []

    # -- bookkeeping ---------------------------------------------------------------------------

    def _keep(self, turn: Turn) -> None:
        self._tree.add(turn)
        self._drop_hand()
        self._taken_back.clear()
        self._written(lambda: kept.write_turn(self.folder, turn))
        self._moved()

    def _next_frame(self) -> int:
        latest = self._tree.latest
        return 0 if latest is None else latest.first_frame + latest.num_frames

    def _moved(self) -> int | None:
        """After the head has moved: the model follows when it has time."""
        self._save_session()
        self._follow()
        self._tell()
        return self._tree.head

    def _follow(self) -> None:
        """Brings the model to where the drawing is, in the mode of its next turn, when it has time."""
        path = [*self._tree.blocks(), *self._hand_blocks]
        try:
            self._side.prefill(path, self._words.text, mode=self.mode)
        except AppError:  # it is only done ahead of time
            logger.info("no place in the queue to follow the drawing ahead")

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
            "mode": self.mode,
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
