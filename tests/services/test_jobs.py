"""Every job ends exactly once; one worker, in order of priority; a reader loses nothing."""

from __future__ import annotations

import logging
import random
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import (
    AppError,
    Cancelled,
    Interrupted,
    InvalidRequest,
    QueueFull,
)
from videosketcher_app.core.events import Preview, Progress
from videosketcher_app.services.job import MAX_BUFFERED_EVENTS, JobFailure
from videosketcher_app.services.jobs import (
    Job,
    JobCancelled,
    JobDone,
    JobFailed,
    JobQueue,
    Priority,
    State,
    TerminalEvent,
)

LIMIT_S = 60.0


def count_to(number: int) -> Any:
    def body(_: CancelToken) -> Iterator[int]:
        yield from range(number)
        return number

    return body


class Gate:
    """A body that says when it runs and waits for a signal between its events."""

    def __init__(self, num_events: int = 1_000_000) -> None:
        self.started = threading.Event()
        self.released = threading.Event()
        self.cleaned = threading.Event()
        self.num_events = num_events

    def __call__(self, _: CancelToken) -> Iterator[str]:
        try:
            self.started.set()
            assert self.released.wait(LIMIT_S)
            for _number in range(self.num_events):
                yield "event"
        finally:
            self.cleaned.set()


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    with JobQueue(max_waiting=500) as jobs:
        yield jobs


@pytest.fixture
def gate(queue: JobQueue) -> Iterator[Gate]:
    """The worker is busy with this one until the test releases it."""
    busy = Gate(num_events=1)
    queue.submit(busy, name="gate", priority=Priority.CO_DRAWING)
    assert busy.started.wait(LIMIT_S)
    yield busy
    busy.released.set()


def terminal_events(job: Job) -> list[Any]:
    return [event for event in job.events() if isinstance(event, TerminalEvent)]


def test_a_job_yields_its_events_and_returns_its_result(queue: JobQueue) -> None:
    job = queue.submit(count_to(3), name="count")
    *events, last = job.events()
    assert events == [0, 1, 2]
    assert isinstance(last, JobDone)
    assert (last.result, job.result(), job.state) == (3, 3, State.DONE)


def test_an_app_error_reaches_the_reader_as_it_is(queue: JobQueue) -> None:
    error = InvalidRequest("The prompt is empty.", hint="Write something.")

    def body(_: CancelToken) -> Iterator[int]:
        yield 1
        raise error

    job = queue.submit(body, name="bad")
    assert isinstance(job.wait(LIMIT_S), JobFailed)
    with pytest.raises(InvalidRequest) as caught:
        job.result()
    assert caught.value is error


@pytest.mark.parametrize("problem", [ZeroDivisionError("secret"), SystemExit(3), MemoryError()])
def test_an_unforeseen_error_is_logged_and_told_in_general_words(
    queue: JobQueue, caplog: pytest.LogCaptureFixture, problem: BaseException
) -> None:
    def body(_: CancelToken) -> Iterator[int]:
        yield 1
        raise problem

    with caplog.at_level(logging.ERROR):
        terminal = queue.submit(body, name="drawing").wait(LIMIT_S)
    assert isinstance(terminal, JobFailed)
    assert isinstance(terminal.error, JobFailure)
    assert "secret" not in str(terminal.error)
    assert type(problem).__name__ in caplog.text
    assert queue.submit(count_to(1), name="next").result(LIMIT_S) == 1


def test_a_body_that_fails_before_its_first_event_fails_the_job(queue: JobQueue) -> None:
    def body(_: CancelToken) -> Iterator[int]:
        raise QueueFull("No.")

    assert isinstance(queue.submit(body, name="bad").wait(LIMIT_S), JobFailed)


def test_waiting_jobs_run_by_priority_then_by_arrival(queue: JobQueue, gate: Gate) -> None:
    order: list[tuple[Priority, int]] = []

    def noting(priority: Priority, number: int) -> Any:
        def body(_: CancelToken) -> Iterator[int]:
            order.append((priority, number))
            yield 0

        return body

    wanted = [(priority, number) for number in range(5) for priority in Priority]
    random.Random(2).shuffle(wanted)
    arrived = [(priority, index) for index, (priority, _) in enumerate(wanted)]
    jobs = [queue.submit(noting(p, n), name=f"{p}{n}", priority=p) for p, n in arrived]
    gate.released.set()
    for job in jobs:
        job.result(LIMIT_S)
    assert order == sorted(arrived)


