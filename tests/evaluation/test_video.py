from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluation.drawings import shapes_drawing
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.ink import ink_map
from videosketcher_app.evaluation.detector import load_detector
from videosketcher_app.evaluation.report import strokes_report, video_report
from videosketcher_app.evaluation.strokes import score_drawn, time_agreement
from videosketcher_app.evaluation.video import concept_of, labels_of, score_video


def plan_of(concept: str, *parts: tuple[str, str]) -> DrawingPlan:
    return DrawingPlan(
        concept=concept, parts=tuple(PlanPart(name=n, description=d) for n, d in parts)
    )


def test_words_choose_how_a_part_is_looked_for() -> None:
    vocabulary = load_detector().vocabulary
    plan = plan_of(
        "a small cat on the left",
        ("The head", ""),
        ("Two pointed ears", ""),
        ("Moon", "a crescent at the top right"),
        ("Mood", "something gloomy"),
    )
    assert labels_of(plan, vocabulary) == ["cat/head", "cat/ears", "crescent@top right", None]
    assert concept_of("A Kitten") == "cat"
    assert concept_of("a machine that dreams") is None


def test_a_film_of_shapes_is_scored_and_written(tmp_path: Path) -> None:
    drawing = shapes_drawing(1)
    rows = video_report(renderer.frames(drawing.sketch), drawing.plan, csv=tmp_path / "parts.csv")
    video, parts = rows[0], rows[1:]
    assert (video["order"], video["present"], video["parts_by_shape"]) == (1.0, 1.0, 5)
    assert video["persistence"] == 1
    assert [part["how"] for part in parts] == ["shape"] * 5
    with (tmp_path / "parts.csv").open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["label"] for row in written] == list(drawing.labels)
    assert written[0]["video_order"] == "1.0"


def test_larger_videos_of_objects_are_scored_too() -> None:
    rng = np.random.default_rng(5)
    drawing = compose(
        programs()["cat"], rng, drop=False, shuffle=False, wording="name", layout=Layout()
    )
    clip = renderer.frames(drawing.sketch)[::4]
    large = np.stack([cv2.resize(frame, (832, 480)) for frame in clip])
    score = score_video(large, drawing.plan, load_detector())
    assert {part.how for part in score.parts} == {"object"}
    assert score.present >= 0.8
    assert score.order is not None
    assert score.order >= 0.95


def test_without_known_words_only_the_time_is_looked_at() -> None:
    drawing = shapes_drawing(1)
    plan = plan_of("a dream", *((f"thought {k}", "") for k in "abc"))
    score = score_video(renderer.frames(drawing.sketch), plan, load_detector())
    assert [part.how for part in score.parts] == ["time"] * 3
    assert score.order is None
    assert score.present == 1
    half = renderer.frames(drawing.sketch)
    half[:40] = 255
    late = score_video(half, plan, load_detector())
    assert late.extra_ink is None


def test_strokes_are_reported_by_source() -> None:
    rows = strokes_report(limit=2)
    assert [row["set"] for row in rows] == ["strokes:objects", "strokes:primitives"]
    assert all(row["iou"] > 0.9 for row in rows)


def test_strokes_of_a_models_drawings_stand_beside_them() -> None:
    rows = strokes_report(limit=1, model="tiny")
    assert [row["set"] for row in rows][2:] == [
        "strokes:objects drawn",
        "strokes:primitives drawn",
    ]
    assert {row["model"] for row in rows[2:]} == {"tiny"}
    assert all(row["drawings"] == 1 for row in rows)


def test_strokes_of_a_clip_without_truth_are_judged_by_the_clip() -> None:
    sketch = shapes_drawing(2).sketch
    frames = renderer.frames(sketch)
    score = score_drawn(frames, sketch)
    assert score.iou > 0.95
    assert score.order > 0.98
    assert score.stroke_count_ratio == pytest.approx(1, abs=0.2)
    times = ink_map(frames).times_HW
    assert time_agreement(times, times) == 1
    backwards = np.where(times < renderer.NEVER, 81 - times, times)
    assert time_agreement(times, backwards) == 0
    blank = np.full_like(times, renderer.NEVER)
    assert np.isnan(time_agreement(times, blank))
