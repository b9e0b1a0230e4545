"""The tiny decoder: the published layout, causal in time, and the previews of a streamed model."""

from __future__ import annotations

import pytest
import torch

from tests.models import published_wan
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.preview_decoder import PreviewDecoder
from videosketcher_app.models.studio import load_studio
from videosketcher_app.models.weights_folder import use_weights
from videosketcher_app.storage.tensors import write_safetensors

NAME, FILE = "wan2.1-t2v-1.3b", "taew2_1.safetensors"
LATENTS = (1, 16, 3, 4, 6)


@pytest.fixture(scope="module")
def decoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PreviewDecoder().eval()


def test_the_weights_are_named_as_published(decoder):
    shapes = {name: tuple(value.shape) for name, value in decoder.state_dict().items()}
    assert shapes["decoder.1.weight"] == (256, 16, 3, 3)
    assert shapes["decoder.3.conv.0.weight"] == (256, 512, 3, 3)
    assert shapes["decoder.13.conv.weight"] == (256, 128, 1, 1)
    assert shapes["decoder.22.bias"] == (3,)
    assert len(shapes) == 64


def test_frames_follow_from_latents_and_the_past_alone(decoder):
    latents = torch.randn(LATENTS, generator=torch.Generator().manual_seed(1))
    clip = decoder(latents)
    assert clip.shape == (1, 3, 9, 32, 48)
    assert float(clip.abs().max()) <= 1
    later = latents.clone()
    later[:, :, 2] = 0
    changed = decoder(later)
    assert torch.equal(changed[:, :, :5], clip[:, :, :5]), "the past does not see the future"
    assert not torch.equal(changed[:, :, 5:], clip[:, :, 5:])
    both = decoder(torch.cat([later, latents]))
    assert torch.allclose(both, torch.cat([changed, clip]), atol=1e-5), "clips do not mix"


@pytest.mark.parametrize("pieces", [[3, 3, 1], [1, 1, 5], [2, 5]])
def test_pieces_of_a_clip_equal_the_whole(decoder, pieces):
    latents = torch.randn(2, 16, 7, 4, 6, generator=torch.Generator().manual_seed(2))
    whole, decoded, state = decoder(latents), [], None
    for piece in latents.split(pieces, dim=2):
        seen = None if state is None else [part.clone() for part in state]
        frames, after = decoder.decode_stream(piece, state)
        assert state is None or all(map(torch.equal, seen, state)), "a fork may go on from it"
        decoded.append(frames)
        state = after
    assert [frames.shape[2] for frames in decoded] == [
        4 * pieces[0] - 3,
        *(4 * n for n in pieces[1:]),
    ]
    assert torch.allclose(torch.cat(decoded, dim=2), whole, atol=1e-5)


def test_it_shows_the_steps_of_a_streamed_model(decoder, tmp_path, caplog):
    files = published_wan.write_model(tmp_path / "models", NAME)
    plan = MemoryPlan(budget_bytes=1, weights_dtype="fp32", tier="stream_ram")

    def preview():
        model = load_studio(NAME, files, plan=plan, cache=tmp_path / "cache")
        return model.preview(torch.zeros(LATENTS))

    use_weights(tmp_path / "models")
    try:
        assert preview() is None, "the VAE would have to be brought for each of them"
        path = tmp_path / "models" / "tiny-decoder" / FILE
        unused = {"encoder.0.weight": torch.zeros(1)}
        write_safetensors(path, {**decoder.state_dict(), **unused})
        shown = preview()
        assert torch.equal(shown, decoder(torch.zeros(1, 16, 2, 4, 6)))
        write_safetensors(path, {"decoder.1.weight": torch.zeros(2)})
        assert preview() is None
        assert "previews are left out" in caplog.text
    finally:
        use_weights(None)
