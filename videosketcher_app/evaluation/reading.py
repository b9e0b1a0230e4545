"""Reads a finished drawing against its plan: which parts are there, where, and drawn when.

Legend: H/W the detector's grid (120 x 216), Q labels asked, N ink pixels, P parts of the plan.
The detector sees the picture only; times come from the time of ink under each part's mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from videosketcher_app.data.renderer import NEVER
from videosketcher_app.evaluation.detector import Detector, Masks
from videosketcher_app.evaluation.layout import DEFAULT_TOLERANCE, residuals
from videosketcher_app.evaluation.renders import GRID_HEIGHT, GRID_WIDTH, distance_to_place
from videosketcher_app.evaluation.vocabulary import BASIC_SHAPES, related

OWNED = 0.5  # probability from which a pixel belongs to a part
CLAIMED = 0.15  # probability from which a pixel is no extra ink
PLACE_TOLERANCE = 0.10  # of the canvas
DEFAULT_THRESHOLD = 6.0  # pixels of the grid, for a label without calibration


@dataclass(frozen=True, kw_only=True)
class PartReading:
    """One part of the plan in the drawing.

    Attributes:
        label: as asked of the detector.
        score: sum of the mask's probabilities over the ink.
        present: the score reaches the label's threshold.
        center: x, y of the mask in [0, 1], None without a mask.
        radius: root mean square radius of the mask in heights of the canvas.
        in_place: present where it belongs. A shape's center lies in the named third (tolerance
            10 %); a part of an object stands where the other parts say (`layout`).
        right_shape: the true shape ranks first of the fifteen at its place; None for objects.
        frame: median time of ink of the mask, None if it is missing or no times were given.
    """

    label: str
    score: float
    present: bool
    center: tuple[float, float] | None
    radius: float
    in_place: bool
    right_shape: bool | None
    frame: float | None


@dataclass(frozen=True, kw_only=True)
class DrawingReading:
    """All parts of a drawing.

    Attributes:
        parts: in the order of the plan.
        extra_ink: share of the ink that no part of the plan claims.
        pairs_right, pairs: ordered pairs of present parts; a tie counts one half.
    """

    parts: tuple[PartReading, ...]
    extra_ink: float
    pairs_right: float
    pairs: int


def queries_of(labels: Sequence[str]) -> list[str]:
    """The labels to ask the detector for: the parts, and every shape at the places of shapes."""
    asked = list(dict.fromkeys(labels))
    places = dict.fromkeys(label.split("@")[1] for label in labels if "@" in label)
    more = (f"{shape}@{place}" for place in places for shape in BASIC_SHAPES)
    return list(dict.fromkeys([*asked, *more]))


def read_drawings(
    detector: Detector,
    inks: Sequence[NDArray[np.float32]],
    labels: Sequence[Sequence[str]],
    times: Sequence[NDArray[np.float32] | None],
) -> list[DrawingReading]:
    """Reads many drawings.

    Args:
        inks: coverage (H, W) of each.
        labels: the parts of each plan, in drawing order.
        times: frame at which each pixel (H, W) was inked, or None.

    Raises:
        InvalidRequest: a label is not in the detector's vocabulary.
    """
    found = detector.masks(inks, [queries_of(names) for names in labels])
    thresholds = detector.calibration.get("thresholds", {})
    tolerances = detector.calibration.get("tolerances", {})
    return [
        read_drawing(masks, names, times_HW, thresholds, tolerances)
        for masks, names, times_HW in zip(found, labels, times, strict=True)
    ]


def read_drawing(
    masks: Masks,
    labels: Sequence[str],
    times_HW: NDArray[np.float32] | None,
    thresholds: Mapping[str, float],
    tolerances: Mapping[str, float],
) -> DrawingReading:
    """Reads one drawing from its masks (which hold `queries_of(labels)`, in that order).

    Args:
        thresholds: score from which a part is present, by `threshold_key`.
        tolerances: how far parts of objects may stand off, in object units.
    """
    asked = dict(zip(queries_of(labels), masks.probability_QN, strict=True))
    own_PN = np.stack([part_probability(label, labels, asked) for label in labels])
    times_N = None if times_HW is None else times_HW[masks.rows_N, masks.columns_N]
    crowded_N = (own_PN > OWNED).sum(0) > 1
    parts = [
        _read_part(label, row, asked, masks, times_N, crowded_N, labels, thresholds)
        for label, row in zip(labels, own_PN, strict=True)
    ]
    parts = _with_places(parts, tolerances)
    right, pairs = ordered_pairs([part.frame for part in parts])
    return DrawingReading(
        parts=tuple(parts),
        extra_ink=_unclaimed(masks, own_PN),
        pairs_right=right,
        pairs=pairs,
    )


def part_probability(
    label: str, labels: Sequence[str], asked: dict[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """How surely each ink pixel (N) is this part, whatever its shape if the part is a shape.

    A part that is a shape owns the ink of any shape at its place, so that presence, place and shape
    are separate figures, but not the ink that another part of the plan claims.
    """
    if "@" not in label:
        return asked[label]
    shape, place = label.split("@")
    others = [other for other in labels if other != label]
    here = [other.split("@")[0] for other in others if other.endswith(f"@{place}")]
    rivals = [
        asked[f"{word}@{place}"]
        for word in BASIC_SHAPES
        if related(word, shape) or not any(related(word, taken) for taken in here)
    ]
    rival = np.max([np.zeros_like(asked[label]), *rivals], axis=0)
    if others:
        theirs = np.max([asked[other] for other in others], axis=0)
        rival = np.where(theirs < OWNED, rival, 0)
    return np.maximum(asked[label], rival).astype(np.float32)


def ordered_pairs(frames: Sequence[float | None]) -> tuple[float, int]:
    """How many pairs of present parts were drawn in the plan's order, and of how many."""
    known = [frame for frame in frames if frame is not None]
    pairs = [(a, b) for i, a in enumerate(known) for b in known[i + 1 :]]
    return sum((a < b) + 0.5 * (a == b) for a, b in pairs), len(pairs)


