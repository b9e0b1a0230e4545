"""What the plan editor hands to the page, and what Python reads from it."""

from __future__ import annotations

import subprocess

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.wording import SHAPES
from videosketcher_app.ui.components.assets import FOLDER, style
from videosketcher_app.ui.components.outlines import outline_paths
from videosketcher_app.ui.components.plan_editor import PlanEditor

PLAN = DrawingPlan(
    concept="a cat",
    parts=(PlanPart(name="Head", description="a circle"), PlanPart(name="Tail")),
)


def test_a_shown_plan_is_read_back():
    assert PlanEditor.read(PlanEditor.value_of(PLAN, note="Hm.", planner="library")) == PLAN


def test_empty_rows_are_left_out():
    value = PlanEditor.value_of(PLAN)
    value["parts"].append({"name": " ", "description": ""})
    assert PlanEditor.read(value) == PLAN


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"concept": "a cat", "parts": []},
        {"concept": "", "parts": [{"name": "Head"}]},
        {"concept": 3, "parts": [{"name": "Head"}]},
        {"concept": "a cat", "parts": "Head"},
        {"concept": "a cat", "parts": [{"name": None}]},
        {"concept": "a cat", "parts": [{"name": "", "description": "a circle"}]},
        {"concept": "a cat", "parts": [{"name": "Head", "description": "1. circle"}]},
        {"concept": "a cat", "parts": [{"name": "Head"}] * 25},
        {"concept": "a cat", "parts": [{"name": "x" * 5000}]},
    ],
)
def test_what_is_no_plan_is_refused_with_a_sentence(value):
    with pytest.raises(InvalidRequest) as refusal:
        PlanEditor.read(value)
    assert refusal.value.message.endswith((".", "'", "24", "25", "0"))
    assert refusal.value.hint


def test_every_shape_has_an_outline():
    outlines = outline_paths()
    assert set(outlines) == set(SHAPES)
    for shape, path in outlines.items():
        numbers = [float(n) for n in path.replace("M", " ").replace("L", " ").split()]
        assert all(-1 <= n <= 101 for n in numbers), shape


def test_the_editor_is_built_without_torch(run_python):
    code = "import sys; from videosketcher_app.ui.components.plan_editor import PlanEditor\n"
    done: subprocess.CompletedProcess[str] = run_python(
        code + "PlanEditor(); print('torch' in sys.modules)"
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize("name", ["plan_editor", "player"])
def test_styles_hold_nothing_that_gradios_template_would_change(name):
    assert not any(mark in style(name) for mark in ("\\", "`", "{{", "${", "@keyframes"))


def test_scripts_are_short_and_load_nothing():
    scripts = sorted(FOLDER.glob("*.js"))
    assert len(scripts) >= 10
    for path in scripts:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 450, path.name
        # Drawing together asks its own door where no socket opens.
        words = ["import(", "eval(", "https://"] + ["fetch("] * (path.name != "codraw_link.js")
        assert not any(word in text for word in words), path.name
