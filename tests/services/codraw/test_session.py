"""A session: two hands, turns that are never lost, and a model that agrees with the screen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import (
    HEIGHT,
    WIDTH,
    Studio,
    draw_line,
    ended,
    frames_of,
    fresh_next_block,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Pen
from videosketcher_app.services.codraw.events import FrameDrawn, TurnBegan, TurnEnded


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    """A studio for one test."""
    with studio(tmp_path) as opened:
        yield opened


def test_two_hands_take_turns(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    draw_line(session, (6, 40), (40, 42), number=2)
    mine = session.picture()
    events = play(session, 24)
    assert isinstance(events[0], TurnBegan)
    assert [frame.index for frame in frames_of(events)] == list(range(24))
    assert ended(events).ending == "done"
    turns = session.state()["turns"]
    assert [turn["hand"] for turn in turns] == ["you", "model"]
    assert turns[0]["num_frames"] % 12 == 9, "whole blocks from blank paper"
    assert turns[1]["first_frame"] == turns[0]["num_frames"]
    assert len(turns[0]["strokes"]) == 2
    cover = session._tree.turn(1).paper.user_HW
    assert np.array_equal(session.picture()[cover == 1], mine[cover == 1]), "my ink as it was"
    assert (session.picture() <= mine).all(), "ink stays"


def test_frames_agree_with_the_scrubber_the_boxes_and_the_replay(shared: Studio) -> None:
    session = shared.open()
    draw_line(session)
    before = session.picture()
    frames = frames_of(play(session, 12))
    for event in frames:
        assert np.array_equal(session.frame(2, event.index), event.frame_HW3)
        box = event.changed
        rebuilt = before.copy()
        inside = slice(box.top, box.bottom), slice(box.left, box.right)
        rebuilt[inside] = event.frame_HW3[inside]
        assert np.array_equal(rebuilt, event.frame_HW3)
        before = event.frame_HW3
    replayed = list(session.replay(2.0))
    assert replayed[-1].at_s == pytest.approx((len(replayed) - 1) / 30)
    assert np.array_equal(replayed[-1].frame_HW3, session.picture())
    assert [r.hand for r in replayed] == sorted((r.hand for r in replayed), reverse=True)


def test_undo_redo_and_branch_lose_nothing_and_the_model_follows(shared: Studio) -> None:
    session = shared.open(seed=3)
    draw_line(session)
    play(session, 12)
    draw_line(session, (40, 6), (8, 40))
    play(session, 24)
    pictures = {turn: session.picture(turn) for turn in (1, 2, 3, 4)}
    assert [session.undo() for _ in range(5)] == [3, 2, 1, None, None]
    assert (session.picture() == 255).all()
    assert [session.redo() for _ in range(4)] == [1, 2, 3, 4]
    session.branch(2)
    events = play(session, 12)
    assert session.state()["head"] == 5
    assert not np.array_equal(session.picture(5), pictures[3]), "a branch of its own"
    for turn, picture in pictures.items():
        session.branch(turn)
        assert np.array_equal(session.picture(), picture)
        seed = session._turn_seed()
        expected = fresh_next_block(session, seed)
        assert np.array_equal(raw_clip(play(session, 12)), expected), turn
    assert frames_of(events)
    assert session.compare(4, 5)["ancestor"] == 2


def test_undo_takes_a_stroke_before_it_takes_a_turn(shared: Studio) -> None:
    session = shared.open()
    draw_line(session)
    one = session.picture()
    draw_line(session, (40, 6), (8, 40), number=2)
    both = session.picture()
    session.undo()
    assert np.array_equal(session.picture(), one)
    session.redo()
    assert np.array_equal(session.picture(), both)
    session.undo()
    session.undo()
    assert (session.picture() == 255).all()
    assert session.state()["turns"] == []
    session.redo()
    session.redo()
    assert np.array_equal(session.picture(), both)


def test_a_stroke_comes_back_where_it_was_taken_from(shared: Studio) -> None:
    session = shared.open()
    draw_line(session)
    play(session, 12)
    answered = session.picture()
    draw_line(session, (40, 6), (8, 40), number=2)
    both = session.picture()
    for _ in range(3):
        session.undo()
    assert (session.picture() == 255).all()
    session.redo()
    session.redo()
    assert np.array_equal(session.picture(), answered)
    session.redo()
    assert np.array_equal(session.picture(), both)
    assert not session.state()["can_redo"]


def test_regenerating_after_an_undo_draws_something_else(shared: Studio) -> None:
    session = shared.open()
    play(session, 9)
    session.undo()
    first, second = session.picture(1), frames_of(play(session, 9))[-1].frame_HW3
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shown", [-1, 0, 4, 11, 12, 17])
def test_a_stop_cuts_picture_and_memory_to_what_was_shown(shared: Studio, shown: int) -> None:
    session = shared.open(seed=shown + 1)
    draw_line(session)
    before, frames = session.picture(), []
    for event in session.generate(36):
        if isinstance(event, FrameDrawn):
            frames.append(event)
            if event.index == max(shown, 0) + 1:
                session.cancel(shown)
    kept = [frame.frame_HW3 for frame in frames][: shown + 1]
    expected = kept[-1] if kept else before
    assert np.array_equal(session.picture(), expected)
    turns = session.state()["turns"]
    assert len(turns) == (2 if kept else 1)
    if kept:
        assert turns[1]["drawn_frames"] == shown + 1
        assert turns[1]["num_frames"] % 12 == 0
    seed = session._turn_seed()
    expected = fresh_next_block(session, seed)
    assert np.array_equal(raw_clip(play(session, 12)), expected)


def test_leaving_the_iterator_keeps_what_was_taken(shared: Studio) -> None:
    session = shared.open()
    with closing(session.generate(24)) as events:
        taken = list(islice(events, 6))
    last = [event for event in taken if isinstance(event, FrameDrawn)][-1]
    assert np.array_equal(session.picture(), last.frame_HW3)
    assert not session.is_drawing
    assert session.state()["turns"][0]["drawn_frames"] == last.index + 1


def test_only_one_turn_at_a_time(shared: Studio) -> None:
    session = shared.open()
    events = session.generate(12)
    next(events)
    for forbidden in (
        lambda: session.generate(12),
        lambda: session.pen([[1, 1, 0, 1]], stroke=1),
        session.undo,
        session.redo,
        lambda: session.branch(None),
        session.peek,
        lambda: session.export(["png"]),
    ):
        with pytest.raises(InvalidRequest, match="is drawing"):
            forbidden()
    events.close()
    assert session.state()["turns"] == []
    assert frames_of(play(session, 9))


def test_a_stop_from_another_thread_ends_the_turn(shared: Studio) -> None:
    session = shared.open()
    seen = threading.Event()

    def stop() -> None:
        assert seen.wait(60)
        session.cancel(2)

    other = threading.Thread(target=stop)
    other.start()
    drawn = 0
    for event in session.generate(1200):
        if isinstance(event, FrameDrawn):
            drawn += 1
            if event.index == 3:
                seen.set()
                other.join()
        if isinstance(event, TurnEnded):
            assert event.ending == "stopped"
    assert drawn == 4
    assert session.state()["turns"][0]["drawn_frames"] == 3


def test_the_onion_skin_is_what_the_next_turn_draws(shared: Studio) -> None:
    session = shared.open()
    draw_line(session)
    before = session.state()
    peek = session.peek()
    assert session.state() == before, "nothing is kept"
    assert peek.ink_HW.max() > 0
    frames = frames_of(play(session, 12, seed=peek.seed))
    assert np.array_equal(frames[-1].frame_HW3, peek.picture_HW3)
    session.undo()
    session.undo()
    draw_line(session)
    assert session.peek().seed == peek.seed, "a turn's seed does not depend on what was undone"


def test_part_of_a_turn_can_be_accepted(shared: Studio) -> None:
    session = shared.open()
    frames = frames_of(play(session, 33))
    number = session.accept(1, 13)
    assert np.array_equal(session.picture(), frames[13].frame_HW3)
    assert session.state()["turns"][-1]["drawn_frames"] == 14
    seed = session._turn_seed()
    expected = fresh_next_block(session, seed)
    assert np.array_equal(raw_clip(play(session, 12)), expected)
    assert np.array_equal(session.picture(1), frames[-1].frame_HW3), "the whole turn is still there"
    with pytest.raises(InvalidRequest):
        session.accept(number, 99)


def test_locked_paper_stays_white_and_the_model_is_told(shared: Studio) -> None:
    session = shared.open()
    session.lock([(0, 0), (24, 0), (24, 48), (0, 48)])
    play(session, 21)
    picture = session.picture()
    assert (picture[:, :24] == 255).all()
    assert (picture[:, 26:] < 255).any()
    assert all(block.shown is not None for block in session._tree.blocks())
    seed = session._turn_seed()
    expected = fresh_next_block(session, seed)
    session.lock(None)
    assert np.array_equal(raw_clip(play(session, 12)), expected)


def test_other_words_hold_from_the_next_block_on(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    play(session, 9)
    plan = session.say("a house")
    assert plan["concept"] == "a house"
    assert [part["name"] for part in plan["parts"]] == [p["name"] for p in session.left_to_draw()]
    seed = session._turn_seed()
    expected = fresh_next_block(session, seed)
    assert np.array_equal(raw_clip(play(session, 12)), expected)
    assert len({block.words for block in session._tree.blocks()}) == 2
    with pytest.raises(InvalidRequest):
        session.say(plan="Step by step sketch process of nothing, following this drawing order: x")
    session.say("")
    assert session.left_to_draw() == []


def test_the_user_knows_better_which_part_is_drawn(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    session.mark_part(0, True)
    session.mark_part(1, False)
    first, second, *_ = session.left_to_draw()
    assert (first["drawn"], first["sure"], second["drawn"]) == (True, 1.0, False)
    with pytest.raises(InvalidRequest):
        session.mark_part(99, True)


def test_a_tutor_pauses(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    session.set(tutor=True)
    events = play(session, 240)
    assert ended(events).ending == "part"
    assert ended(events).num_frames < 60
    with pytest.raises(InvalidRequest, match="nothing to compare"):
        session.compare_copy(1)


def test_a_drawing_to_which_nothing_is_added_comes_to_its_end(shared: Studio) -> None:
    session = shared.open()
    session.lock([(-1, -1), (60, -1), (60, 60), (-1, 60)])  # so that no ink appears
    events = play(session, None, until="plan")
    assert ended(events).ending == "idle"
    assert ended(events).blocks == 2


def test_a_background_is_where_a_drawing_begins(shared: Studio) -> None:
    session = shared.open()
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[..., 0] = 200
    assert session.background(picture) == 1
    begun = session.picture()
    assert (begun[24, 24] == (200, 0, 0)).all()
    assert (begun[:11] == 255).all(), "not stretched"
    assert session.state()["turns"][0]["num_frames"] == 9
    assert frames_of(play(session, 12))
    with pytest.raises(InvalidRequest):
        session.background(picture)


def test_the_models_pen_and_pace_follow_the_users(shared: Studio) -> None:
    session = shared.open()
    for number in range(3):
        draw_line(
            session,
            (5, 6 + 9 * number),
            (43, 8 + 9 * number),
            seconds=2.0,
            pen=Pen(color=(0.0, 0.0, 1.0), width_px=3.0),
            number=number,
        )
    slow = play(session, 12)[0]
    assert isinstance(slow, TurnBegan)
    assert slow.fps == pytest.approx(6.6, abs=0.05), "19 px a second at 2.9 px a frame"
    assert session._pen_of_model() == Pen(color=(0.0, 0.0, 1.0), width_px=3.0)
    session.set(match_hand=False)
    even = play(session, 12)[0]
    assert isinstance(even, TurnBegan)
    assert even.fps == session.request.fps


def test_the_state_is_json_and_changes_are_told(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    told: list[str] = []
    stop = session.listen(told.append)
    draw_line(session)
    play(session, 12)
    assert told
    stop()
    count = len(told)
    session.undo()
    assert len(told) == count
    state = json.loads(json.dumps(session.state(), allow_nan=False))
    assert state["width"] == WIDTH
    assert state["height"] == HEIGHT
    assert state["plan"]["concept"] == "a cat"


@pytest.mark.parametrize(
    "how", [{"num_frames": 0}, {"num_frames": 10**6}, {"seed": -1}, {"until": "never"}]
)
def test_a_turn_that_is_not_possible_is_refused_at_once(shared: Studio, how: dict) -> None:
    session = shared.open()
    with pytest.raises(InvalidRequest):
        session.generate(**how)
    assert not session.is_drawing


def test_a_full_disk_stops_nobody_from_drawing(
    shared: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videosketcher_app.core.errors import CannotWrite
    from videosketcher_app.services.codraw import kept

    session = shared.open()

    def full(*_: object) -> None:
        raise CannotWrite("The disk is full.", hint="Make room.")

    monkeypatch.setattr(kept, "write_turn", full)
    monkeypatch.setattr(kept, "write_session", full)
    draw_line(session)
    assert ended(play(session, 12)).ending == "done"
    assert session.state()["unsaved"] == "The disk is full."
    monkeypatch.undo()
    draw_line(session)
    assert session.state()["unsaved"] == ""


def test_an_endless_turn_is_flat(shared: Studio) -> None:
    session = shared.open()
    sizes = {}
    for event in session.generate(1800):
        if isinstance(event, FrameDrawn) and event.index in (400, 1799):
            turn, stage = session._turn, session._side._stage
            assert turn is not None
            assert stage is not None
            bounded = (
                len(session._shelf._recent),
                stage.num_bytes,
                len(stage._drawing._marks),
                stage._drawing.held_bytes(),
            )
            sizes[event.index] = (turn._reel.num_bytes, bounded)
    assert sizes[1799][1] == sizes[400][1]
    assert sizes[1799][0] < 1.5 * sizes[400][0]
