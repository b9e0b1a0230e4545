"""The flags of Sparse VideoGen's scripts, in their spelling and in ours."""

from __future__ import annotations

import pytest

from videosketcher_app.cli.acceleration_flags import SPARSE_FLAGS, sparse_spec
from videosketcher_app.cli.main import main
from videosketcher_app.cli.reference_spelling import translate
from videosketcher_app.cli.request_fields import request_fields
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.sparse_request import SPARSE_PRESETS, SparseSpec


def test_nothing_said_is_nothing():
    assert sparse_spec({}) is None
    assert sparse_spec(dict.fromkeys(SPARSE_FLAGS)) is None
    assert "sparse" not in request_fields({"prompt": "a cat", "pattern": None})


def test_the_pattern_alone_means_the_published_readme():
    assert sparse_spec({"pattern": "SVG"}) == SPARSE_PRESETS["readme"]
    assert sparse_spec({"pattern": "svg"}) == SPARSE_PRESETS["readme"]


def test_published_names_become_fields():
    flags = {
        "pattern": "SVG", "sparsity": 0.2, "first_times_fp": 0.055, "first_layers_fp": 0.0,
        "num_sampled_rows": 32,
    }  # fmt: skip
    expected = SparseSpec(
        kept_fraction=0.2,
        first_steps_fraction=0.055,
        first_layers_fraction=0.0,
        num_sampled_rows=32,
    )
    assert sparse_spec(flags) == expected
    assert request_fields({"prompt": "a cat", **flags})["sparse"] == expected


def test_values_change_a_preset():
    spec = sparse_spec({"pattern": "SVG", "sparse_preset": "code", "sparsity": 0.5})
    assert spec == SparseSpec(
        kept_fraction=0.5, first_steps_fraction=0.075, first_layers_fraction=0.025
    )


def test_dense_overrides_whatever_else_is_said():
    spec = sparse_spec({"pattern": "dense", "sparsity": 0.25})
    assert spec == SparseSpec(pattern="dense")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"sparsity": 0.25}, "no pattern"),
        ({"sparse_preset": "code"}, "no pattern"),
        ({"pattern": "SAP"}, "no attention pattern 'SAP'"),
        ({"pattern": "SVG", "sparse_preset": "fastest"}, "no preset 'fastest'"),
        ({"pattern": "SVG", "sparsity": 0.0}, "kept_fraction"),
    ],
)
def test_what_cannot_be_is_refused(flags, told):
    with pytest.raises(InvalidRequest, match=told):
        sparse_spec(flags)


def test_the_scripts_spelling_is_understood():
    words = translate(
        ["sketch", "--prompt", "a cat", "--pattern", "SVG", "--first_times_fp", "0.025"]
    )
    assert words == ["sketch", "a cat", "--pattern", "SVG", "--first-times-fp", "0.025"]


@pytest.mark.parametrize("command", ["sketch", "brush"])
def test_both_drawing_commands_have_the_flags(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    for flag in SPARSE_FLAGS:
        assert f"--{flag.replace('_', '-')}" in text
