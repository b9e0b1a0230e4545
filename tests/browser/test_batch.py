"""A batch in a real browser: a file or lines, a table that follows, stop, go on, and the zip."""

from __future__ import annotations

import zipfile

import pytest

from tests.browser.component_app import browser_pages, component_app, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CODE = """
from pathlib import Path
from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build as build_services
from videosketcher_app.ui.components import batch_table
from videosketcher_app.ui.context import PageContext

settings = load_settings(workspace=Path({home!r}), output_dir=Path({out!r}), device="cpu")
services = build_services(settings)
with gr.Blocks() as blocks:
    batch_table.build(PageContext(services=services, role=Role.OWNER, model="tiny"))
"""
LONG_MS = 300_000


@pytest.fixture
def open_page(tmp_path, chromium_path):
    out = tmp_path / "out put #1"
    out.mkdir()
    code = CODE.format(home=str(tmp_path / "home"), out=str(out))
    with component_app(code, out) as address, browser_pages(chromium_path) as opened:
        yield lambda **options: opened(address, **options)


def rows(page, status: str):
    return page.locator(f"tr.vb-{status}")


def write_lines(page, *lines: str) -> None:
    page.locator("#vb-lines textarea").fill("\n".join(lines))
    page.locator("#vb-start").click()


def test_lines_become_drawings_and_a_zip(open_page):
    page = open_page()
    write_lines(page, "a cat", "<img src=x onerror=window.hit=1>" * 200, "a house")
    page.locator(".vb-summary", has_text="Finished.").wait_for(timeout=LONG_MS)
    assert (rows(page, "done").count(), rows(page, "failed").count()) == (2, 1)
    expect(page.locator(".vb-error")).to_contain_text("characters")
    assert page.evaluate("window.hit") is None
    page.wait_for_function(
        "[...document.querySelectorAll('.vb-result img')].every((i) => i.naturalWidth > 0)"
    )
    page.locator("#vb-pack").click()
    with page.expect_download() as download:
        page.locator(".vb-zip").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        assert packed.testzip() is None
        assert sum(name.endswith(".mp4") for name in packed.namelist()) == 2


def test_stop_go_on_and_a_reload(open_page):
    page = open_page()
    write_lines(page, *["a cat", "a house"] * 10)
    rows(page, "done").first.wait_for(timeout=LONG_MS)
    page.reload()
    rows(page, "done").first.wait_for()  # the batch went on and the page found it
    page.locator("#vb-stop:not([disabled])").click()
    page.locator(".vb-summary", has_text="Stopped.").wait_for()
    assert rows(page, "waiting").count() > 0
    page.locator("#vb-go-on:not([disabled])").click()
    rows(page, "skipped").first.wait_for()
    page.locator(".vb-summary", has_text="Finished. 20 of 20").wait_for(timeout=LONG_MS)


def test_a_file_is_judged_before_anything_is_drawn(open_page, tmp_path):
    page = open_page()
    bad = tmp_path / "bad.json"
    bad.write_text('["a cat",\n"a house"', encoding="utf-8")
    page.locator("#vb-file input[type=file]").set_input_files(str(bad))
    page.locator("#vb-status", has_text="Line 2 of the prompts file is not JSON").wait_for()
    page.locator("#vb-start").click()
    page.locator("#vb-status [role=alert]").wait_for()
    expect(page.locator(".vb-summary")).to_have_count(0)


def test_ten_thousand_lines_do_not_freeze_the_page(open_page, tmp_path):
    page = open_page()
    many = tmp_path / "many.txt"
    many.write_text("\n".join(f"?! {i}" if i % 2 else "!?" for i in range(10_000)), "utf-8")
    page.locator("#vb-file input[type=file]").set_input_files(str(many))
    page.locator("#vb-status", has_text="10,000 prompts are ready").wait_for()
    page.locator("#vb-start").click()
    page.locator(".vb-rows", has_text="of 10,000").wait_for()
    expect(page.locator("#vb-table tbody tr")).to_have_count(25)
    page.locator("#vb-later").click()
    page.locator("#vb-earlier:not([disabled])").click()
    page.locator(".vb-rows", has_text="of 10,000").wait_for()
    assert page.locator("*").count() < 5000  # however many lines there are
    page.locator("#vb-stop").click()
