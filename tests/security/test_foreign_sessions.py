"""T12: a hundred guests, each trying what is of the ninety-nine others, before the guard alone.

Four things are tried of everybody: to listen to the page's events, to cancel its work, to read a
file that it was given, and to speak for the page.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ledger import Count
from tests.security.asgi import run
from tests.ui.guard_hall import API, JOIN, Hall, call
from videosketcher_app.ui.guest_rules import GuestRules

pytestmark = pytest.mark.security
NUM_GUESTS = 100


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path, sessions=NUM_GUESTS)


class Guest:
    """Somebody who has asked for a drawing: a cookie's secret, a page, an event and a file."""

    def __init__(self, hall: Hall, number: int) -> None:
        self.secret, _ = hall.enter()
        self.page, self.event = f"page{number}", f"event{number}"
        self.file = hall.book.uploads / str(number) / "cat.png"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"x")
        hall.behind.answer = [json.dumps({"event_id": self.event}).encode()]
        assert run(hall.guest(self.secret, JOIN, call(self.page))).status == 200
        given = {"output": {"data": [{"path": str(self.file)}]}}
        hall.behind.answer = [b"data: " + json.dumps(given).encode() + b"\n\n"]
        assert (
            run(hall.guest(self.secret, f"{API}/queue/data?session_hash={self.page}")).status == 200
        )

    async def tries(self, hall: Hall, others: list[Guest]) -> list[int]:
        """The statuses of four things of others, or of one's own."""
        statuses = []
        for other in others:
            for asked in (
                hall.guest(self.secret, f"{API}/queue/data?session_hash={other.page}"),
                hall.guest(self.secret, f"{API}/file={other.file}"),
                hall.guest(self.secret, f"{API}/cancel", call(other.page, event_id=other.event)),
                hall.guest(self.secret, JOIN, call(other.page)),
            ):
                statuses.append((await asked).status)
        return statuses


@pytest.mark.row("T12", "foreign sessions, files, events and cancels")
def test_nobody_has_anything_of_ninety_nine_others(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, ledger: Count
) -> None:
    # A pace would refuse for another reason.
    monkeypatch.setattr(GuestRules, "_take_token", lambda *_, **__: None)
    guests = [Guest(hall, number) for number in range(NUM_GUESTS)]
    reached = len(hall.behind.scopes)
    cases = 0
    for one in guests:
        statuses = run(one.tries(hall, [other for other in guests if other is not one]))
        assert set(statuses) == {403}
        cases += len(statuses)
    assert cases == 4 * NUM_GUESTS * (NUM_GUESTS - 1)
    assert len(hall.behind.scopes) == reached
    assert run(guests[0].tries(hall, guests[:1])) == [200] * 4
    ledger("T12", cases=cases)
