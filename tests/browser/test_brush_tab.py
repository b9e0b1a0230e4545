"""A person at the Brush tab in a real browser; the tiny model, whose noise any brush can paint."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.browser.brush_page import BrushDesk
from tests.browser.component_app import TABLET, browser_pages, expect
from tests.browser.text_page import text_app
from tests.models.lora.made import made, modules_of
from tests.services.bad_pictures import encoded, mark
from tests.services.drawings import published
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.loras import LoraLibrary

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("brush tab")


@pytest.fixture(scope="module")
def address(folder):
    (folder / "out").mkdir()
    published(folder / "out", "bird")
    with text_app(folder, model="tiny") as address:
        yield address


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


@pytest.fixture
def desk(open_page, address):
    return BrushDesk(open_page(address))


def newest(folder):
    found = (folder / "out").glob("*/*_config.json")
    return json.loads(max(found, key=lambda path: path.stat().st_mtime_ns).read_text("utf-8"))


def test_pick_generate_reink_and_download(desk, folder):
    page = desk.page
    page.locator("#brush-shelf .bs-search").fill("crayon red")
    expect(page.locator("#brush-shelf .bs-brush:not([hidden])")).to_have_count(1)
    desk.pick("crayon_red", "Crayon, red")
    expect(page.locator("#brush-frame")).to_contain_text("The brush frame")
    expect(page.locator("#brush-by-hand")).to_contain_text("painted with your brush")
    page.locator("#brush-show-box input").uncheck()
    path = folder / "ink.safetensors"
    write_lora(path, adapter_from(made(modules_of(tiny_model().transformer))))
    LoraLibrary(folder / "home" / "loras").add(path)
    page.locator("#brush-loras .label-wrap").click()
    page.locator("#brush-lora-1 input").click()
    page.get_by_role("option", name="ink").click()
    page.locator("#brush-lora-2 input").wait_for()  # the next slot
    desk.draw("a cat")
    config = newest(folder)
    assert [lora["path"] for lora in config["request"]["loras"]] == ["ink"]
    assert config["request"]["brush"]["name"] == "crayon_red"
    assert config["request"]["brush"]["show_box"] is False
    assert config["settings"]["painted"] == "reink"
    red, _, blue = desk.ink_color()
    assert red > blue + 40
    page.locator("#brush-shelf .bs-search").fill("")
    desk.pick("marker_blue", "Marker, blue")
    page.locator("#brush-reink").click()
    desk.told("Painted with Marker, blue")
    desk.plays()
    assert newest(folder)["request"]["brush"]["name"] == "marker_blue"
    page.wait_for_function(
        "document.querySelector('#brush-player video')?.src.includes('marker_blue')"
    )
    red, _, blue = desk.ink_color()
    assert blue > red + 20
    with page.expect_download() as download:
        page.locator("#brush-downloads [data-kind=png]").click()
    assert download.value.path().stat().st_size > 1000
    page.locator("#brush-back").click()
    desk.told("This is the original again")


def test_upload_understand_correct_and_keep(desk, tmp_path):
    page = desk.page
    picture = tmp_path / "stroke.jpg"
    picture.write_bytes(encoded(mark(), "JPEG", quality=95))
    desk.source("From a picture")
    desk.upload(picture)
    desk.has("From your picture")
    before = page.locator("#brush-frame img").get_attribute("src")
    width = page.locator("#brush-width input[type=number]")
    width.fill("12")
    width.press("Enter")
    desk.has("As you corrected it")
    expect(page.locator("#brush-frame img")).not_to_have_attribute("src", before)
    page.locator("#brush-reset").click()
    page.wait_for_function("document.querySelector('#brush-reset')?.disabled")
    expect(page.locator("#brush-frame img")).to_have_attribute("src", before)
    page.locator("#brush-keep-fold .label-wrap").first.click()
    page.locator("#brush-keep-as input, #brush-keep-as textarea").first.fill("<b>My & pen</b>")
    page.locator("#brush-keep").click()
    page.get_by_text("is on your shelf").wait_for()
    desk.source("Shelf")
    own = page.locator("#brush-shelf .bs-chosen")
    expect(own.locator(".bs-pick span")).to_have_text("<b>My & pen</b>", use_inner_text=True)
    own.locator('.bs-star[aria-pressed="false"]').click()
    own.locator('.bs-star[aria-pressed="true"]').wait_for()
    page.locator("#brush-shelf .bs-stars").click()
    expect(page.locator("#brush-shelf .bs-brush:not([hidden])")).to_have_count(1)
    own.locator(".bs-remove").click()
    own.locator(".bs-remove").click()
    page.get_by_text("is gone from your shelf").wait_for()
    expect(page.locator("#brush-shelf .bs-remove")).to_have_count(0)


def test_a_bad_picture_is_told_and_the_brush_stays(desk, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG no picture at all")
    desk.source("From a picture")
    desk.upload(bad)
    desk.page.get_by_role("alert").get_by_text("not a picture").wait_for()
    desk.has("Marker, blue")


def test_paint_a_stroke_on_the_sketch_pad(desk):
    page = desk.page
    desk.source("Paint one")
    canvas = page.locator("#brush-pad canvas").first
    canvas.wait_for()
    page.locator('#brush-pad [aria-label="Erase"]').wait_for()
    page.wait_for_function(
        "document.querySelector('#brush-pad')?.innerText.includes('select the draw tool') === false"
    )
    box = canvas.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(x + 15 * step, y + (10 if step % 4 < 2 else -10))
    page.mouse.up()
    painted = desk.words.get_by_text("Painted by you")
    for _ in range(12):  # the pad sends its stroke by and by, and tells nobody when it has
        page.locator("#brush-use-pad").click()
        with contextlib.suppress(Exception):
            painted.wait_for(timeout=5000)
            break
    painted.wait_for()


def test_take_a_stroke_of_a_drawing_by_keyboard(desk):
    page = desk.page
    desk.source("From a drawing")
    page.locator("#brush-strokes [data-do=open]").last.click()
    stroke = page.locator("#brush-strokes .be-stroke").first
    stroke.focus()
    page.keyboard.press("Enter")
    desk.has("Stroke 1 of")
    desk.has("whole condition frame")


def test_several_brushes_side_by_side(desk):
    page = desk.page
    desk.concept.fill("a house")
    page.locator("#brush-side-fold .label-wrap").first.click()
    page.locator("#brush-side-draw").click()
    page.get_by_text("Fewer than two brushes").wait_for()
    for name in ("ink_black", "gouache_teal"):
        page.locator(f"#brush-side-shelf [data-name={name}] .bs-pick").click()
    page.get_by_text("2 picked.").wait_for()
    page.locator("#brush-side-draw").click()
    page.get_by_text("2 brushes, one plan, one seed.").wait_for(timeout=300_000)
    sheets = page.locator("#brush-side-grid .vv-sheet[data-state=done]")
    expect(sheets.locator(".vv-seed")).to_have_text(
        ["Ink, black", "Gouache, teal"], use_inner_text=True
    )
    sheets.nth(1).get_by_text("Use this brush").click()
    desk.has("Gouache, teal")


def test_from_the_gallery_to_another_ink(open_page, address):
    page = open_page(address)
    desk = BrushDesk(page)
    desk.take_from_gallery("bird")
    desk.told("is on the sheet")
    desk.plays()
    desk.pick("ink_crimson", "Ink, crimson")
    page.locator("#brush-reink").click()
    desk.told("Painted with Ink, crimson")


def test_a_pen_follows_the_ink_and_can_be_hidden(desk):
    page = desk.page
    desk.take_from_gallery("bird")
    desk.plays()
    page.locator("#brush-player video").evaluate("video => video.pause()")
    timeline = page.locator("#brush-player .pl-time")
    timeline.focus()
    page.keyboard.press("Home")
    places = set()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        pen = page.locator("#brush-player .pl-pen.pl-pen-down")
        if pen.count():
            places.add(pen.evaluate("pen => pen.style.transform"))
    assert len(places) >= 3
    page.get_by_role("button", name="Show the pen").last.click()
    expect(page.locator("#brush-player .pl-pen.pl-pen-down")).to_have_count(0)


def test_everything_fits_on_a_tablet(open_page, address):
    page = open_page(address, **TABLET)
    desk = BrushDesk(page)
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.evaluate(wide)
    desk.pick("marker_carrot", "Marker, carrot")
    for source in ("Paint one", "From a picture", "From a drawing"):
        desk.source(source)
        assert page.evaluate(wide), source
