"""Every published layout is named for what it is, from names and shapes alone, at its real size."""

from __future__ import annotations

import json
import shutil
import sys
import types

import pytest
import torch

from tests.models.published_files import (
    CAUSAL_FILES,
    empty,
    generator,
    lora_shapes,
    sharded,
    sparse_pickle,
    sparse_safetensors,
)
from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.models.catalogue import CHECKPOINTS
from videosketcher_app.models.identify import identify
from videosketcher_app.models.identify.networks import (
    WAN_NETWORKS,
    WanShape,
    num_values,
    shapes_of,
    wan_shapes,
)
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.tiny import tiny_model

LORA_14B = {"rank": 32, "dim": 5120, "ffn_dim": 13824, "num_layers": 40}
LORA_1_3B = {"rank": 16, "dim": 1536, "ffn_dim": 8960, "num_layers": 30}
SMALL = WanShape(dim=64, ffn_dim=96, num_layers=2, text_dim=32, freq_dim=32)


def shapes_in(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


@pytest.mark.parametrize("network", WAN_NETWORKS)
def test_the_rules_are_those_of_the_real_transformers(network):
    from diffsynth.models.wan_video_dit import WanModel

    size = WAN_NETWORKS[network]
    with torch.device("meta"):
        real = WanModel(
            dim=size.dim,
            in_dim=size.in_dim,
            ffn_dim=size.ffn_dim,
            out_dim=size.out_dim,
            text_dim=size.text_dim,
            freq_dim=size.freq_dim,
            eps=1e-6,
            patch_size=(1, 2, 2),
            num_heads=size.dim // 128,
            num_layers=size.num_layers,
            has_image_input=size.with_image,
        )
    assert shapes_in(real) == shapes_of(network)
    assert num_values(network) == sum(value.numel() for value in real.parameters())


def test_the_rules_are_those_of_the_real_encoders_and_vae():
    from diffsynth.models.wan_video_image_encoder import WanImageEncoder
    from diffsynth.models.wan_video_text_encoder import WanTextEncoder
    from diffsynth.models.wan_video_vae import WanVideoVAE

    with torch.device("meta"):
        parts = {
            "umt5-xxl": (WanTextEncoder(), ""),
            "wan2.1-vae": (WanVideoVAE(), "model."),
            "clip-vit-h": (WanImageEncoder(), "model."),
        }
    for name, (real, prefix) in parts.items():
        found = {key.removeprefix(prefix): shape for key, shape in shapes_in(real).items()}
        assert found == shapes_of(name)


@pytest.mark.parametrize(
    ("network", "count", "row", "label"),
    [
        ("wan-t2v-14b", 6, "wan2.1-t2v-14b", "Wan 2.1 T2V 14B transformer, 6 shards"),
        ("wan-i2v-14b", 7, "wan2.1-i2v-14b-480p", "Wan 2.1 I2V 14B transformer, 7 shards"),
    ],
)
def test_shards_are_one_transformer_however_they_are_given(network, count, row, label, tmp_path):
    paths = sharded(tmp_path, network, count)
    index = tmp_path / "diffusion_pytorch_model.safetensors.index.json"
    for given in (tmp_path, index, paths[2]):
        found = identify(given)
        assert (found.label, found.model_name, found.problems) == (label, row, ())
        assert len(found.files) == count
        assert found.num_bytes == 4 * num_values(network)
    index.unlink()
    assert identify(tmp_path).label == label
    paths[1].unlink()
    (flaw, *_) = identify(paths[0]).problems
    assert f"1 of its {count} shards are missing: {paths[1].name}" in flaw


def test_the_single_file_of_the_small_transformer(tmp_path):
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    found = identify(sparse_safetensors(path, shapes_of("wan-t2v-1.3b"), "F32"))
    assert (found.label, found.model_name) == ("Wan 2.1 T2V 1.3B transformer", "wan2.1-t2v-1.3b")
    assert (found.num_tensors, found.problems) == (825, ())


@pytest.mark.parametrize(
    ("network", "name", "row", "dtype"),
    [
        ("umt5-xxl", "models_t5_umt5-xxl-enc-bf16.pth", "umt5-xxl", torch.bfloat16),
        ("wan2.1-vae", "Wan2.1_VAE.pth", "wan2.1-vae", torch.float32),
        ("clip-vit-h", "models_clip.pth", "clip-vit-h", torch.float16),
    ],
)
def test_encoders_and_vae_as_they_are_pickled(network, name, row, dtype, tmp_path):
    shapes = dict(shapes_of(network))
    if network == "clip-vit-h":  # the published file has a tower for words beside
        shapes["textual.token_embedding.weight"] = (250002, 1024)
    found = identify(sparse_pickle(tmp_path / name, empty(shapes, dtype)))
    assert (found.model_name, found.problems) == (row, ())
    if network == "wan2.1-vae":
        prefixed = {f"model.{key}": shape for key, shape in shapes.items()}
        again = identify(sparse_pickle(tmp_path / "vae.pth", {"model_state": empty(prefixed)}))
        assert (again.model_name, again.problems) == (row, ())


@pytest.mark.parametrize("row", CAUSAL_FILES)
def test_tables_of_causal_trainers(row, tmp_path):
    place, make = CAUSAL_FILES[row]
    found = identify(sparse_pickle(tmp_path / place, make()))
    assert (found.kind, found.model_name, found.problems) == ("causal", row, ())
    assert row in found.candidates


def test_a_name_that_says_nothing_leaves_the_choice_open(tmp_path):
    _, make = CAUSAL_FILES["causvid-ar"]
    found = identify(sparse_pickle(tmp_path / "weights.pt", make()))
    assert found.model_name is None
    assert set(found.candidates) == {
        "causvid-ar",
        "causvid-ode",
        "causvid-bidirectional-1",
        "causvid-bidirectional-2",
    }


def test_settings_of_a_trainer_beside_the_weights_are_passed_over(tmp_path, monkeypatch):
    module = types.ModuleType("omegaconf.dictconfig")
    config = type("DictConfig", (), {"__module__": module.__name__})
    module.DictConfig = config  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings = config()
    settings.content = {"lr": 1e-4}  # type: ignore[attr-defined]
    content = {"generator": generator(), "epoch": 1, "config": {"model": settings}}
    found = identify(sparse_pickle(tmp_path / "AR_1.3B.pt", content))
    assert found.model_name == "videosketcher-ar"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_lora_of_800_tensors_in_every_layout(layout, tmp_path):
    shapes = lora_shapes(layout, **LORA_14B)
    found = identify(sparse_safetensors(tmp_path / "lora.safetensors", shapes))
    assert found.label == f"LoRA for Wan 14B, rank 32, {layout} keys, 400 modules"
    assert found.num_tensors == (1200 if LAYOUTS[layout].has_alpha else 800)
    assert (found.kind, found.model_name, found.problems) == ("lora", None, ())
    assert {"videosketcher-t2v-lora", "videosketcher-i2v-lora"} <= set(found.candidates)


def test_published_loras_by_their_names(tmp_path):
    shapes = lora_shapes("diffsynth", **LORA_14B)
    for row, name in (
        ("videosketcher-t2v-lora", "T2V_lora_14B.safetensors"),
        ("videosketcher-i2v-lora", "I2V_lora_14B.safetensors"),
    ):
        found = identify(sparse_safetensors(tmp_path / name, shapes))
        assert found.model_name == row
        assert found.num_bytes == 2 * 153_354_240
    vector = sparse_safetensors(tmp_path / "tiger.safetensors", lora_shapes("peft", **LORA_1_3B))
    found = identify(vector)
    assert found.label == "LoRA for Wan 1.3B, rank 16, peft keys, 300 modules"
    assert (found.num_tensors, found.num_bytes) == (600, 2 * 21_872_640)
    assert found.candidates == ("vector-tiger-lora",)


def test_the_tiny_decoder_whole_alone_or_with_a_wide_growth(tmp_path):
    shapes = dict(shapes_of("taew2.1"))
    alone = {name: shape for name, shape in shapes.items() if name.startswith("decoder.")}
    wide = {**shapes, "decoder.7.conv.weight": (512, 256, 1, 1)}
    for each in (shapes, alone, wide):
        found = identify(sparse_safetensors(tmp_path / "taew2_1.safetensors", each, "F16"))
        assert (found.kind, found.model_name, found.problems) == ("decoder", "tiny-decoder", ())


def test_the_shipped_model_and_what_training_leaves(tmp_path):
    shipped = identify(CHECKPOINTS / "pocket")
    assert (shipped.kind, shipped.label, shipped.problems) == (
        "pocket",
        "Pocket model pocket-t2v",
        (),
    )
    run = tmp_path / "run"
    tiny_model(name="mine").save(run / "model")
    (run / "run.json").write_text(json.dumps({"stage": "dmd"}))
    for given in (run, run / "model"):
        found = identify(given)
        assert found.label == "Pocket model mine that draws block by block"
        assert found.facts["stage"] == "dmd"
    (run / "model" / "vae.safetensors").unlink()
    with pytest.raises(InvalidFile, match=r"lacks vae\.safetensors"):
        identify(run)


def test_a_transformer_that_somebody_trained(tmp_path):
    run = tmp_path / "run"
    sparse_safetensors(run / "model" / "transformer.safetensors", wan_shapes(SMALL))
    (run / "model" / "config.json").write_text('{"num_heads": 2}')
    (run / "run.json").write_text(json.dumps({"stage": "causal"}))
    found = identify(run)
    assert found.label == "Wan transformer of width 64 with 2 blocks (causal)"
    assert (found.kind, found.model_name, found.network, found.problems) == ("causal", None, "", ())


def test_an_lmdb_by_its_folder(tmp_path):
    folder = tmp_path / "mixkit_latents_lmdb"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"\0" * 100)
    found = identify(folder)
    assert (found.kind, found.model_name) == ("dataset", "causvid-mixkit-latents")


