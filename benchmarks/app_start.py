"""`python -m benchmarks.app_start`: from the start of the app to a page that can be used.

On the clock and in processor time (user and system, of the app alone): the clock counts, processor
time can be compared on a machine that is busy with other things.

Each run starts the real command in a process of its own with a workspace of its own, opens the
owner's address in Chromium, and ends when the concept box takes words and "Draw" can be pressed.
The first run warms the disk's cache and does not count. One JSON object on one line.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import machine, spread

ROOT = Path(__file__).resolve().parents[1]
WORDS = "a cat"
PATIENCE_MS = 60_000
USABLE = """() => {
    const box = document.querySelector("#concept :is(textarea, input)");
    const draw = document.querySelector("#draw");
    return Boolean(box && draw && !box.disabled && !draw.disabled);
}"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds of one start until the address was printed, and until the page was usable.

    Attributes:
        processor_address, processor_usable: processor time; once the page is up, torch is loaded
            behind it, which the latter contains in part.
    """

    address: float
    usable: float
    processor_address: float
    processor_usable: float
    external_requests: int
    torch_at_address: bool


def measure(*, runs: int, chromium: str) -> dict[str, Any]:
    """The figures of `runs` starts after one that warms up."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        starts = [_start(browser) for _ in range(runs + 1)][1:]
        browser.close()
    return {
        "benchmark": "app_start",
        "runs": runs,
        "seconds_to_usable_page": spread([start.usable for start in starts]),
        "seconds_to_address": spread([start.address for start in starts]),
        "processor_seconds_to_address": spread([start.processor_address for start in starts]),
        "processor_seconds_to_usable_page": spread([start.processor_usable for start in starts]),
        "external_requests": max(start.external_requests for start in starts),
        "torch_loaded_at_address": any(start.torch_at_address for start in starts),
        "machine": machine(),
    }


def _start(browser: Any) -> Start:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "videosketcher_app", "app", "--no-browser"]
        begun = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--output-dir", f"{folder}/out"],
            cwd=folder,
            env=_environment(Path(folder)),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                return _opened(process, browser, begun)
            finally:
                process.terminate()
                process.wait(30)


def _opened(process: subprocess.Popen[str], browser: Any, begun: float) -> Start:
    assert process.stdout is not None
    found = (re.search(r"http://127\S+token=\S+", line) for line in process.stdout)
    url = next(match[0] for match in found if match)
    address, processor_address = time.monotonic() - begun, _processor_seconds(process.pid)
    torch_at_address = _has_torch(process.pid)
    foreign: list[str] = []
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("request", lambda asked: _note_foreign(asked.url, foreign))
    page.goto(url, wait_until="commit")
    page.wait_for_function(USABLE)
    page.locator("#concept :is(textarea, input)").first.fill(WORDS)
    usable = time.monotonic() - begun
    processor_usable = _processor_seconds(process.pid)
    page.context.close()
    return Start(
        address=address,
        usable=usable,
        processor_address=processor_address,
        processor_usable=processor_usable,
        external_requests=len(foreign),
        torch_at_address=torch_at_address,
    )


def _processor_seconds(pid: int) -> float:
    """Of a process until now, user and system, without its children."""
    used = psutil.Process(pid).cpu_times()
    return used.user + used.system


def _note_foreign(url: str, foreign: list[str]) -> None:
    if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
        foreign.append(url)


def _has_torch(pid: int) -> bool:
    """True if the process has torch's library in its memory."""
    maps = (entry.path for entry in psutil.Process(pid).memory_maps())
    return any("libtorch" in path for path in maps)


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "VIDEOSKETCHER_WORKSPACE": str(folder / "home"),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    print(json.dumps(measure(runs=arguments.runs, chromium=arguments.chromium)))


if __name__ == "__main__":
    main()
