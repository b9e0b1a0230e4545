"""How far the detector can be trusted: thresholds, and its figures on true renders.

Thresholds are fitted on one set of seeds and measured on another; neither is used in training.
The result is committed beside the weights and printed beside every figure of an evaluation.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import numpy as np
import torch

from videosketcher_app.evaluation.cases import KINDS, SOURCES, WHOLE, Case, make_case
from videosketcher_app.evaluation.degrade import degrade
from videosketcher_app.evaluation.detector import Detector
from videosketcher_app.evaluation.reading import (
    DrawingReading,
    object_residuals,
    ordered_pairs,
    read_drawings,
    threshold_key,
)

logger = logging.getLogger(__name__)
FIT_SEED, CHECK_SEED = 2, 3  # first number of the seeds; training uses 1
CHUNK = 64
MISS_GOAL, ALARM_GOAL = 0.004, 0.012
LEAST_TOLERANCE, WIDENED = 0.15, 1.75  # object units; and times the 95th percentile
FRACTIONS = np.round(np.geomspace(0.1, 0.95, 40), 3)

Scores = dict[str, list[float]]
Job = tuple[str, str, tuple[str, ...], list[int]]


def calibrate(
    detector: Detector, *, fit: int = 8000, check: int = 600, num_workers: int = 0
) -> dict:
    """Fits the thresholds, measures the figures, stores both in the detector.

    Args:
        fit: drawings of which thresholds and tolerances are made.
        check: drawings for each row of the figures.
        num_workers: processes that render.
    """
    sources = SOURCES if detector.vocabulary.concepts else SOURCES[1:]
    concepts = detector.vocabulary.concepts
    recognised = {}
    with _renderers(num_workers) as pool:
        jobs = _fit_jobs(concepts, fit)
        thresholds, tolerances = fit_limits(detector, cases(jobs, pool))
        detector.calibration = {"thresholds": thresholds, "tolerances": tolerances}
        figures = {source: measure(detector, source, check=check, pool=pool) for source in sources}
        if concepts:
            whole = measure(detector, "objects", check=check, pool=pool, whole=True)
            figures = {"objects": figures.pop("objects"), "objects_whole": whole} | figures
            recognised = recognition(detector, check=check, pool=pool)
        decoded = {
            source: measure(detector, source, check=check // 2, pool=pool, decoded=True)
            for source in sources
        }
    detector.calibration |= {
        "figures": figures,
        "figures_decoded": decoded,
        "recognised": recognised,
        "drawings": {"fit": fit, "check": check},
        "seeds": {"train": 1, "fit": FIT_SEED, "check": CHECK_SEED},
    }
    return detector.calibration


class _Inline(Executor):
    """Runs every job at once in this process."""

    def map(self, fn, *iterables, timeout=None, chunksize=1):
        return map(fn, *iterables)


def _renderers(num_workers: int) -> Executor:
    if num_workers == 0:
        return _Inline()
    return ProcessPoolExecutor(num_workers, mp_context=get_context("spawn"))


def cases(jobs: Iterable[Job], pool: Executor | None = None) -> Iterator[Case]:
    """The cases of the jobs that can be drawn."""
    found = (pool or _Inline()).map(_case, jobs, chunksize=16)
    return (case for case in found if case is not None)


def _case(job: Job) -> Case | None:
    return make_case(*job)


def _fit_jobs(concepts: Sequence[str], count: int) -> list[Job]:
    """Mostly objects, which have many more labels than shapes."""
    jobs: list[Job] = []
    for index in range(count):
        source = ("objects", "objects", "objects", "primitives", "pseudo")[index % 5]
        if source == "objects" and not concepts:
            source = "primitives"
        # Ten turns: no concept is always whole or always lacks a part.
        kind = "removed" if index % 10 in {0, 6, 8, 9} else "true"
        jobs.append((source, kind, tuple(concepts), [FIT_SEED, index]))
    return jobs


def read_cases(
    detector: Detector, found: Iterable[Case], *, decoded: bool = False
) -> Iterator[tuple[Case, DrawingReading]]:
    """Reads cases in chunks; `decoded` gives them the look of a video model's decoder."""
    generator = torch.Generator().manual_seed(CHECK_SEED)
    stream = (case for case in found if _is_known(detector, case))
    while chunk := list(islice(stream, CHUNK)):
        inks = np.stack([case.ink_HW for case in chunk])
        if decoded:
            inks = degrade(torch.from_numpy(inks), generator).numpy()
        labels = [case.labels for case in chunk]
        times = [case.times_HW for case in chunk]
        yield from zip(chunk, read_drawings(detector, list(inks), labels, times), strict=True)


def _is_known(detector: Detector, case: Case) -> bool:
    unknown = [label for label in case.labels if label not in detector.vocabulary]
    if unknown:
        logger.warning("left out a drawing with parts outside the vocabulary: %s", unknown)
    return not unknown


