"""T11, F10: a flood of requests ends with its sender, and nobody's work outlives their page."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.security.served import (
    API,
    PATIENCE_S,
    Client,
    Visitor,
    entered,
    served,
    wait_until,
)
from videosketcher_app.services.jobs import Priority

pytestmark = [
    pytest.mark.security,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]

NUM_JOINS = 2000
NUM_HONEST = 10
NUM_DISCONNECTS = 100
NUM_GUESTS_JOBS = 20
MOST_MORE_BYTES = 20e6


class Alone:
    """An app in a process of its own, so that nothing of its visitors counts as its memory."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.security.served_alone", str(folder)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._asking, self._told = self._child.stdin, self._child.stdout
        self._clients: list[Client] = []
        self._base = self._told.readline().strip()
        assert self._base.startswith("http")

    def ask(self, question: str) -> int:
        self._asking.write(f"{question}\n")
        self._asking.flush()
        return int(self._told.readline())

    def guest(self) -> Visitor:
        self._clients.append(Client(base_url=self._base, timeout=PATIENCE_S))
        return entered(self._clients[-1])

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._asking.close()
        self._told.read()  # until the process has ended
        self._child.wait(PATIENCE_S)
        self._told.close()


def test_a_flood_of_joins_is_refused_and_the_others_get_through(tmp_path):
    with closing(Alone(tmp_path)) as app:
        honest = [app.guest() for _ in range(NUM_HONEST)]
        hostile = app.guest()
        memory = []
        for _ in range(2):  # the first time settles what caches and threads take
            flood(hostile)
            assert drawn_by_all(app, honest) == NUM_HONEST
            memory.append(app.ask("memory"))
        growth = memory[1] - memory[0]
        report = {"id": "T11-page", "cases": 2 * NUM_JOINS, "growth_mb": round(growth / 1e6, 1)}
        sys.stdout.write(json.dumps(report) + "\n")
        assert growth < MOST_MORE_BYTES


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


def drawn_by_all(app: Alone, guests: list[Visitor]) -> int:
    """Everybody draws at once; how many had a drawing in the end."""
    results: dict[int, list[str]] = {}
    asking = threading.Lock()

    def is_quieter() -> bool:
        with asking:
            return app.ask("waiting") < NUM_HONEST / 2

    def draw(number: int) -> None:
        # Ten places for all guests: whoever is told that they are taken tries again later.
        for _ in range(3):
            results[number] = guests[number].draw("a cat", number)
            if any(path.endswith(".mp4") for path in results[number]):
                break
            wait_until(is_quieter, timeout_s=PATIENCE_S)

    threads = [threading.Thread(target=draw, args=(n,)) for n in range(len(guests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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
