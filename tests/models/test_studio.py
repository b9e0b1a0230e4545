"""Studio models: published files are told apart, checked strictly, and draw from wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffsynth.core.vram.layers import AutoTorchModule

from tests.models import published_wan
from videosketcher_app.core.errors import DamagedModel, InvalidFile, InvalidRequest, MissingModel
from videosketcher_app.models.identify.networks import shapes_of
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.studio import arithmetic, load_studio
from videosketcher_app.models.wan.assembly import assemble, empty_networks
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.memory import Placing, placing_of
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.models.wan.weights import (
    IMAGE,
    TEXT,
    TRANSFORMER,
    VAE,
    PartWeights,
    find_parts,
    tokenizer_folder,
)
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors

NAME = "wan2.1-t2v-1.3b"
CALL = {"num_inference_steps": 1, "cfg_scale": 2.0, "shift": 5.0, "num_frames": 5}
CALL |= {"width": 32, "height": 32}
PRECISE = MemoryPlan(budget_bytes=8 << 30, weights_dtype="fp32")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return published_wan.write_model(tmp_path_factory.mktemp("wan"), NAME)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def drawn(model):
    *_, (_, latents, _) = model.denoise(["a cat"], [3], **CALL)
    return latents


def same(a, b):
    """Equal but for the order of sums, which follows where in memory a weight begins."""
    return torch.allclose(a, b, atol=1e-4)


def loaded(files, cache, **how):
    return load_studio(NAME, files, "cpu", **{"plan": PRECISE, "cache": cache, **how})


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory):
    return drawn(loaded(files, tmp_path_factory.mktemp("cache")))


def test_one_file_and_shards_are_the_same_model(files, expected, tmp_path, cache):
    model = loaded(files, cache)
    assert not cache.exists(), "plain pickles are read where they are"
    assert (model.name, model.image_conditioned) == (NAME, False)
    assert (model.defaults.num_inference_steps, model.defaults.cfg_scale) == (50, 5.0)
    assert model.decode(expected).shape == (1, 3, 5, 32, 32)
    assert model.facts() == {"attention": "torch", "rounding": "none", "weights": "float32"}
    assert model.hashes["Wan2.1_VAE.pth"].startswith("38071ab5"), "as the catalogue has them"

    shards = published_wan.write_dit(tmp_path / "shards", shards=3)
    assert same(drawn(loaded({**files, NAME: shards}, cache)), expected)


def test_a_trainers_pickle_draws_in_three_steps(files, tmp_path, cache):
    name = "causvid-bidirectional-2"
    pickle = published_wan.write_generator(tmp_path / name / "model.pt")
    parts = {name: pickle, **{row: paths for row, paths in files.items() if row != NAME}}
    model = load_studio(name, parts, "cpu", plan=PRECISE, cache=cache)
    assert (model.defaults.num_inference_steps, model.defaults.cfg_scale) == (3, 1.0)
    call = {**CALL, "num_inference_steps": 3, "cfg_scale": 1.0, "shift": 8.0}
    assert [step for step, _, _ in model.denoise(["a cat"], [3], **call)] == [1, 2, 3]


def test_image_to_video_comes_with_its_image_encoder(tmp_path, cache):
    name = "wan2.1-i2v-14b-480p"
    files = published_wan.write_model(tmp_path, name, in_dim=36, clip=True)
    model = load_studio(name, files, "cpu", plan=PRECISE, cache=cache)
    assert isinstance(model, WanImageModel)
    assert (model.image_conditioned, model.defaults.cfg_scale) == (True, 2.0)
    frames = np.full((2, 32, 32, 3), 255, np.uint8)
    frames[1, :16] = 0
    white, half = (drawn(model.conditioned(frame)) for frame in frames)
    assert not torch.equal(white, half), "the frame is seen"
    with pytest.raises(DamagedModel, match="no image encoder"):
        load_studio(
            name, {k: v for k, v in files.items() if k != "clip-vit-h"}, plan=PRECISE, cache=cache
        )


TIERS = {
    "stream_ram": MemoryPlan(budget_bytes=1, weights_dtype="fp32", tier="stream_ram"),
    "stream_disk": MemoryPlan(budget_bytes=1, weights_dtype="fp32", tier="stream_disk"),
    "roomy": MemoryPlan(budget_bytes=1 << 50, weights_dtype="fp32", tier="stream_disk"),
}


@pytest.mark.parametrize("tier", ["stream_disk", "roomy"])
def test_weights_draw_the_same_from_disk(files, expected, cache, tier):
    model = loaded(files, cache, plan=TIERS[tier])
    assert model.facts()["memory"] == TIERS[tier].tier
    linear = model.transformer.blocks[0].self_attn.q
    states = []
    model.before_step = lambda *_: states.append(linear.state)
    blocks = model.transformer.blocks[0].register_forward_hook(
        lambda *_: states.append(linear.state)
    )
    with model.watched(lambda: None):
        assert same(drawn(model), expected)
    blocks.remove()
    assert states[0] == 1, "about to be used"
    assert set(states[1:]) == {2 if tier == "roomy" else 1}, "kept only where there is room"
    assert linear.state == 0, "parked at the end"
    assert linear.weight.device.type == "meta"


def test_float8_storage_stays_near(files, expected, cache):
    plan = MemoryPlan(budget_bytes=1 << 50, weights_dtype="fp8")
    model = loaded(files, cache, plan=plan)
    block = model.transformer.blocks[0]
    assert block.self_attn.q.weight.dtype == torch.float8_e4m3fn
    assert block.modulation.dtype == model.pipe.torch_dtype, "modulation keeps its digits"
    assert block.norm3.weight.dtype == model.pipe.torch_dtype
    difference = float((drawn(model).float() - expected).abs().max())
    assert 0 < difference < 0.5


def spoiled(files, tmp_path, change):
    """The model's files with its transformer changed."""
    tensors = read_safetensors(files[NAME][f"{published_wan.DIT}.safetensors"])
    change(tensors)
    path = tmp_path / f"{published_wan.DIT}.safetensors"
    write_safetensors(path, tensors)
    return {**files, NAME: {path.name: path}}


