"""T12, F11, F12 of co-drawing at their figures: a hundred sessions, and a page that reads at 1 kB/s."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.security.codraw_wire import Wire, address_of, cookies_of, frames_of, line
from tests.security.served import served, wait_until
from tests.services.codraw.easels import MANY, Studio, play, raw_clip, small_request, studio
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.sessions import CoDrawService, NoSession
from videosketcher_app.ui.codraw import door
from videosketcher_app.ui.codraw import tables as tables_module
from videosketcher_app.ui.codraw.messages import Start
from videosketcher_app.ui.codraw.routes import Lines
from videosketcher_app.ui.codraw.table import FRAMES_AHEAD, Table
from videosketcher_app.ui.codraw.tables import Tables

pytestmark = [
    pytest.mark.security,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]
HUNDRED = 100
CONCEPTS = ("a cat", "a house", "a tree", "a fish", "")
NORMAL = 10
MOST_GROWTH_BYTES = 20_000_000


# T12: a hundred sessions, each asked for by ninety-nine others.


class Ear:
    """What a page would be told; nothing but what it asked for may reach it."""

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.known_turns: dict[int, int] = {}
        self.heard: list[Any] = []

    def tell(self, kind: str, **_values: Any) -> None:
        self.heard.append(kind)

    def put(self, item: Any) -> None:
        self.heard.append(item)

    def close(self, _code: int = 0) -> None:
        self.heard.append("closed")


def at_rest(tables: list[Table]) -> None:
    """Waits until every page was told what is to be told."""
    for table in tables:
        for pool in (table.slow, table.hand):
            pool.submit(int).result()


@contextmanager
def hundred_guests(folder: Path) -> Iterator[tuple[Studio, list[Session], list[str]]]:
    """A session for each of a hundred guests."""
    with studio(folder) as shared:
        shared.guests.limits = replace(LIMITS[Role.GUEST], sessions=HUNDRED)
        names = [shared.guests.admit()[1].name for _ in range(HUNDRED)]
        yield (
            shared,
            [shared.service.open(n, small_request(), role=Role.GUEST) for n in names],
            names,
        )


@pytest.mark.row("T12", "ids of co-drawing sessions", cases=39_600)
def test_nobody_reads_or_stops_one_of_ninety_nine_other_drawings(tmp_path: Path) -> None:
    with hundred_guests(tmp_path) as (shared, sessions, names):
        tables = Tables(shared.service, Role.GUEST, model="tiny", alone_s=60.0)
        ears = [Ear(name) for name in names]
        seated = []
        for session, ear in zip(sessions, ears, strict=True):
            table, is_new = tables.start(ear, Start(kind="start", session=session.id))
            assert not is_new
            table.files["png"] = tmp_path / "drawing.png"
            seated.append(table)
        turn = sessions[7].generate(240)  # a turn that somebody might want to stop
        next(turn)
        at_rest(seated)
        before = [len(ear.heard) for ear in ears]
        tried = 0
        for name in names:
            for session in sessions:
                if session.owner == name:
                    continue
                tried += 4
                with pytest.raises(NoSession):  # state
                    shared.service.get(session.id, name, role=Role.GUEST)
                assert tables.file(name, session.id, "png") is None  # outputs
                shared.service.leave(session.id, name)  # cancel
                with pytest.raises(NoSession):  # events
                    tables._take(session.id, Ear(name))
        assert tried == HUNDRED * 99 * 4
        at_rest(seated)
        assert sessions[7].is_drawing, "nobody has stopped it"
        assert [len(ear.heard) for ear in ears] == before, "nobody was told anything"
        assert all(held.left_at is None for held in shared.service._open.values())
        turn.close()
        tables.close()


# F12: a hundred sessions at once.


def drawn(session: Session, number: int) -> str:
    frames = raw_clip(play(session, 9, seed=number))
    return hashlib.sha256(np.ascontiguousarray(frames)).hexdigest()


def each_with(count: int, work: Callable[[int], None]) -> None:
    """Calls the work with 0 to count - 1, all at the same time."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.row("F12", "sessions with their own drawing", cases=100)
