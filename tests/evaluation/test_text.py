from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import load
from videosketcher_app.evaluation.cases import items_of
from videosketcher_app.evaluation.saving import as_rows, save_report
from videosketcher_app.evaluation.scores import stray_share
from videosketcher_app.evaluation.tasks import SETS, canonical_plan, tasks_of
from videosketcher_app.evaluation.text import evaluate_text

Clips = Iterator[NDArray[np.uint8]]


def perfect(plans: list[DrawingPlan], seeds: list[int]) -> Clips:
    """Draws held-out plans as the grammar draws their truth."""
    truth = {
        str(item.plan): item
        for name in ("heldout_primitives", "heldout_concepts")
        for item in load(name)
    }
    for plan, seed in zip(plans, seeds, strict=True):
        rng = np.random.default_rng(seed)
        yield renderer.frames(compose_primitives(rng, items_of(truth[str(plan)])).sketch)


def backwards(plans: list[DrawingPlan], seeds: list[int]) -> Clips:
    """Draws the last part first: as every frame's ink counted from the end."""
    for clip in perfect(plans, seeds):
        done = clip[-1].astype(np.int16)
        yield np.clip(255 - (clip[::-1].astype(np.int16) - done), 0, 255).astype(np.uint8)


def blank(plans: list[DrawingPlan], seeds: list[int]) -> Clips:
    for _ in zip(plans, seeds, strict=True):
        yield np.full((81, 240, 432, 3), 255, np.uint8)


def canonical(plans: list[DrawingPlan], seeds: list[int]) -> Clips:
    """Draws canonical plans of objects with fresh proportions, mirrored if the words allow it."""
    names = {str(canonical_plan(name)[0]): name for name in programs()}
    for plan, seed in zip(plans, seeds, strict=True):
        drawing = None
        for attempt in range(50):
            rng = np.random.default_rng([31, seed, attempt])
            drawing = compose(
                programs()[names[str(plan)]],
                rng,
                drop=False,
                shuffle=False,
                wording="described",
                layout=Layout(mirrored=attempt % 2 == seed % 2),
            )
            if drawing.plan.parts == plan.parts:
                break
        yield renderer.frames(drawing.sketch)


def test_true_drawings_of_held_out_plans_score_as_they_should() -> None:
    report = evaluate_text(perfect, sets=("primitives", "heldout_concepts"), limit=5)
    for name in ("primitives", "heldout_concepts"):
        figures = report.sets[name].figures
        assert figures["drawings"] == 5
        assert figures["order"] >= 0.98
        assert figures["present"] >= 0.95
        assert figures["in_place"] >= 0.95
        assert figures["extra_ink"] <= 0.02
        assert figures["persistence"] == figures["composited_persistence"] == 1
        assert figures["first_frame_white_worst"] == 1
    assert report.sets["primitives"].figures["stray_ink"] <= 0.01


def test_drawing_backwards_spoils_the_order_only() -> None:
    figures = evaluate_text(backwards, sets=("primitives",), limit=3).sets["primitives"].figures
    assert figures["order"] <= 0.1
    assert figures["present"] >= 0.95


def test_a_model_that_draws_nothing_has_nothing() -> None:
    report = evaluate_text(blank, sets=("primitives",), limit=2, batch_size=1)
    figures = report.sets["primitives"].figures
    assert (figures["present"], figures["right_shape"]) == (0, 0)
    assert "order" not in figures
    assert figures["order_all_pairs"] == 0


def test_recognition_memory_and_the_files_of_a_report(tmp_path: Path) -> None:
    report = evaluate_text(canonical, sets=("memory",), limit=8, memory_renders=112)
    assert report.sets["recognition"].figures["recognised"] >= 0.7
    assert 0.5 < report.spread_ratio < 2
    assert len(report.nearest) == len(report.fresh) == 1
    save_report(report, tmp_path / "report")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"report.json", "report.md", "sheet_recognition.png"} <= names
    assert "sheet_nearest_renders.png" in names
    rows = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))["figures"]
    assert rows == json.loads(json.dumps(as_rows(report)))
    assert any(row["set"] == "calibration:objects" for row in rows)
    page = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "How far the detector can be trusted" in page


@pytest.mark.parametrize("name", SETS)
def test_tasks_of_a_set_are_the_same_every_time(name: str) -> None:
    one, same = (tasks_of(name, limit=6) for _ in range(2))
    assert [(t.plan, t.seed, t.labels) for t in one] == [(t.plan, t.seed, t.labels) for t in same]
    assert len(one) == 6
    for task in one:
        assert len(task.labels) == len(task.plan.parts)


def test_recognition_asks_every_concept_with_eight_seeds() -> None:
    tasks = tasks_of("recognition")
    assert len(tasks) == 8 * len(programs())
    assert {task.seed for task in tasks} == set(range(8))
    assert len(tasks_of("primitives")) == 300


def test_stray_ink_is_what_lies_in_empty_thirds() -> None:
    ink = np.zeros((120, 216), np.float32)
    ink[10, 10:20] = 1
    ink[60, 100:130] = 1
    assert stray_share(ink, ["star@top left"]) == pytest.approx(0.75)
    assert stray_share(ink, ["star@top left", "heart@center"]) == 0
    assert stray_share(ink, ["cat/head"]) is None
