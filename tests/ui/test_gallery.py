"""The gallery's page: what each role gets, what each press changes, and that words stay words."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import gradio as gr
import pytest

from tests.services.drawings import drawn, published
from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build as build_services
from videosketcher_app.services.outputs import publish
from videosketcher_app.storage.history import DrawingRow, JobRow
from videosketcher_app.ui.components.gallery_grid import (
    PAGE_SIZE,
    GridPage,
    Tile,
    bin_html,
    count_words,
    file_url,
    grid_html,
    safe,
    strip_html,
)
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs import gallery
from videosketcher_app.ui.tabs.gallery_view import GalleryPage, Look

HOSTILE = "<img src=x onerror=alert(1)> {{this}} ${x} `y` \\ \" '"
STATUS, GRID, DETAIL, WHOLE = -1, 2, 8, 11


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build_services(settings) as built:
        yield built


@pytest.fixture
def page(services):
    for concept in ("cat", "house"):
        published(services.settings.output_dir, concept)
    services.history.recover()
    return GalleryPage(services)


def tab(services, role: Role) -> gr.Blocks:
    """Built within a running loop: outside of one, Gradio opens loops and never closes them."""

    async def build_page():
        with gr.Blocks() as blocks:
            gallery.build(
                PageContext(services=services, role=role, model="tiny"),
                reuse=lambda request, planned: [],
                reuse_outputs=[],
            )
        return blocks

    return asyncio.run(build_page())


def row(**changes) -> DrawingRow:
    values = {
        "id": "0" * 32,
        "root": "/out",
        "folder": "cat",
        "concept": "a cat",
        "plan": "",
        "seed": 7,
        "model": "tiny",
        "created": "2026-01-01T00:00:00+00:00",
        "thumbnail": "cat.png",
    }
    return DrawingRow(**{**values, **changes})


def ids(page: GalleryPage) -> dict[str, str]:
    return {row.concept: row.id for row in page.history.drawings()}


def pressed(page, look, change, *values) -> tuple[Look, list]:
    shown = gallery._answer(page, look, change, *values)
    return shown[0], shown


def test_owner_has_every_handler_and_a_guest_none(services):
    handlers = [function.fn for function in tab(services, Role.OWNER).fns.values()]
    assert len(handlers) >= 19
    assert {fn.capability for fn in handlers} == {Capability.READ_ALL_OUTPUTS}
    assert list(tab(services, Role.GUEST).fns.values()) == []


def test_answers_fit_the_outputs(services, page):
    async def build_parts():
        with gr.Blocks():
            return gallery.build(PageContext(services=services, role=Role.OWNER, model="tiny"))

    parts = asyncio.run(build_parts())
    assert len(parts.outputs) == len(page.shown(Look())) == gallery.NUM_OUTPUTS


def test_empty_gallery_says_what_will_come(services):
    shown = GalleryPage(services).shown(Look())
    assert "appears here by itself" in shown[GRID]
    shown = GalleryPage(services).shown(Look(search="cat"))
    assert "No drawing matches" in shown[GRID]


def test_opening_shows_video_plan_settings_and_files(page):
    look, shown = pressed(page, Look(), page.picked, ids(page)["a cat"])
    detail = shown[DETAIL]
    assert detail.count("<video") == 1
    assert "Whiskers" in detail
    assert detail.count("download=") == 5
    assert detail.count('data-do="seek"') >= 3
    assert pressed(page, look, page.closed)[0].chosen == ""


def test_what_is_shown_already_is_not_sent_again(page):
    look = page.shown(Look())[0]
    again = page.shown(look)
    assert all("__type__" in value and len(value) == 1 for value in again[1:-1])
    ticked, shown = pressed(page, look, page.checked, ids(page)["a cat"], True)
    assert ticked.checked == (ids(page)["a cat"],)
    assert isinstance(shown[GRID], dict)


def test_compare_takes_two_different_drawings(page):
    cat, house = ids(page)["a cat"], ids(page)["a house"]
    look, _ = pressed(page, Look(), page.picked, cat)
    look, _ = pressed(page, look, page.comparing)
    look, shown = pressed(page, look, page.picked, cat)
    assert "Pick another" in shown[STATUS]
    look, shown = pressed(page, look, page.picked, house)
    assert (look.first, look.chosen, look.comparing) == (cat, house, False)
    assert shown[6].count("<video") == 2
    assert pressed(page, look, page.comparing)[0].first == ""


def test_bin_is_emptied_at_the_second_press_in_a_row_only(page):
    look, _ = pressed(page, Look(), page.picked, ids(page)["a cat"])
    look, _ = pressed(page, look, page.deleted)
    look, _ = pressed(page, look, page.cleared)
    look, _ = pressed(page, look, page.turned, 1)
    look, _ = pressed(page, look, page.cleared)
    assert len(page.history.in_bin()) == 1
    look, _ = pressed(page, look, page.cleared)
    assert page.history.in_bin() == []


def test_trouble_is_told_and_the_page_stays(page, services):
    look = Look(chosen="0" * 32)
    for change in (page.starred, page.deleted):
        _, shown = pressed(page, look, change)
        assert "not in the gallery" in shown[STATUS]
    _, shown = pressed(page, Look(), page.picked, "../../etc/passwd")
    assert "passwd" not in "".join(str(value) for value in shown)


def test_history_that_cannot_be_read_is_told(services, tmp_path):
    (tmp_path / "home").write_text("in the way", encoding="utf-8")
    shown = gallery._answer(GalleryPage(services), Look(), GalleryPage(services).looked_again)
    assert len(shown) == gallery.NUM_OUTPUTS
    assert "history" in shown[STATUS]


def test_larger_video_is_rendered_and_offered(page):
    look, _ = pressed(page, Look(), page.picked, ids(page)["a cat"])
    words = list(page.rendered_larger(look, 720))
    assert "among the downloads" in words[-1]
    assert "720 px high" in page.shown(look)[DETAIL]


def test_page_beyond_the_last_is_the_last(page):
    assert page.shown(Look(page=99))[0].page == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_count_speaks_of_what_is_there(count):
    tiles = [Tile(row=row(), picture="x")] * count
    words = count_words(GridPage(tiles=tiles, total=count))
    assert words == ["", "1 drawing", "1 to 2 of 2"][count]


def test_words_of_people_are_never_html_or_template():
    tile = Tile(row=row(concept=HOSTILE, model=HOSTILE), picture=HOSTILE)
    job = JobRow(id=HOSTILE, request={"prompt": HOSTILE, "seed": HOSTILE})
    for html in (
        grid_html(GridPage(tiles=[tile], total=1)),
        strip_html([job, job]),
        bin_html([row(concept=HOSTILE, created=HOSTILE, id=HOSTILE)]),
    ):
        assert "<img src=x" not in html
        assert not re.search(r"[{}$`\\]", html)


def test_only_pictures_near_the_top_load_at_once():
    tiles = [Tile(row=row(), picture="x")] * PAGE_SIZE
    html = grid_html(GridPage(tiles=tiles, total=PAGE_SIZE))
    assert html.count('loading="lazy"') > html.count('loading="eager"') > 0
    assert html.count("alt=") == html.count("<img") == PAGE_SIZE


def test_addresses_are_quoted_and_change_with_the_file(tmp_path):
    path = tmp_path / "a cat #1?.png"
    assert file_url(path, 3).endswith("a%20cat%20%231%3F.png?v=3")
    assert file_url(path, 3) != file_url(path, 4)


def test_starred_drawing_stays_open_and_gets_its_star(page):
    look, _ = pressed(page, Look(), page.picked, ids(page)["a cat"])
    look, shown = pressed(page, look, page.starred)
    assert "★" in shown[GRID]
    assert page.shown(replace(look, favorites=True, sent={}))[GRID].count("<li") == 1


def test_safe_leaves_plain_words_alone():
    assert safe("a cat – with 3 ears") == "a cat – with 3 ears"


def kept_early(services, tmp_path) -> GalleryPage:
    """A gallery with one whole drawing and one sketch that was stopped at step 1 of 2."""
    drawing = drawn("cat")
    publish(drawing, services.settings.output_dir)
    settings = {"num_inference_steps": 2, "stopped_after": 1}
    publish(replace(drawing, settings=settings), services.settings.output_dir)
    services.history.recover()
    return GalleryPage(services)


def test_a_stopped_sketch_says_so_on_its_card_and_can_be_drawn_whole(services, tmp_path):
    page = kept_early(services, tmp_path)
    look = Look()
    shown = page.shown(look)
    assert shown[GRID].count("stopped at step 1 of 2") == 2  # to be seen, and to be heard
    by_folder = {row.folder: row.id for row in page.history.drawings()}
    _, shown = pressed(page, look, page.picked, by_folder["cat_stopped"])
    assert shown[WHOLE]["visible"]
    assert "stopped at step 1 of 2" in shown[DETAIL]
    _, shown = pressed(page, look, page.picked, by_folder["cat"])
    assert not shown[WHOLE]["visible"]


def test_drawing_it_whole_leaves_both(services, tmp_path):
    page = kept_early(services, tmp_path)
    by_folder = {row.folder: row.id for row in page.history.drawings()}
    lines = list(page.drawn_whole(Look(chosen=by_folder["cat_stopped"]), session="page"))
    assert "Drawn again" in lines[-1]
    assert len(page.history.drawings()) == 3  # the first was a render, not the model's
    assert by_folder["cat_stopped"] in {row.id for row in page.history.drawings()}
