"""The guard alone: raw requests, no Gradio, no server, and a time that jumps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from tests.security.asgi import HOST, ask, run, scope_of
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.doors import GUEST_SCOPE, GuestDoor, OwnerDoor
from videosketcher_app.ui.guard import STATUS_PATH, Guard
from videosketcher_app.ui.unheard import MOST_QUESTIONS, PATIENCE_S

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


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path)


def call(page="page", **more):
    return json.dumps({"data": [], "fn_index": 0, "session_hash": page, **more}).encode()


# The order of the questions


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (HOST, 200),
        ("LOCALHOST", 200),
        ("[::1]:1", 200),
        ("127.0.0.1:80@evil.example", 403),
        ("127.0.0.1, evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("[::1]evil.example", 403),
        ("192.168.1.5:7860", 403),
        ("", 403),
    ],
)
def test_only_names_of_the_door_are_answered(hall, host, status):
    assert run(hall.owner("/config", host=host)).status == status
    assert bool(hall.behind.scopes) == (status == 200)


def test_an_address_is_a_name_where_every_address_leads_here(hall):
    hall.guest_door.any_address = True
    secret, _ = hall.enter()
    assert run(hall.guest(secret, "/config", host="192.168.1.5:7860")).status == 200
    assert run(hall.guest(secret, "/config", host="192.168.1.5.evil.example")).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": f"https://{HOST}"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": f"file://{HOST}"}, 403),
        ({"origin": "http://127.0.0.1:7861"}, 403),
        ({"origin": "http://evil.example", "sec_fetch_site": "same-origin"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
    ],
)
def test_only_our_own_pages_change_anything_and_no_byte_of_others_is_read(hall, headers, status):
    reply = run(hall.owner(JOIN, call(), **headers))
    assert reply.status == status
    assert bool(reply.read_bytes) == (status == 200)


def test_reading_needs_no_origin(hall):
    assert run(hall.owner("/config", origin="http://evil.example")).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_do_not_exist(hall, method):
    assert run(hall.owner("/config", method=method)).status == 405
    assert not hall.behind.scopes


@pytest.mark.parametrize(
    "path",
    ["/docs", "/openapi.json", f"{API}/call/draw", f"{API}/proxy=x", "/monitoring", "/configs",
     f"{API}/stream/x", f"{API}/queue/status", "/login", "//config", "/config/x"],
)  # fmt: skip
def test_routes_that_nobody_wrote_down_do_not_exist(hall, path):
    assert run(hall.owner(path)).status == 404
    assert run(hall.owner(path, call())).status == 404
    assert not hall.behind.scopes


def test_the_cookie_decides_and_nothing_else(hall):
    door = hall.owner_door
    for cookie in ("", f"{door.cookie}=", f"{door.cookie}={door.token}", f"x={door.new_cookie()}"):
        scope = scope_of("/config", headers={"cookie": cookie})
        assert run(ask(hall.owner_guard, scope)).status == 401
        reply = run(ask(hall.owner_guard, {**scope, "method": "POST", "path": JOIN}, [(0, call())]))
        assert (reply.status, reply.read_bytes) == (401, 0)
    assert run(hall.guest(door.new_cookie(), "/config")).status == 401
    assert not hall.behind.scopes


def test_the_key_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(hall):
    door = hall.owner_door
    reply = run(ask(hall.owner_guard, scope_of(f"/?token={door.token}&a=1&a=2")))
    assert (reply.status, reply.headers["location"]) == (303, "/?a=1&a=2")
    assert door.token not in reply.headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in reply.headers["set-cookie"]
    assert "Secure" not in reply.headers["set-cookie"]
    again = scope_of(f"/?token={door.token}", headers={"x-forwarded-proto": "https"})
    assert "Secure" in run(ask(hall.owner_guard, again)).headers["set-cookie"]


def test_five_wrong_keys_a_minute(hall):
    def status(key):
        return run(ask(hall.owner_guard, scope_of(f"/?token={key}"))).status

    assert [status("wrong") for _ in range(7)] == [401] * 5 + [429] * 2
    assert status(hall.owner_door.token) == 429
    hall.now = 60.0
    assert status(hall.owner_door.token) == 303


def test_five_wrong_passwords_of_one_and_thirty_of_all(hall):
    assert [hall.log_in("wrong").status for _ in range(6)] == [401] * 5 + [429]
    assert hall.log_in(peer="10.0.0.2").status == 303
    assert [hall.log_in("wrong", f"10.1.0.{n}").status for n in range(26)] == [401] * 25 + [429]
    assert hall.log_in(peer="10.0.0.3").status == 429
    hall.now = 60.0
    assert hall.log_in().status == 303


def test_a_login_is_short(hall):
    body = b"username=guest&password=" + b"x" * 5000
    reply = run(hall.ask(hall.guest_guard, "/login", body, "", "http", "", {}))
    assert reply.status == 413
    assert hall.guest_door.attempts.locked("127.0.0.1") is False


def test_seats_are_counted(tmp_path):
    hall = Hall(tmp_path, sessions=2)
    assert [hall.log_in().status for _ in range(3)] == [303, 303, 503]
    hall.now = 3601.0
    assert hall.log_in().status == 303


def test_a_door_closes_by_itself(hall):
    secret, _ = hall.enter()
    hall.now = 8 * 3600.0
    reply = run(hall.guest(secret, JOIN, call()))
    assert (reply.status, reply.read_bytes) == (410, 0)
    assert hall.log_in().status == 410
    hall.behind.scopes.clear()
    assert run(hall.owner("/config")).status == 200


def test_who_is_here_is_told_to_the_app_by_the_guard_alone(hall):
    secret, guest = hall.enter()
    run(hall.guest(secret, "/config"))
    run(hall.owner("/config"))
    assert [scope[GUEST_SCOPE] for scope in hall.behind.scopes] == [guest, None]


def test_a_status_without_the_app(hall):
    secret, _ = hall.enter()
    assert run(hall.guest(secret, STATUS_PATH)).body == b"{}"
    assert run(ask(hall.guest_guard, scope_of(STATUS_PATH))).status == 401
    assert not hall.behind.scopes


# Sockets


@pytest.mark.parametrize(
    ("origin", "host", "accepted"),
    [
        (f"http://{HOST}", HOST, True),
        (None, HOST, False),
        ("http://evil.example", HOST, False),
        ("http://evil.example", "evil.example", False),
        ("null", HOST, False),
    ],
)
def test_a_socket_needs_our_name_our_page_a_cookie_and_a_route(hall, origin, host, accepted):
    hall.guest_door.routes = ("/videosketcher/draw",)
    secret, _ = hall.enter()
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})

    def first(secret, path="/videosketcher/draw/1"):
        return run(hall.guest(secret, path, kind="websocket", **headers)).messages[0]["type"]

    assert first(secret) == ("websocket.accept" if accepted else "websocket.close")
    assert first("somebody") == "websocket.close"
    assert first(secret, "/elsewhere") == "websocket.close"


def test_a_socket_keeps_the_visit_from_ending(hall):
    hall.guest_door.routes = ("/draw",)
    secret, guest = hall.enter()
    seen = []

    async def behind(scope, receive, send):
        seen.append(guest.open_requests)

    guard = Guard(behind, hall.guest_door, hall.book, spool=hall.spool)
    run(
        hall.ask(
            guard, "/draw", b"", f"{hall.guest_door.cookie}={secret}", "websocket", "",
            {"origin": f"http://{HOST}"},
        )
    )  # fmt: skip
    assert seen == [1]
    assert guest.open_requests == 0


# Bodies


def test_a_body_arrives_whole_and_nothing_stays(hall):
    body = call() + b" " * 3_000_000
    pieces = [(1.0, body[at : at + 100_000]) for at in range(0, len(body), 100_000)]
    assert run(hall.owner(JOIN, pieces)).status == 200
    assert hall.behind.bodies == [body]
    assert list(hall.spool.iterdir()) == []


def test_a_body_that_stands_still_is_given_up_after_thirty_seconds(hall):
    async def timed():
        begun = asyncio.get_running_loop().time()
        reply = await hall.owner(JOIN, [(0, b"{"), (1000, b"}")])
        return reply, asyncio.get_running_loop().time() - begun

    reply, seconds = run(timed())
    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert 30 <= seconds < 31
    assert not hall.behind.scopes


def test_a_body_that_drips_is_given_up_and_one_that_flows_is_not(hall):
    drip = [(5.0, b"x" * 10) for _ in range(100)]
    assert run(hall.owner(JOIN, drip)).status == 408
    flow = [(1.0, b" " * 100_000) for _ in range(100)]  # 100 s at twice the slowest speed
    assert run(hall.owner(JOIN, flow)).status == 200


def test_a_body_is_stopped_where_it_becomes_too_long(hall):
    secret, _ = hall.enter()
    limit = hall.book.limits.message_bytes
    pieces = [(0, b"x" * (limit // 4)) for _ in range(40)]
    reply = run(hall.guest(secret, JOIN, pieces))
    assert reply.status == 413
    assert reply.read_bytes <= limit + limit // 4
    declared = run(hall.guest(secret, JOIN, call(), content_length=str(limit + 1)))
    assert (declared.status, declared.read_bytes) == (413, 0)
    assert not hall.behind.scopes


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 5000, "5, 5", " 5"])
def test_a_length_that_is_none_is_refused(hall, length):
    assert run(hall.owner(JOIN, call(), content_length=length)).status == 413
    assert run(hall.owner(UPLOAD, b"x", content_length=length, **MULTIPART)).status == 413


def test_parts_of_an_upload_are_counted_wherever_the_pieces_are_cut(hall):
    secret, _ = hall.enter()
    most = hall.book.limits.request_files
    headers = {"content_type": MULTIPART["content-type"]}
    for count, status in [(most, 200), (most + 1, 413)]:
        body = b"--frontier\r\n\r\nx\r\n" * count + b"--frontier--\r\n"
        for size in (1, 7, 1000):
            pieces = [(0, body[at : at + size]) for at in range(0, len(body), size)]
            assert run(hall.guest(secret, UPLOAD, pieces, **headers)).status == status


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; xboundary=other; boundary=frontier",
        "multipart/form-data; Boundary=frontier",
        "multipart/form-data; boundary=frontier; boundary=other",
        "multipart/form-data",
        "multipart/form-data; boundary*=utf-8''frontier",
        "Multipart/Form-Data; boundary=frontier",
    ],
)
def test_a_boundary_that_could_be_read_in_two_ways_is_refused(hall, kind):
    secret, _ = hall.enter()
    assert run(hall.guest(secret, UPLOAD, b"--frontier--", content_type=kind)).status == 400
    assert not hall.behind.scopes


def test_a_message_is_checked_whatever_it_says_it_is(hall):
    secret, _ = hall.enter()
    hall.enter()[1].pages["theirs"] = None
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        reply = run(hall.guest(secret, JOIN, call("theirs"), content_type=kind))
        assert reply.status == 403, kind
    assert not hall.behind.scopes


@pytest.mark.parametrize(
    "body",
    [b"[]", b"1", b'"x"', b"{", b"\xff", b"{}", b'{"session_hash": 1}', b"[" * 100_000,
     b'{"session_hash": "x", "data": ' + b"[" * 60 + b"]" * 60 + b"}"],
)  # fmt: skip
def test_messages_that_are_none_are_refused(hall, body):
    secret, _ = hall.enter()
    assert run(hall.guest(secret, JOIN, body)).status == 400
    assert not hall.behind.scopes


def test_who_goes_away_in_the_middle_leaves_nothing(hall):
    secret, guest = hall.enter()

    async def go():
        sent = [{"type": "http.request", "body": b"x" * 2_000_000, "more_body": True},
                {"type": "http.disconnect"}]  # fmt: skip
        answers = []

        async def receive():
            return sent.pop(0)

        async def send(message):
            answers.append(message)

        cookie = {"cookie": f"{hall.guest_door.cookie}={secret}", **MULTIPART}
        await hall.guest_guard(scope_of(UPLOAD, method="POST", headers=cookie), receive, send)
        return answers

    assert run(go()) == []
    assert guest.incoming_bytes == 0
    assert guest.open_requests == 0
    assert hall.guest_guard.desk.num_busy == 0
    assert list(hall.spool.iterdir()) == []


# Uploads: places and room


def slow(num_bytes):
    """Comes whole, but late: after 20 s."""
    return [(0, b"x"), (20, b"x" * (num_bytes - 1))]


def test_two_uploads_of_one_and_eight_of_all(hall):
    secrets = [hall.enter()[0] for _ in range(10)]
    headers = {"content_type": MULTIPART["content-type"]}

    async def statuses(senders):
        replies = await asyncio.gather(
            *(hall.guest(secret, UPLOAD, slow(9), **headers) for secret in senders)
        )
        return sorted(reply.status for reply in replies)

    assert run(statuses([secrets[0]] * 3)) == [200, 200, 429]
    assert run(statuses(secrets)) == [200] * 8 + [429] * 2
    assert run(statuses([secrets[0]] * 2)) == [200, 200]
    assert hall.guest_guard.desk.num_busy == 0


def test_what_a_guest_may_keep_counts_before_and_while_it_arrives(tmp_path):
    hall = Hall(tmp_path, session_bytes=8_000_000, total_bytes=12_000_000)
    headers = {"content_type": MULTIPART["content-type"]}
    (one, first), (other, _) = hall.enter(), hall.enter()
    reply = run(hall.guest(one, UPLOAD, b"x", content_length="8000001", **headers))
    assert (reply.status, reply.read_bytes) == (413, 0)
    unsaid = [(0, b"x" * 1_000_000) for _ in range(30)]
    reply = run(hall.guest(one, UPLOAD, unsaid, **headers))
    assert reply.status == 413
    assert reply.read_bytes <= 8_000_000 + (1 << 22)
    first.folder.mkdir(parents=True)
    (first.folder / "kept").write_bytes(b"x" * 7_000_000)
    reply = run(hall.guest(other, UPLOAD, b"x", content_length="5000001", **headers))
    assert reply.status == 413  # alone it would have room
    assert run(hall.guest(other, UPLOAD, b"x", content_length="4000000", **headers)).status == 200
    assert not hall.behind.bodies[1:]


def test_the_disk_keeps_its_floor_for_owner_and_guests(hall):
    secret, _ = hall.enter()
    hall.free = 1500
    headers = {"content_type": MULTIPART["content-type"]}
    for length, status in [("500", 200), ("501", 413)]:
        owner = hall.owner(UPLOAD, b"x", content_length=length, **headers)
        assert run(owner).status == status
        guest = hall.guest(secret, UPLOAD, b"x", content_length=length, **headers)
        assert run(guest).status == status


def test_guests_ask_at_a_human_pace(hall):
    secret, guest = hall.enter()
    clock = [0.0]
    rules = hall.guest_guard._rules
    rules._clock = lambda: clock[0]
    with rules.unheard.listening(guest.name, "page"):
        statuses = [run(hall.guest(secret, JOIN, call())).status for _ in range(33)]
        assert statuses == [200] * 30 + [429] * 3
        clock[0] = 1.0
        assert [run(hall.guest(secret, JOIN, call())).status for _ in range(3)] == [200, 200, 429]
    other, _ = hall.enter()
    assert run(hall.guest(other, JOIN, call("another"))).status == 200
    many = [run(hall.guest(secret, f"{API}/reset", call())).status for _ in range(125)]
    assert many == [403] * 120 + [429] * 5
    assert [run(hall.owner(JOIN, call())).status for _ in range(50)] == [200] * 50


# What is whose


def test_a_page_belongs_to_whoever_had_it_first(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    assert run(hall.guest(one, JOIN, call("mine"))).status == 200
    assert run(hall.guest(one, f"{API}/queue/data?session_hash=mine")).status == 200
    foreign = [
        f"{API}/queue/data?session_hash=mine",
        f"{API}/heartbeat/mine",
        f"{API}/heartbeat/mine?session_hash=other",
        f"{API}/queue/data?session_hash=other&session_hash=mine",
        f"{API}/queue/data?session_hash=mine&session_hash=other",
        f"{API}/queue/data",
        f"{API}/queue/data/mine?session_hash=",
        f"{API}/heartbeat/",
    ]
    assert {run(hall.guest(other, path)).status for path in foreign} == {403}
    assert run(hall.guest(other, JOIN, call("mine"))).status == 403
    assert run(hall.guest(other, JOIN, call("x" * 65))).status == 403
    assert run(hall.guest(other, f"{API}/heartbeat/other")).status == 200


def test_an_event_belongs_to_whoever_asked_for_it(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    hall.behind.answer = [b'{"event_id"', b': "event1"}']
    assert run(hall.guest(one, JOIN, call("mine"))).status == 200
    cancel = call("mine", event_id="event1")
    assert run(hall.guest(other, f"{API}/cancel", cancel)).status == 403
    assert run(hall.guest(other, f"{API}/cancel", call("yours", event_id="event1"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", call("mine", event_id="event2"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", call("mine"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", cancel)).status == 200


def test_a_file_belongs_to_whoever_sent_or_was_given_it(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    sent, made = hall.book.uploads / "a" / "sent.png", hall.book.uploads / "b" / "made.png"
    for path in (sent, made):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    headers = {"content_type": MULTIPART["content-type"]}
    hall.behind.answer = [json.dumps([str(sent), "/etc/passwd"]).encode()]
    assert run(hall.guest(one, UPLOAD, b"--frontier--", **headers)).status == 200
    event = {"output": {"data": [{"path": str(made)}, {"path": "/etc/passwd"}]}}
    hall.behind.answer = [b"data: " + json.dumps(event).encode(), b"\n", b"\n"]
    assert run(hall.guest(one, f"{API}/queue/data?session_hash=mine")).status == 200
    hall.behind.answer = [b"{}"]
    for path in (sent, made):
        use = call("page1", data=[{"path": str(path)}])
        assert run(hall.guest(one, f"{API}/file={path}")).status == 200
        assert run(hall.guest(other, f"{API}/file={path}")).status == 403
        assert run(hall.guest(one, JOIN, use)).status == 200
        assert run(hall.guest(other, JOIN, use.replace(b"page1", b"page2"))).status == 403
    for path in ("/etc/passwd", "%00", "x%00y", "..", "", "a" * 5000, "/proc/self/environ",
                 f"{sent}/../../../../../../etc/passwd"):  # fmt: skip
        assert run(hall.guest(one, f"{API}/file={path}")).status == 403, path


def test_a_link_out_of_a_guests_folder_leads_nowhere(hall, tmp_path):
    secret, guest = hall.enter()
    guest.folder.mkdir(parents=True)
    (tmp_path / "canary").write_text("CANARY", encoding="utf-8")
    (guest.folder / "link").symlink_to(tmp_path / "canary")
    (guest.folder / "own").write_text("own", encoding="utf-8")
    assert run(hall.guest(secret, f"{API}/file={guest.folder / 'own'}")).status == 200
    assert run(hall.guest(secret, f"{API}/file={guest.folder / 'link'}")).status == 403


def test_a_visit_ends_an_hour_after_the_last_request(hall):
    secret, guest = hall.enter()
    guest.folder.mkdir(parents=True)
    (guest.folder / "drawing").write_bytes(b"x")
    hall.now = 3500.0
    assert run(hall.guest(secret, "/config")).status == 200
    hall.now = 7000.0
    hall.book.sweep()
    assert guest.folder.exists()
    hall.now = 7100.0
    assert run(hall.guest(secret, "/config")).status == 401
    hall.book.sweep()
    assert not guest.folder.exists()


# Streams and headers


def test_a_stream_ends_when_nobody_listens(hall):
    hall.behind.hold = asyncio.Event()
    secret, guest = hall.enter()

    async def listen():
        async def receive():
            await asyncio.sleep(3)
            return {"type": "http.disconnect"}

        async def send(message):
            raise AssertionError(message)

        cookie = {"cookie": f"{hall.guest_door.cookie}={secret}"}
        begun = asyncio.get_running_loop().time()
        await hall.guest_guard(scope_of(f"{API}/heartbeat/x", headers=cookie), receive, send)
        return asyncio.get_running_loop().time() - begun

    assert 3 <= run(listen()) <= 9
    assert guest.open_requests == 0


def test_a_page_that_listens_is_up(hall):
    run(hall.owner("/config"))
    assert not hall.owner_guard.has_page
    run(hall.owner(f"{API}/heartbeat/x"))
    assert hall.owner_guard.has_page
    assert not hall.guest_guard.has_page


def test_the_guard_ends_open_streams_when_its_door_closes(hall):
    hall.behind.hold = asyncio.Event()

    async def listen():
        async def receive():
            await asyncio.Event().wait()

        scope = scope_of(
            f"{API}/heartbeat/x",
            headers={"cookie": f"{hall.owner_door.cookie}={hall.owner_door.new_cookie()}"},
        )
        stream = asyncio.ensure_future(hall.owner_guard(scope, receive, None))
        await asyncio.sleep(1)
        assert not stream.done()
        hall.owner_guard.close_streams()
        await asyncio.wait_for(stream, 1)

    run(listen())


def test_every_answer_carries_the_headers_and_ours_win(hall):
    replies = [
        run(hall.owner("/config")),
        run(hall.owner("/nothing")),
        run(hall.owner("/config", host="evil.example")),
        run(ask(hall.guest_guard, scope_of("/"))),
    ]
    assert [reply.status for reply in replies] == [200, 404, 403, 401]
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "SAMEORIGIN"
        assert reply.headers["referrer-policy"] == "same-origin"
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http:" not in policy
        assert "object-src 'none'" in policy


def test_answers_that_the_guard_reads_are_not_compressed(hall):
    secret, _ = hall.enter()
    run(hall.guest(secret, JOIN, call("a"), accept_encoding="gzip"))
    run(hall.guest(secret, f"{API}/queue/data?session_hash=a", accept_encoding="gzip"))
    names = [{name for name, _ in scope["headers"]} for scope in hall.behind.scopes]
    assert all(b"accept-encoding" not in found for found in names)


# Who asks and does not listen


class Memory:
    """Notes what the guard lets go of."""

    def __init__(self):
        self.forgotten, self.tidied = [], []

    async def forget(self, page):
        self.forgotten.append(page)

    def tidy(self, page):
        self.tidied.append(page)


async def after(seconds, *requests):
    """The replies, after which the time goes on."""
    replies = [await request for request in requests]
    await asyncio.sleep(seconds)
    return replies


def test_a_page_that_does_not_listen_is_given_up_in_time(hall):
    hall.guest_guard._memory = memory = Memory()
    secret, _ = hall.enter()
    run(after(PATIENCE_S - 1, hall.guest(secret, JOIN, call())))
    assert memory.forgotten == []
    run(after(PATIENCE_S + 1, hall.guest(secret, JOIN, call("other"))))
    assert memory.forgotten == ["other"]


def test_more_than_a_page_needs_is_refused_until_it_listens(hall):
    hall.guest_guard._memory = memory = Memory()
    secret, _ = hall.enter()
    statuses = [run(hall.guest(secret, JOIN, call())).status for _ in range(MOST_QUESTIONS + 1)]
    assert statuses == [200] * MOST_QUESTIONS + [429]
    hall.behind.answer = [b'data: {"msg": "close_stream"}\n\n']
    assert run(hall.guest(secret, f"{API}/queue/data?session_hash=page")).status == 200
    assert (memory.forgotten, memory.tidied) == ([], ["page"])
    hall.behind.answer = [b"{}"]
    assert run(hall.guest(secret, JOIN, call())).status == 200


def test_a_page_that_hangs_up_before_the_end_is_forgotten(hall):
    hall.guest_guard._memory = memory = Memory()
    secret, _ = hall.enter()
    hall.behind.answer = [b'data: {"msg": "process_generating"}\n\n']
    run(hall.guest(secret, f"{API}/queue/data?session_hash=page"))
    assert (memory.forgotten, memory.tidied) == (["page"], ["page"])
    run(hall.owner(f"{API}/queue/data?session_hash=page"))
    assert memory.forgotten == ["page"]


def test_new_pages_come_at_a_human_pace(hall):
    secret, _ = hall.enter()
    clock = [0.0]
    hall.guest_guard._rules._clock = lambda: clock[0]

    def opened(number):
        return run(hall.guest(secret, f"{API}/heartbeat/page{number}")).status

    assert [opened(number) for number in range(18)] == [200] * 16 + [429] * 2
    assert opened(0) == 200
    clock[0] = 10.0
    assert [opened(number) for number in range(18, 21)] == [200, 200, 429]