UNKNOWN = {
    "diffusers": ({"blocks.0.attn1.to_q.weight": (8, 8)}, "under the names of diffusers"),
    "ComfyUI": ({"diffusion_model.blocks.0.self_attn.q.weight": (8, 8)}, "packed by ComfyUI"),
    "optimizer": ({"state.0.exp_avg": (8,)}, "the state of a training run"),
    "language model": ({"lm_head.weight": (8, 8)}, "a language model"),
    "FLUX": ({"double_blocks.0.img_attn.qkv.weight": (8, 8)}, "FLUX"),
    "T5 of transformers": ({"shared.weight": (8, 8)}, "T5 text encoder"),
    "Pocket's part": ({"blocks.0.ffn.0.weight.row_scale": (8,)}, "Pocket"),
    "nothing known": ({"a": (1,), "b": (2,)}, "its 2 tensors begin with 'a', 'b'"),
    "empty": ({}, "holds no tensors"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_unknown_is_told_for_what_it_looks_like(case, tmp_path):
    shapes, told = UNKNOWN[case]
    path = sparse_safetensors(tmp_path / "weights.safetensors", shapes)
    with pytest.raises(InvalidFile, match=told):
        identify(path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.gguf", "llama"), ("a.zip", "an archive"), ("a.txt", "not a file of weights")],
)
def test_files_of_other_kinds(name, told, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InvalidFile, match=told):
        identify(tmp_path / name)


def test_a_folder_with_several_models_asks_for_one(tmp_path):
    for name in ("a", "b"):
        sparse_safetensors(tmp_path / f"{name}.safetensors", wan_shapes(SMALL))
    with pytest.raises(InvalidFile, match="holds 2 sets of weights"):
        identify(tmp_path)
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    with pytest.raises(MissingModel, match="no weights"):
        identify(tmp_path / "none")


def test_an_index_cannot_point_elsewhere(tmp_path):
    index = tmp_path / "x.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(InvalidFile, match="outside its own folder"):
        identify(index)
    sharded(tmp_path / "wan", "wan-t2v-1.3b", 2)
    index = tmp_path / "wan" / "diffusion_pytorch_model.safetensors.index.json"
    content = json.loads(index.read_text())
    content["weight_map"]["blocks.99.extra"] = next(iter(content["weight_map"].values()))
    index.write_text(json.dumps(content))
    assert "which its index lists" in identify(index).problems[0]
