"""Both doors of one book, each with its guard, before an app that keeps what reached it."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.security.asgi import ask, run, scope_of
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.doors import GuestDoor, OwnerDoor
from videosketcher_app.ui.guard import Guard

API = "/gradio_api"
JOIN, UPLOAD = f"{API}/queue/join", f"{API}/upload"
LOGIN = ("guest", "open sesame")
MULTIPART = {"content-type": "multipart/form-data; boundary=frontier"}


class Behind:
    """The app behind the guard: keeps what reached it and answers as told."""

    def __init__(self):
        self.scopes, self.bodies = [], []
        self.answer = [b"{}"]
        self.hold = None

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        if self.hold is not None:
            await self.hold.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in self.answer:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Hall:
    """Both doors of one book, each with a guard before the same app."""

    def __init__(self, folder, **limits):
        self.now, self.free = 0.0, 10**12
        self.workspace = Workspace(folder)
        self.book = GuestBook(
            self.workspace,
            limits=replace(LIMITS[Role.GUEST], **limits),
            clock=lambda: self.now,
            free_bytes=lambda _: self.free,
            free_floor_bytes=1000,
        )
        self.behind = Behind()
        self.spool = folder / "spool"
        self.owner_door = OwnerDoor(clock=lambda: self.now)
        self.guest_door = GuestDoor(book=self.book, login=LOGIN, clock=lambda: self.now)
        self.owner_guard = self.guard(self.owner_door)
        self.guest_guard = self.guard(self.guest_door)

    def guard(self, door):
        return Guard(self.behind, door, self.book, spool=self.spool, upload_timeout_s=30)

    def owner(self, path, body=b"", *, kind="http", method="", **headers):
        cookie = f"{self.owner_door.cookie}={self.owner_door.new_cookie()}"
        return self.ask(self.owner_guard, path, body, cookie, kind, method, headers)

    def guest(self, secret, path, body=b"", *, kind="http", method="", **headers):
        cookie = f"{self.guest_door.cookie}={secret}"
        return self.ask(self.guest_guard, path, body, cookie, kind, method, headers)

    def ask(self, guard, path, body, cookie, kind, method, headers):
        pieces = [(0.0, body)] if isinstance(body, bytes) and body else list(body)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        scope = scope_of(
            path,
            method=method or ("POST" if body else "GET"),
            headers={"cookie": cookie, **headers},
            kind=kind,
        )
        return ask(guard, scope, pieces)

    def log_in(self, password=LOGIN[1], peer="10.0.0.1"):
        body = f"username={LOGIN[0]}&password={password}".encode()
        return run(
            self.ask(self.guest_guard, "/login", body, "", "http", "", {"x_forwarded_for": peer})
        )

    def enter(self):
        secret, guest = self.book.admit()
        return secret, guest


def call(page="page", **more):
    return json.dumps({"data": [], "fn_index": 0, "session_hash": page, **more}).encode()
