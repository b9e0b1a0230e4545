"""Half-drawn sketches: who drew what, when, and what is left to draw."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.data.continuation_source import (
    MOST_PARTS_SAID,
    ContinuationMix,
    ContinuationSource,
    Setting,
    long_drawing,
)
from videosketcher_app.data.continuations import (
    WINDOW_BLOCKS,
    Continuation,
    OtherHand,
    continue_sketch,
    drawn_by,
    first_frame_of,
    turns,
)
from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import is_held_out

CAREFUL = OtherHand(width_px=5.5, wobble_px=0, offset_px=0, scaling=0, turn=0)


def cat():
    return compose(
        programs()["cat"],
        np.random.default_rng(1),
        drop=False,
        shuffle=False,
        layout=Layout(),
    )


def others(given: int) -> tuple[bool, ...]:
    return (True,) * given + (False,) * (WINDOW_BLOCKS - given)


def test_blocks_begin_at_9_then_every_12_frames() -> None:
    assert [first_frame_of(block) for block in range(4)] == [0, 9, 21, 33]
    assert first_frame_of(WINDOW_BLOCKS) == 81


@pytest.mark.parametrize("given", [1, 3, 5])
def test_the_other_hand_s_strokes_end_before_the_model_s_begin(given: int) -> None:
    drawn = cat().sketch
    for seed in range(30):
        rng = np.random.default_rng(seed)
        sketch = continue_sketch(drawn, others(given), rng, hand=CAREFUL)
        edge = first_frame_of(given)
        theirs = [s for s in sketch.strokes if s.pen.width_px > 4]
        ours = [s for s in sketch.strokes if s.pen.width_px < 4]
        assert theirs
        assert ours
        assert max(s.end for s in theirs) < edge - 0.5
        assert min(s.start for s in ours) >= edge
        assert min(s.start for s in sketch.strokes) >= 1
        assert all((np.diff(s.times_N) >= 0).all() for s in sketch.strokes)
        assert sketch.num_frames == 81


def test_no_ink_is_lost_or_added() -> None:
    drawn = cat().sketch
    for seed in range(30):
        sketch = continue_sketch(drawn, others(2), np.random.default_rng(seed))
        assert sum(len(s.points_N2) for s in sketch.strokes) == sum(
            len(s.points_N2) for s in drawn.strokes
        )


def test_what_is_missing_follows_in_the_plan_s_order() -> None:
    drawn = cat().sketch
    reordered = 0
    for seed in range(60):
        sketch = continue_sketch(drawn, others(2), np.random.default_rng(seed))
        edge = first_frame_of(2)
        begun = {s.part for s in sketch.strokes if s.start < edge}
        starts = [sketch.part_span(p)[0] for p in range(7) if p not in begun]
        assert starts == sorted(starts)
        reordered += begun != set(range(len(begun)))
    assert reordered >= 6  # parts left out or taken early do occur


def test_the_drawing_is_done_when_the_clip_ends_unless_that_would_be_a_rush() -> None:
    drawn = cat().sketch
    for seed in range(30):
        rng = np.random.default_rng(seed)
        end = max(s.end for s in continue_sketch(drawn, others(2), rng).strokes)
        assert 70 <= end <= 78
    late = [
        max(
            s.end
            for s in continue_sketch(
                drawn, others(6), np.random.default_rng(seed), share=0.1
            ).strokes
        )
        for seed in range(30)
    ]
    assert max(late) > 90


def test_a_share_of_the_drawing_is_given() -> None:
    drawn = cat().sketch
    edge = first_frame_of(2)
    for share in (0.2, 0.5):
        amounts = []
        for seed in range(40):
            sketch = continue_sketch(drawn, others(2), np.random.default_rng(seed), share=share)
            given = sum(len(s.points_N2) for s in sketch.strokes if s.start < edge)
            amounts.append(given / sum(len(s.points_N2) for s in sketch.strokes))
        assert abs(np.mean(amounts) - share) < 0.15


def test_another_hand_draws_with_its_own_pen_and_off_the_place() -> None:
    drawn = list(cat().sketch.strokes)
    hand = OtherHand(width_px=5, wobble_px=1, offset_px=4, scaling=0.05, turn=0.05)
    moved = drawn_by(drawn, hand, np.random.default_rng(0))
    assert [s.part for s in moved] == [s.part for s in drawn]
    assert all(4.4 < s.pen.width_px < 5.6 for s in moved)
    offsets = [
        float(np.hypot(*(a.points_N2 - b.points_N2).mean(0)))
        for a, b in zip(moved, drawn, strict=True)
    ]
    assert 0.5 < np.mean(offsets) < 12
    same = drawn_by(drawn, CAREFUL, np.random.default_rng(0))
    for before, after in zip(drawn, same, strict=True):
        np.testing.assert_allclose(after.points_N2, before.points_N2, atol=1e-3)


def test_turns_end_with_the_other_hand_if_it_drew_at_all() -> None:
    kinds = {turns(5, np.random.default_rng(seed)) for seed in range(300)}
    assert all(len(kind) == 5 and (kind[-1] or not any(kind)) for kind in kinds)
    assert {(True,) * 5, (False,) * 5} < kinds
    assert len(kinds) > 4
    assert turns(0, np.random.default_rng(0)) == ()


def test_a_continuation_knows_what_is_begun_and_finished() -> None:
    drawn = cat()
    sketch = continue_sketch(drawn.sketch, others(2), np.random.default_rng(3), hand=CAREFUL)
    whole = Continuation(
        sketch=sketch, plan=drawn.plan, source="cat", labels=drawn.labels, others=others(2)
    )
    assert whole.begun(0) == frozenset()
    assert whole.finished(90) == whole.begun(90) == frozenset(range(7))
    assert whole.finished(21) <= whole.begun(21)


def test_settings_place_the_model_s_first_block() -> None:
    assert Setting().blocks_before == 0
    assert Setting(given_blocks=3).blocks_before == 3
    assert Setting(first_block=5, given_blocks=3).blocks_before == 7  # 0, then 5 and 6: next is 7
    assert Setting(first_block=5, given_blocks=3).num_blocks == 11
    kinds = [Setting.sample(np.random.default_rng(i), late=0.5, empty=0.5) for i in range(300)]
    assert 0.4 < np.mean([k.first_block > 1 for k in kinds]) < 0.6
    assert all(k.given_blocks >= 3 for k in kinds if k.first_block > 1)
    assert max(k.given_blocks for k in kinds) < WINDOW_BLOCKS


def test_samples_are_a_function_of_their_number_and_setting() -> None:
    one, other = (ContinuationSource(ContinuationMix(), 4) for _ in range(2))
    setting = Setting(given_blocks=2)
    for index in (3, 8):
        a, b = one(index, setting), other(index, setting)
        assert str(a.plan) == str(b.plan)
        assert len(a.sketch.strokes) == len(b.sketch.strokes)
        assert np.array_equal(a.sketch.strokes[0].points_N2, b.sketch.strokes[0].points_N2)
    assert one.setting(6) == other.setting(6)


def test_samples_fit_their_setting_and_no_plan_is_held_out() -> None:
    source = ContinuationSource(ContinuationMix(longest_plans=0.5), 4)
    for index in range(60):
        setting = source.setting(index)
        drawn = source(index, setting)
        assert len(drawn.others) == setting.num_blocks
        assert drawn.sketch.num_frames in (first_frame_of(setting.num_blocks), 81)
        assert len(drawn.labels) == len(drawn.plan.parts)
        assert not is_held_out(drawn.labels)
        assert not any(drawn.others[setting.blocks_before :])
        assert max(s.part for s in drawn.sketch.strokes) < len(drawn.plan.parts)


def test_a_long_drawing_is_planned_around_where_it_has_come_to() -> None:
    setting = Setting(first_block=9, given_blocks=5)
    drew = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        before = (True,) * setting.blocks_before
        blocks = (*before, *(False,) * (setting.num_blocks - len(before)))
        drawn = long_drawing(blocks, setting, rng)
        assert 2 <= len(drawn.plan.parts) <= MOST_PARTS_SAID
        now = first_frame_of(setting.blocks_before)
        left = set(range(len(drawn.plan.parts))) - drawn.finished(now)
        later = {s.part for s in drawn.sketch.strokes if s.end >= now}
        assert later <= left | {-1}
        drew += bool(later)
    assert drew > 25


@pytest.mark.parametrize(("first", "given", "seed"), [(5, 5, 39), (14, 5, 16), (20, 3, 16)])
def test_a_long_drawing_that_is_all_drawn_still_has_a_plan(
    first: int, given: int, seed: int
) -> None:
    setting = Setting(first_block=first, given_blocks=given)
    rng = np.random.default_rng([seed])
    before = turns(setting.blocks_before, rng)
    others = (*before, *(False,) * (setting.num_blocks - len(before)))
    assert long_drawing(others, setting, rng).plan.parts
