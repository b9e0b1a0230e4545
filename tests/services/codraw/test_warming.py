"""The model loads while somebody only looks, behind all other work, and goes when nobody stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.codraw.easels import studio
from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import MissingModel
from videosketcher_app.services.jobs import Job, JobQueue, Priority

LIMIT_S = 60.0


def busy(queue: JobQueue) -> tuple[Job, threading.Event]:
    """A job that runs until the event is set."""
    begun, over = threading.Event(), threading.Event()

    def body(_cancel: CancelToken) -> Iterator[None]:
        begun.set()
        assert over.wait(LIMIT_S)
        return iter(())

    job = queue.submit(body, name="A sketch")
    assert begun.wait(LIMIT_S)
    return job, over


def rest(queue: JobQueue) -> None:
    """Waits until everything that was queued has ended."""
    last = queue.submit(lambda _cancel: iter(()), name="Last", priority=Priority.WARMING)
    last.result(LIMIT_S)


def test_looking_loads_the_model_and_takes_no_seat(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        shared.service.look("a page", "tiny")
        shared.service.look("another page", "tiny")
        rest(shared.queue)
        assert shared.models.state("tiny").state == "ready"
        assert shared.service.count() == 0
        assert [grant.holder for grant in shared.lease.grants()] == ["tiny"]
        shared.service.look_away("a page")
        assert shared.models.state("tiny").state == "ready"
        shared.service.look_away("another page")
        shared.service.look_away("nobody")
        assert shared.models.state("tiny").state == "not loaded"
        assert shared.lease.grants() == ()


def test_a_drawing_keeps_the_model_that_was_looked_at(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        shared.service.look("a page", "tiny")
        session = shared.open()
        shared.service.look_away("a page")
        assert shared.models.state("tiny").state == "ready"
        shared.service.close(session.id, "")
        rest(shared.queue)
        assert shared.models.state("tiny").state == "not loaded"


def test_nothing_is_loaded_for_somebody_who_has_left(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        running, over = busy(shared.queue)
        shared.service.look("a page", "tiny")
        shared.service.look_away("a page")
        assert shared.queue.waiting() == 0
        over.set()
        running.result(LIMIT_S)
        rest(shared.queue)
        assert shared.models.state("tiny").state == "not loaded"


def test_others_go_first_and_no_place_in_the_queue_is_taken(tmp_path: Path) -> None:
    with studio(tmp_path, max_waiting=1) as shared:
        running, over = busy(shared.queue)
        shared.service.look("a page", "tiny")
        states = []

        def body(_cancel: CancelToken) -> Iterator[None]:
            states.append(shared.models.state("tiny").state)
            return iter(())

        waiting = shared.queue.submit(body, name="A sketch")
        over.set()
        running.result(LIMIT_S)
        waiting.result(LIMIT_S)
        rest(shared.queue)
        assert states == ["not loaded"]
        assert shared.models.state("tiny").state == "ready"


def test_a_look_at_what_is_not_here_is_told(tmp_path: Path) -> None:
    with studio(tmp_path) as shared, pytest.raises(MissingModel):
        shared.service.look("a page", "wan2.1-t2v-14b", role=Role.GUEST)


def test_weights_that_do_not_fit_are_not_there_yet(tmp_path: Path) -> None:
    with studio(tmp_path, memory_bytes=1000) as shared:
        shared.service.look("a page", "tiny")
        rest(shared.queue)
        assert shared.models.state("tiny").state == "failed"
        assert shared.lease.grants() == ()


def test_who_chooses_another_model_lets_the_first_one_go(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        for name in ("tiny", "tiny-brush", "tiny"):
            shared.service.look("a page", name)
            rest(shared.queue)
            assert [model.name for model in shared.models.loaded()] == [name]
        shared.service.look("another page", "tiny-brush")
        rest(shared.queue)
        assert {model.name for model in shared.models.loaded()} == {"tiny", "tiny-brush"}
        shared.service.look_away("a page")
        shared.service.look_away("another page")
        assert shared.models.loaded() == ()
