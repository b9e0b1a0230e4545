"""The co-drawing line alone, without a model: from a stroke to the painted answer.

    python -m benchmarks.codraw_transport [--turns 40] [--chromium PATH]

One JSON line: milliseconds from pen up to the first painted frame of the answer (median and 95th
percentile), frames a second painted, and bytes a frame against JPEG frames of the same drawing.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.codraw_scripted import ScriptedService, ScriptedSession
from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.services.codraw.events import FrameDrawn
from videosketcher_app.ui.codraw import tiles

WIDTH, HEIGHT = 832, 480
TURN_FRAMES = 24
LONG_TURN_FRAMES = 480
JPEG_QUALITY = 85
PATIENCE_MS = 120_000

FIND = (
    """window.desk = () => [...document.querySelectorAll("*")].find((one) => one.codraw)?.codraw"""
)
# One stroke, then Continue; resolves with the milliseconds until its answer is on the screen.
ANSWER = """async (number) => {
    const it = desk();
    const y = 20 + (number % 20) * 10;
    const at = (x) => ({ x, y, time: performance.now(), pressure: 1 });
    it.hand.begin(at(20), { erase: false });
    for (let x = 25; x < 120; x += 5) it.hand.add(at(x));
    const begun = performance.now();
    it.hand.finish();
    it.go();
    const moment = () => new Promise((resolve) => requestAnimationFrame(resolve));
    while (!(it.hearing.turn?.shown >= 0)) await moment();
    return performance.now() - begun;
}"""
# A long turn; resolves with frames shown and screens painted a second.
RATE = """async () => {
    const it = desk();
    it.go();
    const moment = () => new Promise((resolve) => requestAnimationFrame(resolve));
    while (!(it.hearing.turn?.shown >= 0)) await moment();
    const begun = performance.now();
    const [painted, shown] = [it.numPainted, it.hearing.turn.shown];
    let last = shown;
    while (it.hearing.turn) {
        last = it.hearing.turn.shown;
        await moment();
    }
    const seconds = (performance.now() - begun) / 1000;
    return { frames: (last - shown) / seconds, painted: (it.numPainted - painted) / seconds };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    options = parser.parse_args()
    service = ScriptedService(num_frames=TURN_FRAMES)
    with _page_served(service) as address:
        measured = _measure(address, options.chromium, options.turns, service)
    print(json.dumps({"benchmark": "codraw_transport", **measured, **_bytes_a_frame()}))


def _measure(address: str, chromium: str, turns: int, service: ScriptedService) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.wait_for_selector(".codraw")
        page.evaluate(FIND)
        page.wait_for_function("desk().isWelcome")
        _forget_drawing(page)
        waits_ms = []
        for number in range(turns + 3):
            waits_ms.append(page.evaluate(ANSWER, number))
            page.wait_for_function("!desk().hearing.turn && desk().isReady")
            _forget_drawing(page)
        service.options["num_frames"] = LONG_TURN_FRAMES
        _forget_drawing(page)
        rate = page.evaluate(RATE)
        browser.close()
    waits_ms = sorted(waits_ms[3:])  # the first ones compile scripts
    return {
        "answer_ms_median": round(statistics.median(waits_ms), 1),
        "answer_ms_p95": round(float(np.percentile(waits_ms, 95)), 1),
        "turns": turns,
        "frames_a_second": round(rate["frames"], 1),
        "screens_painted_a_second": round(rate["painted"], 1),
    }


def _forget_drawing(page: Any) -> None:
    """Growing drawings take longer to draw, so every turn begins on blank paper."""
    page.evaluate("desk().startNew()")
    page.wait_for_function("desk().isReady && desk().story.isBlank")


def _bytes_a_frame() -> dict[str, Any]:
    session = ScriptedSession(
        "",
        CoDrawRequest(model="tiny", width=WIDTH, height=HEIGHT),
        num_frames=TURN_FRAMES,
        block_s=0,
    )
    before, tile_bytes, jpeg_bytes = session.picture(), [], []
    for event in session.generate():
        if isinstance(event, FrameDrawn):
            tile_bytes.append(len(tiles.ink_tile(1, event.index, before, event.frame_HW3)))
            buffer = io.BytesIO()
            Image.fromarray(event.frame_HW3).save(buffer, "JPEG", quality=JPEG_QUALITY)
            jpeg_bytes.append(buffer.tell())
            before = event.frame_HW3
    tile, jpeg = statistics.mean(tile_bytes), statistics.mean(jpeg_bytes)
    return {
        "canvas": f"{WIDTH}x{HEIGHT}",
        "tile_bytes_a_frame": round(tile),
        "jpeg_bytes_a_frame": round(jpeg),
        "tile_share_of_jpeg": round(tile / jpeg, 4),
    }


@contextmanager
def _page_served(service: ScriptedService) -> Iterator[str]:
    """A page with the paper and its line, served on a thread."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp()
    import fastapi
    import gradio as gr
    import uvicorn

    from videosketcher_app.ui.codraw.routes import Lines
    from videosketcher_app.ui.codraw.tables import Tables
    from videosketcher_app.ui.components.codraw_canvas import CodrawCanvas
    from videosketcher_app.ui.doors import GUEST_SCOPE
    from videosketcher_app.ui.server import free_socket
    from videosketcher_app.ui.theme import theme

    tables = Tables(service, Role.OWNER, model="tiny")
    with gr.Blocks() as blocks:
        CodrawCanvas()
    routes = fastapi.FastAPI(routes=Lines(tables, Role.OWNER).routes())
    app = gr.mount_gradio_app(routes, blocks, path="/", theme=theme(), ssr_mode=False)

    async def as_owner(scope: Any, receive: Any, send: Any) -> None:
        scope[GUEST_SCOPE] = None
        await app(scope, receive, send)

    listener = free_socket("127.0.0.1", 7900, only=False)
    server = uvicorn.Server(uvicorn.Config(as_owner, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        tables.close()


if __name__ == "__main__":
    main()
