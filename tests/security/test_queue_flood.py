"""T11, F10: a flood of requests ends with its sender, and nobody's work outlives their page."""

from __future__ import annotations

import random
import threading

import psutil
import pytest

from tests.security.served import API, Served, Visitor, served, wait_until
from videosketcher_app.services.jobs import Priority

pytestmark = [
    pytest.mark.security,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]

NUM_JOINS = 2000
NUM_HONEST = 10
NUM_DISCONNECTS = 100
# Measured 34 and 64 MB in one process with its clients; what stays is not explained yet (docs/log.md).
MOST_MORE_BYTES = 150e6


def test_a_flood_of_joins_is_refused_and_the_others_get_through(tmp_path):
    with served(tmp_path) as app:
        honest = [app.guest() for _ in range(NUM_HONEST)]
        hostile = app.guest()
        memory = []
        for _ in range(2):  # the first time settles what caches and threads take
            flood(hostile)
            assert drawn_by_all(app, honest) == NUM_HONEST
            memory.append(psutil.Process().memory_info().rss)
        assert memory[1] - memory[0] < MOST_MORE_BYTES


def flood(hostile: Visitor) -> None:
    """Joins as fast as one client can, under twenty names; nearly all are refused."""
    message = hostile.draw_call("a cat", 1)
    answers = []
    for number in range(NUM_JOINS):
        answer = hostile.join({**message, "session_hash": f"flood{number % 20}"})
        answers.append((answer.status_code, answer.text))
    refused = [(code, text) for code, text in answers if code != 200]
    assert len(answers) - len(refused) < NUM_JOINS / 20
    assert {code for code, _ in refused} <= {429, 503}
    assert "QUEUE_FULL" in refused[-1][1]


def drawn_by_all(app: Served, guests: list[Visitor]) -> int:
    """Everybody draws at once; how many had a drawing in the end."""
    results: dict[int, list[str]] = {}

    def draw(number: int) -> None:
        # Ten places for all guests: whoever is told that they are taken tries again later.
        for _ in range(3):
            results[number] = guests[number].draw("a cat", number)
            if any(path.endswith(".mp4") for path in results[number]):
                break
            wait_until(lambda: app.services.queue.waiting() < NUM_HONEST / 2, timeout_s=60)

    threads = [threading.Thread(target=draw, args=(n,)) for n in range(len(guests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return sum(any(path.endswith(".mp4") for path in paths) for paths in results.values())


def test_work_ends_with_the_page_that_asked_for_it(tmp_path):
    rng = random.Random(0)
    with served(tmp_path) as app:
        guests = [app.guest() for _ in range(10)]
        guests[0].draw("a cat", 0)
        queue, slowest_s = app.services.queue, 0.0
        for number in range(NUM_DISCONNECTS):
            guest = guests[number % len(guests)]
            guest.page = f"page{number}"
            answer = guest.join(guest.draw_call("a cat", number))
            assert answer.status_code == 200, answer.text
            heard = rng.randrange(1, 8)
            for event in guest.events():
                heard -= 1
                if not heard or event["msg"] == "process_completed":
                    break  # and the stream is closed
            slowest_s = max(
                slowest_s,
                wait_until(lambda: not queue.is_running and not queue.waiting(), timeout_s=10),
            )
        assert slowest_s < 2.0
        assert app.services.queue.waiting() == 0


def test_the_owners_work_goes_before_what_guests_wait_for(tmp_path):
    with served(tmp_path) as app:
        assert Priority.JOB < Priority.TRAINING
        guest = app.guest()
        assert guest.client.post(f"{API}/queue/join", json={"data": []}).status_code == 400
