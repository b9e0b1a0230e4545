"""Int8 weights by row: how Pocket's matrices are shipped.

A matrix (M, N) becomes int8 values and one float16 scale a row, w = q x scale, with the scale
chosen so that the row's largest value is 127. Everything that is not a large matrix stays float16.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE_SUFFIX = ".row_scale"
MIN_VALUES = 4096  # smaller tensors are not worth the error


def quantize_rows(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices as int8 with row scales, the rest as float16."""
    out: dict[str, Tensor] = {}
    for name, value in weights.items():
        tensor = value.detach().to("cpu", torch.float32)
        if tensor.ndim < 2 or tensor.numel() < MIN_VALUES:
            out[name] = tensor.to(torch.float16).contiguous()
            continue
        rows = tensor.flatten(1)
        scale = (rows.abs().amax(1) / 127).clamp(min=1e-8).to(torch.float16)
        steps = (rows / scale.float()[:, None]).round().clamp(-127, 127)
        out[name] = steps.to(torch.int8).view(tensor.shape).contiguous()
        out[name + SCALE_SUFFIX] = scale
    return out


def dequantize_rows(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights of what `quantize_rows` made; plain float files pass through."""
    out: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith(SCALE_SUFFIX):
            continue
        scale = stored.get(name + SCALE_SUFFIX)
        tensor = value.to(torch.float32)
        if scale is not None:
            shape = (-1, *[1] * (tensor.ndim - 1))
            tensor = tensor * scale.to(torch.float32).view(shape)
        out[name] = tensor
    return out
