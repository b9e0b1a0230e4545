"""The list of what runs and waits: who sees what, who may change what, and when it is one's turn."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.test_jobs import LIMIT_S, Gate, count_to, terminal_events
from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Progress
from videosketcher_app.services.job import Job, JobCancelled, Priority, State
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.queue_list import QueueList, QueueRow

OWNER, GUEST = Role.OWNER, Role.GUEST


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    with JobQueue(max_waiting=500) as jobs:
        yield jobs


@pytest.fixture
def gate(queue: JobQueue) -> Iterator[Gate]:
    """The worker is busy with a guest's drawing until the test releases it."""
    busy = Gate(num_events=1)
    queue.submit(busy, name="A sketch", role=GUEST, session="ann", subject="a secret")
    assert busy.started.wait(LIMIT_S)
    yield busy
    busy.released.set()


@pytest.fixture
def seen(queue: JobQueue) -> QueueList:
    return QueueList(queue)


def ask(queue: JobQueue, subject: str, **who: Any) -> Job:
    return queue.submit(count_to(1), **{"name": "A sketch", "subject": subject, **who})


def subjects(rows: tuple[QueueRow, ...]) -> list[str]:
    return [row.subject for row in rows]


def row_of(seen: QueueList, job: Job, role: Role = OWNER, session: str = "") -> QueueRow:
    return next(row for row in seen.view(role, session).rows if row.id == job.id)


def test_an_empty_queue_is_an_empty_list(seen: QueueList) -> None:
    view = seen.view(OWNER, "")
    assert (view.rows, view.num_hidden, view.can_clear) == ((), 0, False)


