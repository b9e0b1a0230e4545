"""Model ink becomes strokes while it is drawn: final ones never change, and nothing is lost."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Pen, Sketch, Stroke
from videosketcher_app.services.codraw.reel import Reel
from videosketcher_app.services.codraw.tracer import Tracer

WIDTH, HEIGHT = 216, 120


def _line(start: tuple[float, float], end: tuple[float, float], at: float, until: float) -> Stroke:
    share = np.linspace(0, 1, 60)[:, None]
    return Stroke(
        points_N2=(np.array(start) + share * (np.array(end) - start)).astype(np.float32),
        times_N=np.linspace(at, until, 60).astype(np.float32),
        pressure_N=np.ones(60, np.float32),
        pen=Pen(width_px=2.4),
    )


def _sketch(count: int, frames_each: float = 10.0) -> Sketch:
    lines = [
        _line(
            (20, 10 + 100 * i / count),
            (190, 16 + 100 * i / count),
            1 + i * frames_each,
            i * frames_each + 8,
        )
        for i in range(count)
    ]
    frames = int(count * frames_each) + 4
    return Sketch(strokes=tuple(lines), width_px=WIDTH, height_px=HEIGHT, num_frames=frames)


def _trace(frames: np.ndarray, before: np.ndarray, **how: object) -> tuple[Tracer, list[tuple]]:
    reel = Reel(before)
    tracer, told = Tracer(reel, **how), []
    for index, frame in enumerate(frames):
        reel.add(np.minimum(frame, before))
        if index % 12 == 11:
            told.append(tracer.advance())
    told.append(tracer.finish(len(reel)))
    return tracer, told


def test_every_stroke_is_told_once_with_its_time() -> None:
    sketch = _sketch(6)
    blank = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    tracer, told = _trace(renderer.frames(sketch), blank)
    assert sum(len(strokes) for strokes in told) == len(tracer.strokes) == 6
    assert sum(bool(strokes) for strokes in told[:-1]) >= 3, "told while drawing"
    for found, true in zip(tracer.strokes, sketch.strokes, strict=True):
        assert abs(found.start - true.start) < 2.5
        assert abs(found.end - true.end) < 2.5
        assert np.hypot(*(found.points_N2[0] - true.points_N2[0])) < 5


def test_what_was_on_the_paper_before_is_not_traced_again() -> None:
    old = renderer.picture(_sketch(3))
    new = _line((30, 110), (180, 20), 1, 20)
    sketch = Sketch(strokes=(new,), width_px=WIDTH, height_px=HEIGHT, num_frames=24)
    tracer, _ = _trace(renderer.frames(sketch), old)
    length = sum(stroke.length_px for stroke in tracer.strokes)
    assert 0.75 * new.length_px < length < 1.1 * new.length_px


def test_strokes_end_where_the_turn_was_cut() -> None:
    sketch = _sketch(6)
    reel = Reel(np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
    tracer = Tracer(reel)
    for frame in renderer.frames(sketch):
        reel.add(frame)
    tracer.advance()
    tracer.finish(26)
    assert max(stroke.end for stroke in tracer.strokes) <= 26
    assert len(tracer.strokes) == 3


def test_strokes_take_the_users_pen() -> None:
    pen = Pen(color=(0.0, 0.0, 1.0), width_px=4.0)
    blank = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    tracer, _ = _trace(renderer.frames(_sketch(2)), blank, pen=pen)
    assert {(s.pen.color, s.pen.width_px) for s in tracer.strokes} == {((0.0, 0.0, 1.0), 4.0)}


def test_what_is_no_line_drawing_is_left_alone_and_says_so() -> None:
    blank = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (24, HEIGHT, WIDTH, 3), np.uint8)
    tracer, told = _trace(np.minimum.accumulate(noise, axis=0), blank)
    assert not tracer.complete
    assert told == [(), (), ()]
