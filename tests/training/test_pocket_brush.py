"""pocket-brush: painted batches, an adapter that starts as the base, both stages, exact resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from videosketcher_app.core import faults
from videosketcher_app.core.errors import DamagedModel, Interrupted, InvalidRequest
from videosketcher_app.data.brushes.clause import BRUSH_CLAUSE
from videosketcher_app.data.brushes.condition import box_size
from videosketcher_app.data.brushes.variety import is_held_out, training_brush
from videosketcher_app.data.datasets import SketchMix, SketchSource, held_out
from videosketcher_app.engines.brush_source import clear
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.pocket import load_adapted
from videosketcher_app.models.text import PocketTokenizer, split_words
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training import brush_batches as bb
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.pocket import main
from videosketcher_app.training.pocket_brush import (
    BrushNetwork,
    PocketBrushConfig,
    PocketBrushRecipe,
    brush_network,
)
from videosketcher_app.training.pocket_brush_run import export_brush
from videosketcher_app.training.pocket_run import read_run
from videosketcher_app.training.pocket_t2v import PocketNetwork
from videosketcher_app.training.state import StepRandom

ROOT = Path(__file__).resolve().parents[2]
CANVAS = Canvas(width=144, height=96, max_tokens=128)
SMALL = {
    "num_steps": 3,
    "batch_size": 2,
    "noises_per_clip": 2,
    "num_workers": 0,
    "num_frames": 9,
    "width": 144,
    "height": 96,
    "rank": 4,
    "compiled": False,
    "log_every": 1,
}


def dataset():
    words = sorted({word for word in split_words(BRUSH_CLAUSE) if word.isalpha()})
    source = SketchSource(SketchMix(num_frames=9), 3, held_out)
    return bb.BrushDataset(source, PocketTokenizer(words), CANVAS)


def write(path, **values):
    path.write_text(yaml.safe_dump({**SMALL, **values}))
    return path


def test_a_sample_is_always_the_same_and_shows_its_brush():
    samples, again = [dataset()[k] for k in range(3)], dataset()[1]
    assert torch.equal(samples[1].frames_BHW3, again.frames_BHW3)
    assert torch.equal(samples[1].stamps.stamps_NC, again.stamps.stamps_NC)
    batch = bb.collate_brush(samples)
    clips, cells = bb.boxed_clips(batch, CANVAS, 9)
    assert clips.shape == (3, 3, 9, 96, 144)
    assert cells.shape == (3, 1, 3, 12, 18)
    frames = batch.frames_BHW3.permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.allclose(clips[:, :, 0], frames, atol=1e-6), "a clip begins with its frame"
    width, height = box_size((144, 96))
    outside = batch.frames_BHW3.clone()
    outside[:, :height, :width] = 255
    assert (outside == 255).all(), "there is nothing but the box"
    assert float(cells[:, :, 0].max()) == 0, "the first frame has no ink, the box is none"
    assert float(cells.max()) > 0.3


def test_condition_frames_are_of_brushes_that_may_be_seen():
    rng = np.random.default_rng(4)
    for _ in range(20):
        brush = training_brush(rng)
        assert not is_held_out(brush)
        frame = bb.condition_pixels(brush, (432, 240), rng)
        assert frame.shape == (240, 432, 3)
        assert (frame[:, 90:] == 255).all()
        assert (frame[5:34, 5:72] < 245).any(), "a mark is in the box"


def test_a_share_of_the_brushes_is_as_engines_show_them():
    def learned(share):
        return [bb.learned_brush(np.random.default_rng(k), share) for k in range(30)]

    plain = [training_brush(np.random.default_rng(k)) for k in range(30)]
    assert learned(0.0) == plain
    assert learned(1.0) == [clear(brush) for brush in plain]
    changed = [new != old for new, old in zip(learned(0.5), plain, strict=True)]
    assert 0 < sum(changed) < sum(clear(brush) != brush for brush in plain)


def test_the_adapter_starts_as_the_base_and_sees_no_condition_yet():
    base = tiny_model()
    coordinates = coordinate_channels(3, 12, 18)
    noise = torch.randn(1, 16, 3, 12, 18, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        base.transformer.patch_embedding.weight[:, -17:] = 0
        ids = torch.full((1, 8), 4)
        plain = PocketNetwork(base.transformer, base.text_encoder)
        before = plain(noise, torch.full((1, 1), 500.0), ids, coordinates)
    network = brush_network(plain, rank=4)
    condition = torch.randn(1, 16, 3, 12, 18, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        after = network(noise, torch.full((1, 1), 500.0), ids, coordinates, condition)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    assert any("lora_A" in name for name in trained)
    assert any("patch_embedding" in name for name in trained)
    assert not any(name.startswith("text_encoder") for name in trained)


def test_every_trained_tensor_gets_a_gradient_and_ink_weighs_more():
    base = tiny_model()
    network = brush_network(PocketNetwork(base.transformer, base.text_encoder), rank=2)
    config = PocketBrushConfig(
        canvas=CANVAS, mix=SketchMix(num_frames=9), num_frames=9, batch_size=2, num_workers=0,
        compiled=False, rank=2, noises_per_clip=2, ink_weight=2.0,
    )  # fmt: skip
    device = torch.device("cpu")
    recipe = PocketBrushRecipe(config, base.vae, base.tokenizer, network, device)
    batch = next(recipe.batches(0, 0, 1))
    painted = recipe.prepare(batch, StepRandom(0, 0, 0, device))
    assert painted.clean_BCFhw.shape == (4, 16, 3, 12, 18), "two noises for each of two clips"
    assert torch.equal(painted.clean_BCFhw[:2], painted.clean_BCFhw[2:])
    assert torch.allclose(painted.weight_BCFhw.mean((1, 2, 3, 4)), torch.ones(4))
    assert float(painted.weight_BCFhw.max()) > 1.5
    recipe.loss(network, batch, StepRandom(0, 0, 0, device))["loss"].backward()
    params = {n: p for n, p in network.named_parameters() if p.requires_grad}
    assert [name for name, p in params.items() if p.grad is None] == []


@pytest.mark.parametrize("name", ["pocket_brush", "pocket_brush_more", "pocket_brush_distill"])
def test_shipped_recipes_fit_the_shipped_model_and_teach_no_more_ink_than_there_is(name):
    run = read_run(ROOT / "presets" / "training" / f"{name}.yaml")
    assert (ROOT / run.base / "model.json").is_file()
    if run.init.startswith("checkpoints"):
        assert (ROOT / run.init / "adapter.safetensors").is_file()
    assert run.rank == 128, "the shipped adapter's"
    # A weight that follows the clip itself shifts what a regression on it learns.
    assert run.ink_weight == 0 or run.stage == "brush_distill"


@pytest.mark.slow
def test_both_stages_make_a_model_that_loads_and_resumes(tmp_path):
    tiny_model().save(tmp_path / "base")
    brush, distill = str(tmp_path / "brush"), str(tmp_path / "distill")
    common = {"base": str(tmp_path / "base")}
    first = write(tmp_path / "1.yaml", stage="brush", out=brush, **common)
    main(first, save_every=1)
    last = write(
        tmp_path / "2.yaml", stage="brush_distill", out=distill, init=brush,
        num_inference_steps=4, teacher_steps=2, noises_per_clip=1, **common,
    )  # fmt: skip
    main(last)
    export_brush(read_run(last), tmp_path / "distill", tmp_path / "model")
    model = load_adapted(tmp_path / "model", tmp_path / "base", dtype=torch.float32)
    assert model.name == "pocket-brush"
    assert (model.defaults.num_inference_steps, model.defaults.cfg_scale) == (4, 1.0)
    changed = model.transformer.state_dict()
    assert not torch.equal(
        changed["patch_embedding.weight"], tiny_model().transformer.patch_embedding.weight
    )
    # A killed run that goes on ends in the same bytes.
    again = str(tmp_path / "again")
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        main(first, save_every=1, out=again)
    main(first, save_every=1, out=again, resume=True)
    a = read_safetensors(tmp_path / "brush" / "adapter.safetensors")
    b = read_safetensors(tmp_path / "again" / "adapter.safetensors")
    assert all(torch.equal(a[name], b[name]) for name in a)
    # The adapter belongs to its base alone.
    tiny_model(seed=1).save(tmp_path / "other")
    with pytest.raises(DamagedModel, match="other weights"):
        main(last, base=str(tmp_path / "other"))


def test_a_stage_without_a_base_says_so(tmp_path):
    with pytest.raises(InvalidRequest, match="needs the folder of the model"):
        main(write(tmp_path / "c.yaml", stage="brush", out=str(tmp_path / "x")))


def test_a_folded_adapter_draws_like_an_injected_one():
    base = tiny_model()
    network = brush_network(PocketNetwork(base.transformer, base.text_encoder), rank=2)
    with torch.no_grad():
        for name, param in network.named_parameters():
            if "lora_B" in name:
                param.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
    from videosketcher_app.models.adapters import Adapter, adapted_weights, adapter_tensors

    plain = tiny_model()
    adapter = Adapter(tensors=adapter_tensors(network.transformer), config=plain.transformer_config)
    plain.transformer.load_state_dict(
        adapted_weights(plain.transformer.state_dict(), adapter), strict=True
    )
    folded = BrushNetwork(plain.transformer, plain.text_encoder)
    x = torch.randn(1, 16, 3, 12, 18, generator=torch.Generator().manual_seed(3))
    inputs = (
        x,
        torch.full((1, 1), 300.0),
        torch.full((1, 8), 4),
        coordinate_channels(3, 12, 18),
        x,
    )
    with torch.no_grad():
        torch.testing.assert_close(folded(*inputs), network(*inputs), atol=1e-5, rtol=1e-4)
