"""Model ink on paper: it stays, keeps off the user's ink and out of locked paper."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.codraw.paper import Paper, check_polygon, free_paper

WIDTH, HEIGHT = 60, 40
BLANK = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def _with_user_line(color: tuple[float, float, float] = (1.0, 0.8, 0.0)) -> Paper:
    coverage = np.zeros((HEIGHT, WIDTH), np.float32)
    coverage[20, 5:55] = 1.0
    return Paper.blank(WIDTH, HEIGHT).lay(coverage, color, erase=False)


def test_no_frame_of_the_model_alters_the_users_ink() -> None:
    paper, rng = _with_user_line(), np.random.default_rng(0)
    before = paper.picture_HW3[20, 5:55].copy()
    for _ in range(50):
        raw = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        paper = Paper(paper.inked(raw, BLANK, None)[0], paper.user_HW)
    assert np.array_equal(paper.picture_HW3[20, 5:55], before)


def test_ink_never_gets_lighter() -> None:
    paper, rng = Paper.blank(WIDTH, HEIGHT), np.random.default_rng(1)
    for _ in range(30):
        raw = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        picture, _ = paper.inked(raw, BLANK, None)
        assert (picture <= paper.picture_HW3).all()
        paper = Paper(picture, paper.user_HW)


def test_noise_and_the_decoders_halo_are_no_ink() -> None:
    paper = _with_user_line((0.0, 0.0, 0.0))
    halo = BLANK.copy()
    halo[18:23, 4:56] = 140  # how this decoder shows the thin line
    noisy = np.clip(
        halo.astype(int) + np.random.default_rng(2).integers(-9, 10, halo.shape), 0, 255
    )
    picture, _ = paper.inked(noisy.astype(np.uint8), halo, None)
    assert np.array_equal(picture, paper.picture_HW3)


def test_locked_paper_takes_no_ink_and_says_how_much_it_kept_out() -> None:
    free = free_paper([[(0, 0), (30, 0), (30, 40), (0, 40)]], WIDTH, HEIGHT)
    raw = BLANK.copy()
    raw[10, :] = 0
    picture, kept_out = Paper.blank(WIDTH, HEIGHT).inked(raw, BLANK, free)
    assert (picture[:, :31] == 255).all()
    assert (picture[10, 31:] == 0).all()
    assert kept_out == pytest.approx(31 / 60)
    assert free_paper([], WIDTH, HEIGHT) is None


@pytest.mark.parametrize(
    "polygon",
    [[], [(1, 2), (3, 4)], "abc", [(1, 2, 3)] * 4, [(float("nan"), 1)] * 3, [(0, 0)] * 9999],
)
def test_a_lasso_that_is_none_is_refused(polygon: object) -> None:
    with pytest.raises(InvalidRequest):
        check_polygon(polygon)  # type: ignore[arg-type]