def test_the_owner_sees_all_and_no_words_of_guests(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    ask(queue, "a guest's secret", role=GUEST, session="bob")
    ask(queue, "a house", session="page 1")
    view = seen.view(OWNER, "page 2")
    assert [(row.place, row.is_running, row.is_own) for row in view.rows] == [
        (0, True, False),
        (1, False, True),
        (2, False, False),
    ]
    assert subjects(view.rows) == ["", "a house", ""]
    assert all(row.kind == "A sketch" and row.can_stop for row in view.rows)
    assert view.num_hidden == 0


def test_a_guest_sees_only_what_is_theirs_and_how_much_there_is_else(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    ask(queue, "a house")
    own = ask(queue, "a boat", role=GUEST, session="bob")
    view = seen.view(GUEST, "bob")
    assert [row.id for row in view.rows] == [own.id]
    assert (view.rows[0].place, view.num_hidden) == (2, 2)
    assert seen.view(GUEST, "eve").rows == ()


def test_a_session_of_the_owner_with_a_guests_name_is_not_the_guests(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    mine = ask(queue, "a house", session="bob")
    assert seen.view(GUEST, "bob").rows == ()
    with pytest.raises(InvalidRequest):
        seen.stop(GUEST, "bob", mine.id)


def test_what_waits_is_removed_and_ends_once(queue: JobQueue, gate: Gate, seen: QueueList) -> None:
    own = ask(queue, "a boat", role=GUEST, session="bob")
    assert seen.stop(GUEST, "bob", own.id) is False
    assert terminal_events(own) == [JobCancelled()]
    assert seen.view(GUEST, "bob").rows == ()
    with pytest.raises(InvalidRequest, match="not in the queue"):
        seen.stop(GUEST, "bob", own.id)


def test_what_runs_is_stopped(queue: JobQueue, gate: Gate, seen: QueueList) -> None:
    running = queue.look().running
    assert running is not None
    assert seen.stop(GUEST, "ann", running.id) is True
    gate.released.set()
    assert running.wait(LIMIT_S) == JobCancelled()


def test_nobody_touches_what_is_anothers(queue: JobQueue, gate: Gate, seen: QueueList) -> None:
    owners, anns = ask(queue, "a house"), ask(queue, "x", role=GUEST, session="ann")
    for job in (owners, anns):
        for act in (seen.stop, seen.put_first):
            with pytest.raises(InvalidRequest, match="not in the queue"):
                act(GUEST, "bob", job.id)
    with pytest.raises(InvalidRequest):
        seen.put_first(OWNER, "", anns.id)  # the owner may remove it, not push it
    assert seen.clear(GUEST, "bob") == 0
    assert seen.stop(OWNER, "", anns.id) is False
    assert not owners.ended


def test_a_guest_reorders_only_their_own(queue: JobQueue, gate: Gate, seen: QueueList) -> None:
    ask(queue, "a1", role=GUEST, session="ann")
    first = ask(queue, "b1", role=GUEST, session="bob")
    ask(queue, "a2", role=GUEST, session="ann")
    second = ask(queue, "b2", role=GUEST, session="bob")
    assert not row_of(seen, first).can_move
    assert row_of(seen, second, GUEST, "bob").can_move
    assert not row_of(seen, second).can_move  # not the owner's own
    seen.put_first(GUEST, "bob", second.id)
    order = [job.subject for job in queue.look().waiting]
    assert order == ["a1", "b2", "a2", "b1"]  # and passes nobody else's


def test_the_owner_puts_a_job_of_any_page_before_all_others_of_theirs(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    ask(queue, "guest", role=GUEST, session="bob")
    ask(queue, "one", session="page 1")
    two = ask(queue, "two", session="page 2")
    listed = ask(queue, "of a list", session="page 3", priority=Priority.TRAINING)
    turn = ask(queue, "turn", session="codraw", priority=Priority.CO_DRAWING)
    seen.put_first(OWNER, "page 9", two.id)
    seen.put_first(OWNER, "page 9", listed.id)
    order = [job.subject for job in queue.look().waiting]
    assert order == ["turn", "of a list", "two", "one", "guest"]
    assert not row_of(seen, turn).can_stop
    with pytest.raises(InvalidRequest, match="ends by itself"):
        seen.stop(OWNER, "", turn.id)
    with pytest.raises(InvalidRequest):
        seen.put_first(OWNER, "", turn.id)


def test_clearing_spares_what_runs_and_what_is_anothers(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    mine = [ask(queue, f"{n}", session=f"page {n}") for n in range(3)]
    turn = ask(queue, "turn", priority=Priority.CO_DRAWING)
    theirs = ask(queue, "theirs", role=GUEST, session="ann")
    assert seen.view(OWNER, "").can_clear
    assert seen.clear(OWNER, "") == 3
    assert all(terminal_events(job) == [JobCancelled()] for job in mine)
    assert (turn.state, theirs.state) == (State.WAITING, State.WAITING)
    assert not seen.view(OWNER, "").can_clear
    assert queue.look().running is not None


def test_clearing_while_the_worker_works_ends_every_job_exactly_once() -> None:
    """A job that begins between the look and the removal is drawn, not half stopped."""
    random_moments = random.Random(5)
    for _ in range(40):
        with JobQueue(max_waiting=100) as queue:
            seen = QueueList(queue)
            jobs = [ask(queue, f"{n}") for n in range(20)]
            movers = [
                threading.Thread(target=_move, args=(seen, random_moments.choice(jobs).id))
                for _ in range(3)
            ]
            for thread in movers:
                thread.start()
            num_removed = seen.clear(OWNER, "")
            for thread in movers:
                thread.join()
            ends = [terminal_events(job) for job in jobs]
            assert all(len(end) == 1 for end in ends)
            assert sum(end == [JobCancelled()] for end in ends) == num_removed


def _move(seen: QueueList, job_id: str) -> None:
    try:
        seen.put_first(OWNER, "", job_id)
    except InvalidRequest:
        return  # it began, or was removed


def test_a_wait_is_told_from_what_such_jobs_took(queue: JobQueue, seen: QueueList) -> None:
    for seconds in (10.0, 30.0, 20.0):
        queue.times.note("A sketch", seconds)
    reported, go_on = threading.Event(), threading.Event()

    def body(_: CancelToken) -> Iterator[Any]:
        yield Progress(step=1, num_steps=4, seconds_left=6.0)
        reported.set()
        assert go_on.wait(LIMIT_S)
        yield Progress(step=4, num_steps=4, seconds_left=0.0)

    queue.submit(body, name="A sketch")
    assert reported.wait(LIMIT_S)
    jobs = [ask(queue, "b"), ask(queue, "c"), ask(queue, "d", name="New kind"), ask(queue, "e")]
    ask(queue, "f", session="other")
    left = [row.left_s for row in seen.view(OWNER, "").rows]
    by_subject = {row.subject: row.left_s for row in seen.view(OWNER, "").rows}
    assert left[0] == 6.0
    assert by_subject["b"] == 6.0
    assert sorted(x for x in left if x is not None)[:3] == [6.0, 6.0, 26.0]
    assert by_subject["e"] is None  # something that was never timed goes before it
    go_on.set()
    for job in jobs:
        job.result(LIMIT_S)


def test_an_estimate_without_progress_is_what_is_left_of_the_usual(
    queue: JobQueue, gate: Gate, seen: QueueList
) -> None:
    assert seen.view(OWNER, "").rows[0].left_s is None
    queue.times.note("A sketch", 1e6)
    left = seen.view(OWNER, "").rows[0].left_s
    assert left is not None
    assert 0 < left <= 1e6
    queue.times.note("A sketch", 0.0)
    queue.times.note("A sketch", 0.0)
    assert seen.view(OWNER, "").rows[0].left_s == 0.0


def test_times_of_finished_jobs_only_and_not_of_endless_names(queue: JobQueue) -> None:
    ask(queue, "a").result(LIMIT_S)
    assert queue.submit(count_to(1), name="last").wait(LIMIT_S)
    queue.shutdown()  # the worker has booked what it ended
    assert queue.times.usual("A sketch") is not None
    for number in range(200):
        queue.times.note(f"name {number}", 1.0)
    assert queue.times.usual("A sketch") is None
    assert queue.times.usual("name 199") == 1.0
