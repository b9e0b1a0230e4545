"""The published networks: the name and shape of every tensor that their files hold.

Written as rules, and compared with the real networks by a test. Sizes of the transformers are those
of the Wan 2.1 release; the tiny decoder's are the TAEHV's for Wan 2.1 (`taew2_1`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod

Shapes = dict[str, tuple[int, ...]]
_CLIP_WIDTH, _T5_WIDTH = 1280, 4096


@dataclass(frozen=True, kw_only=True)
class WanShape:
    """Size of a Wan transformer.

    Attributes:
        in_dim: channels that it reads: 16, or 36 with a condition frame beside the latents.
        with_image: it attends to an image encoder's tokens beside the words.
    """

    dim: int
    ffn_dim: int
    num_layers: int
    in_dim: int = 16
    out_dim: int = 16
    text_dim: int = 4096
    freq_dim: int = 256
    patch: int = 2
    with_image: bool = False


WAN_NETWORKS: dict[str, WanShape] = {
    "wan-t2v-14b": WanShape(dim=5120, ffn_dim=13824, num_layers=40),
    "wan-t2v-1.3b": WanShape(dim=1536, ffn_dim=8960, num_layers=30),
    "wan-i2v-14b": WanShape(dim=5120, ffn_dim=13824, num_layers=40, in_dim=36, with_image=True),
}
LABELS = {
    "wan-t2v-14b": "Wan 2.1 T2V 14B transformer",
    "wan-t2v-1.3b": "Wan 2.1 T2V 1.3B transformer",
    "wan-i2v-14b": "Wan 2.1 I2V 14B transformer",
    "umt5-xxl": "UMT5-XXL text encoder",
    "wan2.1-vae": "Wan 2.1 VAE",
    "clip-vit-h": "CLIP ViT-H image encoder",
    "taew2.1": "tiny decoder for Wan 2.1",
}


@cache
def shapes_of(network: str) -> Mapping[str, tuple[int, ...]]:
    """Name and shape of every tensor of a published network."""
    if network in WAN_NETWORKS:
        return wan_shapes(WAN_NETWORKS[network])
    return _OTHERS[network]()


def num_values(network: str) -> int:
    """Numbers in all tensors of a published network."""
    return sum(prod(shape) for shape in shapes_of(network).values())


def wan_shapes(size: WanShape) -> Shapes:
    """Tensors of a Wan transformer, under its own names."""
    d = size.dim
    shapes: Shapes = {"patch_embedding.weight": (d, size.in_dim, 1, size.patch, size.patch)}
    shapes["patch_embedding.bias"] = (d,)
    shapes |= _linear("text_embedding.0", d, size.text_dim) | _linear("text_embedding.2", d, d)
    shapes |= _linear("time_embedding.0", d, size.freq_dim) | _linear("time_embedding.2", d, d)
    shapes |= _linear("time_projection.1", 6 * d, d)
    for index in range(size.num_layers):
        block = _wan_block(size)
        shapes |= {f"blocks.{index}.{name}": shape for name, shape in block.items()}
    shapes["head.modulation"] = (1, 2, d)
    shapes |= _linear("head.head", size.out_dim * size.patch**2, d)
    if size.with_image:
        shapes |= _norm("img_emb.proj.0", _CLIP_WIDTH)
        shapes |= _linear("img_emb.proj.1", _CLIP_WIDTH, _CLIP_WIDTH)
        shapes |= _linear("img_emb.proj.3", d, _CLIP_WIDTH) | _norm("img_emb.proj.4", d)
    return shapes


def _wan_block(size: WanShape) -> Shapes:
    d, shapes = size.dim, {"modulation": (1, 6, size.dim)}
    for attention in ("self_attn", "cross_attn"):
        for part in ("q", "k", "v", "o"):
            shapes |= _linear(f"{attention}.{part}", d, d)
        shapes |= {f"{attention}.norm_q.weight": (d,), f"{attention}.norm_k.weight": (d,)}
    if size.with_image:
        shapes |= _linear("cross_attn.k_img", d, d) | _linear("cross_attn.v_img", d, d)
        shapes["cross_attn.norm_k_img.weight"] = (d,)
    shapes |= _norm("norm3", d)
    return shapes | _linear("ffn.0", size.ffn_dim, d) | _linear("ffn.2", d, size.ffn_dim)


def _umt5_shapes() -> Shapes:
    d, ffn, heads, layers = _T5_WIDTH, 10240, 64, 24
    shapes: Shapes = {"token_embedding.weight": (256384, d), "norm.weight": (d,)}
    for index in range(layers):
        shapes |= {f"blocks.{index}.norm{n}.weight": (d,) for n in (1, 2)}
        shapes |= {f"blocks.{index}.attn.{part}.weight": (d, d) for part in "qkvo"}
        shapes |= {
            f"blocks.{index}.ffn.gate.0.weight": (ffn, d),
            f"blocks.{index}.ffn.fc1.weight": (ffn, d),
            f"blocks.{index}.ffn.fc2.weight": (d, ffn),
            f"blocks.{index}.pos_embedding.embedding.weight": (32, heads),
        }
    return shapes


def _clip_shapes() -> Shapes:
    """The visual tower and the scale; the published file has a textual tower too."""
    d, layers = _CLIP_WIDTH, 32
    shapes: Shapes = {
        "log_scale": (),
        "visual.cls_embedding": (1, 1, d),
        "visual.pos_embedding": (1, 257, d),
        "visual.head": (d, 1024),
        "visual.patch_embedding.weight": (d, 3, 14, 14),
    }
    shapes |= _norm("visual.pre_norm", d) | _norm("visual.post_norm", d)
    for index in range(layers):
        layer = f"visual.transformer.{index}"
        shapes |= _norm(f"{layer}.norm1", d) | _norm(f"{layer}.norm2", d)
        shapes |= _linear(f"{layer}.attn.to_qkv", 3 * d, d) | _linear(f"{layer}.attn.proj", d, d)
        shapes |= _linear(f"{layer}.mlp.0", 4 * d, d) | _linear(f"{layer}.mlp.2", d, 4 * d)
    return shapes


def _vae_shapes() -> Shapes:
    widths = (96, 192, 384, 384)
    shapes = _conv3("encoder.conv1", 96, 3) | _conv3("decoder.conv1", 384, 16)
    shapes |= _vae_encoder(widths) | _vae_decoder((384, *reversed(widths)))
    for tower, width, out in (("encoder", 384, 32), ("decoder", 96, 3)):
        shapes |= {f"{tower}.head.0.gamma": (width, 1, 1, 1)}
        shapes |= _conv3(f"{tower}.head.2", out, width)
    for conv, channels in (("conv1", 32), ("conv2", 16)):
        shapes |= {f"{conv}.weight": (channels, channels, 1, 1, 1), f"{conv}.bias": (channels,)}
    return shapes


def _vae_encoder(widths: tuple[int, ...]) -> Shapes:
    """Two residual blocks a level, then a halving in space, and from the second level on in time."""
    shapes, index, before = _vae_middle("encoder"), 0, widths[0]
    for level, width in enumerate(widths):
        for _ in range(2):
            shapes |= _vae_residual(f"encoder.downsamples.{index}", width, before)
            index, before = index + 1, width
        if level < len(widths) - 1:
            name = f"encoder.downsamples.{index}"
            shapes |= {
                f"{name}.resample.1.weight": (width, width, 3, 3),
                f"{name}.resample.1.bias": (width,),
            }
            if level:
                shapes |= _time_conv(name, width, width)
            index += 1
    return shapes


def _vae_decoder(widths: tuple[int, ...]) -> Shapes:
    """Three residual blocks a level, then a doubling that halves the channels."""
    shapes, index = _vae_middle("decoder"), 0
    levels = list(pairwise(widths))
    for level, (before, width) in enumerate(levels):
        before = before // 2 if level else before  # the doubling before it halved them
        for _ in range(3):
            shapes |= _vae_residual(f"decoder.upsamples.{index}", width, before)
            index, before = index + 1, width
        if level < len(levels) - 1:
            name = f"decoder.upsamples.{index}"
            shapes |= {
                f"{name}.resample.1.weight": (width // 2, width, 3, 3),
                f"{name}.resample.1.bias": (width // 2,),
            }
            if level < 2:
                shapes |= _time_conv(name, 2 * width, width)
            index += 1
    return shapes


def _vae_middle(tower: str) -> Shapes:
    shapes = _vae_residual(f"{tower}.middle.0", 384, 384)
    shapes |= _vae_residual(f"{tower}.middle.2", 384, 384)
    shapes[f"{tower}.middle.1.norm.gamma"] = (384, 1, 1)
    for part, out in (("to_qkv", 1152), ("proj", 384)):
        shapes |= {f"{tower}.middle.1.{part}.weight": (out, 384, 1, 1)}
        shapes[f"{tower}.middle.1.{part}.bias"] = (out,)
    return shapes


def _vae_residual(name: str, out: int, inputs: int) -> Shapes:
    shapes: Shapes = {
        f"{name}.residual.0.gamma": (inputs, 1, 1, 1),
        f"{name}.residual.3.gamma": (out, 1, 1, 1),
    }
    shapes |= _conv3(f"{name}.residual.2", out, inputs) | _conv3(f"{name}.residual.6", out, out)
    if out != inputs:
        shapes |= {
            f"{name}.shortcut.weight": (out, inputs, 1, 1, 1),
            f"{name}.shortcut.bias": (out,),
        }
    return shapes


def _taew_shapes() -> Shapes:
    return _taew_encoder() | _taew_decoder()


def _taew_encoder() -> Shapes:
    width, latent = 64, 16
    shapes, index = _conv2("encoder.0", width, 3), 2
    for stride in (2, 2, 1):  # of time; space is halved each time
        shapes[f"encoder.{index}.conv.weight"] = (width, stride * width, 1, 1)
        shapes[f"encoder.{index + 1}.weight"] = (width, width, 3, 3)
        for block in range(index + 2, index + 5):
            shapes |= _memory_block(f"encoder.{block}", width)
        index += 5
    return shapes | _conv2(f"encoder.{index}", latent, width)


def _taew_decoder() -> Shapes:
    widths, latent = (256, 128, 64, 64), 16
    shapes, index = _conv2("decoder.1", widths[0], latent), 3
    for width, after, grow in zip(widths, widths[1:], (1, 2, 2), strict=False):
        for block in range(index, index + 3):
            shapes |= _memory_block(f"decoder.{block}", width)
        # Behind the three blocks stands a doubling without weights.
        shapes[f"decoder.{index + 4}.conv.weight"] = (grow * width, width, 1, 1)
        shapes[f"decoder.{index + 5}.weight"] = (after, width, 3, 3)
        index += 6
    return shapes | _conv2(f"decoder.{index + 1}", 3, widths[-1])


def _memory_block(name: str, width: int) -> Shapes:
    """Three convolutions over a frame beside the one before it."""
    shapes = _conv2(f"{name}.conv.0", width, 2 * width)
    return shapes | _conv2(f"{name}.conv.2", width, width) | _conv2(f"{name}.conv.4", width, width)


def _linear(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (out, inputs), f"{name}.bias": (out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _conv3(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (out, inputs, 3, 3, 3), f"{name}.bias": (out,)}


def _conv2(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (out, inputs, 3, 3), f"{name}.bias": (out,)}


def _time_conv(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.time_conv.weight": (out, inputs, 3, 1, 1), f"{name}.time_conv.bias": (out,)}


_OTHERS: dict[str, Callable[[], Shapes]] = {
    "umt5-xxl": _umt5_shapes,
    "wan2.1-vae": _vae_shapes,
    "clip-vit-h": _clip_shapes,
    "taew2.1": _taew_shapes,
}
