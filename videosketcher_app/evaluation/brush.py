"""Scores brush drawings: is it the brush, and is it still a good sketch?

Every figure stands beside the same figure of true paintings of the same plans by the engine, passed
through the model's VAE, which is the best that any model with this VAE can reach, and the sketch
figures beside those of the text model on the same plans and seeds.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from videosketcher_app.core.sketch_request import DEFAULT_FPS
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.engines.brush_finish import painted_again
from videosketcher_app.engines.brush_frames import boxed, cleaned
from videosketcher_app.evaluation.brush_cases import BrushCase
from videosketcher_app.evaluation.brush_ink import (
    PaintFigures,
    box_error,
    brush_figures,
    color_difference,
    paint_figures,
)
from videosketcher_app.evaluation.brush_parts import missed_rows
from videosketcher_app.evaluation.brush_reading import read_brush_clip
from videosketcher_app.evaluation.clip import ClipReading, read_clips
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.scores import figures
from videosketcher_app.evaluation.text import score_clips
from videosketcher_app.evaluation.texture import TextureJudge
from videosketcher_app.evaluation.workers import Workers

Clip = NDArray[np.uint8]
RoundTrip = Callable[[Clip], Clip]
COLOR_WIDTH_PX = 4.0  # thinner lines are mixed with paper all the way through
STILL_FRAMES = 5
SKETCH_FIGURES = ("order", "present", "recognised")


@dataclass(frozen=True, kw_only=True, eq=False)
class BrushScore:
    """One measured drawing.

    Attributes:
        color: CIEDE2000 to the brush; None for thin brushes and blank drawings.
        raw_color: the same before the engine gave the ink its color.
        width_px, true_width_px: of the drawing's lines and of the engine's with this brush.
        kind: the texture judge's answer; None without a judge.
        box: raw error of the box over the VAE's own, in grey levels each.
        reading: the thinned clip, for the detector.
        painted: its strokes were painted again by the engine.
        picture_HW3: the finished drawing without the box.
    """

    case: BrushCase
    picture_HW3: Clip
    color: float | None
    raw_color: float | None
    width_px: float | None
    true_width_px: float
    box: tuple[float, float]
    reading: ClipReading
    kind: str | None = None
    painted: bool = False


def score_brush_clips(
    cases: Sequence[BrushCase],
    raw_clips: Iterable[Clip],
    *,
    round_trip: RoundTrip,
    judge: TextureJudge | None = None,
    num_workers: int = 0,
) -> list[BrushScore]:
    """Measures raw clips (with the box) as they are, in the order of their cases.

    Args:
        round_trip: a clip as the model's VAE gives it back.
        num_workers: processes that measure; 0 does it here.
    """
    own_box = _box_errors_of_vae(round_trip)
    calls = ((case, raw) for case, raw in zip(cases, raw_clips, strict=True))
    with Workers(num_workers) as workers:
        return [_judged(score, own_box, judge) for score in workers.in_order(_as_drawn, calls)]


def score_finished(
    cases: Sequence[BrushCase],
    tries: Iterable[Sequence[Clip]],
    *,
    round_trip: RoundTrip,
    judge: TextureJudge | None = None,
    num_workers: int = 0,
) -> tuple[list[BrushScore], list[BrushScore]]:
    """Measures drawings as the engine finishes them, and the same in the model's own ink.

    Args:
        tries: for every case the raw clips that the engine would draw one after another; the last
            one is what it shows if none can be painted.
        round_trip, num_workers: as `score_brush_clips`.
    """
    own_box = _box_errors_of_vae(round_trip)
    calls = ((case, clips) for case, clips in zip(cases, tries, strict=True))
    finished: list[BrushScore] = []
    own_ink: list[BrushScore] = []
    with Workers(num_workers) as workers:
        for score, own in workers.in_order(_finished, calls):
            finished.append(_judged(score, own_box, judge))
            own_ink.append(_judged(own, own_box, judge))
    return finished, own_ink


def true_clips(
    cases: Sequence[BrushCase], round_trip: RoundTrip, *, num_workers: int = 0
) -> Iterator[Clip]:
    """The engine's own paintings through the VAE: their figures are what can be reached."""
    with Workers(num_workers) as workers:
        for painted in workers.in_order(_true_painting, ((case,) for case in cases)):
            yield round_trip(painted)


