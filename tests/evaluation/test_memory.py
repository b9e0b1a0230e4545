from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.memory import (
    TRAINING_SEED,
    TrainingRenders,
    aligned,
    chamfer,
    own_renders,
    spread,
    spread_ratio,
    training_drawing,
)
from videosketcher_app.evaluation.renders import render
from videosketcher_app.evaluation.tasks import canonical_plan
from videosketcher_app.evaluation.workers import Workers

REPOSITORY = Path(__file__).resolve().parents[2]


def cats(count: int, seed: int = 100) -> list[np.ndarray]:
    found = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        drawing = compose(programs()["cat"], rng, drop=False, shuffle=False, layout=Layout())
        found.append(render(drawing.sketch, len(drawing.labels)).ink_HW)
    return found


def test_place_and_scale_do_not_matter() -> None:
    (cat,) = cats(1)
    shifted = np.roll(cat, (4, -9), (0, 1))
    assert chamfer(aligned(cat), aligned(shifted)) < 0.01
    assert chamfer(aligned(cat), aligned(cat[::2, ::2])) < 0.05


def test_fresh_drawings_vary_as_the_grammar_does_and_copies_do_not() -> None:
    plan, _ = canonical_plan("cat")
    assert 0.6 < spread_ratio("cat", plan, cats(6)) < 1.6
    assert spread_ratio("cat", plan, cats(1) * 6) == 0


def test_own_renders_show_the_plan_s_parts() -> None:
    plan, _ = canonical_plan("cat")
    assert len(own_renders("cat", plan, 4)) == 4
    assert spread(own_renders("cat", plan, 4)) > 0.02


def test_a_copy_of_a_training_drawing_is_found_out() -> None:
    index = next(i for i in range(40) if training_drawing(i).source in programs())
    seen = training_drawing(index)
    copy = np.roll(render(seen.sketch, len(seen.labels)).ink_HW, (3, -5), (0, 1))
    copied, fresh = TrainingRenders(60, Workers()).nearest([copy, *cats(1)])
    assert copied.concept == seen.source
    assert copied.distance < 0.01
    assert fresh.distance > 0.04


def test_the_pool_is_what_the_shipped_model_was_trained_on() -> None:
    recipe = yaml.safe_load((REPOSITORY / "presets/training/pocket_t2v.yaml").read_text("utf-8"))
    assert recipe["data_seed"] == TRAINING_SEED
    assert not {"concepts", "primitives", "concept_weights"} & set(recipe)  # the usual mix


def test_an_empty_drawing_has_no_distance() -> None:
    blank = np.zeros((120, 216), np.float32)
    assert np.isnan(spread([blank, blank]))
    assert np.isnan(chamfer(aligned(blank), aligned(cats(1)[0])))
    (nearest,) = TrainingRenders(4, Workers()).nearest([blank])
    assert nearest.distance == float("inf")
