"""Transformers whose blocks stream: what they draw is what resident ones draw, to the last bit."""

from __future__ import annotations

import gc
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from diffsynth.models import wan_video_dit

from tests.models.streamed_wan import (
    CPU,
    FRAMES_THW3,
    LAYERS,
    adapter,
    drawn,
    fingerprint,
    is_parked,
    model_of,
    weights,
    with_differences,
)
from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.engines.memory.modes import EXACT
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.sparse_attention.drawing import attending, sparse_attention_of
from videosketcher_app.models.streaming import StreamedBlocks
from videosketcher_app.models.wan import streamed as streamed_module
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.memory import placing_of, settle
from videosketcher_app.models.wan.networks import empty_network


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def dtype(request):
    return request.param


@pytest.fixture(scope="module")
def both(dtype):
    """The same model, resident and streamed."""
    return model_of("resident", dtype), model_of("stream_ram", dtype)


@pytest.fixture(scope="module")
def streamed():
    return model_of("stream_ram")


WAYS = {
    "guided": drawn,
    "without guidance": lambda model: drawn(model, cfg_scale=1.0),
    "reference rounding": lambda model: drawn(model.settled(rounding="reference")),
    "over a clip": lambda model: drawn(model.starting_from(FRAMES_THW3, 0.6)),
    "with a kernel": lambda model: drawn(model.settled(attention="auto")),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_drawing_is_the_resident_one_bit_by_bit(both, way):
    resident, streamed = both
    expected = WAYS[way](resident)
    for _ in range(2):
        assert torch.equal(WAYS[way](streamed), expected)
    assert isinstance(streamed.transformer.blocks, StreamedBlocks)


def test_a_condition_frame_is_drawn_on_bit_by_bit(dtype):
    drawings = [
        drawn(model_of(tier, dtype, kind=WanImageModel).conditioned(FRAMES_THW3[0]))
        for tier in ("resident", "stream_ram")
    ]
    assert torch.equal(*drawings)


def test_loras_beside_streamed_weights_are_those_beside_resident_ones(both):
    before = [fingerprint(model.transformer) for model in both]
    assert before[0] == before[1], "one state dict, wherever it lies"
    plain = drawn(both[1])
    drawings = []
    for model in both:
        stack = [(adapter(model.transformer, seed), scale) for seed, scale in ((1, 0.7), (2, -0.3))]
        with applied(model.transformer, stack):
            drawings.append(drawn(model))
    assert torch.equal(*drawings)
    assert not torch.equal(drawings[1], plain)
    assert [fingerprint(model.transformer) for model in both] == before
    assert torch.equal(drawn(both[1]), plain), "and nothing is left of them"


@pytest.mark.parametrize("merge", [False, True])
def test_changed_weights_count_in_their_own_block_only(both, merge):
    before = fingerprint(both[1].transformer)
    drawings = []
    for model in both:
        with applied(model.transformer, [(with_differences(model.transformer), 0.5)], merge=merge):
            drawings.append(drawn(model))
    assert torch.equal(*drawings)
    assert fingerprint(both[1].transformer) == before
    assert is_parked(both[1].transformer.blocks)


def test_a_streamed_lora_computes_what_fused_weights_compute(streamed):
    lora, plain = adapter(streamed.transformer, 3), drawn(streamed)
    with applied(streamed.transformer, [(lora, 0.8)]):
        hot = drawn(streamed)
    given = weights()
    fused = replace(given, tensors=merged(dict(given.tensors), lora, 0.8))
    model = model_of("resident")
    placing = placing_of(MemoryPlan(budget_bytes=1), CPU, torch.float32, working_bytes=1)
    model.pipe.dit = settle(empty_network(fused, num_heads=2), fused, placing, small=True)
    expected = drawn(model.settled())
    assert float((hot - expected).abs().max() / expected.abs().max()) < 5e-6
    assert float((hot - plain).abs().max()) > 0.01


class Stopped(Exception):
    """Somebody does not want to wait."""


@pytest.mark.parametrize("stored", ["bf16", "fp8"])
def test_a_stop_within_a_step_parks_every_block(stored):
    model = model_of("stream_ram", stored=stored)
    expected, blocks = drawn(model), model.transformer.blocks
    lora = adapter(model.transformer, 4) if stored == "bf16" else None
    calls = []

    def check():
        calls.append(len(blocks._slots))
        if len(calls) == 8:
            raise Stopped

    stack = [(lora, 1.0)] if lora else []
    with pytest.raises(Stopped) as kept, applied(model.transformer, stack), model.watched(check):
        drawn(model)
    assert max(calls) == 3, "asked while blocks were on the device"
    assert is_parked(blocks), "although the error still holds the frames of the pass"
    assert not blocks._slots, "their room is given back"
    del kept
    gc.collect()
    assert is_parked(blocks)
    assert torch.equal(drawn(model), expected)


def test_memory_that_ran_out_in_a_block_leaves_the_model_as_it_was(streamed):
    expected, blocks = drawn(streamed), streamed.transformer.blocks

    def run_out(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = blocks[3].ffn.register_forward_hook(run_out)
    lora = with_differences(streamed.transformer)
    with (
        pytest.raises(torch.OutOfMemoryError) as kept,
        applied(streamed.transformer, [(lora, 1.0)]),
    ):
        drawn(streamed)
    hook.remove()
    assert kept.tb is not None, "which holds the frames of the pass"
    assert torch.equal(drawn(streamed), expected)
    blocks.offload()
    assert is_parked(blocks)


def test_a_pass_that_was_left_does_not_disturb_the_next(streamed):
    blocks = streamed.transformer.blocks
    left = iter(blocks)
    for _ in range(2):
        next(left)
    again = [block.ffn[0].weight.clone() for block in blocks]
    left.close()
    left = iter(blocks)
    next(left)
    blocks.offload()
    assert is_parked(blocks), "whoever holds the pass"
    left.close()
    waiting = [block.ffn[0].weight for block in blocks.children()]
    assert all(torch.equal(*pair) for pair in zip(again, waiting, strict=True))


def test_a_lora_that_ended_before_a_left_pass_stays_ended(streamed):
    expected, blocks = drawn(streamed), streamed.transformer.blocks
    with applied(streamed.transformer, [(with_differences(streamed.transformer), 1.0)]):
        left = iter(blocks)
        next(left)
    left.close()
    assert is_parked(blocks)
    assert torch.equal(drawn(streamed), expected)


def test_room_that_was_taken_in_inference_mode_serves_outside_of_it(streamed):
    blocks = streamed.transformer.blocks
    blocks.offload()
    with torch.inference_mode():
        inside = [block.modulation.sum() for block in blocks]
    outside = [block.modulation.sum() for block in blocks]
    assert inside == outside
    blocks.offload()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_queries_turn_in_pieces_as_they_turn_at_once(dtype, monkeypatch):
    x, whole = torch.randn(2, 11, 24).to(dtype), streamed_module._rotated_whole
    angles = wan_video_dit.precompute_freqs_cis(12, 11)[:, None]
    monkeypatch.setattr(streamed_module, "ROTATED_TOKENS", 4)
    pieces = []
    monkeypatch.setattr(
        streamed_module, "_rotated_whole", lambda x, *how: pieces.append(x) or whole(x, *how)
    )
    assert torch.equal(streamed_module.rotated_in_pieces(x, angles, 2), whole(x, angles, 2))
    assert [piece.shape[1] for piece in pieces] == [4, 4, 3]


def test_looking_at_blocks_moves_nothing(streamed):
    blocks = streamed.transformer.blocks
    blocks.offload()
    assert (len(blocks), blocks[4].num_heads, blocks[-1]) == (LAYERS, 2, blocks[4])
    assert [name for name, _ in blocks.named_children()] == [str(n) for n in range(LAYERS)]
    streamed.settled(attention="auto")
    with streamed.watched(lambda: None):
        assert not blocks._slots
    blocks.onload()
    assert len(blocks._slots) == 3
    assert blocks.device_bytes < blocks.num_bytes


SETTINGS = {"num_frames": 17, "width": 96, "height": 64, "num_inference_steps": 4}


@pytest.mark.parametrize(
    "change",
    [
        {"step_cache": "magcache", "cache_error": 9.0, "cache_max_skips": 2},
        {"frozen_paper": 0.5},
        {"culling": 0.25},
    ],
    ids=str,
)
def test_modes_of_speed_leave_out_the_same(change):
    drawings = []
    for tier in ("resident", "stream_ram"):
        model = replace(model_of(tier), name="wan2.1-t2v-1.3b")
        settings = SimpleNamespace(**SETTINGS, cfg_scale=2.0)
        words = [model.encode_prompts([prompt]) for prompt in ("a cat", "")]
        sampler = AcceleratedSampler(
            model, words, settings, replace(EXACT, **change), levels=sigmas(4, 5.0)
        )
        shape = model.latent_shape(17, 64, 96)
        noise = torch.randn((1, *shape), generator=torch.Generator().manual_seed(2))
        *_, (_, latents, _) = sampler.run(noise)
        drawings.append(latents)
        plan = sampler.plan
        assert any(plan.blocks.skips) or plan.culled_from < 4 or plan.frozen_from < 4
    assert torch.equal(*drawings)


def test_every_layer_attends_sparsely_in_its_own_way():
    drawings = []
    for tier in ("resident", "stream_ram"):
        model = model_of(tier)
        clip = {**SETTINGS, "width": 192, "height": 128, "num_inference_steps": 2}
        spec = SparseSpec(kept_fraction=0.2, first_steps_fraction=0.0, first_layers_fraction=0.4)
        sparse = sparse_attention_of(model, spec, SimpleNamespace(**clip))
        given = {**clip, "cfg_scale": 1.0, "shift": 5.0}
        with attending(model, sparse) as sparsely:
            *_, (_, latents, _) = sparsely.denoise(["a cat"], [5], **given)
        drawings.append(latents)
        *_, (_, dense, _) = model.denoise(["a cat"], [5], **given)
    assert torch.equal(*drawings)
    assert not torch.equal(drawings[0], dense)