def brush_rows(
    drawn: Sequence[BrushScore],
    true: Sequence[BrushScore],
    *,
    own_ink: Sequence[BrushScore] = (),
    detector: Detector | None = None,
) -> list[dict[str, object]]:
    """One row for every group of brushes and for all of them, drawn and true; then what is missed.

    Args:
        own_ink: the same drawings in the model's own ink, where the engine finished them.
    """
    detector = detector or load_detector()
    rows: list[dict[str, object]] = []
    for of_what, scores in (
        ("drawn", drawn),
        ("the model's own ink", own_ink),
        ("true, through the VAE", true),
    ):
        if not scores:
            continue
        groups = sorted({score.case.group for score in scores})
        for group in ["all", *groups]:
            chosen = [s for s in scores if group in ("all", s.case.group)]
            rows.append({"set": f"brush:{group}", "of": of_what, **brush_row(chosen, detector)})
    return rows + missed_rows(drawn, true, detector)


def brush_row(scores: Sequence[BrushScore], detector: Detector) -> dict[str, object]:
    """The figures of some drawings."""
    row: dict[str, object] = {
        "drawings": len(scores),
        "brushes": len({s.case.name for s in scores}),
    }
    row |= _color_row(scores) | _width_row(scores) | _box_row(scores)
    named = [s.kind == s.case.brush.kind for s in scores if s.kind is not None]
    if named:
        row["texture"] = round(float(np.mean(named)), 4)
    row["painted_again"] = sum(score.painted for score in scores)
    row["blank"] = sum(s.width_px is None for s in scores)
    return row | sketch_row([s.case for s in scores], [s.reading for s in scores], detector)


def sketch_row(
    cases: Sequence[BrushCase], readings: Sequence[ClipReading], detector: Detector
) -> dict[str, object]:
    """Order, presence and recognition, and the permanence of ink."""
    scored = list(score_clips(detector, [case.task for case in cases], readings))
    found = figures(scored)
    return {name: found[name] for name in (*SKETCH_FIGURES, "persistence") if name in found}


def plain_row(
    cases: Sequence[BrushCase],
    clips: Iterable[Clip],
    detector: Detector,
    *,
    num_workers: int = 0,
) -> dict[str, object]:
    """The same of a text model's clips of the same plans and seeds, as the detector reads them."""
    readings = list(read_clips(clips, num_workers=num_workers))
    return {"set": "text model, same plans", **sketch_row(cases, readings, detector)}


def _true_painting(case: BrushCase) -> Clip:
    return boxed(case.true_clip(), case.condition)


def _as_drawn(case: BrushCase, raw: Clip) -> BrushScore:
    return _measured(case, raw, cleaned(raw, case.condition, show_box=False))


def _finished(case: BrushCase, tries: Sequence[Clip]) -> tuple[BrushScore, BrushScore]:
    """As the engine ends a drawing, and in the model's own ink."""
    recolored = cleaned(tries[-1], case.condition, show_box=False, brush=case.brush)
    own = _measured(case, tries[-1], recolored)
    for raw in tries:
        painted = _painted_again(case, raw)
        if painted is not None:
            return replace(_measured(case, raw, painted), painted=True), own
    return own, own


