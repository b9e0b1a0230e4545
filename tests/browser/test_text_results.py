"""A finished drawing of the shipped model: nothing jumps, other orders, every download opened."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
import zipfile

import av
import pytest
from PIL import Image

from tests.browser.component_app import browser_pages
from tests.browser.text_page import DRAWN_MS, Desk, text_app
from videosketcher_app.services.provenance import read_provenance

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EDGES = ("#status", "#player", "#back", "#downloads", "#file-options")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def tops():
    return {}


@pytest.fixture(scope="module")
def desk(tmp_path_factory, chromium_path, tops):
    """One page on which a cat was drawn; `tops` says where things stood before and after."""
    folder = tmp_path_factory.mktemp("results")
    with (
        text_app(folder, model="pocket-t2v") as address,
        browser_pages(chromium_path) as open_page,
    ):
        desk = Desk(open_page(address))
        desk.page.get_by_label("Keep").check()
        tops["before"] = {edge: desk.top_of(edge) for edge in EDGES}
        desk.draw("a cat")
        tops["after"] = {edge: desk.top_of(edge) for edge in EDGES}
        yield desk


def download(desk, kind: str, tmp_path):
    """Presses a button, and gives the file that the browser saved."""
    with desk.page.expect_download(timeout=DRAWN_MS) as waiting:
        desk.page.locator(f"button[data-kind={kind}]").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def parts_shown(desk) -> list[str]:
    return desk.page.locator("#player .pl-part").all_inner_texts()


def test_the_page_does_not_jump_when_the_drawing_is_finished(desk, tops):
    moved = {edge: abs(tops["after"][edge] - tops["before"][edge]) for edge in EDGES}
    assert max(moved.values()) <= 2, moved


@pytest.mark.parametrize(("kind", "height"), [("mp4", 1080), ("mp4_raw", 240)])
def test_the_videos_decode(desk, tmp_path, kind, height):
    path = download(desk, kind, tmp_path)
    with av.open(str(path)) as video:
        frames = [frame.to_ndarray(format="gray") for frame in video.decode(video=0)]
    assert len(frames) == 81
    assert frames[0].shape[0] == height
    ink = [(frame < 128).sum() for frame in frames]
    assert ink[0] < ink[40] < ink[-1]


def test_the_gif_moves(desk, tmp_path):
    with Image.open(download(desk, "gif", tmp_path)) as gif:
        assert gif.n_frames > 10
        first = gif.convert("L").tobytes()
        gif.seek(gif.n_frames - 1)
        assert gif.convert("L").tobytes() != first


def test_the_picture_is_sharp_and_has_ink(desk, tmp_path):
    with Image.open(download(desk, "png", tmp_path)) as picture:
        assert picture.height == 1080
        assert picture.convert("L").getextrema()[0] < 80


def test_the_svg_replays_in_a_browser(desk, tmp_path):
    path = download(desk, "svg", tmp_path)
    paths = ElementTree.parse(path).getroot().findall(f".//{SVG}path[@data-start]")
    assert len(paths) >= 5
    page = desk.page.context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.querySelectorAll('path[data-start]').length") == len(paths)
    page.close()


def test_the_lesson_is_a_pdf_with_pages(desk, tmp_path):
    data = download(desk, "lesson", tmp_path).read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    assert b"/Type /Page" in data


def test_the_settings_replay(desk, tmp_path):
    path = download(desk, "config", tmp_path)
    assert json.loads(path.read_text("utf-8"))["request"]["prompt"] == "a cat"
    assert read_provenance(path)[0].seed == int(desk.field("seed").input_value())


def test_the_zip_holds_all_of_them(desk, tmp_path):
    with zipfile.ZipFile(download(desk, "zip", tmp_path)) as files:
        assert files.testzip() is None
        endings = sorted(name.rpartition(".")[2] for name in files.namelist())
    assert endings == sorted(["mp4", "mp4", "gif", "png", "svg", "pdf", "json"])


def test_files_without_the_prompt_tell_nothing(desk, tmp_path):
    desk.page.locator("#file-options .label-wrap").first.click()
    keep = desk.page.get_by_label("Put prompt and plan into the file")
    keep.uncheck()
    path = download(desk, "png", tmp_path)
    assert "cat" not in path.name
    assert b"cat" not in path.read_bytes()
    keep.check()


def test_another_order_is_drawn_and_leads_back(desk):
    before = parts_shown(desk)
    desk.page.locator("#player .pl-edit summary").click()
    desk.page.locator("#player .pl-order li").first.focus()
    desk.page.keyboard.press("Alt+ArrowRight")
    desk.page.locator("#player .pl-apply").click()
    desk.told("new order")
    desk.told("original is kept")
    assert parts_shown(desk)[:2] == [before[1], before[0]]
    desk.button("Back to the original").click()
    desk.told("This is the original again")
    assert parts_shown(desk) == before
    desk.page.locator("#back[disabled]").wait_for()
