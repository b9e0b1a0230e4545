"""How well strokes are recovered from a video: likeness, number and order against the truth.

A model's video has no true strokes: there the video itself is the truth of likeness and of order.

Legend: T frames, H/W pixels, S true strokes, R recovered strokes, K pairs of pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from skimage.measure import label

from videosketcher_app.data import renderer
from videosketcher_app.data.ink import InkMap, ink_map
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.data.skeleton import centerline_pieces, line_mask
from videosketcher_app.data.strokes import Sketch, resample

TOLERANCE_PX = 1.5
INK_DARKNESS = 0.3  # a pixel at least this dark is ink
SAME_LINE_PX = 3.0  # a point of a stroke this close to another stroke lies on it
SAME_STROKE_SCORE = 0.4  # two strokes that share less than this are not the same
PIXEL_PAIRS = 20_000
APART_FRAMES = 4.0  # a latent frame: what came closer together has no order in a model's video


@dataclass(frozen=True, kw_only=True)
class RecoveryScore:
    """Recovered strokes against the truth.

    Attributes:
        iou: ink of the re-rendered strokes against the video's last frame, 1.5 px tolerance.
        stroke_count_ratio: recovered by true number of strokes.
        order: share of pairs of matched strokes that are in the true order.
        matched: share of true strokes that have a recovered one.
        parts: share of matched strokes with the true part.
    """

    iou: float
    stroke_count_ratio: float
    order: float
    matched: float
    parts: float


def score_recovery(frames_THW3: NDArray[np.uint8], truth: Sketch) -> RecoveryScore:
    """Recovers the strokes of a clip and scores them against the sketch that it shows."""
    sketch = recover_sketch(frames_THW3, part_names=truth.part_names, fps=truth.fps)
    return score_sketch(sketch, frames_THW3[-1], truth)


def score_sketch(sketch: Sketch, last_frame_HW3: NDArray[np.uint8], truth: Sketch) -> RecoveryScore:
    """Scores recovered strokes against the video's last frame and the true strokes."""
    pairs = match_strokes(truth, sketch)
    same = [truth.strokes[s].part == sketch.strokes[r].part for s, r in pairs]
    return RecoveryScore(
        iou=ink_iou(renderer.picture(sketch), last_frame_HW3),
        stroke_count_ratio=len(sketch.strokes) / max(1, len(truth.strokes)),
        order=pair_accuracy([r for _, r in pairs]),
        matched=len(pairs) / max(1, len(truth.strokes)),
        parts=float(np.mean(same)) if same else 0.0,
    )


@dataclass(frozen=True, kw_only=True)
class DrawnScore:
    """Strokes recovered from a model's video.

    Attributes:
        iou: as in `RecoveryScore`.
        order: share of pairs of inked pixels that the strokes ink in the video's order; of pairs
            that the video inks at least APART_FRAMES apart. NaN if there is no such pair.
        stroke_count_ratio: recovered strokes by the number that the grammar draws for the plan.
        fewest_ratio: the same of `fewest_strokes`: what the drawing itself has too many of.
    """

    iou: float
    order: float
    stroke_count_ratio: float
    fewest_ratio: float


def score_drawn(frames_THW3: NDArray[np.uint8], grammars: Sketch) -> DrawnScore:
    """Recovers the strokes of a model's clip; `grammars` is the grammar's drawing of its plan."""
    sketch = recover_sketch(frames_THW3, part_names=grammars.part_names, fps=grammars.fps)
    drawn = ink_map(frames_THW3)
    again_HW = ink_map(renderer.frames(sketch)).times_HW
    fewest = fewest_strokes(ink_map(renderer.frames(grammars)))
    return DrawnScore(
        iou=ink_iou(renderer.picture(sketch), frames_THW3[-1]),
        order=time_agreement(drawn.times_HW, again_HW),
        stroke_count_ratio=len(sketch.strokes) / max(1, len(grammars.strokes)),
        fewest_ratio=fewest_strokes(drawn) / max(1, fewest),
    )


