"""What the page says for every event and error; text of people never becomes HTML."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.core.events import STAGES, Done, Planned, Preview, Progress, Waiting
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.present import View, present, present_error, started, waiting_line

HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_plan_alone_changes_nothing():
    view = started()
    plan = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head"),))
    planned = Planned(planned=PlannedDrawing(plan=plan, model_plan=plan, planner="x"))
    assert present(planned, view) is view


def test_error_is_shown_as_text_with_its_hint():
    view = present_error(InvalidRequest(HOSTILE, hint="Write it anew."), started())
    assert HOSTILE not in view.status
    assert "Write it anew." in view.status
    assert not view.busy


def test_stopping_keeps_what_is_drawn_so_far():
    frame = np.zeros((4, 4, 3), np.uint8)
    view = present(Preview(frame_HW3=frame, step=3), started())
    view = present_error(Cancelled("stop"), view)
    assert view.preview is frame
    assert "after step 3 stays" in view.status
    assert "Nothing was drawn" in present_error(Cancelled("stop"), started()).status
    assert not view.busy


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_words(stage):
    view = present(Progress(step=1, num_steps=4, seconds_left=7.4, stage=stage), started())
    assert "about 7 s left" in view.status
    assert '<progress value="1" max="4">' in view.status


def test_step_is_counted_while_drawing():
    assert "step 2 of 6" in present(Progress(step=2, num_steps=6), View()).status


@pytest.mark.parametrize(("position", "words"), [(1, "1 sketch."), (3, "3 sketches.")])
def test_waiting_says_how_many_are_before(position, words):
    assert words in present(Waiting(position=position), View()).status


def test_done_names_the_folder_and_takes_the_preview_away():
    drawing = SimpleNamespace(folder=Path("cat"), run={"seconds": {"total": 2.5}}, stopped=None)
    view = present(Preview(frame_HW3=np.zeros((4, 4, 3), np.uint8), step=1), started())
    view = present(Done(drawing=drawing), view)
    assert view.folder == Path("cat")
    assert view.preview is None
    assert "2.5 s" in view.status
    assert not view.busy


def test_a_wait_is_told_in_minutes_where_they_are_known():
    assert "About 4 min" in waiting_line(3, 3.6)
    assert "min" not in waiting_line(3)
