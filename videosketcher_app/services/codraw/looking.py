"""Looking back: pictures, the state for a page, replay, comparison and export of a session.

Nothing here changes the drawing, except that an export first makes a turn of what the user has
just drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.codraw.copying import compare_copy
from videosketcher_app.services.codraw.easel import Easel
from videosketcher_app.services.codraw.events import Replayed
from videosketcher_app.services.codraw.export import check_speed, export_session
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.parts import as_values, parts_of
from videosketcher_app.services.codraw.reel import Picture
from videosketcher_app.services.codraw.turns import Turn, TurnTree
from videosketcher_app.services.codraw.words import Words


class LookingBack(Easel):
    """What people may ask of a session."""

    def picture(self, turn: int | None = None) -> Picture:
        """The picture (H, W, 3) now, with strokes in progress, or at the end of a turn.

        Raises:
            InvalidRequest: there is no such turn.
        """
        with self._lock:
            if turn is not None:
                return self._tree.turn(turn).paper.picture_HW3
            if self._hand is not None:
                return self._hand.picture()
            return self._paper().picture_HW3

    def frame(self, turn: int, index: int) -> Picture:
        """One frame of a turn, for scrubbing.

        Raises:
            InvalidRequest: there is no such frame.
        """
        with self._lock:
            reel = self._tree.turn(turn).reel
        if not 0 <= index < len(reel):
            raise InvalidRequest(f"Turn {turn} has no frame {index}.", hint="Choose another.")
        return reel.frame(index)

    def state(self) -> dict[str, Any]:
        """Everything that a page needs after a reload, as JSON values.

        {"session", "width", "height", "fps", "model", "drawing": bool, "concept", "plan": {...},
        "head", "turns": [{"turn", "parent", "hand", "num_frames", "drawn_frames", "first_frame",
        "seed", "on_path", "strokes": [{"points": [[x, y, frame, pressure]...], "color": "#rrggbb",
        "width", "opacity", "eraser"}]}...], "pending": [strokes not yet answered], "locked":
        [polygons], "can_undo", "can_redo", "settings": {...}}
        """
        with self._lock:
            pending = list(self._hand.strokes) if self._hand is not None else []
            return {
                "session": self.id,
                "width": self.width,
                "height": self.height,
                "fps": self.request.fps,
                "model": self.request.model,
                "drawing": self.is_drawing,
                "concept": self._words.concept,
                "plan": self._words.shown(),
                **_turns_state(self._tree),
                "pending": [stroke_view(stroke) for stroke in pending],
                "locked": self._lassos,
                "unsaved": self.unsaved,
                "can_undo": bool(pending) or self._tree.head is not None,
                "can_redo": bool(self._taken_back) or self._tree.can_redo,
                "settings": {
                    "match_hand": self.match_hand,
                    "tutor": self.tutor,
                    "mode": self.mode,
                    "turn_frames": self.request.turn_frames,
                },
            }

    def left_to_draw(self) -> list[dict[str, Any]]:
        """Every part of the plan: {"name", "description", "drawn", "sure": 0 to 1}; none without
        a plan. Takes a detector's look, about a tenth of a second.
        """
        with self._lock:
            words, picture_HW3, told = self._words, self.picture(), dict(self._told)
            inked = sum(turn.drawn_frames for turn in self._tree.path())
        if words.planned is None:
            return []
        return as_values(parts_of(words, picture_HW3, inked_frames=inked, told=told))

    def compare(self, one: int, other: int) -> dict[str, Any]:
        """Two turns side by side.

        {"ancestor": turn or None, "one": {...}, "other": {...}}, each with "turn", "picture"
        (H, W, 3), "turns" since the ancestor and their "strokes" as in `state()`.

        Raises:
            InvalidRequest: there is no such turn.
        """
        with self._lock:
            ancestor = self._tree.ancestor(one, other)
            before = len(self._tree.path(ancestor)) if ancestor is not None else 0
            sides = [self._tree.path(number)[before:] for number in (one, other)]
            pictures = [self.picture(number) for number in (one, other)]
        views = [
            {
                "turn": number,
                "picture": picture,
                "turns": [turn.number for turn in turns],
                "strokes": [stroke_view(s) for turn in turns for s in turn.strokes],
            }
            for number, picture, turns in zip((one, other), pictures, sides, strict=True)
        ]
        return {"ancestor": ancestor, "one": views[0], "other": views[1]}

    def compare_copy(self, turn: int) -> dict[str, Any]:
        """Tutor: how near the user's strokes since then are to the model's of that turn.

        See `copying.compare_copy` for what comes back.

        Raises:
            InvalidRequest: there is no such turn, or there are no strokes to compare.
        """
        with self._lock:
            shown = self._tree.turn(turn)
            since = [t for t in self._tree.path() if t.number > turn and t.hand == "you"]
            mine = [stroke for t in since for stroke in t.strokes]
            mine += self._hand.strokes if self._hand is not None else []
        return compare_copy(
            [s.stroke for s in shown.strokes], [s.stroke for s in mine if not s.eraser]
        )

    def replay(self, speed: float = 1.0) -> Iterator[Replayed]:
        """All frames from blank paper to now, both hands, with the time to show each at.

        Stillness that only fills a block is left out.

        Raises:
            InvalidRequest: a speed that is not possible.
        """
        check_speed(speed)
        with self._lock:
            path = self._tree.path()
        return _replayed(path, self.request.fps * speed)

    def export(
        self,
        kinds: Sequence[str],
        *,
        folder: Path | None = None,
        height_px: int | None = None,
        speed: float = 1.0,
        name: str | None = None,
    ) -> dict[str, Path]:
        """Files by kind, of both hands; the SVG has a layer per hand.

        Args:
            kinds: of mp4, mp4_raw, gif, png, svg, script.
            folder: where they go; None is `exports` in the session's own folder.
            height_px: None is the canvas's own.
            name: what the files' names begin with; None is the concept.

        Raises:
            InvalidRequest: nothing is drawn yet, the model is drawing, or a value is not possible.
            CannotWrite: the folder cannot be written.
        """
        path, words = self.path()
        return export_session(
            path,
            words,
            self.request,
            kinds,
            folder=folder or self.folder / "exports",
            height_px=height_px,
            speed=speed,
            name=name,
        )

    def path(self) -> tuple[list[Turn], Words]:
        """The turns to the latest one, what the user has just drawn included, and the words.

        Raises:
            InvalidRequest: the model is drawing.
        """
        with self._lock:
            self._require_rest()
            self._commit_hand()
            return self._tree.path(), self._words


def stroke_view(kept: HandStroke) -> dict[str, Any]:
    """A stroke for a page; positions are rounded to a hundredth of a pixel."""
    stroke, pen = kept.stroke, kept.stroke.pen
    rows = np.column_stack([stroke.points_N2, stroke.times_N, stroke.pressure_N])
    return {
        "points": np.round(rows.astype(np.float64), 2).tolist(),
        "color": "#" + "".join(f"{round(255 * channel):02x}" for channel in pen.color),
        "width": round(pen.width_px, 3),
        "opacity": round(pen.opacity, 3),
        "eraser": kept.eraser,
    }


def fitted(picture_HW3: NDArray[np.uint8], width: int, height: int) -> Picture:
    """A picture in the middle of white paper, as large as it can be without distortion.

    Raises:
        InvalidRequest: it is no picture (H, W, 3) uint8.
    """
    import cv2

    if picture_HW3.ndim != 3 or picture_HW3.shape[2] != 3 or picture_HW3.dtype != np.uint8:
        raise InvalidRequest(
            f"A background is a picture (H, W, 3) of bytes. Received: {picture_HW3.shape}",
            hint="Convert it to RGB.",
        )
    scale = min(width / picture_HW3.shape[1], height / picture_HW3.shape[0])
    size = [max(1, round(side * scale)) for side in (picture_HW3.shape[1], picture_HW3.shape[0])]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture_HW3, size, interpolation=how)
    paper_HW3 = Paper.blank(width, height).picture_HW3
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    paper_HW3[top : top + size[1], left : left + size[0]] = scaled
    return paper_HW3


def _turns_state(tree: TurnTree) -> dict[str, Any]:
    path = {turn.number for turn in tree.path()}
    turns = [
        {
            "turn": turn.number,
            "parent": turn.parent,
            "hand": turn.hand,
            "num_frames": turn.num_frames,
            "drawn_frames": turn.drawn_frames,
            "first_frame": turn.first_frame,
            "seed": turn.seed,
            "on_path": turn.number in path,
            "strokes": [stroke_view(stroke) for stroke in turn.strokes],
        }
        for turn in tree
    ]
    return {"head": tree.head, "turns": turns}


def _replayed(path: Sequence[Turn], fps: float) -> Iterator[Replayed]:
    shown = 0
    for turn in path:
        frames = turn.reel.frames(0, turn.drawn_frames)
        for index, (frame_HW3, box) in enumerate(frames):
            yield Replayed(
                at_s=shown / fps,
                turn=turn.number,
                index=index,
                hand=turn.hand,
                frame_HW3=frame_HW3,
                changed=box,
            )
            shown += 1
