"""Random drawings of a program: sides that the words tell apart, and variety."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.compose import Composition, Layout, Variety, compose
from videosketcher_app.data.grammar.program import Part, Program, part

POINTING = np.array([[0.0, 0.0], [1.0, 0.5], [0.0, 1.0], [0.0, 0.0]], np.float32)


def pointing_right(names: tuple[str, str, str]) -> Program:
    """A triangle whose tip is on the right, drawn three times."""

    def draw(rng: np.random.Generator) -> list[Part]:
        return [part(n, f"a {n}", "a shape", [POINTING + 0.1 * i]) for i, n in enumerate(names)]

    return Program(name="arrow", title="an arrow", category="household", draw=draw)


def drawings(program: Program, count: int = 24, **choices) -> list[Composition]:
    return [
        compose(program, np.random.default_rng(seed), shuffle=False, drop=False, **choices)
        for seed in range(count)
    ]


def area_left_of_middle(drawing: Composition) -> float:
    """Share of the first part's points in the left half of their own box."""
    x = drawing.sketch.strokes[0].points_N2[:, 0]
    return float((2 * x < x.min() + x.max()).mean())


def test_a_random_drawing_whose_words_tell_no_sides_is_never_mirrored():
    shares = [area_left_of_middle(d) for d in drawings(pointing_right(("one", "two", "three")))]
    assert min(shares) > 0.5


def test_a_mirrored_drawing_says_so_in_its_words():
    seen = set()
    for drawing in drawings(pointing_right(("left wing", "middle", "right wing"))):
        mirrored = drawing.labels[0] == "right wing"
        assert (area_left_of_middle(drawing) < 0.5) == mirrored
        assert drawing.plan.parts[0].text.lower().count("right") == mirrored
        assert drawing.sketch.part_names == drawing.labels
        seen.add(mirrored)
    assert seen == {True, False}


def test_a_chosen_layout_is_drawn_as_it_is():
    program = pointing_right(("one", "two", "three"))
    turned = drawings(program, 4, layout=Layout(mirrored=True))
    assert max(area_left_of_middle(d) for d in turned) < 0.5


def test_a_turned_drawing_stands_where_its_title_says():
    program = pointing_right(("one", "two", "three"))
    for drawing in drawings(program, 40, variety=Variety(small=1.0)):
        x = np.concatenate([s.points_N2[:, 0] for s in drawing.sketch.strokes])
        middle = (x.min() + x.max()) / 2 / drawing.sketch.width_px
        title = drawing.plan.concept
        assert title.startswith("a small arrow ")
        wanted = {"left": (0, 0.45), "right": (0.55, 1), "center": (0.4, 0.6)}
        low, high = next(limits for word, limits in wanted.items() if title.endswith(word))
        assert low < middle < high


def test_variety_says_how_often_drawings_are_unusual():
    program = pointing_right(("one", "two", "three"))
    always = [
        compose(program, np.random.default_rng(seed), variety=Variety(small=1.0, shuffled=1.0))
        for seed in range(20)
    ]
    never = [
        compose(program, np.random.default_rng(seed), variety=Variety(small=0.0, shuffled=0.0))
        for seed in range(20)
    ]
    assert all(d.plan.concept.startswith("a small ") for d in always)
    assert not any(d.plan.concept.startswith("a small ") for d in never)
    assert len({d.labels for d in always}) > 3
    assert {d.labels for d in never} == {("one", "two", "three")}
