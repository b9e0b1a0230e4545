"""Table: one session and the page that sits at it. The turn goes on when the page is loaded again.

The model's turn is taken from the session by a thread of its own, never more than a few frames
ahead of what the page has shown: a slow page slows the model down and fills no memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.codraw.events import (
    Event,
    FrameDrawn,
    StrokesTraced,
    TurnBegan,
    TurnEnded,
    TurnFailed,
    Waiting,
)
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.ui.codraw import tiles
from videosketcher_app.ui.codraw.line import MOVED, OVER, Line
from videosketcher_app.ui.codraw.told import dumped, strokes_of
from videosketcher_app.ui.texts import t

logger = logging.getLogger(__name__)

FRAMES_AHEAD = 24
ALONE_S = 15.0  # how long a turn waits for a page that went away


@dataclass(eq=False)
class _Turn:
    """The model's turn while it is drawn.

    Attributes:
        number: None until it has begun.
        log: everything that the page was told of it, for a page that comes back.
        made, shown: index of the last frame that was made, and of the last that the page showed.
        is_stopping: somebody asked for its end.
    """

    picture: tiles.Pixels
    number: int | None = None
    log: list[str | bytes] = field(default_factory=list)
    made: int = -1
    shown: int = -1
    is_stopping: bool = False
    has_ended: bool = False
    num_frames: int | None = None
    raw: tiles.Pixels | None = None


class Table:
    """Made for a session when a page takes a seat; `let_go` is called when it is not needed.

    Args:
        alone_s: how long a turn waits for its page.

    Attributes:
        files: exports that were made, by form.
        lesson: in tutor mode, the turn that the person draws after the model.
    """

    def __init__(
        self, session: Session, let_go: Callable[[Table], None], *, alone_s: float = ALONE_S
    ) -> None:
        self.session = session
        self.files: dict[str, Path] = {}
        self.lesson: int | None = None
        self.is_raw = False  # the model's own pixels are sent, too
        # Strokes keep their order; what takes long must not hold them up.
        self.hand = ThreadPoolExecutor(max_workers=1)
        self.slow = ThreadPoolExecutor(max_workers=1)
        self._let_go = let_go
        self._alone_s = alone_s
        self._changed = threading.Condition()
        self._line: Line | None = None
        self._turn: _Turn | None = None
        self._last: int | None = None  # the turn that ended last
        self._thread: threading.Thread | None = None
        self._is_closed = self._parts_are_due = False
        self._stop_listening = session.listen(self._heard)

    @property
    def line(self) -> Line | None:
        """The page that sits here now."""
        return self._line

    @property
    def is_drawing(self) -> bool:
        """True while the model has its turn."""
        return self._turn is not None

    def seat(self, line: Line) -> None:
        """Gives the table to a page; a page that was here before is sent away."""
        self.session.discard()  # the page has the whole stroke and sends it once more
        state = self.state()
        with self._changed:
            if self._line is not None and self._line is not line:
                self._line.tell("moved")
                self._line.close(MOVED)
            self._line = line
            line.known_turns.clear()
            self._put_state(line, state, sync=True)
            self._look_at_parts()
            if self._turn is not None:
                line.tell("again", shown=self._turn.shown)
                for item in self._turn.log:
                    line.put(item)
            self._changed.notify_all()

    def leave(self, line: Line) -> bool:
        """The page is gone; False if another one sits here by now."""
        with self._changed:
            if self._line is not line:
                return False
            self._line = None
            self._changed.notify_all()
            is_over = self._turn is None
        if is_over:
            self._let_go(self)
        return True

    def close(self) -> None:
        """Ends the turn at what was shown, sends the page away, and waits for the thread."""
        with self._changed:
            self._is_closed = True
            line, thread, turn = self._line, self._thread, self._turn
            self._line = None
            self._changed.notify_all()
        self._stop_listening()
        if turn is not None:
            self._end(turn)
        if line is not None:
            line.close(OVER)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self.hand.shutdown(wait=False)
        self.slow.shutdown(wait=False)

    def tell(self, kind: str, **values: Any) -> None:
        """Tells the page, if one is here."""
        line = self._line
        if line is not None:
            line.tell(kind, **values)

    def state(self) -> dict[str, Any]:
        """What `Session.state` says, and how this table is set."""
        state = self.session.state()
        return {**state, "settings": {**state["settings"], "raw": self.is_raw}}

    def show_state(self, *, sync: bool = False) -> None:
        """Tells the page where the drawing is.

        Args:
            sync: the page shall forget the strokes that it has not heard back of.
        """
        if self.is_drawing:
            return  # the end of the turn brings it
        state = self.state()
        with self._changed:
            if self._line is not None and self._turn is None:
                self._put_state(self._line, state, sync=sync)
        if sync:
            self._look_at_parts()

    def look_at_parts(self) -> None:
        """Tells the page which parts of the plan are drawn; takes a tenth of a second."""
        with self._changed:
            self._parts_are_due = False
        self.tell("parts", parts=self.session.left_to_draw())

    def go(self, **how: Any) -> None:
        """Lets the model begin a turn.

        Args:
            how: what `Session.generate` takes.

        Raises:
            InvalidRequest: it has a turn already.
        """
        with self._changed:
            # The end of a turn is told a moment before its thread has let go of it.
            self._changed.wait_for(lambda: self._turn is None or not self._turn.has_ended)
            if self._is_closed:
                return
            if self._turn is not None:
                raise InvalidRequest(t("codraw.drawing_already"))
            turn = self._turn = _Turn(picture=self.session.picture())
            thread = threading.Thread(
                target=self._draw, args=(turn, how), name="codraw-turn", daemon=True
            )
            self._thread = thread
        thread.start()

    def stop(self, number: int, shown: int) -> bool:
        """Ends the turn at the frame that the page showed last.

        Returns False if it has ended already while the page was still showing it.
        """
        with self._changed:
            turn, is_last = self._turn, self._last == number
            if turn is None or turn.number not in (None, number):
                return not is_last
            turn.shown = min(shown, turn.made)
        self._end(turn)
        return True

    def shown(self, number: int, index: int) -> None:
        """The page has shown a frame, so more may be made."""
        with self._changed:
            turn = self._turn
            if turn is not None and turn.number == number:
                turn.shown = max(turn.shown, min(index, turn.made))
                self._changed.notify_all()

    def _look_at_parts(self) -> None:
        """The same soon, and once for all who ask meanwhile."""
        with self._changed:
            if self._parts_are_due or self._is_closed:
                return
            self._parts_are_due = True
            self.slow.submit(self.look_at_parts)

    def _put_state(self, line: Line, state: dict[str, Any], *, sync: bool) -> None:
        """A turn whose strokes the page has is sent without them."""
        turns = []
        for turn in state["turns"]:
            if line.known_turns.get(turn["turn"]) == turn["num_frames"]:
                turn = {name: value for name, value in turn.items() if name != "strokes"}
            line.known_turns[turn["turn"]] = turn["num_frames"]
            turns.append(turn)
        for turn in turns:
            if turn["hand"] == "you" and turn.get("strokes") == []:  # a picture to start from
                line.put(tiles.picture_tile(turn["turn"], self.session.picture(turn["turn"])))
        line.put(dumped("state", {**state, "turns": turns, "sync": sync}))

    def _heard(self, _what: str) -> None:
        """Something of the session has changed, perhaps under one of its locks."""
        if not self._is_closed and self._line is not None and not self.is_drawing:
            try:
                self.hand.submit(self.show_state)
            except RuntimeError:  # closed in between
                logger.debug("a table was closed while its session changed")

    def _draw(self, turn: _Turn, how: dict[str, Any]) -> None:
        try:
            with closing(self.session.generate(**how)) as events:  # type: ignore[type-var]
                for event in events:
                    self._pass_on(turn, event)
                    self._wait_for_room(turn)
        except AppError as error:
            self._fail(turn, error)
        finally:
            if not turn.has_ended:
                self._fail(turn, AppError(t("codraw.failed"), hint=t("codraw.failed_hint")))
            with self._changed:
                self._turn, self._last = None, turn.number
                self._changed.notify_all()
                is_alone = self._line is None
            if is_alone and not self._is_closed:
                self._let_go(self)
            self.show_state()
            self._look_at_parts()

    def _pass_on(self, turn: _Turn, event: Event) -> None:
        """Tells the page one event, and notes it for a page that comes back."""
        match event:
            case Waiting(position=position):
                self.tell("waiting", position=position)
            case TurnBegan():
                turn.number, turn.num_frames = event.turn, event.num_frames
                began = {"turn": event.turn, "parent": event.parent, "fps": event.fps}
                self._note(turn, dumped("began", {**began, "num_frames": event.num_frames}))
            case FrameDrawn():
                turn.made = event.index
                before, turn.picture = turn.picture, event.frame_HW3
                self._note(turn, tiles.ink_tile(event.turn, event.index, before, event.frame_HW3))
                if self.is_raw:
                    self._note(
                        turn, tiles.raw_tile(event.turn, event.index, turn.raw, event.raw_HW3)
                    )
                    turn.raw = event.raw_HW3
            case StrokesTraced():
                strokes = strokes_of(event.strokes)
                self._note(turn, dumped("ink", {"turn": event.turn, "strokes": strokes}))
            case TurnEnded():
                turn.has_ended = True
                if self.session.tutor and event.ending == "part":
                    self.lesson = event.turn
                ended = {"num_frames": event.num_frames, "ending": event.ending}
                took = {"seconds": round(event.seconds, 3), "blocks": event.blocks}
                self._note(turn, dumped("ended", {"turn": event.turn, **ended, **took}))
            case TurnFailed():
                self._fail(turn, event.error, event.num_frames)

    def _fail(self, turn: _Turn, error: AppError, num_frames: int = 0) -> None:
        turn.has_ended = True
        words = {"code": error.code, "message": error.message, "hint": error.hint}
        self._note(turn, dumped("failed", {"turn": turn.number, "num_frames": num_frames, **words}))

    def _note(self, turn: _Turn, item: str | bytes) -> None:
        with self._changed:
            turn.log.append(item)
            if self._line is not None:
                self._line.put(item)

    def _wait_for_room(self, turn: _Turn) -> None:
        """Waits while the page is behind; ends a turn that nobody has come back to."""
        with self._changed:
            while self._is_ahead(turn):
                is_alone = self._line is None
                told = self._changed.wait(self._alone_s if is_alone else None)
                if is_alone and not told and self._line is None:
                    break
            else:
                return
        self._end(turn)

    def _is_ahead(self, turn: _Turn) -> bool:
        # The last frames are awaited too: a turn that has ended could not be stopped any more.
        is_last = turn.made + 1 == turn.num_frames and turn.made > turn.shown
        behind = is_last or turn.made - turn.shown >= FRAMES_AHEAD
        return behind and not (turn.is_stopping or turn.has_ended or self._is_closed)

    def _end(self, turn: _Turn) -> None:
        with self._changed:
            if turn.is_stopping or turn.has_ended:
                return
            turn.is_stopping = True
            shown = turn.shown
            self._changed.notify_all()
        self.session.cancel(shown)
