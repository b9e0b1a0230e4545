"""Other words while the model draws: the next block follows them, as if it had never been otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import (
    HEIGHT,
    WIDTH,
    Studio,
    blocks_of,
    draw_line,
    ended,
    fresh_stage,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.events import FrameDrawn, TurnEnded, TurnFailed
from videosketcher_app.services.codraw.script import turn_events
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.switches import PromptSwitch, parse_switch


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened


def fresh_rollout(session: Session, before: list[Block], drawn: list[Block], seed: int):
    """The frames (T, H, W, 3) of some blocks, drawn on a stage that remembers nothing."""
    path, clips = list(before), []
    stage = fresh_stage(session.folder.parent / "fresh", (before or drawn)[0].words)
    stage._shelf._recent.update(session._shelf._recent)
    for block in drawn:
        stage.goto(path, block.words)
        steps = stage.draw(block, seed=seed, cancel=CancelToken())
        while True:
            try:
                next(steps)
            except StopIteration as end:
                clips.append(end.value)
                break
        path.append(block)
    stage.close()
    return np.concatenate(clips)


def switched_turn(session: Session, frame: int, words: str, *, num_frames: int = 48):
    """A turn in which somebody says something else once a frame is on the screen."""
    events = []
    with closing(session.generate(num_frames, seed=5)) as running:
        for event in running:
            events.append(event)
            if isinstance(event, FrameDrawn) and event.index == frame:
                session.say(words)
    return events


@pytest.mark.parametrize("frame", [0, 5, 11, 12, 23])
def test_the_block_after_the_one_on_the_screen_has_the_new_words(
    shared: Studio, frame: int
) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    play(session, 12, seed=3)
    before = blocks_of(session)
    old = session._words.text
    events = switched_turn(session, frame, "a house")
    assert ended(events).num_frames == 48
    drawn = blocks_of(session)[len(before) :]
    due = 12 * (frame // 12 + 1)
    assert [block.words == old for block in drawn] == [block.start < due for block in drawn]
    assert np.array_equal(raw_clip(events), fresh_rollout(session, before, drawn, seed=5))


def test_a_turn_that_is_reworded_twice_and_taken_back_leaves_no_trace(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    old = session._words.text
    with closing(session.generate(36, seed=5)) as running:
        for event in running:
            if isinstance(event, FrameDrawn) and event.index == 3:
                session.say("a house")
                session.say("a tree")
                session.say("a cat")
    assert {block.words for block in blocks_of(session)} == {old}
    kept = session._tree.latest
    assert kept is not None
    assert len(set(session.folder.glob("latents/*"))) == len(kept.blocks)


def test_a_stop_after_other_words_still_ends_once(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    events = []
    with closing(session.generate(48)) as running:
        for event in running:
            events.append(event)
            if isinstance(event, FrameDrawn) and event.index == 4:
                session.say("a house")
                session.cancel(4)
    assert [type(e) for e in events if isinstance(e, TurnEnded | TurnFailed)] == [TurnEnded]
    assert session._tree.path()[-1].drawn_frames == 5
    again = blocks_of(session)
    assert again[-1].words != session._words.text, (
        "the cut block keeps the words it was drawn under"
    )


def test_a_tutor_waits_for_a_part_of_the_new_plan(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    session.set(tutor=True)
    events = switched_turn(session, 2, "a house", num_frames=600)
    longest = 2 * 81 / len(session._words.plan.parts)
    assert ended(events).num_frames <= longest + 12


def test_switches_by_frame_are_the_same_every_time(shared: Studio) -> None:
    clips = []
    for _ in range(2):
        session = shared.open(concept="a cat", width=WIDTH, height=HEIGHT)
        switches = [PromptSwitch(frame=20, words="a tree"), PromptSwitch(frame=9, words="a house")]
        clips.append(raw_clip(list(turn_events(session, 33, switches=switches, seed=1))))
        words = [block.words for block in blocks_of(session)]
        assert [words.index(word) for word in words] == [0, 1, 2]
    assert np.array_equal(*clips)


@pytest.mark.parametrize("text", ["", "81", ":a cat", "x:a cat", "-3:a cat", "5:", "5: "])
def test_a_switch_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_switch(text)


def test_a_switch_is_read() -> None:
    assert parse_switch("81:a cat: sitting") == PromptSwitch(frame=81, words="a cat: sitting")
