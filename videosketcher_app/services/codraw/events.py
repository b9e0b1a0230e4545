"""What a co-drawing session tells while the model draws; numpy only.

A turn of the model is TurnBegan, any number of FrameDrawn and StrokesTraced, and exactly one of
TurnEnded and TurnFailed. Waiting may come before the first frame, as often as the place changes.

Legend: H/W canvas pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError
from videosketcher_app.data.strokes import Stroke

Hand = Literal["you", "model"]
Ending = Literal["done", "stopped", "part", "idle"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of canvas pixels; right and bottom are outside. Empty if nothing changed."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def is_empty(self) -> bool:
        """True if it holds no pixel."""
        return self.right <= self.left or self.bottom <= self.top


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The turn waits for the device.

    Attributes:
        position: jobs before it.
    """

    position: int


@dataclass(frozen=True, kw_only=True)
class TurnBegan:
    """The model begins to draw.

    Attributes:
        turn: its number; numbers of a session are never used again.
        parent: the turn that it goes on from; None on blank paper.
        first_frame: number of its first frame in the drawing.
        num_frames: frames that it will have at most; None until the plan's end.
        fps: frames a second at which to show it, matched to the user's own pace if asked.
    """

    turn: int
    parent: int | None
    seed: int
    first_frame: int
    num_frames: int | None
    fps: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameDrawn:
    """One frame, composited: permanent ink, white paper, the user's strokes as they were.

    Attributes:
        index: within the turn, from 0.
        frame_HW3: uint8; must not be written to.
        changed: what differs from the frame before.
        raw_HW3: uint8 as the model decoded it, for the switch "raw pixels".
    """

    turn: int
    index: int
    frame_HW3: NDArray[np.uint8]
    changed: Box
    raw_HW3: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class StrokesTraced:
    """Model ink that is finished, as crisp strokes; times are frames of the turn.

    Attributes:
        strokes: new ones, in drawing order; an earlier one never changes.
        first: number of the first of them within the turn.
    """

    turn: int
    strokes: tuple[Stroke, ...]
    first: int = 0


@dataclass(frozen=True, kw_only=True)
class TurnEnded:
    """The turn is part of the drawing.

    Attributes:
        num_frames: of the turn as it was kept; 0 if it was stopped before its first frame, and
            then there is no such turn.
        ending: "done", "stopped" by somebody, a "part" was finished, or "idle": nothing left.
        seconds: it took.
        blocks: that the model drew.
    """

    turn: int
    num_frames: int
    ending: Ending
    seconds: float = 0.0
    blocks: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class TurnFailed:
    """The turn could not go on; what was shown before stays.

    Attributes:
        error: why, for people.
    """

    turn: int
    error: AppError
    num_frames: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Replayed:
    """One frame of a replay.

    Attributes:
        at_s: when to show it, in seconds from the beginning, with the asked speed.
        turn: whose it is.
        index: within that turn.
        hand: who drew it.
    """

    at_s: float
    turn: int
    index: int
    hand: Hand
    frame_HW3: NDArray[np.uint8]
    changed: Box


@dataclass(frozen=True, kw_only=True, eq=False)
class Peek:
    """What the model would do next; nothing of it is kept.

    Attributes:
        seed: `generate` with it draws exactly this.
        picture_HW3: the picture at its end.
        ink_HW: coverage in [0, 1] of the ink that it would add, for the onion skin.
        strokes: that ink as crisp strokes.
    """

    seed: int
    num_frames: int
    picture_HW3: NDArray[np.uint8]
    ink_HW: NDArray[np.float32]
    strokes: tuple[Stroke, ...] = field(default_factory=tuple)


Event = Waiting | TurnBegan | FrameDrawn | StrokesTraced | TurnEnded | TurnFailed
