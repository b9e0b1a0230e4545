"""An evaluation that was stopped goes on with the drawings that it has already measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.evaluation.kept import KeptReadings
from videosketcher_app.evaluation.saving import as_rows
from videosketcher_app.evaluation.text import evaluate_text


class Counting:
    """A sampler that draws the same shapes for every seed, and counts; it may stop half-way."""

    def __init__(self, until: int = 100) -> None:
        self.drawn, self.until = 0, until

    def __call__(self, plans: list[DrawingPlan], seeds: list[int]) -> Iterator[NDArray[np.uint8]]:
        for seed in seeds:
            if self.drawn == self.until:
                raise KeyboardInterrupt
            self.drawn += 1
            yield renderer.frames(compose_primitives(np.random.default_rng(seed)).sketch)


def rows_of(sampler: Counting, keep: KeptReadings | None) -> str:
    report = evaluate_text(sampler, sets=("primitives",), limit=4, batch_size=1, keep=keep)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in as_rows(report)]
    return json.dumps(rows)


def test_a_stopped_evaluation_goes_on_and_ends_in_the_same_figures(tmp_path: Path) -> None:
    stopped = Counting(until=2)
    with pytest.raises(KeyboardInterrupt):
        rows_of(stopped, KeptReadings(tmp_path, "weights"))
    assert len(list(tmp_path.iterdir())) == 2
    rest = Counting()
    figures = rows_of(rest, KeptReadings(tmp_path, "weights"))
    assert rest.drawn == 2
    assert figures == rows_of(Counting(), None)
    again = Counting()
    assert rows_of(again, KeptReadings(tmp_path, "weights")) == figures
    assert again.drawn == 0


def test_other_weights_draw_anew(tmp_path: Path) -> None:
    rows_of(Counting(), KeptReadings(tmp_path, "weights"))
    other = Counting()
    rows_of(other, KeptReadings(tmp_path, "other weights"))
    assert other.drawn == 4


def test_a_damaged_clip_is_named(tmp_path: Path) -> None:
    rows_of(Counting(), KeptReadings(tmp_path, "weights"))
    next(iter(sorted(tmp_path.iterdir()))).write_bytes(b"no tensors")
    with pytest.raises(InvalidFile):
        rows_of(Counting(), KeptReadings(tmp_path, "weights"))
