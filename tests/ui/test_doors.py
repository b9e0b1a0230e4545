"""Who may come in through which door."""

from __future__ import annotations

import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.doors import (
    Attempts,
    GuestDoor,
    OwnerDoor,
    host_name,
    made_up_login,
    role_of_door,
)


@pytest.mark.parametrize(
    ("host", "share", "role"),
    [
        ("127.0.0.1", False, Role.OWNER),
        ("127.8.9.1", False, Role.OWNER),
        ("localhost", False, Role.OWNER),
        ("::1", False, Role.OWNER),
        ("[::1]", False, Role.OWNER),
        ("0.0.0.0", False, Role.GUEST),
        ("::", False, Role.GUEST),
        ("studio.example", False, Role.GUEST),
        ("127.0.0.1", True, Role.GUEST),
    ],
)
def test_only_the_own_machine_is_the_owners_door(host, share, role):
    assert role_of_door(host, share=share) is role


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:7860", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("[::1]:7860", "::1"),
        ("", ""),
        ("127.0.0.1@evil.example", ""),
        ("127.0.0.1:80@evil.example", ""),
        ("127.0.0.1:7860, evil.example", ""),
        ("[::1]evil.example", ""),
        ("127.0.0.1.evil.example:80", "127.0.0.1.evil.example"),
    ],
)
def test_the_name_in_a_host_header(header, name):
    assert host_name(header) == name
    assert OwnerDoor().knows_host(header) == (name in ("127.0.0.1", "localhost", "::1"))


def test_five_wrong_tries_a_minute():
    now = [0.0]
    attempts = Attempts(5, clock=lambda: now[0])
    for _ in range(5):
        assert not attempts.locked("somebody")
        attempts.failed("somebody")
    assert attempts.locked("somebody")
    assert not attempts.locked("somebody else")
    now[0] = 60.0
    assert not attempts.locked("somebody")


def test_a_key_fits_one_start():
    door = OwnerDoor()
    assert door.fits(door.token)
    assert not door.fits(OwnerDoor().token)
    assert not door.fits("")
    assert not door.fits("é")
    assert door.knows(door.new_cookie())
    assert not door.knows(door.token)
    assert door.token not in repr(door)


@pytest.mark.row("T20", "a link after 8 hours")
def test_a_guests_door_closes_after_its_hours(tmp_path):
    now = [0.0]
    book = GuestBook(Workspace(tmp_path))
    door = GuestDoor(book=book, login=made_up_login(), clock=lambda: now[0])
    assert door.seconds_left == 8 * 3600
    now[0] = 8 * 3600 - 1
    assert not door.is_closed
    now[0] += 1
    assert door.is_closed


def test_passwords_are_made_up_anew():
    assert len({made_up_login()[1] for _ in range(100)}) == 100
