"""Retiming changes when things are drawn, and never what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.clips import CONCEPTS, drawing, line, small_sketch
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data import renderer
from videosketcher_app.data.frame_stream import stream_frames
from videosketcher_app.data.retime import Retiming, drawn_order, full_order, retimed
from videosketcher_app.data.strokes import Pen, Sketch
from videosketcher_app.services.saved import part_timeline


def parts_of(sketch: Sketch) -> list[int]:
    return drawn_order(sketch)


@st.composite
def overlapping_sketches(draw: st.DrawFn) -> Sketch:
    """Colored strokes that cross each other, with parts that overlap in time."""
    strokes = []
    number = draw(st.integers(1, 6))
    place = st.floats(2, 70, allow_nan=False, width=32)
    for _ in range(number):
        start = draw(st.floats(0.5, 18, width=32))
        end = start + draw(st.floats(0, 1)) * (20 - start)
        color = draw(st.sampled_from([(0, 0, 0), (1, 0.9, 0), (0.8, 0.1, 0.1)]))
        opacity = draw(st.sampled_from([0.5, 1.0]))
        pen = Pen(color=color, width_px=4, opacity=opacity)
        points = [(draw(place), draw(place)) for _ in range(3)]
        strokes.append(replace(line(points, start, end, pen), part=draw(st.integers(0, 3))))
    return replace(small_sketch(*strokes), part_names=("a", "b", "c", "d"))


@st.composite
def retimings(draw: st.DrawFn, sketch: Sketch) -> Retiming:
    parts = parts_of(sketch)
    some = st.sampled_from(parts)
    return Retiming(
        order=tuple(draw(st.permutations(parts))),
        durations_s=draw(st.dictionaries(some, st.floats(0.05, 3))),
        holds_s=draw(st.dictionaries(some, st.floats(0, 1))),
        speed=draw(st.floats(0.2, 5)),
    )


@settings(max_examples=150)
@given(st.data())
def test_the_finished_drawing_stays_and_parts_come_in_the_asked_order(data: st.DataObject) -> None:
    sketch = data.draw(overlapping_sketches())
    retiming = data.draw(retimings(sketch))
    changed = retimed(sketch, retiming)
    frames = list(stream_frames(changed))
    assert len(frames) == changed.num_frames
    np.testing.assert_array_equal(frames[-1], renderer.frames(sketch)[-1])
    np.testing.assert_array_equal(renderer.picture(changed), renderer.picture(sketch))
    assert (frames[0] == 255).all()
    starts = [min(s.start for s in changed.strokes if s.part == p) for p in parts_of(changed)]
    names = [changed.part_names[p] for p in parts_of(changed)]
    assert names == [sketch.part_names[p] for p in retiming.order]
    assert starts == sorted(starts)
    for stroke in changed.strokes:
        assert (np.diff(stroke.times_N) >= 0).all()
        assert stroke.end <= changed.num_frames - 1


@settings(max_examples=40)
@given(st.data(), st.sampled_from(CONCEPTS))
def test_real_drawings_keep_every_pixel_of_ink(data: st.DataObject, concept: str) -> None:
    sketch = drawing(concept).sketch
    changed = retimed(sketch, data.draw(retimings(sketch)))
    np.testing.assert_array_equal(renderer.picture(changed), renderer.picture(sketch))
    spans = part_timeline(changed)
    assert [span.index for span in spans] == sorted(span.index for span in spans)


def test_a_part_takes_the_time_that_the_timeline_then_shows() -> None:
    sketch = drawing("cat").sketch
    wanted = {0: 2.0, 2: 0.5}
    spans = part_timeline(retimed(sketch, Retiming(durations_s=wanted)))
    for span in spans:
        if span.index in wanted:
            assert span.end_s - span.start_s == pytest.approx(wanted[span.index], abs=1 / 16)


def test_a_hold_shows_the_same_frame_and_speed_leaves_it_alone() -> None:
    sketch = drawing("cat").sketch
    first = drawn_order(sketch)[0]
    for speed in (1.0, 2.0):
        plain = retimed(sketch, Retiming(speed=speed))
        held = retimed(sketch, Retiming(speed=speed, holds_s={first: 1.0}))
        assert held.num_frames - plain.num_frames == pytest.approx(16, abs=1)
        stop = round(part_timeline(held)[0].end_s * 16)
        frames = list(stream_frames(held))
        assert all((f == frames[stop - 1]).all() for f in frames[stop - 15 : stop])


def test_speed_two_halves_the_clip() -> None:
    assert retimed(drawing("cat").sketch, Retiming(speed=2)).num_frames in (40, 41)


def test_nothing_asked_for_changes_nothing() -> None:
    sketch = drawing("cat").sketch
    same = retimed(sketch, Retiming())
    assert same.num_frames == sketch.num_frames
    for a, b in zip(same.strokes, sketch.strokes, strict=True):
        np.testing.assert_allclose(a.times_N, b.times_N, atol=1e-3)


def test_a_blank_sketch_stays_blank() -> None:
    assert retimed(small_sketch(), Retiming(speed=3)).num_frames == 7


def test_parts_without_strokes_may_be_left_out() -> None:
    sketch = replace(
        small_sketch(replace(line([(1, 1), (9, 9)], 1, 5), part=1)), part_names=("a", "b", "c")
    )
    assert full_order(sketch, (1,)) == [1, 0, 2]
    assert retimed(sketch, Retiming(order=(1,))).part_names == ("b", "a", "c")


@pytest.mark.parametrize("order", [(0,), (0, 0, 1), (0, 1, 99), (-1, 0)])
def test_an_order_of_other_parts_is_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequest, match="order"):
        retimed(drawing("cat").sketch, Retiming(order=order))


@pytest.mark.parametrize(
    "values",
    [
        {"speed": 0},
        {"speed": float("nan")},
        {"speed": 11},
        {"durations_s": {0: -1}},
        {"durations_s": {0: float("inf")}},
        {"holds_s": {0: 31}},
    ],
)
def test_impossible_values_are_refused(values: dict) -> None:
    with pytest.raises(InvalidRequest, match="must be from"):
        Retiming(**values)


def test_a_clip_that_gets_too_long_is_refused() -> None:
    sketch = drawing("cat").sketch
    slow = Retiming(speed=0.1, durations_s=dict.fromkeys(drawn_order(sketch), 60.0))
    with pytest.raises(InvalidRequest, match="at most 3,000"):
        retimed(sketch, slow)
