"""Strokes as JSON values: exact both ways; what is wrong is named by field."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.stroke_values import stroke_from, values_of
from videosketcher_app.data.strokes import Pen, Stroke


def same(one: Stroke, other: Stroke) -> bool:
    arrays = ("points_N2", "times_N", "pressure_N")
    equal = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
    return equal and one.part == other.part and one.pen == other.pen


def test_strokes_come_back_to_the_last_bit():
    sketch = compose_primitives(np.random.default_rng(1)).sketch
    for stroke in sketch.strokes:
        assert same(stroke_from(json.loads(json.dumps(values_of(stroke))), "It"), stroke)
    chisel = Pen(color=(0.1, 0.2, 1 / 3), width_px=7.25, opacity=0.5, nib="chisel", nib_angle=-0.3)
    dot = Stroke(
        points_N2=np.array([[3.5, 1e-3]], np.float32),
        times_N=np.array([2.25], np.float32),
        pressure_N=np.array([0.4], np.float32),
        part=3,
        pen=chisel,
    )
    assert same(stroke_from(values_of(dot), "It"), dot)


def test_times_pressure_and_pen_may_be_left_out():
    stroke = stroke_from({"points": [[1, 2], [3, 4]], "color": "#ff8000"}, "It")
    assert stroke.times_N.tolist() == [0, 0]
    assert stroke.pressure_N.tolist() == [1, 1]
    assert stroke.pen.color == (1.0, 128 / 255, 0.0)
    assert stroke_from({"points": [[1, 2, 5], [3, 4, 3]]}, "It").times_N.tolist() == [5, 5]


WRONG = {
    "points": [
        None,
        [],
        "points",
        [1, 2],
        [[1]],
        [[1, 2], [3]],
        [[1, 2, 3, 4, 5]],
        [["a", 2]],
        [[float("nan"), 1]],
        [[float("inf"), 1]],
        [[1e9, 1]],
        [[1, 1, 0, -1]],
        [[[1, 2]]],
        [[10**400, 1]],
    ],
    "color": [
        "red",
        "#12345",
        "#12345g",
        [0, 0],
        [0, 0, 2],
        ["0", "0", "0"],
        7,
        [float("nan")] * 3,
    ],
    "width": [0, -1, "3", None, True, float("nan"), float("inf"), 1e9],
    "opacity": [0, 1.5, None, "1"],
    "nib": ["flat", 1, None, []],
    "nib_angle": ["x", 100],
    "part": [-1, 1.0, "1", None, True, 10**9],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, vs in WRONG.items() for v in vs])
def test_what_is_wrong_is_named_by_its_field(field, value):
    values = {"points": [[1, 2, 0, 1]], field: value}
    with pytest.raises(InvalidFile, match=f"Stroke 3, field '{field}'") as caught:
        stroke_from(values, "Stroke 3")
    assert caught.value.hint
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("values", [None, 3, "stroke", [[1, 2]]])
def test_what_is_no_stroke_at_all_is_refused(values):
    with pytest.raises(InvalidFile, match="Stroke 1"):
        stroke_from(values, "Stroke 1")
