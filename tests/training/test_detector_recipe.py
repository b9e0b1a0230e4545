from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from videosketcher_app.evaluation.calibration import table
from videosketcher_app.evaluation.detector import Detector
from videosketcher_app.evaluation.samples import make_sample
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.training.detector import DetectorConfig, _Run, collate, main

TINY = (8, 8, 16, 16, 16)


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


def test_the_recipe_learns_to_find_shapes() -> None:
    vocabulary = Vocabulary.of_primitives()
    config = DetectorConfig(device="cpu", widths=TINY, learning_rate=8e-3)
    run = _Run(Detector(vocabulary, widths=TINY), config)
    batch = collate([make_sample(vocabulary, [1, index]) for index in range(2)])
    losses = [run.step(batch, 0.0).item() for _ in range(10)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_command_leaves_weights_and_figures(tmp_path: Path) -> None:
    options = ["--seconds", "1", "--device", "cpu", "--num-workers", "0", "--batch-size", "2"]
    options += ["--fit", "6", "--check", "2", "--shapes-only", "--widths", *map(str, TINY)]
    main([*options, "--out", str(tmp_path / "evaluator")])
    assert sorted(p.name for p in (tmp_path / "evaluator").iterdir()) == [
        "calibration.json",
        "detector.safetensors",
    ]
    calibration = json.loads((tmp_path / "evaluator" / "calibration.json").read_text("utf-8"))
    assert set(calibration["figures"]) == {
        "primitives",
        "pseudo",
        "heldout_primitives",
        "heldout_concepts",
    }
    assert "order_shuffled" in table(calibration["figures"])
