"""What a transformer block does row by row, as Triton kernels that read and write every number once.

Between two matrix products lie a gated sum, a norm, a modulation or a rotation, and with 8-bit layers
the quantization. A row of 1,536 to 13,824 numbers fits into the registers of one program, so each
kernel here runs at the speed of its reads and writes; what a compiler makes of the same lines reads
rows two or three times. The twin is `wan/forward.py`; sums and norms are kept in float32 here, and
rounded where a tensor leaves a kernel.

Legend: B batch, L tokens, M rows (B * L), D width, G groups of rows (latent frames), E head width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton  # type: ignore[reportMissingImports]
import triton.language as tl  # type: ignore[reportMissingImports]
from torch import Tensor

from videosketcher_app.models.fp8 import FP8, LARGEST, SMALLEST_SCALE

_LARGEST = tl.constexpr(LARGEST)
_SMALLEST = tl.constexpr(SMALLEST_SCALE)
_GELU = tl.constexpr(2 * (2 / 3.141592653589793) ** 0.5)
_CUBIC = tl.constexpr(0.044715 * 2 * (2 / 3.141592653589793) ** 0.5)


class SmallRows(NamedTuple):
    """e4m3 rows (M, D) and the float32 scale of each (M,): what `fp8.quantized_rows` gives."""

    values_MD: Tensor
    scale_M: Tensor


class Affine(NamedTuple):
    """What follows a norm: normed x scale + shift, each (G, D) with a row for every latent frame.

    Attributes:
        plus_one: the scale is meant as 1 + scale, as in modulations.
    """

    scale_GD: Tensor
    shift_GD: Tensor
    plus_one: bool


def added(x_BLD: Tensor, more_BLD: Tensor, gate_GD: Tensor | None) -> Tensor:
    """x + gate x more, in the format of x; the gate has a row for every latent frame."""
    return _rows(x_BLD, more_BLD, gate_GD, None, 0.0, small=False)[0]


def normed(x_BLD: Tensor, affine: Affine, eps: float, *, small: bool) -> Tensor | SmallRows:
    """Layer norm of every token, scaled and shifted; quantized for 8-bit layers if `small`."""
    return _rows(x_BLD, None, None, affine, eps, small=small)[1]


def added_and_normed(
    x_BLD: Tensor,
    more_BLD: Tensor,
    gate_GD: Tensor | None,
    affine: Affine,
    eps: float,
    *,
    small: bool,
) -> tuple[Tensor, Tensor | SmallRows]:
    """`added`, and `normed` of it, in one pass."""
    return _rows(x_BLD, more_BLD, gate_GD, affine, eps, small=small)


def quantized(x_MD: Tensor) -> SmallRows:
    """As `fp8.quantized_rows`."""
    small = _rows(x_MD[None], None, None, None, 0.0, small=True)[1]
    assert isinstance(small, SmallRows)
    return small


def quantized_gelu(x_MD: Tensor) -> SmallRows:
    """GELU (tanh form) of every number, then `quantized`."""
    rows, width = x_MD.shape
    values, scale = _small_like(x_MD)
    block = triton.next_power_of_2(width)
    _gelu_kernel[(rows,)](x_MD, values, scale, width, block, num_warps=_warps(block))  # type: ignore[reportCallIssue]
    return SmallRows(values, scale)


def rms_normed(
    x_BLD: Tensor, weight_D: Tensor, eps: float, table: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Root-mean-square norm of every token, and the rotation of its heads if a table is given.

    Args:
        table: cosine and sine (L, E/2), float32, as `wan.forward.rotary_table` makes them.
    """
    x_BLD = x_BLD.contiguous()
    _, tokens, width = x_BLD.shape
    out = torch.empty_like(x_BLD)
    cos_LE, sin_LE = (part.contiguous() for part in table) if table else (x_BLD, x_BLD)
    block = triton.next_power_of_2(width)
    _rms_kernel[(x_BLD.numel() // width,)](
        x_BLD,
        weight_D,
        cos_LE,
        sin_LE,
        out,
        width,
        eps,
        tokens,
        cos_LE.shape[-1],
        table is not None,
        block,
        num_warps=_warps(block),  # type: ignore[reportCallIssue]
    )
    return out


def _rows(
    x_BLD: Tensor,
    more_BLD: Tensor | None,
    gate_GD: Tensor | None,
    affine: Affine | None,
    eps: float,
    *,
    small: bool,
) -> tuple[Tensor, Tensor | SmallRows]:
    """One pass of `_row_kernel`: the sum (x itself if nothing is added), and what is made of it."""
    x_BLD = x_BLD.contiguous()
    width = x_BLD.shape[-1]
    rows = x_BLD.numel() // width
    more = x_BLD if more_BLD is None else more_BLD.contiguous()
    total = torch.empty_like(x_BLD) if more_BLD is not None else x_BLD
    gate = x_BLD if gate_GD is None else gate_GD
    scale, shift = (x_BLD, x_BLD) if affine is None else affine[:2]
    if small:
        values, scales = _small_like(x_BLD.flatten(0, -2))
        out: Tensor | SmallRows = SmallRows(values, scales)
    else:
        values = torch.empty_like(x_BLD) if affine is not None else x_BLD
        scales, out = x_BLD, values
    block = triton.next_power_of_2(width)
    _row_kernel[(rows,)](
        x_BLD,
        more,
        gate,
        scale,
        shift,
        total,
        values,
        scales,
        width,
        eps,
        gate.stride(0) if gate_GD is not None else 0,
        rows // len(gate) if gate_GD is not None else 1,
        scale.stride(0) if affine is not None else 0,
        rows // len(scale) if affine is not None else 1,
        more_BLD is not None,
        gate_GD is not None,
        affine is not None,
        affine is not None and affine.plus_one,
        small,
        block,
        num_warps=_warps(block),  # type: ignore[reportCallIssue]
    )
    return total, out


def _small_like(x_MD: Tensor) -> SmallRows:
    return SmallRows(
        torch.empty(x_MD.shape, dtype=FP8, device=x_MD.device),
        torch.empty(len(x_MD), dtype=torch.float32, device=x_MD.device),
    )


def _warps(block: int) -> int:
    """Threads by the row's length: up to 32 numbers for each of them."""
    return min(16, max(1, block // 1024))


@triton.jit
def _quantize(value, inside, out, out_scale, row, at):
    largest = tl.max(tl.where(inside, tl.abs(value), 0.0), axis=0)
    unit = tl.maximum(largest / _LARGEST, _SMALLEST)
    tl.store(out_scale + row, unit)
    scaled = tl.minimum(tl.maximum(value * (1.0 / unit), -_LARGEST), _LARGEST)
    tl.store(out + at, scaled.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _row_kernel(
    x,
    more,
    gate,
    scale,
    shift,
    total,
    out,
    out_scale,
    width,
    eps,
    gate_stride,
    rows_a_gate,
    affine_stride,
    rows_an_affine,
    ADDS: tl.constexpr,
    IS_GATED: tl.constexpr,
    NORMS: tl.constexpr,
    PLUS_ONE: tl.constexpr,
    IS_SMALL: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < width
    at = row * width + column
    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    if ADDS:
        extra = tl.load(more + at, mask=inside, other=0.0).to(tl.float32)
        if IS_GATED:
            gate_at = (row // rows_a_gate) * gate_stride + column
            extra *= tl.load(gate + gate_at, mask=inside, other=0.0).to(tl.float32)
        rounded = (value + extra).to(total.dtype.element_ty)
        tl.store(total + at, rounded, mask=inside)
        value = rounded.to(tl.float32)
    if NORMS:
        mean = tl.sum(value, axis=0) / width
        centered = tl.where(inside, value - mean, 0.0)
        variance = tl.sum(centered * centered, axis=0) / width
        affine_at = (row // rows_an_affine) * affine_stride + column
        factor = tl.load(scale + affine_at, mask=inside, other=0.0).to(tl.float32)
        if PLUS_ONE:
            factor += 1.0
        offset = tl.load(shift + affine_at, mask=inside, other=0.0).to(tl.float32)
        value = centered * tl.rsqrt(variance + eps) * factor + offset
    if IS_SMALL:
        _quantize(value, inside, out, out_scale, row, at)
    elif NORMS:
        tl.store(out + at, value.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _gelu_kernel(x, out, out_scale, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < width
    at = row * width + column
    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    value = value * tl.sigmoid(value * (_GELU + _CUBIC * value * value))
    _quantize(value, inside, out, out_scale, row, at)


@triton.jit
def _rms_kernel(
    x,
    weight,
    cos,
    sin,
    out,
    width,
    eps,
    tokens,
    half_head,
    ROTATES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < width
    at = row * width + column
    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    inverse = tl.rsqrt(tl.sum(value * value, axis=0) / width + eps)
    factor = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32)
    value = value * inverse * factor
    if ROTATES:
        even, odd = tl.split(tl.reshape(value, (BLOCK // 2, 2)))
        pair = tl.arange(0, BLOCK // 2)
        angle = (row % tokens) * half_head + pair % half_head
        is_pair = pair < width // 2
        c = tl.load(cos + angle, mask=is_pair, other=0.0)
        s = tl.load(sin + angle, mask=is_pair, other=0.0)
        value = tl.interleave(even * c - odd * s, even * s + odd * c)
    tl.store(out + at, value.to(out.dtype.element_ty), mask=inside)
