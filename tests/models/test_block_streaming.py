"""Transformers whose blocks stream: what they draw is what resident ones draw, to the last bit."""

from __future__ import annotations

import gc
import hashlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffsynth.models.wan_video_dit import WanModel
from torch import nn

from tests.models.lora.made import made, modules_of
from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.sparse_request import SparseSpec
from videosketcher_app.engines.memory.modes import EXACT
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.sparse_attention.drawing import attending, sparse_attention_of
from videosketcher_app.models.streaming import StreamedBlocks, _Room
from videosketcher_app.models.studio import network_pass
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.memory import placing_of, settle
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.stops import Stops
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.models.wan.weights import TRANSFORMER, PartWeights

CPU = torch.device("cpu")
LAYERS = 5  # more than slots, and no multiple of them
SIDE_PX, FRAMES = 32, 5
CALL = {"num_inference_steps": 2, "shift": 5.0, "num_frames": FRAMES}
CALL |= {"width": SIDE_PX, "height": SIDE_PX}
FRAMES_THW3 = np.random.default_rng(4).integers(0, 255, (FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)


def weights(in_dim=16, clip=False):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        dit = WanModel(
            dim=48, in_dim=in_dim, ffn_dim=64, out_dim=16, text_dim=32, freq_dim=32, eps=1e-6,
            patch_size=(1, 2, 2), num_heads=2, num_layers=LAYERS, has_image_input=clip,
        )  # fmt: skip
        for parameter in dit.parameters():
            nn.init.normal_(parameter, std=0.1)
    tensors = {name: value.detach() for name, value in dit.state_dict().items()}
    return PartWeights(
        part=TRANSFORMER,
        source="made",
        shapes={name: tuple(value.shape) for name, value in tensors.items()},
        stored={name: name for name in tensors},
        tensors=tensors,
    )


def model_of(tier, dtype=torch.float32, *, kind=WanTextModel, stored="bf16"):
    """A tiny pipeline whose transformer was placed by the plan."""
    clip = kind is WanImageModel
    in_dim = 36 if clip else 16
    pipe = tiny_pipeline(in_dim=in_dim, clip=clip, require_vae_embedding=clip).to(dtype=dtype)
    plan = MemoryPlan(budget_bytes=1 << 40, tier=tier, weights_dtype=stored)
    placing = placing_of(plan, CPU, dtype, working_bytes=1)
    given = weights(in_dim, clip)
    pipe.dit = settle(empty_network(given, num_heads=2), given, placing, small=True)
    pipe.vram_management_enabled = placing.manages
    stops = Stops()
    model = kind(name="tiny", pipe=pipe, stops=stops, network_pass=network_pass(pipe, plan, stops))
    return model.settled()


def drawn(model, cfg_scale=3.0):
    *_, (_, latents, _) = model.denoise(["a cat"], [5], cfg_scale=cfg_scale, **CALL)
    return latents


def adapter(network, seed=0, **how):
    return adapter_from(made(modules_of(network), seed=seed, **how), source=f"lora {seed}")


def fingerprint(network):
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def is_parked(blocks):
    """Every weight lies where its block waits."""
    return all(
        tensor.data_ptr() == view.data_ptr()
        for waiting in blocks._waiting
        for tensor, view in zip(waiting.tensors, waiting.views, strict=True)
    )


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


def with_differences(network):
    """A LoRA that changes norms, biases and modulations of some blocks too, and one whole matrix."""
    random = torch.Generator().manual_seed(8)
    tensors = made(modules_of(network), seed=8)
    for name, ending in (
        ("blocks.0.norm3", "diff"),
        ("blocks.3.self_attn.q", "diff_b"),
        ("blocks.4", "diff_m"),
        ("blocks.2.self_attn.norm_q", "diff"),
        ("head.head", "diff"),
    ):
        own = {"diff": "weight", "diff_b": "bias", "diff_m": "modulation"}[ending]
        shape = network.get_parameter(f"{name}.{own}").shape
        tensors[f"{name}.{ending}"] = torch.randn(shape, generator=random)
    return adapter_from(tensors, source="with differences")


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


# 8 bits -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return model_of("stream_ram", stored="fp8")


def test_8_bit_blocks_stay_near_and_take_half(small, streamed):
    exact, near = drawn(streamed), drawn(small)
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05
    assert small.transformer.blocks.num_bytes < 0.5 * streamed.transformer.blocks.num_bytes
    assert small.transformer.blocks[1].ffn[0].weight.dtype == torch.float8_e4m3fn
    assert small.transformer.head.head.weight.dtype == torch.float32, "the head keeps its digits"


def test_8_bit_blocks_see_a_condition_frame():
    near, exact = (
        drawn(model_of("stream_ram", kind=WanImageModel, stored=stored).conditioned(FRAMES_THW3[0]))
        for stored in ("fp8", "bf16")
    )
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05


def test_loras_work_beside_8_bit_blocks_and_change_their_biases(small, streamed):
    before, plain = fingerprint(small.transformer), drawn(small)
    effects = []
    for model in (streamed, small):
        without = drawn(model)
        with applied(model.transformer, [(with_differences(streamed.transformer), 0.4)]):
            effects.append(drawn(model) - without)
    assert float((effects[1] - effects[0]).norm() / effects[0].norm()) < 0.2
    assert fingerprint(small.transformer) == before
    assert torch.equal(drawn(small), plain)


def test_a_merged_lora_unpacks_8_bit_weights(small):
    before, lora = fingerprint(small.transformer), adapter(model_of("resident").transformer, 6)
    plain = drawn(small)
    drawings = []
    for merge in (False, True):
        with applied(small.transformer, [(lora, 0.5)], merge=merge):
            drawings.append(drawn(small))
    torch.testing.assert_close(*drawings, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(drawings[0], plain, atol=1e-2)
    assert fingerprint(small.transformer) == before


# Where blocks wait --------------------------------------------------------------------------------


@pytest.fixture
def plain():
    return torch.empty


def test_blocks_that_wait_share_chunks_of_memory(monkeypatch, plain):
    monkeypatch.setattr(torch, "empty", lambda *size, pin_memory, **how: plain(*size, **how))
    room = _Room(100, 7, pinned=True)
    buffers = [room.next() for _ in range(7)]
    assert [buffer.storage_offset() for buffer in buffers] == [0, 100, 200, 300, 400, 0, 100]
    assert buffers[-1].untyped_storage().nbytes() == 200, "the last chunk is as large as needed"
    assert not room.pinning_refused


def test_a_system_that_locks_no_memory_gives_ordinary_memory(monkeypatch, caplog, plain):
    def refusing(*size, pin_memory=False, **how):
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory\nmore of it")
        return plain(*size, **how)

    monkeypatch.setattr(torch, "empty", refusing)
    room = _Room(256, 6, pinned=True)
    buffers = [room.next() for _ in range(6)]
    assert room.pinning_refused
    assert [len(buffer) for buffer in buffers] == [256] * 6
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, "once"
    assert "does not lock more memory" in told[0]
    assert "more of it" not in told[0]


@pytest.mark.parametrize(
    ("block_bytes", "chunk_blocks"), [(703e6, 3), (351.5e6, 3), (807e6, 5), (93e6, 23)]
)
def test_pinned_memory_is_asked_for_in_sizes_that_lose_little(block_bytes, chunk_blocks):
    room = _Room(int(block_bytes), 40, pinned=True)
    assert room.chunk_blocks == chunk_blocks
    pinned = 2 ** (int(chunk_blocks * block_bytes) - 1).bit_length()
    assert chunk_blocks * block_bytes > 0.93 * pinned


@pytest.mark.gpu
def test_on_a_gpu_blocks_are_whole_whatever_was_left_before():
    model = model_of("resident")
    x = {"latents": torch.randn(1, 16, 5, 16, 24), "timestep": torch.tensor([500.0])}
    given = {k: v.cuda() for k, v in {**x, "context": torch.randn(1, 8, 32)}.items()}
    resident = model.transformer.cuda()
    with torch.inference_mode():
        expected = model.pipe.model_fn(dit=resident, **given)
        resident.blocks = StreamedBlocks(list(resident.blocks), "cuda")
        assert not resident.blocks.pinning_refused
        for left_at in [*range(LAYERS), *range(LAYERS)]:
            for number, _ in enumerate(resident.blocks):
                if number == left_at:
                    break
            if left_at % 2:
                resident.blocks.offload()
            assert torch.equal(model.pipe.model_fn(dit=resident, **given), expected)
