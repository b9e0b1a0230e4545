"""The forward pass over a WanModel's modules: real-valued RoPE, a timestep per latent frame.

diffsynth's own pass rotates in complex float64, which is slow on a CPU and stops torch.compile,
and `WanModel.forward` of 2.1.12 cannot be called (facts: diffsynth, 7). This pass uses the same
modules and weights; a test equates it with diffsynth's `model_fn_wan_video`.

Legend: B batch, C channels, F latent frames, h/w patches, L = F*h*w tokens, A some of them, D width,
N heads, E head width, S text tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
WanPart = Any  # a WanModel or a module of it: what is in it, types cannot tell
MAX_PERIOD = 10000.0
IMAGE_TOKENS = 257  # of the image encoder: one for the whole picture, 16 x 16 for its parts
# Keys and values (B, N, S, E) of the words, one pair a layer; they last as long as the prompt.
PromptKeys = Sequence[tuple[Tensor, Tensor]]


def dense_attention(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
    """Every token sees every token."""
    return F.scaled_dot_product_attention(q_BNLE, k_BNLE, v_BNLE)


class BlockCausalAttention:
    """Tokens see their own block and all earlier ones (block by block, without a mask).

    Args:
        tokens_per_block: latent frames of a block times patches of a latent frame.
    """

    def __init__(self, tokens_per_block: int) -> None:
        self.tokens_per_block = tokens_per_block

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape; a last block may be shorter."""
        step, length = self.tokens_per_block, q_BNLE.shape[2]
        out = [
            dense_attention(
                q_BNLE[:, :, at : at + step],
                k_BNLE[:, :, : at + step],
                v_BNLE[:, :, : at + step],
            )
            for at in range(0, length, step)
        ]
        return torch.cat(out, dim=2)


@lru_cache(maxsize=16)
def rotary_table(
    head_width: int, frames: int, height: int, width: int, first_frame: int, device: str
) -> tuple[Tensor, Tensor]:
    """Cosine and sine (L, E/2) of the 3-D rotary embedding; time takes what thirds leave over.

    The cache outlives the caller, so the tables are ordinary tensors even under inference mode.
    """
    with torch.inference_mode(False):
        return _rotary_table(head_width, frames, height, width, first_frame, device)


