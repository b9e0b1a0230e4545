"""The block in little memory, and the pass that brings it to a pipeline."""

from __future__ import annotations

import pytest
import torch

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.models.fused import SplitBlock
from videosketcher_app.models.lean_block import LeanBlock, in_pieces, lean_block
from videosketcher_app.models.wan import attention as kernels
from videosketcher_app.models.wan.forward import block_forward, dense_attention
from videosketcher_app.models.wan.passes import OwnPass
from videosketcher_app.models.wan.stops import Stops


@pytest.fixture(scope="module")
def pipe():
    return tiny_pipeline(in_dim=16, require_vae_embedding=False)


@pytest.fixture
def given():
    random = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(1, 16, 3, 8, 12, generator=random),
        "timestep": torch.tensor([500.0]),
        "context": torch.randn(1, 8, 32, generator=random),
    }


class Compiled:
    """Stands for compiled code: a split block that counts its calls, or fails."""

    def __init__(self, error=None):
        self.error, self.calls, self._block = error, 0, SplitBlock()

    def __call__(self, block, *given):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self._block(block, *given)


def velocity(pipe, given, run_block, stops=None):
    with torch.no_grad():
        return OwnPass(stops=stops or Stops(), run_block=run_block)(pipe.dit, **given)


def test_a_lean_pass_computes_what_diffsynth_computes(pipe, given):
    with torch.no_grad():
        expected = pipe.model_fn(dit=pipe.dit, **given)
    found = velocity(pipe, given, lean_block(torch.device("cpu")))
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("num_tokens", [1, 7, 8, 9, 30])
def test_any_number_of_tokens_goes_in_pieces(pipe, num_tokens):
    random = torch.Generator().manual_seed(2)
    x, words = (torch.randn(2, n, 48, generator=random) for n in (num_tokens, 6))
    modulation = torch.randn(2, 1, 6, 48, generator=random)
    angle = torch.randn(num_tokens, 12, generator=random)
    given = (x, words, modulation, (angle.cos(), angle.sin()), dense_attention)
    with torch.inference_mode():
        whole, pieces = (run(pipe.dit.blocks[0], *given) for run in (block_forward, in_pieces))
        assert pieces.is_contiguous()
        torch.testing.assert_close(pieces, whole, atol=1e-5, rtol=1e-4)


def test_an_attention_that_folds_heads_copies_nothing(pipe):
    """Not even in the first block, whose tokens lie the other way round."""
    random = torch.Generator().manual_seed(2)
    x, words = torch.randn(1, 48, 9, generator=random).transpose(1, 2), torch.zeros(1, 6, 48)
    modulation, table = torch.zeros(1, 1, 6, 48), (torch.ones(9, 12), torch.zeros(9, 12))

    def folding(*qkv):
        for each in qkv:
            assert each.transpose(1, 2).flatten(2).data_ptr() == each.data_ptr()
        return dense_attention(*qkv)

    with torch.no_grad():
        found = in_pieces(pipe.dit.blocks[0], x, words, modulation, table, folding)
    assert found.is_contiguous()


def test_frames_at_levels_of_their_own_go_whole(pipe):
    random = torch.Generator().manual_seed(2)
    x, words = (torch.randn(1, n, 48, generator=random) for n in (12, 6))
    modulation = torch.randn(1, 3, 6, 48, generator=random)
    given = (x, words, modulation, (torch.ones(12, 12), torch.zeros(12, 12)), dense_attention)
    with torch.no_grad():
        whole, pieces = (run(pipe.dit.blocks[0], *given) for run in (block_forward, in_pieces))
    assert torch.equal(pieces, whole)


def test_blocks_with_hooks_run_as_they_are_written(pipe, given):
    compiled = Compiled()
    lean = LeanBlock(compiled)
    plain = velocity(pipe, given, lean)
    assert compiled.calls == 1
    layer = pipe.dit.blocks[0].ffn[0]
    hook = layer.register_forward_hook(lambda _module, _given, out: out + 1)
    changed = velocity(pipe, given, lean)
    hook.remove()
    assert compiled.calls == 1, "compiled code may not see the hook"
    assert not torch.allclose(changed, plain)
    torch.testing.assert_close(velocity(pipe, given, lean), plain)
    assert compiled.calls == 2


def test_what_cannot_be_compiled_runs_all_the_same(pipe, given, caplog):
    compiled = Compiled(torch._dynamo.exc.TorchDynamoException("no compiler\nmore of it"))
    lean = LeanBlock(compiled)
    expected = velocity(pipe, given, LeanBlock(None))
    for _ in range(2):
        assert torch.equal(velocity(pipe, given, lean), expected)
    assert compiled.calls == 1, "tried once"
    assert [record.getMessage() for record in caplog.records] == [
        "blocks are not compiled here, which is slower: no compiler"
    ]


def test_memory_that_runs_out_is_no_matter_of_compiling(pipe, given):
    lean = LeanBlock(Compiled(torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(torch.OutOfMemoryError):
        velocity(pipe, given, lean)


def test_the_installed_kernel_attends_and_stops_are_asked(pipe, given):
    shapes, asked = [], []

    def kernel(q_BNLE, k_BNSE, v_BNSE):
        shapes.append(q_BNLE.shape)
        return 2 * dense_attention(q_BNLE, k_BNSE, v_BNSE)

    plain = velocity(pipe, given, LeanBlock(None))
    kernels.install(pipe.dit, dense_attention, self_attention=[kernel] * len(pipe.dit.blocks))
    try:
        stops = Stops(check=lambda: asked.append(1))
        found = velocity(pipe, given, LeanBlock(None), stops)
    finally:
        kernels.install(pipe.dit, dense_attention)
    assert shapes == [(1, 2, 3 * 4 * 6, 24)] * len(pipe.dit.blocks)
    assert len(asked) == len(pipe.dit.blocks)
    assert not torch.allclose(found, plain)
