"""The plain pad: its answer is drawn in the mode of speed that the tab's field says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components.codraw_canvas import mode_words
from videosketcher_app.ui.tabs.codraw import PAD_PX

WIDTH, HEIGHT = PAD_PX


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def drawn() -> dict[str, Any]:
    """What Gradio's pad hands over after one stroke."""
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[100:104, 60:200] = 0
    return {"composite": picture, "layers": [], "background": None}


def wire(services: Services, role: Role) -> Any:
    """The button's event; None if the page has none."""

    async def build_page() -> Any:
        return build_app(services, role, model="tiny")

    blocks = asyncio.run(build_page())
    names = {block._id: block.elem_id for block in blocks.blocks.values()}
    for function in blocks.fns.values():
        if "simple-answer" in [names[output._id] for output in function.outputs]:
            return function
    return None


def answered(services: Services, mode: str) -> tuple[Any, str, list[str | None]]:
    """The last picture and line of an answer, and the modes of its turns."""
    picture, line, modes = None, "", []
    for shown, told in wire(services, Role.OWNER).fn(drawn(), "a cat", mode, None):
        picture, line = shown if isinstance(shown, np.ndarray) else picture, told
        for name in services.codraw.of(""):  # there until the last line was told
            modes = [turn.mode for turn in services.codraw.get(name, "")._tree.path()]
    return picture, line, modes


@pytest.mark.parametrize("mode", ["exact", "sketch"])
def test_the_answer_is_drawn_in_the_mode_of_the_tab(services: Services, mode: str) -> None:
    picture, line, modes = answered(services, mode)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert modes == [None, mode], "the person's turn, and the model's as on the live paper"
    assert "Done." in line
    assert (mode_words()[mode] in line) == (mode != "exact")
    assert services.codraw.of("") == [], "the pad's session is gone"


@pytest.mark.parametrize("mode", ["quick", "", "EXACT"])
def test_another_mode_is_refused_in_a_sentence(services: Services, mode: str) -> None:
    picture, line, _ = answered(services, mode)
    assert picture is None
    assert "mode" in line
    assert services.codraw.count() == 0


def test_the_page_reads_the_mode_from_the_field_of_the_live_paper(services: Services) -> None:
    pressed = wire(services, Role.OWNER)
    assert "#codraw [data-set=mode]" in pressed.js
    assert len(pressed.inputs) == 3
    assert wire(services, Role.GUEST) is None, "guests have no plain pad"
