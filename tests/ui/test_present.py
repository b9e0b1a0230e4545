"""What the page says for every event and error; text of people never becomes HTML."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.core.events import STAGES, Done, Planned, Preview, Progress, Waiting
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.services.model_shelf import STATES, ShelfState
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.present import View, model_line, present, present_error, started

HOSTILE = "<img src=x onerror=alert(1)>"


def planned_with(text: str) -> Planned:
    plan = DrawingPlan(concept=text, parts=(PlanPart(name=text, description=text),))
    return Planned(planned=PlannedDrawing(plan=plan, model_plan=plan, planner="x", note=text))


def test_plan_is_a_list_and_text_stays_text():
    view = present(planned_with(HOSTILE), started())
    assert "<ol" in view.plan
    assert HOSTILE not in view.plan
    assert view.plan.count("&lt;img") == 4


def test_error_is_shown_as_text_with_its_hint():
    view = present_error(InvalidRequest(HOSTILE, hint="Write it anew."), started())
    assert HOSTILE not in view.status
    assert "Write it anew." in view.status
    assert not view.busy


def test_stopping_keeps_what_is_drawn_so_far():
    frame = np.zeros((4, 4, 3), np.uint8)
    view = present(Preview(frame_HW3=frame, step=1), started())
    view = present_error(Cancelled("stop"), view)
    assert view.preview is frame
    assert "Stopped" in view.status
    assert not view.busy


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_words(stage):
    view = present(Progress(step=1, num_steps=4, seconds_left=7.4, stage=stage), started())
    assert "about 7 s left" in view.status
    assert '<progress value="1" max="4">' in view.status


def test_step_is_counted_while_drawing():
    assert "step 2 of 6" in present(Progress(step=2, num_steps=6), View()).status


@pytest.mark.parametrize(("position", "words"), [(1, "1 sketch<"), (3, "3 sketches<")])
def test_waiting_says_how_many_are_before(position, words):
    assert words in present(Waiting(position=position), View()).status


def test_done_shows_the_video_and_offers_its_files():
    files = {"mp4": Path("cat.mp4"), "svg": Path("cat.svg")}
    drawing = SimpleNamespace(files=files, run={"seconds": {"total": 2.5}})
    view = present(Done(drawing=drawing), started())
    assert view.video == files["mp4"]
    assert view.files == tuple(files.values())
    assert "2.5 s" in view.status
    assert not view.busy


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_model_has_words(state):
    error = InvalidRequest("No weights.", hint="Get them.") if state == "failed" else None
    line = model_line("tiny", ShelfState(state=state, error=error))
    assert "tiny" in line
    assert ("Get them." in line) == (state == "failed")