def _rotary_table(
    head_width: int, frames: int, height: int, width: int, first_frame: int, device: str
) -> tuple[Tensor, Tensor]:
    third = head_width // 3
    # Made where it is used, or a drawing without end would wait for a copy at every block; some
    # devices have no float64.
    place = device if device.startswith("cuda") else "cpu"
    axes = []
    for size, first, count in (
        (head_width - 2 * third, first_frame, frames),
        (third, 0, height),
        (third, 0, width),
    ):
        exponent = torch.arange(0, size, 2, dtype=torch.float64, device=place)[: size // 2] / size
        position = torch.arange(first, first + count, dtype=torch.float64, device=place)
        axes.append(torch.outer(position, MAX_PERIOD**-exponent))
    t, y, x = axes
    shape = (frames, height, width, -1)
    angle = torch.cat(
        [
            t[:, None, None].expand(shape),
            y[None, :, None].expand(shape),
            x[None, None, :].expand(shape),
        ],
        dim=-1,
    ).reshape(frames * height * width, -1)
    return angle.cos().float().to(device), angle.sin().float().to(device)


def _frames_of_table(
    table: tuple[Tensor, Tensor], positions: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The rows of some latent frames, from a table that spans the first to the last of them."""
    span, chosen = positions[-1] + 1, torch.tensor(positions, device=table[0].device)
    cos, sin = (part.unflatten(0, (span, -1))[chosen].flatten(0, 1) for part in table)
    return cos, sin


def rotate(x_BNLE: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Rotates neighbouring pairs of every head by the table's angles."""
    cos, sin = table
    pairs = x_BNLE.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():
        # The same numbers without `stack`, which compilers write out in 32 bits and read again.
        sign = torch.arange(2, device=x_BNLE.device, dtype=torch.float32) * 2 - 1
        turned = pairs * cos[..., None] + pairs.flip(-1) * (sin[..., None] * sign)
        return turned.flatten(-2).to(x_BNLE.dtype)
    even, odd = pairs.unbind(-1)
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return turned.flatten(-2).to(x_BNLE.dtype)


def time_embedding(dit: WanPart, timesteps_BF: Tensor) -> tuple[Tensor, Tensor]:
    """Embedding (B, F, D) and modulation (B, F, 6, D) of timesteps in 0..1000, any float type."""
    half = dit.freq_dim // 2
    device = timesteps_BF.device
    exponent = torch.arange(half, device=device, dtype=torch.float32) / half
    angle = timesteps_BF.float()[..., None] * MAX_PERIOD**-exponent
    wave = torch.cat([angle.cos(), angle.sin()], dim=-1)
    # Not the weight's format: that may be one for storage only.
    embedding_BFD = dit.time_embedding(wave.to(dit.head.modulation.dtype))
    return embedding_BFD, dit.time_projection(embedding_BFD).unflatten(-1, (6, dit.dim))


def block_forward(
    block: WanPart,
    x_BLD: Tensor,
    context_BSD: Tensor | tuple[Tensor, Tensor],
    modulation_BF6D: Tensor,
    table: tuple[Tensor, Tensor],
    attention: Attention,
) -> Tensor:
    """One transformer block; the modulation differs by latent frame.

    Args:
        context_BSD: embedded words, or this layer's keys and values of them.
    """
    q, k, v = before_attention(block, x_BLD, modulation_BF6D, *table)
    return after_attention(block, x_BLD, attention(q, k, v), context_BSD, modulation_BF6D)


def before_attention(
    block: WanPart, x_BLD: Tensor, modulation_BF6D: Tensor, cos_LE: Tensor, sin_LE: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The block up to its attention: rotated queries and keys, and values (B, N, L, E)."""
    shift, scale, *_ = modulations(block, x_BLD, modulation_BF6D)
    normed = _modulate(block.norm1(x_BLD).to(x_BLD.dtype), shift, scale)
    module, table = block.self_attn, (cos_LE, sin_LE)
    q = rotate(heads_of(module.norm_q(module.q(normed)), module.num_heads), table)
    k = rotate(heads_of(module.norm_k(module.k(normed)), module.num_heads), table)
    return q, k, heads_of(module.v(normed), module.num_heads)


def after_attention(
    block: WanPart,
    x_BLD: Tensor,
    attended_BNLE: Tensor,
    context_BSD: Tensor | tuple[Tensor, Tensor],
    modulation_BF6D: Tensor,
    token_chunks: int = 1,
) -> Tensor:
    """The block from its attention's output on.

    Args:
        token_chunks: pieces that the feed-forward layer is computed in, to save memory.
    """
    _, _, gate1, shift2, scale2, gate2 = modulations(block, x_BLD, modulation_BF6D)
    mixed = block.self_attn.o(attended_BNLE.transpose(1, 2).flatten(2))
    x_BLD = x_BLD + _gate(mixed, gate1)
    words = block.cross_attn
    q = heads_of(words.norm_q(words.q(block.norm3(x_BLD).to(x_BLD.dtype))), words.num_heads)
    x_BLD = x_BLD + words.o(words_attended(words, q, context_BSD))
    normed = _modulate(block.norm2(x_BLD).to(x_BLD.dtype), shift2, scale2)
    if token_chunks == 1:
        return x_BLD + _gate(block.ffn(normed), gate2)
    fed = torch.cat([block.ffn(piece) for piece in normed.chunk(token_chunks, dim=1)], dim=1)
    return x_BLD + _gate(fed, gate2)


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPass:
    """One pass through the blocks, with all that they are given.

    Who wants fewer tokens, or the last pass's result again, makes another pass of this one.

    Attributes:
        contexts, attentions: one a block.
        grid: latent frames, rows and columns of the whole clip's tokens.
    """

    blocks: Iterable[WanPart]
    x_BLD: Tensor
    contexts: Sequence[Tensor | tuple[Tensor, Tensor]]
    modulation_BF6D: Tensor
    table: tuple[Tensor, Tensor]
    attentions: Sequence[Attention]
    run_block: Callable[..., Tensor]
    grid: tuple[int, int, int]

    def run(self) -> Tensor:
        """The tokens (B, L, D) after the last block."""
        x = self.x_BLD
        for block, context, attend in zip(self.blocks, self.contexts, self.attentions, strict=True):
            x = self.run_block(block, x, context, self.modulation_BF6D, self.table, attend)
        return x

    def narrowed(self, active_A: Tensor, attentions: Sequence[Attention]) -> BlockPass:
        """The pass for the tokens at these positions alone.

        Args:
            attentions: one a block; they know what the other tokens' keys are.
        """
        assert self.modulation_BF6D.shape[1] == 1, "all frames share one timestep"
        cos_LE, sin_LE = self.table
        return replace(
            self,
            x_BLD=self.x_BLD[:, active_A],
            table=(cos_LE[active_A], sin_LE[active_A]),
            attentions=attentions,
        )

    def widened(self, active_A: Tensor, out_BAD: Tensor) -> Tensor:
        """Computed tokens put back among the others, which come out as they went in."""
        return self.x_BLD.index_copy(1, active_A, out_BAD)


def prompt_keys(dit: WanPart, context_BSD: Tensor) -> PromptKeys:
    """What every pass over one prompt computes alike, once: (B, S, text_dim) -> keys by layer."""
    embedded = dit.text_embedding(context_BSD)
    return [_keys_of_words(block.cross_attn, embedded) for block in dit.blocks]


def with_condition(
    dit: WanPart,
    latents_BCFhw: Tensor,
    context_BSD: Tensor,
    clip_feature_BSD: Tensor | None,
    y_BCFhw: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """What a network reads besides words: its full input, and the tokens that every block reads.

    Args:
        latents_BCFhw: noisy; one for all rows of the context, or one a row.
        clip_feature_BSD: of the image encoder, for networks that read a picture in front of the words.
        y_BCFhw: mask and latents of a condition frame, for networks that draw by one.
    """
    tokens_BSD = dit.text_embedding(context_BSD)
    if clip_feature_BSD is not None and dit.require_clip_embedding:
        tokens_BSD = torch.cat([dit.img_emb(clip_feature_BSD), tokens_BSD], dim=1)
    x_BCFhw = latents_BCFhw.expand(len(tokens_BSD), -1, -1, -1, -1)
    if y_BCFhw is not None and dit.require_vae_embedding:
        x_BCFhw = torch.cat([x_BCFhw, y_BCFhw], dim=1)
    return x_BCFhw, tokens_BSD


def predict_velocity(
    dit: WanPart,
    latents_BCFHW: Tensor,
    timesteps_BF: Tensor,
    context_BSD: Tensor | PromptKeys | Sequence[Tensor],
    *,
    attention: Attention | Sequence[Attention] = dense_attention,
    first_frame: int = 0,
    positions: Sequence[int] | None = None,
    run_block: Callable[..., Tensor] = block_forward,
    through: Callable[[BlockPass], Tensor] = BlockPass.run,
) -> Tensor:
    """Velocity (noise - clean) of every latent: (B, 16, F, H, W).

    Args:
        latents_BCFHW: the network's full input, condition channels included.
        timesteps_BF: 1000 x sigma per latent frame, (B, F) or (B, 1).
        context_BSD: text embeddings of the text encoder, (B, S, text_dim), or `prompt_keys` of
            them, or what each layer reads, embedded already.
        attention: one for all layers or one a layer.
        first_frame: position of the first latent frame in RoPE.
        positions: of all latent frames, rising, when they do not follow each other.
        run_block: `block_forward`, or a compiled version of it.
        through: passes the tokens through the blocks, or through fewer (step caches).
    """
    contexts: Sequence[Tensor | tuple[Tensor, Tensor]]
    if isinstance(context_BSD, Tensor):
        contexts = [dit.text_embedding(context_BSD)] * len(dit.blocks)
    else:
        contexts = context_BSD
    embedding_BFD, modulation = time_embedding(dit, timesteps_BF)
    x = dit.patch_embedding(latents_BCFHW)
    frames, height, width = x.shape[2:]
    x = rearrange(x, "b d f h w -> b (f h w) d")
    head_width = dit.dim // dit.blocks[0].num_heads
    device = str(x.device)
    if positions is None:
        table = rotary_table(head_width, frames, height, width, first_frame, device)
    else:
        span = rotary_table(head_width, positions[-1] + 1, height, width, 0, device)
        table = _frames_of_table(span, positions)
    x = through(
        BlockPass(
            blocks=dit.blocks,
            x_BLD=x,
            contexts=contexts,
            modulation_BF6D=modulation,
            table=table,
            attentions=[attention] * len(dit.blocks) if callable(attention) else attention,
            run_block=run_block,
            grid=(frames, height, width),
        )
    )
    mods = (dit.head.modulation + embedding_BFD.unsqueeze(2)).to(x.dtype)
    shift, scale = mods.unsqueeze(3).unbind(2)
    x = dit.head.head(_modulate(dit.head.norm(x).to(x.dtype), shift, scale))
    patch_h, patch_w = dit.patch_size[1:]
    return rearrange(
        x,
        "b (f h w) (p q c) -> b c f (h p) (w q)",
        f=frames,
        h=height,
        w=width,
        p=patch_h,
        q=patch_w,
    )


def modulations(block: WanPart, x_BLD: Tensor, modulation_BF6D: Tensor) -> tuple[Tensor, ...]:
    """Shift, scale and gate (B, F, 1, D) of the attention, then of the feed-forward layer."""
    mods = (block.modulation + modulation_BF6D).to(x_BLD.dtype)
    return mods.unsqueeze(3).unbind(2)


def _modulate(x_BLD: Tensor, shift_BF1D: Tensor, scale_BF1D: Tensor) -> Tensor:
    frames = shift_BF1D.shape[1]
    clip = x_BLD.unflatten(1, (frames, -1))
    return (clip * (1 + scale_BF1D) + shift_BF1D).flatten(1, 2)


def _gate(x_BLD: Tensor, gate_BF1D: Tensor) -> Tensor:
    return (x_BLD.unflatten(1, (gate_BF1D.shape[1], -1)) * gate_BF1D).flatten(1, 2)


def heads_of(x_BLD: Tensor, heads: int) -> Tensor:
    """(B, L, D) -> (B, heads, L, E), a view."""
    return x_BLD.unflatten(-1, (heads, -1)).transpose(1, 2)


def _keys_of_words(module: WanPart, context_BSD: Tensor) -> tuple[Tensor, Tensor]:
    k = heads_of(module.norm_k(module.k(context_BSD)), module.num_heads)
    return k, heads_of(module.v(context_BSD), module.num_heads)


def words_attended(
    module: WanPart, q_BNLE: Tensor, context_BSD: Tensor | tuple[Tensor, Tensor]
) -> Tensor:
    """What queries (B, N, L, E) find in the words, before the output layer: (B, L, D).

    Image-to-video models read the tokens of a picture in front of the words, by other weights.
    """
    image_BSD = None
    if isinstance(context_BSD, Tensor) and module.has_image_input:
        image_BSD, context_BSD = context_BSD[:, :IMAGE_TOKENS], context_BSD[:, IMAGE_TOKENS:]
    words = context_BSD if isinstance(context_BSD, tuple) else _keys_of_words(module, context_BSD)
    seen = dense_attention(q_BNLE, *words)
    if image_BSD is not None:
        k = heads_of(module.norm_k_img(module.k_img(image_BSD)), module.num_heads)
        seen = seen + dense_attention(
            q_BNLE, k, heads_of(module.v_img(image_BSD), module.num_heads)
        )
    return seen.transpose(1, 2).flatten(2)
