"""Attention under a band: cuDNN's or FlexAttention on cards, slices of keys elsewhere, densely for tests.

All of them compute the same thing; a test equates them. cuDNN's attention is the fastest, but needs
the band cut in pieces (`pieces`) and room for their sums. FlexAttention skips blocks of keys that no
query of a block sees. The sliced form hands torch's own attention only the keys that a run of queries
can see, so that it is also sparse on CPUs, on MPS and on Windows.

Legend: B batch, N heads, L tokens, E head width, R queries of a run, K keys that they can see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from videosketcher_app.core.errors import AppError
from videosketcher_app.models.compiling import can_compile, compiled
from videosketcher_app.models.partial_attention import has_cudnn_attention
from videosketcher_app.models.sparse_attention.band import BandMask
from videosketcher_app.models.sparse_attention.pieces import in_pieces

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

FLEX, SLICED, PIECES = "flex", "sliced", "pieces"
RUN_TOKENS = 512
FIRST_FOR_PIECES = (9, 0)  # compute capability of the first card that was measured to gain by them
BandAttention = Callable[[Tensor, Tensor, Tensor, BandMask], Tensor]
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel_for(device: torch.device) -> str:
    """FLEX on CUDA where it can be compiled, else SLICED."""
    return FLEX if device.type == "cuda" and can_compile("cuda") else SLICED


def fastest_kernel(
    q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, *, has_room: bool = False
) -> str:
    """PIECES where cuDNN's attention is the faster one, else `kernel_for`.

    Args:
        has_room: for the sums of all pieces beside each other: 2 GB for 14B at 832x480x81.
    """
    device = q_BNLE.device
    has_cudnn = has_room and has_cudnn_attention(q_BNLE, k_BNLE, v_BNLE, is_causal=True)
    if has_cudnn and torch.cuda.get_device_capability(device) >= FIRST_FOR_PIECES:
        return PIECES
    return kernel_for(device)


def band_attention(
    kernel: str, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask
) -> Tensor:
    """Attention under a band by the kernel of this name: (B, N, L, E) -> same shape.

    Raises:
        AppError: FlexAttention cannot be compiled for this GPU.
    """
    if kernel == FLEX:
        return flex_band_attention(q_BNLE, k_BNLE, v_BNLE, band)
    if kernel == PIECES:
        return in_pieces(q_BNLE, k_BNLE, v_BNLE, band)
    assert kernel == SLICED, kernel
    return sliced_band_attention(q_BNLE, k_BNLE, v_BNLE, band)


def dense_band_attention(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask) -> Tensor:
    """The slow twin: full attention with the mask as a matrix, a run of queries at a time."""
    place_L = torch.arange(band.num_tokens, device=q_BNLE.device)
    out = [
        F.scaled_dot_product_attention(
            q_BNLE[:, :, rows], k_BNLE, v_BNLE, attn_mask=band.sees(rows[:, None], place_L)
        )
        for rows in place_L.split(RUN_TOKENS)
    ]
    return torch.cat(out, dim=2)


def sliced_band_attention(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, band: BandMask) -> Tensor:
    """Full attention of every run of queries over the keys that the run can see."""
    assert q_BNLE.shape[2] == band.num_tokens, (q_BNLE.shape, band.num_tokens)
    out = q_BNLE.new_empty(*q_BNLE.shape[:-1], v_BNLE.shape[-1])
    for first, end, spans in _runs(band):
        keys, values = (
            torch.cat([x[:, :, low:high] for low, high in spans], dim=2) for x in (k_BNLE, v_BNLE)
        )
        seen_RK = _seen(band, first, end, spans, q_BNLE.device)
        out[:, :, first:end] = F.scaled_dot_product_attention(
            q_BNLE[:, :, first:end], keys, values, attn_mask=seen_RK
        )
    return out


def flex_band_attention(
    q_BNLE: Tensor,
    k_BNLE: Tensor,
    v_BNLE: Tensor,
    band: BandMask,
    *,
    kernel_options: dict[str, Any] | None = None,
) -> Tensor:
    """FlexAttention over the blocks of the band; compiled at the first call of a shape.

    Args:
        kernel_options: of FlexAttention, for tuning.

    Raises:
        AppError: it cannot be compiled for this GPU.
    """
    from torch._dynamo.exc import TorchDynamoException

    blocks = _block_mask(band, str(q_BNLE.device))
    try:
        return _compiled_flex()(
            q_BNLE, k_BNLE, v_BNLE, block_mask=blocks, kernel_options=kernel_options
        )
    except TorchDynamoException as error:
        raise AppError(
            f"Sparse attention cannot be compiled here: {str(error).splitlines()[0][:200]}",
            hint="Draw with --pattern dense, or update torch and the GPU's driver.",
        ) from error


def compiled_on_gpu(function: Function, device: torch.device) -> Function:
    """The function itself, fused by torch.compile where FlexAttention is compiled too."""
    return compiled(function, dynamic=False) if kernel_for(device) == FLEX else function


def _compiled_flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    # Without the whole graph it would fall back to scores of L x L.
    return compiled(flex_attention, dynamic=False, fullgraph=True)


@lru_cache(maxsize=8)
def _block_mask(band: BandMask, device: str) -> BlockMask:
    with torch.inference_mode(False):  # the cache outlives the caller
        return band.block_mask(device)


def _runs(band: BandMask) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Runs of queries with the spans of keys that they can see: (first, end, spans)."""
    for first in range(band.query_start, band.query_end, RUN_TOKENS):
        end = min(first + RUN_TOKENS, band.query_end)
        low = max(band.band_start, first - band.half_width)
        high = min(band.band_end, end + band.half_width)
        spans = [(0, band.band_start), (low, max(low, high)), (band.band_end, band.real_end)]
        yield first, end, spans
    for first, end in ((0, band.query_start), (band.query_end, band.real_end)):
        if first < end:
            yield first, end, [(0, band.real_end)]
    if band.real_end < band.num_tokens:
        yield band.real_end, band.num_tokens, [(band.real_end, band.num_tokens)]


def _seen(
    band: BandMask,
    first: int,
    end: int,
    spans: list[tuple[int, int]],
    device: torch.device,
) -> Tensor | None:
    """Which of the keys each query sees, (R, K); None if it is all of them."""
    query_R = torch.arange(first, end, device=device)
    key_K = torch.cat([torch.arange(low, high, device=device) for low, high in spans])
    low, high = spans[min(1, len(spans) - 1)]
    reaches_all = high - 1 - first <= band.half_width and end - 1 - low <= band.half_width
    if len(spans) == 1 or reaches_all:
        return None
    return band.sees(query_R[:, None], key_K)
