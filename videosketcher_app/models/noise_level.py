"""The noise level that a network computes at, for what inside it depends on that.

A transformer is told timesteps, of every latent frame its own; a LoRA that speaks only from some level
on asks here. Where nobody says the level it counts as 0, the end of denoising.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LEVEL: ContextVar[float] = ContextVar("noise_level", default=0.0)


@contextmanager
def at_noise_level(sigma: float) -> Iterator[None]:
    """Inside, in this thread, everything is computed at sigma, 1 pure noise to 0 clean."""
    token = _LEVEL.set(sigma)
    try:
        yield
    finally:
        _LEVEL.reset(token)


def noise_level() -> float:
    """What `at_noise_level` says here; 0 outside."""
    return _LEVEL.get()
