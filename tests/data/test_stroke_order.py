"""The order of a finished picture: proposed from its caption or shapes, corrected group by group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.data.sketchbooks import BookSketch
from videosketcher_app.data.stroke_order import groups_of, moved, proposed
from videosketcher_app.data.strokes import Stroke

PLAN = (
    "Step by step sketch process of a snowman, following this drawing order: "
    "1. Head – small circle at the top center. 2. Body – large circle at the bottom center."
)


def circle(x: float, y: float, radius: float) -> Stroke:
    angle = np.linspace(0, 2 * np.pi, 40)
    points = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    zeros = np.zeros(40, np.float32)
    return Stroke(points_N2=points.astype(np.float32), times_N=zeros, pressure_N=zeros + 1)


HEAD, BODY, BUTTON = circle(200, 60, 30), circle(200, 160, 65), circle(330, 60, 6)


def scan(*strokes: Stroke, caption: str = "", origin: str = "scan") -> BookSketch:
    return BookSketch(
        id="s", caption=caption, width=432, height=240, strokes=strokes, origin=origin
    )


def tops(sketch: BookSketch) -> list[float]:
    return [round(float(stroke.points_N2[:, 1].min())) for stroke in sketch.strokes]


def test_a_plan_gives_the_order_and_its_words():
    found = proposed(scan(BODY, HEAD, caption=PLAN))
    assert tops(found) == [30, 95]
    assert [group.words for group in groups_of(found)] == ["Head", "Body"]
    assert found.strokes[0].end < found.strokes[1].start


def test_without_a_plan_large_shapes_come_first():
    found = proposed(scan(BUTTON, HEAD, BODY))
    assert tops(found)[0] == 95
    groups = groups_of(found)
    assert sorted(at for group in groups for at in group.strokes) == [0, 1, 2]
    assert all(group.words for group in groups)


def test_a_group_is_moved_and_the_plan_follows():
    begun = proposed(scan(BODY, HEAD, caption=PLAN))
    found = moved(begun, 1, 0)
    assert tops(found) == [95, 30]
    assert [part.name for part in parse_plan(found.caption).parts] == ["Body", "Head"]
    assert [group.words for group in groups_of(found)] == ["Body", "Head"]
    times = np.concatenate([stroke.times_N for stroke in found.strokes])
    assert (np.diff(times) >= 0).all()
    again = moved(found, 0, 99)  # beyond the end is the end
    assert (tops(again), again.caption) == (tops(begun), begun.caption)


def test_parts_without_strokes_stay_in_the_plan():
    longer = PLAN + " 3. Hat – square at the top center."
    sketch = scan(HEAD, replace(BODY, part=1), caption=longer)
    found = moved(sketch, 1, 0)
    assert [part.name for part in parse_plan(found.caption).parts] == ["Body", "Head", "Hat"]


def test_no_stroke_is_lost_however_groups_are_moved():
    rng = np.random.default_rng(3)
    strokes = [circle(*rng.uniform(40, 200, 2), rng.uniform(4, 30)) for _ in range(12)]
    sketch = proposed(scan(*strokes))
    known = sorted(stroke.points_N2.tobytes() for stroke in sketch.strokes)
    for _ in range(20):
        count = len(groups_of(sketch))
        sketch = moved(sketch, int(rng.integers(count)), int(rng.integers(count)))
        assert sorted(stroke.points_N2.tobytes() for stroke in sketch.strokes) == known


def test_what_cannot_be_ordered_says_why():
    with pytest.raises(InvalidRequest, match="seen being drawn"):
        proposed(scan(HEAD, BODY, origin="drawn"))
    with pytest.raises(InvalidRequest, match="seen being drawn"):
        moved(scan(HEAD, BODY, origin="recording"), 0, 1)
    for group in (-1, 9):
        with pytest.raises(InvalidRequest, match="groups of strokes"):
            moved(scan(HEAD, BODY), group, 0)
    assert groups_of(scan()) == ()
