"""T12, T22, F10 to F13 on the line of the Co-draw tab: who gets in, what is refused, what is kept."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import random
import secrets
import socket as sockets
import threading

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests import thorough
from tests.security.codraw_wire import (
    address_of,
    cookies_of,
    frames_of,
    line,
    owner_line,
)
from tests.security.served import served, wait_until
from videosketcher_app.core.access import Role
from videosketcher_app.ui.codraw import door
from videosketcher_app.ui.codraw.line import MESSAGES_A_SECOND
from videosketcher_app.ui.codraw.messages import MAX_TEXT_BYTES
from videosketcher_app.ui.codraw.routes import Lines
from videosketcher_app.ui.codraw.table import FRAMES_AHEAD
from videosketcher_app.ui.codraw.tables import MAX_LINES, Tables

DISCONNECTS = thorough.of(100, sample=40)

pytestmark = [
    pytest.mark.security,
    pytest.mark.timeout(600),
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]
ALONE_S = 0.5


@pytest.fixture(scope="module")
def all_tables():
    """The tables of every door, as they are made; their turns wait only shortly for a page."""
    made = []

    def make(*arguments, **options):
        made.append(Tables(*arguments, **options, alone_s=ALONE_S))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "Tables", make)
        yield made


@pytest.fixture(scope="module")
def open_app(tmp_path_factory, all_tables):
    with served(tmp_path_factory.mktemp("codraw")) as app:
        # Its worker lives as long as the app, so it starts before the first test counts threads.
        app.services.queue.submit(lambda _cancel: iter(()), name="Nothing").result()
        yield app


@pytest.fixture
def app(open_app, all_tables):
    """The app, without drawings of earlier tests."""
    yield open_app
    for tables in all_tables[:2]:
        wait_until(lambda tables=tables: tables.num_tables == tables.num_lines == 0)
    service = open_app.services.codraw
    for owner in ("", *{held.session.owner for held in service._open.values()}):
        for session in service.of(owner):
            service.close(session, owner)
    open_app.services.guests.clear()
    open_app.hang_up()


@pytest.fixture
def no_tracebacks(caplog):
    caplog.set_level(logging.WARNING)
    yield
    assert [record.message for record in caplog.records if record.exc_info] == []


def drawing_threads():
    return [one for one in threading.enumerate() if one.name == "codraw-turn"]


# T22: who gets in.


@pytest.mark.row("T22", "handshakes", cases=96)
def test_only_own_pages_of_known_people_get_a_line(app):
    owner, guest = app.owner(), app.guest().client
    own = {"owner": cookies_of(owner), "guest": cookies_of(guest)}
    doors = {"owner": app.owner_base, "guest": app.guest_base, "stranger": app.owner_base}
    entered, refused, tried = [], set(), 0
    for role, base in doors.items():
        port = base.rpartition(":")[2]
        cookies = {
            "own": own.get(role, "vs_owner=1"),
            "none": "",
            "other": own["guest" if role != "guest" else "owner"],
            "forged": own.get(role, "a=b").split("=")[0] + "=" + secrets.token_hex(16),
        }
        origins = [
            base,
            None,
            "null",
            "http://evil.example",
            f"http://127.0.0.1:{int(port) + 7}",
            f"http://localhost.evil.example:{port}",
            f"file://127.0.0.1:{port}",
            f"http://user@127.0.0.1:{port}",
        ]
        for kind, cookie in cookies.items():
            for origin in origins:
                tried += 1
                headers = {"Cookie": cookie} if cookie else {}
                try:
                    with connect(address_of(base), origin=origin, additional_headers=headers):
                        entered.append((role, kind, origin))
                except InvalidStatus as refusal:
                    refused.add(refusal.response.status_code)
    assert tried == 96
    assert refused == {403}
    assert entered == [
        ("owner", "own", app.owner_base),
        ("guest", "own", app.guest_base),
    ]


@pytest.mark.row("T22", "routes and limits of the line")
def test_the_other_routes_of_the_line_are_guarded_too(app):
    for base in (app.owner_base, app.guest_base):
        stranger = app.stranger(base)
        for path in ("/codraw/stream", "/codraw/file?session=x&form=png", "/codraw/else"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/codraw/send", json={}).status_code in (401, 403)
    owner = app.owner()
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert owner.get("/codraw/stream", headers=foreign).status_code == 403
    foreign_origin = {"Origin": "http://evil.example"}
    assert owner.post("/codraw/send", json={}, headers=foreign_origin).status_code == 403


@pytest.mark.row("T22", "routes and limits of the line")
def test_every_route_is_behind_the_guard(app, all_tables):
    routes = Lines(all_tables[0], Role.OWNER).routes()
    assert len(routes) == 4
    assert all(route.endpoint.guarded for route in routes)


@pytest.mark.row("T22", "routes and limits of the line")
def test_a_visitor_has_a_few_lines_at_once(app, all_tables):
    owner = app.owner()
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_LINES):
            stack.enter_context(line(app.owner_base, owner)).say("ping")
        tables = all_tables[0]
        wait_until(lambda: tables.num_lines == MAX_LINES)
        with line(app.owner_base, owner) as one_more:
            assert one_more.closed() == 1013
    wait_until(lambda: tables.num_lines == 0)


# T22: what is refused.


def malformed(count):
    """Messages that no page of ours sends; as text or bytes."""
    rng = random.Random(11)
    good = {
        "kind": "pts",
        "stroke": 1,
        "tool": "pen",
        "color": "#000000",
        "size": 2,
        "points": [[1, 2, 3, 1]],
        "end": True,
    }
    values = [None, -1, 1e308, "x", [], {}, True, "\ud800", "9" * 400, [[1]], "NaN"]
    fixed = [b"", b"\x00", b"\xff" * 1000, "", "null", "[" * 20_000, "{", '{"kind":"start",']
    yield from fixed
    for _ in range(count - len(fixed)):
        match rng.randrange(4):
            case 0:
                yield json.dumps(
                    {**good, rng.choice(list(good)): rng.choice(values[:6])}
                ) + rng.choice(["", "}", " x"])
            case 1:
                yield json.dumps(
                    {"kind": rng.choice(["go", "stop", "keep", "evil", "start"]), "x": 1}
                )
            case 2:
                yield rng.randbytes(rng.randrange(1, 3000))
            case 3:
                text = json.dumps(good)
                cut = rng.randrange(1, len(text))
                yield text[:cut] + chr(rng.randrange(1, 0x2FF)) + text[cut + 1 :]


def is_understood(message):
    from videosketcher_app.ui.codraw.messages import BadMessage, read_message

    try:
        read_message(message if isinstance(message, str) else "")
    except BadMessage:
        return False
    return True


@pytest.mark.row("T22", "malformed messages", cases=500)
def test_five_hundred_malformed_messages_end_in_words_and_touch_nobody(app, no_tracebacks):
    with owner_line(app) as other:
        session = other.start()
        other.stroke(1, (10, 10), (50, 50))
        owner, answers = app.owner(), []
        bad = [message for message in malformed(600) if not is_understood(message)][:500]
        assert len(bad) == 500
        for message in bad:
            with line(app.owner_base, owner) as wire:
                wire.socket.send(message)
                code = wire.closed()
                told = [item["kind"] for item in wire.heard if isinstance(item, dict)]
                answers.append((code, told))
        assert {code for code, _ in answers} <= {1008, 1009}
        assert all(told == ["error"] for _, told in answers)
        other.say("undo")
        state = other.hear("state")
        while state["pending"]:
            state = other.hear("state")
        assert other.start(session) == session


@pytest.mark.row("T22", "routes and limits of the line")
def test_messages_have_a_size(app, no_tracebacks):
    owner = app.owner()
    for text in (
        json.dumps({"kind": "words", "concept": "x" * MAX_TEXT_BYTES}),
        '{"kind":"background","picture":"' + "x" * 2_100_000 + '"}',
        "x" * 20_000_000,
    ):
        with line(app.owner_base, owner) as wire:
            with contextlib.suppress(ConnectionClosed):
                wire.socket.send(text)
            assert wire.closed() == 1009


@pytest.mark.row("T22", "routes and limits of the line")
def test_a_flood_is_thinned_and_nothing_waits(app, no_tracebacks):
    with owner_line(app) as wire:
        wire.start()
        for _ in range(5000):
            wire.say("ping")
        pongs = 0
        while pongs < MESSAGES_A_SECOND // 2:
            pongs += wire.hear("pong") is not None
        heard = sum(item["kind"] == "pong" for item in wire.heard if isinstance(item, dict))
        assert heard < 2500


@pytest.mark.row("T22", "abrupt closes", cases=200)
def test_two_hundred_abrupt_closes_leave_nothing(app, all_tables, no_tracebacks):
    owner = app.owner()
    rng = random.Random(3)
    tables = all_tables[0]
    for number in range(200):
        with line(app.owner_base, owner) as wire:
            if rng.random() < 0.5:
                wire.say("start", seed=number)
            raw = wire.socket.socket
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            raw.shutdown(sockets.SHUT_RDWR)
        wait_until(lambda: tables.num_lines < MAX_LINES)
    wait_until(lambda: tables.num_lines == 0)
    wait_until(lambda: tables.num_tables == 0)
    assert drawing_threads() == []


@pytest.mark.row("T22", "routes and limits of the line")
def test_silence_ends_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "Lines", functools.partial(Lines, idle_s=0.2))
    with served(tmp_path, guests=False) as app, owner_line(app) as wire:
        assert wire.closed() == 1000


def test_a_line_outlives_the_patience_with_slow_requests(tmp_path):
    with served(tmp_path, guests=False, upload_timeout_s=0.3) as app, owner_line(app) as wire:
        threading.Event().wait(1.0)
        wire.say("ping")
        assert wire.hear("pong")


@pytest.mark.row("T22", "routes and limits of the line")
def test_a_picture_is_checked_like_any_other(app, no_tracebacks):
    bomb = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 1000).decode()
    with owner_line(app) as wire:
        wire.start()
        for picture in ("", "data:text/html;base64,AAAA", f"data:image/png;base64,{bomb}", "x"):
            text = json.dumps({"kind": "background", "picture": picture}, separators=(",", ":"))
            wire.socket.send(text)
            assert wire.hear("error")["code"] in ("INVALID_FILE", "INVALID_REQUEST")


# T12: nobody reads or disturbs another one's drawing.


@pytest.mark.row("T12", "ids of co-drawing sessions")
def test_the_id_of_a_session_alone_grants_nothing(app):
    owner, guests = app.owner(), [app.guest().client for _ in range(2)]
    people = [(app.owner_base, owner), *[(app.guest_base, guest) for guest in guests]]
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(line(base, client)) for base, client in people]
        ids = []
        for number, wire in enumerate(wires):
            ids.append(wire.start())
            wire.stroke(1, (10 + number, 10), (60, 60))
        assert len(set(ids)) == 3
        for place, (base, client) in enumerate(people):
            foreign = [one for one in ids if one != ids[place]]
            foreign += [secrets.token_hex(16) for _ in range(31)]
            for name in foreign:
                answer = client.get("/codraw/file", params={"session": name, "form": "png"})
                assert answer.status_code == 404
            with line(base, client) as wire:
                for name in foreign:
                    wire.say("start", session=name, leave=name)
                    wire.hear("gone")
                    answer = wire.hear("session", "error")
                    assert answer.get("session") not in foreign
        for wire in wires:  # nobody was sent away, and every stroke is where it was
            wire.say("redo")
            assert len(wire.hear("state")["pending"]) == 1


@pytest.mark.row("T12", "ids of co-drawing sessions")
def test_nobody_speaks_for_another_ones_streamed_line(app):
    guest, other = app.guest(), app.guest()
    with guest.client.stream("GET", "/codraw/stream") as stream:
        pieces = stream.iter_raw()  # held, since its end would be the line's
        name = json.loads(next(pieces)[5:])["connection"]
        message = {"session_hash": other.page, "connection": name, "messages": [{"kind": "ping"}]}
        assert other.client.post("/codraw/send", json=message).status_code == 404
        message["session_hash"] = guest.page
        assert guest.client.post("/codraw/send", json=message).status_code == 204


def test_a_second_window_takes_the_drawing_over(app):
    owner = app.owner()
    with line(app.owner_base, owner) as first:
        session = first.start()
        with line(app.owner_base, owner) as second:
            assert second.start(session) == session
            assert first.closed() == 4001


# F10: pages that go away.


@pytest.mark.row("F10", "disconnects while co-drawing", cases=DISCONNECTS)
def test_disconnects_leave_no_zombie_and_no_lease(app, all_tables, no_tracebacks):
    rng = random.Random(5)
    with app.owner() as owner:
        session = None
        for _ in range(DISCONNECTS):
            with line(app.owner_base, owner) as wire:
                session = wire.start(session)
                wire.say("go")
                with contextlib.suppress(TimeoutError):  # the turn before may still wait for us
                    for _ in range(rng.randrange(6)):
                        wire.next(0.5)
        tables = all_tables[0]
        wait_until(lambda: not drawing_threads())
        wait_until(lambda: tables.num_tables == 0)
        wait_until(lambda: not app.services.queue.is_running)
        assert app.services.queue.waiting() == 0


@pytest.mark.row("F10", "pages that come back", cases=20)
def test_twenty_pages_that_come_back_hear_every_later_event_once(
    app, all_tables, monkeypatch, no_tracebacks
):
    monkeypatch.setattr(all_tables[0], "_alone_s", 60.0)
    rng = random.Random(6)
    owner = app.owner()
    session = None
    for _ in range(20):
        with line(app.owner_base, owner) as wire:
            session = wire.start(session)
            wire.say("go", num_frames=24)
            wire.hear("began", "error")
            for _ in range(rng.randrange(8)):
                wire.next()
        with line(app.owner_base, owner) as again:
            assert again.start(session) == session
            told = again.rest_of_turn(0)
        frames = frames_of(told)
        assert frames == list(range(len(frames)))
        kinds = [item["kind"] for item in told if isinstance(item, dict)]
        assert kinds.count("ended") == 1
        assert kinds.count("began") == 1


# F11: a page that takes nothing.


@pytest.mark.row("F11", "pages that show nothing")
def test_a_page_that_shows_nothing_holds_its_turn_and_nobody_elses(app):
    owner = app.owner()
    with line(app.owner_base, owner) as slow, line(app.owner_base, owner) as quick:
        slow.start()
        quick.start()
        slow.say("go", num_frames=240)
        slow.hear("began")
        for _ in range(3):
            told = quick.turn(num_frames=24)
            assert told[-1]["kind"] == "ended"
        made = []
        while len(made) < FRAMES_AHEAD:
            made += frames_of([slow.next()])
        slow.say("ping")
        slow.hear("pong")
        assert len(frames_of(slow.heard)) <= FRAMES_AHEAD + 1
        began = next(i for i in slow.heard if isinstance(i, dict) and i["kind"] == "began")
        slow.say("stop", turn=began["turn"], shown=0)
        assert slow.hear("ended")["ending"] == "stopped"


# F12: drawings side by side.


def test_drawings_side_by_side_are_what_they_are_alone(app):
    owner = app.owner()

    def tiles(wire):
        return [item[13:] for item in wire.turn(num_frames=24) if isinstance(item, bytes)]

    def alone():
        with line(app.owner_base, owner) as wire:
            session = wire.start(leave=alone.last)
            wire.stroke(1, (40, 40), (200, 90))
            alone.last = session
            return [tiles(wire) for _ in range(2)]

    alone.last = None
    solo = alone()
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(line(app.owner_base, owner)) for _ in range(3)]
        for wire in wires:
            wire.start()
            wire.stroke(1, (40, 40), (200, 90))
        turns = [[tiles(wire) for wire in wires] for _ in range(2)]
    for place in range(len(wires)):
        assert [turn[place] for turn in turns] == solo


# F13: stopping at any moment.


@pytest.mark.row("F13", "stopped turns", cases=60)
def test_every_stop_ends_the_turn_once(app, no_tracebacks):
    rng = random.Random(8)
    with owner_line(app) as wire:
        wire.start()
        wire.stroke(1, (40, 40), (200, 90))
        for _ in range(60):
            begun = len(wire.heard)
            wire.say("go", num_frames=24)
            turn = wire.hear("began")["turn"]
            shown = -1
            for _ in range(rng.randrange(8)):
                item = wire.next()
                if isinstance(item, bytes):
                    shown = frames_of([item])[0]
            wire.say("stop", turn=turn, shown=shown)
            ended = wire.hear("ended", "failed")
            assert ended["kind"] == "ended"
            wire.hear("state")
            wire.say("undo")
            wire.hear("state")
            kinds = [item["kind"] for item in wire.heard[begun:] if isinstance(item, dict)]
            assert kinds.count("ended") == 1
            assert "failed" not in kinds
