"""The page of a role holds only what the role may do, and its handlers draw."""

from __future__ import annotations

import asyncio

import pytest

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.app import build_app, role_of_door
from videosketcher_app.ui.handlers import CurrentJobs, connect, handler
from videosketcher_app.ui.tabs import text


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def page(services, role):
    """Built within a running loop: outside of one, Gradio opens loops and never closes them."""

    async def build_page():
        return build_app(services, role, model="tiny")

    return asyncio.run(build_page())


@pytest.mark.parametrize("role", Role)
def test_every_handler_of_a_page_is_within_the_role(services, role):
    blocks = page(services, role)
    functions = [function.fn for function in blocks.fns.values()]
    assert len(functions) >= 4
    assert all(allows(role, function.capability) for function in functions)


def test_handler_beyond_the_role_does_not_exist():
    heard = []

    @handler(Capability.TRAIN)
    def on_train() -> None:
        heard.append("never")

    def listen(function, **_wiring):
        heard.append(function)

    connect(Role.GUEST, listen, on_train)
    assert heard == []
    connect(Role.OWNER, listen, on_train)
    assert heard == [on_train]


def test_no_handler_is_offered_as_a_public_endpoint(services):
    blocks = page(services, Role.GUEST)
    assert blocks.get_api_info()["named_endpoints"] == {}


def draw(services, concept, *, role=Role.OWNER, seed=0):
    return list(text._draw(services, CurrentJobs(), role, "tiny", concept, seed, "session"))


def test_drawing_ends_with_a_playing_video_and_its_files(services):
    pages = draw(services, "a cat")
    status, plan, _, video, files, draw_button, stop_button = pages[-1]
    assert "Done" in status
    assert "Whiskers" in plan
    assert video["value"] == str(services.settings.output_dir / "cat" / "cat.mp4")
    assert len(files["value"]) == 5
    assert draw_button["interactive"]
    assert not stop_button["interactive"]
    assert any(page[2].get("value") is not None for page in pages)


@pytest.mark.parametrize(
    ("concept", "seed", "told"),
    [("", 0, "empty"), ("a cat", None, "seed"), ("?!", 0, "no words"), ("x" * 5000, 0, "5,000")],
)
def test_bad_input_is_answered_with_a_sentence(services, concept, seed, told):
    last = draw(services, concept, seed=seed)[-1]
    assert told in last[0]
    assert last[5]["interactive"]


def test_guest_drawing_goes_to_a_folder_that_nobody_can_guess(services):
    draw(services, "a cat", role=Role.GUEST)
    assert not services.settings.output_dir.exists()
    folders = list((services.settings.workspace / "sessions").iterdir())
    assert [len(folder.name) for folder in folders] == [32]


@pytest.mark.parametrize(
    ("host", "share", "role"),
    [
        ("127.0.0.1", False, Role.OWNER),
        ("localhost", False, Role.OWNER),
        ("::1", False, Role.OWNER),
        ("0.0.0.0", False, Role.GUEST),
        ("studio.example", False, Role.GUEST),
        ("127.0.0.1", True, Role.GUEST),
    ],
)
def test_only_the_own_machine_is_the_owners_door(host, share, role):
    assert role_of_door(host, share=share) is role
