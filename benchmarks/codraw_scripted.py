"""A co-drawing session without a model: it answers every turn with a spiral, at any speed.

For the transport's own figures, where a model's time would hide what is measured.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.data import renderer
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.strokes import Pen, Sketch, Stroke
from videosketcher_app.services.codraw.events import (
    Box,
    Event,
    FrameDrawn,
    StrokesTraced,
    TurnBegan,
    TurnEnded,
)
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.sessions import CoDrawService, NoSession
from videosketcher_app.ui.codraw.told import strokes_of

FPS = 60.0
BLOCK = 12


class ScriptedSession(Session):  # its methods are all its own; the parts of a real one are not made
    """One drawing; `block_s` is how long a block of 12 frames takes."""

    def __init__(self, owner: str, request: CoDrawRequest, *, num_frames: int, block_s: float):
        self.id, self.owner, self.tutor = secrets.token_hex(16), owner, False
        self.request = request.model_copy(
            update={"width": request.width or 432, "height": request.height or 240}
        )
        self._num_frames, self._block_s = num_frames, block_s
        self._turns: list[dict[str, Any]] = []
        self._pending: list[tuple[Stroke, bool]] = []
        self._points: list[Sequence[float]] = []
        self._pen, self._eraser = Pen(), False
        self._cut: int | None = None
        self._drawing = False

    def pen(self, points, *, stroke, pen=None, eraser=False):  # type: ignore[no-untyped-def]
        if not self._points:
            self._pen, self._eraser = pen or Pen(), eraser
        self._points += points

    def lift(self) -> Stroke | None:
        if not self._points:
            return None
        rows = np.array(self._points, np.float32)
        frames = (rows[:, 2] - rows[0, 2]) * FPS
        stroke = Stroke(points_N2=rows[:, :2], times_N=frames, pressure_N=rows[:, 3], pen=self._pen)
        self._pending.append((stroke, self._eraser))
        self._points = []
        return stroke

    def generate(self, num_frames=None, *, until="frames", seed=None) -> Iterator[Event]:  # type: ignore[no-untyped-def, override]
        count = num_frames or self._num_frames
        self._cut, self._drawing = None, True
        parent = self._turns[-1]["turn"] if self._turns else None
        if self._pending:
            parent = self._add("you", [stroke for stroke, _ in self._pending], 10)
            self._pending = []
        number = len(self._turns) + 1
        spiral = self._spiral(count)
        before = self.picture()
        yield TurnBegan(
            turn=number, parent=parent, seed=0, first_frame=0, num_frames=count, fps=FPS
        )
        sketch = replace(self._sketch([spiral]), num_frames=count)
        kept = -1
        for index, frame in enumerate(stream_frames(sketch)):
            if index % BLOCK == 0:
                time.sleep(self._block_s)
            if self._cut is not None:
                break
            frame = np.minimum(frame, before)
            kept = index
            yield FrameDrawn(turn=number, index=index, frame_HW3=frame, changed=_ALL, raw_HW3=frame)
        kept = kept if self._cut is None else min(kept, self._cut)
        if self._cut is None:
            yield StrokesTraced(turn=number, strokes=(spiral,))
        shown = _until(spiral, kept)
        if kept >= 0:
            self._add("model", [shown], kept + 1)
        self._drawing = False
        ending = "done" if self._cut is None else "stopped"
        yield TurnEnded(turn=number, num_frames=kept + 1, ending=ending)  # type: ignore[arg-type]

    def cancel(self, shown_frame: int | None = None) -> None:
        self._cut = -1 if shown_frame is None else shown_frame

    def undo(self) -> int | None:
        if self._pending:
            self._pending.pop()
        elif self._turns:
            self._turns.pop()
        return self._turns[-1]["turn"] if self._turns else None

    def picture(self, turn: int | None = None) -> NDArray[np.uint8]:
        strokes = [stroke for entry in self._turns for stroke in entry["strokes"]]
        strokes += [stroke for stroke, _ in self._pending]
        return renderer.picture(self._sketch(strokes))

    def state(self) -> dict[str, Any]:
        turns = [{**turn, "strokes": strokes_of(turn["strokes"])} for turn in self._turns]
        pending = strokes_of(stroke for stroke, _ in self._pending)
        for told, (_, eraser) in zip(pending, self._pending, strict=True):
            told["eraser"] = eraser
        return {
            "session": self.id,
            "width": self.request.width,
            "height": self.request.height,
            "fps": FPS,
            "drawing": self._drawing,
            "head": self._turns[-1]["turn"] if self._turns else None,
            "concept": "",
            "plan": None,
            "turns": turns,
            "pending": pending,
            "locked": [],
            "can_undo": bool(turns or pending),
            "can_redo": False,
            "settings": {"match_hand": False, "tutor": False},
        }

    def left_to_draw(self) -> list[dict[str, Any]]:
        return []

    def discard(self) -> None:
        self._points = []

    def listen(self, tell: Callable[[str], None]) -> Callable[[], None]:
        return lambda: None

    def _add(self, hand: str, strokes: list[Stroke], num_frames: int) -> int:
        number = len(self._turns) + 1
        parent = self._turns[-1]["turn"] if self._turns else None
        entry = {"turn": number, "parent": parent, "hand": hand, "num_frames": num_frames}
        self._turns.append({**entry, "on_path": True, "strokes": strokes})
        return number

    def _sketch(self, strokes: list[Stroke]) -> Sketch:
        assert self.request.width is not None
        assert self.request.height is not None
        size = {"width_px": self.request.width, "height_px": self.request.height}
        return Sketch(strokes=tuple(strokes), fps=FPS, **size)

    def _spiral(self, num_frames: int) -> Stroke:
        assert self.request.width is not None
        assert self.request.height is not None
        share = np.linspace(0, 1, 40 * num_frames // BLOCK + 2)
        angle, turn = 18 * share, 0.4 * len(self._turns)
        radius = 0.42 * self.request.height * share
        x = self.request.width / 2 + radius * np.cos(angle + turn)
        y = self.request.height / 2 + radius * np.sin(angle + turn)
        return Stroke(
            points_N2=np.column_stack([x, y]).astype(np.float32),
            times_N=(share * (num_frames - 1)).astype(np.float32),
            pressure_N=np.ones(len(share), np.float32),
        )


class ScriptedService(CoDrawService):
    """Scripted sessions, as many as anybody wants."""

    def __init__(self, *, num_frames: int = 36, block_s: float = 0.0) -> None:
        self.options = {"num_frames": num_frames, "block_s": block_s}
        self.sessions: dict[str, ScriptedSession] = {}

    def look(self, looker: object, model: str, *, role: Role = Role.OWNER) -> None:
        """No model has to be loaded."""

    def look_away(self, looker: object) -> None:
        """None was."""

    def open(self, owner: str, request: CoDrawRequest, *, role: Role = Role.OWNER) -> Session:
        session = ScriptedSession(owner, request, **self.options)  # type: ignore[arg-type]
        self.sessions[session.id] = session
        return session

    def get(self, session_id: str, owner: str, *, role: Role = Role.OWNER) -> Session:
        session = self.sessions.get(session_id)
        if session is None or session.owner != owner:
            raise NoSession("There is no such drawing here.")
        return session

    def of(self, owner: str) -> list[str]:
        return [name for name, session in self.sessions.items() if session.owner == owner]

    def leave(self, session_id: str, owner: str) -> None:
        self.get(session_id, owner)

    def close(self, session_id: str, owner: str) -> None:
        self.get(session_id, owner)
        del self.sessions[session_id]

    def folder_of(self, session_id: str, owner: str) -> Path:
        return Path()


_ALL = Box(left=0, top=0, right=10_000, bottom=10_000)


def _until(stroke: Stroke, frame: int) -> Stroke:
    kept = max(1, int((stroke.times_N <= frame).sum()))
    return replace(
        stroke,
        points_N2=stroke.points_N2[:kept],
        times_N=stroke.times_N[:kept],
        pressure_N=stroke.pressure_N[:kept],
    )
