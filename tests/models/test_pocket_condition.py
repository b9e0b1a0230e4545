"""Pocket's condition: latents and mask of the frame behind the coordinates, in every latent frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from videosketcher_app.models.catalogue import brush_model_of, load_text_model
from videosketcher_app.models.coordinates import (
    COORDINATE_CHANNELS,
    coordinate_channels,
    input_channels,
    transformer_input,
)
from videosketcher_app.models.tiny import tiny_model

FRAME = np.random.default_rng(1).integers(0, 256, (96, 144, 3), dtype=np.uint8)


def test_the_condition_is_the_first_latent_frame_of_a_clip_that_begins_with_it():
    model = tiny_model(image_conditioned=True).conditioned(FRAME)
    clip = torch.from_numpy(FRAME).permute(2, 0, 1)[None, :, None].float() / 127.5 - 1
    latents = model.vae.encode(clip.expand(-1, -1, 9, -1, -1))
    assert model.condition_BCFhw.shape == (1, 16, 1, 12, 18)
    torch.testing.assert_close(model.condition_BCFhw, latents[:, :, :1])


def test_it_fills_the_channels_behind_the_coordinates():
    noisy, coordinates = torch.zeros(2, 16, 3, 12, 18), coordinate_channels(3, 12, 18)
    condition = torch.full((2, 16, 3, 12, 18), 7.0)
    x = transformer_input(noisy, coordinates, condition)
    start = 16 + COORDINATE_CHANNELS
    assert x.shape[1] == input_channels() == start + 17
    assert (x[:, start : start + 16] == 7).all()
    assert (x[:, -1] == 1).all(), "the mask"
    assert (transformer_input(noisy, coordinates)[:, start:] == 0).all()


def test_a_text_model_takes_no_condition():
    with pytest.raises(AssertionError, match="knows no condition frames"):
        tiny_model().conditioned(FRAME)


def test_the_catalogue_names_who_draws_with_a_brush():
    assert brush_model_of("tiny-brush") == "tiny-brush"
    assert brush_model_of("tiny") == "tiny", "no kin: its strokes are painted again"
    assert load_text_model("tiny-brush").image_conditioned
    assert not load_text_model("tiny").image_conditioned
