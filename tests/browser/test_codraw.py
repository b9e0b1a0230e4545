"""A person draws together with the tiny model in a real browser: mouse, pen, finger, keys."""

from __future__ import annotations

import re

import pytest

from tests.browser.codraw_page import Paper
from tests.browser.component_app import TABLET, browser_pages, expect
from tests.browser.text_page import text_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with text_app(tmp_path_factory.mktemp("codraw"), model="tiny") as address:
        yield address


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


@pytest.fixture
def paper(address, open_page):
    paper = Paper(open_page(address))
    yield paper
    paper.leave()


def test_draws_generates_undoes_and_exports(paper, tmp_path):
    assert paper.ink() == 0
    paper.stroke((0.1, 0.1), (0.3, 0.3))
    paper.stroke((0.1, 0.8), (0.3, 0.6))
    paper.kept()
    both = paper.ink()
    assert both > 300

    paper.page.keyboard.press("Control+z")
    paper.page.wait_for_function("desk().story.pending.length === 1")
    assert 0 < paper.ink() < both
    paper.page.keyboard.press("Control+Shift+z")
    paper.page.wait_for_function("desk().story.pending.length === 2")
    assert paper.ink() == pytest.approx(both, rel=0.02)

    paper.go()
    assert paper.frames() > 0
    assert paper.num_turns() == 2  # one of each hand
    for form in ("png", "svg", "mp4", "gif"):
        with paper.page.expect_download(timeout=300_000) as download:
            paper.page.locator(f'[data-file="{form}"]').click()
        download.value.save_as(tmp_path / f"drawing.{form}")
        assert (tmp_path / f"drawing.{form}").stat().st_size > 100
    assert "<path" in (tmp_path / "drawing.svg").read_text("utf-8")

    head = paper.head()
    paper.button("undo").click()
    paper.page.wait_for_function(f"desk().story.head !== {head}")
    assert paper.ink() == pytest.approx(both, rel=0.02)
    paper.button("redo").click()
    paper.page.wait_for_function(f"desk().story.head === {head}")


def test_a_reload_in_the_middle_of_a_turn_goes_on(paper):
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.kept()
    own = paper.ink()
    paper.button("go").click()
    paper.until_shown(2)
    paper.page.reload()
    again = Paper(paper.page)
    again.page.wait_for_function("desk().story.turns.size === 2")
    again.turn_over()
    assert again.num_turns() == 2
    assert again.frames() >= 12
    again.ink_until(f">= {own * 0.95}")


def test_touching_the_paper_stops_the_model_and_draws(paper):
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.go()
    paper.button("go").click()
    paper.until_shown(1)
    paper.stroke((0.7, 0.2), (0.9, 0.4))
    paper.turn_over()
    paper.page.wait_for_function("desk().story.pending.length === 1")
    paper.kept()
    assert paper.num_strokes() == 1


def test_only_a_part_of_a_turn_is_kept(paper):
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.go()
    whole, turns = paper.head(), paper.num_turns()
    paper.live.focus()
    for _ in range(5):
        paper.page.keyboard.press("ArrowLeft")
    expect(paper.button("keep")).to_be_visible()
    paper.button("keep").click()
    paper.page.wait_for_function(f"desk().story.turns.size > {turns}")
    assert paper.head() != whole
    # The whole turn stays as another branch, to compare with and to go back to.
    paper.page.locator(f'[data-compare="{whole}"]').click()
    expect(paper.page.locator(".cd-pair figure")).to_have_count(2)
    paper.page.locator(f'[data-pick="{whole}"]').click()
    paper.page.wait_for_function(f"desk().story.head === {whole}")


def test_a_pen_presses_and_its_other_end_erases(paper):
    wire = paper.page.context.new_cdp_session(paper.page)

    def pen(places, force, buttons=1):
        for kind, place in zip(
            ["mousePressed", *["mouseMoved"] * (len(places) - 1)], places, strict=True
        ):
            x, y = paper.at(*place)
            event = {"x": x, "y": y, "button": "left", "buttons": buttons, "force": force}
            wire.send(
                "Input.dispatchMouseEvent",
                {"type": kind, "pointerType": "pen", "clickCount": 1, **event},
            )
        wire.send(
            "Input.dispatchMouseEvent",
            {"type": "mouseReleased", "pointerType": "pen", "x": x, "y": y, "button": "left"},
        )

    pen([(0.1, 0.2), (0.3, 0.2), (0.5, 0.2)], force=1.0)
    firm = paper.ink()
    pen([(0.1, 0.6), (0.3, 0.6), (0.5, 0.6)], force=0.1)
    light = paper.ink() - firm
    assert 0 < light < 0.7 * firm
    paper.page.evaluate("desk().hand.begin({ x: 0, y: 0, time: 0, pressure: 1 }, { erase: true })")
    assert paper.page.evaluate("desk().hand.maker.stroke.erase")
    paper.page.evaluate("desk().hand.giveUp()")


