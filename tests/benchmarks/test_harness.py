"""A ratio counts only if both variants gave the same result."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.harness import compare, parity_of, spread


def test_equal_results_have_perfect_parity():
    x = np.arange(1.0, 9.0)
    parity = parity_of(x, x)
    assert parity.relative_error == 0
    assert parity.cosine == pytest.approx(1.0)


def test_failed_parity_voids_the_speed():
    x = np.arange(1.0, 9.0)
    assert not compare(lambda: x, lambda: x + 1, max_relative_error=0.01).valid


def test_variants_run_in_turns():
    calls = []
    compare(
        lambda: calls.append("a") or np.ones(1),
        lambda: calls.append("b") or np.ones(1),
        max_relative_error=0.0,
    )
    assert "".join(calls) == "ab" * 5


def test_spread_is_median_and_ends():
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
