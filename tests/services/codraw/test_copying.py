"""The tutor's eye: alike wherever and however large, unlike where a line is missing or too much."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Stroke
from videosketcher_app.services.codraw.copying import compare_copy


def _stroke(points: np.ndarray) -> Stroke:
    count = len(points)
    return Stroke(
        points_N2=points.astype(np.float32),
        times_N=np.arange(count, dtype=np.float32),
        pressure_N=np.ones(count, np.float32),
    )


def _circle(middle: tuple[float, float], radius: float) -> Stroke:
    t = np.linspace(0, 2 * np.pi, 60)
    return _stroke(np.column_stack([np.cos(t), np.sin(t)]) * radius + middle)


def _cross() -> Stroke:
    return _stroke(
        np.array([[20.0, 20.0], [120.0, 120.0], [70.0, 70.0], [20.0, 120.0], [120.0, 20.0]])
    )


def test_a_copy_is_alike_wherever_and_however_large_it_is() -> None:
    shown = [_circle((100, 80), 40)]
    for copy in (_circle((100, 80), 40), _circle((250, 200), 40), _circle((60, 50), 18)):
        assert compare_copy(shown, [copy])["likeness"] > 0.9
    far = compare_copy(shown, [_circle((250, 200), 20)])
    assert far["shift_px"] == pytest.approx([150, 120], abs=2)
    assert far["scale"] == pytest.approx(0.5, abs=0.02)


def test_another_shape_is_less_alike() -> None:
    shown = [_circle((100, 80), 40)]
    wobbly = _circle((100, 80), 40)
    wobbly.points_N2[:] += np.random.default_rng(0).normal(0, 3, wobbly.points_N2.shape)
    good, other = compare_copy(shown, [wobbly]), compare_copy(shown, [_cross()])
    assert good["likeness"] > other["likeness"] + 0.3


def test_what_is_missing_and_what_is_too_much_is_shown() -> None:
    line = _stroke(np.array([[10.0, 10.0], [110.0, 10.0]]))
    both = [line, _stroke(np.array([[10.0, 90.0], [110.0, 90.0]]))]
    less = compare_copy(both, [line])
    assert less["missing"]
    more = compare_copy([line], both)
    assert more["extra"]


def test_without_strokes_there_is_nothing_to_compare() -> None:
    for shown, copy in (([], [_cross()]), ([_cross()], [])):
        with pytest.raises(InvalidRequest, match="nothing to compare"):
            compare_copy(shown, copy)
