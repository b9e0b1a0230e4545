"""Wan's decoder in channels-last layout equals diffsynth's own."""

from __future__ import annotations

import pytest
import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE
from torch._dynamo.utils import counters

from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder


def random_vae(widths=(1, 2, 4, 4)):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        with skip_model_initialization():
            made = WanVideoVAE(z_dim=16)
        model = VideoVAE_(dim=4, z_dim=16, dim_mult=[*widths], num_res_blocks=1)
        made.model = model.eval().requires_grad_(False)
        for parameter in made.model.parameters():
            torch.nn.init.normal_(parameter, std=0.1 if parameter.ndim > 1 else 0.3)
    return made


@pytest.fixture(scope="module")
def vae():
    return random_vae()


def some_latents(frames, rows=4, columns=6):
    random = torch.Generator().manual_seed(frames)
    return torch.randn(1, 16, frames, rows, columns, generator=random)


def kept(past) -> list[torch.Tensor]:
    """What every convolution remembers, of a clip that has begun."""
    assert past
    assert all(part is not None for part in past)
    return [*past]


@pytest.mark.parametrize(("frames", "at_a_time"), [(1, 4), (2, 4), (6, 1), (6, 2), (6, 4), (6, 9)])
def test_decodes_what_diffsynth_decodes(vae, frames, at_a_time):
    latents = some_latents(frames)
    with torch.no_grad():
        expected = vae.decode(latents, device="cpu")
    decoded = ChannelsLastDecoder(vae, latents_at_a_time=at_a_time).decode(latents)
    assert decoded.shape == (1, 3, 4 * frames - 3, 32, 48)
    torch.testing.assert_close(decoded, expected, atol=2e-6, rtol=1e-4)


def test_streams_frames_as_soon_as_they_are_there(vae):
    latents = some_latents(6)
    decoder = ChannelsLastDecoder(vae, latents_at_a_time=2)
    pieces = list(decoder.stream(latents))
    assert [piece.shape[2] for piece in pieces] == [1, 8, 8, 4]
    assert torch.equal(torch.cat(pieces, dim=2), decoder.decode(latents))


def test_pieces_in_several_calls_equal_the_whole(vae):
    latents = some_latents(7)
    decoder = ChannelsLastDecoder(vae, latents_at_a_time=1)
    first, *others = latents.split(3, dim=2)
    frames, past = decoder.decode_stream(first, None)
    pieces = [frames]
    for piece in others:
        before = [part.clone() for part in kept(past)]
        frames, after = decoder.decode_stream(piece, past)
        assert all(map(torch.equal, kept(past), before)), "it stays as it is"
        pieces.append(frames)
        past = after
    assert [piece.shape[2] for piece in pieces] == [9, 12, 4]
    whole = ChannelsLastDecoder(vae).decode(latents)
    torch.testing.assert_close(torch.cat(pieces, dim=2), whole, atol=1e-6, rtol=1e-5)


def test_remembers_two_frames_a_convolution_and_no_more(vae):
    _, past = ChannelsLastDecoder(vae).decode_stream(some_latents(5), None)
    for part in kept(past):
        assert len(part) == 2
        assert part.untyped_storage().nbytes() == part.nbytes


def test_the_weights_of_the_vae_stay_as_they_are(vae):
    before = {name: (p.data_ptr(), p.stride()) for name, p in vae.model.named_parameters()}
    ChannelsLastDecoder(vae).decode(some_latents(1))
    after = {name: (p.data_ptr(), p.stride()) for name, p in vae.model.named_parameters()}
    assert after == before


@pytest.mark.slow
def test_compiled_it_decodes_the_same_and_canvases_share_the_code():
    vae = random_vae(widths=(1, 1, 1, 1))  # fewer kernels to compile
    plain = ChannelsLastDecoder(vae, compiles=False)
    compiled = ChannelsLastDecoder(vae, compiles=True)
    graphs = []
    for frames, rows, columns in ((6, 4, 6), (6, 6, 4), (3, 2, 6)):
        latents = some_latents(frames, rows, columns)
        torch.testing.assert_close(
            compiled.decode(latents), plain.decode(latents), atol=2e-6, rtol=1e-4
        )
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs[0] > 0
    assert graphs[2] == graphs[1], "a third canvas is compiled anew"
