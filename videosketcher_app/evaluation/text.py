"""Scores a text model: does it draw the parts of a plan, where and in the order it says?

The model is any function from plans and seeds to clips, so that every engine, at any preset, is
measured in the same way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.evaluation.causes import causes
from videosketcher_app.evaluation.clip import ClipReading, read_clip
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.kept import KeptReadings
from videosketcher_app.evaluation.layout import measure_spots
from videosketcher_app.evaluation.memory import (
    Nearest,
    TrainingRenders,
    mean_ratio,
    own_renders,
    spread_ratio,
)
from videosketcher_app.evaluation.reading import read_drawings
from videosketcher_app.evaluation.scores import Score, figures, grouped, stray_share
from videosketcher_app.evaluation.tasks import SETS, Task, tasks_of
from videosketcher_app.evaluation.workers import Workers

Clip = NDArray[np.uint8]
Sampler = Callable[[list[DrawingPlan], list[int]], Iterable[Clip]]
MOST_PAIRS = 24
SCORED_TOGETHER = 32
TOLD_EVERY_S = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class SetReport:
    """The result of one set.

    Attributes:
        figures: over all drawings of the set.
        by_name: figures of every concept (or title).
        scores: every drawing.
        seconds: time that the set took, drawing included.
    """

    figures: dict[str, float]
    by_name: dict[str, dict[str, float]]
    scores: tuple[Score, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """The result of an evaluation.

    Attributes:
        sets: by name of the set.
        calibration: the detector's own figures on true renders, to stand beside every other.
        memory: "spread_ratio" over concepts and by concept; None if it was not asked for.
        nearest: drawings with the nearest training render.
        fresh: distances of fresh drawings of the grammar, of the same concepts, to their nearest
            training render: what cannot have been remembered.
        causes: groups of pairs of parts of the set "concepts", see `causes`.
    """

    sets: dict[str, SetReport]
    calibration: dict
    spread: dict[str, float] = field(default_factory=dict)
    nearest: tuple[tuple[Score, Nearest], ...] = ()
    fresh: tuple[float, ...] = ()
    causes: tuple[dict[str, object], ...] = ()

    @property
    def spread_ratio(self) -> float:
        """How much seeds of one plan differ, relative to the grammar's own; NaN if not asked."""
        return mean_ratio(self.spread.values())


def evaluate_text(
    sampler: Sampler,
    *,
    sets: Sequence[str] = SETS,
    limit: int | None = None,
    seed: int = 0,
    batch_size: int = 8,
    num_workers: int = 0,
    memory_renders: int = 20_000,
    detector: Detector | None = None,
    keep: KeptReadings | None = None,
) -> Report:
    """Draws and scores sets of plans.

    Args:
        sampler: gives one clip (T, H, W, 3) uint8, as decoded, for each plan and seed, in order.
        sets: some of SETS.
        limit: at most so many drawings of every set, evenly spaced.
        batch_size: plans for one call of the sampler.
        num_workers: processes that measure clips and make renders; 0 does it here.
        memory_renders: training renders among which the nearest is looked for.
        detector: None for the shipped one.
        keep: where measured clips are kept; those that are there already are not drawn again.
    """
    detector = detector or load_detector()
    spread: dict[str, float] = {}
    nearest: tuple[tuple[Score, Nearest], ...] = ()
    fresh: tuple[float, ...] = ()
    with Workers(num_workers) as workers:
        renders = TrainingRenders(memory_renders if "memory" in sets else 0, workers)

        def measure(wanted: Sequence[Task]) -> Iterator[ClipReading]:
            clips = _clips(sampler, wanted, batch_size)
            return workers.in_order(read_clip, _between(_told(clips, wanted), renders, workers))

        reports: dict[str, SetReport] = {}
        for name in _drawn_sets(sets):
            begun = time.monotonic()
            tasks = tasks_of(name, seed=seed, limit=limit)
            clips = keep.readings(tasks, measure) if keep else measure(tasks)
            scores = tuple(score_clips(detector, tasks, clips, workers=workers))
            reports[name] = SetReport(
                figures=figures(scores),
                by_name=grouped(scores, lambda score: score.task.name),
                scores=scores,
                seconds=time.monotonic() - begun,
            )
            logger.info("%s: scored after %.1f s", name, reports[name].seconds)
        if "memory" in sets:
            drawn = reports["recognition"].scores
            spread = _spread(drawn, workers)
            nearest, fresh = _nearest(drawn, renders, workers)
    return Report(
        sets=reports,
        calibration=detector.calibration,
        spread=spread,
        nearest=nearest,
        fresh=fresh,
        causes=tuple(causes(reports["concepts"].scores)) if "concepts" in reports else (),
    )


def _drawn_sets(sets: Sequence[str]) -> list[str]:
    """The sets that need drawings of their own, in the order of SETS."""
    wanted = set(sets) | ({"recognition"} if "memory" in sets else set())
    return [name for name in SETS if name in wanted and name != "memory"]


