"""The guard alone: raw requests, no Gradio, no server, and a time that jumps."""

from __future__ import annotations

import pytest

from tests.security.asgi import HOST, ask, run, scope_of
from tests.ui.guard_hall import API, JOIN, Hall, call
from videosketcher_app.ui.doors import GUEST_SCOPE
from videosketcher_app.ui.guard import STATUS_PATH, Guard


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path)


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
