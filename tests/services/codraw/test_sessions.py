"""Who may draw, how many, for how long, and what a restart brings back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import (
    HEIGHT,
    MANY,
    WIDTH,
    draw_line,
    frames_of,
    fresh_next_block,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidFile, InvalidRequest, MissingModel
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.codraw import sessions
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.sessions import NoSession, SessionsFull
from videosketcher_app.services.codraw.stage import stage_bytes
from videosketcher_app.services.guests import QuotaExceeded

TWENTY = 20


class Clock:
    """Seconds that a test turns on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _two_rounds(session: Session, number: int) -> list[np.ndarray]:
    """What one visitor does, in steps that others may come between."""
    pictures = []
    for turn in range(2):
        draw_line(session, (6 + number, 6), (40, 20 + number), seconds=0.3, number=turn)
        pictures.append(frames_of(play(session, 12))[-1].frame_HW3)
    return pictures


@pytest.mark.row("F12", "co-drawing sessions turn by turn", cases=20)
def test_twenty_sessions_turn_by_turn_equal_their_solo_runs_and_the_21st_is_told(
    tmp_path: Path,
) -> None:
    each = stage_bytes(tiny_model(), width=WIDTH, height=HEIGHT)
    with studio(tmp_path / "alone") as alone:
        solo = []
        for number in range(TWENTY):
            session = alone.open(seed=number)
            solo.append(_two_rounds(session, number))
            alone.service.close(session.id, "")
    weights = 645_000  # booked once, however many draw with them
    with studio(tmp_path / "many", memory_bytes=TWENTY * each + weights + each // 2) as many:
        open_sessions = [many.open(seed=number) for number in range(TWENTY)]
        with pytest.raises(SessionsFull, match="memory"):
            many.open()
        for turn in range(2):
            for number, session in enumerate(open_sessions):
                draw_line(session, (6 + number, 6), (40, 20 + number), seconds=0.3, number=turn)
                frames = frames_of(play(session, 12))
                assert np.array_equal(frames[-1].frame_HW3, solo[number][turn]), (number, turn)
        assert len(list((tmp_path / "many" / "codraw").iterdir())) == TWENTY
        many.service.close(open_sessions[0].id, "")
        assert open_sessions[1]._side.idle()
        many.open()  # there is room again


def test_seats_are_counted_by_visitor_and_in_all(tmp_path: Path) -> None:
    with studio(tmp_path, limits=LIMITS[Role.GUEST]) as few:
        names = [few.guests.admit()[1].name for _ in range(3)]
        few.service.open(names[0], _request(), role=Role.GUEST)
        with pytest.raises(SessionsFull, match="1 drawings open"):
            few.service.open(names[0], _request(), role=Role.GUEST)
        few.service.open(names[1], _request(), role=Role.GUEST)
        with pytest.raises(SessionsFull, match="places"):
            few.service.open(names[2], _request(), role=Role.GUEST)


def test_a_guest_without_room_draws_no_more(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        guest = shared.guests.admit()[1]
        session = shared.service.open(guest.name, _request(), role=Role.GUEST)
        play(session, 12)
        shared.guests.limits = replace(shared.guests.limits, session_bytes=1000)
        with pytest.raises(QuotaExceeded):
            session.generate(12)
        with pytest.raises(QuotaExceeded):
            shared.service.open(guest.name, _request(), role=Role.GUEST)


@pytest.mark.row("T12", "ids of co-drawing sessions")
def test_a_session_is_its_owners_alone(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        guests = [shared.guests.admit()[1].name for _ in range(2)]
        session = shared.service.open(guests[0], _request(), role=Role.GUEST)
        assert len(session.id) == 32
        for owner in (guests[1], "", "nobody"):
            for attempt in (
                lambda owner=owner: shared.service.get(session.id, owner),
                lambda owner=owner: shared.service.close(session.id, owner),
                lambda owner=owner: shared.service.folder_of(session.id, owner),
            ):
                with pytest.raises(NoSession) as refused:
                    attempt()
                with pytest.raises(NoSession) as unknown:
                    shared.service.get("0" * 32, guests[0])
                assert str(refused.value) == str(unknown.value), "the same words"
        shared.service.leave(session.id, guests[1])
        assert shared.service.get(session.id, guests[0]) is session
        for odd in ("", "../" + session.id, session.id.upper() + "\n", "x" * 32):
            with pytest.raises(NoSession):
                shared.service.get(odd, guests[0])


def test_fifteen_minutes_after_a_disconnect_the_memory_is_given_back(tmp_path: Path) -> None:
    clock = Clock()
    with studio(tmp_path, clock=clock) as shared:
        guest = shared.guests.admit()[1]
        mine, theirs = shared.open(), shared.service.open(guest.name, _request(), role=Role.GUEST)
        draw_line(mine)
        play(mine, 12)
        picture = mine.picture()
        clock.now += 100_000
        assert shared.service.sweep() == 0, "both are connected"
        shared.service.leave(mine.id, "")
        shared.service.leave(theirs.id, guest.name)
        clock.now += sessions.GRACE_S - 1
        assert shared.service.sweep() == 0
        assert shared.service.get(theirs.id, guest.name) is theirs, "a reload in time"
        shared.service.leave(theirs.id, guest.name)
        clock.now += 1
        assert shared.service.sweep() == 1
        clock.now += sessions.GRACE_S
        assert shared.service.sweep() == 1
        assert shared.service.count() == 0
        assert not theirs.folder.exists(), "nothing of a guest stays"
        shared.queue.submit(lambda _: iter(()), name="after").wait()
        assert not [g for g in shared.lease.grants() if "o-drawing" in g.holder]
        again = shared.service.get(mine.id, "")
        assert again is not mine
        assert np.array_equal(again.picture(), picture), "the owner's is on the disk"


def test_leaving_stops_the_model(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        session = shared.open()
        events = session.generate(1200)
        next(events), next(events)
        shared.service.leave(session.id, "")
        rest = list(events)
        assert len(frames_of(rest)) < 24
        assert not session.is_drawing


def test_a_restart_brings_the_drawing_back(tmp_path: Path) -> None:
    with studio(tmp_path) as before:
        session = before.open(concept="a cat", seed=5)
        draw_line(session)
        play(session, 24)
        session.branch(1)
        play(session, 12)
        session.lock([(1, 1), (9, 1), (9, 9)])
        session.mark_part(2, True)
        session.set(tutor=True)
        draw_line(session, (8, 40), (40, 42), number=1)
        draw_line(session, (8, 44), (40, 20), number=2, eraser=True)
        state, picture, frame = session.state(), session.picture(), session.frame(2, 7)
        ids = before.service.of("")
    with studio(tmp_path) as after:
        assert after.service.of("") == ids == [session.id]
        back = after.service.get(session.id, "")
        assert back.state() == state
        assert np.array_equal(back.picture(), picture)
        assert np.array_equal(back.frame(2, 7), frame)
        back.set(tutor=False)
        seed = back._turn_seed()
        clip = raw_clip(play(back, 12))
        back.undo()
        assert np.array_equal(clip, fresh_next_block(back, seed))
        back.undo()
        assert [turn["turn"] for turn in back.state()["turns"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("file", ["session.json", "turn_000001.json", "turn_000001.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "gone", "garbage"])
def test_a_damaged_drawing_is_refused_and_left_where_it_is(
    tmp_path: Path, file: str, damage: str
) -> None:
    with studio(tmp_path) as before:
        session = before.open()
        draw_line(session)
        play(session, 12)
    path = tmp_path / "codraw" / session.id / file
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40] if damage == "cut" else b'{"turns": 1}')
    with studio(tmp_path) as after:
        with pytest.raises((InvalidFile, NoSession)):
            after.service.get(session.id, "")
        assert after.service.count() == 0
        assert after.open().state()["turns"] == []
    assert (tmp_path / "codraw" / session.id).is_dir()


def test_without_a_causal_model_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with studio(tmp_path) as shared:
        for name in ("wan2.1-t2v-1.3b", "nothing"):
            with pytest.raises(MissingModel, match="draws by turns") as missing:
                shared.service.open("", CoDrawRequest(model=name))
            assert missing.value.exit_code == 3
        with pytest.raises(InvalidRequest, match="multiples of 24"):
            shared.service.open("", CoDrawRequest(model="tiny", width=40))
        assert shared.service.count() == 0
        folder = tmp_path / "codraw"
        assert not folder.exists() or not list(folder.iterdir()), "nothing is left"


def test_old_drawings_of_the_owner_leave_the_disk_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with studio(tmp_path) as before:
        old, new = before.open(), before.open()
    with studio(tmp_path) as after:
        after.service.get(new.id, "")
        monkeypatch.setattr(sessions, "KEPT_DAYS", -1.0)
        after.service.sweep()
        assert after.service.of("") == [new.id]
        assert not old.folder.exists()


def test_closing_a_session_deletes_it(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        session = shared.open()
        draw_line(session)
        events = session.generate(1200)
        next(events), next(events)
        shared.service.close(session.id, "")
        list(events)
        assert not session.folder.exists()
        with pytest.raises(NoSession):
            shared.service.get(session.id, "")


def test_a_waiting_text_job_does_not_stand_in_the_way(tmp_path: Path) -> None:
    with studio(tmp_path, limits=MANY) as shared:
        session = shared.open()
        for _ in range(20):
            shared.queue.submit(lambda _: iter(range(3)), name="text")
        assert frames_of(play(session, 12))


def _request() -> CoDrawRequest:
    return CoDrawRequest(model="tiny", width=WIDTH, height=HEIGHT, num_inference_steps=1)
