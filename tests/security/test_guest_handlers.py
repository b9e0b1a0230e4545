"""T1, T5, T12: the guests' page has nothing of the owner's, and nobody has anything of another's."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.security.served import API, served
from videosketcher_app.core.access import GUEST_CAPABILITIES, Role
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.saved import open_saved
from videosketcher_app.ui.app import build_app

pytestmark = [
    pytest.mark.security,
    pytest.mark.slow,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]
NUM_SESSIONS = 100
CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
PAYLOADS = ([], [None] * 40, ["../../etc/passwd"] * 8, [{"path": "/etc/passwd"}], [1e308] * 8)


def unhurried(app):
    """Lifts the pace of guests, so that it cannot hide what a call would do."""
    for _, guard, _ in app.serving._doors:
        if guard._rules is not None:
            guard._rules._take_token = lambda key, burst, per_second: None
            guard._rules.unheard.ask = lambda guest, page: False


def fingerprint(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


@pytest.mark.row("T1", "handlers of the guests' page are a guest's")
def test_every_handler_of_the_guests_page_is_a_guests(tmp_path, ledger):
    with served(tmp_path) as app:
        config = app.guest().config

        async def build():
            return build_app(app.services, Role.GUEST, model="tiny")

        functions = asyncio.run(build()).fns.values()
        assert len(functions) == len(config["dependencies"]) >= 3
        assert {function.fn.capability for function in functions} <= GUEST_CAPABILITIES
    ledger("T1", cases=len(functions))


@pytest.mark.row("T1", "handler numbers x 3 routes x 5 messages")
def test_no_index_over_any_route_does_what_only_the_owner_may(tmp_path, ledger):
    with served(tmp_path) as app:
        unhurried(app)
        guest = app.guest()
        before = fingerprint(CHECKPOINTS)
        count = len(guest.config["dependencies"])
        routes = [f"{API}/queue/join", f"{API}/run/predict", f"{API}/call/predict"]
        for index in range(count + 50):
            for route in routes:
                for payload in PAYLOADS:
                    message = guest.message(index, list(payload))
                    try:
                        answer = guest.client.post(route, json=message)
                    except httpx.TransportError:  # the server hangs up after its own 500
                        continue
                    assert answer.status_code != 429
                    assert not (route == routes[2] and answer.status_code < 400)
                    assert "root:" not in answer.text
        assert fingerprint(CHECKPOINTS) == before
        assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    ledger("T1", cases=(count + 50) * len(routes) * len(PAYLOADS))


def hostile_paths(root):
    canaries = [root / "canary.txt", root / "home" / "canary.txt", Path.cwd() / "canary.txt"]
    for canary in canaries:
        canary.parent.mkdir(parents=True, exist_ok=True)
        canary.write_text("CANARY", encoding="utf-8")
    names = [str(canary) for canary in canaries]
    names += ["/etc/passwd", "/proc/self/environ", "..", ".", "/", "~/.ssh/id_rsa", "\\\\host\\x"]
    prefixes = ["", "./", "file://", "/./", "//", f"{root}/home/sessions/../../"]
    suffixes = ["", "%00", "?x", "/", "/.."]
    paths = [f"{p}{n}{s}" for n in names for p in prefixes for s in suffixes]
    return canaries, paths[:200]


@pytest.mark.row("T5", "path-like inputs to every handler")
def test_no_path_like_input_makes_a_foreign_file_readable(tmp_path, ledger):
    with served(tmp_path) as app:
        unhurried(app)
        guest = app.guest()
        canaries, paths = hostile_paths(tmp_path)
        assert len(paths) == 200
        try:
            for number, path in enumerate(paths):
                assert "CANARY" not in guest.read(path).text
                guest.page = f"page{number}"
                file = {"path": path, "meta": {"_type": "gradio.FileData"}}
                for dependency in guest.config["dependencies"]:
                    message = guest.message(dependency["id"], [file] * len(dependency["inputs"]))
                    if dependency["inputs"]:
                        assert guest.join(message).status_code == 403
            kept = [p for p in (tmp_path / "home" / "cache").rglob("*") if p.is_file()]
            assert not [p for p in kept if b"CANARY" in p.read_bytes()]
        finally:
            for canary in canaries:
                canary.unlink()
    ledger("T5", cases=len(paths))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def drawn(app, seed, folder, session=""):
    """Draws without the page, briefly, and returns the files by kind."""
    request = SketchRequest(prompt="a cat", seed=seed, model="tiny", num_frames=9)
    events = app.services.generation.run(
        request, destination=Destination(folder=folder), role=Role.GUEST, session=session
    )
    *_, done = events
    return done.drawing.files


@pytest.mark.row("F12", "sessions with their own drawing", cases=NUM_SESSIONS)
def test_a_hundred_sessions_get_their_own_drawings_and_no_others(tmp_path):
    """Drawn for each session's folder, read over HTTP; ten of them try every foreign file."""
    with served(tmp_path) as app:
        book = app.services.guests
        book.limits = replace(book.limits, sessions=NUM_SESSIONS)
        visitors = [app.guest() for _ in range(NUM_SESSIONS)]
        guests = [book.find(next(iter(v.client.cookies.values()))) for v in visitors]
        outputs = [drawn(app, n, guest.folder, guest.name) for n, guest in enumerate(guests)]
        for seed, (visitor, files) in enumerate(zip(visitors, outputs, strict=True)):
            solo = drawn(app, seed, tmp_path / f"solo{seed}")
            for kind in ("png", "svg"):
                answer = visitor.read(str(files[kind]))
                assert answer.status_code == 200
                assert digest(answer.content) == digest(solo[kind].read_bytes()), (seed, kind)
        for visitor, own in list(zip(visitors, outputs, strict=True))[::10]:
            for files in outputs:
                status = visitor.read(str(files["mp4"])).status_code
                assert status == (200 if files is own else 403)


def test_what_is_drawn_on_the_page_is_its_own_and_nothing_of_it_is_anybody_elses(tmp_path):
    with served(tmp_path) as app:
        visitors = [app.guest() for _ in range(4)]
        shown = [visitor.draw("a cat", seed) for seed, visitor in enumerate(visitors)]
        for seed, (visitor, paths) in enumerate(zip(visitors, shown, strict=True)):
            video = next(path for path in paths if path.endswith(".mp4"))
            svg = str(Path(video).with_suffix(".svg"))
            saved = open_saved(Path(video).parent)
            assert (saved.request.prompt, saved.request.seed) == ("a cat", seed)
            solo = Destination(folder=tmp_path / f"solo{seed}")
            *_, done = app.services.generation.run(
                saved.request, planned=saved.planned, destination=solo
            )
            assert digest(visitor.read(svg).content) == digest(
                done.drawing.files["svg"].read_bytes()
            )
            others = [other for other in visitors if other is not visitor]
            assert {other.read(svg).status_code for other in others} == {403}
            page = {"session_hash": visitor.page}
            for other in others:
                stream = other.client.get(f"{API}/queue/data", params=page)
                beat = other.client.get(f"{API}/heartbeat/{visitor.page}")
                stolen = {**page, "event_id": "x", "fn_index": 0}
                cancel = other.client.post(f"{API}/cancel", json=stolen)
                join = other.join({**visitor.message(0, []), **page})
                answers = (stream, beat, cancel, join)
                assert {answer.status_code for answer in answers} == {403}
