"""Answers that last: streams with nobody at the other end, headers, pages that do not listen."""

from __future__ import annotations

import asyncio

import pytest

from tests.security.asgi import ask, run, scope_of
from tests.ui.guard_hall import API, JOIN, Hall, call
from videosketcher_app.ui.unheard import MOST_QUESTIONS, PATIENCE_S


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path)


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