def fewest_strokes(ink: InkMap) -> int:
    """Strokes without which nobody can draw these lines, if none is drawn twice.

    Lines that hang together and of which an odd number ends or meets at 2 K places take at least
    K strokes, whatever their times (Euler).
    """
    mask_HW = line_mask(ink.darkness_HW)
    groups_HW = np.asarray(label(mask_HW, connectivity=2), np.int64)
    places = Counter(
        (int(x), int(y))
        for piece in centerline_pieces(ink, mask_HW)
        if not piece.ring and len(piece.points_N2) > 1
        for x, y in piece.points_N2[[0, -1]]
    )
    odd = Counter(int(groups_HW[y, x]) for (x, y), ends in places.items() if ends % 2)
    return sum(max(1, odd[group] // 2) for group in range(1, groups_HW.max() + 1))


def median_of_drawn(scores: Sequence[DrawnScore]) -> DrawnScore:
    """The median of every figure."""
    rows = [(s.iou, s.order, s.stroke_count_ratio, s.fewest_ratio) for s in scores]
    middle = np.nanmedian(np.array(rows, np.float64), axis=0)
    iou, order, ratio, fewest = (float(v) for v in middle)
    return DrawnScore(iou=iou, order=order, stroke_count_ratio=ratio, fewest_ratio=fewest)


def time_agreement(one_HW: NDArray[np.float32], other_HW: NDArray[np.float32]) -> float:
    """Share of random pairs of pixels that two maps of time of ink order alike; ties count half."""
    both_HW = (one_HW < renderer.NEVER) & (other_HW < renderer.NEVER)
    one_N, other_N = one_HW[both_HW], other_HW[both_HW]
    if len(one_N) < 2:
        return float("nan")
    first_K, second_K = np.random.default_rng(0).integers(0, len(one_N), (2, PIXEL_PAIRS))
    step_K = one_N[first_K] - one_N[second_K]
    apart_K = np.abs(step_K) >= APART_FRAMES
    if not apart_K.any():
        return float("nan")
    same_K = np.sign(step_K) * np.sign(other_N[first_K] - other_N[second_K])
    return float((0.5 + 0.5 * same_K[apart_K]).mean())


def score_recovery_of(
    truths: Iterable[Sketch],
    film: Callable[[Sketch], NDArray[np.uint8]] = renderer.frames,
) -> list[RecoveryScore]:
    """Scores of many sketches; `film` makes the clip of a sketch (true renders by default)."""
    return [score_recovery(film(truth), truth) for truth in truths]


def median_score(scores: Iterable[RecoveryScore]) -> RecoveryScore:
    """The median of every figure."""
    table = np.array(
        [[s.iou, s.stroke_count_ratio, s.order, s.matched, s.parts] for s in scores], np.float64
    )
    iou, ratio, order, matched, parts = (float(v) for v in np.median(table, axis=0))
    return RecoveryScore(
        iou=iou, stroke_count_ratio=ratio, order=order, matched=matched, parts=parts
    )


def ink_iou(
    picture_HW3: NDArray[np.uint8],
    other_HW3: NDArray[np.uint8],
    tolerance_px: float = TOLERANCE_PX,
) -> float:
    """Intersection over union of ink; ink within the tolerance of other ink is shared."""
    a_HW, b_HW = (255 - p.min(axis=2) >= INK_DARKNESS * 255 for p in (picture_HW3, other_HW3))
    if not (a_HW.any() and b_HW.any()):
        return float(a_HW.any() == b_HW.any())
    a_near_b = a_HW & (np.asarray(ndimage.distance_transform_edt(~b_HW)) <= tolerance_px)
    b_near_a = b_HW & (np.asarray(ndimage.distance_transform_edt(~a_HW)) <= tolerance_px)
    shared = (a_near_b.sum() + b_near_a.sum()) / 2
    alone = (a_HW & ~a_near_b).sum() + (b_HW & ~b_near_a).sum()
    return float(shared / (shared + alone))


def match_strokes(truth: Sketch, sketch: Sketch) -> list[tuple[int, int]]:
    """Pairs (true, recovered) of strokes that lie on each other, by true index, each used once.

    Time takes no part in it, so that order can be scored on the result.
    """
    if not truth.strokes or not sketch.strokes:
        return []
    lines_S = [
        resample(s.points_N2, 2.0) if len(s.points_N2) > 1 else s.points_N2 for s in truth.strokes
    ]
    lines_R = [
        resample(s.points_N2, 2.0) if len(s.points_N2) > 1 else s.points_N2 for s in sketch.strokes
    ]
    score_SR = np.array([[_overlap(a, b) for b in lines_R] for a in lines_S])
    rows, columns = linear_sum_assignment(-score_SR)
    return [
        (int(s), int(r))
        for s, r in zip(rows, columns, strict=True)
        if score_SR[s, r] >= SAME_STROKE_SCORE
    ]


def pair_accuracy(order: list[int]) -> float:
    """Share of pairs in rising order; 1 if there are fewer than two."""
    ranks = np.array(order)
    above = np.triu(np.ones((len(ranks), len(ranks)), bool), k=1)
    if not above.any():
        return 1.0
    return float((ranks[None, :] > ranks[:, None])[above].mean())


def _overlap(a_N2: NDArray, b_N2: NDArray) -> float:
    """Smaller share of the points of one line that lie on the other."""
    if (a_N2.min(0) - SAME_LINE_PX > b_N2.max(0)).any() or (
        b_N2.min(0) - SAME_LINE_PX > a_N2.max(0)
    ).any():
        return 0.0
    to_b = np.asarray(KDTree(b_N2).query(a_N2)[0], np.float64)
    to_a = np.asarray(KDTree(a_N2).query(b_N2)[0], np.float64)
    return float(min((to_b <= SAME_LINE_PX).mean(), (to_a <= SAME_LINE_PX).mean()))