def test_the_place_in_the_queue_is_known(queue: JobQueue, gate: Gate) -> None:
    later = queue.submit(count_to(1), name="b", session="x")
    sooner = queue.submit(count_to(1), name="a", priority=Priority.PREVIEW)
    assert (queue.position(sooner), queue.position(later)) == (1, 2)
    assert (queue.waiting(), queue.waiting("x"), queue.waiting("y")) == (2, 1, 0)
    sooner.cancel()
    assert queue.position(later) == 1
    gate.released.set()
    later.result(LIMIT_S)
    assert queue.position(later) == 0


def test_only_one_body_runs_at_a_time(queue: JobQueue) -> None:
    inside: list[int] = []

    def body(_: CancelToken) -> Iterator[int]:
        for number in range(20):
            inside.append(threading.get_ident())
            yield number

    for job in [queue.submit(body, name="a") for _ in range(10)]:
        job.result(LIMIT_S)
    assert len(inside) == 200
    assert len(set(inside)) == 1


def test_a_waiting_job_ends_at_once_and_never_starts(queue: JobQueue, gate: Gate) -> None:
    never = Gate()
    job = queue.submit(never, name="never")
    job.cancel()
    assert list(job.events()) == [JobCancelled()]
    job.cancel()
    assert len(terminal_events(job)) == 1
    gate.released.set()
    queue.submit(count_to(1), name="after").result(LIMIT_S)
    assert not never.started.is_set()
    with pytest.raises(Cancelled):
        job.result()


def test_a_running_job_ends_at_its_next_event_and_cleans_up(queue: JobQueue) -> None:
    body = Gate()
    job = queue.submit(body, name="long")
    assert body.started.wait(LIMIT_S)
    job.cancel()
    assert not job.ended
    body.released.set()
    assert list(job.events()) == ["event", JobCancelled()]
    assert body.cleaned.is_set()


def test_a_body_may_leave_through_its_token(queue: JobQueue) -> None:
    def body(token: CancelToken) -> Iterator[int]:
        yield 0
        assert token.wait(LIMIT_S)
        token.raise_if_cancelled()

    job = queue.submit(body, name="polite")
    for _ in job.events():
        job.cancel()
    assert job.state is State.CANCELLED


def test_cancelling_after_the_end_changes_nothing(queue: JobQueue) -> None:
    job = queue.submit(count_to(1), name="short")
    job.result(LIMIT_S)
    job.cancel()
    assert [type(event) for event in job.events()] == [int, JobDone]


