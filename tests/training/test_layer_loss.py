"""The three errors of a layer: worked out by hand, and each sees only what it is for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from videosketcher_app.training.layer_loss import border, color_loss, motion_loss, shape_loss

SHAPE = (2, 3, 4, 6, 8)  # B, C, F, h, w


def boxes(*places: tuple[slice, slice]) -> torch.Tensor:
    """Layers (B, L, F, h, w) that fill a box each, in all frames."""
    share = torch.zeros(2, len(places), 4, 6, 8, dtype=torch.float64)
    for number, (rows, columns) in enumerate(places):
        share[:, number, :, rows, columns] = 1
    return share


LARGE, SMALL = (slice(0, 6), slice(0, 4)), (slice(1, 3), slice(5, 7))
BOTH = boxes(LARGE, SMALL)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def means(of_layer: Callable[[np.ndarray, np.ndarray], float], error: torch.Tensor) -> np.ndarray:
    """Mean over the layers of each clip, in plain numpy."""
    e, m = error.numpy(), BOTH.numpy()
    return np.array([np.mean([of_layer(e[b], m[b, k]) for k in range(2)]) for b in range(2)])


def test_color_is_the_error_of_the_mean():
    def by_hand(e: np.ndarray, m: np.ndarray) -> float:
        frames = [(e[:, f] * m[f]).sum((1, 2)) / m[f].sum() for f in range(4)]
        return float(np.mean([(mean**2).mean() for mean in frames]))

    error = noise(1)
    np.testing.assert_allclose(color_loss(error, BOTH).numpy(), means(by_hand, error), atol=1e-12)


def test_motion_is_the_error_of_steps():
    def by_hand(e: np.ndarray, m: np.ndarray) -> float:
        steps = [((e[:, f + 1] - e[:, f]) ** 2).mean(0) * m[f] for f in range(3)]
        return float(np.sum(steps) / m[:3].sum())

    error = noise(2)
    np.testing.assert_allclose(motion_loss(error, BOTH).numpy(), means(by_hand, error), atol=1e-12)


def test_shape_looks_along_borders_only():
    weight = border(BOTH)
    assert weight[0, 0, 0, 3].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert float(weight[0, 1, 0, 1:3, 5:7].min()) == 1  # so small that all of it is border
    inside = torch.zeros(SHAPE, dtype=torch.float64)
    inside[..., :, 0:3] = 5.0
    assert float(shape_loss(inside, BOTH[:, :1]).max()) == 0
    inside[..., :, 3] = 2.0
    expected = 4.0 / 2  # half of the border's cells are wrong by 2
    assert shape_loss(inside, BOTH[:, :1]).tolist() == pytest.approx([expected] * 2)


def test_a_small_layer_counts_as_much_as_a_large_one():
    large, small = (torch.zeros(SHAPE, dtype=torch.float64) for _ in range(2))
    large[..., LARGE[0], LARGE[1]] = 1
    small[..., SMALL[0], SMALL[1]] = 1
    torch.testing.assert_close(color_loss(large, BOTH), color_loss(small, BOTH))


def test_errors_that_cancel_keep_the_color_and_errors_that_stay_are_no_motion():
    checkers = torch.ones(SHAPE, dtype=torch.float64)
    checkers[..., ::2] = -1
    assert float(color_loss(checkers, BOTH).max()) == pytest.approx(0)
    assert float(motion_loss(checkers, BOTH).max()) == 0
    assert float(shape_loss(checkers, BOTH).min()) > 0
    trembling = checkers.clone()
    trembling[:, :, 1::2] *= -1
    assert float(motion_loss(trembling, BOTH).min()) == pytest.approx(4)


def test_layers_that_are_not_there_change_nothing():
    error = noise(3).requires_grad_()
    padded = torch.cat([BOTH, torch.zeros_like(BOTH[:, :1])], dim=1)
    for loss in (shape_loss, color_loss, motion_loss):
        torch.testing.assert_close(loss(error, padded), loss(error, BOTH))
        nothing = loss(error, torch.zeros_like(BOTH)).sum()
        nothing.backward()
        assert float(nothing.detach()) == 0
    assert error.grad is not None
    assert bool(error.grad.isfinite().all())
