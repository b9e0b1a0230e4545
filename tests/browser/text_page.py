"""The app with its Text tab in a process of its own, and what a person does on it."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser.component_app import ROOT

STOP_S = 60
DRAWN_MS = 300_000  # a sketch of the shipped model takes 12 s alone, minutes beside other work

DROP = """([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data });
        document.querySelector("h1").dispatchEvent(event);
    }
}"""


@contextlib.contextmanager
def text_app(folder: Path, *, model: str) -> Iterator[str]:
    """The owner's address of an app whose outputs go to `folder`/out."""
    command = [sys.executable, "-m", "videosketcher_app", "app", "--no-browser", "--model", model]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
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
            assert address is not None, "the app did not start"
            yield address
        finally:
            process.terminate()
            process.wait(STOP_S)


class Desk:
    """A page with the Text tab open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.concept = page.locator("#concept :is(textarea, input)").first
        self.status = page.locator("#status")
        self.concept.wait_for()
        page.locator("#player .player").wait_for()

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, element: str) -> Any:
        return self.page.locator(f"#{element} :is(textarea, input)").first

    def told(self, words: str, *, timeout_ms: float = DRAWN_MS) -> None:
        """Waits until the status says something."""
        self.status.get_by_text(words).wait_for(timeout=timeout_ms)

    def draw(self, concept: str) -> None:
        """Draws a concept to its end."""
        self.concept.fill(concept)
        # What the sketch before it said is no news of this one.
        self.page.evaluate("document.querySelector('#status .vs-status').dataset.old = 'yes'")
        self.button("Draw").click()
        self.status.locator(".vs-status:not([data-old])", has_text="Done in").wait_for(
            timeout=DRAWN_MS
        )
        self.finished()

    def finished(self) -> None:
        self.told("Done in")
        self.page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")

    def open_settings(self) -> None:
        self.page.locator("#settings .label-wrap").first.click()
        self.field("steps").wait_for()

    def parts(self) -> list[str]:
        """Names of the plan's parts, in the editor's order."""
        return [box.input_value() for box in self.page.locator("#plan .pe-name").all()]

    def drop(self, path: Path) -> None:
        """Drops a file on the window."""
        text = base64.b64encode(path.read_bytes()).decode()
        self.page.evaluate(DROP, [path.name, text])

    def top_of(self, selector: str) -> float:
        """Where an element stands on the page, in pixels from the page's top."""
        return self.page.evaluate(
            "(s) => document.querySelector(s).getBoundingClientRect().y + scrollY", selector
        )
