"""Whether a drawing is in a style: measured marks of line, proportions and order, and a classifier.

The classifier is a logistic regression on eight measured figures, fitted on renders of two hands (the
grammar's own and `data.style_hand`), clean ones and ones with faults, and on drawings of the model
before it was taught, which are plain: broken lines are no style. It is calibrated on concepts that it
did not see. Its calibration belongs beside every figure that is read with it.

Legend: T frames, H/W pixels, D drawings, M marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label as labelled
from skimage.morphology import skeletonize

from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.ink import InkMap, ink_map
from videosketcher_app.data.style_hand import TAUGHT, plain_drawing, restyled_drawing
from videosketcher_app.evaluation.rough import roughened

MARKS = (
    "line_width",  # twice the middle distance of the lines' middles to paper, pixels
    "ink_per_line",  # ink over length of the lines' middles, pixels
    "beside",  # paper between lines that run side by side, share of ink
    "enclosed",  # small enclosed spots of paper, for 100 pixels of line
    "wavy",  # share of the lines' middles that turns
    "spread",  # width of the lower half over width of the upper half, logarithm
    "weight",  # height of the ink's middle in its box, 0 top, 1 bottom
    "returns",  # share of places that are drawn in two opposite directions at once
)
LINE_MARKS, PROPORTION_MARKS, ORDER_MARKS = MARKS[:5], MARKS[5:7], MARKS[7:]
INK = 0.3
SIDE_BY_SIDE_PX = 4
SPOT_PX = 220
PASSING_FRAMES = 6  # a larger step of time is another stroke
_NEWTON_STEPS = 100
_RIDGE = 1.0
_FIT_SEED, _CALIBRATION_SEED, _ROUGH_SALT = 51_000, 52_000, 54


def style_marks(frames_THW3: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The marks (M,) of a drawing's clip; zeros if it has no ink."""
    found = ink_map(frames_THW3)
    ink_HW = found.darkness_HW >= INK
    if ink_HW.sum() < 20:
        return np.zeros(len(MARKS))
    middle_HW = skeletonize(ink_HW)
    length = max(1, int(middle_HW.sum()))
    return np.array(
        [
            *_line_marks(ink_HW, middle_HW, length),
            *_proportion_marks(ink_HW),
            _returning(found, ink_HW),
        ]
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class StyleClassifier:
    """Logistic regression on standardized marks.

    Attributes:
        mean_M, scale_M: of the marks in fitting.
        weight_M, bias: of the standardized marks.
        calibration: on true renders of unseen concepts: "plain_as_new" and "new_as_new", shares
            that were called the new style, the same with a model's faults ("rough_plain_as_new",
            "rough_new_as_new"), and "drawings" of each hand.
    """

    mean_M: NDArray[np.float64]
    scale_M: NDArray[np.float64]
    weight_M: NDArray[np.float64]
    bias: float
    calibration: dict[str, float]

    def probability(self, marks_DM: NDArray[np.float64]) -> NDArray[np.float64]:
        """That each drawing is in the new style (D,)."""
        return _probability((marks_DM - self.mean_M) / self.scale_M, self.weight_M, self.bias)

    def is_new(self, marks_DM: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each drawing is called the new style (D,); one without ink is not."""
        return (self.probability(marks_DM) > 0.5) & marks_DM.any(axis=1)


def fitting_concepts() -> tuple[list[str], list[str]]:
    """Concepts that the classifier is fitted on, and those that it is calibrated and used on.

    The concepts that teach the style are in neither.
    """
    names = [name for name in programs() if name not in TAUGHT]
    return names[::2], names[1::2]


def fit_classifier(
    width: int,
    height: int,
    *,
    drawings: int = 60,
    num_frames: int = 81,
    untaught_DM: NDArray[np.float64] | None = None,
) -> StyleClassifier:
    """Fits on `drawings` clean and as many rough renders of each hand, calibrates on other concepts.

    Args:
        untaught_DM: marks of what the model that is to be judged drew of the fitting concepts before
            it was taught: plain drawings with its very faults.
    """
    fitted, unseen = fitting_concepts()
    canvas = (width, height, num_frames)
    seen = [_marks_of(fitted, drawings, _FIT_SEED, canvas, rough=rough) for rough in (False, True)]
    marks = np.concatenate([hand for both in seen for hand in both])
    is_new = np.tile(np.repeat([0.0, 1.0], drawings), len(seen))
    if untaught_DM is not None:
        marks = np.concatenate([marks, untaught_DM])
        is_new = np.concatenate([is_new, np.zeros(len(untaught_DM))])
    mean, scale = marks.mean(0), np.maximum(marks.std(0), 1e-6)
    weight, bias = _fitted((marks - mean) / scale, is_new)

    def called_new(rows: NDArray[np.float64]) -> float:
        return float((_probability((rows - mean) / scale, weight, bias) > 0.5).mean())

    calibration = {"drawings": float(drawings)}
    for kind, rough in (("", False), ("rough_", True)):
        plain, new = _marks_of(unseen, drawings, _CALIBRATION_SEED, canvas, rough=rough)
        calibration[f"{kind}plain_as_new"] = called_new(plain)
        calibration[f"{kind}new_as_new"] = called_new(new)
    return StyleClassifier(
        mean_M=mean,
        scale_M=scale,
        weight_M=weight,
        bias=bias,
        calibration=calibration,
    )


def moved_towards(
    before_DM: NDArray[np.float64], after_DM: NDArray[np.float64], classifier: StyleClassifier
) -> dict[str, float]:
    """How far each kind of mark moved from the drawings before, in standard deviations of fitting.

    The direction is the one in which the new hand differs from the plain one.
    """
    step_M = (after_DM.mean(0) - before_DM.mean(0)) / classifier.scale_M
    towards_M = np.sign(classifier.weight_M) * step_M
    kinds = {"line": LINE_MARKS, "proportions": PROPORTION_MARKS, "order": ORDER_MARKS}
    return {
        kind: round(float(np.mean([towards_M[MARKS.index(mark)] for mark in marks])), 3)
        for kind, marks in kinds.items()
    }


def marks_of_clips(clips: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """The marks (D, M) of clips."""
    return np.stack([style_marks(clip) for clip in clips])


def _marks_of(
    names: Sequence[str], count: int, seed: int, canvas: tuple[int, int, int], *, rough: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Marks of renders by the plain hand and by the new one; rough ones are each so in their way."""
    width, height, frames = canvas

    def clips(make: Callable[..., Composition]) -> Iterator[NDArray[np.uint8]]:
        for number in range(count):
            sketch = make(names[number % len(names)], seed + number, width, height, frames).sketch
            if rough:
                rng = np.random.default_rng([_ROUGH_SALT, seed + number])
                sketch = roughened(sketch, rng, rng.uniform(0.3, 1.0))
            yield renderer.frames(sketch)

    return marks_of_clips(clips(plain_drawing)), marks_of_clips(clips(restyled_drawing))


def _line_marks(
    ink_HW: NDArray[np.bool_], middle_HW: NDArray[np.bool_], length: int
) -> tuple[float, ...]:
    inside_HW = np.asarray(ndimage.distance_transform_edt(ink_HW))
    disc = _disc(SIDE_BY_SIDE_PX)
    padded = np.pad(ink_HW, SIDE_BY_SIDE_PX)
    closed = ndimage.binary_closing(padded, disc)
    beside = closed.sum() - padded.sum()
    spots = np.asarray(labelled(~padded, connectivity=1))
    sizes = np.bincount(spots.ravel())[1:]
    small = int((sizes <= SPOT_PX).sum())
    return (
        2 * float(np.median(inside_HW[middle_HW])),
        float(ink_HW.sum()) / length,
        float(beside) / float(ink_HW.sum()),
        100 * small / length,
        _turning(middle_HW),
    )


def _turning(middle_HW: NDArray[np.bool_]) -> float:
    """How uneven the lines' directions are from place to place (1 minus mean coherence)."""
    soft = ndimage.gaussian_filter(middle_HW.astype(np.float64), 1.0)
    dy, dx = np.gradient(soft)
    xx, yy, xy = (ndimage.gaussian_filter(v, 5.0) for v in (dx * dx, dy * dy, dx * dy))
    coherence = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-9)
    return float(1 - coherence[middle_HW].mean())


def _proportion_marks(ink_HW: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(ink_HW)
    top, bottom = rows.min(), rows.max()
    upper = rows <= (top + bottom) / 2
    spread = (columns[~upper].std() + 1) / (columns[upper].std() + 1) if 0 < upper.mean() < 1 else 1
    weight = (rows.mean() - top) / max(1, bottom - top)
    return float(np.log(spread)), float(weight)


def _returning(found: InkMap, ink_HW: NDArray[np.bool_]) -> float:
    """How mixed the directions of drawing along x are from place to place."""
    times = np.where(ink_HW, found.times_HW, np.nan)
    ahead = times[:, 2:] - times[:, :-2]
    known = np.isfinite(ahead) & (np.abs(ahead) < PASSING_FRAMES) & (ahead != 0)
    if not known.any():
        return 0.0
    direction = np.where(known, np.sign(np.where(known, ahead, 0)), 0.0)
    near = np.asarray(ndimage.uniform_filter(direction, 13))
    strength = np.asarray(ndimage.uniform_filter(np.abs(direction), 13))
    return float((1 - np.abs(near[known]) / np.maximum(strength[known], 1e-6)).mean())


def _disc(radius: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def _fitted(
    marks_DM: NDArray[np.float64], is_new_D: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Logistic regression with a ridge, by Newton's method; both classes weigh alike."""
    share = is_new_D.mean()
    weight_D = np.where(is_new_D > 0, 0.5 / share, 0.5 / (1 - share))
    rows = np.column_stack([marks_DM, np.ones(len(marks_DM))])
    ridge = _RIDGE * np.eye(rows.shape[1])
    ridge[-1, -1] = 1e-6
    beta = np.zeros(rows.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-rows @ beta))
        slope = rows.T @ (weight_D * (is_new_D - p)) - ridge @ beta
        curvature = (rows * (weight_D * p * (1 - p))[:, None]).T @ rows + ridge
        step = np.linalg.solve(curvature, slope)
        beta += step
        if np.abs(step).max() < 1e-9:
            break
    return beta[:-1], float(beta[-1])


def _probability(
    marks_DM: NDArray[np.float64], weight_M: NDArray[np.float64], bias: float
) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(marks_DM @ weight_M + bias, -60, 60)))