def test_everything_by_keys_alone(paper):
    keys = paper.page.keyboard
    paper.live.focus()
    keys.press("d")
    paper.told("Arrow keys move the pen")
    keys.press("Space")
    for _ in range(4):
        keys.press("Shift+ArrowRight")
    keys.press("Space")
    paper.told("Pen up.")
    keys.press("d")
    paper.kept()
    assert paper.num_strokes() == 1
    keys.press("Enter")
    paper.until_shown(1)
    keys.press("Escape")
    paper.turn_over()
    keys.press("Control+z")
    keys.press("e")
    expect(paper.page.locator('[data-tool="eraser"]')).to_have_attribute("aria-checked", "true")


def test_a_finger_draws_and_two_fingers_zoom(address, open_page):
    paper = Paper(open_page(address, **TABLET))
    wire = paper.page.context.new_cdp_session(paper.page)

    def touch(kind, *places):
        points = [dict(zip("xy", paper.at(*place), strict=True)) for place in places]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.2, 0.3))
    for step in range(1, 6):
        touch("touchMove", (0.2 + 0.1 * step, 0.3))
    touch("touchEnd")
    paper.page.wait_for_function("desk().story.pending.length === 1")
    assert paper.ink() > 100
    touch("touchStart", (0.4, 0.5), (0.6, 0.5))
    touch("touchMove", (0.2, 0.5), (0.8, 0.5))
    touch("touchEnd")
    paper.page.wait_for_function("desk().stage.view.zoom > 1.5")
    assert paper.num_strokes() == 1
    paper.leave()


def test_paper_is_locked_and_freed(paper):
    paper.page.locator('[data-tool="lasso"]').click()
    paper.stroke((0.6, 0.1), (0.9, 0.1), (0.9, 0.9), (0.6, 0.9))
    paper.page.wait_for_function("desk().story.locks.length === 1")
    assert paper.ink() == 0
    paper.page.locator('[data-tool="pen"]').click()
    paper.page.locator(".cd-more summary").click()
    paper.button("unlock").click()
    paper.page.wait_for_function("desk().story.locks.length === 0")


def test_what_comes_next_is_shown_and_taken(paper):
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.button("onion").click()
    paper.page.wait_for_function("desk().stage.overlay.onion", timeout=300_000)
    turns = paper.num_turns()
    paper.button("accept").click()
    paper.page.wait_for_function(
        f"desk().story.turns.size > {turns} && !desk().hearing.turn", timeout=300_000
    )
    assert paper.page.evaluate("desk().stage.overlay.onion") is None


def test_the_session_plays_again(paper):
    paper.stroke((0.1, 0.1), (0.9, 0.9))
    paper.go()
    whole = paper.ink()
    paper.page.locator('.codraw [data-set="speed"]').select_option("0.5")
    assert paper.page.evaluate("desk().time.replay.speed") == 0.5
    paper.page.evaluate("desk().time.replay.speed = 0.02")  # so that no machine is too slow to look
    paper.live.focus()
    paper.page.keyboard.press("Space")
    paper.page.wait_for_function("desk().time.replay.isPlaying")
    paper.page.locator(".cd-readout").get_by_text(re.compile(r"of [\d.]+ s")).wait_for()
    assert paper.ink() < whole
    paper.page.keyboard.press("Escape")
    assert paper.ink() == pytest.approx(whole, rel=0.02)


def test_without_a_socket_the_streamed_answer_carries_the_same(address, open_page):
    page = open_page("about:blank")
    page.add_init_script(
        "delete window.WebSocket; window.WebSocket = class { constructor() { "
        "setTimeout(() => this.onclose({ code: 1006 }), 0); } close() {} };"
    )
    page.goto(address)
    paper = Paper(page)
    assert page.evaluate("desk().link.line.constructor.name") == "StreamLine"
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.kept()
    paper.go()
    assert paper.frames() > 0
    paper.leave()


