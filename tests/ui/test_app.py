"""The page of a role holds only what the role may do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.doors import role_of_door
from videosketcher_app.ui.handlers import connect, handler, hears_what_was_pressed

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("role", Role)
def test_a_press_that_says_what_was_pressed_is_never_dropped(services, role):
    """Gradio's own default drops a second event while the first one is answered."""
    blocks = page(services, role)
    telling = [each for each in blocks.fns.values() if hears_what_was_pressed(each.fn)]
    assert len(telling) >= 4
    assert {each.trigger_mode for each in telling} == {"multiple"}


def test_no_handler_is_offered_as_a_public_endpoint(services):
    blocks = page(services, Role.GUEST)
    assert blocks.get_api_info()["named_endpoints"] == {}


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


IMPORTED = """
import inspect
from videosketcher_app.ui.components import player
from gradio import component_meta
inspect.getfile = lambda _: exit("a stub would be written")
class Late(player.Player):
    pass
print("no stub")
"""


def test_no_type_stub_is_written_beside_our_sources():
    """Gradio's writer costs a third of the start; in a process of its own, where it comes first."""
    command = [sys.executable, "-c", IMPORTED]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "no stub"


# Builds both pages and says which heavy libraries that took; drawing loads them, later.
BOTH_PAGES = """
import asyncio, sys
from pathlib import Path
def loaded():
    return [name for name in ("torch", "cv2", "scipy", "skimage") if name in sys.modules]
from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
assert not loaded(), f"the services load {loaded()}"
from videosketcher_app.ui.app import build_app
async def pages(services):
    for role in Role:
        build_app(services, role, model="tiny")
home = Path(sys.argv[1])
with build(load_settings(workspace=home, output_dir=home / "out", device="cpu")) as services:
    asyncio.run(pages(services))
assert not loaded(), f"the pages load {loaded()}"
print("light")
"""


def test_the_window_needs_no_library_that_only_drawing_needs(tmp_path):
    command = [sys.executable, "-c", BOTH_PAGES, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.stdout.strip() == "light", run.stderr
