"""A causal Wan from its published file draws block by block, with a VAE that is fed in pieces."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.models import published_wan
from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.engines.autoregressive import timesteps_for, timesteps_of
from videosketcher_app.engines.causal_drawing import CausalDrawing
from videosketcher_app.models.studio import load_studio
from videosketcher_app.models.wan.causal_model import as_causal
from videosketcher_app.models.wan.streamed_vae import StreamedWanVae


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    files = {
        "mine": published_wan.write_generator(root / "mine" / "AR_1.3B.pt"),
        "umt5-xxl": published_wan.write_text_encoder(root / "umt5-xxl"),
        "wan2.1-vae": published_wan.write_vae(root / "wan2.1-vae"),
    }
    from videosketcher_app.models.memory_plan import MemoryPlan

    plan = MemoryPlan(budget_bytes=1 << 40, weights_dtype="fp32")
    return as_causal(load_studio("mine", files, "cpu", plan=plan, cache=root / "cache"))


@torch.inference_mode()
def test_pieces_of_a_clip_equal_the_whole():
    pipe = tiny_pipeline(in_dim=16)
    vae = StreamedWanVae(pipe.vae)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 16, 7, 4, 4, generator=generator)
    whole = pipe.vae.decode(latents, device="cpu", tiled=False).clamp(-1, 1)
    state: Any = None
    pieces = []
    for piece in latents.split(3, dim=2):
        piece_frames, state = vae.decode_stream(piece, state)
        pieces.append(piece_frames)
    assert [piece.shape[2] for piece in pieces] == [9, 12, 4]
    assert torch.equal(torch.cat(pieces, dim=2), whole)
    clip = torch.rand(1, 3, 17, 32, 32, generator=generator) * 2 - 1
    expected = pipe.vae.encode([clip[0]], device="cpu", tiled=False)
    first, state = vae.encode_stream(clip[:, :, :9], None)
    before = [None if part is None else id(part) for part in state]
    then, _ = vae.encode_stream(clip[:, :, 9:], state)
    assert torch.equal(torch.cat([first, then], dim=2)[0], expected[0])
    assert [None if part is None else id(part) for part in state] == before


def drawn(model, blocks, seed=3):
    drawing = CausalDrawing(model, "a cat", width=64, height=48)
    frames = []
    for _ in range(blocks):
        *_, last = drawing.draw(seed=seed)
        frames.append(last.frames_BCTHW)
    return drawing, frames


def test_it_draws_shows_rewinds_and_forks(model):
    drawing, frames = drawn(model, 2)
    assert [piece.shape for piece in frames] == [(1, 3, 9, 48, 64), (1, 3, 12, 48, 64)]
    assert all(piece.isfinite().all() and piece.abs().max() <= 1 for piece in frames)
    branch = drawing.fork()
    drawing.rewind(1)
    *_, again = drawing.draw(seed=3)
    assert again.frames_BCTHW is not None
    assert torch.equal(again.frames_BCTHW, frames[1])
    shown = branch.show(torch.ones(1, 3, 12, 48, 64))
    assert shown.shape == (1, 16, 3, 6, 8)
    assert branch.num_blocks == 3
    for each in (branch, drawing):
        each.close()


def test_self_forcing_keeps_its_own_steps(model):
    own: Any = as_causal(model, "self-forcing")
    assert timesteps_for(own, None) == timesteps_for(own, 4) == (1000, 937.5, 2500 / 3, 625)
    assert timesteps_for(own, 2) == timesteps_of(2)
    assert timesteps_for(model, None) == (1000, 757, 522)
    assert own.causal().sigma_of(625) == pytest.approx(0.625)
    assert model.causal().sigma_of(757) == pytest.approx(0.756757, abs=1e-6)


def test_what_it_says_of_itself(model):
    assert model.defaults.num_causal_steps == 3
    assert model.causal().text_tokens == 512
    assert model.causal().transformer is model.transformer
    assert {id(p) for p in model.vae.parameters()} == {id(p) for p in model.pipe.vae.parameters()}