def test_papers_of_other_shapes_are_never_squashed(paper):
    paper.page.locator(".cd-more summary").click()
    # The tiny model draws in multiples of 24 pixels, so 640 is the next larger one.
    paper.page.locator('[data-set="canvas"]').select_option("648x648")
    paper.page.wait_for_function("desk().isReady && desk().story.paper.height === 648")
    box = paper.live.bounding_box()
    assert box["width"] == pytest.approx(box["height"], rel=0.01)
    paper.stroke((0.5, 0.1), (0.5, 0.9))
    assert paper.ink() > 100


def test_other_words_while_the_model_draws(paper):
    page = paper.page
    page.locator('[data-set="concept"]').fill("a cat")
    paper.button("plan").click()
    page.wait_for_function("document.querySelectorAll('.cd-parts li').length > 1")
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.kept()
    page.evaluate("desk().link.send({ kind: 'go', num_frames: 240 })")
    paper.until_shown(2)
    page.locator('[data-set="concept"]').fill("a house")
    paper.button("plan").click()
    paper.told("goes on with the new plan")
    shown = page.evaluate("desk().hearing.turn.shown")
    paper.until_shown(shown + 24)
    names = page.locator(".cd-parts .cd-name").evaluate_all("all => all.map((one) => one.value)")
    assert "Roof" in names, names
    page.keyboard.press("Escape")
    paper.turn_over()


def test_the_model_is_chosen_and_remembered(paper):
    page = paper.page
    page.locator(".cd-more summary").click()
    models = page.locator('[data-set="model"]')
    expect(models).to_be_visible()
    assert models.input_value() == "tiny"
    models.select_option("pocket-ar")
    page.reload()
    again = Paper(page)
    page.wait_for_function("document.querySelector('[data-set=model]').value === 'pocket-ar'")
    page.locator(".cd-more summary").click()
    page.locator('[data-set="model"]').select_option("tiny")
    again.stroke((0.2, 0.2), (0.5, 0.4))
    again.kept()
    page.locator('[data-set="model"]').select_option("pocket-ar")
    again.told("from the next new drawing on")
    page.locator('[data-set="model"]').select_option("tiny")
    again.go()


def test_the_mode_of_speed_holds_from_the_next_turn_on_and_stays_with_the_drawing(paper):
    page = paper.page
    page.locator(".cd-more summary").click()
    modes = page.locator('[data-set="mode"]')
    assert modes.input_value() == "exact"
    modes.select_option("fast")
    paper.told("From the model's next turn on: Fast, looks back on less.")
    sheet = "document.querySelector('.cd-options')"
    assert page.evaluate(f"{sheet}.scrollWidth <= {sheet}.clientWidth"), "nothing sticks out"
    paper.stroke((0.2, 0.2), (0.5, 0.4))
    paper.kept()
    assert modes.input_value() == "fast", "the session was begun with it"
    page.evaluate("desk().link.send({ kind: 'go', num_frames: 240 })")
    paper.until_shown(2)
    modes.select_option("sketch")
    paper.told("From the model's next turn on: Sketch")
    shown = page.evaluate("desk().hearing.turn.shown")
    paper.until_shown(shown + 12)
    page.keyboard.press("Escape")
    paper.turn_over()
    assert modes.input_value() == "sketch"
    page.reload()
    again = Paper(page)
    page.wait_for_function("document.querySelector('[data-set=mode]').value === 'sketch'")
    again.go()
    page.evaluate("desk().startNew()")
    page.wait_for_function("desk().isReady")
    assert modes.input_value() == "sketch", "a new sheet is begun as the last one was drawn"


def test_the_plain_pad_is_answered_in_the_mode_of_the_tab(paper):
    page = paper.page
    page.get_by_text("Simple pad, without the live canvas").click()
    pad = page.locator("#simple-paper canvas").first
    pad.wait_for(timeout=300_000)
    page.locator('#simple-paper [aria-label="Erase"]').wait_for()
    page.wait_for_function(
        "document.querySelector('#simple-paper')?.innerText.includes('select the draw tool') === false"
    )
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=8)
    page.mouse.up()
    page.evaluate("document.querySelector('[data-set=mode]').value = 'sketch'")
    for _ in range(20):  # the pad sends what was drawn on it a while after the pen was lifted
        page.locator("#simple-go").click()
        status = page.locator("#simple-status")
        status.get_by_text(re.compile("pad is empty|Done|Wait|draws")).wait_for(timeout=300_000)
        if "pad is empty" not in status.inner_text():
            break
        page.wait_for_timeout(1000)
    page.locator("#simple-answer img").wait_for(timeout=300_000)
    status.get_by_text("Done. Mode of speed: Sketch").wait_for(timeout=300_000)
