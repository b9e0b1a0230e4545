"""The line on every page: shared with whom, until when, and how long one waits."""

from __future__ import annotations

import threading

import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.events import Done
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.components import banner
from videosketcher_app.ui.doors import GuestDoor
from videosketcher_app.ui.texts import t


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def door(services, now):
    found = GuestDoor(book=services.guests, login=("a", "b"), clock=lambda: now[0])
    found.link = "https://example.test/"
    return found


def lines(role, services, door):
    return banner.status(role, services, door)["lines"]


def test_nothing_is_said_where_nothing_is_shared(services):
    assert lines(Role.OWNER, services, None) == []


def test_the_owner_reads_link_guests_and_hours(services, door, now):
    services.guests.admit()
    assert lines(Role.OWNER, services, door) == [
        t("sharing.banner_owner", link=door.link),
        t("sharing.banner_guests", guests=1),
        t("sharing.banner_closes", hours="8.0"),
    ]
    now[0] = 7.5 * 3600
    assert t("sharing.banner_closes", hours="0.5") in lines(Role.OWNER, services, door)
    now[0] = 8 * 3600
    for role in Role:
        assert lines(role, services, door) == [t("sharing.banner_closed")]


def test_a_guest_reads_what_a_guest_is_and_not_the_password(services, door):
    assert lines(Role.GUEST, services, door) == [t("sharing.banner_guest")]
    services.guests.open_class()
    assert lines(Role.GUEST, services, door) == [t("sharing.banner_guest_class")]
    assert door.login[1] not in lines(Role.OWNER, services, door)


def test_who_waits_reads_the_minutes(services, door, hold):
    for number in range(6):
        services.queue.submit(hold.body, name="a", session=f"guest-{number}", role=Role.GUEST)
    hold.begun.wait(10)
    waiting = services.queue.waiting()
    assert waiting == 5
    assert t("sharing.banner_wait", position=5, minutes="6") in lines(Role.GUEST, services, door)
    hold.go.set()


@pytest.fixture
def hold():
    """Work that stands still until it is told to go on."""

    class Hold:
        begun, go = threading.Event(), threading.Event()

        def body(self, cancel):
            self.begun.set()
            self.go.wait(20)
            yield Done(drawing=None)

    found = Hold()
    yield found
    found.go.set()


def test_the_script_fills_in_texts_only_and_cannot_be_ended_by_them():
    head = banner.head(Role.GUEST, "/x</script><b>", is_class=True)
    assert head.count("</script>") == 1
    assert "innerHTML" not in head
    assert "PATH" not in head
