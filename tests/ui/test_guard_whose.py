"""Whose a page, an event, a file and a visit are, by the guard alone."""

from __future__ import annotations

import json

import pytest

from tests.security.asgi import run
from tests.ui.guard_hall import API, JOIN, MULTIPART, UPLOAD, Hall, call


@pytest.fixture
def hall(tmp_path):
    return Hall(tmp_path)


def test_a_page_belongs_to_whoever_had_it_first(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    assert run(hall.guest(one, JOIN, call("mine"))).status == 200
    assert run(hall.guest(one, f"{API}/queue/data?session_hash=mine")).status == 200
    foreign = [
        f"{API}/queue/data?session_hash=mine",
        f"{API}/heartbeat/mine",
        f"{API}/heartbeat/mine?session_hash=other",
        f"{API}/queue/data?session_hash=other&session_hash=mine",
        f"{API}/queue/data?session_hash=mine&session_hash=other",
        f"{API}/queue/data",
        f"{API}/queue/data/mine?session_hash=",
        f"{API}/heartbeat/",
    ]
    assert {run(hall.guest(other, path)).status for path in foreign} == {403}
    assert run(hall.guest(other, JOIN, call("mine"))).status == 403
    assert run(hall.guest(other, JOIN, call("x" * 65))).status == 403
    assert run(hall.guest(other, f"{API}/heartbeat/other")).status == 200


def test_an_event_belongs_to_whoever_asked_for_it(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    hall.behind.answer = [b'{"event_id"', b': "event1"}']
    assert run(hall.guest(one, JOIN, call("mine"))).status == 200
    cancel = call("mine", event_id="event1")
    assert run(hall.guest(other, f"{API}/cancel", cancel)).status == 403
    assert run(hall.guest(other, f"{API}/cancel", call("yours", event_id="event1"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", call("mine", event_id="event2"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", call("mine"))).status == 403
    assert run(hall.guest(one, f"{API}/cancel", cancel)).status == 200


def test_a_file_belongs_to_whoever_sent_or_was_given_it(hall):
    (one, _), (other, _) = hall.enter(), hall.enter()
    sent, made = hall.book.uploads / "a" / "sent.png", hall.book.uploads / "b" / "made.png"
    for path in (sent, made):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    headers = {"content_type": MULTIPART["content-type"]}
    hall.behind.answer = [json.dumps([str(sent), "/etc/passwd"]).encode()]
    assert run(hall.guest(one, UPLOAD, b"--frontier--", **headers)).status == 200
    event = {"output": {"data": [{"path": str(made)}, {"path": "/etc/passwd"}]}}
    hall.behind.answer = [b"data: " + json.dumps(event).encode(), b"\n", b"\n"]
    assert run(hall.guest(one, f"{API}/queue/data?session_hash=mine")).status == 200
    hall.behind.answer = [b"{}"]
    for path in (sent, made):
        use = call("page1", data=[{"path": str(path)}])
        assert run(hall.guest(one, f"{API}/file={path}")).status == 200
        assert run(hall.guest(other, f"{API}/file={path}")).status == 403
        assert run(hall.guest(one, JOIN, use)).status == 200
        assert run(hall.guest(other, JOIN, use.replace(b"page1", b"page2"))).status == 403
    for path in ("/etc/passwd", "%00", "x%00y", "..", "", "a" * 5000, "/proc/self/environ",
                 f"{sent}/../../../../../../etc/passwd"):  # fmt: skip
        assert run(hall.guest(one, f"{API}/file={path}")).status == 403, path


@pytest.mark.row("T4", "links out of the folder")
def test_a_link_out_of_a_guests_folder_leads_nowhere(hall, tmp_path):
    secret, guest = hall.enter()
    guest.folder.mkdir(parents=True)
    (tmp_path / "canary").write_text("CANARY", encoding="utf-8")
    (guest.folder / "link").symlink_to(tmp_path / "canary")
    (guest.folder / "own").write_text("own", encoding="utf-8")
    assert run(hall.guest(secret, f"{API}/file={guest.folder / 'own'}")).status == 200
    assert run(hall.guest(secret, f"{API}/file={guest.folder / 'link'}")).status == 403


def test_a_visit_ends_an_hour_after_the_last_request(hall):
    secret, guest = hall.enter()
    guest.folder.mkdir(parents=True)
    (guest.folder / "drawing").write_bytes(b"x")
    hall.now = 3500.0
    assert run(hall.guest(secret, "/config")).status == 200
    hall.now = 7000.0
    hall.book.sweep()
    assert guest.folder.exists()
    hall.now = 7100.0
    assert run(hall.guest(secret, "/config")).status == 401
    hall.book.sweep()
    assert not guest.folder.exists()
