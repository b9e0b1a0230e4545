"""Variations in a real browser: sheets fill one after another, stop keeps, leaving stops the job."""

from __future__ import annotations

import pytest

from tests.browser.component_app import browser_pages, component_app, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CODE = """
import logging, threading
from pathlib import Path
from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build as build_services
from videosketcher_app.ui.tabs.text import variations
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text.layout import lay_out

settings = load_settings(workspace=Path({home!r}), output_dir=Path({out!r}), device="cpu")
services = build_services(settings)
context = PageContext(services=services, role=Role.OWNER, model="tiny")
with gr.Blocks() as blocks:
    page = lay_out(context)
    variations.build(context, page)
    asked = gr.Button("Is it free?")
    free = gr.Textbox(label="free", elem_id="free")
    def on_free():
        return "busy" if services.queue.is_running else "free"
    asked.click(on_free, None, free, queue=False)
"""


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out put #1"


@pytest.fixture
def open_page(tmp_path, out, chromium_path):
    out.mkdir()
    code = CODE.format(home=str(tmp_path / "home"), out=str(out))
    with component_app(code, out) as address, browser_pages(chromium_path) as opened:
        yield lambda **options: opened(address, **options)


def ask(page, concept: str, *, steps: int | None = None) -> None:
    page.locator("#concept textarea, #concept input").first.fill(concept)
    if steps is not None:
        page.locator("#settings").get_by_role("button", name="Settings").click()
        page.get_by_label("Steps").first.fill(str(steps))
    page.locator("#vv-draw").click()


def sheets(page, state: str):
    return page.locator(f'.vv-sheet[data-state="{state}"]')


def test_four_sheets_fill_and_each_can_be_used(open_page, out):
    page = open_page()
    ask(page, "a cat")
    sheets(page, "drawing").locator('img[src^="data:image/jpeg"]').first.wait_for()
    page.wait_for_function(
        "document.querySelectorAll('.vv-sheet[data-state=done]').length === 4", timeout=300_000
    )
    page.locator("#vv-status", has_text="4 drawings").wait_for()
    expect(page.locator(".vv-seed")).to_have_text(
        [f"Seed {i}" for i in range(4)], use_inner_text=True
    )
    page.wait_for_function(
        "[...document.querySelectorAll('.vv-sheet img')].every((i) => i.naturalWidth > 0)"
    )
    assert all("parts seen" in words for words in page.locator(".vv-words").all_inner_texts())
    page.get_by_role("button", name="Use the seed of variation 3").click()
    page.locator("#vv-status", has_text="Seed 2 is set").wait_for()
    page.get_by_role("button", name="Open variation 2 in the player").click()
    page.wait_for_function("document.querySelector('.player video')?.readyState >= 1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the video of variation 1").click()
    path = download.value.path()
    assert path.read_bytes() == (out / "cat" / "cat.mp4").read_bytes()


def test_stop_keeps_what_is_finished(open_page, out):
    page = open_page()
    ask(page, "a cat", steps=60)
    sheets(page, "done").first.wait_for(timeout=300_000)
    page.locator("#vv-stop").click()
    page.locator("#vv-status", has_text="Stopped. 1 finished and kept").wait_for()
    expect(sheets(page, "not_drawn")).to_have_count(3)
    assert [path.name for path in out.iterdir() if path.name.startswith("cat")] == ["cat"]


def test_words_of_people_stay_words(open_page):
    page = open_page()
    hostile = (
        "Step by step sketch process of a <img src=x onerror=window.hit=1>, following this "
        "drawing order: 1. <b>Gnarl</b>. 2. {{value}} ${window.hit=1}."
    )
    ask(page, hostile)
    page.locator("#vv-status", has_text="does not know").wait_for(timeout=300_000)
    expect(page.locator("#vv-status b, #vv-status img")).to_have_count(0)
    assert page.evaluate("window.hit") is None


def test_leaving_stops_the_job(open_page):
    page = open_page()
    ask(page, "a cat", steps=200)
    sheets(page, "drawing").locator('img[src^="data:image/jpeg"]').first.wait_for()
    page.context.close()
    other = open_page()
    deadline = other.evaluate("performance.now()") + 60_000  # a worker that is never freed
    while True:
        other.get_by_role("button", name="Is it free?").click()
        other.wait_for_function("document.querySelector('#free textarea, #free input')?.value")
        if other.locator("#free textarea, #free input").input_value() == "free":
            break
        assert other.evaluate("performance.now()") < deadline
