"""A page with one of our components and nothing else, in a child process, and a browser on it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 60
PATIENCE_MS = 180_000  # a first preview waits for torch, which a busy machine loads slowly
READY = "component page ready"
SLOWER = "VIDEOSKETCHER_TEST_SLOW_PAGES"

DESKTOP = {"viewport": {"width": 1280, "height": 720}}
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True, "is_mobile": True}

_LAUNCH = """
blocks.launch(
    server_name="127.0.0.1", server_port={port}, prevent_thread_lock=True, quiet=True,
    ssr_mode=False, footer_links=[], theme=theme(), allowed_paths=[{folder!r}],
)
print({ready!r}, flush=True)
blocks.block_thread()
"""


@contextlib.contextmanager
def component_app(code: str, folder: Path) -> Iterator[str]:
    """Runs `code`, which makes `blocks`, and gives the page's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    head = "from videosketcher_app.ui.theme import theme\nimport gradio as gr\n"
    launch = _LAUNCH.format(port=port, folder=str(folder), ready=READY)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
    }
    command = [sys.executable, "-c", head + code + launch]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            assert any(READY in line for line in lines), "the page did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_S)


@contextlib.contextmanager
def browser_pages(chromium_path: str) -> Iterator[Any]:
    """A function (address, **context options) -> page; page errors and foreign requests fail."""
    sync_api = pytest.importorskip("playwright.sync_api")
    faults: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
        )

        def open_page(address: str, **options: Any) -> Any:
            page = browser.new_context(**{**DESKTOP, **options}).new_page()
            page.set_default_timeout(PATIENCE_MS)
            _slow_down(page)
            page.on("pageerror", lambda error: faults.append(f"error: {error}"))
            page.on("console", lambda message: _note_console(message, faults))
            page.on("request", lambda request: _note_request(request.url, faults))
            page.goto(address)
            return page

        yield open_page
        browser.close()
    assert faults == []


def expect(locator: Any) -> Any:
    """Playwright's assertions, which wait: a page is often slower than the words on it."""
    from playwright.sync_api import expect as expected

    expected.set_options(timeout=PATIENCE_MS)
    return expected(locator)


def _slow_down(page: Any) -> None:
    """Makes the page as many times slower as SLOWER says: finds tests that look too early."""
    rate = float(os.environ.get(SLOWER, "1"))
    if rate > 1:
        wire = page.context.new_cdp_session(page)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": rate})


def _note_console(message: Any, faults: list[str]) -> None:
    # Gradio reports what a component's script throws on the console only.
    if (message.type == "error" and "js_on_load" in message.text) or "template" in message.text:
        faults.append(message.text)


def _note_request(url: str, faults: list[str]) -> None:
    if url.startswith("http") and "127.0.0.1" not in url:
        faults.append(f"request to {url}")
