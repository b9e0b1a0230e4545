"""Linear layers that multiply in 8 bits (e4m3), with a scale for every row of weights and inputs.

On GPUs that multiply e4m3 with row scales (compute capability 9.0 and later), `torch._scaled_mm`
does the work; elsewhere an emulation gives the same rounding slowly. Memory is halved everywhere.

Legend: M rows of the input (tokens), K inputs, N outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TypeGuard

import torch
from torch import Tensor, nn

from videosketcher_app.models.compiling import constant_when_compiled

FP8 = torch.float8_e4m3fn
LARGEST = 448.0  # of e4m3
SMALLEST_SCALE = 1e-12
NATIVE_CAPABILITY = (9, 0)
_GELU_A = 2 * math.sqrt(2 / math.pi)  # Hendrycks and Gimpel 2016, section 2, doubled
_GELU_B = 0.044715 * _GELU_A


class Fp8Linear(nn.Module):
    """An `nn.Linear` whose weight is stored in e4m3 by output row.

    Attributes:
        weight_NK: e4m3.
        scale_N: float32; weight x scale is the original within 1/16 of each entry.
    """

    def __init__(self, weight_NK: Tensor, scale_N: Tensor, bias_N: Tensor | None) -> None:
        super().__init__()
        self.weight_NK: Tensor
        self.scale_N: Tensor
        self.bias_N: Tensor | None
        self.register_buffer("weight_NK", weight_NK)
        self.register_buffer("scale_N", scale_N)
        self.register_buffer("bias_N", bias_N)
        self.in_features, self.out_features = weight_NK.shape[1], weight_NK.shape[0]

    @classmethod
    def of(cls, linear: nn.Linear) -> Fp8Linear:
        """Quantizes a linear layer; its hooks stay behind."""
        weight_NK, scale_N = quantized_rows(linear.weight.detach())
        bias_N = None if linear.bias is None else linear.bias.detach()
        return cls(weight_NK, scale_N, bias_N)

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) -> (..., N) in the input's dtype."""
        x_MK = x.reshape(-1, x.shape[-1])
        x8_MK, scale_M = quantized_rows(x_MK)
        native = has_8_bit_product(x.device, x.dtype)
        product = scaled_product if native else scaled_product_slow
        out_MN = product(x8_MK, scale_M, self.weight_NK, self.scale_N, x.dtype)
        if self.bias_N is not None:
            out_MN = out_MN + self.bias_N
        return out_MN.view(*x.shape[:-1], self.out_features)

    def of_rows(self, x8_MK: Tensor, scale_M: Tensor, dtype: torch.dtype) -> Tensor:
        """The layer of rows that are quantized already: (M, N). Hooks are not asked.

        The product adds the bias itself: nothing follows here that a compiler could add it in.
        """
        native = has_8_bit_product(x8_MK.device, dtype)
        product = scaled_product if native else scaled_product_slow
        return product(x8_MK, scale_M, self.weight_NK, self.scale_N, dtype, self.bias_N)


def quantized_rows(x_MK: Tensor) -> tuple[Tensor, Tensor]:
    """e4m3 rows and the float32 scale of each: x = e4m3 x scale."""
    scale_M = (x_MK.abs().amax(dim=1).float() / LARGEST).clamp_min(SMALLEST_SCALE)
    inverse_M = scale_M.reciprocal()  # a product for every number instead of a division
    scaled = (x_MK.float() * inverse_M[:, None]).clamp(-LARGEST, LARGEST)
    return scaled.to(FP8), scale_M


def scaled_product(
    x8_MK: Tensor,
    scale_M: Tensor,
    w8_NK: Tensor,
    scale_N: Tensor,
    dtype: torch.dtype,
    bias_N: Tensor | None = None,
) -> Tensor:
    """x w^T on the tensor cores; the sums are kept in float32 with fast accumulation."""
    return torch._scaled_mm(  # type: ignore[reportPrivateImportUsage]
        x8_MK,
        w8_NK.t(),
        scale_a=scale_M[:, None],
        scale_b=scale_N[None],
        bias=bias_N,
        out_dtype=dtype,
        use_fast_accum=True,
    )


