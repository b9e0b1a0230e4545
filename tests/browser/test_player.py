"""The player in a real browser: jump, scrub, loop, wait, speed, keys, and a new order and pace."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from tests.browser.component_app import TABLET, browser_pages, component_app, expect
from videosketcher_app.storage.media import write_video
from videosketcher_app.ui.components.player import Player

pytestmark = pytest.mark.browser

FPS = 16
FRAMES = 48  # 3 s
PARTS = [("Head", 0.0, 1.0), ("Ears & <b>more</b>", 1.0, 2.02), ("Tail", 2.02, 3.0)]
VALUE = {
    "width": 432,
    "height": 240,
    "fps": FPS,
    "frames": FRAMES,
    "title": "a cat",
    "parts": [{"name": n, "start_s": a, "end_s": b} for n, a, b in PARTS],
}
APP = """
import json
from videosketcher_app.ui.components.player import Player
VALUE = {value!r}
def told(event: gr.EventData):
    return json.dumps(event._data)
with gr.Blocks() as blocks:
    player = Player(None, elem_id="player")
    show = gr.Button("Show")
    show_nothing = gr.Button("Clear")
    show_lost = gr.Button("Lost")
    answer = gr.Textbox(elem_id="answer", interactive=True)
    show.click(lambda: VALUE, None, player)
    show_nothing.click(lambda: None, None, player)
    show_lost.click(lambda: {{**VALUE, "video": VALUE["video"] + ".gone"}}, None, player)
    player.retime(told, None, answer)
