"""All three stages of Pocket's training run from one another at a tiny size, and resume."""

from __future__ import annotations

import pytest
import torch
import yaml

from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidRequest
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.pocket import export, main, read_run

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
    last = write(tmp_path / "3.yaml", stage="distill", out=distill, vae=vae, init=t2v)
    main(last)
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


def test_an_unknown_key_names_the_nearest(tmp_path):
    with pytest.raises(InvalidRequest, match="Did you mean batch_size"):
        read_run(write(tmp_path / "c.yaml", stage="t2v", out="x", batchsize=3))
    with pytest.raises(InvalidRequest, match="stage must be one of"):
        read_run(write(tmp_path / "d.yaml", stage="gan", out="x"))
