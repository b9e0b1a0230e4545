"""Drawings that could not be saved: who sees them, and what a press does."""

from __future__ import annotations

import pytest

from tests.services.drawings import drawn
from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.tabs.gallery_view import GalleryPage, Look
from videosketcher_app.ui.tabs.text.kept import saved_again, waiting_html

STRIP = 1  # in what the gallery's page shows


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        built.guests.free_floor_bytes = 0
        yield built


def keep(services, folder, concept="cat") -> str:
    """A drawing whose files could not be written; gives its key."""
    with faults.armed("media.encoder"), pytest.raises(AppError):
        services.unfinished.publish(drawn(concept), folder)
    return services.unfinished.all(within=folder)[0].key


def test_the_owner_saves_it_again_and_sees_it(services):
    out = services.settings.output_dir
    key = keep(services, out)
    shown = waiting_html(services, Role.OWNER, "page")
    assert f'data-do="save" data-id="{key}"' in shown
    assert "1 drawing could not be saved." in shown
    busy, done = saved_again(services, Role.OWNER, key, "page")
    assert "Saving it again" in busy[0]
    assert "Saved: a cat." in done[0]
    assert done[1] == ""
    assert done[4].folder == out / "cat"
    assert (out / "cat" / "cat.mp4").is_file()


def test_a_guest_sees_and_saves_only_their_own(services):
    _, one = services.guests.admit()
    _, other = services.guests.admit()
    key = keep(services, one.folder)
    assert key in waiting_html(services, Role.GUEST, one.name)
    assert waiting_html(services, Role.GUEST, other.name) == ""
    assert waiting_html(services, Role.OWNER, "page") == ""
    *_, refused = saved_again(services, Role.GUEST, key, other.name)
    assert "waits no more" in refused[0]
    *_, gone = saved_again(services, Role.GUEST, key, "nobody")
    assert "visit is over" in gone[0]
    services.unfinished.forget(key, within=other.folder)
    *_, saved = saved_again(services, Role.GUEST, key, one.name)
    assert "Saved" in saved[0]


def test_a_second_failure_is_said_and_keeps_it(services):
    key = keep(services, services.settings.output_dir)
    with faults.armed("media.encoder"):
        *_, failed = saved_again(services, Role.OWNER, key, "page")
    assert 'role="alert"' in failed[0]
    assert key in failed[1]


def test_the_gallery_saves_and_throws_away(services):
    out = services.settings.output_dir
    first, second = keep(services, out), keep(services, out, "house")
    page = GalleryPage(services)
    shown = page.shown(Look())
    assert "2 drawings could not be saved." in shown[STRIP]
    assert "Saved: a cat." in list(page.saved_again(first))[-1]
    look, _ = page.forgotten(Look(), second)
    assert page.shown(look)[STRIP] == ""
    assert page.looked_again(look)[0] == look
    assert [row.concept for row in page.history.drawings()] == ["a cat"]


def test_what_is_being_saved_just_now_is_not_offered(services, monkeypatch):
    seen = []
    out = services.settings.output_dir
    with faults.armed("media.encoder", lambda: seen.append(services.unfinished.all())):
        services.unfinished.publish(drawn(), out)
    key = keep(services, out, "house")
    with faults.armed("media.encoder", lambda: seen.append(services.unfinished.all())):
        services.unfinished.retry(key)
    assert seen == [(), ()]
