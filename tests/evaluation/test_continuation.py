"""The row "continues, not ignores": true drawings score high, doing nothing scores zero."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from videosketcher_app.cli.evaluate import app
from videosketcher_app.data import renderer
from videosketcher_app.evaluation.continuation import (
    evaluate_continuation,
    figures,
    ink_kept,
    nothing_drawn,
    true_continuations,
)
from videosketcher_app.evaluation.continuation_cases import (
    NUM_CASES,
    HalfDrawn,
    half_drawn,
    half_drawn_sketches,
)
from videosketcher_app.evaluation.continuation_report import continuation_report, model_continuer
from videosketcher_app.models.tiny import tiny_model

Clips = Iterator[NDArray[np.uint8]]


@pytest.fixture(scope="module")
def cases() -> list[HalfDrawn]:
    return half_drawn_sketches(limit=4)


def test_every_case_has_parts_of_both_hands() -> None:
    sketches = half_drawn_sketches()
    assert len(sketches) == NUM_CASES
    assert sum(case.is_concept for case in sketches) == 120
    assert len({case.name for case in sketches if case.is_concept}) > 100
    for case in sketches:
        assert 0 < len(case.missing) < len(case.labels)
        assert len(case.labels) == len(case.plan.parts)
        starts = [case.sketch.part_span(part)[0] for part in case.missing]
        assert starts == sorted(starts)


def test_cases_are_the_same_every_time_and_differ_by_seed() -> None:
    one, again, other = half_drawn(7), half_drawn(7), half_drawn(7, seed=1)
    assert np.array_equal(one.given_frames(), again.given_frames())
    assert not np.array_equal(one.given_frames()[-1], other.given_frames()[-1])
    assert len(one.given_frames()) == one.num_given
    assert (one.given_frames()[0] == 255).all()


def test_true_continuations_are_seen_as_such(cases: list[HalfDrawn]) -> None:
    row = figures(evaluate_continuation(true_continuations, cases))
    assert row["drawings"] == 4
    assert row["appeared"] >= 0.9
    assert row["order"] >= 0.95
    assert row["given_ink_kept_raw"] == 1
    assert row["given_ink_faded_raw"] == 0
    assert row["recognised"] == 1


def test_doing_nothing_scores_zero(cases: list[HalfDrawn]) -> None:
    row = figures(evaluate_continuation(nothing_drawn, cases))
    assert row["appeared"] == 0
    assert "order" not in row
    assert row["given_ink_kept_raw"] == 1


def only_shapes(cases: Sequence[HalfDrawn]) -> Clips:
    """Goes on with shapes as it should, and with objects not at all."""
    for case in cases:
        (drawn,) = (nothing_drawn if case.is_concept else true_continuations)([case])
        yield drawn


def test_parts_of_objects_and_shapes_are_also_counted_apart(cases: list[HalfDrawn]) -> None:
    row = figures(evaluate_continuation(only_shapes, cases))
    assert row["appeared_of_objects"] == 0
    assert row["appeared_of_shapes"] >= 0.9
    objects = sum(len(case.missing) for case in cases if case.is_concept)
    share = 1 - objects / row["missing_parts"]
    assert row["appeared"] == pytest.approx(share * row["appeared_of_shapes"], abs=1e-3)
    alone = figures(evaluate_continuation(only_shapes, [c for c in cases if c.is_concept]))
    assert "appeared_of_shapes" not in alone


def backwards(cases: Sequence[HalfDrawn]) -> Clips:
    """Draws what is missing, the last part first."""
    for case in cases:
        sketch = case.sketch
        strokes = []
        for stroke in sketch.strokes:
            if stroke.part in case.missing:
                times = (80 + case.num_given - stroke.times_N)[::-1].copy()
                flipped = stroke.points_N2[::-1].copy()
                stroke = replace(stroke, times_N=times, points_N2=flipped)
            strokes.append(stroke)
        late = sorted(strokes, key=lambda s: s.start)
        yield renderer.frames(replace(sketch, strokes=tuple(late)))[case.num_given :]


def test_the_wrong_order_is_seen(cases: list[HalfDrawn]) -> None:
    row = figures(evaluate_continuation(backwards, cases))
    assert row["appeared"] >= 0.9
    assert row["order"] <= 0.05


def test_raw_frames_that_lose_the_given_ink_are_found(cases: list[HalfDrawn]) -> None:
    given = cases[0].given_frames()[-1]
    still = np.repeat(given[None], 12, axis=0)
    assert ink_kept(given, still) == (1.0, 0.0)
    gone = still.copy()
    gone[6:] = 255
    kept, faded = ink_kept(given, gone)
    assert kept == 0
    assert faded == pytest.approx(1)
    half = still.copy()
    half[:, :, : half.shape[2] // 2] = 255
    assert 0 < ink_kept(given, half)[0] < 1
    assert ink_kept(np.full_like(given, 255), still) == (1.0, 0.0)


def test_a_model_draws_the_rest_of_the_clip() -> None:
    case = half_drawn(199)
    (drawn,) = model_continuer(tiny_model())([case])
    assert drawn.shape == (81 - case.num_given, 240, 432, 3)
    (again,) = model_continuer(tiny_model())([case])
    assert np.array_equal(drawn, again)
    (other,) = model_continuer(tiny_model(), 2)([case])
    assert not np.array_equal(drawn, other)


def test_the_report_is_written(tmp_path: Path) -> None:
    rows = continuation_report(
        tiny_model(), limit=1, csv=tmp_path / "drawings.csv", output_dir=tmp_path, calibrated=False
    )
    assert [row["set"] for row in rows] == ["codraw"]
    assert rows[0]["model"] == "tiny"
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["drawings"]) == 1
    assert (tmp_path / "sheet_codraw.png").is_file()
    assert len((tmp_path / "drawings.csv").read_text().splitlines()) == 2


def test_the_command_prints_a_row_and_refuses_a_folder_without_an_adapter(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["codraw", "--model", "tiny", "--limit", "1", "--no-calibration", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["set"] == "codraw"
    refused = CliRunner().invoke(app, ["codraw", "--adapter", str(tmp_path), "--device", "cpu"])
    assert refused.exit_code != 0
    assert "holds no adapted model" in str(refused.exception)
