"""Concepts that a model followed badly come more often in the next training."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.datasets import SketchMix, SketchSource
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.training.concept_weights import (
    LEAST,
    MOST,
    read_weights,
    weights_of_losses,
    weights_of_reports,
)

SHIPPED = Path(__file__).parents[2] / "presets" / "training" / "concept_weights.yaml"


def test_weights_follow_the_loss_within_bounds():
    weights = weights_of_losses({"cat": 0.1, "dog": 0.3, "cow": 0.0, "pig": 4.0})
    assert weights["pig"] == MOST
    assert weights["cow"] == LEAST
    assert weights_of_losses({"cat": 0.2, "dog": 0.2}) == {"cat": 1.0, "dog": 1.0}
    assert weights_of_losses({"cat": 0.0}) == {"cat": 1.0}


def test_reports_of_several_sets_are_averaged(tmp_path):
    rows = {
        "concepts": {"cat": {"order_all_pairs": 0.5}, "shapes": {"order_all_pairs": 0.1}},
        "recognition": {"cat": {"order_all_pairs": 0.7}, "dog": {"order_all_pairs": 0.4}},
    }
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"by_name": rows}), "utf-8")
    assert weights_of_reports([report]) == {"cat": 0.8, "dog": 1.2}


def test_the_shipped_weights_know_every_concept():
    weights = read_weights(SHIPPED)
    assert set(weights) == set(programs())
    assert all(LEAST <= value <= MOST for value in weights.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cats: 2.0", "Unknown concept"),
        ("cat: 0", "weight of cat"),
        ("cat: yes", "weight of cat"),
        ("cat: .nan", "weight of cat"),
        ("- cat", "holds no keys"),
        ("cat: [", "is no YAML at line 1"),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence(tmp_path, text, problem):
    path = tmp_path / "weights.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidRequest, match=problem):
        read_weights(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_weights(tmp_path / "none.yaml")


def test_weighted_concepts_come_as_often_as_they_weigh():
    weights = dict.fromkeys(programs(), 1e-9) | {"cat": 3.0, "dog": 1.0}
    source = SketchSource(SketchMix(concepts=1.0, primitives=0.0, weights=weights), seed=4)
    counts = Counter(source(index).source for index in range(200))
    assert set(counts) == {"cat", "dog"}
    assert 0.65 < counts["cat"] / 200 < 0.85