@pytest.fixture
def _eager_switching() -> Iterator[None]:
    """Threads take turns every 10 us, so that races happen that usually would not."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.faults
@pytest.mark.usefixtures("_eager_switching")
def test_cancelling_at_random_moments_ends_every_job_exactly_once(queue: JobQueue) -> None:
    moments = random.Random(23)
    ends: list[type] = []
    for _ in range(200):
        now, random_moment = threading.Event(), moments.randint(-20, 140)

        def body(_: CancelToken, now=now, moment=random_moment) -> Iterator[int]:
            for number in range(120):
                if number >= moment:
                    now.set()
                yield number
            now.set()

        job = queue.submit(body, name="raced")
        cancellers = [
            threading.Thread(target=lambda job=job, now=now: (now.wait(LIMIT_S), job.cancel()))
            for _ in range(2)
        ]
        for thread in cancellers:
            thread.start()
        *events, last = job.events()
        now.set()
        for thread in cancellers:
            thread.join()
        assert not any(isinstance(event, TerminalEvent) for event in events)
        assert events == list(range(len(events)))
        assert [*events, last] == list(job.events())
        ends.append(type(last))
    assert set(ends) == {JobDone, JobCancelled}, ends


def test_several_readers_and_a_late_one_see_all_events(queue: JobQueue) -> None:
    body = Gate(num_events=30)
    job = queue.submit(body, name="shared")
    seen: list[list[Any]] = [[], [], []]
    threads = [threading.Thread(target=lambda s=s: s.extend(job.events())) for s in seen]
    for thread in threads:
        thread.start()
    body.released.set()
    for thread in threads:
        thread.join()
    assert all(len(events) == 31 for events in seen)
    assert list(job.events()) == seen[0]
    assert list(job.events(from_start=False)) == seen[0][-1:]


def test_a_slow_reader_misses_only_previews_that_newer_ones_replaced(queue: JobQueue) -> None:
    frame = np.zeros((2, 2, 3), np.uint8)

    def body(_: CancelToken) -> Iterator[Any]:
        for step in range(300):
            yield Progress(step=step, num_steps=300)
            yield Preview(frame_HW3=frame, step=step)
            if step % 10 == 0:
                yield f"stroke {step}"

    job = queue.submit(body, name="long")
    job.result(LIMIT_S)
    kept = list(job.events())
    assert len(kept) <= MAX_BUFFERED_EVENTS
    assert [e for e in kept if isinstance(e, str)] == [f"stroke {s}" for s in range(0, 300, 10)]
    steps = [event.step for event in kept if isinstance(event, Preview)]
    assert steps == sorted(steps)
    assert steps[-1] == 299


def test_a_full_queue_says_so(gate: Gate, queue: JobQueue) -> None:
    for _ in range(2):
        queue.submit(count_to(1), name="a", session="guest", max_waiting_of_session=2)
    with pytest.raises(QueueFull, match="2 of your sketches"):
        queue.submit(count_to(1), name="a", session="guest", max_waiting_of_session=2)
    assert queue.submit(count_to(1), name="a", session="other", max_waiting_of_session=2)


def test_a_cancelled_job_makes_room(queue: JobQueue) -> None:
    with JobQueue(max_waiting=1) as small:
        busy = Gate(num_events=1)
        small.submit(busy, name="busy")
        assert busy.started.wait(LIMIT_S)
        waiting = small.submit(count_to(1), name="a")
        with pytest.raises(QueueFull, match="1 sketches are waiting"):
            small.submit(count_to(1), name="b")
        waiting.cancel()
        after = small.submit(count_to(1), name="b")
        busy.released.set()
        assert after.result(LIMIT_S) == 1


def test_shutdown_cancels_everything_and_takes_no_more() -> None:
    queue = JobQueue()
    running = Gate()
    jobs = [queue.submit(running, name="running"), queue.submit(count_to(1), name="waiting")]
    assert running.started.wait(LIMIT_S)
    running.released.set()
    assert queue.shutdown(LIMIT_S)
    assert [job.state for job in jobs] == [State.CANCELLED, State.CANCELLED]
    assert running.cleaned.is_set()
    with pytest.raises(QueueFull, match="closing"):
        queue.submit(count_to(1), name="late")
    assert JobQueue().shutdown()


def test_an_impatient_result_is_a_timeout(queue: JobQueue, gate: Gate) -> None:
    job = queue.submit(count_to(1), name="slow")
    assert job.wait(0) is None
    with pytest.raises(TimeoutError, match="slow has not ended"):
        job.result(0)


@pytest.mark.faults
@pytest.mark.parametrize("point", ["jobs.started", "jobs.event", "jobs.finished"])
@pytest.mark.parametrize("error", [Interrupted("fault"), OSError("disk")])
def test_a_fault_anywhere_ends_the_job_once_and_spares_the_next(
    queue: JobQueue, point: str, error: Exception
) -> None:
    def fail() -> None:
        raise error

    with faults.armed(point, fail) as armed:
        job = queue.submit(count_to(2), name="unlucky")
        assert isinstance(job.wait(LIMIT_S), JobFailed)
        assert len(terminal_events(job)) == 1
    assert armed.hits == 1
    assert queue.submit(count_to(2), name="next").result(LIMIT_S) == 2


@pytest.mark.faults
def test_a_fault_while_queueing_queues_nothing(queue: JobQueue) -> None:
    with faults.armed("jobs.submit"), pytest.raises(AppError):
        queue.submit(count_to(1), name="a")
    assert queue.waiting() == 0
    assert queue.submit(count_to(1), name="b").result(LIMIT_S) == 1


@pytest.mark.faults
def test_a_hundred_sessions_get_their_own_results(queue: JobQueue) -> None:
    results: dict[int, int] = {}

    def use(number: int) -> None:
        results[number] = queue.submit(count_to(number), name=str(number)).result(LIMIT_S)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number for number in range(100)}
