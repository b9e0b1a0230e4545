"""Modes of speed: exact leaves nothing out, the others say what they leave out."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from videosketcher_app.core.sparse_request import SPARSE_PRESETS
from videosketcher_app.engines.memory.modes import EXACT, Acceleration, acceleration_of, fitted
from videosketcher_app.engines.memory.sampling import AcceleratedSampler
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.engines.text import SamplerSettings, denoise, initial_noise
from videosketcher_app.models.tiny import tiny_model

SETTINGS = SamplerSettings(
    num_inference_steps=8, cfg_scale=2.0, shift=5.0, num_frames=9, width=144, height=96
)


EVERYTHING = SPARSE_PRESETS["careful"].model_copy(update={"kept_fraction": 1.0})


class KnownPaper:
    """The lower half of the canvas is paper, from the start."""

    def __init__(self, settled_FHW):
        self.settled_FHW = self.blank_FHW = settled_FHW

    def see(self, clean_BCFhw):
        pass


@pytest.fixture(scope="module")
def model():
    tiny = tiny_model()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for parameter in tiny.transformer.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.05)
    tiny.name = "pocket-t2v"  # its curves are known
    return tiny


def last(steps):
    *_, (_, latents, _) = steps
    return latents


def sampled(model, acceleration, settings=SETTINGS):
    return last(denoise(model, ["a cat"], [1], settings, acceleration))


def sampler_of(model, acceleration, **how):
    contexts = [model.encode_prompts(["a cat"]), model.encode_prompts([""])]
    levels = sigmas(SETTINGS.num_inference_steps, SETTINGS.shift)
    return AcceleratedSampler(model, contexts, SETTINGS, acceleration, levels=levels, **how)


def noise_of(model):
    return initial_noise([1], model.latent_shape(9, 96, 144), model.device)


def test_exact_is_the_plain_sampler(model):
    assert acceleration_of("exact", "pocket-t2v") is EXACT
    assert EXACT.to_mapping() == {"mode": "exact"}
    assert torch.equal(sampled(model, EXACT), last(sampler_of(model, EXACT).run(noise_of(model))))


@pytest.mark.parametrize("mode", ["fast", "sketch"])
@pytest.mark.parametrize("name", ["pocket-t2v", "wan2.1-t2v-14b", "tiny"])
def test_modes_say_what_they_leave_out(mode, name):
    told = acceleration_of(mode, name).to_mapping()
    assert told["mode"] == mode
    assert len(told) > 2
    assert json.loads(json.dumps(told)) == told


def test_a_model_that_nothing_was_measured_for_draws_exactly():
    assert acceleration_of("fast", "somebody-elses").is_exact


@pytest.mark.parametrize(
    "acceleration",
    [
        Acceleration(mode="fast", step_cache="magcache"),
        Acceleration(mode="fast", step_cache="teacache"),
        Acceleration(mode="fast", sparse=EVERYTHING),
    ],
    ids=["magcache", "teacache", "sparse"],
)
def test_nothing_allowed_means_nothing_changed(model, acceleration):
    torch.testing.assert_close(sampled(model, acceleration), sampled(model, EXACT))


@pytest.mark.parametrize(
    "acceleration",
    [
        acceleration_of("fast", "pocket-t2v"),
        acceleration_of("sketch", "pocket-t2v"),
        Acceleration(mode="fast", cfg_skip=0.25),
        Acceleration(mode="fast", fp8=True),
    ],
    ids=["fast", "sketch", "cfg skip", "fp8"],
)
def test_approximations_stay_near_and_are_none_of_exact(model, acceleration):
    exact, near = sampled(model, EXACT), sampled(model, acceleration)
    error = float((near - exact).norm() / exact.norm())
    assert 0 < error < 0.1


def test_eight_bit_layers_are_taken_out_again(model):
    sampled(model, Acceleration(mode="fast", fp8=True))
    assert type(model.transformer.blocks[0].ffn[0]) is torch.nn.Linear


def test_frozen_paper_is_computed_once_and_stays(model):
    settled = torch.zeros(3, 4, 6, dtype=torch.bool)
    settled[:, 2:] = True
    acceleration = Acceleration(mode="sketch", frozen_paper=0.25, merged_keys=True)
    sampler = sampler_of(model, acceleration, watch=KnownPaper(settled))
    states = [
        (latents.clone(), clean.clone()) for _, latents, clean in sampler.run(noise_of(model))
    ]
    assert sampler.frozen is not None
    assert sampler.frozen.share == 0.5
    # Two whole steps, the one that remembers, and five halves.
    assert sampler.share == pytest.approx((3 + 5 / 2) / 8)
    lower = (..., slice(6, 12), slice(None))
    torch.testing.assert_close(states[-1][0][lower], states[1][1][lower], atol=1e-4, rtol=1e-3)
    assert not torch.allclose(states[-1][0][..., :6, :], states[1][1][..., :6, :], atol=1e-2)


def test_skipped_steps_are_counted_and_the_plan_is_known_before(model):
    sampler = sampler_of(model, replace(acceleration_of("fast", "pocket-t2v"), cfg_skip=0.0))
    assert sum(sampler.plan.blocks.skips) == 1
    for _ in sampler.run(noise_of(model)):
        pass
    assert sampler.share == 7 / 8


def test_a_model_does_what_it_can_of_a_mode(model):
    asked = acceleration_of("fast", "wan2.1-t2v-14b")
    assert fitted(asked, model) == asked
    managed = SimpleNamespace(pipe=SimpleNamespace(vram_management_enabled=True))
    assert fitted(asked, managed) == replace(asked, fp8=False, compiled=False)
    few = fitted(asked, SimpleNamespace(few_steps=object()))
    assert few.sparse == asked.sparse
    assert replace(few, sparse=None).is_exact
