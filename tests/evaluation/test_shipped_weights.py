"""6 quick drawings of the shipped weights, scored against the figures stored with them.

After new weights: `python -m tests.evaluation.test_shipped_weights` stores their figures anew; look at
the difference before committing it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from videosketcher_app.evaluation.report import model_sampler
from videosketcher_app.evaluation.text import evaluate_text
from videosketcher_app.models.catalogue import load_text_model

STORED = Path(__file__).parents[1] / "fixtures" / "shipped_figures.json"
SETS = ("concepts",)
NUM_DRAWINGS = 6
NUM_STEPS = 4  # half of what a person's drawings take: damaged weights show in these as well
# One part more or less among the dozens of a set; processors round differently.
TOLERANCE = {"order": 0.05, "present": 0.05, "in_place": 0.08, "right_shape": 0.08}
TOLERANCE |= {"extra_ink": 0.02, "persistence": 0.005, "first_frame_white": 0.001}


def figures_now(name: str) -> dict[str, float]:
    """The figures of a set's fixed drawings on this machine."""
    model = load_text_model("pocket-t2v", "cpu")
    model.defaults = replace(model.defaults, num_inference_steps=NUM_STEPS)
    report = evaluate_text(model_sampler(model), sets=(name,), limit=NUM_DRAWINGS, batch_size=2)
    found = report.sets[name].figures
    return {key: float(found[key]) for key in TOLERANCE if key in found}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", SETS)
def test_shipped_weights_draw_as_well_as_when_they_were_stored(name: str) -> None:
    stored = json.loads(STORED.read_text("utf-8"))[name]
    found = figures_now(name)
    assert found.keys() == stored.keys()
    for key, value in stored.items():
        assert found[key] == pytest.approx(value, abs=TOLERANCE[key]), key


if __name__ == "__main__":
    STORED.write_text(json.dumps({name: figures_now(name) for name in SETS}, indent=2) + "\n")