def threshold_key(label: str) -> str:
    """Under which name the calibration keeps a label's threshold: a shape's holds at all places."""
    return label.split("@")[0]


def _read_part(
    label: str,
    own_N: NDArray[np.float32],
    asked: dict[str, NDArray[np.float32]],
    masks: Masks,
    times_N: NDArray[np.float32] | None,
    crowded_N: NDArray[np.bool_],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
) -> PartReading:
    score = float(own_N.sum())
    present = score >= thresholds.get(threshold_key(label), DEFAULT_THRESHOLD)
    center, radius = _spot(masks, own_N) if present and score > 0 else (None, 0.0)
    place = label.split("@")[1] if "@" in label else None
    in_place = present
    if place and center:
        in_place = distance_to_place(center, place) <= PLACE_TOLERANCE
    return PartReading(
        label=label,
        score=score,
        present=present,
        center=center,
        radius=radius,
        in_place=in_place,
        right_shape=(present and _ranks_first(label, labels, asked)) if place else None,
        frame=_frame(own_N, times_N, crowded_N) if present and times_N is not None else None,
    )


def _spot(masks: Masks, own_N: NDArray[np.float32]) -> tuple[tuple[float, float], float]:
    """Middle of a mask in [0, 1] and its radius in heights of the canvas."""
    weight = np.where(own_N > OWNED, own_N, 0) if (own_N > OWNED).any() else own_N
    weight = weight / weight.sum()
    x, y = masks.columns_N + 0.5, masks.rows_N + 0.5
    middle_x, middle_y = float((weight * x).sum()), float((weight * y).sum())
    spread = float((weight * ((x - middle_x) ** 2 + (y - middle_y) ** 2)).sum())
    return (middle_x / GRID_WIDTH, middle_y / GRID_HEIGHT), float(np.sqrt(spread)) / GRID_HEIGHT


def object_residuals(
    parts: Sequence[PartReading], tolerances: Mapping[str, float]
) -> dict[str, float]:
    """How far each present part of an object stands from where it belongs, in object units."""
    found = [part for part in parts if part.center and "@" not in part.label]
    if not found:
        return {}
    # Both coordinates in heights of the canvas, so that they compare.
    aspect = np.array([GRID_WIDTH / GRID_HEIGHT, 1.0])
    centers_P2 = np.array([part.center for part in found]) * aspect
    radii_P = np.array([part.radius for part in found])
    labels = [part.label for part in found]
    off = residuals(labels, centers_P2, radii_P, tolerances)
    return dict(zip(labels, off.tolist(), strict=True))


def _with_places(parts: list[PartReading], tolerances: Mapping[str, float]) -> list[PartReading]:
    off = object_residuals(parts, tolerances)
    return [
        replace(part, in_place=off[part.label] <= tolerances.get(part.label, DEFAULT_TOLERANCE))
        if part.label in off
        else part
        for part in parts
    ]


def _frame(
    own_N: NDArray[np.float32], times_N: NDArray[np.float32], crowded_N: NDArray[np.bool_]
) -> float | None:
    mine = (own_N > OWNED) & (times_N < NEVER)
    alone = mine & ~crowded_N  # where lines cross, the first part's time would count for both
    if alone.sum() >= 3:
        mine = alone
    if not mine.any():
        mine = (own_N >= own_N.max()) & (times_N < NEVER)
    return float(np.median(times_N[mine])) if mine.any() else None


def _ranks_first(label: str, labels: Sequence[str], asked: dict[str, NDArray]) -> bool:
    shape, place = label.split("@")
    planned = {other.split("@")[0] for other in labels if other.endswith(f"@{place}")}
    mass = asked[label].sum()
    return all(
        mass >= asked[f"{other}@{place}"].sum()
        for other in BASIC_SHAPES
        if other not in planned and not related(shape, other)
    )


def _unclaimed(masks: Masks, own_PN: NDArray[np.float32]) -> float:
    """Share of the ink that lies on no part's mask and not next to one."""
    ink_N = masks.ink_HW[masks.rows_N, masks.columns_N]
    if not len(ink_N):
        return 0.0
    claimed = np.zeros(masks.ink_HW.shape, bool)
    claimed[masks.rows_N, masks.columns_N] = (own_PN > CLAIMED).any(0)
    claimed = np.asarray(ndimage.binary_dilation(claimed, np.ones((3, 3), bool)), bool)
    free_N = ~claimed[masks.rows_N, masks.columns_N]
    return float((ink_N * free_N).sum() / ink_N.sum())
