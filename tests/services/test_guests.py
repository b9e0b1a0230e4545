"""Guests keep what is theirs, for an hour, and not more than their share."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.services.guests import GuestBook, QuotaExceeded, RoomFull
from videosketcher_app.storage.paths import Workspace

SMALL = replace(
    LIMITS[Role.GUEST], sessions=3, session_bytes=1000, total_bytes=2000, session_files=4
)
HOUR_S = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book(tmp_path, clock):
    return GuestBook(Workspace(tmp_path), limits=SMALL, clock=clock, free_bytes=lambda _: 10**12)


def upload(book, guest, name, num_bytes=10):
    path = book.uploads / name / "picture.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * num_bytes)
    book.add_upload(guest, [path])
    return path


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_guest_is_found_by_the_secret_only(book):
    secret, guest = book.admit()
    assert len(bytes.fromhex(secret)) == 16
    assert book.find(secret) is guest
    assert book.find("0" * 32) is None
    assert book.find(guest.name) is None
    assert book.find(guest.folder.name) is None
    assert secret not in str(guest)


def test_there_are_as_many_seats_as_there_are(book, clock):
    secrets = [book.admit()[0] for _ in range(3)]
    with pytest.raises(RoomFull):
        book.admit()
    clock.now += HOUR_S
    assert [book.find(secret) for secret in secrets] == [None] * 3
    book.admit()
    assert book.count() == 1


def test_an_hour_after_the_last_request_nothing_is_left_on_the_disk(book, clock):
    secret, guest = book.admit()
    upload(book, guest, "a")
    guest.folder.mkdir(parents=True)
    (guest.folder / "cat.png").write_bytes(b"x")
    preview = book.uploads / "preview" / "image.webp"
    preview.parent.mkdir()
    preview.write_bytes(b"x")
    book.sweep()
    clock.now += HOUR_S - 1
    assert book.find(secret) is guest
    clock.now += HOUR_S - 1
    book.sweep()
    assert len(files_below(book.sessions)) == 1
    clock.now += 1
    assert book.sweep() == 1
    assert files_below(book.sessions) == []
    assert files_below(book.uploads) == []


def test_a_visit_with_an_open_request_is_not_over(book, clock):
    secret, guest = book.admit()
    guest.open_requests = 1
    clock.now += 5 * HOUR_S
    assert book.sweep() == 0
    assert book.find(secret) is guest


def test_a_file_that_two_sent_stays_until_both_are_gone(book, clock):
    _, first = book.admit()
    path = upload(book, first, "same")
    clock.now += HOUR_S / 2
    _, second = book.admit()
    book.add_upload(second, [path])
    clock.now += HOUR_S / 2
    assert book.sweep() == 1
    assert path.exists()
    clock.now += HOUR_S / 2
    book.sweep()
    assert not path.exists()


def test_only_own_files_can_be_read(book, tmp_path):
    _, one = book.admit()
    _, other = book.admit()
    own = upload(book, one, "a")
    assert book.may_read(one, own)
    assert not book.may_read(other, own)
    assert not book.may_read(one, book.uploads / "unknown")
    assert not book.may_read(one, one.folder / ".." / other.folder.name / "cat.png")
    book.add_received(one, [tmp_path / "history.sqlite3"])
    assert not book.may_read(one, tmp_path / "history.sqlite3")


@pytest.mark.row("T4", "links out of the folder")
def test_a_link_out_of_the_own_folder_leads_nowhere(book, tmp_path):
    _, guest = book.admit()
    guest.folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    (guest.folder / "link").symlink_to(tmp_path / "secret")
    assert not book.may_read(guest, guest.folder / "link")


def test_a_page_belongs_to_the_browser_that_made_it(book):
    _, one = book.admit()
    _, other = book.admit()
    assert book.owns_page(one, "page")
    assert book.owns_page(one, "page")
    assert not book.owns_page(other, "page")


@pytest.mark.row("T10", "requests over a budget or below the floor")
def test_shares_are_refused_when_full(book):
    _, one = book.admit()
    _, two = book.admit()
    _, three = book.admit()
    upload(book, one, "a", 900)
    book.check_room(one, 100)
    with pytest.raises(QuotaExceeded, match="You keep"):
        book.check_room(one, 101)
    one.incoming_bytes = 50
    with pytest.raises(QuotaExceeded, match="You keep"):
        book.check_room(one, 100)
    one.incoming_bytes = 0
    upload(book, two, "b", 900)
    with pytest.raises(QuotaExceeded, match="All guests"):
        book.check_room(three, 201)
    with pytest.raises(QuotaExceeded):
        book.destination("nobody")
    assert book.destination(three.name) == three.folder


@pytest.mark.row("T10", "requests over a budget or below the floor")
def test_too_many_small_files_are_too_many(book):
    _, guest = book.admit()
    for number in range(4):
        book.check_room(guest, 1)
        upload(book, guest, str(number), 1)
    with pytest.raises(QuotaExceeded, match="4 files"):
        book.check_room(guest, 1)


@pytest.mark.row("T10", "requests over a budget or below the floor")
def test_the_disk_keeps_its_floor(tmp_path):
    book = GuestBook(Workspace(tmp_path), free_bytes=lambda _: 6000, free_floor_bytes=5000)
    book.check_disk(1000)
    with pytest.raises(QuotaExceeded, match="stay free"):
        book.check_disk(1001)


def finished_run(folder, name, *, concept, seconds, **settings):
    run = folder / name
    run.mkdir(parents=True)
    (run / f"{name}.png").write_bytes(b"x")
    plan = {"plan": {"concept": concept}, "settings": settings}
    (run / f"{name}_config.json").write_text(json.dumps(plan), encoding="utf-8")
    times = {"seconds": {"total": seconds}}
    (run / f"{name}_run.json").write_text(json.dumps(times), encoding="utf-8")


def test_the_wait_follows_from_how_long_drawings_took(book):
    assert book.wait_minutes(3) == 3.0
    finished_run(book.sessions / "a", "cat", concept="a cat", seconds=30.0)
    finished_run(book.sessions / "b", "dog", concept="a dog", seconds=90.0)
    assert book.wait_minutes(2) == 2.0
    assert book.wait_minutes(0) == 0.0


def test_the_wall_shows_what_is_finished(book):
    finished_run(book.sessions / "a", "cat", concept="a cat", seconds=1.0)
    stopped = {"stopped_after": 2, "num_inference_steps": 8}
    finished_run(book.sessions / "a", "dog_stopped", concept="a dog", seconds=1.0, **stopped)
    (book.sessions / "a" / "torn").mkdir()
    (book.sessions / "a" / "torn" / "torn_config.json").write_text("{", encoding="utf-8")
    assert [drawing.concept for drawing in book.finished(most=10)] == ["a cat"]


def test_a_class_has_thirty_seats(book):
    book.open_class()
    assert len({book.admit()[0] for _ in range(30)}) == 30
    with pytest.raises(RoomFull):
        book.admit()


def test_a_new_start_begins_empty(book):
    secret, guest = book.admit()
    upload(book, guest, "a")
    book.clear()
    assert book.find(secret) is None
    assert files_below(book.uploads) == []
