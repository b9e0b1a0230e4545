"""T11, F13 and F11: a flood, three hundred cancels and a reader that does not read."""

from __future__ import annotations

import random
import statistics
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.ledger import Count
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import QueueFull
from videosketcher_app.core.events import Preview, Progress
from videosketcher_app.services.job import MAX_BUFFERED_EVENTS, MAX_KEPT_EVENTS, TerminalEvent
from videosketcher_app.services.jobs import Job, JobCancelled, JobDone, JobQueue, Priority

pytestmark = pytest.mark.faults

LIMIT_S = 240.0  # only ends what hangs
HONEST, JOBS_EACH, HOSTILE_SUBMITS = 10, 5, 2_000
NUM_READERS = 10


class Order:
    """Numbers the jobs as they start, so that waits are counted in jobs, not in seconds."""

    def __init__(self) -> None:
        self.started = 0

    def body(self, waits: list[int] | None) -> Any:
        seen = self.started

        def run(_: CancelToken) -> Iterator[int]:
            self.started += 1
            if waits is not None:
                waits.append(self.started - 1 - seen)
            yield 0

        return run


@pytest.mark.row("T11", "joins of one client")
def test_a_flood_of_one_client_does_not_delay_the_others(ledger: Count) -> None:
    """T11: each honest client asks for its next sketch when it has the last one."""
    order, waits, refused = Order(), [], 0
    places = LIMITS[Role.GUEST].waiting_jobs
    tracemalloc.start()
    with JobQueue(max_waiting=HONEST + places) as queue:

        def ask(session: str, waits: list[int] | None) -> Job:
            return queue.submit(
                order.body(waits),
                name="A sketch",
                session=session,
                role=Role.GUEST,
                max_waiting_of_session=places,
            )

        honest = {f"honest {number}": ask(f"honest {number}", waits) for number in range(HONEST)}
        rounds = dict.fromkeys(honest, 1)
        for _ in range(HOSTILE_SUBMITS):
            try:
                ask("hostile", None)
            except QueueFull:
                refused += 1
            for session, job in honest.items():
                if job.ended and rounds[session] < JOBS_EACH:
                    rounds[session] += 1
                    honest[session] = ask(session, waits)
        for session, job in honest.items():
            job.result(LIMIT_S)
            for _ in range(rounds[session], JOBS_EACH):
                ask(session, waits).result(LIMIT_S)
        growth_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    p95 = statistics.quantiles(waits, n=20)[-1]
    assert len(waits) == HONEST * JOBS_EACH
    assert p95 <= HONEST + 2
    assert refused > 0
    assert growth_mb < 20
    ledger("T11", cases=HOSTILE_SUBMITS, peak_mb=round(growth_mb, 1))


@pytest.mark.row("T11", "visitors who draw meanwhile", cases=HONEST)
def test_a_standing_flood_still_lets_everybody_in_turn() -> None:
    """T11, with the flood in the queue before anybody else comes and no limit that helps."""
    order, waits = Order(), []
    gate = threading.Event()

    def busy(_: CancelToken) -> Iterator[int]:
        assert gate.wait(LIMIT_S)
        yield 0

    with JobQueue(max_waiting=HOSTILE_SUBMITS + HONEST) as queue:
        queue.submit(busy, name="busy", role=Role.GUEST, session="hostile")
        for _ in range(HOSTILE_SUBMITS):
            queue.submit(order.body(None), name="flood", role=Role.GUEST, session="hostile")
        jobs = [
            queue.submit(order.body(waits), name="a", role=Role.GUEST, session=f"honest {number}")
            for number in range(HONEST)
        ]
        gate.set()
        for job in jobs:
            job.result(LIMIT_S)
    assert max(waits) <= HONEST + 2


def test_guests_never_take_the_owners_places() -> None:
    gate = threading.Event()

    def busy(_: CancelToken) -> Iterator[int]:
        assert gate.wait(LIMIT_S)
        yield 0

    with JobQueue(max_waiting=3) as queue:
        queue.submit(busy, name="busy")
        for number in range(3):
            queue.submit(busy, name="guest", role=Role.GUEST, session=str(number))
        with pytest.raises(QueueFull):
            queue.submit(busy, name="guest", role=Role.GUEST, session="late")
        owners = queue.submit(busy, name="owner")
        assert queue.position(owners) == 1
        gate.set()
        owners.result(LIMIT_S)


