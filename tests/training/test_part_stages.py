"""The stages around the part reader run from one another, resume, and say what they lack."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from scripts.rebase_adapter import run as rebase
from videosketcher_app.core import faults
from videosketcher_app.core.errors import DamagedModel, Interrupted, InvalidRequest
from videosketcher_app.models.adapters import (
    ADAPTER_FILE,
    adapter_tensors,
    load_into,
    read_adapter,
)
from videosketcher_app.models.catalogue import CHECKPOINTS
from videosketcher_app.models.pocket import MODEL_FILE, load_adapted, load_pocket, save_adapted
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.part_reader import load_reader
from videosketcher_app.training.pocket import main
from videosketcher_app.training.pocket_ar_run import _student, export_ar
from videosketcher_app.training.pocket_brush_run import (
    adapter_in,
    base_of,
    export_brush,
    student_of,
)
from videosketcher_app.training.pocket_run import ArRun, read_run, t2v_config
from videosketcher_app.training.pocket_t2v import build_network
from videosketcher_app.training.pocket_weights import export, tokenizer_of, write_half

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
SMALL = {
    "num_steps": 2,
    "batch_size": 2,
    "num_workers": 0,
    "num_frames": 9,
    "width": 144,
    "height": 96,
    "dim": 48,
    "num_layers": 1,
    "num_heads": 2,
    "ffn_dim": 64,
    "rank": 4,
    "num_inference_steps": 2,
    "compiled": False,
    "log_every": 1,
}
KEPT = {"timesteps": [1000, 960, 888.9, 727.3], "keeps_noise": True}
VAE = str(CHECKPOINTS / "pocket")


def write(path: Path, **values: object) -> Path:
    path.write_text(yaml.safe_dump({**SMALL, **values}))
    return path


def text_model(folder: Path) -> str:
    """The folder of a small random text model that goes with the shipped VAE and words."""
    run = read_run(write(folder / "0.yaml", stage="reward", out="x", vae=VAE))
    network = build_network(t2v_config(run).transformer, len(tokenizer_of(run)), seed=3)
    write_half(folder / "text" / "network.safetensors", network.state_dict())
    return str(folder / "text")


def logged(folder: str) -> list[dict[str, str]]:
    return list(csv.DictReader((Path(folder) / "log.csv").read_text("utf-8").splitlines()))


def ends_alike_if_killed(config: Path, folder: str, file: str) -> None:
    again = f"{folder}-again"
    with faults.armed("training.before_step", skip=1), pytest.raises(Interrupted):
        main(config, save_every=1, out=again)
    main(config, save_every=1, out=again, resume=True)
    assert (Path(folder) / file).read_bytes() == (Path(again) / file).read_bytes()


def changed(one: str, other: str, file: str) -> bool:
    before, after = (read_safetensors(Path(folder) / file) for folder in (one, other))
    assert before.keys() == after.keys()
    return any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
@pytest.mark.parametrize("critic", [0.0, 0.5], ids=["plain", "criticized"])
def test_every_stage_leaves_what_the_product_draws_with(tmp_path: Path, critic: float) -> None:
    names = ("base", "reader", "reward", "brush", "brush_reward", "ar", "ar_reward")
    base, reader, reward, brush, rewarded, ar, ar_rewarded = (str(tmp_path / n) for n in names)
    text = text_model(tmp_path)
    main(write(tmp_path / "1.yaml", stage="reader", out=reader, vae=VAE, init=text))
    assert load_reader(Path(reader), CPU).vocabulary.object_labels

    asked = {"reader": reader, "order": 0.5, "schedule": 1.0, "critic": critic}
    config = write(tmp_path / "2.yaml", stage="reward", out=reward, vae=VAE, init=text, **asked)
    main(config, save_every=1)
    export(read_run(config), Path(reward), tmp_path / "pocket")
    model = load_pocket(tmp_path / "pocket", dtype=torch.float32)
    assert (model.defaults.num_inference_steps, model.defaults.cfg_scale) == (2, 1.0)
    assert changed(text, reward, "network.safetensors")
    ends_alike_if_killed(config, reward, "network.safetensors")

    tiny_model(name="base").save(Path(base))
    main(write(tmp_path / "3.yaml", stage="brush", out=brush, base=base), num_steps=1)
    config = write(
        tmp_path / "4.yaml", stage="brush_reward", out=rewarded, base=base, init=brush,
        **{**asked, "critic": 0.0},
    )  # fmt: skip
    main(config, save_every=1)
    export_brush(read_run(config), Path(rewarded), tmp_path / "pocket-brush")
    model = load_adapted(tmp_path / "pocket-brush", Path(base), dtype=torch.float32)
    assert (model.name, model.defaults.cfg_scale) == ("pocket-brush", 1.0)
    assert changed(brush, rewarded, ADAPTER_FILE)
    ends_alike_if_killed(config, rewarded, ADAPTER_FILE)

    config = write(tmp_path / "5.yaml", stage="ar_reward", out=ar, base=base, **asked, **KEPT)
    main(config, num_steps=1)
    config = write(
        tmp_path / "6.yaml", stage="ar_reward", out=ar_rewarded, base=base, init=ar, **asked, **KEPT
    )
    main(config, save_every=1)
    ends_alike_if_killed(config, ar_rewarded, ADAPTER_FILE)
    run = read_run(config)
    assert isinstance(run, ArRun)
    export_ar(run, Path(ar_rewarded), tmp_path / "pocket-ar")
    model = load_adapted(tmp_path / "pocket-ar", Path(base), dtype=torch.float32)
    assert model.defaults.causal_keeps_noise
    assert changed(ar, ar_rewarded, ADAPTER_FILE)
    terms = {"loss", "lacking", "disorder", "off_schedule", "missing", "moved", "fading"}
    for folder in (reward, ar_rewarded):
        assert ("critic_loss" in logged(folder)[0]) == bool(critic)
    for folder in (reward, rewarded, ar_rewarded):
        assert terms <= logged(folder)[0].keys()
        assert float(logged(folder)[0]["moved"]) == pytest.approx(0, abs=1e-9)


def test_a_stage_without_a_reader_says_so(tmp_path: Path) -> None:
    base, out, missing = str(tmp_path / "base"), str(tmp_path / "x"), "needs the folder of a part"
    text = text_model(tmp_path)
    with pytest.raises(InvalidRequest, match=missing):
        main(write(tmp_path / "a.yaml", stage="reward", out=out, vae=VAE, init=text))
    tiny_model(name="base").save(Path(base))
    with pytest.raises(InvalidRequest, match=missing):
        main(write(tmp_path / "b.yaml", stage="ar_reward", out=out, base=base, **KEPT))
    with pytest.raises(InvalidRequest, match="needs the folder of the model that it adapts"):
        main(write(tmp_path / "c.yaml", stage="brush_reward", out=out))


def test_steps_that_throw_their_noise_away_are_not_rewarded(tmp_path: Path) -> None:
    config = write(tmp_path / "a.yaml", stage="ar_reward", out=str(tmp_path / "x"), base="b")
    with pytest.raises(InvalidRequest, match="steps that keep their noise"):
        main(config)


@pytest.mark.parametrize("name", ["reader", "reward", "brush_reward", "ar_reward"])
def test_the_presets_fit_the_shipped_models(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run = read_run(Path("presets/training") / f"pocket_{name}.yaml")
    assert run.stage == name
    text, brush, ar = (
        json.loads((CHECKPOINTS / model / MODEL_FILE).read_text("utf-8"))
        for model in ("pocket", "pocket-brush", "pocket-ar")
    )
    if name == "ar_reward":
        assert isinstance(run, ArRun)
        assert run.keeps_noise == ar["defaults"]["causal_keeps_noise"]
        assert len(run.timesteps) == ar["defaults"]["num_causal_steps"]
        _student(base_of(run), run, CPU)  # reads the shipped adapter into it
        return
    shipped = (brush if name == "brush_reward" else text)["defaults"]
    assert (run.num_inference_steps, run.shift) == (
        shipped["num_inference_steps"],
        shipped["shift"],
    )
    if name == "brush_reward":
        base = base_of(run)
        load_into(student_of(base, run).transformer, adapter_in(run, base).tensors)
        pairs = read_safetensors(Path(run.init) / ADAPTER_FILE)
        assert any(x.shape[0] == run.rank for key, x in pairs.items() if "lora_A" in key)
    else:
        assert vars(t2v_config(run).transformer).items() >= text["transformer"].items()


def rebased(monkeypatch: pytest.MonkeyPatch, *words: Path) -> Path:
    monkeypatch.setattr(sys, "argv", ["rebase_adapter.py", *map(str, words)])
    rebase()
    return words[-1]


def test_an_adapter_goes_onto_another_base_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(("base", "other")):
        tiny_model(seed=seed, name=name).save(tmp_path / name)
    run = ArRun(**{**SMALL, "stage": "ode", "out": "x", "base": str(tmp_path / "base"), **KEPT})
    base, other = (load_pocket(tmp_path / name, "cpu", torch.float32) for name in ("base", "other"))
    tensors = adapter_tensors(_student(base, run, CPU).transformer)
    adapter = tmp_path / "adapter"
    save_adapted(adapter, tensors, name="pocket-ar", base=base, defaults=base.defaults)

    same = rebased(monkeypatch, adapter, tmp_path / "base", tmp_path / "same")
    for file in (ADAPTER_FILE, MODEL_FILE):
        assert (same / file).read_bytes() == (adapter / file).read_bytes()

    with pytest.raises(DamagedModel, match="other weights"):
        read_adapter(adapter / ADAPTER_FILE, base=other)
    moved = rebased(monkeypatch, adapter, tmp_path / "other", tmp_path / "moved")
    before = read_adapter(adapter / ADAPTER_FILE, base=base)
    after = read_adapter(moved / ADAPTER_FILE, base=other)
    assert before.tensors.keys() == after.tensors.keys()
    assert all(torch.equal(before.tensors[n], after.tensors[n]) for n in before.tensors)
    assert after.config == before.config
    load_adapted(moved, tmp_path / "other", dtype=torch.float32)


def test_a_brush_model_has_no_critic_and_says_so(tmp_path: Path) -> None:
    config = write(tmp_path / "c.yaml", stage="brush_reward", out=str(tmp_path / "x"), critic=0.5)
    with pytest.raises(InvalidRequest, match="has no critic"):
        main(config)
