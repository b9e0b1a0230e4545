"""A page's line without a browser: says what pages say, and hears what they hear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.security.served import Served
from videosketcher_app.ui.codraw.tiles import HEADER

PATIENCE_S = 180.0
DRAWN_S = 240.0


class Wire:
    """One open line."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any] | bytes] = []

    def say(self, kind: str, **values: Any) -> None:
        self.socket.send(json.dumps({"kind": kind, **values}))

    def next(self, timeout_s: float = PATIENCE_S) -> dict[str, Any] | bytes:
        item = self.socket.recv(timeout=timeout_s)
        found = item if isinstance(item, bytes) else json.loads(item)
        self.heard.append(found)
        return found

    def hear(self, *kinds: str, timeout_s: float = DRAWN_S) -> dict[str, Any]:
        """The next message of one of these kinds."""
        while True:
            item = self.next(timeout_s)
            if isinstance(item, dict) and item["kind"] in kinds:
                return item

    def start(self, session: str | None = None, **values: Any) -> str:
        """Opens a session, or takes one up; returns its id."""
        self.say("start", session=session, seed=7, **values)
        answer = self.hear("session", "error")
        assert answer["kind"] == "session", answer
        return answer["session"]

    def stroke(self, number: int, *places: tuple[float, float], **values: Any) -> None:
        points = [[x, y, number * 10 + 0.03 * i, 1.0] for i, (x, y) in enumerate(places)]
        self.say("pts", stroke=number, points=points, end=True, **values)
        self.hear("got")

    def turn(self, **how: Any) -> list[dict[str, Any] | bytes]:
        """Lets the model have one turn; everything that was told of it, in order."""
        before = len(self.heard)
        self.say("go", **how)
        return self.rest_of_turn(before)

    def rest_of_turn(self, before: int) -> list[dict[str, Any] | bytes]:
        """Shows frame after frame until the turn has ended."""
        while True:
            item = self.next(DRAWN_S)
            if isinstance(item, bytes):
                _, turn, frame, _, _ = HEADER.unpack_from(item)
                self.say("shown", turn=turn, frame=frame)
            elif item["kind"] in ("ended", "failed", "error"):
                return self.heard[before:]

    def closed(self) -> int | None:
        """The code with which the line ended; waits for it."""
        try:
            while True:
                self.next()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd is not None else None


def address_of(base: str) -> str:
    return base.replace("http", "ws") + "/codraw/ws"


def cookies_of(client: Any) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


@contextmanager
def line(base: str, client: Any, **headers: str) -> Iterator[Wire]:
    """The line of somebody who has come through a door."""
    given = {"Origin": base, "Cookie": cookies_of(client), **headers}
    origin = given.pop("Origin")
    with connect(
        address_of(base), origin=origin, additional_headers=given, max_size=None
    ) as socket:
        yield Wire(socket)


@contextmanager
def owner_line(app: Served) -> Iterator[Wire]:
    with app.owner() as owner, line(app.owner_base, owner) as wire:
        yield wire


def frames_of(items: list[dict[str, Any] | bytes]) -> list[int]:
    """Indices of the frames in what was heard."""
    return [HEADER.unpack_from(item)[2] for item in items if isinstance(item, bytes)]
