"""The Text tab without a browser: results, settings that come back, the page of a role."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.services.drawings import published
from tests.ui.text_cases import OPTIONS, asked, drawn, fields
from videosketcher_app.core.access import Role, allows
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.exports import KINDS
from videosketcher_app.services.saved import PartSpan
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.components.player import Retiming as ShownRetiming
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import downloads, results, reuse
from videosketcher_app.ui.tabs.text.layout import lay_out
from videosketcher_app.ui.tabs.text.page import Result
from videosketcher_app.ui.tabs.text.updates import sheet_updates


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


# Results


def test_retiming_counts_the_shown_parts_and_leads_back(services):
    saved = published(services.settings.output_dir)
    first = Result(folder=saved.folder, original=saved.folder)
    count = len(saved.timeline)
    data = {"order": list(range(count))[::-1], "seconds": [0.5] * count, "hold_s": 0.5}
    new = results.retimed(services, Role.OWNER, first, data, "page", CancelToken())
    names = [span.name for span in results.open_saved(new.folder).timeline]
    assert names == [span.name for span in saved.timeline][::-1]
    assert new.original == saved.folder
    back = sheet_updates(new, services)[4]
    assert back["interactive"]
    with pytest.raises(InvalidRequest):
        results.retimed(services, Role.OWNER, first, {"order": [0]}, "page", CancelToken())
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        results.retimed(services, Role.OWNER, first, data, "page", stopped)
    with pytest.raises(InvalidRequest, match="no drawing"):
        results.retimed(services, Role.OWNER, None, data, "page", CancelToken())


def test_shown_parts_are_named_by_their_place_in_the_plan():
    """Part 1 of the plan has no strokes, and the others are drawn in another order."""
    spans = [
        PartSpan(index=index, name=str(index), start_s=at, end_s=at + 1.0)
        for at, index in enumerate((2, 0, 3))
    ]
    wish = ShownRetiming(order=(2, 0, 1), seconds=(0.5, 1.0, 1.5), hold_s=0.25)
    changes = results.changes_of(SimpleNamespace(timeline=spans), wish).retiming
    assert changes.order == (3, 2, 0)
    assert changes.durations_s == {3: 0.5, 2: 1.0, 0: 1.5}
    assert changes.holds_s == {3: 0.25, 2: 0.25, 0: 0.25}


@pytest.mark.parametrize("kind", ["svg", "config", "png"])
def test_a_download_is_made_when_asked_for(services, kind):
    saved = published(services.settings.output_dir)
    data = {"kind": kind, "drawing": "x"}
    making, ready = list(downloads.made(services, data, saved.folder, OPTIONS))
    assert (making["state"], ready["state"]) == ("making", "ready")
    assert ready["path"].startswith(str(saved.folder / "exports"))


@pytest.mark.parametrize(
    "data", [None, {}, {"kind": "../x", "drawing": "x"}, {"kind": "png"}, "png"]
)
def test_nothing_is_made_of_words_that_are_no_kind(services, data):
    saved = published(services.settings.output_dir)
    assert list(downloads.made(services, data, saved.folder, OPTIONS)) == []


def test_a_download_that_cannot_be_made_says_why(services):
    *_, failed = downloads.made(services, {"kind": "png", "drawing": "x"}, None, OPTIONS)
    assert failed["state"] == "failed"
    assert "no drawing" in failed["words"]
    folder = published(services.settings.output_dir).folder
    *_, odd = downloads.made(
        services, {"kind": "png", "drawing": "x"}, folder, [7, 0, 1, "a4", True]
    )
    assert odd["state"] == "failed"


def test_there_is_a_button_for_every_kind(services):
    html = downloads._template()
    assert all(f'data-kind="{kind}"' in html for kind in KINDS)
    assert html.count("disabled") == len(KINDS)


# Settings that come back


@pytest.fixture
def context(services):
    return PageContext(services=services, role=Role.OWNER, model="tiny")


@pytest.fixture
def page(context):
    async def build_page():
        with gr.Blocks():
            return lay_out(context)

    return asyncio.run(build_page())


@pytest.mark.parametrize("kind", ["mp4", "png", "svg", "gif", "config"])
def test_every_exported_file_brings_its_settings_back(services, context, page, kind):
    saved = published(services.settings.output_dir)
    path = services.exports.export(saved.folder, kind)
    status, concept, as_written, seed, lock, model, *_, plan, draft = reuse.from_file(
        context, page, path, path.name
    )
    assert path.name in status
    assert (concept, as_written, seed, lock, model) == ("a cat", False, 7, True, "tiny")
    assert PlanEditor.read(plan) == saved.plan
    assert draft.planned.plan == saved.plan


def test_a_file_of_others_is_answered(context, page, tmp_path):
    path = tmp_path / "other.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(AppError, match="holds no plan"):
        reuse.from_file(context, page, path, "<b>.svg")


def test_a_model_that_is_not_here_is_not_chosen(context, page):
    request = SketchRequest(prompt="a cat", model="wan2.1-t2v-14b")
    assert reuse.reuse_updates(context, page, request, None)[4] == "tiny"


def test_the_shown_drawing_gives_its_settings(services, context, page):
    saved = published(services.settings.output_dir)
    values = reuse.from_result(context, page, Result(folder=saved.folder, original=saved.folder))
    assert values[1:4] == ["a cat", False, 7]
    with pytest.raises(InvalidRequest):
        reuse.from_result(context, page, None)


def test_settings_without_a_field_are_named(services, context, page):
    request = SketchRequest(
        prompt="a cat",
        model="tiny",
        mode="fast",
        brush={"name": "crayon_red"},
    )
    status, *_ = reuse.from_request(context, page, request, None)
    assert "Not brought back: the brush." in status
    plain = SketchRequest(prompt="a cat", model="tiny", input_video="/films/a.mp4")
    assert "Not brought back" not in reuse.from_request(context, page, plain, None)[0]
    filmless = replace(page, film_field=None)
    assert reuse.left_out(filmless, plain, "tiny") == ["the film"]


def test_settings_that_the_chosen_model_cannot_use_are_named(context, page):
    """The drawing's own model is not on this disk, so that the page's draws."""
    told = {"mode": "fast", "negative_prompt": "fog", "attention": "auto", "rounding": "reference"}
    request = SketchRequest(prompt="a cat", model="wan2.1-t2v-14b", **told)
    status, *values = reuse.from_request(context, page, request, None)
    names = "the negative prompt, the attention kernel, the rounding"
    assert f"Not brought back: {names}." in status
    places = reuse.reuse_outputs(page)
    brought = [values[places.index(field)] for field in page.model_fields.inputs]
    assert brought == ["fast", "", "torch", "none"]


def test_updates_of_settings_fit_their_places(context, page):
    request = SketchRequest(prompt="a cat", model="tiny", loras=[{"path": "ink", "scale": 0.5}])
    places, values = reuse.reuse_outputs(page), reuse.reuse_updates(context, page, request, None)
    assert len(places) == len(values)
    assert values[places.index(page.loras.names[0])] == "ink"
    assert values[places.index(page.loras.scales[0])] == 0.5


# The page


@pytest.mark.parametrize("role", Role)
def test_the_page_of_a_role(services, role):
    async def page():
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(page())
    ids = {block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)}
    assert {"concept", "draw", "plan-first", "stop", "plan", "player", "downloads"} <= ids
    assert ("planner" in ids) == (role is Role.OWNER)
    assert all(allows(role, fn.fn.capability) for fn in blocks.fns.values())
    notes = [
        b.value
        for b in blocks.blocks.values()
        if isinstance(b, gr.HTML) and b.elem_id == "about-model"
    ]
    assert "for tests" in notes[0]


def test_words_of_people_never_become_html(services):
    hostile = "<img src=x onerror=alert(1)> ${x} {{y}}"
    last = drawn(services, replace(asked(), values=fields(size=hostile)))[-1]
    assert "<img" not in last.view.status
    assert "${" not in last.view.status
    assert "{{" not in last.view.status
