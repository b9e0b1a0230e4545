"""What a session can become, and that it says what was drawn by whom and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import HEIGHT, WIDTH, Studio, draw_line, play, studio
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.data.svg import read_svg
from videosketcher_app.services.codraw.export import (
    END_FRAMES,
    EXPORTS,
    drawn_strokes,
    layered_svg,
    session_sketch,
)
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.session import Session
from videosketcher_app.services.codraw.turns import Turn
from videosketcher_app.services.codraw.words import Words
from videosketcher_app.storage import media

BLUE = Pen(color=(0.0, 0.0, 1.0), width_px=3.0)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    """A studio for one test."""
    with studio(tmp_path) as opened:
        yield opened


def _line(start: tuple[float, float], end: tuple[float, float]) -> HandStroke:
    share = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    stroke = Stroke(
        points_N2=np.asarray(start, np.float32) + share * np.subtract(end, start, dtype=np.float32),
        times_N=np.linspace(1, 9, 20, dtype=np.float32),
        pressure_N=np.ones(20, np.float32),
        pen=Pen(width_px=2.0),
    )
    return HandStroke(stroke=stroke)


def _path(session: Session, *model_strokes: HandStroke) -> list[Turn]:
    """The session's path, where the model has drawn these strokes."""
    return [
        replace(turn, strokes=model_strokes, traced=True) if turn.hand == "model" else turn
        for turn in session._tree.path()
    ]


def test_every_kind_of_file_is_made_and_holds_the_drawing(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    draw_line(session, pen=BLUE)
    play(session, 12)
    files = session.export(EXPORTS, height_px=240, speed=2.0)
    assert set(files) == set(EXPORTS)
    drawn = sum(turn["drawn_frames"] for turn in session.state()["turns"])
    clip = media.read_video(files["mp4"])
    assert clip.frames_THW3.shape == (drawn + END_FRAMES, 240, 240, 3)
    assert clip.fps == pytest.approx(30)
    assert (media.read_image(files["png"]).shape[:2]) == (240, 240)
    assert files["gif"].read_bytes()[:4] == b"GIF8"
    assert session.export(["png"], height_px=240)["png"].read_bytes() == files["png"].read_bytes()


def test_the_svg_has_a_layer_for_each_hand_with_its_time(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    draw_line(session, pen=BLUE)
    play(session, 12)
    path = _path(session, _line((4, 40), (44, 40)), _line((4, 44), (44, 44)))
    text = layered_svg(path, Words(), session.request)
    layers = re.findall(r'<g id="(\w+)".*?inkscape:label="(\w+)".*?</g>', text, re.S)
    assert layers == [("model", "Model"), ("you", "You")]
    counts = [group.count("<path") for group in re.findall(r"<g .*?</g>", text, re.S)]
    assert counts == [2, 1]
    sketch = read_svg(text)
    assert len(sketch.strokes) == 3
    mine = path[0].drawn_frames
    assert sketch.strokes[2].pen.color == BLUE.color
    assert sketch.strokes[2].end <= mine
    assert min(stroke.start for stroke in sketch.strokes[:2]) >= mine


def test_what_was_erased_is_in_no_layer(shared: Studio) -> None:
    session = shared.open()
    draw_line(session, (4, 20), (44, 20), number=1)
    eraser = Pen(width_px=8.0)
    draw_line(session, (24, 10), (24, 30), pen=eraser, eraser=True, number=2)
    play(session, 12)
    path = _path(session, _line((4, 24), (44, 24)))
    sketch = read_svg(layered_svg(path, Words(), session.request))
    assert len(sketch.strokes) == 3, "the line in two pieces, and later ink as it is"
    assert max(s.points_N2[:, 0].max() for s in sketch.strokes[1:2]) < 21
    assert all(stroke.pen.color == (0.0, 0.0, 0.0) for stroke in sketch.strokes)
    whole = session_sketch(path, session.request)
    assert len(whole.strokes) == 3
    assert whole.strokes[1].pen.color == (1.0, 1.0, 1.0), "frames show the eraser at work"


def test_strokes_follow_one_another_without_the_stillness_between(shared: Studio) -> None:
    session = shared.open()
    draw_line(session)
    play(session, 12)
    drawn, frames = drawn_strokes(_path(session, _line((4, 40), (44, 40))))
    turns = session._tree.path()
    assert frames == sum(turn.drawn_frames for turn in turns) < sum(t.num_frames for t in turns)
    assert [one.hand for one in drawn] == ["you", "model"]


def test_frames_are_used_where_strokes_are_not_all_of_the_ink(shared: Studio) -> None:
    session = shared.open()
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    picture[10:40, 10:40] = (200, 30, 30)
    session.background(picture)
    exported = media.read_image(session.export(["png"])["png"])
    assert np.array_equal(exported[..., :3], picture)


@pytest.mark.parametrize(
    ("kinds", "how"),
    [
        (["pdf"], {}),
        (["png"], {"height_px": 5}),
        (["png"], {"height_px": 10**6}),
        (["mp4"], {"speed": 0.0}),
        (["mp4"], {"speed": float("nan")}),
    ],
)
def test_an_export_that_is_not_possible_is_refused(
    shared: Studio, kinds: list[str], how: dict
) -> None:
    session = shared.open()
    with pytest.raises(InvalidRequest, match=r"Nothing is drawn|no export"):
        session.export(kinds, **how)
    draw_line(session)
    with pytest.raises(InvalidRequest):
        session.export(kinds, **how)
    assert not (session.folder / "exports").exists()
