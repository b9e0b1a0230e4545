"""Parts take each other's turns, and nothing else of a sketch changes."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.shuffled_times import with_shuffled_times


def drawings(count: int, **mix: bool) -> list[Composition]:
    source = SketchSource(SketchMix(**mix), seed=5, reject=held_out)
    return [source(index) for index in range(count)]


def turns(composition: Composition) -> list[int]:
    """Parts in the order in which they begin."""
    return list(dict.fromkeys(stroke.part for stroke in composition.sketch.strokes))


def test_strokes_words_and_pace_stay():
    for plain in drawings(20):
        shuffled = with_shuffled_times(plain, np.random.default_rng(1))
        assert (shuffled.plan, shuffled.labels) == (plain.plan, plain.labels)
        sketches = (plain.sketch, shuffled.sketch)
        points = [{stroke.points_N2.tobytes() for stroke in s.strokes} for s in sketches]
        assert points[0] == points[1]
        ends = [(min(x.start for x in s.strokes), max(x.end for x in s.strokes)) for s in sketches]
        np.testing.assert_allclose(ends[0], ends[1], atol=1e-3)
        spans = [
            sorted(np.diff(s.part_span(part) or (0, 0))[0] for part in turns(plain))
            for s in sketches
        ]
        np.testing.assert_allclose(spans[0], spans[1], atol=1e-3)
        starts = [stroke.start for stroke in shuffled.sketch.strokes]
        assert starts == sorted(starts)


def test_the_plan_tells_nothing_about_the_order_any_more():
    right = pairs = 0
    for shuffled in drawings(150, shuffle_times=True):
        order = turns(shuffled)
        for at, part in enumerate(order):
            right += sum(later > part for later in order[at + 1 :])
            pairs += len(order) - at - 1
    assert pairs > 500
    assert 0.42 < right / pairs < 0.58
    plain = [turns(drawing) for drawing in drawings(20)]
    assert plain == [sorted(order) for order in plain]


def test_the_same_index_is_the_same_sketch():
    first, second = drawings(5, shuffle_times=True), drawings(5, shuffle_times=True)
    assert [turns(d) for d in first] == [turns(d) for d in second]
