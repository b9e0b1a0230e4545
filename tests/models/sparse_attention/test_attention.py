"""One drawing's sparse attention: what stays dense, what is recorded, and that it draws."""

from __future__ import annotations

import pytest
import torch

from benchmarks.planted_heads import planted_heads
from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.models.sparse_attention.attention import SparseAttention
from videosketcher_app.models.sparse_attention.kernels import dense_band_attention
from videosketcher_app.models.sparse_attention.layout import (
    TokenLayout,
    gather_order,
    restore_order,
)
from videosketcher_app.models.wan.forward import dense_attention

LAYOUT = TokenLayout(num_frames=21, tokens_per_frame=60)
SPEC = SparseSpec(kept_fraction=0.3, first_steps_fraction=0.2, first_layers_fraction=0.25)
TEMPORAL = torch.tensor([True, False, True, True, False, False])


def _drawing(spec: SparseSpec = SPEC) -> SparseAttention:
    return SparseAttention(spec, LAYOUT, num_steps=10, num_layers=4)


def _heads() -> tuple[torch.Tensor, ...]:
    return planted_heads(LAYOUT, TEMPORAL, seed=0)


def _under_the_band(temporal_BN: torch.Tensor, drawing: SparseAttention) -> torch.Tensor:
    """The planted heads, each in its order, by the slow twin."""
    q, k, v = (gather_order(x, temporal_BN, LAYOUT) for x in _heads())
    return restore_order(dense_band_attention(q, k, v, drawing.band), temporal_BN, LAYOUT)


def test_first_steps_and_first_layers_are_dense() -> None:
    drawing, (q, k, v) = _drawing(), _heads()
    dense = dense_attention(q, k, v)
    is_dense = [
        [torch.equal(layer(q, k, v), dense) for layer in drawing.at_step(step)] for step in range(4)
    ]
    assert is_dense == 2 * [[True] * 4] + 2 * [[True, False, False, False]]


def test_a_sparse_layer_is_dense_attention_under_its_heads_masks() -> None:
    drawing, (q, k, v) = _drawing(), _heads()
    out = drawing.at_step(2)[1](q, k, v)
    temporal = TEMPORAL[None]
    expected = _under_the_band(temporal, drawing)
    torch.testing.assert_close(out, expected, atol=2e-6, rtol=1e-5)


def test_planted_heads_keep_nearly_all_of_their_attention() -> None:
    drawing, (q, k, v) = _drawing(), _heads()
    dense, sparse = dense_attention(q, k, v), drawing.at_step(2)[1](q, k, v)
    assert float(torch.cosine_similarity(dense.flatten(), sparse.flatten(), dim=0)) > 0.999
    # In the other order every head loses what it looks at.
    wrong = _under_the_band(~TEMPORAL[None], drawing)
    assert float(torch.cosine_similarity(dense.flatten(), wrong.flatten(), dim=0)) < 0.9


def test_keeping_everything_is_bit_for_bit_dense() -> None:
    q, k, v = _heads()
    drawing = _drawing(SPEC.model_copy(update={"kept_fraction": 1.0}))
    assert torch.equal(drawing.at_step(9)[3](q, k, v), dense_attention(q, k, v))


def test_facts_say_what_was_left_out() -> None:
    drawing, (q, k, v) = _drawing(), _heads()
    assert drawing.facts()["temporal_heads"] is None
    for step in range(3):
        for layer in drawing.at_step(step):
            layer(q, k, v)
    facts = drawing.facts()
    assert facts["pattern"] == "SVG"
    assert (facts["dense_steps"], facts["dense_layers"]) == (2, 1)
    assert facts["temporal_heads"] == 0.5
    assert facts["kernel"] == "sliced"
    assert 0.3 < facts["density"] < 0.45


def test_the_same_seed_samples_the_same_rows() -> None:
    q, k, v = _heads()
    first, again = (_drawing().at_step(5)[2](q, k, v) for _ in range(2))
    assert torch.equal(first, again)


def test_the_default_dense_attention_can_be_another() -> None:
    calls = []

    def other(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        calls.append(q.shape)
        return dense_attention(q, k, v)

    drawing = SparseAttention(SPEC, LAYOUT, num_steps=10, num_layers=4, dense=other)
    drawing.at_step(0)[0](*_heads())
    assert len(calls) == 1


def test_another_number_of_tokens_is_a_fault_of_the_caller() -> None:
    q, k, v = (x[:, :, :-1] for x in _heads())
    with pytest.raises(AssertionError):
        _drawing().at_step(5)[2](q, k, v)
