"""Where order is lost: the groups of pairs that a report shows for drawings of concepts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.evaluation.seen_parts import reading_of
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.causes import FACTORS, UNUSUAL, causes, pairs_of
from videosketcher_app.evaluation.clip import ClipReading
from videosketcher_app.evaluation.scores import Score
from videosketcher_app.evaluation.tasks import Task, tasks_of, truth_of

BLANK = ClipReading.__new__(ClipReading)  # nothing of the clip is asked here


def drawn(task: Task, frames: list[float | None]) -> Score:
    """A drawing of a task whose parts were seen at these frames."""
    return Score(task=task, clip=BLANK, reading=reading_of(task.labels, frames))


def a_task() -> Task:
    return next(task for task in tasks_of("concepts") if len(task.labels) >= 6)


def test_the_truth_of_a_task_is_the_drawing_behind_its_plan():
    for task in tasks_of("concepts", limit=5):
        truth = truth_of(task)
        assert truth.plan == task.plan
        assert len(truth.labels) == len(task.labels)


def test_every_factor_sorts_all_pairs_and_shares_add_up():
    task = a_task()
    frames = [float(i) for i in range(len(task.labels))]
    frames[1], frames[2] = frames[2], frames[1]
    rows = causes([drawn(task, frames)])
    count = len(frames) * (len(frames) - 1) // 2
    for factor in FACTORS:
        mine = [row for row in rows if row["factor"] == factor]
        assert sum(row["pairs"] for row in mine) == count
        assert sum(row["share_of_wrong"] for row in mine) == 1
    near = {row["group"]: row for row in rows if row["factor"] == "distance in the plan"}
    assert near["1"]["share_of_wrong"] == 1
    assert near["2"]["order"] == near["3+"]["order"] == 1


def test_missing_parts_form_no_pairs_and_ties_count_half():
    task = a_task()
    frames: list[float | None] = [None] * len(task.labels)
    frames[0] = frames[1] = 4.0
    (pair,) = pairs_of(drawn(task, frames))
    assert pair.right == 0.5
    assert pair.steps == 1
    assert causes([drawn(task, [None] * len(frames))]) == []


def test_a_plan_against_the_usual_order_is_told_apart():
    task = a_task()
    drawing = compose(programs()[task.name], np.random.default_rng(task.draw))
    assert drawing.plan == task.plan
    turned = replace(task, labels=task.labels[::-1])
    frames = [float(i) for i in range(len(task.labels))]
    usual, unusual = (
        sum(pair.usual == UNUSUAL for pair in pairs_of(drawn(t, frames))) for t in (task, turned)
    )
    assert usual + unusual == len(frames) * (len(frames) - 1) // 2
