"""The networks keep their promises on tiny sizes."""

from __future__ import annotations

import pytest
import torch

from videosketcher_app.core.errors import DamagedModel, InvalidRequest, MissingModel
from videosketcher_app.models.catalogue import list_models, load_text_model, verify_model
from videosketcher_app.models.coordinates import (
    CLIP_LATENT_FRAMES,
    coordinate_channels,
    input_channels,
    transformer_input,
)
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.models.quantize import dequantize_rows, quantize_rows
from videosketcher_app.models.text import MAX_TOKENS, PocketTokenizer
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.vae import PocketVAE, VaeConfig
from videosketcher_app.models.wan.forward import (
    BlockCausalAttention,
    dense_attention,
    predict_velocity,
)


@pytest.fixture(scope="module")
def tiny():
    return tiny_model()


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    sizes = VaeConfig(encoder_widths=(8, 8), decoder_widths=(8, 8, 8))
    return PocketVAE(sizes).eval().requires_grad_(False)


@pytest.mark.parametrize("cuts", [(1, 3, 4), (2, 5), (1, 2, 3, 4, 5, 6)])
def test_vae_decoded_in_chunks_equals_decoded_whole(vae, cuts):
    latents = torch.randn(1, 16, 7, 4, 6, generator=torch.Generator().manual_seed(1))
    whole = vae.decode(latents)
    state, pieces = None, []
    for start, end in zip((0, *cuts), (*cuts, 7), strict=True):
        frames, state = vae.decode_stream(latents[:, :, start:end], state)
        pieces.append(frames)
    assert whole.shape == (1, 3, 25, 32, 48)
    torch.testing.assert_close(torch.cat(pieces, dim=2), whole, atol=1e-6, rtol=0)


def test_vae_encoder_sees_no_future(vae):
    clip = torch.rand(1, 3, 17, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    changed = clip.clone()
    changed[:, :, 9:] = 1.0
    a, b = vae.encode(clip), vae.encode(changed)
    torch.testing.assert_close(a[:, :, :3], b[:, :, :3])
    assert not torch.allclose(a[:, :, 3:], b[:, :, 3:])


def test_grey_clips_are_encoded_as_their_twin_in_color(vae):
    grey = 2 * torch.rand(2, 9, 32, 48) - 1
    colored = grey[:, None].expand(-1, 3, -1, -1, -1)
    torch.testing.assert_close(vae.encode_grey(grey), vae.encode(colored), atol=2e-5, rtol=1e-4)


def test_hue_reaches_the_latents_and_comes_back_before_any_training(vae):
    paper = torch.ones(1, 3, 5, 16, 16)
    red, blue = paper.clone(), paper.clone()
    red[:, 1:, :, 4:12, 4:12] = -1
    blue[:, :2, :, 4:12, 4:12] = -1
    with torch.no_grad():
        difference = vae.decode(vae.encode(red)) - vae.decode(vae.encode(blue))
    inside = difference[0, :, -1, 6:10, 6:10].mean((1, 2))
    assert inside[0] > 0.02 > -0.02 > inside[2]


def test_our_forward_equals_diffsynths(tiny):
    from diffsynth.pipelines.wan_video import model_fn_wan_video

    random = torch.Generator().manual_seed(3)
    x = torch.randn(1, input_channels(), 5, 6, 9, generator=random)
    context = torch.randn(1, 12, 32, generator=random)
    with torch.no_grad():
        ours = predict_velocity(tiny.transformer, x, torch.tensor([[613.0]]), context)
        theirs = model_fn_wan_video(
            dit=tiny.transformer, latents=x, timestep=torch.tensor([613.0]), context=context
        )
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_block_causal_attention_equals_its_masked_twin():
    random = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(2, 2, 14, 8, generator=random) for _ in range(3))
    block = torch.arange(14) // 4
    mask = block[:, None] >= block[None, :]
    slow = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(BlockCausalAttention(4)(q, k, v), slow)
    assert not torch.allclose(dense_attention(q, k, v), slow)


def test_block_causal_pass_ignores_later_blocks(tiny):
    random = torch.Generator().manual_seed(5)
    x = torch.randn(1, input_channels(), 6, 6, 6, generator=random)
    later = x.clone()
    later[:, :, 3:] += 1
    context = torch.randn(1, 4, 32, generator=random)
    times = torch.tensor([[0.0, 0.0, 0.0, 700.0, 700.0, 700.0]])
    causal = BlockCausalAttention(3 * 4)
    with torch.no_grad():
        a = predict_velocity(tiny.transformer, x, times, context, attention=causal)
        b = predict_velocity(tiny.transformer, later, times, context, attention=causal)
    torch.testing.assert_close(a[:, :, :3], b[:, :, :3])
    assert not torch.allclose(a[:, :, 3:], b[:, :, 3:])


