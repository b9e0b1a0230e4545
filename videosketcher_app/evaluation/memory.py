"""Is it drawn or remembered? How much drawings of one plan differ, and their nearest render.

Legend: N points of ink. A drawing is aligned by moving its ink's center to 0 and scaling its root
mean square radius to 1; distances are in that unit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.renders import INK_PIXEL, render
from videosketcher_app.evaluation.workers import Workers

RENDER_SEED = 7  # the grammar's own drawings that models are compared with
TRAINING_SEED = 3  # `data_seed` of presets/training/pocket_t2v.yaml: the drawings seen in training
MOST_POINTS = 500
# By descriptor; the nearest of 1,110 renders was among the first 40, mostly the first.
CANDIDATES = 48
CHUNK = 64  # renders that a worker makes at a time, in about half a second
_CELLS, _REACH = 24, 2.4


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """The render that looks most like a drawing.

    Attributes:
        distance: Chamfer distance after alignment.
        concept: the render's program, "primitives" or "pseudo".
        ink_HW: the render's coverage on the grid.
    """

    distance: float
    concept: str
    ink_HW: NDArray[np.float32]


def aligned(ink_HW: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink as at most MOST_POINTS points (N, 2), aligned; empty for an empty picture."""
    rows, columns = np.nonzero(ink_HW > INK_PIXEL)
    points = np.stack([columns, rows], 1).astype(np.float32)
    if len(points) < 2:
        return points[:0]
    if len(points) > MOST_POINTS:
        points = points[np.linspace(0, len(points) - 1, MOST_POINTS).astype(int)]
    points = points - points.mean(0)
    return points / max(1e-6, float(np.sqrt((points**2).sum(1).mean())))


def chamfer(one_N2: NDArray[np.float32], other_N2: NDArray[np.float32]) -> float:
    """Mean distance from each point to the nearest of the other drawing, both ways averaged."""
    if not len(one_N2) or not len(other_N2):
        return float("nan")
    there = KDTree(other_N2).query(one_N2)[0].mean()
    back = KDTree(one_N2).query(other_N2)[0].mean()
    return float(there + back) / 2


def spread(inks: Sequence[NDArray[np.float32]]) -> float:
    """Mean Chamfer distance of all pairs of drawings."""
    points = [aligned(ink) for ink in inks]
    distances = [chamfer(a, b) for a, b in combinations(points, 2)]
    known = [value for value in distances if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def own_renders(concept: str, plan: DrawingPlan, count: int) -> list[NDArray[np.float32]]:
    """The grammar's own drawings of a canonical plan, in `count` random proportions and poses.

    A mirrored drawing counts if its words are the same: then models saw both under this plan.
    """
    program, found, seed = programs()[concept], [], 0
    wanted = sorted(part.text for part in plan.parts)
    while len(found) < count and seed < 50 * count:
        rng = np.random.default_rng([RENDER_SEED, seed])
        mirrored = program.mirrors and bool(rng.random() < 0.5)
        layout = Layout(mirrored=mirrored, tilt=float(rng.uniform(-0.04, 0.04)))
        drawing = compose(
            program, rng, drop=False, shuffle=False, wording="described", layout=layout
        )
        if sorted(part.text for part in drawing.plan.parts) == wanted:
            found.append(render(drawing.sketch, len(drawing.labels)).ink_HW)
        seed += 1
    return found


def spread_ratio(concept: str, plan: DrawingPlan, inks: Sequence[NDArray[np.float32]]) -> float:
    """How much a model's drawings of a canonical plan differ, relative to the grammar's own; NaN
    if either side has fewer than two drawings.
    """
    own = spread(own_renders(concept, plan, len(inks)))
    return spread(inks) / own if own > 0 else float("nan")


class TrainingRenders:
    """The first `size` drawings of the training, to look among them for what a drawing copies.

    Workers make them chunk by chunk, about 10 ms a render, while a model draws.
    """

    def __init__(self, size: int, workers: Workers) -> None:
        self.size, self._workers = size, workers
        self._left = deque(range(0, size, CHUNK))
        self._chunks: list[Future[NDArray[np.float16]]] = []

    def make_more(self) -> None:
        """Asks for one more chunk, if any is left."""
        if self._left:
            start = self._left.popleft()
            chunk = self._workers.submit(_descriptors, start, min(start + CHUNK, self.size))
            self._chunks.append(chunk)

    def nearest(self, inks: Sequence[NDArray[np.float32]]) -> list[Nearest]:
        """For every drawing the render that looks most like it."""
        while self._left:
            self.make_more()
        pool_PD = np.concatenate([chunk.result() for chunk in self._chunks]).astype(np.float32)
        candidates = [_candidates(pool_PD, ink) for ink in inks]
        return list(self._workers.in_order(_nearest, zip(inks, candidates, strict=True)))


def _candidates(pool_PD: NDArray[np.float32], ink_HW: NDArray[np.float32]) -> list[int]:
    """Indices of the drawings of a pool that look most like a drawing."""
    apart_PD = pool_PD - descriptor(aligned(ink_HW))
    apart_P = np.square(apart_PD, out=apart_PD).sum(1)
    return np.argsort(apart_P, kind="stable")[:CANDIDATES].tolist()


def _nearest(ink_HW: NDArray[np.float32], candidates: Sequence[int]) -> Nearest:
    points = aligned(ink_HW)
    if not len(points):
        return Nearest(distance=float("inf"), concept="", ink_HW=np.zeros_like(ink_HW))
    drawn = [training_drawing(index) for index in candidates]
    inks = [render(drawing.sketch, len(drawing.labels)).ink_HW for drawing in drawn]
    distances = [chamfer(points, aligned(ink)) for ink in inks]
    best = int(np.nanargmin(distances))
    return Nearest(distance=distances[best], concept=drawn[best].source, ink_HW=inks[best])


@cache
def _training() -> SketchSource:
    return SketchSource(SketchMix(), TRAINING_SEED, held_out)


def training_drawing(index: int) -> Composition:
    """What the shipped text model saw as sample `index` of its training."""
    return _training()(index)


def _descriptors(start: int, stop: int) -> NDArray[np.float16]:
    """The descriptors (P, D) of some drawings of the training."""
    drawings = map(training_drawing, range(start, stop))
    inks = (render(drawing.sketch, len(drawing.labels)).ink_HW for drawing in drawings)
    return np.stack([descriptor(aligned(ink)) for ink in inks])


def descriptor(points_N2: NDArray[np.float32]) -> NDArray[np.float16]:
    """A small blurred picture of aligned points, of length 1, to find candidates quickly."""
    edges = np.linspace(-_REACH, _REACH, _CELLS + 1)
    counts, _, _ = np.histogram2d(*np.clip(points_N2.T, -_REACH, _REACH), bins=[edges, edges])
    blurred = gaussian_filter(np.sqrt(counts), 0.8).reshape(-1)
    return (blurred / max(1e-6, float(np.linalg.norm(blurred)))).astype(np.float16)


def mean_ratio(ratios: Iterable[float]) -> float:
    """Mean of the known ratios; NaN if there is none."""
    known = [ratio for ratio in ratios if not np.isnan(ratio)]
    return float(np.mean(known)) if known else float("nan")
