"""A file dropped on the window reaches Python; anything else is refused with a sentence."""

from __future__ import annotations

import pytest

from tests.browser.component_app import browser_pages, component_app, expect

pytestmark = pytest.mark.browser

APP = """
import os
from pathlib import Path
from videosketcher_app.ui.components.drop_zone import DropZone
def told(event: gr.EventData):
    path = DropZone.path_of(event._data, Path(os.environ["GRADIO_TEMP_DIR"]))
    return f"{event._data['name']}: {path.read_text('utf-8')}"
with gr.Blocks() as blocks:
    gr.Markdown("# Page")
    zone = DropZone(elem_id="drop")
    answer = gr.Textbox(elem_id="answer")
    zone.dropped(told, None, answer)
"""
DRAG = """([kinds, files]) => {
    const data = new DataTransfer();
    for (const [name, text] of files) data.items.add(new File([text], name));
    for (const kind of kinds) {
        const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data });
        document.querySelector('h1').dispatchEvent(event);
    }
}"""


@pytest.fixture
def page(chromium_path, tmp_path):
    with component_app(APP, tmp_path) as address, browser_pages(chromium_path) as open_page:
        page = open_page(address)
        page.locator(".drop-zone").wait_for(state="attached")
        yield page


def test_dropping_on_the_window(page):
    zone = page.locator(".drop-zone")
    status = page.locator(".dz-status")
    page.evaluate(DRAG, [["dragenter", "dragover"], [["cat.svg", "<svg/>"]]])
    page.locator(".drop-zone.dz-shown").wait_for()
    page.evaluate(DRAG, [["dragleave"], [["cat.svg", "<svg/>"]]])
    assert "dz-shown" not in (zone.get_attribute("class") or "")
    page.evaluate(DRAG, [["drop"], [["a.txt", "hello"]]])
    expect(status).to_contain_text("not a drawing")
    page.evaluate(DRAG, [["drop"], [["a.svg", "1"], ["b.svg", "2"]]])
    expect(status).to_contain_text("one file at a time")
    page.evaluate(DRAG, [["drop"], [["cät <b>.SVG", "<svg/>"]]])
    page.wait_for_function("document.querySelector('#answer textarea')?.value")
    expect(page.locator("#answer textarea")).to_have_value("cät <b>.SVG: <svg/>")
    assert status.text_content() == ""
