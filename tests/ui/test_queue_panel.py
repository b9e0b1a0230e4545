"""The list of waiting jobs: its words, its presses, and that a closed one asks for nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.services.test_jobs import LIMIT_S, Gate
from videosketcher_app.core.access import GUEST_CAPABILITIES, Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.queue_list import QueueRow
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.queue_words import (
    duration_words,
    hidden_words,
    job_of,
    queue_words,
    row_value,
    when_words,
)

ROW = QueueRow(
    id="a",
    kind="A sketch",
    subject="a cat",
    is_own=True,
    is_running=False,
    place=2,
    left_s=None,
    can_stop=True,
    can_move=True,
)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture
def gate(services):
    busy = Gate(num_events=1)
    services.queue.submit(busy, name="A sketch", subject="a cat")
    assert busy.started.wait(LIMIT_S)
    yield busy
    busy.released.set()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_running": True, "place": 0}, "under way"),
        ({"is_running": True, "place": 0, "left_s": 0.2}, "under way, about 1 s left"),
        ({"place": 1}, "next"),
        ({"place": 0}, "next"),
        ({"place": 1, "left_s": 89.4}, "next, in about 89 s"),
        ({}, "2 before it"),
        ({"left_s": 150.0}, "2 before it, in about 2 min"),
    ],
)
def test_a_row_says_when_it_is_its_turn(changes, words):
    assert when_words(replace(ROW, **changes)) == words


def test_a_row_says_what_it_is_and_whose():
    assert row_value(ROW)["what"] == "A sketch: a cat"
    assert row_value(replace(ROW, subject="", is_own=False))["whose"] == "a guest’s"
    assert row_value(replace(ROW, subject=""))["what"] == "A sketch"
    assert len(row_value(replace(ROW, subject="a" * 2000))["what"]) < 100


def test_counts_are_said_in_words():
    assert [queue_words(n) for n in range(3)] == [
        "nobody waits",
        "1 sketch waits",
        "2 sketches wait",
    ]
    assert [hidden_words(n)[:5] for n in range(3)] == ["", "One j", "2 job"]
    assert duration_words(90) == "about 2 min"


@pytest.mark.parametrize("data", [None, {}, {"id": 3}, {"id": ""}, {"id": "a" * 65}, ["id"]])
def test_a_press_without_a_job_is_refused(data):
    with pytest.raises(InvalidRequest):
        job_of(data)


def handlers(services, role):
    """The list's handlers of one page, by name; presses by the name of their event."""

    async def page():
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(page())
    (panel,) = [b for b in blocks.blocks.values() if getattr(b, "elem_id", "") == "queue"]
    found = {}
    for function in blocks.fns.values():
        for target, event in function.targets:
            if target == panel._id:
                found[event] = function
        if function.fn.__name__ == "on_tick" and panel in function.outputs:
            found["tick"] = function
    return found


def request_of(session):
    return SimpleNamespace(session_hash=session)


def press(function, session, data):
    return function.fn(request_of(session), SimpleNamespace(_data=data))


def test_a_closed_list_is_told_its_label_and_nothing_else(services, gate):
    found = handlers(services, Role.OWNER)
    *_, closed = found["tick"].fn(request_of("s"), False)
    assert closed == {"label": "nobody waits"}
    *_, opened = found["tick"].fn(request_of("s"), True)
    assert [row["what"] for row in opened["rows"]] == ["A sketch: a cat"]
    assert found["opened"].fn(request_of("s"))[0] is True
    assert found["closed"].fn() is False


def test_presses_of_the_owner(services, gate):
    found = handlers(services, Role.OWNER)
    jobs = [services.queue.submit(Gate(), name="A sketch", subject=word) for word in "ab"]
    moved = press(found["first"], "s", {"id": jobs[1].id})
    assert [row["what"][-1] for row in moved["rows"]] == ["t", "b", "a"]
    assert moved["words"] == "It is the next of yours."
    removed = press(found["stop"], "s", {"id": jobs[1].id})
    assert removed["words"] == "It is removed."
    again = press(found["stop"], "s", {"id": jobs[1].id})
    assert (again["ok"], again["words"][:12]) == (False, "This is not ")
    cleared = press(found["clear"], "s", {})
    assert cleared["words"] == "One is removed."
    assert jobs[0].ended
    running = services.queue.look().running
    assert press(found["stop"], "s", {"id": running.id})["words"] == "It stops at the next step."


def test_a_guest_moves_nothing_of_anybody_else(services, gate):
    found = handlers(services, Role.GUEST)
    assert {function.fn.capability for function in found.values()} <= GUEST_CAPABILITIES
    owners = services.queue.submit(Gate(), name="A sketch", subject="secret")
    others = services.queue.submit(Gate(), name="A sketch", role=Role.GUEST, session="bob")
    for job in (owners, others):
        for name in ("stop", "first"):
            answer = press(found[name], "ann", {"id": job.id})
            assert (answer["ok"], answer["rows"]) == (False, [])
    assert press(found["clear"], "ann", {})["words"] == "0 are removed."
    assert not owners.ended
    assert not others.ended
    for job in (owners, others):
        job.cancel()
