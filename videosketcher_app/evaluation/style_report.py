"""What a style LoRA did: the share of drawings in the style, and what it cost in order and parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.style_hand import TAUGHT, plain_drawing, restyled_drawing
from videosketcher_app.evaluation.clip import read_clip
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.scores import figures
from videosketcher_app.evaluation.style import (
    MARKS,
    StyleClassifier,
    fit_classifier,
    moved_towards,
    style_marks,
)
from videosketcher_app.evaluation.tasks import Task, tasks_of
from videosketcher_app.evaluation.text import Sampler, score_clips
from videosketcher_app.evaluation.vocabulary import full_label

TRUE_SEED = 53_000
KEPT_FIGURES = ("order", "order_all_pairs", "present", "in_place", "drawings")


def unseen_tasks(limit: int, seed: int = 0) -> list[Task]:
    """Evenly spaced plans of concepts that did not teach the style."""
    tasks = [task for task in tasks_of("concepts", seed=seed) if task.name not in TAUGHT]
    at = np.linspace(0, len(tasks) - 1, min(limit, len(tasks))).round().astype(int)
    return [tasks[i] for i in at]


def compare_style(
    base: Sampler,
    styled: Sampler,
    *,
    width: int,
    height: int,
    limit: int = 24,
    drawings: int = 60,
    seed: int = 0,
    detector: Detector | None = None,
) -> dict[str, object]:
    """Draws the same plans from the same noise without and with the LoRA, and measures both.

    Args:
        base, styled: give one clip (T, H, W, 3) uint8, as decoded, for each plan and seed.
        limit: plans to draw.
        drawings: true renders of each hand that the classifier is fitted on.

    Returns:
        "base" and "styled" with "new_style" (share) and figures of order and presence, "loss" of
        both, how far the marks "moved", and the "calibration": of the classifier, and of the
        detector on true renders of both hands, since it was made for the plain one.
    """
    detector = detector or load_detector()
    classifier = fit_classifier(width, height, drawings=drawings)
    tasks = unseen_tasks(limit, seed)
    before, base_marks = _side(base, tasks, classifier, detector)
    after, styled_marks = _side(styled, tasks, classifier, detector)
    return {
        "base": before,
        "styled": after,
        "loss": {
            name: round(before[name] - after[name], 4)
            for name in ("order", "present")
            if name in before and name in after
        },
        "moved": moved_towards(base_marks, styled_marks, classifier),
        "calibration": {
            **classifier.calibration,
            "marks": len(MARKS),
            "true_plain": _true_figures(plain_drawing, tasks, width, height, detector),
            "true_new": _true_figures(restyled_drawing, tasks, width, height, detector),
        },
    }


def _true_figures(
    make: Callable[..., Composition],
    tasks: Sequence[Task],
    width: int,
    height: int,
    detector: Detector,
) -> dict[str, float]:
    """What the detector says of true renders by a hand, of as many drawings of these concepts."""
    shown, clips = [], []
    for number, task in enumerate(tasks):
        drawing = make(task.name, TRUE_SEED + number, width, height)
        labels = tuple(full_label(task.name, label) for label in drawing.labels)
        shown.append(replace(task, plan=drawing.plan, labels=labels))
        clips.append(read_clip(renderer.frames(drawing.sketch)))
    scored = figures(tuple(score_clips(detector, shown, clips)))
    return {name: round(scored[name], 4) for name in KEPT_FIGURES if name in scored}


def _side(
    sampler: Sampler, tasks: Sequence[Task], classifier: StyleClassifier, detector: Detector
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Figures and marks (D, M) of one sampler's drawings."""
    marks, readings = [], []
    clips: Iterable[NDArray[np.uint8]] = sampler(
        [task.plan for task in tasks], [task.seed for task in tasks]
    )
    for clip in clips:
        marks.append(style_marks(clip))
        readings.append(read_clip(clip))
    rows_DM = np.stack(marks)
    scored = figures(tuple(score_clips(detector, tasks, readings)))
    told = {name: round(scored[name], 4) for name in KEPT_FIGURES if name in scored}
    return {"new_style": round(float(classifier.is_new(rows_DM).mean()), 4), **told}, rows_DM
