"""Drawing together and rollouts from Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videosketcher_app import api
from videosketcher_app.core.errors import InvalidRequest

SMALL: dict[str, Any] = {"model": "tiny", "width": 48, "height": 48, "num_inference_steps": 1}


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    yield
    api.close()
    monkeypatch.undo()


def test_two_hands_draw_a_unicorn(tmp_path: Path) -> None:
    with api.CoDrawing(concept="a unicorn", **SMALL) as session:
        session.draw([[(6, 8), (30, 20), (40, 9)]]).draw([np.array([[5, 40], [40, 42]])])
        mine = session.picture
        frames = list(session.generate(24))
        assert len(frames) == 24
        assert np.array_equal(session.picture, frames[-1])
        session.undo()
        assert np.array_equal(session.picture, mine)
        session.redo().branch(1)
        other = list(session.generate(12))
        assert not np.array_equal(other[-1], frames[11])
        folder = session.save(tmp_path / "out")
        assert folder.name == "unicorn"
        kept = session.session.folder
    assert not kept.exists()


def test_a_rollout_is_a_drawing(tmp_path: Path) -> None:
    background = np.full((20, 20, 3), 90, np.uint8)
    drawing = api.rollout("a castle", num_rollout=2, num_frames=33, background=background, **SMALL)
    assert drawing.frames.shape == (57, 48, 48, 3)
    assert drawing.save(tmp_path / "out").files["mp4"].is_file()
    with pytest.raises(InvalidRequest):
        api.rollout("a castle", num_rollout=0, **SMALL)
