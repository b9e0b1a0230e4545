"""The model's memory: whatever way it came to a place, it equals a fresh rollout bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.services.codraw.easels import HEIGHT, WIDTH
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.codraw.blocks import Block, BlockMaker, LatentShelf
from videosketcher_app.services.codraw.reel import Reel
from videosketcher_app.services.codraw.stage import Stage, stage_bytes

WORDS, OTHER = "a cat", "a circle step by step"


def _stage(folder: Path) -> Stage:
    shelf = LatentShelf(folder)
    return Stage(tiny_model(), WORDS, shelf, width=WIDTH, height=HEIGHT, num_inference_steps=1)


def _reel(num_frames: int, seed: int) -> Reel:
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    reel = Reel(picture)
    for _ in range(num_frames):
        picture = picture.copy()
        picture[rng.integers(HEIGHT, size=30), rng.integers(WIDTH, size=30)] = 0
        reel.add(picture)
    return reel


def _shown(maker: BlockMaker, words: str = WORDS) -> list[Block]:
    """Two blocks of a person, the first of a drawing."""
    reel = _reel(21, 5)
    return [
        maker.shown(words, reel, start=0, stop=9, parent=None),
        maker.shown(words, reel, start=9, stop=21, parent=None),
    ]


def _draw(stage: Stage, block: Block, seed: int, cancel: CancelToken | None = None) -> np.ndarray:
    steps = stage.draw(block, seed=seed, cancel=cancel or CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _grow(
    stage: Stage, maker: BlockMaker, path: Sequence[Block], words: Sequence[str]
) -> list[Block]:
    """The path with a drawn block for each of the words."""
    grown = list(path)
    for index, word in enumerate(words):
        stage.goto(grown, word)
        block = maker.drawn(word, start=0, stop=12)
        _draw(stage, block, seed=index)
        grown.append(block)
    return grown


def _fresh(folder: Path, path: Sequence[Block], words: str) -> np.ndarray:
    stage = _stage(folder)
    stage.goto(path, words)
    return _draw(stage, Block(99_999, words, 0, 12), seed=42)


@pytest.mark.parametrize("length", [1, 2, 6, 11], ids=lambda n: f"{n}_blocks")
@pytest.mark.parametrize("back", [0, 1, 3, 20])
def test_going_back_equals_a_fresh_rollout(tmp_path: Path, length: int, back: int) -> None:
    stage, maker = _stage(tmp_path), BlockMaker()
    path = _grow(stage, maker, _shown(maker), [WORDS] * length)
    kept = path[: max(0, len(path) - back)]
    stage.goto(kept, WORDS)
    drawn = _draw(stage, maker.drawn(WORDS, start=0, stop=12), seed=42)
    assert np.array_equal(drawn, _fresh(tmp_path, kept, WORDS))


def test_a_branch_and_the_way_back_equal_fresh_rollouts(tmp_path: Path) -> None:
    stage, maker = _stage(tmp_path), BlockMaker()
    trunk = _grow(stage, maker, _shown(maker), [WORDS] * 3)
    one = _grow(stage, maker, trunk, [WORDS] * 4)
    other = _grow(stage, maker, trunk, [WORDS] * 2)
    for path in (one, other, trunk, one[:-1], []):
        stage.goto(path, WORDS)
        drawn = _draw(stage, maker.drawn(WORDS, start=0, stop=12), seed=42)
        assert np.array_equal(drawn, _fresh(tmp_path, path, WORDS)), len(path)


@pytest.mark.parametrize(
    "words",
    [
        [WORDS, OTHER, OTHER],
        [OTHER, WORDS, OTHER, WORDS],
        [WORDS] * 8 + [OTHER] * 2,
    ],
)
def test_other_words_on_the_way_equal_fresh_rollouts(tmp_path: Path, words: list[str]) -> None:
    stage, maker = _stage(tmp_path), BlockMaker()
    path = _grow(stage, maker, _shown(maker), words)
    for back in (0, 1, len(words)):
        kept = path[: len(path) - back]
        for last in (WORDS, OTHER):
            stage.goto(kept, last)
            stage.goto(kept, WORDS if last == OTHER else OTHER)  # and says it otherwise at once
            stage.goto(kept, last)
            drawn = _draw(stage, maker.drawn(last, start=0, stop=12), seed=42)
            assert np.array_equal(drawn, _fresh(tmp_path, kept, last)), (back, last)


def test_strokes_read_ahead_piece_by_piece_equal_strokes_read_at_once(tmp_path: Path) -> None:
    maker = BlockMaker()
    shown = _shown(maker)
    ahead, at_once = _stage(tmp_path / "a"), _stage(tmp_path / "b")
    ahead.goto(shown[:1], WORDS)
    ahead.settle()
    ahead.goto(shown, WORDS)
    at_once.goto(shown, WORDS)
    one = _draw(ahead, maker.drawn(WORDS, start=0, stop=12), seed=1)
    other = _draw(at_once, maker.drawn(WORDS, start=0, stop=12), seed=1)
    assert np.array_equal(one, other)


def test_the_encoder_has_seen_what_was_on_the_screen_before(tmp_path: Path) -> None:
    maker, parent, reel = BlockMaker(), _reel(21, 5), _reel(24, 6)
    first = maker.shown(WORDS, reel, start=0, stop=12, parent=parent)
    second = maker.shown(WORDS, reel, start=12, stop=24, parent=parent)
    assert first.shown is not None
    assert second.shown is not None
    before = first.shown()[1]
    assert before is not None
    assert np.array_equal(before, parent.tail(9))
    assert np.array_equal(second.shown()[1], reel.clip(3, 12))
    encoded = []
    for screen in (parent, _reel(21, 7)):
        stage = _stage(tmp_path)
        path = _grow(stage, maker, _shown(maker), [WORDS])
        block = maker.shown(WORDS, reel, start=0, stop=12, parent=screen)
        stage.goto([*path, block], WORDS)
        encoded.append(stage._shelf.get(block))
    assert not np.array_equal(encoded[0], encoded[1])


def test_a_look_ahead_leaves_no_trace_and_is_what_comes(tmp_path: Path) -> None:
    stage, maker = _stage(tmp_path), BlockMaker()
    path = _grow(stage, maker, _shown(maker), [WORDS] * 9)  # the window is full
    stage.goto(path, WORDS)
    steps = stage.peek([], 2, seed=42, cancel=CancelToken())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            peeked, _ = end.value
            break
    first = _draw(stage, maker.drawn(WORDS, start=0, stop=12), seed=42)
    assert np.array_equal(peeked[:12], first)
    assert np.array_equal(first, _fresh(tmp_path, path, WORDS))


def test_a_cancelled_block_leaves_no_trace(tmp_path: Path) -> None:
    stage, maker = _stage(tmp_path), BlockMaker()
    path = _grow(stage, maker, _shown(maker), [WORDS])
    stage.goto(path, WORDS)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        _draw(stage, maker.drawn(WORDS, start=0, stop=12), seed=3, cancel=cancel)
    drawn = _draw(stage, maker.drawn(WORDS, start=0, stop=12), seed=42)
    assert np.array_equal(drawn, _fresh(tmp_path, path, WORDS))


def test_the_bytes_are_known_before_they_are_taken(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    assert stage.num_bytes == stage_bytes(tiny_model(), width=WIDTH, height=HEIGHT)