def test_a_hundred_sessions_at_once_draw_what_they_draw_alone(tmp_path: Path) -> None:
    concepts = [CONCEPTS[number % len(CONCEPTS)] for number in range(HUNDRED)]
    with studio(tmp_path / "alone") as alone:
        solo = []
        for number, concept in enumerate(concepts):
            session = alone.open(concept=concept, seed=number)
            solo.append(drawn(session, number))
            alone.service.close(session.id, "")
    together: dict[int, str] = {}
    with studio(tmp_path / "many", max_waiting=2 * HUNDRED) as many:
        sessions = [many.open(concept=c, seed=n) for n, c in enumerate(concepts)]

        def draw(number: int) -> None:
            together[number] = drawn(sessions[number], number)

        each_with(HUNDRED, draw)
    assert [together[number] for number in range(HUNDRED)] == solo
    assert len(set(solo)) == HUNDRED


# F11: one page that reads a kilobyte a second beside ten that read at once.


@pytest.fixture
def crowded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An app with seats for eleven drawings of its owner."""
    monkeypatch.setattr(tables_module, "MAX_LINES", NORMAL + 4)
    whole = CoDrawService.__init__

    def roomy(self: CoDrawService, **options: Any) -> None:
        whole(self, **{**options, "limits_of": lambda _role: MANY})

    monkeypatch.setattr(CoDrawService, "__init__", roomy)
    monkeypatch.setattr(door, "Lines", functools.partial(Lines, idle_s=600.0))  # on a slow machine
    with served(tmp_path, guests=False) as app:
        yield app


class SlowReader:
    """A page that asks for a long turn and takes a kilobyte of the answer a second."""

    def __init__(self, app: Any, owner: Any, stack: ExitStack) -> None:
        from websockets.sync.client import connect

        headers = {"Cookie": cookies_of(owner)}
        socket = connect(
            address_of(app.owner_base),
            origin=app.owner_base,
            additional_headers=headers,
            max_queue=1,
            max_size=None,
        )
        self.wire = Wire(stack.enter_context(socket))
        self.wire.start()
        self.num_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        stack.callback(self._stop)

    def begin(self) -> None:
        self.wire.say("go", num_frames=240)
        self.wire.hear("began")
        self._thread.start()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                item = self.wire.next(0.2)
            except TimeoutError:
                continue
            self.num_bytes += len(item) if isinstance(item, bytes) else 200
            self._over.wait(min(1.0, self.num_bytes / 1000))

    def _stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()


@pytest.mark.row("F11", "readers beside ten others", cases=10)
def test_a_page_at_a_kilobyte_a_second_holds_up_nobody(crowded: Any) -> None:
    owner, process = crowded.owner(), psutil.Process()
    with ExitStack() as stack:
        slow = SlowReader(crowded, owner, stack)
        normal = [stack.enter_context(line(crowded.owner_base, owner)) for _ in range(NORMAL)]
        for number, wire in enumerate(normal):
            wire.start()
            wire.stroke(1, (40 + number, 40), (200, 90))
        told: list[Any] = [None] * NORMAL

        def turn(number: int) -> None:
            told[number] = normal[number].turn(num_frames=24)

        def grown_by_a_round() -> int:
            before = process.memory_info().rss
            each_with(NORMAL, turn)
            assert [items[-1]["kind"] for items in told] == ["ended"] * NORMAL
            assert all(len(frames_of(items)) >= 24 for items in told)
            return process.memory_info().rss - before

        grown_by_a_round()  # what is loaded once is loaded
        usual = max(0, grown_by_a_round())
        slow.begin()
        # A page that is sent without end makes every round grow; other tests' threads only some.
        assert any(grown_by_a_round() - usual < MOST_GROWTH_BYTES for _ in range(3))
        assert 0 < len(frames_of(slow.wire.heard)) <= FRAMES_AHEAD + 12
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "codraw-turn"])
