"""An artist at the Train tab in a real browser: draws, captions, trains the tiny model, uses it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.browser.component_app import TABLET, browser_pages
from tests.browser.text_page import Desk, text_app
from tests.browser.train_page import CAT, HOUSE, TrainDesk
from videosketcher_app.data.strokes import Pen, Sketch, Stroke
from videosketcher_app.data.svg import svg_text
from videosketcher_app.storage.media import write_png

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("train tab")


@pytest.fixture(scope="module")
def address(folder):
    with text_app(folder, model="tiny") as address:
        yield address


@pytest.fixture
def own(tmp_path):
    """An app that no other test has used, also when this one is tried again."""
    with text_app(tmp_path, model="tiny") as address:
        yield address, tmp_path


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


def book_of(folder, name):
    """What lies on the disk: the list of a sketchbook, and the strokes of each sketch."""
    place = folder / "home" / "datasets" / name
    rows = json.loads((place / "dataset.json").read_text("utf-8"))["sketches"]
    files = [place / "sketches" / f"{row['id']}.json" for row in rows]
    return rows, [json.loads(path.read_text("utf-8"))["strokes"] for path in files]


def test_two_sketches_become_a_style_that_draws(open_page, own):
    address, folder = own
    page = open_page(address)
    desk = TrainDesk(page)
    desk.draw(CAT)
    desk.keep(1)
    desk.draw(HOUSE)
    page.reload()  # what is on the sheet and in the book is there again
    desk = TrainDesk(page)
    desk.has_strokes(2)
    desk.keep(2)
    desk.sketch(1).locator(".tb-concept").fill("a cat")
    desk.sketch(1).locator("[data-do=suggest]").click()
    desk.has_caption(1, "Step by step sketch process of a cat")
    desk.caption(2).fill("a house, walls first")
    desk.caption(2).press("Enter")
    desk.told("The caption is kept.")
    desk.sketch(2).locator("[data-do=up]").click()
    desk.has_caption(1, "a house")
    rows, strokes = book_of(folder, "My sketches")
    assert rows[0]["caption"] == "a house, walls first"
    assert [len(sketch) for sketch in strokes] == [2, 3]
    times = [point[2] for stroke in strokes[1] for point in stroke["points"]]
    assert times == sorted(times)
    assert times[-1] > 0

    desk.field("name").fill("cathand")
    desk.field("trigger").fill("inkhand")
    page.locator("#train-settings .label-wrap").first.click()
    desk.choose("model", "pocket-brush")
    page.locator("#train-brush input").wait_for()
    desk.choose("model", "tiny")
    page.locator("#train-brush input").wait_for(state="hidden")
    desk.field("steps").fill("2")
    page.locator("#train-start").click()
    page.locator("#train-status", has_text="You may close this page").wait_for()
    page.context.close()

    page = open_page(address)
    desk = TrainDesk(page)
    desk.state("finished")
    assert "step 2 of 2" in desk.board.locator(".tr-facts").inner_text()
    assert desk.board.locator(".tr-strip img").count() >= 2
    desk.board.locator(".tr-compare summary").click()
    desk.board.locator("[data-do=compare]").click()
    page.wait_for_function(
        """() => {
            const films = [...document.querySelectorAll('#train-runs .tr-pair video')];
            return films.length === 2 && films.every((film) => film.readyState >= 2);
        }"""
    )
    desk.board.locator("[data-do=use]").click()
    page.wait_for_function("document.querySelector('#lora-1 input')?.value.startsWith('cathand')")
    page.locator("#lora-words button", has_text="inkhand").click()
    page.wait_for_function(
        "document.querySelector('#concept textarea, #concept input')?.value.startsWith('inkhand')"
    )
    Desk(page).draw("inkhand, a dog")
    config = next((folder / "out").glob("*/*_config.json"))
    (lora,) = json.loads(config.read_text("utf-8"))["request"]["loras"]
    assert lora["path"] == "cathand"


def test_by_keyboard_alone_and_with_bad_names(open_page, address, folder):
    page = open_page(address)
    desk = TrainDesk(page)
    name = desk.book.locator("[data-set=name]")
    name.focus()
    page.keyboard.type("a/b")
    page.keyboard.press("Enter")
    desk.told("cannot be used")
    name.fill("")
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    desk.told("by keys is begun")
    desk.paper.focus()
    for _ in range(2):  # a keyboard draws as well as a hand
        page.keyboard.press("d")
        page.keyboard.press("Space")
        for _ in range(6):
            page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Space")
        page.keyboard.press("d")
    desk.has_strokes(2)
    page.keyboard.press("Control+z")
    desk.has_strokes(1)
    page.keyboard.press("Control+y")
    desk.has_strokes(2)
    page.keyboard.press("Enter")
    desk.sketch(1).wait_for()
    desk.has_strokes(0)
    for _ in range(20):
        page.keyboard.press("Tab")
        if desk.caption(1).evaluate("(field) => field === document.activeElement"):
            break
    page.keyboard.type("two <b>lines</b>")
    page.keyboard.press("Enter")
    desk.told("The caption is kept.")
    rows, _ = book_of(folder, "by keys")
    assert rows[0]["caption"] == "two <b>lines</b>"
    desk.field("name").focus()
    page.keyboard.type("no/name")
    page.locator("#train-start").focus()
    page.keyboard.press("Enter")
    alert = page.locator("#train-status [role=alert]")
    alert.wait_for()
    assert "no/name" in alert.inner_text()


def test_what_is_typed_and_drawn_meanwhile_stays(open_page, address):
    page = open_page(address, **TABLET)
    desk = TrainDesk(page)
    name = desk.book.locator("[data-set=name]")
    name.fill("meanwhile")
    desk.book.locator("[data-do=create]").click()
    desk.told("meanwhile is begun")
    desk.draw(HOUSE)
    desk.keep(1)
    desk.draw(CAT)
    desk.caption(1).fill("half a capt")
    # The answer to something else comes while the caption is half written: nobody left the field.
    desk.book.locator("[data-do=keep]").dispatch_event("click")
    desk.sketch(2).wait_for()
    assert desk.caption(1).input_value() == "half a capt"
    assert desk.caption(1).evaluate("(field) => field === document.activeElement")
    desk.has_strokes(0)
    desk.sketch(2).locator("[data-do=drop]").click()
    desk.sketch(2).locator("[data-do=drop]", has_text="Sure?").click()
    desk.sketch(2).wait_for(state="detached")


def test_an_eraser_takes_strokes_and_files_are_brought(open_page, address, tmp_path):
    page = open_page(address)
    desk = TrainDesk(page)
    desk.book.locator("[data-set=name]").fill("brought")
    desk.book.locator("[data-do=create]").click()
    desk.told("brought is begun")
    desk.draw(HOUSE)
    desk.book.locator("[data-tool=eraser]").click()
    box = desk.paper.bounding_box()
    page.mouse.move(box["x"] + 0.28 * box["width"], box["y"] + 0.82 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.82 * box["height"])
    page.mouse.up()
    desk.has_strokes(1)
    desk.book.locator("[data-do=undo]").click()
    desk.has_strokes(2)
    desk.book.locator("[data-do=clear]").click()
    desk.has_strokes(0)
    stroke = Stroke(
        points_N2=np.array([[40, 40], [300, 200]], np.float32),
        times_N=np.array([0, 10], np.float32),
        pressure_N=np.ones(2, np.float32),
        pen=Pen(width_px=3),
    )
    good, bad = tmp_path / "line.svg", tmp_path / "broken.svg"
    good.write_text(svg_text(Sketch(strokes=(stroke,), num_frames=20)), "utf-8")
    bad.write_text("no drawing", "utf-8")
    page.locator("#train-bring .label-wrap").first.click()
    page.locator("#train-files input[type=file]").set_input_files([str(good), str(bad)])
    page.locator("#train-files", has_text="broken").wait_for()
    page.locator("#train-bring-start").click()
    page.locator("#train-brought", has_text="Added to brought: 1 of 2.").wait_for()
    desk.sketch(1).wait_for()
    assert "from an SVG" in desk.sketch(1).inner_text()


def test_the_order_of_a_scan_is_corrected_by_keys_and_kept(open_page, address, folder, tmp_path):
    y, x = np.mgrid[0:240, 0:432]
    picture = np.full((240, 432, 3), 255, np.uint8)
    for at, radius in ((50, 16), (200, 70), (350, 38)):
        ring = np.abs(np.hypot(x - at, y - 120) - radius) < 2
        picture[ring] = 0
    scan = tmp_path / "rings.png"
    write_png(scan, picture)
    page = open_page(address)
    desk = TrainDesk(page)
    desk.book.locator("[data-set=name]").fill("scanned")
    desk.book.locator("[data-do=create]").click()
    desk.told("scanned is begun")
    page.locator("#train-bring .label-wrap").first.click()
    page.locator("#train-files input[type=file]").set_input_files(str(scan))
    page.locator("#train-files", has_text="rings").wait_for()
    page.locator("#train-bring-start").click()
    sketch = desk.sketch(1)
    sketch.wait_for()
    sketch.locator("[data-do=order]").click()
    groups = sketch.locator(".tb-order ol li")
    groups.nth(2).wait_for()
    before = book_of(folder, "scanned")[1][0]
    assert sketch.locator("[data-do=order]").get_attribute("aria-expanded") == "true"
    sketch.locator("[data-order=replay]").click()
    page.wait_for_function(  # the ink of the whole replay is there again at its end
        "() => document.querySelector('.tb-replay').getContext('2d')"
        ".getImageData(0, 0, 432, 240).data.some((value, i) => i % 4 === 0 && value < 100)"
    )
    down = groups.nth(0).locator("[data-shift='1']")
    down.focus()
    page.keyboard.press("Enter")
    desk.told("It is drawn as number 2 now.")
    # The group that was moved keeps the focus, so the next press moves it on.
    page.wait_for_function("document.activeElement?.dataset.shift === '1'")
    page.keyboard.press("Enter")
    desk.told("It is drawn as number 3 now.")
    after = book_of(folder, "scanned")[1][0]

    def first_x(stroke):
        return [point[:2] for point in stroke["points"]]

    assert [first_x(s) for s in after] == [first_x(s) for s in [*before[1:], before[0]]]
    sketch.locator("[data-order=propose]").click()
    desk.told("An order is proposed")
    assert len(book_of(folder, "scanned")[1][0]) == len(before)
    sketch.locator("[data-do=order]").click()
    sketch.locator(".tb-order").wait_for(state="hidden")
