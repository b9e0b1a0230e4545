"""The fields of the Text tab become a request and a plan, without a browser."""

from __future__ import annotations

import re

import pytest

from tests.ui.text_cases import asked, drawn, fields, planned
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.core.sparse_request import SPARSE_PRESETS
from videosketcher_app.services.container import build
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.tabs.text.page import Draft, request_of
from videosketcher_app.ui.tabs.text.planning import edited, editor_value, plan_of
from videosketcher_app.ui.tabs.text.suggestions import concepts
from videosketcher_app.ui.tabs.text.values import parse_size, settings_values, size_text


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


# Fields


def test_the_fields_become_a_request():
    request = request_of(fields(steps="4", guidance="1,5", size="312 x 240", frames=121.0))
    assert (request.num_inference_steps, request.cfg_scale) == (4, 1.5)
    assert (request.width, request.height, request.num_frames) == (312, 240, 121)
    assert request_of(fields()) == SketchRequest(prompt="a cat", seed=7, model="tiny")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"concept": ""}, "empty"),
        ({"concept": None}, "empty"),
        ({"seed": None}, "seed"),
        ({"seed": -1}, "seed"),
        ({"concept": "x" * 5000}, "5,000"),
        ({"size": "large"}, "no size: large"),
        ({"size": "433 x 240"}, "multiples"),
        ({"steps": "many"}, "no number: many"),
        ({"steps": "nan"}, "num_inference_steps"),
        ({"steps": "2.5"}, "num_inference_steps"),
        ({"frames": 80}, "4n + 1"),
        ({"model": None}, "model"),
        ({"kept": "a little"}, "nothing about sparse attention: a little"),
        ({"kept": "1.5"}, "kept_fraction"),
    ],
)
def test_what_is_not_possible_is_said(changes, told):
    with pytest.raises(InvalidRequest, match=re.escape(told)):
        request_of(fields(**changes))


@pytest.mark.parametrize("text", ["432 x 240", "432x240", "432 × 240 px", " 432,240 "])
def test_sizes_are_read_as_people_write_them(text):
    assert parse_size(text) == (432, 240)


def test_settings_come_back_as_they_were():
    request = SketchRequest(
        prompt="a cat",
        width=312,
        height=312,
        num_inference_steps=16,
        cfg_scale=0.5,
        sparse=SPARSE_PRESETS["code"],
    )
    model, steps, guidance, frames, size, fps, kept = settings_values(request)
    again = request_of(
        fields(
            model=model,
            steps=steps,
            guidance=guidance,
            frames=frames,
            size=size,
            fps=fps,
            seed=0,
            kept=kept,
        )
    )
    assert again == request
    assert size_text(SketchRequest(prompt="a cat")) == ""


def test_suggestions_begin_with_what_the_model_was_taught():
    listed = concepts()
    taught = [len(concept) > 2 for concept in listed]
    assert len(listed) > 400
    assert taught == sorted(taught, reverse=True)
    assert any("gato" in names for _, names, *_ in listed)


# Plans


def test_the_editors_plan_is_drawn_for_its_own_concept_only(services):
    first = planned(services)
    value = editor_value(first)
    draft = Draft(prompt="a cat", planned=first)
    asks: list[str] = []

    def plan(request):
        asks.append(request.prompt)
        return services.planner.plan(request)

    assert plan_of(SketchRequest(prompt="a cat"), value, draft, plan) is first
    assert asks == []
    other = plan_of(SketchRequest(prompt="a house"), value, draft, plan)
    assert asks == ["a house"]
    assert other.plan.concept == "a house"


def test_an_edited_plan_keeps_the_model_words_of_untouched_parts():
    shown = DrawingPlan(
        concept="un gato",
        parts=(PlanPart(name="Cabeza", description="c"), PlanPart(name="Cola", description="o")),
    )
    words = DrawingPlan(
        concept="a cat",
        parts=(PlanPart(name="Head", description="c"), PlanPart(name="Tail", description="o")),
    )
    first = PlannedDrawing(plan=shown, model_plan=words, planner="openai", taught=True)
    new_part = PlanPart(name="Sombrero", description="triangle")
    changed = edited(first, DrawingPlan(concept="un gato", parts=(shown.parts[1], new_part)))
    assert changed.model_plan.concept == "a cat"
    assert changed.model_plan.parts == (words.parts[1], new_part)
    assert changed.note
    assert not changed.taught
    assert edited(first, shown) is first


def test_a_plan_written_by_hand_needs_no_planner():
    value = {"concept": "", "parts": [{"name": "Circle", "description": "circle in the center"}]}
    made = plan_of(SketchRequest(prompt="my thing"), value, None, lambda _: pytest.fail("planned"))
    assert str(made.plan).startswith("Step by step sketch process of my thing")


def test_as_written_reads_neither_plan_nor_planner(services):
    value = editor_value(planned(services))
    now = drawn(services, asked(plan=value, as_written=True, concept="three red lines"))
    folder = now[-1].view.folder
    config = (folder / f"{folder.name}_config.json").read_text("utf-8")
    assert '"model_text": "three red lines"' in config
    assert now[-1].draft is None
