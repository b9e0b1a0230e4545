"""Stops at random moments, and next turns that are as if nothing had been.

A few here; three hundred of them in tests/faults.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from tests.services.codraw.easels import draw_line, fresh_stage, play, raw_clip, studio
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.services.codraw.blocks import Block
from videosketcher_app.services.codraw.events import FrameDrawn, TurnEnded
from videosketcher_app.services.codraw.session import Session

A_FEW = 30
MOST_BLOCKS = 5  # then back to blank paper, so that a fresh rollout stays short


def test_after_a_random_stop_the_next_turn_is_that_of_a_fresh_rollout(tmp_path: Path) -> None:
    stop_at_random(tmp_path, A_FEW, seed=11)


def stop_at_random(folder: Path, count: int, *, seed: int) -> None:
    """Stops so many turns and compares every next turn with a fresh rollout."""
    rng = np.random.default_rng(seed)
    with studio(folder) as shared:
        session = shared.open()
        for number in range(count):
            if len(session._tree.blocks()) > MOST_BLOCKS:
                session.branch(None)
            if rng.random() < 0.2:
                draw_line(session, tuple(rng.uniform(4, 44, 2)), tuple(rng.uniform(4, 44, 2)))
            shown = int(rng.integers(-1, 20))
            picture = _stopped_turn(session, shown, from_outside=bool(rng.integers(2)))
            assert np.array_equal(session.picture(), picture), number
            assert not session.is_drawing
            seed = int(rng.integers(2**32))
            expected = _fresh_block(session, seed)
            assert np.array_equal(raw_clip(play(session, 1, seed=seed)), expected), number
            session.undo()


def _stopped_turn(session: Session, shown: int, *, from_outside: bool) -> np.ndarray:
    """Stops a turn at a frame and returns the picture that was on the screen then."""
    picture, endings = session.picture(), 0
    for event in session.generate(24):
        if isinstance(event, FrameDrawn):
            if event.index <= shown:
                picture = event.frame_HW3
            if event.index >= shown:
                _stop(session, shown, from_outside=from_outside)
        endings += isinstance(event, TurnEnded)
    assert endings == 1
    return picture


def _stop(session: Session, shown: int, *, from_outside: bool) -> None:
    if not from_outside:
        session.cancel(shown)
        return
    other = threading.Thread(target=session.cancel, args=(shown,))
    other.start()
    other.join()


def _fresh_block(session: Session, seed: int) -> np.ndarray:
    path, words = session._tree.blocks(), session._words.text
    stage = fresh_stage(session.folder, words)
    stage.goto(path, words)
    steps = stage.draw(Block(10**6, words, 0, 12), seed=seed, cancel=CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            stage.close()
            return end.value