def without_a_tensor(tensors):
    del tensors["blocks.1.ffn.0.bias"]


def with_a_strange_tensor(tensors):
    tensors["blocks.0.cross_attn.extra"] = torch.zeros(1)


def with_another_shape(tensors):
    tensors["blocks.0.norm3.weight"] = torch.zeros(7)


def with_another_input(tensors):
    tensors["patch_embedding.weight"] = torch.zeros(128, 20, 1, 2, 2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_a_tensor, "lacks 'blocks.1.ffn.0.bias'"),
        (with_a_strange_tensor, "has not: 'blocks.0.cross_attn.extra'"),
        (with_another_shape, "other shapes in 'blocks.0.norm3.weight'"),
        (with_another_input, "reads 20 channels"),
    ],
)
def test_wrong_tensors_are_refused(files, tmp_path, cache, change, told):
    with pytest.raises(InvalidFile, match=told):
        loaded(spoiled(files, tmp_path, change), cache)


def test_weights_that_are_no_numbers_are_refused(files, tmp_path, cache):
    def spoil(tensors):
        tensors["blocks.0.self_attn.q.weight"][3, 5] = float("nan")

    with pytest.raises(DamagedModel, match="NaN"):
        loaded(spoiled(files, tmp_path, spoil), cache)


def test_files_that_do_not_belong_together_are_refused(files, tmp_path, cache):
    with pytest.raises(MissingModel, match="has no VAE"):
        loaded({k: v for k, v in files.items() if k != "wan2.1-vae"}, cache)
    text = {k: v for k, v in files["umt5-xxl"].items() if k == published_wan.TEXT_FILE}
    with pytest.raises(MissingModel, match="no tokenizer"):
        loaded({**files, "umt5-xxl": text}, cache)
    second = published_wan.write_dit(tmp_path / "second")
    with pytest.raises(InvalidFile, match="both hold a transformer"):
        loaded({**files, "other": second}, cache)
    strange = tmp_path / "strange.safetensors"
    write_safetensors(strange, {"some.weight": torch.zeros(2)})
    with pytest.raises(InvalidFile, match="no part of a Wan model"):
        loaded({**files, "other": {strange.name: strange}}, cache)


