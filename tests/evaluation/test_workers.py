"""The evaluation's fast ways give the figures of the slow ones, and with workers the same again."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.ink import composite, ink_figures, ink_map, ink_map_and_composite
from videosketcher_app.data.strokes import resample
from videosketcher_app.evaluation import layout, memory, text
from videosketcher_app.evaluation.kept import KeptReadings
from videosketcher_app.evaluation.layout import DRAWS, usual_spots
from videosketcher_app.evaluation.memory import (
    CANDIDATES,
    Nearest,
    TrainingRenders,
    aligned,
    chamfer,
    descriptor,
    own_renders,
    spread,
    training_drawing,
)
from videosketcher_app.evaluation.renders import GRID_HEIGHT, GRID_WIDTH, Render, render
from videosketcher_app.evaluation.saving import as_rows
from videosketcher_app.evaluation.tasks import canonical_plan, tasks_of
from videosketcher_app.evaluation.text import Report, evaluate_text
from videosketcher_app.evaluation.vocabulary import swap_sides
from videosketcher_app.evaluation.workers import Workers

CANVAS = (2 * GRID_HEIGHT, 2 * GRID_WIDTH)


def drawings(count: int, salt: int = 40) -> list[Composition]:
    """Objects, every third one shapes."""
    names = list(programs())
    return [
        compose_primitives(np.random.default_rng([salt, i]))
        if i % 3 == 2
        else compose(programs()[names[7 * i % len(names)]], np.random.default_rng([salt, i]))
        for i in range(count)
    ]


def noisy_clip(drawing: Composition, seed: int) -> NDArray[np.uint8]:
    """A true clip with a decoder's noise on ink and paper."""
    clean = renderer.frames(drawing.sketch).astype(np.int16)
    noise = np.random.default_rng(seed).integers(-7, 8, clean.shape, dtype=np.int16)
    return np.clip(clean + noise, 0, 255).astype(np.uint8)


