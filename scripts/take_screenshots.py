"""Takes pictures of every tab: python scripts/take_screenshots.py [--browser PATH] [--out FOLDER].

Starts an app of its own in a temporary workspace, draws one cat with the shipped model, and writes
`<tab>_<light|dark>_<width>.png` with a palette, so that all of them stay small.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SCREENS = ROOT / "docs" / "images" / "screens"
TABS = ("Text", "Brush", "Co-draw", "Train", "Models", "Gallery")
THEMES = ("light", "dark")
WINDOWS = {1280: 720, 820: 1180}  # width -> height, pixels
LIMIT_BYTES = 1_500_000
NUM_COLORS = 48
MAX_HEIGHTS = {1280: 1850, 820: 2700}  # width -> height, pixels: a longer list says nothing new
LIST_HEIGHT = 1400  # of the tab that lists models: more of the same follows
SEED = "7"
DRAWN_MS = 300_000
REFLOWED_MS = 300
SETTLED_MS = 1200  # tabs fade in, and the gallery's pictures are decoded
STOP_S = 20
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"


def main() -> None:
    """Writes all pictures, and refuses a set that is too large for the repository."""
    options = _options()
    from playwright.sync_api import sync_playwright

    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        _app(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=options.browser, args=["--no-sandbox", "--disable-gpu"]
        )
        sizes = _take_all(browser.new_page(reduced_motion="reduce"), address, options.out)
        browser.close()
    print(f"{len(sizes)} pictures, {sum(sizes) / 1e6:.2f} MB")
    if sum(sizes) > LIMIT_BYTES:
        sys.exit(f"Together they are larger than {LIMIT_BYTES / 1e6} MB: use fewer colors.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Takes pictures of every tab.")
    parser.add_argument("--browser", default=CHROMIUM, help="Chromium's program")
    parser.add_argument("--out", type=Path, default=SCREENS, help="folder of the pictures")
    return parser.parse_args()


@contextlib.contextmanager
def _app(folder: Path) -> Iterator[str]:
    """The owner's address of an app that keeps everything in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "videosketcher_app", "app", "--no-browser", "--port", port]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "VIDEOSKETCHER_WORKSPACE": str(folder / "home"),
    }
    with subprocess.Popen(
        [*command, "--output-dir", str(folder / "out")],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = (re.search(r"http://127\S+token=\S+", line) for line in process.stdout)
            address = next((match[0] for match in found if match), None)
            if address is None:
                sys.exit("The app did not start.")
            yield address
        finally:
            process.terminate()
            process.wait(STOP_S)


def _take_all(page: Any, address: str, out: Path) -> list[int]:
    """Draws a cat, and takes every tab in every theme and window; gives the sizes in bytes."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{address}&__theme={THEMES[0]}")
    _close_hints(page)
    _draw(page)
    sizes = []
    for theme in THEMES:
        if theme != THEMES[0]:
            page.get_by_role("button", name="Switch between light and dark").click()
        for width, height in WINDOWS.items():
            page.set_viewport_size({"width": width, "height": height})
            for tab in TABS:
                name = f"{tab.lower().replace('-', '')}_{theme}_{width}.png"
                sizes.append(_take(page, tab, out / name))
    return sizes


def _close_hints(page: Any) -> None:
    hints = page.get_by_role("button", name="Close this hint")
    page.get_by_role("textbox", name="What shall I draw?").wait_for()
    while hints.count():
        hints.first.click()


def _draw(page: Any) -> None:
    """Draws the cat that all pictures show, and goes to the video's end."""
    page.get_by_role("spinbutton", name="Seed", exact=True).fill(SEED)
    page.wait_for_timeout(SETTLED_MS)  # a page that is not alive yet takes a tick back
    page.get_by_role("checkbox", name="Keep").check()
    page.get_by_role("textbox", name="What shall I draw?").fill("a cat")
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_text("Done in").wait_for(timeout=DRAWN_MS)
    page.get_by_role("slider", name="Timeline").press("End")


def _take(page: Any, tab: str, path: Path) -> int:
    """A picture of one tab; gives its size in bytes."""
    page.get_by_role("tab", name=tab, exact=True).click()
    window = page.viewport_size
    page.wait_for_timeout(SETTLED_MS)
    # A window as high as the page: in a full-page picture the status bar would lie across it.
    whole = max(page.evaluate("document.documentElement.scrollHeight"), window["height"])
    highest = LIST_HEIGHT if tab == "Models" else MAX_HEIGHTS[window["width"]]
    page.set_viewport_size({"width": window["width"], "height": min(whole, highest)})
    page.wait_for_timeout(REFLOWED_MS)
    size = _write(page.screenshot(), path)
    page.set_viewport_size(window)
    return size


def _write(data: bytes, path: Path) -> int:
    """Saves a picture with a palette; gives its size in bytes."""
    with Image.open(io.BytesIO(data)) as shot:
        flat = shot.convert("RGB")
        flat.quantize(NUM_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    main()
