"""The row "continues, not ignores": does a co-drawing model go on with what another hand began?

A missing part has appeared if the detector finds it and its ink came after the other hand's turn, so
doing nothing scores zero. The other hand's ink is composited over the model's frames, as the app
does; how much of it the raw frames keep is a figure of its own.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.continuations import WINDOW_BLOCKS, first_frame_of
from videosketcher_app.data.ink import INK_LEVEL, STILL_INK_LEVEL
from videosketcher_app.evaluation.clip import read_clips
from videosketcher_app.evaluation.continuation_cases import HalfDrawn
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.reading import PartReading, ordered_pairs, read_drawings
from videosketcher_app.evaluation.scores import Score
from videosketcher_app.evaluation.tasks import Task

NUM_FRAMES = first_frame_of(WINDOW_BLOCKS)
SET_NAME = "codraw"

# (half-drawn sketches) -> for each the frames (T, H, W, 3) after the given ones, as decoded.
Continuer = Callable[[Sequence[HalfDrawn]], Iterable[NDArray[np.uint8]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class ContinuationScore:
    """One scored continuation.

    Attributes:
        score: of the whole clip, the other hand's ink composited.
        appeared: for every missing part, whether the model drew it.
        pairs_right, pairs: pairs of missing parts that appeared, and those in the plan's order.
        kept: share of the other hand's ink pixels that are ink in every raw frame that follows.
        faded: mean loss of darkness of these pixels at the end, in [0, 1].
    """

    case: HalfDrawn
    score: Score
    appeared: tuple[bool, ...]
    pairs_right: float
    pairs: int
    kept: float
    faded: float


def evaluate_continuation(
    continuer: Continuer,
    cases: Sequence[HalfDrawn],
    *,
    num_workers: int = 0,
    detector: Detector | None = None,
) -> list[ContinuationScore]:
    """Has the cases continued and scores them.

    Args:
        num_workers: processes that measure clips; 0 does it here.
        detector: None for the shipped one.
    """
    detector = detector or load_detector()
    raw_ink: list[tuple[float, float]] = []

    def clips() -> Iterator[NDArray[np.uint8]]:
        for case, drawn in zip(cases, continuer(cases), strict=True):
            given = case.given_frames()
            raw_ink.append(ink_kept(given[-1], drawn))
            yield np.concatenate([given, np.minimum(drawn, given[-1])])

    readings = list(read_clips(clips(), num_workers=num_workers))
    inks = [clip.ink_HW for clip in readings]
    found = read_drawings(
        detector, inks, [case.labels for case in cases], [clip.times_HW for clip in readings]
    )
    named = detector.classify(inks) if inks else []
    scores = []
    for case, clip, reading, name, (kept, faded) in zip(
        cases, readings, found, named, raw_ink, strict=True
    ):
        score = Score(
            task=_task(case), clip=clip, reading=reading, named=name if case.is_concept else None
        )
        missing = [reading.parts[part] for part in case.missing]
        appeared = tuple(_came_after(part, case.num_given) for part in missing)
        frames = [p.frame for p, came in zip(missing, appeared, strict=True) if came]
        right, pairs = ordered_pairs(frames)
        scores.append(
            ContinuationScore(
                case=case,
                score=score,
                appeared=appeared,
                pairs_right=right,
                pairs=pairs,
                kept=kept,
                faded=faded,
            )
        )
    return scores


def ink_kept(given_HW3: NDArray[np.uint8], drawn_THW3: NDArray[np.uint8]) -> tuple[float, float]:
    """How much of the given ink stays, and how much darkness its pixels lose by the end."""
    level_HW = 255 - given_HW3.min(-1).astype(np.int16)
    ink_HW = level_HW >= INK_LEVEL
    if not ink_HW.any():
        return 1.0, 0.0
    levels_TN = 255 - drawn_THW3[:, ink_HW].min(-1).astype(np.int16)
    kept = float((levels_TN >= STILL_INK_LEVEL).all(0).mean())
    lost_N = (level_HW[ink_HW] - levels_TN[-1]).clip(0) / level_HW[ink_HW]
    return kept, float(lost_N.mean())


def figures(scores: Sequence[ContinuationScore]) -> dict[str, float]:
    """The row's figures: of the missing parts, their order, the other hand's ink and recognition.

    Parts of objects and shapes at places are also counted apart: the first are far harder.
    """
    appeared = [came for score in scores for came in score.appeared]
    of_objects = [came for s in scores if s.case.is_concept for came in s.appeared]
    of_shapes = [came for s in scores if not s.case.is_concept for came in s.appeared]
    pairs = sum(score.pairs for score in scores)
    named = [s.score.named == s.case.name for s in scores if s.score.named is not None]
    rows = {
        "drawings": float(len(scores)),
        "missing_parts": float(len(appeared)),
        "appeared": _mean(appeared),
        "appeared_of_objects": _mean(of_objects),
        "appeared_of_shapes": _mean(of_shapes),
        "order": sum(s.pairs_right for s in scores) / pairs if pairs else float("nan"),
        "given_ink_kept_raw": _mean([s.kept for s in scores]),
        "given_ink_kept_raw_worst": min((s.kept for s in scores), default=float("nan")),
        "given_ink_faded_raw": _mean([s.faded for s in scores]),
        "extra_ink": _mean([s.score.reading.extra_ink for s in scores]),
        "recognised": _mean(named),
    }
    return {key: round(value, 4) for key, value in rows.items() if not np.isnan(value)}


def true_continuations(cases: Sequence[HalfDrawn]) -> Iterator[NDArray[np.uint8]]:
    """A continuer that goes on as the grammar does: the best that the detector can see."""
    for case in cases:
        yield case.true_frames()[case.num_given :]


def nothing_drawn(cases: Sequence[HalfDrawn]) -> Iterator[NDArray[np.uint8]]:
    """A continuer that leaves the drawing as it is: the baseline."""
    for case in cases:
        last = case.given_frames()[-1]
        yield np.repeat(last[None], NUM_FRAMES - case.num_given, axis=0)


def _task(case: HalfDrawn) -> Task:
    return Task(
        set_name=SET_NAME, name=case.name, plan=case.plan, seed=case.seed, labels=case.labels
    )


def _came_after(part: PartReading, num_given: int) -> bool:
    """Present, and inked mostly after the other hand's last frame."""
    return part.present and part.frame is not None and part.frame >= num_given - 1


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
