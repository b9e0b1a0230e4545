"""The app with a catalogue of small models whose hub is on this machine, and its Models tab."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.browser.component_app import component_app
from tests.storage.local_hub import Exchange, LocalHub, content_of, serving, sha256
from videosketcher_app.services.planner.qwen import MODEL as PLANNER

HALF_BYTES = 100_000
FILES = {
    "words.safetensors": content_of(1, 2 * HALF_BYTES),
    "eyes.safetensors": content_of(2, 3000),
    "found.safetensors": content_of(3, 5000),
    "config.json": b'{"model_type": "qwen2"}',
}

# The catalogue is exchanged before anybody has read it; everything else is the app as it starts.
_APP = """
import os
from pathlib import Path
from videosketcher_app.models import model_rows
model_rows.CATALOGUE_FILE = Path({catalogue!r})
from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.app import build_app
settings = load_settings(
    workspace={home!r}, output_dir={out!r}, device="cpu", hf_endpoint={hub!r}, offline=False,
)
blocks = build_app(build(settings), Role.OWNER, model="tiny")
"""


def catalogue() -> dict[str, Any]:
    """A few rows as models.yaml has them."""

    def row(kind: str, about: str, *files: str, **more: Any) -> dict[str, Any]:
        facts = {name: {"bytes": len(FILES[name]), "sha256": sha256(FILES[name])} for name in files}
        source = {"hub": "huggingface", "repo": "someone/sketches", "revision": "main"}
        return {
            "kind": kind,
            "family": "wan",
            "about": about,
            "licence": "MIT",
            "sources": [source],
            "files": facts,
            **more,
        }

    tiny = {"family": "tiny", "summary": "random weights of a few kilobytes, for tests"}
    return {
        "models": {
            "tiny": tiny,
            "words": row("part", "reads words", "words.safetensors", needs=["eyes"]),
            "eyes": row("part", "reads pictures", "eyes.safetensors"),
            "found": row("part", "lies elsewhere", "found.safetensors"),
            PLANNER: row("planner", "plans what is drawn", "config.json"),
        }
    }


class SlowHub:
    """A hub that stops in the middle of the large file until somebody lets it go on."""

    def __init__(self, hub: LocalHub) -> None:
        self.url = hub.url
        self.may_go_on = threading.Event()
        hub.always["bytes"] = self._answer

    def _answer(self, exchange: Exchange) -> None:
        if len(exchange.data) != 2 * HALF_BYTES or self.may_go_on.is_set():
            exchange.honest()
            return
        exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": len(exchange.data)})
        exchange.send(exchange.data[:HALF_BYTES])
        while not (self.may_go_on.is_set() or exchange.pause(0.05)):
            pass  # until somebody lets it go on, or the hub stops


@contextlib.contextmanager
def models_app(folder: Path) -> Iterator[tuple[str, SlowHub]]:
    """The owner's address of an app in `folder`, and its hub."""
    place = folder / "pretrained" / "someone" / "sketches"  # where the reference keeps weights
    place.mkdir(parents=True)
    (place / "found.safetensors").write_bytes(FILES["found.safetensors"])
    rows = folder / "models.yaml"
    rows.write_text(yaml.safe_dump(catalogue()), "utf-8")
    with serving(FILES) as hub:
        slow = SlowHub(hub)
        code = _APP.format(
            catalogue=str(rows),
            home=str(folder / "home"),
            out=str(folder / "out"),
            hub=hub.url,
        )
        with component_app(code, folder) as address:
            yield address, slow


class ModelsDesk:
    """A page with the Models tab open."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.get_by_role("tab", name="Models").click()
        self.cards = page.locator("#model-cards")
        self.memory = page.locator("#model-memory")
        self.cards.locator(".ms-card").first.wait_for()
        self.memory.locator(".mm-place").first.wait_for()

    def card(self, name: str) -> Any:
        return self.cards.locator(f'[data-model="{name}"]')

    def press(self, name: str, act: str) -> None:
        """Presses a button of a card, once it is offered."""
        self.card(name).locator(f"[data-do={act}]").click()

    def state(self, name: str, words: str) -> None:
        """Waits until a card says that it is in a state."""
        self.card(name).locator(".ms-state").get_by_text(words, exact=True).wait_for()

    def told(self, name: str, words: str) -> None:
        """Waits until a card says something."""
        self.card(name).locator(".ms-told", has_text=words).wait_for()

    def shown(self) -> set[str]:
        """Names of the cards that the filter leaves."""
        cards = self.cards.locator(".ms-card:not([hidden])")
        return {card.get_attribute("data-model") for card in cards.all()}
