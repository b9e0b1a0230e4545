"""Bodies before the guard: how long, how slow, how many parts, and what of them stays."""

from __future__ import annotations

import asyncio

import pytest

from tests.security.asgi import run, scope_of
from tests.ui.guard_hall import API, JOIN, MULTIPART, UPLOAD, Hall, call


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path)


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


@pytest.mark.row("T10", "requests over a budget or below the floor")
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


@pytest.mark.row("T10", "requests over a budget or below the floor")
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