def _clips(sampler: Sampler, tasks: Sequence[Task], batch_size: int) -> Iterator[Clip]:
    for start in range(0, len(tasks), batch_size):
        batch = tasks[start : start + batch_size]
        yield from sampler([task.plan for task in batch], [task.seed for task in batch])


def _told(clips: Iterable[Clip], tasks: Sequence[Task]) -> Iterator[Clip]:
    """The clips; now and then the log says how many there are."""
    begun = last = time.monotonic()
    for count, clip in enumerate(clips, start=1):
        yield clip
        if time.monotonic() - last > TOLD_EVERY_S or count == len(tasks):
            last = time.monotonic()
            name = tasks[0].set_name
            logger.info("%s: %d of %d drawn, %.1f s", name, count, len(tasks), last - begun)


def _between(
    clips: Iterable[Clip], renders: TrainingRenders, workers: Workers
) -> Iterator[tuple[Clip]]:
    """The clips as calls; between them the workers make training renders, so that neither waits."""
    for clip in clips:
        yield (clip,)
        if workers.count:
            renders.make_more()


def _prepare(tasks: Sequence[Task], workers: Workers) -> None:
    """Has the workers measure where the parts of the tasks' concepts belong."""
    labels = (label for task in tasks for label in task.labels if "@" not in label)
    measure_spots(dict.fromkeys(label.split("/")[0] for label in labels), workers)


def score_clips(
    detector: Detector,
    tasks: Sequence[Task],
    clips: Iterable[ClipReading],
    *,
    workers: Workers | None = None,
) -> Iterator[Score]:
    """Scores measured clips, in the order of their tasks.

    Args:
        workers: if there are any, a thread scores with their help while `clips` draws on; else
            drawing and scoring take turns.
    """
    pairs = zip(tasks, clips, strict=True)
    chunks = iter(lambda: list(islice(pairs, SCORED_TOGETHER)), [])
    if workers is None or not workers.count:
        for chunk in chunks:
            yield from _scored(detector, chunk)
        return
    with ThreadPoolExecutor(1) as thread:
        ready = thread.submit(_prepare, tasks, workers)
        waiting = [thread.submit(_scored, detector, chunk) for chunk in chunks]
        ready.result()
        for scores in waiting:
            yield from scores.result()


def _scored(detector: Detector, chunk: Sequence[tuple[Task, ClipReading]]) -> list[Score]:
    inks = [clip.ink_HW for _, clip in chunk]
    labels = [task.labels for task, _ in chunk]
    readings = read_drawings(detector, inks, labels, [clip.times_HW for _, clip in chunk])
    names: list[str | None] = [None] * len(chunk)
    if chunk[0][0].set_name == "recognition":
        names = list(detector.classify(inks))
    scores = []
    for (task, clip), reading, named in zip(chunk, readings, names, strict=True):
        alone = len({label.split("@")[-1] for label in task.labels}) == len(task.labels)
        stray = stray_share(clip.ink_HW, task.labels) if alone else None
        scores.append(Score(task=task, clip=clip, reading=reading, named=named, stray_ink=stray))
    return scores


def _spread(scores: Sequence[Score], workers: Workers) -> dict[str, float]:
    calls = {}
    for name in sorted({score.task.name for score in scores}):
        mine = [score for score in scores if score.task.name == name]
        if len(mine) > 1:
            calls[name] = (name, mine[0].task.plan, [score.clip.ink_HW for score in mine])
    begun = time.monotonic()
    found = list(workers.in_order(spread_ratio, calls.values()))
    logger.info("memory: spread of %d concepts, %.1f s", len(calls), time.monotonic() - begun)
    return {name: round(ratio, 4) for name, ratio in zip(calls, found, strict=True)}


def _nearest(
    scores: Sequence[Score], renders: TrainingRenders, workers: Workers
) -> tuple[tuple[tuple[Score, Nearest], ...], tuple[float, ...]]:
    """One drawing of some concepts with its nearest training render; distances of fresh ones."""
    firsts = list({score.task.name: score for score in reversed(scores)}.values())[::-1]
    at = np.unique(np.linspace(0, len(firsts) - 1, min(MOST_PAIRS, len(firsts))).astype(int))
    chosen = [firsts[i] for i in at]
    drawn = [score.clip.ink_HW for score in chosen]
    begun = time.monotonic()
    plans = ((score.task.name, score.task.plan, 1) for score in chosen)
    fresh = [ink for inks in workers.in_order(own_renders, plans) for ink in inks]
    found = renders.nearest([*drawn, *fresh])
    seconds = time.monotonic() - begun
    logger.info("memory: nearest of %d training renders, %.1f s", renders.size, seconds)
    pairs = tuple(zip(chosen, found, strict=False))
    return pairs, tuple(each.distance for each in found[len(chosen) :])