def test_chosen_latent_frames_pass_as_if_the_others_were_hidden(tiny):
    random = torch.Generator().manual_seed(6)
    clip = torch.randn(1, input_channels(), 7, 6, 6, generator=random)
    context = torch.randn(1, 4, 32, generator=random)
    chosen, times = [0, 2, 5], torch.tensor([[400.0]])
    tokens = torch.arange(7 * 4).unflatten(0, (7, 4))[chosen].flatten()

    def hiding(q, k, v):
        return dense_attention(q, k[:, :, tokens], v[:, :, tokens])

    with torch.no_grad():
        whole = predict_velocity(tiny.transformer, clip, times, context, attention=hiding)
        part = clip[:, :, chosen]
        some = predict_velocity(tiny.transformer, part, times, context, positions=chosen)
        wrong = predict_velocity(tiny.transformer, part, times, context)
    torch.testing.assert_close(some, whole[:, :, chosen])
    assert not torch.allclose(wrong, some)


def test_time_coordinate_stays_at_the_clips_end():
    late = coordinate_channels(3, 2, 2, first_frame=CLIP_LATENT_FRAMES + 40)
    end = coordinate_channels(1, 2, 2, first_frame=CLIP_LATENT_FRAMES - 1)
    torch.testing.assert_close(late, end.expand(-1, 3, -1, -1))


def test_a_condition_frame_fills_its_channels_and_mask():
    noisy = torch.zeros(1, 16, 2, 3, 3)
    coordinates = coordinate_channels(2, 3, 3)
    without = transformer_input(noisy, coordinates)
    held = transformer_input(noisy, coordinates, torch.ones_like(noisy))
    assert without.shape == held.shape == (1, input_channels(), 2, 3, 3)
    assert without[:, 40:].abs().max() == 0
    assert held[:, 40:].min() == 1


def test_int8_rows_lose_less_than_half_a_step():
    weights = {"a": torch.randn(64, 128), "small": torch.randn(8)}
    back = dequantize_rows(quantize_rows(weights))
    step = weights["a"].abs().amax(1, keepdim=True) / 127
    assert ((back["a"] - weights["a"]).abs() <= 0.52 * step + 1e-3).all()
    torch.testing.assert_close(back["small"], weights["small"], atol=2e-3, rtol=1e-3)


def test_unknown_words_are_spelled_and_long_prompts_cut():
    tokenizer = PocketTokenizer(("cat", "a"))
    known = tokenizer.encode("a cat")
    assert len(known) == 3
    assert len(tokenizer.encode("a cot")) == 5
    assert tokenizer.encode("À CAT") == known
    assert len(tokenizer.encode("cat " * 999)) == MAX_TOKENS
    assert PocketTokenizer.from_json(tokenizer.to_json()).encode("a cat") == known


def test_a_saved_model_draws_the_same(tiny, tmp_path):
    tiny.save(tmp_path, quantized=False)
    again = load_pocket(tmp_path, dtype=torch.float32)
    x = torch.randn(1, *tiny.latent_shape(9, 96, 144))
    a = tiny.velocity(x, 0.7, tiny.encode_prompts(["a cat"]))
    b = again.velocity(x, 0.7, again.encode_prompts(["a cat"]))
    torch.testing.assert_close(a, b, atol=5e-3, rtol=1e-2)


def test_weights_of_another_size_are_refused(tiny, tmp_path):
    tiny.save(tmp_path)
    (tmp_path / "vae.safetensors").write_bytes((tmp_path / "transformer.safetensors").read_bytes())
    with pytest.raises(DamagedModel, match=r"vae\.safetensors"):
        load_pocket(tmp_path)


def test_every_shipped_model_is_as_the_catalogue_says():
    here = [row["name"] for row in list_models() if row["here"]]
    assert "pocket-t2v" in here
    for name in here:
        verify_model(name)


def test_missing_and_unknown_models_say_what_to_do():
    with pytest.raises(MissingModel, match="not on this disk"):
        load_text_model("wan2.1-t2v-14b")
    with pytest.raises(InvalidRequest, match="no model named"):
        load_text_model("nothing")


def test_drawing_first_does_not_spoil_training_after(tiny):
    x = torch.randn(1, input_channels(), 3, 12, 15)
    context, time = torch.zeros(1, 4, 32), torch.tensor([[500.0]])
    with torch.inference_mode():
        predict_velocity(tiny.transformer, x, time, context)
    x.requires_grad_(True)
    predict_velocity(tiny.transformer, x, time, context).sum().backward()
    assert x.grad is not None
