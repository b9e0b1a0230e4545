"""A guest at the Brush tab: paints on the sheet, sends a picture, draws, and keeps it all apart."""

from __future__ import annotations

import pytest

from tests.browser.brush_page import BrushDesk
from tests.browser.component_app import browser_pages
from tests.security.served import LOGIN, served
from tests.services.bad_pictures import encoded, mark

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


def test_a_guest_paints_uploads_keeps_and_draws(app, open_page, tmp_path):
    page = open_page(app.guest_base)
    page.fill("#user", LOGIN[0])
    page.fill("#password", LOGIN[1])
    page.get_by_role("button").click()
    desk = BrushDesk(page)
    desk.source("Paint one")
    box = page.locator("#brush-pad canvas").bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(x + 15 * step, y + (10 if step % 4 < 2 else -10))
    page.mouse.up()
    page.locator("#brush-pad [data-do=use]").click()
    desk.has("Painted by you")
    picture = tmp_path / "stroke.png"
    picture.write_bytes(encoded(mark()))
    desk.source("From a picture")
    desk.upload(picture)
    desk.has("From your picture")
    page.locator("#brush-keep-fold .label-wrap").first.click()
    page.locator("#brush-keep-as :is(input, textarea)").first.fill("Guest's own")
    page.locator("#brush-keep").click()
    desk.has("Guest's own")
    desk.draw("a cat")
    (folder,) = app.services.guests.sessions.iterdir()
    assert {path.name for path in folder.iterdir()} >= {"brushes", "cat"}
    assert not (app.services.settings.workspace / "brushes").exists()
