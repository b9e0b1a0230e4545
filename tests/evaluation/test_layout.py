from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.drawings import oracle_reading
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.altered import moved_far
from videosketcher_app.evaluation.layout import residuals, usual_spots
from videosketcher_app.evaluation.vocabulary import full_label, swap_sides

CONCEPTS = ("cat", "house", "bicycle", "teapot", "bird", "sailboat")


def drawn(name: str, seed: int, *, mirrored: bool = False) -> Composition:
    return compose(
        programs()[name],
        np.random.default_rng(seed),
        drop=False,
        wording="name",
        layout=Layout(mirrored=mirrored and programs()[name].mirrors, fill=0.8),
    )


def labels_of(drawing: Composition) -> list[str]:
    return [full_label(drawing.source, label) for label in drawing.labels]


@pytest.mark.parametrize("name", CONCEPTS)
def test_true_parts_stand_where_they_belong_also_mirrored(name: str) -> None:
    for seed in range(4):
        drawing = drawn(name, seed, mirrored=seed % 2 == 1)
        reading = oracle_reading(drawing.sketch, labels_of(drawing))
        assert all(part.in_place for part in reading.parts)


@pytest.mark.parametrize("name", CONCEPTS)
def test_one_part_moved_away_is_the_one_out_of_place(name: str) -> None:
    drawing = drawn(name, 7)
    rng = np.random.default_rng(0)
    moved = [moved_far(drawing, part, rng) for part in range(len(drawing.labels))]
    assert any(sketch is not None for sketch in moved)
    for part, sketch in enumerate(moved):
        if sketch is not None:
            found = [p.in_place for p in oracle_reading(sketch, labels_of(drawing)).parts]
            assert not found[part]
            assert sum(found) >= len(found) - 2


def test_size_and_position_of_the_whole_do_not_matter() -> None:
    usual = usual_spots("cat", mirrored=False)
    labels = list(usual)
    spots = np.stack([usual[label] for label in labels])
    centers, radii = 0.3 * spots[:, :2] + [0.4, -0.2], 0.3 * spots[:, 2]
    np.testing.assert_allclose(residuals(labels, centers, radii, {}), 0, atol=1e-9)
    flipped = centers * [-1, 1]
    names = [swap_sides(label) for label in labels]
    np.testing.assert_allclose(residuals(names, flipped, radii, {}), 0, atol=1e-9)


def test_two_parts_cannot_tell_which_one_is_wrong() -> None:
    labels = list(usual_spots("cat", mirrored=False))[:2]
    assert residuals(labels, np.array([[0, 0], [9, 9]]), np.ones(2), {}).tolist() == [0, 0]
