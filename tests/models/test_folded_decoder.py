"""Wan's decoder in folded 2-D convolutions equals diffsynth's own."""

from __future__ import annotations

import pytest
import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE

from videosketcher_app.models.wan.folded_decoder import FoldedDecoder


@pytest.fixture(scope="module")
def vae():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        with skip_model_initialization():
            made = WanVideoVAE(z_dim=16)
        made.model = VideoVAE_(dim=4, z_dim=16, num_res_blocks=1).eval().requires_grad_(False)
        for parameter in made.model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.1)
    return made


@pytest.mark.parametrize(("frames", "at_a_time"), [(1, 4), (2, 4), (6, 1), (6, 2), (6, 4), (6, 9)])
def test_decodes_what_diffsynth_decodes(vae, frames, at_a_time):
    latents = torch.randn(1, 16, frames, 4, 6, generator=torch.Generator().manual_seed(frames))
    with torch.no_grad():
        expected = vae.decode(latents, device="cpu")
    decoded = FoldedDecoder(vae, latents_at_a_time=at_a_time).decode(latents)
    assert decoded.shape == (1, 3, 4 * frames - 3, 32, 48)
    torch.testing.assert_close(decoded, expected, atol=2e-6, rtol=1e-4)


def test_streams_frames_as_soon_as_they_are_there(vae):
    latents = torch.randn(1, 16, 6, 4, 6, generator=torch.Generator().manual_seed(7))
    decoder = FoldedDecoder(vae, latents_at_a_time=2)
    pieces = list(decoder.stream(latents))
    assert [piece.shape[2] for piece in pieces] == [1, 8, 8, 4]
    assert torch.equal(torch.cat(pieces, dim=2), decoder.decode(latents))


def test_pieces_in_several_calls_equal_the_whole(vae):
    latents = torch.randn(1, 16, 7, 4, 6, generator=torch.Generator().manual_seed(8))
    decoder = FoldedDecoder(vae, latents_at_a_time=1)
    past, pieces = None, []
    for piece in latents.split(3, dim=2):
        before = None if past is None else [id(part) for part in past]
        frames, after = decoder.decode_stream(piece, past)
        assert past is None or [id(part) for part in past] == before, "it stays as it is"
        pieces.append(frames)
        past = after
    assert [piece.shape[2] for piece in pieces] == [9, 12, 4]
    whole = decoder.decode(latents)
    torch.testing.assert_close(torch.cat(pieces, dim=2), whole, atol=1e-6, rtol=1e-5)
