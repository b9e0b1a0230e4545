"""UserHand: what the person draws becomes blocks that the model is shown, and then a turn."""

from __future__ import annotations

from videosketcher_app.data.strokes import FloatArray
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.ground import Ground
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.model_turn import BLOCK_FRAMES, FIRST_BLOCK_FRAMES
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.reel import Reel
from videosketcher_app.services.codraw.turns import Turn


class UserHand(Ground):
    """The person's side of a session; every method is called with its lock held."""

    def _prefill(self) -> None:
        """Shows the model the blocks of the user's turn that are full."""
        if self._hand is None:
            return
        whole = self._whole_until(len(self._hand.reel))
        if whole > self._shown_until():
            self._show_until(self._hand.reel, whole)
            self._follow()

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
