"""Clips for the tests of ink and strokes: true renders, and renders as a model decodes them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from videosketcher_app.core.geometry import TEMPORAL_STRIDE
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import Pen, Sketch, Stroke

CONCEPTS = ("cat", "bird", "chair", "house", "bicycle", "flower")


@cache
def drawing(concept: str) -> Composition:
    """One drawing of a concept, always the same."""
    return compose(programs()[concept], np.random.default_rng(11), drop=False, wording="described")


@cache
def clip(concept: str) -> NDArray[np.uint8]:
    """Its frames (T, H, W, 3)."""
    return renderer.frames(drawing(concept).sketch)


def as_decoded(frames_THW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Ink fades in over each latent frame, edges are softer, and there is decoder noise."""
    rng = np.random.default_rng(0)
    keys = frames_THW3[::TEMPORAL_STRIDE].astype(np.float32)
    keys = ndimage.gaussian_filter(keys, (0, 0.6, 0.6, 0))
    at = np.arange(len(frames_THW3)) / TEMPORAL_STRIDE
    first = np.minimum(at.astype(int), len(keys) - 2)
    share = (at - first).astype(np.float32)[:, None, None, None]
    soft = keys[first] * (1 - share) + keys[first + 1] * share
    soft += rng.standard_normal(soft.shape, dtype=np.float32) * 3
    return np.clip(np.round(soft), 0, 255).astype(np.uint8)


def line(
    points: list[tuple[float, float]], start: float, end: float, pen: Pen | None = None
) -> Stroke:
    """A stroke at constant pace and pressure along a polyline of equal steps."""
    points_N2 = np.array(points, np.float32)
    return Stroke(
        points_N2=points_N2,
        times_N=np.linspace(start, end, len(points), dtype=np.float32),
        pressure_N=np.ones(len(points), np.float32),
        pen=pen or Pen(width_px=3),
    )


def small_sketch(*strokes: Stroke) -> Sketch:
    """The strokes on a canvas of 96 x 72 px, 21 frames."""
    return Sketch(strokes=strokes, width_px=96, height_px=72, num_frames=21)
