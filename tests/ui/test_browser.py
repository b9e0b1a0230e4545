"""A person at a real browser: type, draw, watch, stop."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
PATIENCE_MS = 60_000

pytestmark = pytest.mark.browser


@pytest.fixture
def address(tmp_path) -> Iterator[str]:
    """The address of an app with the tiny model, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "videosketcher_app", "app", "--port", str(port)]
    command += ["--model", "tiny", "--no-browser", "--output-dir", str(tmp_path / "out")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUNBUFFERED": "1",
        "VIDEOSKETCHER_WORKSPACE": str(tmp_path / "home"),
    }
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert any("Running on local URL" in line for line in lines), "the app did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(START_S)


@pytest.fixture
def page(address, chromium_path):
    """The app's page in Chromium; any error in the page's scripts fails the test."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        errors: list[str] = []
        foreign: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda request: None if "127.0.0.1" in request.url else foreign.append(request.url),
        )
        page.goto(address)
        yield page
        browser.close()
        assert errors == []
        assert [url for url in foreign if url.startswith("http")] == []


def test_typing_a_cat_and_pressing_draw_shows_its_video(page, tmp_path):
    page.locator("#concept textarea").fill("a cat")
    page.get_by_role("button", name="Draw").click()
    video = page.locator("#video video")
    video.wait_for(state="visible")
    assert page.locator("#plan li").count() >= 3
    assert "Done" in page.locator("#status").inner_text()
    page.wait_for_function("document.querySelector('#video video').readyState >= 2")
    assert page.evaluate("document.querySelector('#video video').duration") > 5
    assert (tmp_path / "out" / "cat" / "cat.mp4").is_file()


def test_enter_draws_and_a_mistake_is_answered_on_the_page(page):
    page.locator("#concept textarea").fill("?!")
    page.locator("#concept textarea").press("Enter")
    page.locator("#status .vs-error").wait_for()
    assert "no words" in page.locator("#status").inner_text()
    assert page.get_by_role("button", name="Draw").is_enabled()


def test_model_gets_ready_by_itself(page):
    page.locator("#model-state .vs-ready").wait_for()
