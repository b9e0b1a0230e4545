"""A turn over a video: block by block, with the drawing so far in the model's memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import (
    HEIGHT,
    WIDTH,
    Studio,
    draw_line,
    ended,
    play,
    raw_clip,
    studio,
)
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.services.codraw.video import Video, read_video, require_video
from videosketcher_app.storage import media


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened


def moving_square(count: int) -> np.ndarray:
    """A dark square that walks over white paper, (T, H, W, 3)."""
    frames = np.full((count, HEIGHT, WIDTH, 3), 255, np.uint8)
    for index in range(count):
        left = index * (WIDTH - 16) // max(1, count - 1)
        frames[index, 16:32, left : left + 16] = 0
    return frames


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_the_less_is_drawn_anew_the_nearer_it_is_to_the_video(shared: Studio) -> None:
    frames = moving_square(33)
    clips = []
    for strength in (1e-6, 0.2, 1.0):
        session = shared.open(concept="a cat")
        turn = play(session, None, seed=2, over=Video(frames_THW3=frames, strength=strength))
        assert ended(turn).num_frames == 33, "as long as the video"
        clips.append(raw_clip(turn))
    plain = raw_clip(play(shared.open(concept="a cat"), 33, seed=2))
    video, near, far = clips  # the first is the video as the VAE gives it back
    assert 0 < distance(near, video) < distance(far, video)
    assert np.array_equal(far, plain), "a strength of 1 forgets the video"


def test_a_turn_over_a_video_goes_on_from_the_drawing_and_is_the_same_again(shared: Studio) -> None:
    session = shared.open(concept="a cat")
    draw_line(session)
    play(session, 12, seed=1)
    over = Video(frames_THW3=moving_square(20), strength=0.6)
    once = raw_clip(play(session, 24, seed=2, over=over))
    assert len(once) == 24, "its last frame holds still"
    session.undo()
    session._side.idle()
    stopped = iter(session.generate(24, seed=2, over=over))
    next(stopped)
    next(stopped)
    session.cancel(-1)
    list(stopped)
    assert np.array_equal(raw_clip(play(session, 24, seed=2, over=over)), once)


def test_words_change_over_a_video(shared: Studio) -> None:
    over = Video(frames_THW3=moving_square(33), strength=0.6)
    clips = []
    for words in ("a cat", "a house"):
        session = shared.open(concept="a cat")
        events = []
        for event in session.generate(33, seed=2, over=over):
            events.append(event)
            if getattr(event, "index", None) == 3:
                session.say(words)
        clips.append(raw_clip(events))
    assert np.array_equal(clips[0][:9], clips[1][:9])
    assert not np.array_equal(clips[0][9:], clips[1][9:])


@pytest.mark.parametrize(
    "video",
    [
        Video(frames_THW3=np.zeros((9, 24, 24, 3), np.uint8)),
        Video(frames_THW3=np.zeros((0, HEIGHT, WIDTH, 3), np.uint8)),
        Video(frames_THW3=np.zeros((9, HEIGHT, WIDTH), np.uint8)),
        Video(frames_THW3=np.zeros((9, HEIGHT, WIDTH, 3), np.uint8), strength=0.0),
        Video(frames_THW3=np.zeros((9, HEIGHT, WIDTH, 3), np.uint8), strength=float("nan")),
    ],
)
def test_a_video_that_does_not_fit_is_refused(shared: Studio, video: Video) -> None:
    session = shared.open()
    with pytest.raises(InvalidRequest):
        session.generate(12, over=video)
    assert not session.is_drawing


def test_a_picture_is_a_video_that_holds_still(tmp_path: Path) -> None:
    media.write_png(tmp_path / "a.png", moving_square(1)[0])
    video = read_video(tmp_path / "a.png", width=WIDTH, height=HEIGHT, num_frames=5)
    assert len(video) == 5
    assert (video.frames_THW3 == video.frames_THW3[0]).all()
    with pytest.raises(InvalidFile, match="no video"):
        require_video(tmp_path / "b.mp4")