"""
JS_TIME = "document.querySelector('#player video')?.currentTime"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page with spaces #1")
    video = folder / "a cat.mp4"
    write_video(video, _frames(), fps=FPS)
    code = APP.format(value={**VALUE, "video": str(video)})
    with component_app(code, folder) as address:
        yield address


def _frames():
    paper = np.full((240, 432, 3), 255, np.uint8)
    for i in range(FRAMES):
        cv2.line(paper, (20, 120), (20 + 8 * i, 120 + round(60 * np.sin(i / 4))), (30, 30, 30), 2)
        yield paper.copy()


@pytest.fixture
def open_page(chromium_path):
    with browser_pages(chromium_path) as open_page:
        yield open_page


@pytest.fixture
def page(open_page, address):
    """A player that shows the clip and stands still at its start."""
    return opened(open_page, address, reduced_motion="reduce")


def opened(open_page, address, **options):
    page = open_page(address, **options)
    page.get_by_role("button", name="Show").click()
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")
    return page


def time_of(page):
    return page.evaluate(JS_TIME)


def wait_until(page, condition):
    page.wait_for_function(condition.replace("TIME", JS_TIME))


def is_paused(page):
    return page.evaluate("document.querySelector('#player video').paused")


def press(page, *keys):
    page.locator(".pl-time").focus()
    for key in keys:
        page.keyboard.press(key)


def center(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_an_empty_player_is_a_blank_sheet(open_page, address):
    page = open_page(address)
    page.locator(".pl-message", has_text="plays here").wait_for()
    expect(page.locator(".pl-time")).not_to_be_visible()
    page = opened(open_page, address)
    page.get_by_role("button", name="Clear").click()
    page.locator(".pl-message", has_text="plays here").wait_for()


def test_it_plays_by_itself_unless_motion_is_reduced(open_page, address):
    page = opened(open_page, address)
    wait_until(page, "TIME > 0.3")
    still = opened(open_page, address, reduced_motion="reduce")
    assert is_paused(still)
    assert time_of(still) == 0


def test_the_timeline_names_the_parts(page):
    expect(page.locator(".pl-part")).to_have_text(
        [name for name, _, _ in PARTS], use_inner_text=True
    )
    expect(page.locator(".pl-part b")).to_have_count(0)
    widths = [page.locator(".pl-part").nth(i).bounding_box()["width"] for i in range(3)]
    assert max(widths) - min(widths) < 20
    expect(page.locator(".pl-readout")).to_contain_text("0.00 of 3.00 s")
    expect(page.locator(".pl-time")).to_have_attribute("aria-valuemax", "3.00")


def test_a_click_jumps_to_a_part_and_a_drag_scrubs(page):
    page.mouse.click(*center(page.locator(".pl-part").nth(2)))
    # Its first frame is the one after its start: the frame before still shows the part before.
    assert time_of(page) == pytest.approx(33.5 / FPS)
    expect(page.locator(".pl-now")).to_have_text("Tail", use_inner_text=True)
    x, y = center(page.locator(".pl-part").nth(2))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*center(page.locator(".pl-part").nth(1)), steps=4)
    page.mouse.up()
    assert time_of(page) == pytest.approx(1.5, abs=1.5 / FPS)
    expect(page.locator(".pl-now")).to_have_text(PARTS[1][0], use_inner_text=True)


def test_keys(page):
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator(".pl-readout")).to_contain_text("0.25 of")
    press(page, ".", ".", ",")
    expect(page.locator(".pl-readout")).to_contain_text("0.31 of")
    press(page, "End")
    assert time_of(page) == pytest.approx(3 - 0.5 / FPS)
    press(page, "Home", "Shift+ArrowRight")
    assert time_of(page) == pytest.approx(1.0, abs=1 / FPS)
    press(page, "Space")
    wait_until(page, "TIME > 1.2")
    press(page, "Space")
    assert is_paused(page)


def test_every_frame_can_be_stepped_to(page):
    press(page, "Home")
    for frame in range(1, 20):
        press(page, ".")
        assert int(time_of(page) * FPS) == frame
    for _ in range(25):
        press(page, ",")
    assert int(time_of(page) * FPS) == 0


def test_keys_outside_the_player_are_left_alone(page):
    page.locator("#answer textarea").fill("")
    page.locator("#answer textarea").press("Space")
    assert is_paused(page)
    expect(page.locator("#answer textarea")).to_have_value(" ")


def test_speed(page):
    page.locator("[data-set=speed]").select_option("4")
    press(page, "Space")
    assert page.evaluate("document.querySelector('#player video').playbackRate") == 4
    page.locator("[data-set=speed]").select_option("0.25")
    assert page.evaluate("document.querySelector('#player video').playbackRate") == 0.25


def test_one_part_repeats(page):
    page.locator("[data-set=speed]").select_option("2")
    page.mouse.click(*center(page.locator(".pl-part").nth(1)))
    page.locator("[data-do=loop]").click()
    page.evaluate("""() => {
        window.jumps = [];
        const video = document.querySelector('#player video');
        video.addEventListener('seeking', () => window.jumps.push(video.currentTime));
    }""")
    press(page, "Space")
    page.wait_for_function("window.jumps.length >= 2")
    assert page.evaluate("window.jumps.slice(0, 2)") == pytest.approx([1.0, 1.0], abs=1 / FPS)
    page.locator("[data-do=loop]").click()
    wait_until(page, "TIME > 2.2")


def test_it_waits_at_the_end_of_a_part_and_goes_on(page):
    page.evaluate("""() => {
        const video = document.querySelector('#player video');
        window.waits = []; let since = null; let place = null;
        video.addEventListener('pause', () => {
            [since, place] = [performance.now(), video.currentTime];
        });
        video.addEventListener('play', () => {
            if (since) window.waits.push([place, performance.now() - since]);
        });
    }""")
    page.locator("[data-set=hold]").select_option("0.5")
    page.locator("[data-set=speed]").select_option("2")
    press(page, "Space")
    page.wait_for_function("window.waits.length >= 2")
    (first, waited), (second, _) = page.evaluate("window.waits.slice(0, 2)")
    assert first == pytest.approx(1.0, abs=1 / FPS)  # however late a busy page notices it
    assert second == pytest.approx(33 / FPS, abs=1 / FPS)
    assert waited >= 400  # of 500; a timer and the page's clock differ by some frames
    wait_until(page, "document.querySelector('#player video').ended")


def test_a_pause_during_the_wait_is_a_pause(page):
    page.clock.install()  # before the wait begins, so that its end can be brought about
    page.locator("[data-set=hold]").select_option("1")
    page.locator(".pl-time").focus()
    page.evaluate("""() => {
        const label = () => document.querySelector('[data-do=play]').getAttribute('aria-label');
        const space = new KeyboardEvent('keydown', { key: ' ', bubbles: true });
        document.querySelector('#player video').addEventListener('pause', () => {
            window.labels = [label()];  // within the wait, however slow the machine is
            document.querySelector('.pl-time').dispatchEvent(space);
            window.labels.push(label());
        }, { once: true });
    }""")
    press(page, "Space")
    page.wait_for_function("window.labels?.length === 2")
    assert page.evaluate("window.labels") == ["Pause", "Play"]
    before = time_of(page)
    page.clock.run_for(3000)
    assert is_paused(page)
    assert time_of(page) == before


def test_a_new_order_and_pace_is_told_to_python(page):
    page.locator(".pl-edit summary").click()
    rows = page.locator(".pl-order li")
    start, end = center(rows.nth(2)), rows.nth(0).bounding_box()
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(end["x"] + 6, start[1], steps=5)
    page.mouse.up()
    expect(rows.locator("b")).to_have_text(["Tail", "Head", PARTS[1][0]], use_inner_text=True)
    edge = center(rows.nth(0).locator(".pl-edge"))
    width = page.locator(".pl-order").bounding_box()["width"]
    page.mouse.move(*edge)
    page.mouse.down()
    page.mouse.move(edge[0] + width / 3, edge[1], steps=5)
    page.mouse.up()
    rows.nth(1).focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowDown")
    page.locator("[data-set=hold]").select_option("0.5")
    page.get_by_role("button", name="Draw again like this").click()
    page.wait_for_function("document.querySelector('#answer textarea')?.value")
    told = json.loads(page.locator("#answer textarea").input_value())
    assert told["order"] == [2, 1, 0]
    assert told["seconds"][0] == pytest.approx(2.0, abs=0.1)
    assert told["seconds"][1:] == [1.02, 0.9]
    retiming = Player.retiming(told, 3)
    assert (retiming.order, retiming.hold_s) == ((2, 1, 0), 0.5)
    page.get_by_role("button", name="As it was").click()
    expect(rows.locator("b")).to_have_text([name for name, _, _ in PARTS], use_inner_text=True)


def test_a_lost_video_is_said(page):
    page.get_by_role("button", name="Lost").click()
    page.locator(".pl-message", has_text="cannot play").wait_for()


def test_fingers_jump_and_reorder_on_a_tablet(open_page, address):
    page = opened(open_page, address, **TABLET, reduced_motion="reduce")
    for selector in (".pl-bar button", ".pl-time", "[data-set=speed]"):
        assert page.locator(selector).first.bounding_box()["height"] >= 44, selector
    page.touchscreen.tap(*center(page.locator(".pl-part").nth(1)))
    assert time_of(page) == pytest.approx(1.0, abs=1 / FPS)
    page.locator(".pl-edit summary").tap()
    rows = page.locator(".pl-order li")
    x, y = center(rows.nth(0))
    touch = page.context.new_cdp_session(page)
    moves = [("touchStart", x), ("touchMove", x + 100), ("touchMove", center(rows.nth(1))[0] + 40)]
    for kind, at in moves:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(rows.locator("b")).to_have_text([PARTS[1][0], "Head", "Tail"], use_inner_text=True)
