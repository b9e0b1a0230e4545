"""Where the parts of an object belong: each relative to all the others.

A drawing may stand anywhere, at any size, mirrored or not. The program's own parts are laid over
the drawing's, with the medians of size and position over all parts, so that one misplaced part
does not pull the others; what is then left between a part and its usual position is its residual.

Legend: P parts of one drawing. Lengths are in object units (a program's own, an object is about 2
high); positions and radii of a drawing are in heights of the canvas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import resample
from videosketcher_app.evaluation.vocabulary import swap_sides
from videosketcher_app.evaluation.workers import Workers

DRAWS = 40
FEWEST_PARTS = 3  # with fewer there is no telling which one stands wrong
DEFAULT_TOLERANCE = 0.35
_SALT = 978
_SPACING = 0.03

Spot = NDArray[np.floating]  # x, y, root mean square radius
Spots = dict[str, Spot]  # by label
_MIRROR = np.array([-1, 1, 1], np.float32)


_known: dict[str, tuple[Spots, Spots]] = {}


def usual_spots(concept: str, *, mirrored: bool) -> Spots:
    """Median position and radius of every part of a concept over some random proportions."""
    if concept not in _known:
        _known[concept] = _measured_spots(concept)
    return _known[concept][mirrored]


def measure_spots(concepts: Iterable[str], workers: Workers) -> None:
    """Has the usual spots of concepts measured by workers, so that `usual_spots` knows them."""
    missing = [concept for concept in concepts if concept not in _known]
    found = workers.in_order(_measured_spots, ((concept,) for concept in missing))
    _known.update(zip(missing, found, strict=True))


def _measured_spots(concept: str) -> tuple[Spots, Spots]:
    """The spots as they are, and mirrored."""
    program, seen = programs()[concept], {}
    for seed in range(DRAWS):
        for part in program.draw(np.random.default_rng([_SALT, seed])):
            curves = [resample(np.asarray(c, np.float32), _SPACING) for c in part.curves]
            points = np.vstack(curves)
            middle = points.mean(0)
            radius = np.sqrt(((points - middle) ** 2).sum(1).mean())
            seen.setdefault(part.name, []).append((*middle, radius))
    usual: Spots = {name: np.median(spots, axis=0) for name, spots in seen.items()}
    return (
        {f"{concept}/{name}": spot for name, spot in usual.items()},
        {f"{concept}/{swap_sides(name)}": spot * _MIRROR for name, spot in usual.items()},
    )


def residuals(
    labels: Sequence[str],
    centers_P2: NDArray[np.floating],
    radii_P: NDArray[np.floating],
    tolerances: Mapping[str, float],
) -> NDArray[np.float64]:
    """How far each part stands from where it belongs, in object units (P,).

    Of the drawing and its mirror image, the reading with more parts in place counts. Zero for all
    if the drawing has fewer than FEWEST_PARTS parts.

    Args:
        labels: "concept/part" of the parts that were found.
        centers_P2, radii_P: of their masks, in heights of the canvas.
        tolerances: how far each label may stand off.
    """
    if len(labels) < FEWEST_PARTS:
        return np.zeros(len(labels))
    allowed = np.array([tolerances.get(label, DEFAULT_TOLERANCE) for label in labels])
    sides = (False, True) if programs()[labels[0].split("/")[0]].mirrors else (False,)
    found = [_residuals(labels, centers_P2, radii_P, mirrored=side) for side in sides]
    return min(found, key=lambda off: (int((off > allowed).sum()), float(np.median(off))))


def _residuals(
    labels: Sequence[str],
    centers_P2: NDArray[np.floating],
    radii_P: NDArray[np.floating],
    *,
    mirrored: bool,
) -> NDArray[np.float64]:
    usual = usual_spots(labels[0].split("/")[0], mirrored=mirrored)
    if not all(label in usual for label in labels):
        return np.full(len(labels), np.inf)
    spots_P3 = np.stack([usual[label] for label in labels])
    scale = float(np.median(radii_P / np.maximum(spots_P3[:, 2], 1e-3)))
    laid_P2 = scale * spots_P3[:, :2]
    shift = np.median(centers_P2 - laid_P2, axis=0)
    return np.hypot(*(centers_P2 - laid_P2 - shift).T) / max(scale, 1e-6)
