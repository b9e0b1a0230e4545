"""How much attention is kept: fractions become whole steps and layers, and nothing else exists."""

from __future__ import annotations

import json

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest, SparseSpec, parse_request_json
from videosketcher_app.core.sparse_request import SPARSE_PRESETS, sparse_preset

BAD = [
    ({"kept_fraction": 0.0}, "kept_fraction"),
    ({"kept_fraction": 1.01}, "kept_fraction"),
    ({"kept_fraction": float("nan")}, "kept_fraction"),
    ({"first_steps_fraction": -0.1}, "first_steps_fraction"),
    ({"first_layers_fraction": 2.0}, "first_layers_fraction"),
    ({"num_sampled_rows": 0}, "num_sampled_rows"),
    ({"num_sampled_rows": 1.5}, "num_sampled_rows"),
    ({"pattern": "SAP"}, "pattern"),
    ({"sparsity": 0.25}, "no field 'sparsity'"),
]


@pytest.mark.parametrize(("values", "told"), BAD, ids=range(len(BAD)))
def test_impossible_values_are_refused_in_one_sentence(values, told):
    for build in (lambda: SparseSpec(**values), lambda: SketchRequest(prompt="a", sparse=values)):
        with pytest.raises(InvalidRequest) as caught:
            build()
        assert told in caught.value.message
        assert caught.value.hint


def test_a_request_keeps_it_through_json_and_is_silent_without_it():
    request = SketchRequest(prompt="a cat", sparse=SPARSE_PRESETS["careful"])
    assert SketchRequest.from_mapping(json.loads(json.dumps(request.to_mapping()))) == request
    assert parse_request_json(json.dumps(request.to_mapping())) == request.to_mapping()
    assert "sparse" not in SketchRequest(prompt="a cat").to_mapping()


@pytest.mark.parametrize(
    ("preset", "steps", "layers"), [("readme", 1, 3), ("code", 3, 1), ("careful", 10, 1)]
)
def test_fractions_of_50_steps_and_40_layers(preset, steps, layers):
    spec = sparse_preset(preset)
    assert (spec.num_dense_steps(50), spec.num_dense_layers(40)) == (steps, layers)


def test_presets_of_the_other_published_models():
    assert sparse_preset("hunyuan-video").num_dense_steps(50) == 2
    assert sparse_preset("hunyuan-video").num_dense_layers(60) == 1
    assert sparse_preset("cogvideox-1.5").num_dense_steps(50) == 10
    assert sparse_preset("cogvideox-1.5").num_dense_layers(42) == 0


def test_a_fraction_that_is_whole_on_paper_is_whole():
    assert SparseSpec(first_steps_fraction=0.29).num_dense_steps(100) == 29


def test_an_unknown_preset_names_those_that_exist():
    with pytest.raises(InvalidRequest, match="no preset 'fastest'") as caught:
        sparse_preset("fastest")
    assert "readme" in caught.value.hint
