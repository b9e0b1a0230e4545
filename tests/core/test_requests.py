"""A request that exists is valid; one that cannot be says why in one sentence."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import (
    LoraSpec,
    SketchRequest,
    check_canvas,
    parse_request_json,
)

NAN, INFINITY = float("nan"), float("inf")

BAD = [
    ({"prompt": ""}, "empty"),
    ({"prompt": "   "}, "empty"),
    ({"prompt": "x" * 5_000_000}, "5,000,000 characters"),
    ({"prompt": "a cat\na dog"}, "line breaks"),
    ({"prompt": "a \x00 cat"}, "control characters"),
    ({"prompt": "a \ud800 cat"}, "control characters"),
    ({"prompt": 7}, "prompt should be a valid string"),
    ({"prompt": None}, "prompt should be a valid string"),
    ({}, "prompt is missing"),
    ({"prompt": "a cat", "seed": -1}, "seed"),
    ({"prompt": "a cat", "seed": 2**32}, "seed"),
    ({"prompt": "a cat", "seed": 1.5}, "seed"),
    ({"prompt": "a cat", "seed": "7"}, "seed"),
    ({"prompt": "a cat", "seed": True}, "seed"),
    ({"prompt": "a cat", "num_frames": 80}, "4n + 1"),
    ({"prompt": "a cat", "num_frames": 3}, "4n + 1"),
    ({"prompt": "a cat", "strength": 0.5}, "there is no clip"),
    ({"prompt": "a cat", "input_video": "a.mp4", "strength": 0.0}, "strength"),
    ({"prompt": "a cat", "input_video": "a.mp4", "strength": 1.5}, "strength"),
    ({"prompt": "a cat", "input_video": "a\nb.mp4"}, "line breaks"),
    ({"prompt": "a cat", "attention": "fastest"}, "attention"),
    ({"prompt": "a cat", "rounding": "some"}, "rounding"),
    ({"prompt": "a cat", "num_frames": 10**12 + 1}, "4n + 1"),
    ({"prompt": "a cat", "num_frames": NAN}, "num_frames"),
    ({"prompt": "a cat", "width": 433}, "multiples of 8"),
    ({"prompt": "a cat", "height": 0}, "multiples of 8"),
    ({"prompt": "a cat", "height": 10**9}, "multiples of 8"),
    ({"prompt": "a cat", "width": "432"}, "width"),
    ({"prompt": "a cat", "cfg_scale": NAN}, "cfg_scale"),
    ({"prompt": "a cat", "cfg_scale": INFINITY}, "cfg_scale"),
    ({"prompt": "a cat", "cfg_scale": 1e308}, "cfg_scale"),
    ({"prompt": "a cat", "num_inference_steps": 0}, "num_inference_steps"),
    ({"prompt": "a cat", "fps": 0}, "fps"),
    ({"prompt": "a cat", "mode": "quick"}, "mode"),
    ({"prompt": "a cat", "planner": "chatbot"}, "planner"),
    ({"prompt": "a cat", "model": ""}, "model"),
    ({"prompt": "a cat", "loras": "file"}, "loras"),
    ({"prompt": "a cat", "loras": [{"path": "x", "scale": NAN}]}, "scale"),
    ({"prompt": "a cat", "loras": [{"file": "x"}]}, "no field 'file'"),
    ({"prompt": "a cat", "as_written": "yes"}, "as_written"),
]


@pytest.mark.parametrize(("values", "told"), BAD, ids=range(len(BAD)))
def test_impossible_request_is_refused_in_one_sentence(values, told):
    with pytest.raises(InvalidRequest) as caught:
        SketchRequest(**values)
    assert told in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"num_frames": 80}, "Try 81."),
        ({"num_frames": 3}, "Try 5."),
        ({"num_frames": 5000}, "Try 401."),
        ({"width": 433}, "Try 432."),
        ({"height": 5}, "Try 24."),
        ({"promt": "a dog"}, "Did you mean 'prompt'?"),
        ({"cfgscale": 2.0}, "Did you mean 'cfg_scale'?"),
    ],
)
def test_hint_names_the_nearest_possible_value(values, hint):
    with pytest.raises(InvalidRequest) as caught:
        SketchRequest(prompt="a cat", **values)
    assert caught.value.hint == hint


def test_request_survives_json():
    request = SketchRequest(
        prompt=" a cat ",
        seed=7,
        width=432,
        height=240,
        cfg_scale=2,
        loras=(LoraSpec(path="ink.safetensors", scale=0.5),),
        negative_prompt="",
    )
    text = json.dumps(request.to_mapping())
    assert SketchRequest.from_mapping(parse_request_json(text)) == request
    assert request.prompt == "a cat"


def test_request_is_frozen_and_replaced_is_validated():
    request = SketchRequest(prompt="a cat")
    with pytest.raises(ValidationError):
        request.seed = 3  # type: ignore[misc]
    assert request.replaced(seed=3).seed == 3
    with pytest.raises(InvalidRequest):
        request.replaced(seed=-3)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"cat"', '{"seed": NaN}', "[" * 90_000])
def test_request_file_that_is_no_request_is_refused(text):
    with pytest.raises(InvalidRequest):
        SketchRequest.from_mapping(parse_request_json(text))


def test_canvas_is_checked_against_the_models_patches():
    request = SketchRequest(prompt="a cat", width=440, height=240)
    check_canvas(request, multiple_px=8, model="any")
    with pytest.raises(InvalidRequest) as caught:
        check_canvas(request, multiple_px=24, model="pocket-t2v")
    assert caught.value.hint == "Try 432."


@pytest.mark.parametrize(("text", "scale"), [("a.safetensors", 1.0), ("a=b.safetensors=0.5", 0.5)])
def test_lora_argument_is_file_and_scale(text, scale):
    assert LoraSpec.parse(text).scale == scale


def test_lora_scale_must_be_a_number():
    with pytest.raises(InvalidRequest, match="must be a number"):
        LoraSpec.parse("a.safetensors=strong")


def test_model_reads_the_plan_or_the_prompt_as_written():
    plan = DrawingPlan(concept="a cat", parts=(PlanPart(name="head"),))
    assert SketchRequest(prompt="a cat").model_text(plan) == str(plan)
    assert SketchRequest(prompt="a cat", as_written=True).model_text(plan) == "a cat"
