"""A request with sparse attention draws with it, and its facts say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.events import Frames
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest, SparseSpec
from videosketcher_app.engines.memory.modes import EXACT, acceleration_of
from videosketcher_app.engines.text import TextEngine
from videosketcher_app.models.tiny import tiny_model

PLAN = DrawingPlan(concept="a cat", parts=(PlanPart(name="Head", description="circle"),))
# Large enough that a band of whole blocks of tokens leaves something out.
REQUEST = SketchRequest(prompt="a cat", num_frames=33, width=288, height=240, seed=5)
LITTLE = SparseSpec(kept_fraction=0.2, first_steps_fraction=0.0, first_layers_fraction=0.0)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def _drawn(model: Any, sparse: SparseSpec | None) -> Frames:
    request = REQUEST.model_copy(update={"sparse": sparse})
    *_, last = TextEngine(model).generate(request, PLAN, cancel=CancelToken())
    assert isinstance(last, Frames)
    return last


@pytest.fixture(scope="module")
def dense(model):
    return _drawn(model, None)


def test_sparse_attention_changes_the_drawing_and_is_recorded(model, dense):
    sparse = _drawn(model, LITTLE)
    assert not np.array_equal(sparse.frames_THW3, dense.frames_THW3)
    facts = sparse.settings["acceleration"]["sparse"]
    assert facts["pattern"] == "SVG"
    assert facts["kept_fraction"] == 0.2
    assert facts["kernel"] == "sliced"
    assert 0 < facts["density"] < 0.6
    assert 0 <= facts["temporal_heads"] <= 1
    assert "acceleration" not in dense.settings


def test_the_same_request_draws_the_same_again(model):
    first, again = _drawn(model, LITTLE), _drawn(model, LITTLE)
    assert np.array_equal(first.frames_THW3, again.frames_THW3)
    assert first.settings == again.settings


@pytest.mark.parametrize("spec", [SparseSpec(kept_fraction=1.0), SparseSpec(pattern="dense")])
def test_keeping_everything_draws_what_dense_draws(model, dense, spec):
    assert np.array_equal(_drawn(model, spec).frames_THW3, dense.frames_THW3)


def test_a_request_counts_before_its_mode():
    assert acceleration_of("exact", "wan2.1-t2v-14b") == EXACT
    assert acceleration_of("exact", "wan2.1-t2v-14b", LITTLE).sparse == LITTLE
    own = acceleration_of("fast", "wan2.1-t2v-14b")
    assert own.sparse is not None
    assert own.sparse.num_dense_steps(50) == 10
    dense = acceleration_of("fast", "wan2.1-t2v-14b", SparseSpec(pattern="dense"))
    assert dense.sparse is None
    assert dense.step_cache == own.step_cache