@pytest.mark.row("F13", "cancelled jobs", cases=300)
def test_three_hundred_cancels_end_in_exactly_one_cancelled() -> None:
    """F13: cancelled while it waits, before its first event, or between any two."""
    moments = random.Random(13)
    inside: list[int] = []
    with JobQueue(max_waiting=500) as queue:
        for number in range(300):
            moment, reached, closed = moments.randint(0, 12), threading.Event(), threading.Event()

            def body(
                token: CancelToken, number=number, moment=moment, reached=reached, closed=closed
            ) -> Iterator[int]:
                assert not inside, "the job before has not let go"
                inside.append(number)
                try:
                    for event in range(10_000_000):
                        if event == moment:
                            reached.set()
                        yield event
                finally:
                    inside.remove(number)
                    closed.set()

            job = queue.submit(body, name=f"job {number}", priority=moments.choice(list(Priority)))
            behind = queue.submit(body, name=f"behind {number}") if number % 3 == 0 else None
            if moment % 4:
                assert reached.wait(LIMIT_S)
            if behind is not None:
                behind.cancel()
                assert [e for e in behind.events() if isinstance(e, TerminalEvent)] == [
                    JobCancelled()
                ]
            job.cancel()
            terminal = [event for event in job.events() if isinstance(event, TerminalEvent)]
            assert terminal == [JobCancelled()]
            assert not inside


@pytest.mark.row("F11", "pages that show nothing")
def test_a_reader_that_stops_reading_costs_little_and_gets_the_end(ledger: Count) -> None:
    """F11: the buffer holds the newest preview and the end, whatever was missed."""
    frame = np.zeros((240, 432, 3), np.uint8)

    def body(_: CancelToken) -> Iterator[Any]:
        for step in range(5_000):
            yield Progress(step=step, num_steps=5_000)
            yield Preview(frame_HW3=frame.copy(), step=step)

    tracemalloc.start()
    with JobQueue() as queue:
        job = queue.submit(body, name="long")
        reader = job.events()
        next(reader)  # and then nothing, until the job has ended
        assert job.wait(LIMIT_S) is not None
        growth_mb = tracemalloc.get_traced_memory()[0] / 1e6
        late = list(reader)
        others = [queue.submit(body, name="other") for _ in range(2)]
        for other in others:
            other.cancel()
    tracemalloc.stop()
    # Besides the buffer: what the reader had been given with its first event.
    assert len(late) <= 2 * MAX_BUFFERED_EVENTS
    assert isinstance(late[-1], JobDone)
    assert [e.step for e in late if isinstance(e, Preview)][-1] == 4_999
    assert growth_mb < 20
    ledger("F11", cases=1, peak_mb=round(growth_mb, 1))


@pytest.mark.row("F11", "pages that show nothing")
def test_events_that_nothing_replaces_are_bounded_too_and_the_end_stays() -> None:
    def body(_: CancelToken) -> Iterator[str]:
        for number in range(10 * MAX_KEPT_EVENTS):
            yield f"stroke {number}"

    with JobQueue() as queue:
        job = queue.submit(body, name="long")
        job.wait(LIMIT_S)
        kept = list(job.events())
    assert len(kept) == MAX_KEPT_EVENTS
    assert isinstance(kept[-1], JobDone)


@pytest.mark.row("F11", "readers beside ten others", cases=NUM_READERS)
def test_ten_readers_hear_the_end_beside_one_that_stands_still() -> None:
    """The body waits for nobody; each of the ten sees steps in order and the last picture."""
    frame = np.zeros((24, 43, 3), np.uint8)

    def body(_: CancelToken) -> Iterator[Any]:
        for step in range(1_000):
            yield Preview(frame_HW3=frame, step=step)

    with JobQueue() as queue:
        job = queue.submit(body, name="long")
        still = job.events()
        next(still)
        with ThreadPoolExecutor(NUM_READERS) as pool:
            heard = list(pool.map(lambda _: list(job.events()), range(NUM_READERS)))
        late = list(still)
    for events in [*heard, late]:
        steps = [event.step for event in events if isinstance(event, Preview)]
        assert steps == sorted(set(steps))
        assert steps[-1] == 999
        assert isinstance(events[-1], JobDone)
    assert len(late) <= 2 * MAX_BUFFERED_EVENTS
