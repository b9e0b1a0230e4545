"""The tiny family: Pocket's networks at a few kilobytes with random weights, for tests.

It draws noise, but every path of the product runs on it in well under a second.
"""

from __future__ import annotations

import torch

from videosketcher_app.models.coordinates import input_channels
from videosketcher_app.models.pocket import ModelDefaults, PocketModel
from videosketcher_app.models.text import PocketTextEncoder, PocketTokenizer, TextConfig
from videosketcher_app.models.vae import PocketVAE, VaeConfig
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

TINY_WORDS = ("a", "cat", "head", "circle", "sketch", "of", "step", "by", "the")


def tiny_model(
    seed: int = 0, *, name: str = "tiny", image_conditioned: bool = False
) -> PocketModel:
    """A random model, the same for the same seed; leaves torch's global generator as it was.

    Args:
        image_conditioned: it draws with a brush, from a condition frame.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = PocketTokenizer(TINY_WORDS)
        config = TransformerConfig(
            dim=48,
            in_dim=input_channels(),
            ffn_dim=64,
            text_dim=32,
            freq_dim=32,
            num_heads=2,
            num_layers=2,
        )
        text = TextConfig(vocabulary=len(tokenizer), width=32, layers=1, heads=2)
        vae = VaeConfig(
            encoder_widths=(8, 8), decoder_widths=(8, 8, 8), encoder_memory=1, decoder_memory=1
        )
        model = PocketModel(
            name=name,
            image_conditioned=image_conditioned,
            transformer=build_transformer(config),
            text_encoder=PocketTextEncoder(text),
            vae=PocketVAE(vae),
            tokenizer=tokenizer,
            transformer_config=config,
            defaults=ModelDefaults(num_inference_steps=2, width=144, height=96),
        )
    return model.to("cpu", torch.float32)
