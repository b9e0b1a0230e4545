"""All three stages of Pocket's training run from one another at a tiny size, and resume."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidRequest
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.models.quantize import quantize_rows
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors
from videosketcher_app.training.pocket import main
from videosketcher_app.training.pocket_run import PocketRun, read_run, t2v_config
from videosketcher_app.training.pocket_t2v import build_network
from videosketcher_app.training.pocket_weights import export, load_network, tokenizer_of

ROOT = Path(__file__).parents[2]
SHIPPED_TOKENIZER = ROOT / "checkpoints" / "pocket" / "tokenizer.json"

SMALL = {
    "num_steps": 3,
    "batch_size": 2,
    "num_workers": 0,
    "num_frames": 9,
    "width": 144,
    "height": 96,
    "dim": 48,
    "num_layers": 1,
    "num_heads": 2,
    "ffn_dim": 64,
    "compiled": False,
    "log_every": 1,
}


def write(path, **values):
    path.write_text(yaml.safe_dump({**SMALL, **values}))
    return path


@pytest.mark.slow
def test_three_stages_make_a_model_that_loads(tmp_path):
    vae, t2v, distill = (str(tmp_path / name) for name in ("vae", "t2v", "distill"))
    main(write(tmp_path / "1.yaml", stage="vae", out=vae))
    choices = {"causal_share": 0.5, "latent_frames_seen": 2}
    config = write(tmp_path / "2.yaml", stage="t2v", out=t2v, vae=vae, **choices)
    main(config, save_every=1)
    choices = {"own_share": 0.5, "new_ink_weight": 4.0, "num_inference_steps": 3}
    last = write(tmp_path / "3.yaml", stage="distill", out=distill, vae=vae, init=t2v, **choices)
    main(last)
    rows = list(csv.DictReader((tmp_path / "distill" / "log.csv").read_text("utf-8").splitlines()))
    assert any(row["loss_own"] for row in rows)
    assert any(row["loss_first_step"] for row in rows)
    run = read_run(last)
    exported = export(run, tmp_path / "distill", tmp_path / "pocket")
    model = load_pocket(tmp_path / "pocket", dtype=torch.float32)
    assert model.defaults.cfg_scale == 1.0 == exported.defaults.cfg_scale

    # A killed run that goes on ends in the same bytes.
    again = str(tmp_path / "again")
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        main(config, save_every=1, out=again)
    main(config, save_every=1, out=again, resume=True)
    a = read_safetensors(tmp_path / "t2v" / "network.safetensors")
    b = read_safetensors(tmp_path / "again" / "network.safetensors")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_training_goes_on_from_int8_weights_beside_a_model_with_the_tokenizer(tmp_path):
    run = PocketRun(**{**SMALL, "stage": "t2v", "out": "x", "init": str(tmp_path / "int8")})
    tokenizer = PocketTokenizer.from_json(SHIPPED_TOKENIZER.read_text("utf-8"))
    trained = build_network(t2v_config(run).transformer, len(tokenizer), seed=3)
    write_safetensors(
        tmp_path / "int8" / "network.safetensors", quantize_rows(trained.state_dict())
    )
    with pytest.raises(InvalidRequest, match=r"no tokenizer\.json"):
        tokenizer_of(run)
    beside = replace(run, vae=str(SHIPPED_TOKENIZER.parent))
    assert tokenizer_of(beside).to_json() == tokenizer.to_json()
    found = load_network(tmp_path / "int8", run, tokenizer).state_dict()
    for name, value in trained.state_dict().items():
        largest = float(value.abs().max())
        torch.testing.assert_close(found[name], value, rtol=0, atol=max(1e-6, largest / 127))


def test_the_shipped_configurations_for_more_training_are_whole(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("pocket_t2v_more", "pocket_distill_more"):
        run = read_run(ROOT / "presets" / "training" / f"{name}.yaml")
        mix = t2v_config(run).mix
        assert len(mix.weights) > 100
        assert mix.variety.small == run.small_share > 0.12


def test_an_unknown_key_names_the_nearest(tmp_path):
    with pytest.raises(InvalidRequest, match="Did you mean batch_size"):
        read_run(write(tmp_path / "c.yaml", stage="t2v", out="x", batchsize=3))
    with pytest.raises(InvalidRequest, match="stage must be one of"):
        read_run(write(tmp_path / "d.yaml", stage="gan", out="x"))
