"""Wan's networks as diffsynth has them, in the sizes that a file's shapes tell, without weights.

Parameters lie on the meta device until weights are put in their place, so that a network of 14
billion numbers costs nothing to build. What is no parameter (rotary tables, the VAE's mean and
deviation) is real from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_dit import WanModel
from diffsynth.models.wan_video_image_encoder import WanImageEncoder, XLMRobertaCLIP
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from diffsynth.models.wan_video_vae import VideoVAE_, WanVideoVAE
from torch import nn

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.image_condition import IMAGE_TO_VIDEO_CHANNELS, LATENT_CHANNELS
from videosketcher_app.models.wan.weights import (
    IMAGE,
    TEXT,
    TRANSFORMER,
    VAE,
    PartWeights,
    Shape,
    layers_of,
    shape_of,
)

HEAD_WIDTH = 128  # of every published Wan transformer
_EPSILON = 1e-6


def empty_network(weights: PartWeights, num_heads: int | None = None) -> nn.Module:
    """The network of a part, on the meta device, its tensors compared with the files'.

    Args:
        num_heads: of a transformer whose heads are not 128 wide.

    Raises:
        InvalidFile: names or shapes are not those of such a network.
    """
    with skip_model_initialization():
        network = _builder(weights, num_heads)
    weights.check(network)
    return network.eval().requires_grad_(False)


def _builder(weights: PartWeights, num_heads: int | None) -> nn.Module:
    shapes, source = weights.shapes, weights.source
    if weights.part == TRANSFORMER:
        return WanModel(**transformer_sizes(shapes, num_heads, source))
    builders = {TEXT: _text_encoder, VAE: _vae, IMAGE: _image_encoder}
    return builders[weights.part](shapes, source)


def transformer_sizes(
    shapes: Mapping[str, Shape], num_heads: int | None, source: str
) -> dict[str, Any]:
    """Arguments of `WanModel`.

    Raises:
        InvalidFile: it is another kind of transformer.
    """
    dim, in_dim, *patch = shape_of(shapes, "patch_embedding.weight", 5, source)
    heads = num_heads or max(1, dim // HEAD_WIDTH)
    third = dim // heads // 3
    if dim % heads or not third or third % 2:
        raise InvalidFile(
            f"{source} cannot be a Wan transformer: width {dim}, {heads} heads.",
            hint="Put num_heads into a config.json beside the file if its heads are not 128 wide.",
        )
    if in_dim not in (LATENT_CHANNELS, IMAGE_TO_VIDEO_CHANNELS):
        raise InvalidFile(
            f"{source} reads {in_dim} channels; text-to-video reads {LATENT_CHANNELS}, "
            f"image-to-video {IMAGE_TO_VIDEO_CHANNELS}.",
            hint="Choose one of the published models.",
        )
    has_image = "img_emb.proj.1.weight" in shapes
    return {
        "dim": dim,
        "in_dim": in_dim,
        "ffn_dim": shape_of(shapes, "blocks.0.ffn.0.weight", 2, source)[0],
        "out_dim": shape_of(shapes, "head.head.weight", 2, source)[0] // (patch[1] * patch[2]),
        "text_dim": shape_of(shapes, "text_embedding.0.weight", 2, source)[1],
        "freq_dim": shape_of(shapes, "time_embedding.0.weight", 2, source)[1],
        "eps": _EPSILON,
        "patch_size": tuple(patch),
        "num_heads": heads,
        "num_layers": layers_of(shapes, "blocks."),
        "has_image_input": has_image,
        "has_image_pos_emb": "img_emb.emb_pos" in shapes,
        "require_vae_embedding": in_dim == IMAGE_TO_VIDEO_CHANNELS,
        "require_clip_embedding": has_image,
    }


def _text_encoder(shapes: Mapping[str, Shape], source: str) -> WanTextEncoder:
    vocabulary, dim = shape_of(shapes, "token_embedding.weight", 2, source)
    buckets, heads = shape_of(shapes, "blocks.0.pos_embedding.embedding.weight", 2, source)
    return WanTextEncoder(
        vocab=vocabulary,
        dim=dim,
        dim_attn=shape_of(shapes, "blocks.0.attn.q.weight", 2, source)[0],
        dim_ffn=shape_of(shapes, "blocks.0.ffn.fc1.weight", 2, source)[0],
        num_heads=heads,
        num_layers=layers_of(shapes, "blocks."),
        num_buckets=buckets,
        shared_pos=False,
    )


def _vae(shapes: Mapping[str, Shape], source: str) -> WanVideoVAE:
    """The published layout in any width; one of another depth is refused by its names."""
    width = shape_of(shapes, "model.encoder.conv1.weight", 5, source)[0]
    vae = WanVideoVAE(z_dim=LATENT_CHANNELS)
    vae.model = VideoVAE_(dim=width, z_dim=LATENT_CHANNELS)
    return vae


def _image_encoder(shapes: Mapping[str, Shape], source: str) -> WanImageEncoder:
    """Only the visual half; its width is fixed by what the transformer reads."""
    dim = shape_of(shapes, "model.visual.patch_embedding.weight", 4, source)[0]
    first = "model.visual.transformer.0.mlp.0.weight"
    sizes: dict[str, Any] = {
        "vision_dim": dim,
        "vision_mlp_ratio": shape_of(shapes, first, 2, source)[0] / dim,
        "vision_layers": layers_of(shapes, "model.visual.transformer."),
        "embed_dim": shape_of(shapes, "model.visual.head", 2, source)[1],
    }
    encoder = WanImageEncoder()
    encoder.model = XLMRobertaCLIP(**sizes)
    return encoder
