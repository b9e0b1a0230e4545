"""The list of waiting jobs in a real browser: the owner's and a guest's, by mouse, key and finger."""

from __future__ import annotations

import pytest

from tests.browser.component_app import TABLET, browser_pages, expect
from tests.browser.queue_page import Slip, ask
from tests.security.served import LOGIN, served
from videosketcher_app.core.access import Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]


@pytest.fixture
def app(tmp_path):
    with served(tmp_path) as app:
        yield app


@pytest.fixture
def open_page(app, chromium_path):
    """After the app: it cannot be started beside the loop that a browser brings along."""
    with browser_pages(chromium_path) as open_page:
        yield open_page


def test_the_owner_reorders_removes_clears_and_stops(app, open_page):
    queue = app.services.queue
    running = ask(queue, "a cat")
    house, boat = ask(queue, "a house"), ask(queue, "<b>a boat</b>")
    guest = ask(queue, "a guest's secret", role=Role.GUEST, session="bob")
    tree = ask(queue, "a tree")
    slip = Slip(open_page(app.serving.owner_url))
    slip.says("4 sketches wait")
    assert slip.rows.count() == 0  # a closed list is not asked for

    slip.button.focus()
    slip.page.keyboard.press("Enter")
    what = ["A sketch: a cat", "A sketch: a house", "A sketch: <b>a boat</b>", "A sketch: a tree"]
    slip.shows(*what, "A sketch")
    expect(slip.rows.nth(0)).to_contain_text("under way, about 75 s left")
    expect(slip.rows.nth(1)).to_contain_text("next, in about 75 s")
    expect(slip.rows.nth(4)).to_contain_text("a guest’s")
    assert slip.page.get_by_text("secret").count() == 0

    slip.act(3, "Before my others: A sketch: a tree, yours").click()
    slip.shows(what[0], what[3], what[1], what[2], "A sketch")
    expect(slip.told).to_have_text("It is the next of yours.")
    assert queue.look().waiting[0] is tree

    slip.act(1, "Remove: A sketch: a tree, yours").press("Enter")
    slip.shows(*what[:3], "A sketch")
    assert tree.ended
    focused = "document.activeElement.getAttribute('aria-label')"
    slip.page.wait_for_function(f"{focused}.includes('a house')")  # on with the same place

    slip.act(3, "Remove: A sketch, a guest’s").click()
    slip.shows(*what[:3])
    assert guest.ended
    clear = slip.panel.locator(".qp-clear")
    clear.click()
    expect(clear).to_have_text("Press again to remove")
    assert not house.ended
    clear.click()
    slip.shows(what[0])
    expect(slip.told).to_have_text("2 are removed.")
    assert boat.ended
    assert not running.ended
    expect(clear).to_be_hidden()

    slip.act(0, "Stop: A sketch: a cat, yours").click()
    expect(slip.panel.get_by_text("Nothing is being drawn")).to_be_visible()
    assert running.wait(60)
    slip.page.keyboard.press("Escape")
    expect(slip.panel).to_be_hidden()
    expect(slip.button).to_be_focused()


def test_news_come_by_themselves_while_it_is_open_and_none_when_it_is_closed(app, open_page):
    queue = app.services.queue
    first = ask(queue, "a cat")
    slip = Slip(open_page(app.serving.owner_url))
    slip.open()
    slip.shows("A sketch: a cat")
    ask(queue, "a house")
    slip.shows("A sketch: a cat", "A sketch: a house")
    first.cancel()
    slip.shows("A sketch: a house")
    slip.page.locator("h1").first.click()  # beside it
    expect(slip.panel).to_be_hidden()
    ask(queue, "a boat")
    slip.says("1 sketch waits")
    with slip.page.expect_response(lambda answer: "waits" in answer.text()) as told:
        pass
    assert '"rows"' not in told.value.text()
    assert slip.rows.count() == 1


@pytest.mark.parametrize("size", [{}, TABLET], ids=["1280x720", "820x1180"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_guest_sees_and_reorders_only_their_own(app, open_page, size, theme):
    queue = app.services.queue
    page = open_page(app.guest_base, color_scheme=theme, **size)
    page.fill("#user", LOGIN[0])
    page.fill("#password", LOGIN[1])
    page.get_by_role("button").click()
    slip = Slip(page)
    slip.says("nobody waits")
    cookies = (cookie["value"] for cookie in page.context.cookies())
    guest = next(filter(None, map(app.services.guests.find, cookies)))
    who = {"role": Role.GUEST, "session": guest.name}
    ask(queue, "the owner's cat")
    own = [ask(queue, f"a boat {number} " + "with many words " * 4, **who) for number in range(2)]
    slip.says("2 sketches wait")
    slip.open()
    expect(slip.rows).to_have_count(2)
    expect(slip.panel.get_by_text("One job of others")).to_be_visible()
    assert page.get_by_text("the owner's cat").count() == 0
    _fits(slip)
    button = slip.act(1, "Before my others")
    button.tap() if size else button.click()
    expect(slip.rows.nth(0)).to_contain_text("a boat 1")
    assert queue.look().waiting[0] is own[1]


def _fits(slip: Slip) -> None:
    """The whole slip is on the screen, above the bar, and its words can be told from its paper."""
    box, bar = slip.panel.bounding_box(), slip.page.locator("#status-bar").bounding_box()
    view = slip.page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= view["width"]
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= bar["y"]
    colors = slip.panel.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert colors[0] != colors[1]
