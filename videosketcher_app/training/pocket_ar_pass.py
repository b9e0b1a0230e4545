"""The differentiable causal pass: all blocks of a clip at once, each noisy, its past clean.

Teacher forcing in two passes over one set of weights. The first sees clean latents at timestep 0
and keeps every layer's keys and values, as the pass does that fills a cache when drawing; the second
sees noisy latents, and each block attends to itself and to the kept keys of the blocks before it. So
what is learned is what is drawn: a test equates this with the cached rollout.

In self-forcing (Huang et al. 2025, arXiv 2506.08009) the clean latents are the student's own, and
gradients stay within a block's last step, so the first pass needs none.

Legend: B batch, C channels, F latent frames, h/w latent cells, N heads, L tokens, E head width,
S text tokens, K coordinate channels.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from videosketcher_app.data.continuations import BLOCK_LATENT_FRAMES
from videosketcher_app.models.coordinates import transformer_input
from videosketcher_app.models.wan.forward import (
    BlockCausalAttention,
    block_forward,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.training.pocket_t2v import PocketNetwork


class KeepingAttention:
    """Block-causal attention of one layer that keeps its keys and values."""

    def __init__(self, tokens_per_block: int) -> None:
        self.tokens_per_block = tokens_per_block
        self.k_BNLE = self.v_BNLE = torch.empty(0)

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape."""
        self.k_BNLE, self.v_BNLE = k_BNLE, v_BNLE
        return BlockCausalAttention(self.tokens_per_block)(q_BNLE, k_BNLE, v_BNLE)


class PastAttention:
    """Attention of one layer to the own block and to the kept keys of the earlier ones.

    Args:
        k_BNLE, v_BNLE: of all blocks but the last.
    """

    def __init__(self, tokens_per_block: int, k_BNLE: Tensor, v_BNLE: Tensor) -> None:
        self.tokens_per_block = tokens_per_block
        self.k_BNLE, self.v_BNLE = k_BNLE, v_BNLE

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape."""
        step = self.tokens_per_block
        out = []
        for at in range(0, q_BNLE.shape[2], step):
            k = torch.cat(
                [self.k_BNLE[:, :, :at].to(k_BNLE.dtype), k_BNLE[:, :, at : at + step]], 2
            )
            v = torch.cat(
                [self.v_BNLE[:, :, :at].to(v_BNLE.dtype), v_BNLE[:, :, at : at + step]], 2
            )
            out.append(dense_attention(q_BNLE[:, :, at : at + step], k, v))
        return torch.cat(out, dim=2)


def causal_velocity(
    transformer: nn.Module,
    clean_BCFhw: Tensor,
    noisy_BCFhw: Tensor,
    timesteps_BF: Tensor,
    context_BSD: Tensor,
    coordinates_KFhw: Tensor,
    *,
    past_gradient: bool = True,
    run_block: Callable[..., Tensor] = block_forward,
) -> Tensor:
    """Velocity (B, C, F, h, w) of every block of the noisy clip, given the clean past.

    Args:
        clean_BCFhw: what the blocks look back on; its last block is not read.
        past_gradient: whether gradients flow through the keys of the past.
    """
    past = past_keys(
        transformer,
        clean_BCFhw,
        context_BSD,
        coordinates_KFhw,
        gradient=past_gradient,
        run_block=run_block,
    )
    return velocity_after(
        transformer,
        past,
        noisy_BCFhw,
        timesteps_BF,
        context_BSD,
        coordinates_KFhw,
        run_block=run_block,
    )


def past_keys(
    transformer: nn.Module,
    clean_BCFhw: Tensor,
    context_BSD: Tensor,
    coordinates_KFhw: Tensor,
    *,
    gradient: bool = False,
    run_block: Callable[..., Tensor] = block_forward,
) -> list[PastAttention]:
    """What every layer keeps of a clean past: one attention a layer for `velocity_after`."""
    before = clean_BCFhw[:, :, :-BLOCK_LATENT_FRAMES]
    frames = before.shape[2]
    step = _tokens_per_block(transformer, clean_BCFhw)
    keeping = [KeepingAttention(step) for _ in transformer.blocks]  # type: ignore[union-attr]
    with nullcontext() if gradient else torch.no_grad():
        predict_velocity(
            transformer,
            transformer_input(before, coordinates_KFhw[:, :frames]),
            before.new_zeros(len(before), frames),
            context_BSD,
            attention=keeping,
            run_block=run_block,
        )
    return [PastAttention(step, layer.k_BNLE, layer.v_BNLE) for layer in keeping]


def velocity_after(
    transformer: nn.Module,
    past: list[PastAttention],
    noisy_BCFhw: Tensor,
    timesteps_BF: Tensor,
    context_BSD: Tensor,
    coordinates_KFhw: Tensor,
    *,
    run_block: Callable[..., Tensor] = block_forward,
) -> Tensor:
    """Velocity of every block given what the layers keep of its past."""
    return predict_velocity(
        transformer,
        transformer_input(noisy_BCFhw, coordinates_KFhw),
        timesteps_BF,
        context_BSD,
        attention=past,
        run_block=run_block,
    )


class CausalNetwork(PocketNetwork):
    """Text encoder and transformer, drawing every block of a clip from its clean past."""

    def forward(  # type: ignore[override]
        self,
        noisy_BCFhw: Tensor,
        timesteps_BF: Tensor,
        ids_BL: Tensor,
        coordinates_KFhw: Tensor,
        clean_BCFhw: Tensor | None = None,
        past_gradient: bool = True,
        past: list[PastAttention] | None = None,
    ) -> Tensor:
        """Velocity (B, C, F, h, w); bidirectional without a past.

        Args:
            clean_BCFhw, past_gradient: see `causal_velocity`.
            past: what `past_keys` kept of a clean past, instead of that.
        """
        context_BSD = self.text_encoder(ids_BL)
        if past is not None:
            return velocity_after(
                self.transformer,
                past,
                noisy_BCFhw,
                timesteps_BF,
                context_BSD,
                coordinates_KFhw,
                run_block=self.run_block,
            )
        if clean_BCFhw is None:
            return predict_velocity(
                self.transformer,
                transformer_input(noisy_BCFhw, coordinates_KFhw),
                timesteps_BF,
                context_BSD,
                run_block=self.run_block,
            )
        return causal_velocity(
            self.transformer,
            clean_BCFhw,
            noisy_BCFhw,
            timesteps_BF,
            context_BSD,
            coordinates_KFhw,
            past_gradient=past_gradient,
            run_block=self.run_block,
        )


def _tokens_per_block(transformer: nn.Module, latents_BCFhw: Tensor) -> int:
    patch: int = transformer.patch_size[1]  # type: ignore[index,assignment]
    height, width = latents_BCFhw.shape[-2:]
    return BLOCK_LATENT_FRAMES * (height // patch) * (width // patch)
