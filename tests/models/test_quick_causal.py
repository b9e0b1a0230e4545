"""What causal Studio models draw with in their quick modes, and that they say what was there."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch

from tests.models import published_wan
from tests.models.lora.made import made, modules_of
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.autoregressive import AutoregressiveEngine
from videosketcher_app.engines.causal_drawing import CausalDrawing
from videosketcher_app.engines.causal_modes import bytes_in_mode
from videosketcher_app.models.coordinates import input_channels
from videosketcher_app.models.fp8 import FP8, quantized, small_bytes, twin_in_8_bits
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.preview_decoder import PreviewDecoder
from videosketcher_app.models.studio import load_studio
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.causal_model import as_causal
from videosketcher_app.models.wan.forward import predict_velocity
from videosketcher_app.models.weights_folder import use_weights
from videosketcher_app.storage.tensors import write_safetensors

SIZE = {"width": 64, "height": 48}
MISSING = "Wan's own: the tiny one is not on this disk"
PLAIN = "float32: this device does not multiply in 8 bits"


@pytest.fixture
def network():
    return tiny_model().transformer


def velocity(network: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(9)
    latents = torch.randn(1, input_channels(), 2, 6, 9, generator=generator)
    context = torch.randn(1, 5, network.text_embedding[0].in_features, generator=generator)
    with torch.inference_mode():
        return predict_velocity(network, latents, torch.full((1, 1), 700.0), context)


def in_place(network: Any) -> torch.Tensor:
    """The slow twin: the same layers, put into the network itself for a while."""
    with quantized(network.blocks):
        return velocity(network)


def test_a_twin_in_8_bits_equals_layers_that_are_put_in_place(network):
    exact, twin = velocity(network), twin_in_8_bits(network)
    assert torch.equal(velocity(twin), in_place(network))
    assert torch.equal(velocity(network), exact), "the network is as it was"
    difference = float((velocity(twin) - exact).norm() / exact.norm())
    assert 0 < difference < 0.1
    small = [each for each in twin.buffers() if each.dtype == FP8]
    assert sum(each.numel() for each in small) == small_bytes(network) > 0
    assert twin.patch_embedding is network.patch_embedding
    assert twin.blocks[0].modulation is network.blocks[0].modulation
    assert {id(each) for each in twin.parameters()} < {id(each) for each in network.parameters()}


def test_a_lora_works_in_both_and_leaves_both(network):
    twin, adapter = twin_in_8_bits(network), adapter_from(made(modules_of(network)), source="one")
    before = velocity(twin)
    with applied(network, [(adapter, 1.0)]):
        with_lora = velocity(twin)
        assert torch.equal(with_lora, in_place(network))
        moved = velocity(network)
    difference = float((with_lora - moved).norm() / moved.norm())
    assert difference < 0.1 < float((with_lora - before).norm() / before.norm())
    assert torch.equal(velocity(twin), before)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def files(root):
    return {
        "mine": published_wan.write_generator(root / "mine" / "AR_1.3B.pt"),
        "umt5-xxl": published_wan.write_text_encoder(root / "umt5-xxl"),
        "wan2.1-vae": published_wan.write_vae(root / "wan2.1-vae"),
    }


@pytest.fixture(params=[False, True], ids=["no tiny decoder", "tiny decoder"])
def model(request, root, files):
    """A causal Studio model, on a disk with the tiny decoder and on one without."""
    folder = root / ("with" if request.param else "without")
    if request.param:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            weights = PreviewDecoder().state_dict()
        write_safetensors(folder / "tiny-decoder" / "taew2_1.safetensors", weights)
    folder.mkdir(exist_ok=True)
    use_weights(folder)
    try:
        plan = MemoryPlan(budget_bytes=1 << 40, weights_dtype="fp32")
        yield as_causal(load_studio("mine", files, "cpu", plan=plan, cache=root / "cache"))
    finally:
        use_weights(None)


def drawn(model: Any, mode: Any, blocks: int = 2) -> tuple[CausalDrawing, list[Any]]:
    drawing = CausalDrawing(model, "a cat", **SIZE, mode=mode)
    estimates = []
    for _ in range(blocks):
        *_, last = drawing.draw(seed=3)
        estimates.append(last)
    return drawing, estimates


def test_what_is_not_there_stays_as_it_is_and_is_told(model):
    exact, plain = drawn(model, "exact")
    assert exact.facts == {"linear_layers": "float32", "decoder": "Wan's own"}
    fast, quick = drawn(model, "fast")
    has_tiny = model.preview_decoder is not None
    decoder = "tiny" if has_tiny else MISSING
    assert fast.facts == {"linear_layers": PLAIN, "decoder": decoder}
    assert bytes_in_mode(model, "fast") == 0
    # Within what `fast` looks back on, nothing but the decoder differs.
    for one, other in zip(plain, quick, strict=True):
        assert torch.equal(one.latents_BCFhw, other.latents_BCFhw)
        assert one.frames_BCTHW.shape == other.frames_BCTHW.shape
        assert torch.equal(one.frames_BCTHW, other.frames_BCTHW) != has_tiny


@pytest.mark.parametrize("model", [True], indirect=True, ids=["tiny decoder"])
def test_the_tiny_decoder_goes_on_from_block_to_block(model):
    drawing, blocks = drawn(model, "fast", 3)
    whole = model.preview_decoder(torch.cat([each.latents_BCFhw for each in blocks], dim=2))
    frames = torch.cat([each.frames_BCTHW for each in blocks], dim=2)
    assert torch.allclose(frames, whole, atol=1e-5)
    branch = drawing.fork()
    drawing.rewind(1)
    *_, again = drawing.draw(seed=3)
    assert torch.equal(again.frames_BCTHW, blocks[1].frames_BCTHW)
    shown = branch.show(torch.ones(1, 3, 12, 48, 64))
    assert shown.shape == (1, 16, 3, 6, 8), "what a person draws is read by Wan's encoder"


def test_a_rollout_records_what_it_was_drawn_with(model):
    request = SketchRequest(prompt="a cat", model="mine", num_frames=9, mode="fast", **SIZE)
    plan = DrawingPlan(concept="cat", parts=(PlanPart(name="head", description="a circle"),))
    *_, frames = AutoregressiveEngine(model).generate(request, plan, cancel=CancelToken())
    assert frames.settings["drawn_with"]["linear_layers"] == PLAIN
    decoder = frames.settings["drawn_with"]["decoder"]
    assert decoder == ("tiny" if model.preview_decoder is not None else MISSING)


def test_open_drawings_share_the_layers_in_8_bits(model):
    one = model._twin_in_8_bits()
    assert model._twin_in_8_bits() is one
    kept = id(one)
    changed = next(model.pipe.dit.blocks.parameters())
    before, changed.data = changed.data, changed.data.clone()
    assert id(model._twin_in_8_bits()) != kept, "other weights are quantized anew"
    changed.data = before
    one = None
    gc.collect()
    assert model._twin[1]() is None, "nobody draws with them any more"


@pytest.mark.gpu
@pytest.mark.parametrize("mode", ["fast", "sketch"])
def test_a_card_multiplies_in_8_bits(root, files, mode):
    own = as_causal(load_studio("mine", files, "cuda", cache=root / "cache"))
    native = torch.cuda.get_device_capability() >= (9, 0)
    drawing, blocks = drawn(own, mode, 3)
    told = drawing.facts["linear_layers"]
    assert told == ("8 bits" if native else "bfloat16: this device does not multiply in 8 bits")
    assert (bytes_in_mode(own, mode) > 0) == native
    _, exact = drawn(own, "exact", 3)
    for one, other in zip(blocks, exact, strict=True):
        assert one.frames_BCTHW.isfinite().all()
        assert one.frames_BCTHW.shape == other.frames_BCTHW.shape
    first, expected = blocks[0].latents_BCFhw, exact[0].latents_BCFhw
    assert float((first - expected).norm() / expected.norm()) < 0.2
