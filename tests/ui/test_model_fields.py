"""Model settings in the Text tab: what is open for a model, what is asked for, what comes back."""

from __future__ import annotations

import asyncio
from typing import get_args

import gradio as gr
import pytest

from tests.ui.text_cases import asked, drawn, fields
from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.model_settings import MODEL_SETTINGS
from videosketcher_app.services.saved import open_saved
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import reuse
from videosketcher_app.ui.tabs.text.layout import lay_out
from videosketcher_app.ui.tabs.text.model_fields import (
    field_values,
    following,
    not_held,
    settings_of,
)
from videosketcher_app.ui.tabs.text.page import Result, request_of

STUDIO = "wan2.1-t2v-1.3b"
TOLD = {"mode": "sketch", "negative_prompt": "fog", "attention": "sage", "rounding": "reference"}


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def page_of(services, role, model="tiny"):
    context = PageContext(services=services, role=role, model=model)

    async def build_page():
        with gr.Blocks():
            return lay_out(context)

    return context, asyncio.run(build_page())


def test_the_fields_become_a_request_and_come_back():
    request = request_of(fields(model=STUDIO, **TOLD))
    assert {name: getattr(request, name) for name in MODEL_SETTINGS} == TOLD
    assert settings_of(field_values(request, STUDIO)) == TOLD
    assert not_held(request, STUDIO) == []


def test_untouched_fields_ask_for_nothing():
    assert request_of(fields()) == SketchRequest(prompt="a cat", seed=7, model="tiny")
    assert request_of(fields(negative_prompt="  ")).negative_prompt is None


@pytest.mark.parametrize("name", MODEL_SETTINGS)
def test_what_is_not_possible_is_said(name):
    with pytest.raises(InvalidRequest, match=name.replace("_", " ")):
        request_of(fields(**{name: "a\nb"}))


def test_fields_that_a_model_cannot_use_are_closed_and_as_at_first():
    small = dict(zip(MODEL_SETTINGS, following("pocket-t2v"), strict=True))
    assert small["mode"] == gr.update(interactive=True)
    assert small["negative_prompt"] == gr.update(interactive=False, value="")
    assert small["attention"] == gr.update(interactive=False, value="torch")
    assert small["rounding"] == gr.update(interactive=False, value="none")
    assert following(STUDIO) == [gr.update(interactive=True)] * 4


def test_what_the_fields_cannot_hold_is_named():
    request = SketchRequest(prompt="a cat", model=STUDIO, **TOLD)
    assert not_held(request, "tiny") == ["negative_prompt", "attention", "rounding"]
    assert not_held(request.replaced(negative_prompt=""), STUDIO) == ["negative_prompt"]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("model", ["tiny", "pocket-t2v"])
def test_the_page_begins_as_its_model_asks(services, role, model):
    _, page = page_of(services, role, model)
    is_open = [field.interactive for field in page.model_fields.inputs]
    assert is_open == [update["interactive"] for update in following(model)]
    assert [field.value for field in page.model_fields.inputs] == ["exact", "", "torch", "none"]


def test_every_value_of_a_request_can_be_chosen(services):
    _, page = page_of(services, Role.OWNER)
    for name in ("mode", "attention", "rounding"):
        offered = [value for _, value in getattr(page.model_fields, name).choices]
        assert offered == list(get_args(SketchRequest.model_fields[name].annotation))


def test_a_drawing_is_made_as_the_fields_say_and_gives_them_back(services):
    last = drawn(services, asked(mode="fast", frames=9))[-1].view
    assert open_saved(last.folder).request.mode == "fast"
    context, page = page_of(services, Role.OWNER)
    result = Result(folder=last.folder, original=last.folder)
    status, *values = reuse.from_result(context, page, result)
    assert "Not brought back" not in status
    assert values[reuse.reuse_outputs(page).index(page.model_fields.mode)] == "fast"
    path = services.exports.export(last.folder, "svg")
    _, *values = reuse.from_file(context, page, path, path.name)
    assert values[reuse.reuse_outputs(page).index(page.model_fields.mode)] == "fast"


def test_guests_may_set_them_too(services):
    _, guest = services.guests.admit()
    question = asked(session=guest.name, mode="sketch", frames=9)
    last = drawn(services, question, role=Role.GUEST)[-1].view
    assert open_saved(last.folder).request.mode == "sketch"


def test_a_setting_that_the_model_cannot_use_ends_with_a_sentence(services):
    """As when *Draw* is pressed before the fields have followed the model."""
    last = drawn(services, asked(negative_prompt="fog", frames=9))[-1].view
    assert last.folder is None
    assert "Leave the negative prompt out." in last.status


@pytest.mark.parametrize("role", Role)
def test_on_both_tabs_the_fields_follow_the_model_with_a_handler_of_a_guest(services, role):
    async def build_page():
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(build_page())
    names = {block._id: block.elem_id for block in blocks.blocks.values()}
    for ids in ("", "brush-"):
        wanted = [f"{ids}{name}" for name in ("mode", "negative-prompt", "attention", "rounding")]
        found = [
            function.fn.capability
            for function in blocks.fns.values()
            if [names[output._id] for output in function.outputs] == wanted
        ]
        assert found == [Capability.GENERATE]
        assert allows(role, found[0])