def scaled_product_slow(
    x8_MK: Tensor,
    scale_M: Tensor,
    w8_NK: Tensor,
    scale_N: Tensor,
    dtype: torch.dtype,
    bias_N: Tensor | None = None,
) -> Tensor:
    """The same product in float32: the twin that tests compare with."""
    exact_MN = (x8_MK.float() @ w8_NK.float().t()) * scale_M[:, None] * scale_N[None]
    return (exact_MN if bias_N is None else exact_MN + bias_N).to(dtype)


@constant_when_compiled
def multiplies_natively(device: torch.device) -> bool:
    """Whether the device multiplies e4m3 with row scales."""
    if device.type != "cuda":
        return False
    return torch.cuda.get_device_capability(device) >= NATIVE_CAPABILITY


def has_8_bit_product(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether 8-bit layers are quick there, with inputs in this number format."""
    return dtype == torch.bfloat16 and multiplies_natively(device)


class QuickGelu(nn.Module):
    """GELU in its tanh form, written with a sigmoid: the same function, 1 + tanh y = 2 sigmoid 2y.

    The kernel that quantizes what it gives computes it twice, once for the largest entry of a row,
    and spends its time on tanh; a sigmoid takes a third of that.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> same shape and dtype."""
        wide = x.float()
        return (wide * torch.sigmoid(wide * (_GELU_A + _GELU_B * wide.square()))).to(x.dtype)


class Fp8Blocks:
    """Transformer blocks with two sets of layers, of which one is in place.

    Embeddings, modulation and head stay as they are: they are small, and quality hangs on them.
    Both sets are kept; drop this object to keep only the one in place.
    """

    def __init__(self, blocks: nn.Module) -> None:
        self._blocks = blocks
        self._exact = {name: each for name, each in blocks.named_modules() if _is_plain(each)}
        self._small = {name: _small(each) for name, each in self._exact.items()}

    def use(self, *, fp8: bool) -> None:
        """Puts one of the sets in place."""
        for name, layer in (self._small if fp8 else self._exact).items():
            _replace(self._blocks, name, layer)


@contextmanager
def quantized(blocks: nn.Module) -> Iterator[None]:
    """8-bit linear layers inside the `with`, and the very layers of before after it."""
    both = Fp8Blocks(blocks)
    both.use(fp8=True)
    try:
        yield
    finally:
        both.use(fp8=False)


def twin_in_8_bits(network: nn.Module) -> nn.Module:
    """The network with 8-bit linear layers in its `blocks`; all else is the network's own, shared.

    Both can be used side by side, and a LoRA that is applied hot to one works in the other. Weights
    that are changed later are not followed.
    """
    twin = copy(network)
    twin._modules = {**network._modules, "blocks": _twin(network.get_submodule("blocks"))}
    return twin


def small_bytes(network: nn.Module) -> int:
    """Bytes that `twin_in_8_bits` takes beside the network, but for scales."""
    blocks = network.get_submodule("blocks").modules()
    return sum(each.weight.numel() for each in blocks if type(each) is nn.Linear)


def _twin(module: nn.Module) -> nn.Module:
    if _is_plain(module):
        return _small(module)
    children = module._modules.items()
    inside = {name: None if each is None else _twin(each) for name, each in children}
    if all(inside[name] is each for name, each in children):
        return module
    twin = copy(module)
    twin._modules = inside
    return twin


def _small(module: nn.Linear | nn.GELU) -> nn.Module:
    """What stands in for a layer, under the very hooks of the layer, which are what LoRAs are."""
    small = Fp8Linear.of(module) if isinstance(module, nn.Linear) else QuickGelu()
    small._forward_hooks = module._forward_hooks
    return small


def _is_plain(module: nn.Module) -> TypeGuard[nn.Linear | nn.GELU]:
    is_tanh_gelu = type(module) is nn.GELU and module.approximate == "tanh"
    return type(module) is nn.Linear or is_tanh_gelu


def _replace(root: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(root.get_submodule(parent), attribute, new)
