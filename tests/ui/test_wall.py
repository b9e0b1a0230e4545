"""A class: thirty seats, a wall that everybody sees, and a wait that is said in minutes."""

from __future__ import annotations

import pytest

from tests.security.served import LOGIN, served
from tests.services.drawings import published
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.tabs.wall import Wall
from videosketcher_app.ui.texts import t

SEATS = 30


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        built.guests.open_class()
        yield built


def test_an_empty_wall_says_so(services):
    assert t("wall.empty") in Wall(services).html()


def test_finished_drawings_of_all_guests_hang_there_and_leave_with_them(services):
    wall = Wall(services)
    guests = [services.guests.admit()[1] for _ in range(2)]
    for guest, concept in zip(guests, ("cat", "house"), strict=True):
        published(guest.folder, concept)
    shown = wall.html()
    assert shown.count("<figure>") == 2
    assert shown.count("data:image/jpeg;base64,") == 2
    assert str(guests[0].folder) not in shown
    assert guests[0].name not in shown
    services.guests.clear()
    assert "<figure>" not in wall.html()


def test_a_picture_that_is_damaged_is_left_out(services):
    guest = services.guests.admit()[1]
    saved = published(guest.folder, "cat")
    next(saved.folder.glob("*.png")).write_bytes(b"no picture")
    assert "<img" not in Wall(services).html()


@pytest.mark.slow
@pytest.mark.security
@pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*", "ignore:The copy keyword.*")
def test_thirty_are_admitted_and_the_next_one_is_told(tmp_path):
    with served(tmp_path, is_class=True) as app:
        guests = [app.guest() for _ in range(SEATS)]
        late = app.stranger(app.guest_base)
        answer = late.post("/login", data={"username": LOGIN[0], "password": LOGIN[1]})
        assert answer.status_code == 503
        assert t("sharing.room_full") in answer.text
        assert late.get("/config").status_code == 401
        tabs = [part for part in guests[0].config["components"] if part["type"] == "tabitem"]
        assert t("wall.tab") in [tab["props"]["label"] for tab in tabs]
        assert app.services.guests.limits_of(Role.GUEST).total_waiting_jobs == SEATS
        assert app.services.guests.limits_of(Role.OWNER) == LIMITS[Role.OWNER]
