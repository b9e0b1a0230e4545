"""A line carries what it is told in order, counts what a page says, and ends once."""

from __future__ import annotations

import asyncio
import json
import threading

from starlette.websockets import WebSocket

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.ui.codraw.line import FULL, MAX_WAITING, MOVED, OVER, Line
from videosketcher_app.ui.codraw.routes import guarded, piece


async def all_of(line):
    return [item async for item in line.items()]


def test_what_threads_tell_arrives_whole_and_in_order():
    async def run():
        line = Line("")
        threads = [
            threading.Thread(target=lambda n=n: [line.tell("x", n=n, i=i) for i in range(50)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        line.trouble(InvalidRequest("No.", hint="Yes."))
        line.close(MOVED)
        line.close(OVER)
        line.tell("late")
        return line.code, [json.loads(item) for item in await all_of(line)]

    code, items = asyncio.run(run())
    assert code == MOVED
    assert len(items) == 201
    assert items[-1] == {
        "kind": "error",
        "code": "INVALID_REQUEST",
        "message": "No.",
        "hint": "Yes.",
    }
    for number in range(4):
        assert [item["i"] for item in items if item.get("n") == number] == list(range(50))


def test_a_page_that_takes_nothing_is_cut():
    async def run():
        line = Line("")
        for _ in range(MAX_WAITING + 1):
            line.put(b"x")
        return line.code, await all_of(line)

    assert asyncio.run(run()) == (FULL, [])


def test_sixty_messages_a_second_are_heard():
    async def run():
        now = [0.0]
        line = Line("", clock=lambda: now[0])
        first = sum(line.may_speak() for _ in range(500))
        now[0] += 0.5
        return first, sum(line.may_speak() for _ in range(500))

    assert asyncio.run(run()) == (60, 30)


def test_a_route_that_no_door_stands_before_lets_nobody_in():
    entered, told = [], []

    async def endpoint(connection):
        entered.append(connection)

    scope = {
        "type": "websocket",
        "path": "/codraw/ws",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:7860"), (b"origin", b"http://127.0.0.1:7860")],
    }

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        told.append(message["type"])

    asyncio.run(guarded(Role.OWNER)(endpoint)(WebSocket(scope, receive, send)))
    assert entered == []
    assert told == ["websocket.close"]


def test_pieces_of_a_streamed_answer_say_how_long_they_are():
    assert piece("ä") == b"\0\0\0\2\0" + "ä".encode()
    assert piece(b"\1\2\3") == b"\0\0\0\3\1\1\2\3"
