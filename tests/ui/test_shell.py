"""The frame of the page: tabs by role, models, status and hints."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.lease import DeviceMemory
from videosketcher_app.services.model_shelf import STATES, ShelfState
from videosketcher_app.services.presets import Notice
from videosketcher_app.ui.app import build_app, notices_html
from videosketcher_app.ui.components import header, hints, status_bar
from videosketcher_app.ui.components.status_bar import Figures, figures_html, gb, state_html

HOSTILE = "<img src=x onerror=alert(1)>"
GUEST_TABS = ["Text", "Brush", "Co-draw"]
OWNER_TABS = [*GUEST_TABS, "Train", "Models", "Gallery"]


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.mark.parametrize(("role", "tabs"), [(Role.OWNER, OWNER_TABS), (Role.GUEST, GUEST_TABS)])
def test_a_role_sees_its_tabs_in_their_order(services, role, tabs):
    async def page():
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(page())
    shown = [block for block in blocks.blocks.values() if isinstance(block, gr.Tab)]
    bar = shown[0].parent  # a tab may have tabs of its own
    assert [tab.label for tab in shown if tab.parent is bar] == tabs


def test_the_header_says_whose_page_it_is():
    assert "Your studio" in header.header_html(Role.OWNER)
    assert "Guest" in header.header_html(Role.GUEST)
    assert 'aria-label="Switch' in header.header_html(Role.GUEST)


def test_there_are_three_hints_at_most_and_each_can_be_closed():
    html = hints.hints_html()
    assert html.count("<aside") == html.count("<button") == 3
    assert html.count("Close this hint") == 3


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_the_model_is_announced_in_words(state):
    error = InvalidRequest(HOSTILE, hint="Get them.") if state == "failed" else None
    html = state_html("tiny", ShelfState(state=state, error=error))
    assert 'aria-live="polite"' in html
    assert "tiny" in html
    assert HOSTILE not in html


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (Figures(device="cpu", place=0), ["on cpu", "yours is being drawn"]),
        (Figures(device="cpu", place=1), ["yours is next"]),
        (Figures(device="cpu", place=3), ["3 before yours"]),
        (
            Figures(
                device="cuda",
                app_bytes=2**30,
                machine=DeviceMemory(total_bytes=2**34, free_bytes=2**33),
                device_memory=DeviceMemory(total_bytes=2**33, free_bytes=2**32),
            ),
            ["memory 1.0 GB of 16.0 GB", "device 4.0 GB of 8.0 GB"],
        ),
    ],
)
def test_the_figures_are_said_in_words(figures, words):
    html = figures_html(figures)
    assert all(word in html for word in words)
    assert "aria-live" not in html


def test_a_guest_is_not_told_about_the_machine(services):
    assert status_bar.read_figures(services, Role.GUEST, "s").app_bytes is None
    assert status_bar.read_figures(services, Role.OWNER, "s").app_bytes > 0


def test_bytes_are_said_as_people_say_them():
    assert [gb(5 * 2**20), gb(3 * 2**30 // 2)] == ["5 MB", "1.5 GB"]


def test_notices_name_file_and_line_and_stay_text():
    html = notices_html([Notice(file=HOSTILE, line=3, message="It is broken.")])
    assert "line 3: It is broken." in html
    assert HOSTILE not in html
