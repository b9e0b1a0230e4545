"""The field for sparse attention says a request's values and gives them back."""

from __future__ import annotations

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SparseSpec
from videosketcher_app.core.sparse_request import SPARSE_PRESETS
from videosketcher_app.ui.tabs.text.sparse_field import MAX_CHARACTERS, parse_sparse, sparse_text

SPECS = [
    None,
    SparseSpec(pattern="dense"),
    *SPARSE_PRESETS.values(),
    SparseSpec(kept_fraction=0.123, num_sampled_rows=1024),
]


@pytest.mark.parametrize("spec", SPECS)
def test_what_a_request_says_comes_back(spec):
    text = sparse_text(spec)
    assert parse_sparse(text) == spec
    assert len(text) <= MAX_CHARACTERS


@pytest.mark.parametrize("text", ["0.3", " 0,3 ", "0.30", 0.3])
def test_a_fraction_alone_takes_careful_values_for_the_rest(text):
    assert parse_sparse(text) == SPARSE_PRESETS["careful"]
    assert sparse_text(parse_sparse(text)) == "0.3"


@pytest.mark.parametrize("text", ["", None, "  "])
def test_an_open_field_leaves_it_to_the_mode(text):
    assert parse_sparse(text) is None


def test_values_may_be_parted_as_people_do():
    expected = SPARSE_PRESETS["readme"]
    assert parse_sparse("0.25/0.025/0.075/64") == expected
    assert parse_sparse("0,25; 0,025; 0,075") == expected


@pytest.mark.parametrize(
    "text", ["a little", "0.3 / x", "0.3/0/0/64/1", "0", "2", "nan", "0.3/0/0/1.5"]
)
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(InvalidRequest) as caught:
        parse_sparse(text)
    assert caught.value.hint
