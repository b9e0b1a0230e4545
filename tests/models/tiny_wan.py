"""Wan image-to-video pipelines of random weights, small enough for a test."""

from __future__ import annotations

import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_dit import WanModel
from diffsynth.models.wan_video_image_encoder import WanImageEncoder, XLMRobertaCLIP
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE
from diffsynth.pipelines.wan_video import WanVideoPipeline

TOKENS = 512


class ByteTokenizer:
    """A prompt's bytes as tokens."""

    def __call__(self, text, return_mask=True, add_special_tokens=True):
        ids = torch.zeros(1, TOKENS, dtype=torch.long)
        given = torch.tensor([*text.encode()[: TOKENS - 1], 1])
        ids[0, : len(given)] = given
        return ids, (ids > 0).long()


def tiny_pipeline(
    *, in_dim: int = 36, clip: bool = False, seed: int = 0, require_vae_embedding: bool = True
) -> WanVideoPipeline:
    """A pipeline in Wan 2.2's style, or with `clip` in that of Wan 2.1.

    One that draws from text has 16 channels and no VAE embedding.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with skip_model_initialization():
            vae, image_encoder = WanVideoVAE(z_dim=16), WanImageEncoder()
        vae.model = VideoVAE_(dim=4, z_dim=16, num_res_blocks=1, dim_mult=[1, 1, 1, 1])
        dit = WanModel(
            dim=48,
            in_dim=in_dim,
            ffn_dim=64,
            out_dim=16,
            text_dim=32,
            freq_dim=32,
            eps=1e-6,
            patch_size=(1, 2, 2),
            num_heads=2,
            num_layers=1,
            has_image_input=clip,
            require_clip_embedding=clip,
            require_vae_embedding=require_vae_embedding,
        )
        text = WanTextEncoder(vocab=258, dim=32, dim_attn=32, dim_ffn=32, num_heads=2, num_layers=1)
        pipe = WanVideoPipeline(device="cpu", torch_dtype=torch.float32)
        pipe.dit, pipe.vae, pipe.text_encoder = dit, vae, text
        pipe.tokenizer = ByteTokenizer()
        if clip:
            image_encoder.model = XLMRobertaCLIP(
                vision_layers=2, vision_mlp_ratio=0.05, embed_dim=16
            )
            pipe.image_encoder = image_encoder
        pipe.to(dtype=torch.float32, device="cpu")
        for module in (dit, vae.model, text, *([image_encoder] if clip else [])):
            module.eval().requires_grad_(False)
        for parameter in dit.parameters():  # a zero output layer would hide every difference
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.05)
    return pipe
