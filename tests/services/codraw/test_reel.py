"""The reel gives back every frame, cut, filled up, and from a file."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.codraw.reel import KEY_FRAMES, Reel

SHAPE = (12, 16, 3)
BLANK = np.full(SHAPE, 255, np.uint8)


def _frames(count: int) -> list[np.ndarray]:
    rng, frame, frames = np.random.default_rng(3), BLANK.copy(), []
    for _ in range(count):
        frame = frame.copy()
        frame[rng.integers(12), rng.integers(16)] = rng.integers(0, 256, 3)
        frames.append(frame)
    return frames


def _reel(frames: list[np.ndarray]) -> Reel:
    reel = Reel(BLANK)
    for frame in frames:
        reel.add(frame)
    return reel


def test_every_frame_comes_back_also_far_behind_a_key_frame() -> None:
    frames = _frames(2 * KEY_FRAMES + 7)
    reel = _reel(frames)
    for index in (0, 1, KEY_FRAMES - 1, KEY_FRAMES, KEY_FRAMES + 1, len(frames) - 1):
        assert np.array_equal(reel.frame(index), frames[index]), index
    assert np.array_equal(reel.clip(235, 245), np.stack(frames[235:245]))


def test_the_box_is_where_the_frame_changed() -> None:
    reel, frame = Reel(BLANK), BLANK.copy()
    frame[3:5, 7:10] = 0
    box = reel.add(frame)
    assert (box.left, box.top, box.right, box.bottom) == (7, 3, 10, 5)
    assert reel.add(frame).is_empty


def test_a_cut_reel_ends_where_it_was_cut_and_the_old_one_goes_on() -> None:
    frames = _frames(30)
    reel = _reel(frames)
    cut = reel.first(11)
    cut.hold(20)
    assert len(cut) == 20
    assert np.array_equal(cut.frame(19), frames[10])
    assert np.array_equal(cut.last_HW3, frames[10])
    assert np.array_equal(reel.frame(29), frames[29])


def test_a_tail_longer_than_the_reel_is_led_by_what_was_before() -> None:
    reel = _reel(_frames(4))
    tail = reel.tail(9)
    assert tail.shape == (9, *SHAPE)
    assert (tail[:5] == 255).all()
    assert np.array_equal(tail[-1], reel.last_HW3)


def test_a_reel_survives_a_file() -> None:
    frames = _frames(KEY_FRAMES + 5)
    reel = Reel.read(BLANK, _reel(frames).to_arrays())
    assert np.array_equal(reel.clip(0, len(reel)), np.stack(frames))
    empty = Reel.read(BLANK, Reel(BLANK).to_arrays())
    assert len(empty) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: a.pop("counts"),
        lambda a: a.update(pixels=a["pixels"] + 10_000),
        lambda a: a.update(counts=a["counts"] + 1),
        lambda a: a.update(colors=a["colors"][:-1]),
        lambda a: a.update(counts=-a["counts"]),
    ],
)
def test_a_damaged_reel_is_refused(spoil: object) -> None:
    arrays = _reel(_frames(5)).to_arrays()
    spoil(arrays)  # type: ignore[operator]
    with pytest.raises(InvalidFile):
        Reel.read(BLANK, arrays)


def test_an_endless_drawing_stays_small() -> None:
    reel = _reel(_frames(1800))
    assert reel.num_bytes < 1800 * 20
