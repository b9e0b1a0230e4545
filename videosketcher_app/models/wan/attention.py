"""The attention kernels of Wan's networks, chosen by name and tried before they are used.

diffsynth picks a kernel when it is imported, by what is installed. Here the choice is the person's:
`torch` unless another one is asked for, and a kernel that is missing or broken is a sentence, not a
crash in the middle of a drawing. A kernel is tried on a few tokens against torch's own attention,
since a wheel that was built for another torch imports well and computes nonsense.

Legend: B batch, N heads, L and S tokens, E head width, D = N * E.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from diffsynth.models import wan_video_dit
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.wan.forward import Attention, dense_attention
from videosketcher_app.models.wan.import_guard import broken

TORCH, AUTO = "torch", "auto"
# From the fastest; `sage` counts in 8 bits, so `auto`, which changes nothing but speed, leaves it.
_SAME_RESULT = ("flash", "xformers")
_TRIAL_SHAPE = (1, 2, 64, 128)  # B, N, L, E
_TRIAL_SEED = 0
_TOLERANCE = 0.05  # of values around one, in half precision and with sage's 8 bits
# What kernels raise when they are missing, were built for another torch, or do not know the card.
_FAILURES = (
    ImportError,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)


class Kernel(nn.Module):
    """Takes the place of diffsynth's AttentionModule: tokens (B, L, D) with their heads side by side.

    Args:
        attention: works on (B, N, L, E), like `dense_attention`.
    """

    def __init__(self, num_heads: int, attention: Attention) -> None:
        super().__init__()
        self.num_heads, self.attention = num_heads, attention

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(B, L, D), (B, S, D), (B, S, D) -> (B, L, D)."""
        q_BNLE, k_BNSE, v_BNSE = (
            x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v)
        )
        return self.attention(q_BNLE, k_BNSE, v_BNSE).transpose(1, 2).flatten(2)


def chosen(name: str, device: torch.device | str, dtype: torch.dtype) -> tuple[str, Attention]:
    """The kernel that a name means on this device, and what it is called in the metadata.

    Raises:
        InvalidRequest: it is not installed, or does not work here.
    """
    if name == TORCH:
        return TORCH, dense_attention
    if name == AUTO:
        for candidate in _SAME_RESULT:
            if _fault(candidate, device, dtype) is None:
                return candidate, _BUILDERS[candidate]()
        return TORCH, dense_attention
    fault = _fault(name, device, dtype)
    if fault is not None:
        raise InvalidRequest(
            f"The attention kernel {name!r} does not work here: {fault}.",
            hint="Draw with --attention torch, or with auto, which takes the fastest that works.",
        )
    return name, _BUILDERS[name]()


def install(
    dit: Any, attention: Attention, *, self_attention: Sequence[Attention] | None = None
) -> None:
    """Every block of a WanModel attends with this kernel from now on.

    Args:
        self_attention: one a layer, for what differs by layer; None uses `attention` there too.
    """
    leave_choice_to_us()
    own = self_attention or [attention] * len(dit.blocks)
    assert len(own) == len(dit.blocks), "one attention a layer"
    for block, attend in zip(dit.blocks.children(), own, strict=True):
        block = getattr(block, "module", block)  # memory management wraps blocks
        block.self_attn.attn = Kernel(block.self_attn.num_heads, attend)
        block.cross_attn.attn = Kernel(block.cross_attn.num_heads, attention)


def leave_choice_to_us() -> None:
    """diffsynth's own function, which the image branch still calls, keeps to torch's kernel."""
    for constant in ("FLASH_ATTN_3_AVAILABLE", "FLASH_ATTN_2_AVAILABLE", "SAGE_ATTN_AVAILABLE"):
        setattr(wan_video_dit, constant, False)


def _fault(name: str, device: torch.device | str, dtype: torch.dtype) -> str | None:
    """What is wrong with a kernel here; None if it computes what torch computes."""
    generator = torch.Generator("cpu").manual_seed(_TRIAL_SEED)
    q, k, v = (torch.randn(_TRIAL_SHAPE, generator=generator).to(device, dtype) for _ in range(3))
    try:
        found = _BUILDERS[name]()(q, k, v)
        difference = float((found - dense_attention(q, k, v)).abs().max())
    except _FAILURES as error:
        if isinstance(error, ModuleNotFoundError):
            package = error.name or name
            return broken.get(package) or f"{package} is not installed"
        reason = str(error).strip().splitlines()
        return reason[0][:160].rstrip(".") if reason else type(error).__name__
    if not difference <= _TOLERANCE:  # not a number counts as wrong
        return f"it is off by {difference:.2g} on a trial"
    return None


def _xformers() -> Attention:
    from xformers.ops import memory_efficient_attention  # type: ignore[import-not-found]

    return partial(_tokens_first, memory_efficient_attention)


def _flash() -> Attention:
    try:
        from flash_attn_interface import flash_attn_func  # type: ignore[import-not-found]
    except ModuleNotFoundError:
        from flash_attn import flash_attn_func  # type: ignore[import-not-found]
    return partial(_tokens_first, flash_attn_func)


def _sage() -> Attention:
    from sageattention import sageattn  # type: ignore[import-not-found]

    return sageattn


def _tokens_first(
    kernel: Callable[..., Tensor | tuple[Tensor, ...]],
    q_BNLE: Tensor,
    k_BNSE: Tensor,
    v_BNSE: Tensor,
) -> Tensor:
    """For kernels that want (B, L, N, E); some give statistics beside the result."""
    out = kernel(*(x.transpose(1, 2) for x in (q_BNLE, k_BNSE, v_BNSE)))
    out_BLNE = out[0] if isinstance(out, tuple) else out
    return out_BLNE.transpose(1, 2)


_BUILDERS: dict[str, Callable[[], Attention]] = {
    "xformers": _xformers,
    "flash": _flash,
    "sage": _sage,
}
