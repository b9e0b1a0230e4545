"""Takes pictures of every tab: python scripts/take_screenshots.py [--browser PATH] [--out FOLDER].

Starts an app of its own in a temporary workspace, draws with the shipped models on three tabs (by the
hands of tests/browser), and writes `<tab>_<light|dark>_<width>.png` with a palette, so that all of them
stay small.
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image

from tests.browser.brush_page import BrushDesk
from tests.browser.codraw_page import Paper
from tests.browser.text_page import Desk, text_app

SCREENS = Path(__file__).resolve().parents[1] / "docs" / "images" / "screens"
TABS = ("Text", "Brush", "Co-draw", "Train", "Models", "Gallery")
THEMES = ("light", "dark")
WINDOWS = {1280: 720, 820: 1180}  # width -> height, pixels
LIMIT_BYTES = 1_500_000
NUM_COMMON, NUM_RARE = 10, 30  # colors of a picture: paper and words, and all that is between
MAX_HEIGHTS = {1280: 1280, 820: 1640}  # width -> height, pixels: below are folded rows
LIST_HEIGHT = 960  # of the tab that lists models: more of the same follows
MODEL, SEED = "pocket-t2v", "3"
TO_THE_END = """(id) => {
    const video = document.querySelector(`#${id} video`);
    video.currentTime = video.duration;
}"""
NUM_TURNS = 3
REFLOWED_MS = 300
SETTLED_MS = 1200  # tabs fade in, and the gallery's pictures are decoded
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"


def main() -> None:
    """Writes all pictures, and refuses a set that is too large for the repository."""
    options = _options()
    from playwright.sync_api import sync_playwright

    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        text_app(Path(folder), model=MODEL) as address,
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


def _take_all(page: Any, address: str, out: Path) -> list[int]:
    """Draws, and takes every tab in every theme and window; gives the sizes in bytes."""
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
    """What the pictures show: a drawing, one with a brush, and a cat that two have drawn."""
    _keep_seed(page)
    Desk(page).draw("a sailboat")
    brush = BrushDesk(page)
    brush.pick("ink_indigo", "Ink, indigo")
    _keep_seed(page)
    brush.draw("a house")
    for player in ("player", "brush-player"):
        page.evaluate(TO_THE_END, player)
    paper = Paper(page)
    page.get_by_role("textbox", name="What shall it become?").fill("a cat")
    page.get_by_role("button", name="Plan", exact=True).click()
    paper.stroke(*(_on_circle(turn / 20) for turn in range(21)))
    for _ in range(NUM_TURNS):
        paper.go()
    page.evaluate("scrollTo(0, 0)")


def _keep_seed(page: Any) -> None:
    """The same seed for every drawing of the open tab, so that its picture can be taken again."""
    page.get_by_role("spinbutton", name="Seed", exact=True).fill(SEED)
    page.wait_for_timeout(SETTLED_MS)  # a page that is not alive yet takes a tick back
    page.get_by_role("checkbox", name="Keep").check()


def _on_circle(turn: float) -> tuple[float, float]:
    """A place on the cat's head, in shares of the paper."""
    angle = 2 * math.pi * turn
    return 0.5 + 0.1 * math.sin(angle), 0.3 - 0.18 * math.cos(angle)


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
    flat.quantize(palette=_palette(flat), dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


def _palette(picture: Image.Image) -> Image.Image:
    """The commonest colors as they are, and rare ones far from each other: a pen's red stays red."""
    counts = picture.getcolors(picture.width * picture.height) or []
    common = [color for _, color in sorted(counts, reverse=True)[:NUM_COMMON]]
    rare = picture.quantize(NUM_RARE, method=Image.Quantize.MAXCOVERAGE, kmeans=1).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*itertools.chain(*common), *(rare or [])])
    return palette


if __name__ == "__main__":
    main()