def test_a_kernel_that_is_not_here_is_one_sentence(files, cache):
    with pytest.raises(InvalidRequest, match="'sage' does not work here"):
        loaded(files, cache, attention="sage")
    assert loaded(files, cache, attention="auto").attention == "torch"


def test_arithmetic_follows_the_device_and_the_plan():
    assert arithmetic("cpu", PRECISE) == torch.float32
    assert arithmetic("cpu") in (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("tier", ["stream_ram", "stream_disk"])
def test_a_lora_works_the_same_wherever_the_weights_are(files, expected, cache, tier):
    name = "blocks.0.self_attn.q"
    random = torch.Generator().manual_seed(6)
    adapter = adapter_from(
        {
            f"{name}.lora_A.default.weight": torch.randn(2, 128, generator=random),
            f"{name}.lora_B.default.weight": torch.randn(128, 2, generator=random),
        }
    )
    drawings = []
    for plan in (PRECISE, TIERS[tier]):
        model = loaded(files, cache, plan=plan)
        with applied(model.transformer, [(adapter, 1.0)], base=model.name):
            drawings.append(drawn(model))
        assert same(drawn(model), expected), "and it leaves no trace"
    assert same(*drawings)
    assert not same(drawings[0], expected)


PUBLISHED = {
    "wan-t2v-14b": (TRANSFORMER, 14.288e9),
    "wan-t2v-1.3b": (TRANSFORMER, 1.419e9),
    "wan-i2v-14b": (TRANSFORMER, 16.395e9),
    "umt5-xxl": (TEXT, 5.681e9),
    "wan2.1-vae": (VAE, 0.127e9),
    "clip-vit-h": (IMAGE, 0.632e9),
}


@pytest.mark.parametrize("network", PUBLISHED)
def test_published_sizes_are_read_off_the_shapes(network):
    part, num_values = PUBLISHED[network]
    shapes = shapes_of(network)
    prefix = "model." if part in (VAE, IMAGE) else ""
    shapes = {prefix + k: v for k, v in shapes.items() if not k.startswith("textual.")}
    weights = PartWeights(part=part, source=network, shapes=shapes, stored={k: k for k in shapes})
    built = empty_network(weights)
    assert sum(p.numel() for p in built.parameters()) == pytest.approx(num_values, rel=1e-3)
    assert all(p.is_meta for p in built.parameters()), "nothing was allocated"


@pytest.mark.parametrize(("has_bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_card_without_bfloat16_computes_in_float16(monkeypatch, has_bf16, dtype):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert arithmetic("cuda:1") == dtype
    assert arithmetic("cuda:1", PRECISE) == torch.float32
    placing = Placing(plan=MemoryPlan(budget_bytes=1), device=torch.device("cpu"), dtype=dtype)
    stored = {value for name, value in placing.states(small=True).items() if "dtype" in name}
    assert stored == {dtype}, "nothing is kept in a format that it cannot read"


def test_a_text_encoder_that_waits_reads_the_same(files, cache):
    paths = [path for row in files.values() for path in row.values()]
    parts = find_parts(paths, cache=cache, on_disk=False)
    placing = placing_of(PRECISE, torch.device("cpu"), torch.float32, working_bytes=1)
    tokenizer = tokenizer_folder(paths)
    embedded = []
    for text_waits in (False, True):
        networks = empty_networks(parts, NAME)
        pipe = assemble(parts, networks, tokenizer, placing, text_waits=text_waits)
        model = WanTextModel(name=NAME, pipe=pipe)
        embedded.append(model.encode_prompts(["a cat"]))
        managed = [m for m in pipe.text_encoder.modules() if isinstance(m, AutoTorchModule)]
        assert bool(managed) == text_waits
        assert {m.state for m in managed} <= {0}, "every layer is parked again after its call"
        assert not pipe.vram_management_enabled, "the rest stays where it is"
        assert not any(isinstance(m, AutoTorchModule) for m in pipe.dit.modules())
    assert torch.equal(*embedded)
