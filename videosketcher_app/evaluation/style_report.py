"""What a style LoRA did: the share of drawings in the style, and what it cost in order and parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.style_hand import plain_drawing, restyled_drawing
from videosketcher_app.evaluation.clip import read_clip
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.reading import ordered_pairs
from videosketcher_app.evaluation.scores import Score, figures
from videosketcher_app.evaluation.style import (
    MARKS,
    StyleClassifier,
    fit_classifier,
    fitting_concepts,
    marks_of_clips,
    moved_towards,
    style_marks,
)
from videosketcher_app.evaluation.tasks import Task, spaced, tasks_of
from videosketcher_app.evaluation.text import Sampler, score_clips
from videosketcher_app.evaluation.vocabulary import full_label

TRUE_SEED, UNTAUGHT_SEED = 53_000, 54_000
KEPT_FIGURES = ("order", "order_all_pairs", "present", "in_place", "drawings")


def unseen_tasks(limit: int, seed: int = 0) -> list[Task]:
    """Evenly spaced plans of concepts that taught neither the style nor the classifier."""
    return _spaced_tasks(set(fitting_concepts()[1]), limit, seed)


def _spaced_tasks(names: set[str], limit: int, seed: int) -> list[Task]:
    return spaced([t for t in tasks_of("concepts", seed=seed) if t.name in names], limit)


def compare_style(
    base: Sampler,
    styled: Sampler,
    *,
    width: int,
    height: int,
    limit: int = 24,
    drawings: int = 60,
    untaught: int = 40,
    seed: int = 0,
    detector: Detector | None = None,
) -> dict[str, object]:
    """Draws the same plans from the same noise without and with the LoRA, and measures both.

    Args:
        base, styled: give one clip (T, H, W, 3) uint8, as decoded, for each plan and seed.
        limit: plans to draw.
        drawings: true renders of each hand that the classifier is fitted on.
        untaught: drawings of `base`, of other concepts, that it is fitted on as plain ones.

    Returns:
        "base" and "styled" with "new_style" (share) and figures of order and presence, "loss" of
        both, how far the marks "moved", and the "calibration": of the classifier, and of the
        detector on true renders of both hands, since it was made for the plain one.
        "order_together" is of the parts that both drawings of a plan show: parts that only one of
        them has, mostly doubtful ones, are left out of both.
    """
    detector = detector or load_detector()
    others = _spaced_tasks(set(fitting_concepts()[0]), untaught, UNTAUGHT_SEED)
    untaught_DM = marks_of_clips(
        base([task.plan for task in others], [task.seed for task in others])
    )
    classifier = fit_classifier(width, height, drawings=drawings, untaught_DM=untaught_DM)
    tasks = unseen_tasks(limit, seed)
    before, base_marks, base_scores = _side(base, tasks, classifier, detector)
    after, styled_marks, styled_scores = _side(styled, tasks, classifier, detector)
    before["order_together"] = order_together(base_scores, styled_scores)
    after["order_together"] = order_together(styled_scores, base_scores)
    return {
        "base": before,
        "styled": after,
        "loss": {
            name: round(before[name] - after[name], 4)
            for name in ("order", "order_together", "present")
            if name in before and name in after
        },
        "moved": moved_towards(base_marks, styled_marks, classifier),
        "calibration": {
            **classifier.calibration,
            "marks": len(MARKS),
            "untaught": len(others),
            "true_plain": _true_figures(plain_drawing, tasks, width, height, detector),
            "true_new": _true_figures(restyled_drawing, tasks, width, height, detector),
        },
    }


def order_together(scores: Sequence[Score], others: Sequence[Score]) -> float:
    """Share of the pairs in order, of parts that are present in a drawing and in the other one."""
    right, pairs = 0.0, 0
    for score, other in zip(scores, others, strict=True):
        seen = zip(score.reading.parts, other.reading.parts, strict=True)
        frames = [part.frame if twin.frame is not None else None for part, twin in seen]
        found, count = ordered_pairs(frames)
        right, pairs = right + found, pairs + count
    return round(right / pairs, 4) if pairs else float("nan")


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
) -> tuple[dict[str, float], NDArray[np.float64], tuple[Score, ...]]:
    """Figures, marks (D, M) and scores of one sampler's drawings."""
    marks, readings = [], []
    clips: Iterable[NDArray[np.uint8]] = sampler(
        [task.plan for task in tasks], [task.seed for task in tasks]
    )
    for clip in clips:
        marks.append(style_marks(clip))
        readings.append(read_clip(clip))
    rows_DM = np.stack(marks)
    scores = tuple(score_clips(detector, tasks, readings))
    scored = figures(scores)
    told = {name: round(scored[name], 4) for name in KEPT_FIGURES if name in scored}
    new = round(float(classifier.is_new(rows_DM).mean()), 4)
    return {"new_style": new, **told}, rows_DM, scores
