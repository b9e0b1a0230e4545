"""Prompt switches: other words from a frame on, as people write them and as a run follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from videosketcher_app.core.errors import InvalidRequest

MAX_SWITCHES = 100


@dataclass(frozen=True, kw_only=True)
class PromptSwitch:
    """Other words from the first block on that begins at or after a frame.

    Attributes:
        frame: from 0.
        words: a concept, or a whole plan.

    Raises:
        InvalidRequest: there are no words, or no such frame.
    """

    frame: int
    words: str

    def __post_init__(self) -> None:
        if self.frame < 0 or not isinstance(self.words, str) or not self.words.strip():
            raise InvalidRequest(
                f"Other words need a frame and a text. Received: {self.frame}, {self.words!r}",
                hint='For instance frame 81 and "a horse".',
            )


def parse_switch(text: str) -> PromptSwitch:
    """The switch of FRAME:WORDS.

    Raises:
        InvalidRequest: it is not written so.
    """
    frame, _, words = text.partition(":")
    if not frame.strip().isdecimal():
        raise InvalidRequest(
            f"A switch is written FRAME:WORDS. Received: {text[:80]!r}",
            hint='For instance 81:"a horse".',
        )
    return PromptSwitch(frame=int(frame), words=words)


def check_switches(switches: Sequence[PromptSwitch], num_frames: int) -> None:
    """Refuses switches that a run of so many frames never comes to.

    Raises:
        InvalidRequest: one is behind the end, or they are too many.
    """
    late = [switch.frame for switch in switches if switch.frame >= num_frames]
    if late:
        raise InvalidRequest(
            f"The drawing has {num_frames} frames, and the words change at {late[0]}.",
            hint=f"Choose a frame below {num_frames}.",
        )
    if len(switches) > MAX_SWITCHES:
        raise InvalidRequest(
            f"The words change {len(switches)} times.", hint=f"At most {MAX_SWITCHES} times."
        )
