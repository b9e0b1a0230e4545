"""Published containers load; anything else is refused by a sentence, and nothing in it is run."""

from __future__ import annotations

import json
import os
import sys
import types

import pytest
import torch

from tests.conftest import ROOT
from videosketcher_app import api
from videosketcher_app.core.errors import AppError, DamagedModel, InvalidFile, MissingModel
from videosketcher_app.models.conversion_child import generator_of
from videosketcher_app.models.published import infer_config, plain_names, read_config
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_metadata, read_safetensors, write_safetensors

FIXTURE = ROOT / "tests" / "fixtures" / "ar_reference"
CONFIG = {"num_heads": 2, "text_len": 512}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The weights under a bare transformer's names."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("workspace")
        patch.setenv("VIDEOSKETCHER_WORKSPACE", str(folder))
        api.load_causal_model(FIXTURE / "checkpoint.pt")
        (converted,) = (folder / "cache" / "converted").iterdir()
    return plain_names(read_safetensors(converted), "checkpoint.pt")


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def save(folder, content, name="model.pt"):
    (folder / "config.json").write_text(json.dumps(CONFIG))
    torch.save(content, folder / name)
    return folder / name


def save_converted(folder, content):
    """The file that the child process would make of this checkpoint, without the child."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    _, weights = generator_of(content, "model.pt")
    write_safetensors(folder / "model.safetensors", weights)
    return folder / "model.safetensors"


def prefixed(weights, prefix):
    return {prefix + name: value for name, value in weights.items()}


def fsdp(weights):
    """As nested FSDP wrappers name them."""
    return {
        "model._fsdp_wrapped_module."
        + name.replace("blocks.0.", "blocks.0._fsdp_wrapped_module."): value
        for name, value in weights.items()
    }


LAYOUTS = {
    "VideoSketcher": lambda w: {"generator": prefixed(w, "model."), "epoch": 3},
    "CausVid": lambda w: {"generator": prefixed(w, "model."), "critic": {"x": torch.zeros(2)}},
    "Self-Forcing": lambda w: {
        "generator": prefixed({k: v + 1 for k, v in w.items()}, "model."),
        "generator_ema": prefixed(w, "model."),
    },
    "FSDP": lambda w: {"generator": fsdp(w)},
    "compiled": lambda w: {"generator_ema": prefixed(w, "_orig_mod.model.")},
    "bare": dict,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_hold_the_same_model(layout, bare, tmp_path):
    model = api.load_causal_model(save_converted(tmp_path, LAYOUTS[layout](bare)))
    loaded = model.wan.transformer.state_dict()
    assert loaded.keys() == bare.keys()
    assert all(torch.equal(loaded[name], bare[name]) for name in bare)


def test_safetensors_and_folders_are_read_too(bare, tmp_path, workspace):
    write_safetensors(tmp_path / "w" / "model.safetensors", prefixed(bare, "model."))
    (tmp_path / "w" / "config.json").write_text(json.dumps(CONFIG))
    model = api.load_causal_model(tmp_path / "w", dtype=torch.bfloat16)
    assert model.wan.transformer.dim == 64
    assert {p.dtype for p in model.wan.transformer.parameters()} == {torch.bfloat16}
    assert not workspace.exists()


def test_a_pickle_is_converted_once(bare, tmp_path, workspace):
    path = save(tmp_path, LAYOUTS["Self-Forcing"](bare))
    api.load_causal_model(path)
    (converted,) = (workspace / "cache" / "converted").iterdir()
    told = read_metadata(converted)
    assert told["container"] == "generator_ema"
    assert converted.stem == told["source_sha256"]
    before = converted.stat().st_mtime_ns
    api.load_causal_model(path)
    assert converted.stat().st_mtime_ns == before


def test_settings_objects_of_trainers_are_passed_over(bare, tmp_path, monkeypatch):
    module = types.ModuleType("omegaconf.dictconfig")
    listed = type("DictConfig", (), {"__module__": module.__name__})
    module.DictConfig = listed
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings = listed()
    settings.content = {"lr": 1e-4, "kind": dict}
    content = {**LAYOUTS["VideoSketcher"](bare), "config": {"model": settings}}
    assert api.load_causal_model(save(tmp_path, content)).wan.transformer.dim == 64


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.row("T7", "hostile pickles")
def test_a_hostile_pickle_is_refused_and_nothing_is_run(bare, tmp_path, workspace):
    marker = tmp_path / "marker"
    path = save(tmp_path, {**LAYOUTS["VideoSketcher"](bare), "config": Hostile(marker)})
    with pytest.raises(InvalidFile, match="could run code"):
        api.load_causal_model(path)
    assert not marker.exists()
    assert not list(workspace.rglob("*.safetensors"))


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


REFUSED = {
    "missing tensor": (
        lambda w: {"generator": without(w, "blocks.1.ffn.2.bias")},
        r"lacks 'blocks\.1\.ffn\.2\.bias'",
    ),
    "tensor too much": (
        lambda w: {"generator": {**w, "blocks.0.extra": torch.zeros(1)}},
        r"has not: 'blocks\.0\.extra'",
    ),
    "other shape": (
        lambda w: {"generator": {**w, "blocks.1.modulation": torch.zeros(1, 6, 65)}},
        r"other shapes in 'blocks\.1\.modulation'",
    ),
    "another family": (
        lambda w: {"generator": {"conv_in.weight": torch.zeros(3)}},
        "not a Wan transformer",
    ),
    "a LoRA": (
        lambda w: {"state_dict": {"blocks.0.self_attn.q.lora_A.weight": torch.zeros(3)}},
        "is a LoRA",
    ),
    "image to video": (
        lambda w: {"generator": {**w, "img_emb.proj.0.weight": torch.zeros(3)}},
        "image-to-video",
    ),
    "more channels": (
        lambda w: {"generator": {**w, "patch_embedding.weight": torch.zeros(64, 36, 1, 2, 2)}},
        "reads 36 channels",
    ),
    "flat patch embedding": (
        lambda w: {"generator": {**w, "patch_embedding.weight": torch.zeros(64)}},
        "not a Wan transformer",
    ),
    "a name twice": (
        lambda w: {"generator": {**w, **prefixed(w, "model.")}},
        "twice",
    ),
    "no weights": (lambda w: {"step": 3, "generator": {}}, "holds no table of weights"),
    "text among the weights": (
        lambda w: {"generator": {**w, "note": "hello"}},
        "holds no table of weights",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused_by_name(case, bare, tmp_path):
    make, message = REFUSED[case]
    with pytest.raises(InvalidFile, match=message):
        api.load_causal_model(save_converted(tmp_path, make(bare)))


def test_weights_that_are_not_finite_are_refused(bare, tmp_path):
    broken = {**bare, "blocks.0.modulation": torch.full((1, 6, 64), float("nan"))}
    with pytest.raises(DamagedModel, match="NaN"):
        api.load_causal_model(save_converted(tmp_path, {"generator": broken}))


def test_heads_come_from_the_config_or_are_128_wide(bare, tmp_path):
    path = save_converted(tmp_path, {"generator": bare})
    (tmp_path / "config.json").unlink()
    with pytest.raises(InvalidFile, match=r"width 64, 1 heads") as caught:
        api.load_causal_model(path)
    assert "num_heads" in caught.value.hint
    meta = {name: value.to("meta") for name, value in bare.items()}
    meta["patch_embedding.weight"] = torch.empty(1536, 16, 1, 2, 2, device="meta")
    assert infer_config(meta, None, "x").num_heads == 12


@pytest.mark.parametrize("text", ["{", "[]", '{"num_heads": "2"}', '{"num_heads": 0}', "[" * 9999])
def test_a_config_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InvalidFile):
        read_config(tmp_path / "config.json")


@pytest.mark.parametrize("cut", [10, 300_000])
def test_damaged_files_are_refused(cut, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes((FIXTURE / "checkpoint.pt").read_bytes()[:cut])
    with pytest.raises(AppError):
        api.load_causal_model(path)


def test_missing_and_ambiguous_paths_say_what_to_do(tmp_path):
    with pytest.raises(MissingModel, match="no weights at"):
        api.load_causal_model(tmp_path / "none.pt")
    with pytest.raises(MissingModel, match="no weights at"):
        api.load_causal_model(tmp_path)
    with pytest.raises(InvalidFile, match="2 files of weights"):
        api.load_causal_model(FIXTURE)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InvalidFile, match="not a file of weights"):
        api.load_causal_model(tmp_path / "notes.txt")


def test_a_pocket_folder_is_a_causal_model_too(tmp_path):
    tiny = tiny_model()
    tiny.save(tmp_path)
    model = api.load_causal_model(tmp_path)
    noise = torch.randn(1, 6, 16, 6, 9, generator=torch.Generator().manual_seed(0))
    words = tiny.encode_prompts(["a cat"])
    first = model.generate(noise, words, seed=1)
    assert first.shape == noise.shape
    assert torch.equal(first, model.generate(noise, words, seed=1))
    assert not torch.equal(first, model.generate(noise, words, seed=2))
