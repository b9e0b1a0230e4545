"""F14: the clock of the wall jumps; visits, quotas, kept drawings and jobs live as long as they should."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.codraw.easels import draw_line, studio
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.doors import GuestDoor

pytestmark = pytest.mark.faults
DAY_S = 86_400.0
# A day and an hour both ways (summer time), minutes of a suspend, and what falls between.
JUMPS = [
    DAY_S,
    -DAY_S,
    3600.0,
    -3600.0,
    300.0,
    *random.Random(14).choices(range(-86_400, 86_400), k=5),
]

Jump = Callable[[float], None]


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Moves the wall's clock; the monotonic one goes on as it does."""
    wall, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: wall() + ahead[0])

    def move(seconds: float) -> None:
        ahead[0] += seconds

    return move


@pytest.mark.row("F14", "jumps")
@pytest.mark.parametrize("seconds", JUMPS)
def test_a_visit_lives_by_the_time_that_passes(tmp_path: Path, jump: Jump, seconds: float) -> None:
    steady = [0.0]
    book = GuestBook(Workspace(tmp_path))
    timed = GuestBook(Workspace(tmp_path / "timed"), clock=lambda: steady[0])
    door = GuestDoor(book=book, login=("guest", "open sesame"))
    secret, guest = book.admit()
    old_secret, _ = timed.admit()
    jump(seconds)
    book.sweep()
    assert book.find(secret) is guest
    assert not door.is_closed
    assert door.seconds_left is not None
    assert door.seconds_left > 7 * 3600
    minutes = LIMITS[Role.GUEST].output_minutes
    assert minutes is not None
    steady[0] = minutes * 60  # and with no jump forward it does end
    timed.sweep()
    assert timed.find(old_secret) is None


@pytest.mark.row("F14", "jumps")
@pytest.mark.parametrize("seconds", JUMPS)
def test_a_kept_drawing_is_not_thrown_away(tmp_path: Path, jump: Jump, seconds: float) -> None:
    with studio(tmp_path) as before:
        session = before.open()
        draw_line(session)
    jump(seconds)
    with studio(tmp_path) as after:
        after.service.sweep()
        assert after.service.get(session.id, "").state()["pending"]


@pytest.mark.row("F14", "jumps")
@pytest.mark.parametrize("seconds", JUMPS)
def test_jobs_keep_their_order_and_end(jump: Jump, seconds: float) -> None:
    ran = []
    with JobQueue() as queue:

        def body(number: int) -> Callable[[CancelToken], Iterator[int]]:
            def run(_cancel: CancelToken) -> Iterator[int]:
                ran.append(number)
                jump(seconds if number % 2 else -seconds)
                yield number

            return run

        jobs = [queue.submit(body(number), name=f"job {number}") for number in range(6)]
        assert all(job.wait(60) is not None for job in jobs)
    assert ran == list(range(6))
