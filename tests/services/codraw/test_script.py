"""Scripts: what they may say, what they refuse, and that a session's own script replays it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.services.codraw.easels import HEIGHT, WIDTH, Studio, draw_line, play, studio
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.codraw.events import TurnEnded
from videosketcher_app.services.codraw.script import read_script, run_script
from videosketcher_app.storage import media

SMALL = {"model": "tiny", "width": WIDTH, "height": HEIGHT, "num_inference_steps": 1}


def _write(folder: Path, turns: Any, **more: Any) -> Path:
    path = folder / "turns.json"
    path.write_text(json.dumps({"request": SMALL, "turns": turns, **more}), encoding="utf-8")
    return path


def test_every_turn_of_a_script_is_played(tmp_path: Path) -> None:
    media.write_png(tmp_path / "back.png", np.full((30, 30, 3), 200, np.uint8))
    turns = [
        {"background": "back.png"},
        {"draw": [[[5, 5], [40, 20], [8, 40]], {"points": [[5, 40, 0], [40, 40, 0.3]]}]},
        {"generate": 12},
        {"undo": 1},
        {"redo": 1},
        {"say": "a house"},
        {"lock": [[0, 0], [10, 0], [10, 10]]},
        {"lock": None},
        {"generate": 24, "seed": 9, "shown": 7},
        {"branch": 2},
        {"accept": {"turn": 3, "frame": 4}},
        {"branch": 0},
        {"draw": [{"points": [[9, 9, 0, 1], [9, 30, 0.2, 0.5]], "color": "#ff0000", "width": 3}]},
    ]
    script = read_script(_write(tmp_path, turns, concept="a cat"), seed=4)
    assert (script.request.seed, script.request.concept) == (4, "a cat")
    with studio(tmp_path / "studio") as shared:
        session = shared.service.open("", script.request)
        events = list(run_script(session, script))
        state = session.state()
        assert sum(isinstance(event, TurnEnded) for event in events) == 2
        assert [turn["hand"] for turn in state["turns"]] == [
            "you",
            "you",
            "model",
            "model",
            "model",
        ]
        assert state["turns"][3]["drawn_frames"] == 8
        assert state["turns"][3]["seed"] == 9
        assert state["turns"][4]["drawn_frames"] == 5
        assert state["pending"][0]["color"] == "#ff0000"


def test_a_sessions_own_script_replays_it(tmp_path: Path) -> None:
    with studio(tmp_path) as shared:
        session = shared.open(concept="a cat", seed=8)
        draw_line(session)
        draw_line(session, (40, 8), (10, 44), number=2)
        play(session, 12)
        path = session.export(["script"])["script"]
        script = read_script(path)
        again = shared.service.open("", script.request)
        list(run_script(again, script))
        # Times go through decimal seconds: the frames may differ where a point lies on a frame.
        difference = np.abs(again.picture().astype(int) - session.picture())
        assert (difference > 40).mean() < 0.02
        mine, theirs = (s.state()["turns"][0]["strokes"] for s in (session, again))
        for one, other in zip(mine, theirs, strict=True):
            assert np.allclose(one["points"], other["points"], atol=0.02)


@pytest.mark.parametrize(
    "turns",
    [
        "draw",
        [{"scribble": 1}],
        [{"draw": [], "generate": 3}],
        [{"generate": "many"}],
        [{"generate": True}],
        [{"generate": 12, "speed": 2}],
        [{"generate": 12, "until": "never"}],
        [{"generate": 12, "seed": -3}],
        [{"draw": "line"}],
        [{"draw": [{"points": []}]}],
        [{"draw": [{"points": [[1, 2], [3]]}]}],
        [{"draw": [{"points": [[1, 2]], "color": "red"}]}],
        [{"draw": [{"points": [[1, 2]], "width": 0}]}],
        [{"draw": [{"points": [[1, 2]], "brush": 1}]}],
        [{"undo": -1}],
        [{"branch": 7}],
        [{"accept": 3}],
        [{"accept": {"turn": 1, "frame": "x"}}],
        [{"background": "../secret.png"}],
        [{"background": "nothing.png"}],
        [{"lock": [[1, 2]]}],
    ],
    ids=str,
)
def test_a_script_that_is_none_is_refused(tmp_path: Path, turns: Any) -> None:
    path = _write(tmp_path, turns)
    with studio(tmp_path / "studio") as shared, pytest.raises(AppError):
        _run(shared, path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"turns": {}}', '{"turns": [], "x": 1}', "\x00"])
def test_a_file_that_is_no_script_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "turns.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest):
        read_script(path)


def _run(shared: Studio, path: Path) -> None:
    script = read_script(path)
    list(run_script(shared.service.open("", script.request), script))


def test_words_change_and_a_video_lies_below(tmp_path: Path) -> None:
    media.write_png(tmp_path / "below.png", np.full((30, 30, 3), 200, np.uint8))
    turn = {"generate": 33, "switch": [[9, "a house"]], "video": "below.png", "strength": 0.5}
    script = read_script(_write(tmp_path, [turn], concept="a cat"))
    with studio(tmp_path / "studio") as shared:
        session = shared.service.open("", script.request)
        (ended,) = [e for e in run_script(session, script) if isinstance(e, TurnEnded)]
        assert ended.num_frames == 33
        assert [len({b.words for b in session._tree.blocks()[:n]}) for n in (1, 2, 3)] == [1, 2, 2]
        assert session.state()["concept"] == "a house"


@pytest.mark.parametrize(
    "more",
    [
        {"switch": 5},
        {"switch": [[1]]},
        {"switch": [["x", "a house"]]},
        {"switch": [[1, ""]]},
        {"switch": [[1, 2]]},
        {"video": "../below.png"},
        {"video": "missing.png"},
        {"video": "below.png", "strength": "x"},
    ],
)
def test_what_is_no_switch_or_video_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    media.write_png(tmp_path / "below.png", np.full((30, 30, 3), 200, np.uint8))
    script = read_script(_write(tmp_path, [{"generate": 12, **more}]))
    with studio(tmp_path / "studio") as shared:
        session = shared.service.open("", script.request)
        with pytest.raises(AppError):
            list(run_script(session, script))
        assert not session.is_drawing