def canonical(plans: list[DrawingPlan], seeds: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Draws canonical plans of objects with proportions of the seed."""
    names = {str(canonical_plan(name)[0]): name for name in programs()}
    for plan, seed in zip(plans, seeds, strict=True):
        program, rng = programs()[names[str(plan)]], np.random.default_rng([31, seed])
        drawing = compose(program, rng, drop=False, shuffle=False, layout=Layout())
        yield noisy_clip(drawing, seed)


def slow_render(drawing: Composition) -> Render:
    """`render` with its blocks reduced by numpy."""
    paper, owners = np.ones(CANVAS, np.float32), np.zeros(CANVAS, np.int32)
    times = np.full(CANVAS, renderer.NEVER, np.float32)
    for stroke in drawing.sketch.scaled(CANVAS[1], CANVAS[0]).strokes:
        layer = renderer.stroke_layer(stroke, CANVAS[1], CANVAS[0])
        assert layer is not None
        h, w = layer.coverage_HW.shape
        box = np.s_[layer.top : layer.top + h, layer.left : layer.left + w]
        sure = layer.coverage_HW > 0.3
        paper[box] *= 1 - layer.coverage_HW
        owners[box] |= sure.astype(np.int32) << stroke.part
        times[box] = np.minimum(times[box], np.where(sure, layer.times_HW, renderer.NEVER))
    ink, own, inked = (x.reshape(GRID_HEIGHT, 2, GRID_WIDTH, 2) for x in (paper, owners, times))
    return Render(
        ink_HW=1 - ink.mean((1, 3)),
        owners_HW=np.bitwise_or.reduce(own, axis=(1, 3)),
        times_HW=inked.min((1, 3)),
        centers_P2=np.zeros((0, 2), np.float32),
    )


@cache
def slow_renders(count: int) -> tuple[list[Composition], list[NDArray[np.float32]]]:
    made = [training_drawing(index) for index in range(count)]
    return made, [slow_render(drawing).ink_HW for drawing in made]


def slow_nearest(ink_HW: NDArray[np.float32], pool_size: int) -> Nearest:
    """The nearest of the renders, one after the other."""
    made, inks = slow_renders(pool_size)
    pool_PD = np.stack([descriptor(aligned(ink)) for ink in inks])
    apart_P = ((pool_PD.astype(np.float32) - descriptor(aligned(ink_HW))) ** 2).sum(1)
    order = np.argsort(apart_P, kind="stable")[:CANDIDATES].tolist()
    distances = [chamfer(aligned(ink_HW), aligned(inks[index])) for index in order]
    best = order[int(np.nanargmin(distances))]
    return Nearest(distance=min(distances), concept=made[best].source, ink_HW=inks[best])


def slow_spots(concept: str, *, mirrored: bool) -> dict[str, NDArray]:
    """`usual_spots` with every side measured for itself."""
    seen: dict[str, list] = {}
    for seed in range(DRAWS):
        for part in programs()[concept].draw(np.random.default_rng([978, seed])):
            points = np.vstack([resample(np.asarray(c, np.float32), 0.03) for c in part.curves])
            middle = points.mean(0)
            radius = np.sqrt(((points - middle) ** 2).sum(1).mean())
            name = swap_sides(part.name) if mirrored else part.name
            x = -middle[0] if mirrored else middle[0]
            seen.setdefault(f"{concept}/{name}", []).append((x, middle[1], radius))
    return {label: np.median(spots, axis=0) for label, spots in seen.items()}


def test_a_render_is_the_same_to_the_last_bit() -> None:
    for drawing in drawings(18):
        quick, slow = render(drawing.sketch, len(drawing.labels)), slow_render(drawing)
        for name in ("ink_HW", "owners_HW", "times_HW"):
            np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name), name)
            assert getattr(quick, name).dtype == getattr(slow, name).dtype


@pytest.mark.parametrize("concept", ["cat", "truck", "glasses"])
def test_both_sides_measured_at_once_are_the_same_to_the_last_bit(concept: str) -> None:
    for side in (False, True):
        quick, slow = usual_spots(concept, mirrored=side), slow_spots(concept, mirrored=side)
        assert quick.keys() == slow.keys()
        for label, spot in slow.items():
            np.testing.assert_array_equal(quick[label], spot)
            assert quick[label].dtype == spot.dtype


def test_looking_for_the_ink_once_gives_the_same_map_and_clip() -> None:
    clip = noisy_clip(drawings(1)[0], 5)
    quick, clean = ink_map_and_composite(clip)
    slow = ink_map(clip)
    np.testing.assert_array_equal(clean, composite(clip))
    for name in ("darkness_HW", "times_HW", "color_HW3"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name))


def test_blocks_of_paper_have_the_means_of_a_filter() -> None:
    clip = noisy_clip(drawings(1)[0], 6)[:4]
    darkness = 255 - clip.min(axis=3)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)).astype(np.uint8)
    paper_HW = cv2.dilate((darkness.max(axis=0) >= 24).astype(np.uint8), kernel) == 0
    block = np.ones((24, 24), np.float32) / 576
    share = cv2.filter2D(paper_HW.astype(np.float32), -1, block)[::12, ::12]
    blotch = 0.0
    for frame in clip:
        missing = cv2.cvtColor(255 - frame, cv2.COLOR_RGB2GRAY) * paper_HW
        means = cv2.filter2D(missing, cv2.CV_32F, block)[::12, ::12]
        blotch = max(blotch, float((means / share)[share >= 0.5].max()))
    assert ink_figures(clip).paper_blotch == pytest.approx(blotch, rel=1e-5)


def test_the_nearest_render_is_that_of_the_slow_search() -> None:
    inks = [render(d.sketch, len(d.labels)).ink_HW for d in drawings(2, salt=41)]
    slow = [slow_nearest(ink, 70) for ink in inks]
    for count in (0, 2):
        with Workers(count) as workers:
            found = TrainingRenders(70, workers).nearest(inks)
        for one, other in zip(found, slow, strict=True):
            assert (one.distance, one.concept) == (other.distance, other.concept)
            np.testing.assert_array_equal(one.ink_HW, other.ink_HW)


def _everything(report: Report) -> list:
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in as_rows(report)]
    scores = [asdict(s.reading) | {"named": s.named} for s in report.sets["recognition"].scores]
    found = [(n.distance, n.concept) for _, n in report.nearest]
    return [rows, scores, report.spread, found, report.fresh]


def test_workers_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    # More drawings than are scored together, and a last concept that is not whole.
    monkeypatch.setattr(text, "SCORED_TOGETHER", 4)
    reports = []
    for count in (0, 2):
        monkeypatch.setattr(layout, "_known", {})
        reports.append(
            evaluate_text(
                canonical, sets=("memory",), limit=10, memory_renders=70, num_workers=count
            )
        )
    assert len(reports[0].nearest) == len(reports[0].fresh) == 2
    assert _everything(reports[0]) == _everything(reports[1])


def test_the_spread_and_the_nearest_are_those_of_the_formulas() -> None:
    report = evaluate_text(canonical, sets=("memory",), limit=10, memory_renders=70)
    for name, ratio in report.spread.items():
        mine = [s.clip.ink_HW for s in report.sets["recognition"].scores if s.task.name == name]
        own = spread(own_renders(name, canonical_plan(name)[0], len(mine)))
        assert ratio == round(spread(mine) / own, 4)
    for score, found in report.nearest:
        assert found.distance == slow_nearest(score.clip.ink_HW, 70).distance


def test_progress_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "videosketcher_app.evaluation"):
        evaluate_text(canonical, sets=("memory",), limit=2, memory_renders=8)
    told = [re.sub(r"[\d.]+ s", "N s", record.getMessage()) for record in caplog.records]
    assert told == [
        "recognition: 2 of 2 drawn, N s",
        "recognition: scored after N s",
        "memory: spread of 1 concepts, N s",
        "memory: nearest of 8 training renders, N s",
    ]


def test_training_renders_are_made_between_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CHUNK", 4)
    with Workers(0) as workers:
        renders = TrainingRenders(10, workers)
        made = []
        for _ in range(4):
            renders.make_more()
            made.append(sum(len(chunk.result()) for chunk in renders._chunks))
    assert made == [4, 8, 10, 10]


def test_results_come_in_order_and_few_are_held() -> None:
    asked: list[int] = []

    def calls() -> Iterator[tuple[int]]:
        for number in range(20):
            asked.append(number)
            yield (-number,)

    with Workers(2) as workers:
        held = []
        for index, result in enumerate(workers.in_order(abs, calls())):
            assert result == index
            held.append(len(asked) - index)
    assert max(held) == 5
    assert all(later <= earlier for earlier, later in pairwise(held))


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    with Workers(1) as workers, pytest.raises(KeyError):
        list(workers.in_order(own_renders, [("no such concept", canonical_plan("cat")[0], 1)]))


def test_tasks_kept_in_between_need_no_drawing(tmp_path) -> None:
    drawn: list[int] = []

    def counted(plans: list[DrawingPlan], seeds: list[int]) -> Iterator[NDArray[np.uint8]]:
        drawn.extend(seeds)
        return canonical(plans, seeds)

    def run() -> Report:
        keep = KeptReadings(tmp_path, "weights")
        return evaluate_text(
            counted, sets=("memory",), limit=3, memory_renders=20, num_workers=1, keep=keep
        )

    assert _everything(run()) == _everything(run())
    assert len(drawn) == len(tasks_of("recognition", limit=3))