def fit_limits(
    detector: Detector, found: Iterable[Case]
) -> tuple[dict[str, float], dict[str, float]]:
    """Smallest score of a part that counts as present, and how far it may stand off, by label.

    A label's threshold is a fraction of its own low scores when it is there; the fraction is the
    one at which misses and false alarms of all parts of objects, or of all shapes, together are
    farthest from their goals. Its tolerance is made of how far it stands off in true drawings.
    """
    detector.calibration = {}
    off: Scores = defaultdict(list)
    there: Scores = defaultdict(list)
    absent: Scores = defaultdict(list)
    for case, reading in read_cases(detector, found):
        for part, is_there in zip(reading.parts, case.there, strict=True):
            (there if is_there else absent)[threshold_key(part.label)].append(part.score)
        present = [p for p, is_there in zip(reading.parts, case.there, strict=True) if is_there]
        for label, distance in object_residuals(present, {}).items():
            off[label].append(distance)
    thresholds: dict[str, float] = {}
    for kind in (True, False):
        mine = {key: scores for key, scores in there.items() if ("/" in key) == kind}
        thresholds |= _fraction_of_low_scores(mine, absent)
    tolerances = {
        label: round(max(LEAST_TOLERANCE, WIDENED * float(np.quantile(values, 0.95))), 3)
        for label, values in sorted(off.items())
    }
    return dict(sorted(thresholds.items())), tolerances


def _fraction_of_low_scores(
    there: Mapping[str, list[float]], absent: Mapping[str, list[float]]
) -> dict[str, float]:
    base = {key: max(1e-6, float(np.quantile(scores, 0.05))) for key, scores in there.items()}
    hits = np.array([score / base[key] for key, scores in there.items() for score in scores])
    alarms = np.array([score / base[key] for key in base for score in absent.get(key, [])] or [0.0])

    def badness(fraction: float) -> float:
        missed, alarmed = (hits < fraction).mean(), (alarms >= fraction).mean()
        return max(missed / MISS_GOAL, alarmed / ALARM_GOAL)

    fraction = min(FRACTIONS, key=badness, default=0.5) if len(hits) else 0.5
    return {key: round(float(fraction) * value, 2) for key, value in base.items()}


def measure(
    detector: Detector,
    source: str,
    *,
    check: int,
    pool: Executor | None = None,
    decoded: bool = False,
    whole: bool = False,
) -> dict[str, float]:
    """The detector's figures on renders of one source.

    Args:
        decoded: give the renders the look of a video model's decoder.
        whole: objects with all their parts, where otherwise some are left out of the plan.
    """
    figures = {}
    for kind in KINDS:
        drawn = WHOLE if whole and kind == "true" else kind
        jobs = [
            (source, drawn, detector.vocabulary.concepts, [CHECK_SEED, KINDS.index(kind), index])
            for index in range(check)
        ]
        pairs = list(read_cases(detector, cases(jobs, pool), decoded=decoded))
        if kind == "true":
            figures |= _true_figures(pairs)
        else:
            alarms = [
                part.in_place
                for case, reading in pairs
                for part, is_there in zip(reading.parts, case.there, strict=True)
                if not is_there
            ]
            figures[f"false_alarms_{kind}"] = _mean(alarms)
    # A figure without any drawing behind it is left out rather than written as a number.
    return {key: round(value, 4) for key, value in figures.items() if not math.isnan(value)}


def _true_figures(pairs: Sequence[tuple[Case, DrawingReading]]) -> dict[str, float]:
    rng = np.random.default_rng(CHECK_SEED)
    parts = [
        part
        for case, reading in pairs
        for part, is_there in zip(reading.parts, case.there, strict=True)
        if is_there
    ]
    shuffled = []
    for _, reading in pairs:
        frames = [part.frame for part in reading.parts]
        shuffled.append(ordered_pairs([frames[i] for i in rng.permutation(len(frames))]))
    shapes = [part.right_shape for part in parts if part.right_shape is not None]
    figures = {
        "present": _mean([part.present for part in parts]),
        "in_place": _mean([part.in_place for part in parts]),
        "extra_ink": _mean([reading.extra_ink for _, reading in pairs]),
        "order": _share([(r.pairs_right, r.pairs) for _, r in pairs]),
        "order_shuffled": _share(shuffled),
        "drawings": float(len(pairs)),
    }
    return figures | ({"right_shape": _mean(shapes)} if shapes else {})


def recognition(
    detector: Detector, *, check: int, pool: Executor | None = None
) -> dict[str, float]:
    """Share of renders that the classifier names rightly: all parts drawn, or some left out."""
    found = {}
    for name, kind in (("whole", WHOLE), ("some_parts", "true")):
        jobs = [
            ("objects", kind, detector.vocabulary.concepts, [CHECK_SEED, 9, index])
            for index in range(check)
        ]
        drawn = list(cases(jobs, pool))
        names = detector.classify([case.ink_HW for case in drawn])
        right = [named == case.concept for named, case in zip(names, drawn, strict=True)]
        found[name] = round(_mean(right), 4)
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _share(counts: Sequence[tuple[float, int]]) -> float:
    right, total = (float(sum(column)) for column in zip(*counts, strict=True))
    return right / total if total else float("nan")


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as aligned text, one row a source."""
    columns = list(dict.fromkeys(key for row in figures.values() for key in row))
    lines = [" ".join([f"{'source':20}", *(f"{name:>21}" for name in columns)])]
    for source, row in figures.items():
        cells = [f"{row[name]:21.4f}" if name in row else f"{'-':>21}" for name in columns]
        lines.append(" ".join([f"{source:20}", *cells]))
    return "\n".join(lines)
