"""Session: one drawing by two hands. Its methods may be called from any thread.

Everything that needs the model runs on the app's one compute worker, a block at a time, so that
sessions take turns. Methods that do are marked "waits"; the others answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.services.codraw.events import Event, Peek, Replayed

Until = Literal["frames", "part", "plan"]
ExportKind = Literal["mp4", "mp4_raw", "gif", "png", "svg", "script"]


class Session:
    """One co-drawing session.

    Attributes:
        id: 128 random bits as 32 hex digits.
        owner: who may use it.
        request: how it was opened; width, height and model are filled in.
    """

    id: str
    owner: str
    request: CoDrawRequest

    # -- the user's hand: at once ------------------------------------------------------------

    def pen(
        self, points: Sequence[Sequence[float]], *, stroke: int, pen: Pen | None = None,
        eraser: bool = False,
    ) -> None:
        """Points of a stroke while the pen is down: [x, y, t, pressure] each.

        x, y are canvas pixels (fractions welcome), t seconds on any clock that only rises (the
        browser's event time), pressure 0 to 1 (0.5 or 1 from a mouse). The first points of a
        number begin the stroke. What fills a block is shown to the model while the pen is down.

        Args:
            stroke: the client's number of this stroke; rises by stroke.
            pen: color, width and opacity; looked at with the first points.
            eraser: takes ink of both hands away.

        Raises:
            InvalidRequest: points that are no points, too many of them, or the model is drawing.
        """
        raise NotImplementedError

    def lift(self) -> Stroke | None:
        """The pen is up: the stroke is finished, as it will be kept."""
        raise NotImplementedError

    # -- the model's hand ----------------------------------------------------------------------

    def generate(
        self, num_frames: int | None = None, *, until: Until = "frames", seed: int | None = None
    ) -> Iterator[Event]:
        """The model's turn; the caller's pace is the model's: few frames are made ahead of it.

        Yields TurnBegan, FrameDrawn..., StrokesTraced..., TurnEnded or TurnFailed. Closing the
        iterator stops the turn at the last frame that was taken. Waits.

        Args:
            num_frames: rounded up to whole blocks of 12; None is the request's `turn_frames`.
            until: "part" also stops behind a finished part of the plan (the tutor), "plan" goes on
                until the model adds nothing more.
            seed: of the noise; None is this turn's own, which `peek` uses too.

        Raises:
            InvalidRequest: the model is drawing already, or a value is not possible.
        """
        raise NotImplementedError

    def cancel(self, shown_frame: int | None = None) -> None:
        """Stops the model; at once.

        Args:
            shown_frame: index of the last frame that was on the screen; -1 if none was. Later
                frames of the turn, made or not, are forgotten by picture and cache alike. None
                keeps what the iterator has given.
        """
        raise NotImplementedError

    def peek(self, num_frames: int | None = None) -> Peek:
        """What the model would do next (onion skin), on a fork of its memory. Waits."""
        raise NotImplementedError

    # -- turns -----------------------------------------------------------------------------------

    def undo(self) -> int | None:
        """Takes back the latest stroke that the model has not answered, else the latest turn.

        Nothing is lost: `redo` and `branch` come back. Returns the turn that is now the latest.
        """
        raise NotImplementedError

    def redo(self) -> int | None:
        """Takes back an `undo`."""
        raise NotImplementedError

    def branch(self, turn: int | None) -> None:
        """Goes to any turn of the tree (None: blank paper) and on from there."""
        raise NotImplementedError

    def accept(self, turn: int, frame: int) -> int:
        """Goes on from a frame of a turn: a new turn that ends there; returns its number."""
        raise NotImplementedError

    def compare(self, one: int, other: int) -> dict[str, Any]:
        """Two turns side by side: {"ancestor", "one": {...}, "other": {...}} with pictures."""
        raise NotImplementedError

    # -- settings between turns --------------------------------------------------------------------

    def say(self, concept: str | None = None, *, plan: str | None = None) -> dict[str, Any]:
        """Other words from the next block on: a concept, which is planned, or a whole plan.

        Returns the plan as `state()["plan"]` has it.
        """
        raise NotImplementedError

    def lock(self, polygon_N2: Sequence[Sequence[float]] | None) -> None:
        """Paper inside this polygon takes no more ink of the model; None unlocks everything."""
        raise NotImplementedError

    def mark_part(self, part: int, drawn: bool | None) -> None:
        """The user says whether a part of the plan is drawn; None lets the app judge again."""
        raise NotImplementedError

    def left_to_draw(self) -> list[dict[str, Any]]:
        """Every part of the plan: {"name", "description", "drawn": bool, "sure": 0 to 1}."""
        raise NotImplementedError

    # -- looking back --------------------------------------------------------------------------------

    def picture(self, turn: int | None = None) -> NDArray[np.uint8]:
        """The picture (H, W, 3) now, with strokes in progress, or at the end of a turn."""
        raise NotImplementedError

    def frame(self, turn: int, index: int) -> NDArray[np.uint8]:
        """One frame of a turn, for scrubbing."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Everything that a page needs after a reload, as JSON values.

        {"session", "width", "height", "fps", "model", "drawing": bool, "head", "concept",
        "plan": {...}, "turns": [{"turn", "parent", "hand", "num_frames", "first_frame", "seed",
        "on_path": bool, "strokes": [{"points": [[x, y, frame, pressure]...], "color": "#rrggbb",
        "width", "opacity", "eraser"}]}...], "pending": [strokes not yet answered],
        "locked": [polygons], "can_undo", "can_redo", "settings": {...}}
        """
        raise NotImplementedError

    def replay(self, speed: float = 1.0) -> Iterator[Replayed]:
        """All frames from the blank paper to now, both hands, with the time to show each at."""
        raise NotImplementedError

    def export(
        self, kinds: Sequence[ExportKind], *, height_px: int | None = None, speed: float = 1.0
    ) -> dict[str, Path]:
        """Files by kind, rendered from the strokes of both hands; the SVG has a layer per hand."""
        raise NotImplementedError

    def compare_copy(self, turn: int) -> dict[str, Any]:
        """Tutor: how near the user's strokes since then are to the model's of that turn.

        {"likeness": 0 to 1, "distance_px", "missing": [[x, y]...], "extra": [[x, y]...]}
        """
        raise NotImplementedError

    def background(self, picture_HW3: NDArray[np.uint8]) -> int:
        """A picture that the drawing begins with, scaled without distortion; its turn's number.

        Raises:
            InvalidRequest: something is drawn already.
        """
        raise NotImplementedError

    def listen(self, tell: Callable[[str], None]) -> Callable[[], None]:
        """Calls `tell("state")` whenever `state()` has changed; returns what ends it."""
        raise NotImplementedError
