"""Wan text-to-video: sampling equals diffsynth's own call, from noise, from a clip, and rounded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.studio import network_pass
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.passes import OwnPass, real_valued_pass
from videosketcher_app.models.wan.sampling import FewSteps
from videosketcher_app.models.wan.stops import Stops
from videosketcher_app.models.wan.text_to_video import NEGATIVE_PROMPT, WanTextModel

WIDTH, HEIGHT, NUM_FRAMES = 32, 32, 5
CALL = {"num_inference_steps": 2, "cfg_scale": 5.0, "num_frames": NUM_FRAMES}
CALL |= {"width": WIDTH, "height": HEIGHT}


@pytest.fixture(scope="module")
def pipe():
    return tiny_pipeline(in_dim=16, require_vae_embedding=False)


def clip(num_frames=NUM_FRAMES):
    random = np.random.default_rng(7)
    return random.integers(0, 256, (num_frames, HEIGHT, WIDTH, 3), dtype=np.uint8)


def images(frames):
    return [Image.fromarray(frame) for frame in frames]


def theirs(pipe, **changes):
    """What `WanVideoPipeline.__call__` draws."""
    fixed = {"prompt": "a cat", "negative_prompt": NEGATIVE_PROMPT, "seed": 5, "sigma_shift": 5.0}
    fixed |= {"tiled": False, "output_type": "floatpoint", "progress_bar_cmd": lambda steps: steps}
    return pipe(**{**fixed, **CALL, **changes}).clamp(-1, 1)


def ours(model, **changes):
    """The same drawing by the model."""
    steps = list(model.denoise(["a cat"], [5], shift=5.0, **{**CALL, **changes}))
    assert [step for step, _, _ in steps] == [1, 2]
    return model.decode(steps[-1][1])


def difference(a, b):
    return float((a.float() - b.float()).abs().max())


def test_text_to_video_equals_the_pipelines_own_call(pipe):
    model = WanTextModel(name="tiny", pipe=pipe)
    drawn = ours(model)
    assert difference(drawn, theirs(pipe)) == 0.0
    assert difference(ours(model, cfg_scale=1.0), theirs(pipe, cfg_scale=1.0)) == 0.0
    other = model.settled(negative_prompt="a dog")
    assert difference(ours(other), drawn) > 0, "the negative prompt is read"


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_video_to_video_equals_the_pipelines_own_call(pipe, strength):
    model = WanTextModel(name="tiny", pipe=pipe).starting_from(clip(), strength)
    expected = theirs(pipe, input_video=images(clip()), denoising_strength=strength)
    drawn = ours(model)
    assert difference(drawn, expected) == 0.0
    from_noise = difference(drawn, theirs(pipe))
    assert (from_noise == 0) == (strength == 1.0), "at full strength nothing of the clip is left"


def test_video_and_image_to_video_together_equal_the_pipelines_own_call():
    pipe, frame = tiny_pipeline(), clip(1)[0]
    model = WanImageModel(name="tiny", pipe=pipe).conditioned(frame).starting_from(clip(), 0.6)
    expected = theirs(
        pipe, input_image=Image.fromarray(frame), input_video=images(clip()), denoising_strength=0.6
    )
    assert difference(ours(model), expected) == 0.0


def test_one_frame_is_a_picture(pipe):
    model = WanTextModel(name="tiny", pipe=pipe)
    drawn = ours(model, num_frames=1)
    assert drawn.shape == (1, 3, 1, HEIGHT, WIDTH)
    assert difference(drawn, theirs(pipe, num_frames=1)) == 0.0


def test_the_references_rounding_is_repeated_bit_by_bit():
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False).to(dtype=torch.bfloat16)
    model = WanTextModel(name="tiny", pipe=pipe, rounding="reference")
    expected = theirs(pipe, cfg_merge=True, tiled=True, num_frames=1)
    assert difference(ours(model, num_frames=1), expected) == 0.0
    precise = ours(model.settled(rounding="none"), num_frames=1)
    assert 0 < difference(precise, expected) < 0.2, "without it latents and timesteps are finer"


def test_clips_drawn_together_are_those_drawn_alone(pipe):
    model = WanTextModel(name="tiny", pipe=pipe)
    *_, (_, both, _) = model.denoise(["a cat", "a dog"], [5, 6], shift=5.0, **CALL)
    *_, (_, cat, _) = model.denoise(["a cat"], [5], shift=5.0, **CALL)
    *_, (_, dog, _) = model.denoise(["a dog"], [6], shift=5.0, **CALL)
    assert torch.equal(both, torch.cat([cat, dog]))


def test_few_steps_estimate_and_renoise(pipe):
    model = WanTextModel(name="tiny", pipe=pipe, few_steps=FewSteps())
    asked = []
    model.network_pass = lambda **inputs: (
        asked.append(inputs) or torch.zeros_like(inputs["latents"])
    )
    call = {**CALL, "cfg_scale": 1.0, "num_inference_steps": 3}
    steps = list(model.denoise(["a cat"], [5], shift=8.0, **call))
    assert [float(inputs["timestep"]) for inputs in asked] == [1000, 757, 522]
    first = asked[0]["latents"]
    assert torch.equal(steps[0][2], first), "without velocity the estimate is the latents"
    random = torch.Generator("cpu").manual_seed(5)
    noise = [torch.randn(first.shape, generator=random) for _ in range(2)]
    assert torch.equal(noise[0], first)
    sigma = 28 / 37  # 757 is the 36th of 50 levels with shift 8
    assert difference(asked[1]["latents"], (1 - sigma) * noise[0] + sigma * noise[1]) < 1e-5
    assert torch.equal(steps[-1][1], steps[-1][2]), "the last estimate is the drawing"

    asked.clear()
    over = model.starting_from(clip(), 0.3)
    assert [step for step, _, _ in over.denoise(["a cat"], [5], shift=8.0, **call)] == [2, 3]
    assert [float(inputs["timestep"]) for inputs in asked] == [757, 522]


def test_a_clip_of_another_size_is_refused(pipe):
    model = WanTextModel(name="tiny", pipe=pipe).starting_from(clip(1), 0.5)
    with pytest.raises(InvalidRequest, match="1 frames of 32x32 px, the drawing 5"):
        next(model.denoise(["a cat"], [5], shift=5.0, **CALL))


def test_a_drawing_stops_within_a_step(pipe):
    model = WanTextModel(name="tiny", pipe=pipe)
    calls = []

    class Stopped(Exception):
        pass

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise Stopped

    drawing = model.denoise(["a cat"], [5], shift=5.0, **CALL)
    with pytest.raises(Stopped), model.watched(check):
        next(drawing)
    assert len(calls) == 3, "two prompts have one block each; the third is the transformer's"
    assert not pipe.dit.blocks[0]._forward_pre_hooks
    assert not pipe.dit.time_embedding._forward_pre_hooks
    assert difference(ours(model), theirs(pipe)) == 0.0, "and the next drawing is whole"


@pytest.mark.parametrize("clip_tokens", [False, True])
def test_the_real_valued_pass_equals_diffsynths(pipe, clip_tokens):
    if clip_tokens:
        model = WanImageModel(name="tiny", pipe=tiny_pipeline(clip=True)).conditioned(clip(1)[0])
    else:
        model = WanTextModel(name="tiny", pipe=pipe)
    plain = ours(model, cfg_scale=1.0)
    model.network_pass = real_valued_pass
    assert difference(ours(model, cfg_scale=1.0), plain) < 1e-4

    words = model.encode_prompts(["a cat"])
    random = torch.Generator("cpu").manual_seed(5)
    noise = torch.randn((1, *model.latent_shape(NUM_FRAMES, HEIGHT, WIDTH)), generator=random)
    (_, _, clean), *_ = model.denoise(["a cat"], [5], shift=5.0, **{**CALL, "cfg_scale": 1.0})
    velocity = model.velocity(noise, 1.0, words)
    assert difference(noise - velocity, clean) < 1e-4, "samplers that leave work out see the same"


@pytest.mark.gpu
@pytest.mark.parametrize("tier", ["resident", "stream_ram"])
def test_a_card_draws_by_rows_what_diffsynth_draws(tier):
    pytest.importorskip("triton")
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False).to("cuda", torch.bfloat16)
    plan, stops = MemoryPlan(budget_bytes=1 << 40, tier=tier), Stops()
    by_rows = network_pass(pipe, plan, stops)
    assert by_rows is not None
    model = WanTextModel(name="tiny", pipe=pipe, stops=stops, network_pass=by_rows)
    plain = WanTextModel(name="tiny", pipe=pipe)
    expected = ours(plain, cfg_scale=1.0)
    found = ours(model, cfg_scale=1.0)
    assert difference(found, expected) > 0, "they are other kernels"
    assert float((found - expected).norm() / expected.norm()) < 0.03
    rounded = {"rounding": "reference"}
    assert difference(ours(model.settled(**rounded)), ours(plain.settled(**rounded))) == 0.0


def test_blank_paper_is_known_in_latents(pipe):
    model = WanTextModel(name="tiny", pipe=pipe)
    paper = model.paper_latents(NUM_FRAMES, HEIGHT, WIDTH)
    white = np.full((NUM_FRAMES, HEIGHT, WIDTH, 3), 255, np.uint8)
    latents, strength = model.starting_from(white, 0.5).start_latents()
    assert (strength, difference(paper, latents)) == (0.5, 0.0)


def test_float16_that_is_not_enough_is_one_sentence():
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False).to(dtype=torch.float16)
    model = WanTextModel(name="tiny", pipe=pipe)
    assert model.facts()["weights"] == "float16"
    model.network_pass = lambda **given: torch.full_like(given["latents"], float("inf"))
    with pytest.raises(AppError, match="beyond what float16 can hold") as caught:
        next(model.denoise(["a cat"], [5], shift=5.0, **CALL))
    assert "--device cpu" in caught.value.hint


def test_a_fast_decoder_decodes_the_same(pipe):
    plain = WanTextModel(name="tiny", pipe=pipe)
    fast = WanTextModel(name="tiny", pipe=pipe, fast_decoder=ChannelsLastDecoder(pipe.vae))
    latents = torch.randn(2, 16, 2, 4, 4, generator=torch.Generator().manual_seed(6))
    torch.testing.assert_close(fast.decode(latents), plain.decode(latents), atol=1e-5, rtol=1e-4)
    assert fast.facts()["decoder"] == "channels last"
    assert "decoder" not in plain.facts()
    tiled = WanTextModel(
        name="tiny", pipe=pipe, fast_decoder=fast.fast_decoder, rounding="reference"
    )
    assert "decoder" not in tiled.facts(), "tiles are for the VAE's own"


def test_the_files_say_how_blocks_were_computed(pipe):
    own = OwnPass(stops=Stops(), name="by rows", only_faster=True)
    model = WanTextModel(name="tiny", pipe=pipe, network_pass=own)
    assert model.facts()["blocks"] == "by rows"
    assert "blocks" not in model.settled(rounding="reference").facts(), "diffsynth's own pass"
    assert "blocks" not in WanTextModel(name="tiny", pipe=pipe).facts()


def test_faster_passes_and_decoding_can_be_stopped_too(pipe):
    model = WanTextModel(name="tiny", pipe=pipe, fast_decoder=ChannelsLastDecoder(pipe.vae))
    copy = replace(model, tiled=False)  # what an engine draws with is often a copy
    words = model.encode_prompts(["a cat"])
    noise = torch.zeros((1, *model.latent_shape(NUM_FRAMES, HEIGHT, WIDTH)))
    for work in (lambda: copy.velocity(noise, 1.0, words), lambda: copy.decode(noise)):
        calls = []

        class Stopped(Exception):
            pass

        def check(calls=calls, stopped=Stopped):
            calls.append(1)
            raise stopped

        with pytest.raises(Stopped), model.watched(check):
            work()
        assert calls == [1]
        work()  # nobody is asked any more
        assert calls == [1]
