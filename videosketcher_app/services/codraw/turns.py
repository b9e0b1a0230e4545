"""Turn and TurnTree: the contributions of both hands, none of which is ever lost.

Undo goes to the parent and leaves the turn where it is; whoever goes on from there begins a
branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.sketch_request import MODES
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.events import Hand
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.reel import Reel

if TYPE_CHECKING:
    from videosketcher_app.engines.memory.modes import Mode


@dataclass(frozen=True, kw_only=True, eq=False)
class Turn:
    """What one hand drew at a stretch: whole blocks.

    Attributes:
        number: in the order of beginning, from 1; never used again.
        parent: the turn before it; None on blank paper.
        strokes: times are frames of this turn; those of the model are traced.
        reel: its frames.
        paper: the canvas at its end.
        first_frame: number of its first frame in the drawing.
        seed: of the model's noise; None for the user.
        mode: of speed, in which the model drew; None for the user.
        facts: what the model drew with, in words, where the mode decides that.
        drawn_frames: how many of its frames hold something; the rest is stillness that fills the
            last block.
        traced: the strokes are all of the ink.
    """

    number: int
    parent: int | None
    hand: Hand
    strokes: tuple[HandStroke, ...]
    reel: Reel
    paper: Paper
    blocks: tuple[Block, ...]
    first_frame: int
    seed: int | None = None
    mode: Mode | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    drawn_frames: int = 0
    traced: bool = True

    @property
    def num_frames(self) -> int:
        """Frames of whole blocks."""
        return len(self.reel)


@dataclass
class TurnTree:
    """All turns of a session and the one that is the latest now.

    Attributes:
        head: the latest turn; None on blank paper.
    """

    head: int | None = None
    _turns: dict[int, Turn] = field(default_factory=dict)
    _redo: list[int] = field(default_factory=list)
    _last: int = 0

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns.values())

    def __len__(self) -> int:
        return len(self._turns)

    def new_number(self) -> int:
        """A number that no turn has or had."""
        self._last += 1
        return self._last

    def add(self, turn: Turn) -> None:
        """Hangs a turn on its parent and makes it the latest."""
        assert turn.parent is None or turn.parent in self._turns, turn.parent
        self._turns[turn.number] = turn
        self._last = max(self._last, turn.number)
        self.head = turn.number
        self._redo.clear()

    def turn(self, number: int) -> Turn:
        """One turn.

        Raises:
            InvalidRequest: there is none of that number.
        """
        if number not in self._turns:
            raise InvalidRequest(
                f"This drawing has no turn {number}.", hint="Choose one from the list of turns."
            )
        return self._turns[number]

    @property
    def latest(self) -> Turn | None:
        """The turn that is the latest now."""
        return None if self.head is None else self._turns[self.head]

    def path(self, number: int | None = None) -> list[Turn]:
        """From blank paper to a turn; None means to the latest."""
        at = self.head if number is None else number
        turns: list[Turn] = []
        while at is not None:
            turns.append(self._turns[at])
            at = self._turns[at].parent
        return turns[::-1]

    def blocks(self) -> list[Block]:
        """All steps from blank paper to the latest turn."""
        return [block for turn in self.path() for block in turn.blocks]

    def undo(self) -> bool:
        """Goes to the parent; False on blank paper."""
        if self.head is None:
            return False
        self._redo.append(self.head)
        self.head = self._turns[self.head].parent
        return True

    def redo(self) -> bool:
        """Takes back the latest `undo` since the last `add` or `goto`."""
        if not self._redo:
            return False
        self.head = self._redo.pop()
        return True

    @property
    def can_redo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._redo)

    def goto(self, number: int | None) -> None:
        """Makes any turn the latest.

        Raises:
            InvalidRequest: there is none of that number.
        """
        self.head = None if number is None else self.turn(number).number
        self._redo.clear()

    def ancestor(self, one: int, other: int) -> int | None:
        """The latest turn that both came from; None is blank paper."""
        mine = [turn.number for turn in self.path(self.turn(one).number)]
        theirs = {turn.number for turn in self.path(self.turn(other).number)}
        common = [number for number in mine if number in theirs]
        return common[-1] if common else None


def known_mode(name: Any) -> Mode | None:
    """The mode of speed of that name; None if there is none."""
    return next((mode for mode in MODES if mode == name), None)
