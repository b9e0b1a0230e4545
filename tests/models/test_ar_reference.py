"""Our causal passes equal those of the reference implementation, recorded on a small checkpoint.

tests/fixtures/ar_reference holds the checkpoint as it is published (a pickle), and what the
reference made of it in float32. Measured on two CPU cores: at most 2.1e-6 apart everywhere.
"""

from __future__ import annotations

import pytest
import torch

from tests.conftest import ROOT
from videosketcher_app import api
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.storage.tensors import read_safetensors

FIXTURE = ROOT / "tests" / "fixtures" / "ar_reference"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def recorded():
    return read_safetensors(FIXTURE / "tensors.safetensors")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
        return api.load_causal_model(FIXTURE / "checkpoint.pt")


def assert_near(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=0)


def generate(model, recorded, **fields):
    flows = []
    latents = model.generate(
        recorded["noise"],
        recorded["prompt_embeds"],
        renoise=recorded["renoise"],
        on_forward=lambda block, step, flow: flows.append((block, step, flow)),
        **fields,
    )
    return latents, flows


def test_rollout_flows_and_cache(model, recorded):
    latents, flows = generate(model, recorded)
    assert [(block, step) for block, step, _ in flows] == [
        (b, s) for b in range(3) for s in range(3)
    ]
    assert_near(latents, recorded["rollout_output"])
    assert_near(torch.stack([flow for *_, flow in flows]), recorded["rollout_flows"])
    assert_near(model.cache.layers[0].k, recorded["kv_layer0_k"])
    assert_near(model.cache.layers[0].v, recorded["kv_layer0_v"])


def test_continuation(model, recorded):
    latents, flows = generate(model, recorded, start_latents=recorded["start_latents"])
    assert torch.equal(latents[:, :6], recorded["start_latents"])
    assert [block for block, *_ in flows] == [2, 2, 2]
    assert_near(latents, recorded["continued_output"])
    assert_near(torch.stack([flow for *_, flow in flows]), recorded["continued_flows"])


def test_training_pass(model, recorded):
    flow = model.train_forward(
        recorded["noise"], recorded["train_timesteps"], recorded["prompt_embeds"]
    )
    assert_near(flow, recorded["train_flow"])


def test_a_second_rollout_does_not_see_the_first(model, recorded):
    first, _ = generate(model, recorded)
    generate(model, recorded, start_latents=recorded["start_latents"])
    again, _ = generate(model, recorded)
    assert torch.equal(first, again)


def test_bfloat16_stays_near_the_reference(recorded, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path))
    model = api.load_causal_model(FIXTURE / "checkpoint.pt", dtype=torch.bfloat16)
    latents, _ = generate(model, recorded)
    assert latents.dtype == torch.float32
    assert (latents - recorded["rollout_output"]).square().mean().sqrt() < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": torch.zeros(1, 8, 16, 8, 12)}, "whole blocks of 3"),
        ({"noise": torch.zeros(1, 9, 15, 8, 12)}, "16 channels"),
        ({"noise": torch.zeros(1, 9, 16, 8, 13)}, "multiple of 2 cells"),
        ({"start_latents": torch.zeros(1, 6, 16, 8, 10)}, "does not fit noise"),
        ({"start_latents": torch.zeros(1, 12, 16, 8, 12)}, "does not fit noise"),
        ({"renoise": torch.zeros(3, 1, 3, 16, 8, 12)}, "renoise must have"),
        ({"denoising_steps": ()}, "denoising_steps"),
        ({"frames_per_block": 0}, "at least 1"),
        ({"prompt_embeds": torch.zeros(1, 513, 48)}, "513 tokens"),
    ],
)
def test_what_does_not_fit_is_named(model, recorded, change, message):
    fields = {"noise": recorded["noise"], "prompt_embeds": recorded["prompt_embeds"], **change}
    with pytest.raises(InvalidRequest, match=message):
        model.generate(**fields)
