"""The Brush tab without a browser: what is chosen becomes a card, a request, drawings, sentences."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from tests.services.bad_pictures import mark
from tests.services.drawings import published
from videosketcher_app.core.access import Role, allows
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.brushes.desk import Person
from videosketcher_app.services.container import build
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.brush_card import (
    card_values,
    hex_color,
    understanding_of,
    words_html,
)
from videosketcher_app.ui.components.brush_picture import BrushPicture, sent_file
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.components.brush_strokes import BrushStrokes
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.brush import inking, side
from videosketcher_app.ui.tabs.brush.bench import chosen, painted_pixels, who_paints
from videosketcher_app.ui.tabs.brush.page import BrushPage, with_brush
from videosketcher_app.ui.tabs.text.drawing import Asked
from videosketcher_app.ui.tabs.text.page import Result, TextPage, request_of
from videosketcher_app.ui.tabs.text.turns import Turn

OWNER = Person(role=Role.OWNER)
VALUES = ("a cat", False, 7, "tiny", 2, None, 9, "", 16, "library", "", None, None)
VALUES += ("exact", "", "torch", "none")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def context(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as services:
        yield PageContext(services=services, role=Role.OWNER, model="tiny")


@pytest.fixture
def desk(context):
    return context.services.brushes


def test_the_brush_of_a_drawing_has_a_place_here_and_not_on_the_text_tab():
    assert "brush" in TextPage.WITHOUT_PLACE
    assert set(BrushPage.WITHOUT_PLACE) == set(TextPage.WITHOUT_PLACE) - {"brush"}
    assert set(TextPage.WITHOUT_PLACE) < set(SketchRequest.model_fields)


def test_the_fields_become_a_request_with_a_brush(desk):
    page = SimpleNamespace()
    choice = desk.pick("crayon_red", OWNER)
    request = BrushPage.request_of(page, [*VALUES, choice, False, False])
    assert request == with_brush(request_of(VALUES), choice.spec, show_box=False)
    assert (request.brush.name, request.brush.show_box) == ("crayon_red", False)
    assert request.brush.finish is None
    loras = ("ink", 0.5, "", 1.0)
    styled = BrushPage.request_of(page, [*VALUES, *loras, choice, False, False])
    assert [(spec.path, spec.scale) for spec in styled.loras] == [("ink", 0.5)]
    assert styled.brush == request.brush
    other = BrushPage.request_of(page, [*VALUES, None, True, True]).brush
    assert (other.name, other.show_box, other.finish) == ("marker_blue", True, "model")


def test_the_card_says_what_was_understood(desk):
    choice = desk.pick("marker_blue", OWNER)
    shown, frame, words, reset, *fields = card_values(choice)
    assert shown is choice
    assert "data:image/png;base64," in frame
    assert "Marker, 9 px wide, thick and thin by direction." in words
    assert reset["interactive"] is False
    assert fields == ["#83bbe3", 9.0, "marker", 0.45]
    assert understanding_of(*fields) == choice.found
    corrected = choice.corrected(understanding_of("rgba(10, 20, 30, 1)", 5, "crayon", 0))
    assert "As you corrected it" in words_html(corrected)
    assert corrected.understood.color == "#0a141e"


def test_titles_are_text(desk):
    choice = replace(desk.pick("ink_black", OWNER), title=HOSTILE)
    assert not any(HOSTILE in str(value) for value in card_values(choice)[1:3])


@pytest.mark.parametrize("color", ["", None, "red", "#12", "rgb(1,2)", "rgb(300, 0, 0)", "x" * 999])
def test_what_is_no_color_is_said(color):
    with pytest.raises(InvalidRequest, match="no color"):
        hex_color(color)


@pytest.mark.parametrize("value", [None, "wide", float("nan"), 1e308, True])
def test_what_is_no_width_is_said(desk, value):
    choice = desk.pick("ink_black", OWNER)
    with pytest.raises(InvalidRequest):
        choice.corrected(understanding_of("#000000", value, "ink", 0))


def test_a_brush_that_cannot_be_is_a_sentence_and_the_brush_stays(desk):
    page = SimpleNamespace(card=SimpleNamespace(outputs=[None] * 8))
    told, *rest = chosen(page, lambda: desk.pick("no_such", OWNER))
    assert 'role="alert"' in told
    assert len(rest) == 8
    assert all(value == gr.skip() for value in rest)


def test_the_shelf_shows_pictures_and_groups(desk):
    value = BrushShelf.value_of(desk.shelf(OWNER), ["marker_blue"])
    assert value["chosen"] == ["marker_blue"]
    assert all(brush["picture"].startswith("data:image/png") for brush in value["brushes"])
    assert {"Marker", "Crayon"} <= {brush["group"] for brush in value["brushes"]}


@pytest.mark.parametrize("data", [None, {}, {"name": 3}, {"name": ""}, {"name": "x" * 61}, [1]])
def test_events_that_name_no_brush_are_refused(data):
    with pytest.raises(InvalidRequest):
        BrushShelf.name_of(data)


@pytest.mark.parametrize("data", [None, {"names": "ink"}, {"names": ["a"] * 7}, {"names": [1]}])
def test_picks_that_are_none_are_refused(data):
    with pytest.raises(InvalidRequest):
        BrushShelf.names_of(data)


@pytest.mark.parametrize("data", [None, {"id": "x"}, {"id": "x", "index": "1"}, {"index": 1}])
def test_events_that_name_no_stroke_are_refused(data):
    with pytest.raises(InvalidRequest):
        BrushStrokes.stroke_of(data)


def test_a_page_names_files_in_the_folder_of_uploads_only(tmp_path):
    inside = tmp_path / "cache" / "a.png"
    inside.parent.mkdir()
    inside.write_bytes(b"x")
    outside = tmp_path / "b.png"
    outside.write_bytes(b"x")
    cache = str(inside.parent)
    assert sent_file(str(inside), cache) == inside.resolve()
    link = inside.parent / "link.png"
    link.symlink_to(outside)
    for bad in (str(outside), f"{cache}/../b.png", str(link), cache, "", None, "\0", "x" * 5000):
        with pytest.raises(InvalidRequest, match="No picture"):
            sent_file(bad, cache)


def test_the_picture_field_decodes_nothing(tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")

    async def field():
        with gr.Blocks(analytics_enabled=False):
            return BrushPicture(type="filepath")

    picture = asyncio.run(field())
    assert picture.get_block_name() == "image"
    assert picture.preprocess(SimpleNamespace(path=str(bad))) == str(bad)
    assert picture.preprocess(None) is None


def test_an_empty_pad_is_told():
    for value in (None, {}, {"composite": None}, {"composite": np.zeros((9, 9, 4), np.uint8)}):
        with pytest.raises(InvalidRequest, match="Paint a stroke"):
            painted_pixels(value)
    assert painted_pixels({"composite": np.ones((9, 9, 4), np.uint8)}).shape == (9, 9, 4)


def test_strokes_of_drawings_can_be_pressed(context):
    saved = published(context.services.settings.output_dir)
    html = BrushStrokes.html_of([saved], saved)
    assert html.count('class="be-stroke"') == len(saved.strokes.strokes)
    assert 'tabindex="0"' in html
    assert "no drawing yet" in BrushStrokes.html_of([], None)


def test_it_is_said_who_paints():
    assert "painted with your brush" in who_paints("tiny")
    with pytest.raises(AppError):
        who_paints("no-such-model")


# Re-ink


def test_reink_shows_the_new_drawing_and_keeps_the_first(context, desk):
    saved = published(context.services.settings.output_dir)
    first = Result(folder=saved.folder, original=saved.folder)
    choice = desk.pick("ink_crimson", OWNER)
    new = inking.reinked(context, first, choice, False, "page", Turn())
    assert new.folder != saved.folder
    assert new.original == saved.folder
    again = inking.reinked(context, new, desk.pick("pen_blue", OWNER), True, "page", Turn())
    assert again.original == saved.folder
    assert again.folder.name == f"{saved.name}__pen_blue"


def test_reink_needs_a_drawing_and_a_brush_and_can_be_stopped(context, desk):
    saved = published(context.services.settings.output_dir)
    first = Result(folder=saved.folder, original=saved.folder)
    with pytest.raises(InvalidRequest, match="no drawing"):
        inking.reinked(context, None, desk.pick("pen_blue", OWNER), False, "page", Turn())
    with pytest.raises(InvalidRequest, match="No brush"):
        inking.reinked(context, first, None, False, "page", Turn())
    stopped = Turn()
    stopped.cancel()
    with pytest.raises(Cancelled):
        inking.reinked(context, first, desk.pick("pen_blue", OWNER), False, "page", stopped)


# Several brushes


def asked(choice) -> Asked:
    return Asked(
        values=(*VALUES, choice, True, False),
        plan=None,
        draft=None,
        session="page",
        request_of=lambda values: BrushPage.request_of(SimpleNamespace(), values),
    )


def test_several_brushes_fill_the_grid(context):
    last = list(side.drawn(context, ["ink_black", "crayon_red"], asked(None), Turn()))[-1]
    assert [sheet.label for sheet in last.sheets] == ["Ink, black", "Crayon, red"]
    assert last.num_done == 2
    assert "2 brushes" in last.status
    assert not last.busy


@pytest.mark.parametrize(
    ("names", "told"), [([], "Fewer than two"), (["a", "b"], "no brush named")]
)
def test_bad_picks_are_sentences(context, names, told):
    last = list(side.drawn(context, names, asked(None), Turn()))[-1]
    assert told in last.status
    assert not last.busy


def test_every_prompt_is_ordered_with_every_brush(context, desk):
    choice = desk.pick("gouache_teal", OWNER)
    orders = side.orders_of(
        context, ["a", "b"], "page", [["ink_black", "pen_blue"], choice, True, True]
    )
    assert list(orders.prompts) == ["a", "a", "b", "b"]
    assert [own["brush"]["name"] for own in orders.own_settings] == ["ink_black", "pen_blue"] * 2
    alone = side.orders_of(context, ["a"], "page", [[], choice, False, False])
    assert alone.own_settings[0]["brush"]["name"] == "gouache_teal"
    assert list(alone.notes) == ["Gouache, teal"]


@pytest.mark.parametrize("role", Role)
def test_the_tabs_handlers_are_within_the_role(context, role):
    async def page():
        return build_app(context.services, role, model="tiny")

    blocks = asyncio.run(page())
    names = {getattr(f.fn, "__name__", "") for f in blocks.fns.values()}
    assert {"on_pick", "on_picture", "on_stroke", "on_reink", "on_keep"} <= names
    assert all(allows(role, f.fn.capability) for f in blocks.fns.values())
    (pad,) = [b for b in blocks.blocks.values() if getattr(b, "elem_id", "") == "brush-pad"]
    assert type(pad).__name__ == ("Sketchpad" if role is Role.OWNER else "BrushPad")


def test_what_the_pad_sends_is_understood(desk):
    alpha = np.where(mark().min(-1, keepdims=True) < 200, 255, 0).astype(np.uint8)
    painted = np.concatenate([mark(), alpha], -1)
    choice = desk.understand(painted, OWNER, title="x", origin="painted")
    assert choice.origin == "painted"
    assert choice.found.width_px > 1
