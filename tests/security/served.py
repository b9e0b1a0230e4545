"""A real app with both doors on free ports, and plain HTTP clients for them."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.launch import LaunchOptions
from videosketcher_app.ui.serving import Serving

LOGIN = ("guest", "correct horse")
API = "/gradio_api"
PATIENCE_S = 180.0  # a slow machine is no fault


class Client(httpx.Client):
    """A client that may have been used before it is entered; the app's end closes it."""

    def __enter__(self) -> Client:
        return self


class Served:
    """An open app: its services, its doors, and who visits it."""

    def __init__(self, services: Services, serving: Serving, said: list[str]) -> None:
        self.services = services
        self.serving = serving
        self.said = said
        self._clients: list[Client] = []

    @property
    def owner_base(self) -> str:
        return f"http://127.0.0.1:{self.serving.owner_port}"

    @property
    def guest_base(self) -> str:
        return f"http://127.0.0.1:{self.serving.guest_port}"

    def stranger(self, base: str, **options: Any) -> Client:
        client = Client(base_url=base, timeout=PATIENCE_S, **options)
        self._clients.append(client)
        return client

    def hang_up(self) -> None:
        for client in self._clients:
            client.close()

    def owner(self) -> Client:
        client = self.stranger(self.owner_base)
        assert client.get(self.serving.owner_url).status_code == 303
        return client

    def guest(self) -> Visitor:
        return entered(self.stranger(self.guest_base))


def entered(client: httpx.Client) -> Visitor:
    """A guest's page, opened with the login."""
    answer = client.post("/login", data={"username": LOGIN[0], "password": LOGIN[1]})
    assert answer.status_code == 303, answer.text
    return Visitor(client)


class Visitor:
    """One page of one guest, speaking as Gradio's page does."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.page = secrets.token_hex(6)
        self.config = client.get("/config").json()

    def draw_call(self, concept: str, seed: int) -> dict[str, Any]:
        """The message that the page sends when somebody presses Draw."""
        parts = {part["id"]: part for part in self.config["components"]}
        call = next(
            call
            for call in self.config["dependencies"]
            if any(
                parts[target]["props"].get("elem_id") == "draw" and event == "click"
                for target, event in call["targets"]
                if target in parts
            )
        )
        data = [_value(parts[part], concept, seed) for part in call["inputs"]]
        return self.message(call["id"], data)

    def message(self, index: int, data: list[Any]) -> dict[str, Any]:
        return {"data": data, "fn_index": index, "session_hash": self.page, "event_data": None}

    def join(self, message: dict[str, Any]) -> httpx.Response:
        return self.client.post(f"{API}/queue/join", json=message)

    def events(self) -> Iterator[dict[str, Any]]:
        """What the page hears until nothing more is to come."""
        with self.client.stream(
            "GET", f"{API}/queue/data", params={"session_hash": self.page}
        ) as stream:
            assert stream.status_code == 200, stream.read()
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def draw(self, concept: str, seed: int) -> list[str]:
        """Draws and returns the paths of every file that the page was given."""
        answer = self.join(self.draw_call(concept, seed))
        assert answer.status_code == 200, answer.text
        return paths_in(list(self.events()))

    def read(self, path: str) -> httpx.Response:
        return self.client.get(f"{API}/file={path}")


def paths_in(value: Any) -> list[str]:
    """Every file of a message, in order, once: Gradio's "path", the player's "video"."""
    found: dict[str, None] = {}
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            return paths_in(json.loads(value))
    if isinstance(value, dict):
        for key in ("path", "video"):
            if isinstance(value.get(key), str):
                found[value[key]] = None
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            found.update(dict.fromkeys(paths_in(inner)))
    return list(found)


def _value(part: dict[str, Any], concept: str, seed: int) -> Any:
    props = part["props"]
    if props.get("elem_id") == "concept":
        return concept
    if str(props.get("label", "")).lower() == "seed" or props.get("elem_id") == "seed":
        return seed
    if props.get("elem_id") == "seed-lock":
        return True  # else the page takes a new seed
    return props.get("value")


@contextmanager
def served(folder: Path, *, guests: bool = True, **options: Any) -> Iterator[Served]:
    """Both doors, or the owner's alone, with the tiny model; everything below `folder`."""
    clock = options.pop("clock", time.monotonic)
    settings = load_settings(
        workspace=folder / "home",
        output_dir=folder / "out",
        device="cpu",
        host="0.0.0.0" if guests else "127.0.0.1",
        **options.pop("settings", {}),
    )
    said: list[str] = []
    launch = LaunchOptions(login=LOGIN, model="tiny", keep_free_bytes=0, **options)
    with (
        build(settings) as services,
        Serving(services, launch, clock=clock, say=said.append) as serving,
    ):
        app = Served(services, serving, said)
        try:
            yield app
        finally:
            app.hang_up()


def token_of(url: str) -> str:
    match = re.search(r"token=([\w-]+)", url)
    assert match is not None
    return match[1]


def wait_until(condition: Any, *, timeout_s: float = PATIENCE_S) -> float:
    """Seconds until the condition held."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        threading.Event().wait(0.01)
    return time.monotonic() - begun