def _measured(case: BrushCase, raw: Clip, clean: Clip) -> BrushScore:
    """All that needs no network; the box's error of the VAE is not known yet.

    Args:
        clean: the clip without the box, as it is shown.
    """
    unchanged = cleaned(raw, case.condition, show_box=False)
    true, found = _true_figures(case.brush), paint_figures(clean[-1])
    return BrushScore(
        case=case,
        picture_HW3=clean[-1].copy(),
        color=_color_error(case.brush, found),
        raw_color=_color_error(case.brush, paint_figures(unchanged[-1])),
        width_px=found.width_px if found else None,
        true_width_px=true.width_px,
        box=(box_error(raw, case.condition), 0.0),
        reading=read_brush_clip(clean),
    )


def _painted_again(case: BrushCase, raw: Clip) -> Clip | None:
    """The drawing as the engine finishes it: its strokes painted with the brush."""
    names = [part.name for part in case.plan.parts]
    how: dict[str, Any] = {"fps": DEFAULT_FPS, "seed": case.task.seed, "show_box": False}
    return painted_again(raw, case.understood, part_names=names, **how)[0]


def _color_error(brush: Brush, found: PaintFigures | None) -> float | None:
    wide = brush.width_px >= COLOR_WIDTH_PX
    return color_difference(_true_figures(brush).color, found.color) if found and wide else None


def _judged(
    score: BrushScore, own_box: Callable[[BrushCase], float], judge: TextureJudge | None
) -> BrushScore:
    inked = score.width_px is not None
    kind = judge.kinds([score.picture_HW3])[0] if judge and inked else None
    return replace(score, kind=kind, box=(score.box[0], own_box(score.case)))


def _box_errors_of_vae(round_trip: RoundTrip) -> Callable[[BrushCase], float]:
    """What the VAE alone does to the box of a case's brush, in grey levels."""
    known: dict[Brush, float] = {}

    def error(case: BrushCase) -> float:
        if case.brush not in known:
            still = np.repeat(case.condition.pixels_HW3[None], STILL_FRAMES, axis=0)
            known[case.brush] = box_error(round_trip(still), case.condition)
        return known[case.brush]

    return error


@cache
def _true_figures(brush: Brush) -> PaintFigures:
    return brush_figures(brush)


def _color_row(scores: Sequence[BrushScore]) -> dict[str, object]:
    by_brush: dict[str, list[float]] = {}
    for score in scores:
        if score.color is not None:
            by_brush.setdefault(score.case.name, []).append(score.color)
    if not by_brush:
        return {}
    every = np.concatenate([np.array(values) for values in by_brush.values()])
    medians = {name: float(np.median(values)) for name, values in by_brush.items()}
    worst = max(medians, key=medians.__getitem__)
    raw = [score.raw_color for score in scores if score.raw_color is not None]
    return {
        "color_median": round(float(np.median(every)), 2),
        "color_worst": round(float(every.max()), 2),
        "color_worst_brush": f"{worst}: {medians[worst]:.2f}",
        "color_raw_median": round(float(np.median(raw)), 2),
    }


def _width_row(scores: Sequence[BrushScore]) -> dict[str, object]:
    known = [(s.true_width_px, s.width_px) for s in scores if s.width_px is not None]
    if len(known) < 3:
        return {}
    true, drawn = np.array(known, float).T
    row: dict[str, object] = {"width_ratio": round(float(np.median(drawn / true)), 3)}
    if np.ptp(true) > 0 and np.ptp(drawn) > 0:
        row["width_spearman"] = round(float(np.asarray(spearmanr(true, drawn))[0]), 3)
    return row


def _box_row(scores: Sequence[BrushScore]) -> dict[str, object]:
    ratios = [raw / own for raw, own in (s.box for s in scores) if own > 0]
    if not ratios:
        return {}
    return {
        "box_error": round(float(np.mean([s.box[0] for s in scores])), 3),
        "box_error_of_vae": round(float(np.mean([s.box[1] for s in scores])), 3),
        "box_ratio": round(float(np.median(ratios)), 3),
        "box_ratio_worst": round(float(max(ratios)), 3),
    }
