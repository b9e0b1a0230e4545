"""LoraAdapter: a LoRA's tensors in one form, whatever layout they came in, checked pair by pair.

Of every adapted module there are two matrices; what they add to its weight is
`scale x alpha / rank x up @ down`. Some published files hold whole differences too, of biases,
norms and modulations; they are added times the scale alone.

Legend: R rank, I inputs and O outputs of a module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.lora.families import refuse_other_kinds
from videosketcher_app.models.lora.layouts import layout_of
from videosketcher_app.models.lora.names import DIFFERENCES, TensorName, take_apart
from videosketcher_app.storage.tensors import check_finite

MAX_RANK = 2048
MAX_VALUE = 1e4  # trained matrices stay far below one hundred
_HINT = "Ask its author for another file, or train it again."


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """What a LoRA adds to one module: up (O, R) and down (R, I), in the file's number format.

    Attributes:
        alpha: its training constant; equal to the rank where the file says nothing.
    """

    down_RI: Tensor
    up_OR: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        """Width of the adapter."""
        return self.down_RI.shape[0]

    def factors(self, scale: float) -> tuple[Tensor, Tensor]:
        """float32 (R, I) and (O, R) whose product is what `scale` adds to the weight."""
        strength = scale * self.alpha / self.rank
        up_OR = self.up_OR.to(torch.float32)
        return self.down_RI.to(torch.float32), up_OR if strength == 1 else up_OR * strength

    def difference(self, scale: float) -> Tensor:
        """What `scale` adds to the weight, float32 (O, I)."""
        down_RI, up_OR = self.factors(scale)
        return up_OR @ down_RI


@dataclass(frozen=True, kw_only=True)
class LoraAdapter:
    """A whole LoRA.

    Attributes:
        source: what messages call it; a file's name.
        layout: how its tensors were named, see `layouts`.
        pairs: by module of a Wan transformer, "blocks.0.self_attn.q".
        differences: float tensors by parameter, "blocks.0.norm3.bias".
        metadata: texts that the file held beside its tensors.
        sha256: of the file; empty if it came from memory.
    """

    source: str
    layout: str
    pairs: Mapping[str, LowRank]
    differences: Mapping[str, Tensor] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def ranks(self) -> tuple[int, ...]:
        """Every rank that occurs, ascending; usually one."""
        return tuple(sorted({pair.rank for pair in self.pairs.values()}))

    @property
    def num_values(self) -> int:
        """Numbers in all of its tensors."""
        pairs = sum(p.down_RI.numel() + p.up_OR.numel() for p in self.pairs.values())
        return pairs + sum(value.numel() for value in self.differences.values())

    @property
    def does_nothing(self) -> bool:
        """True before training: one factor of every pair is zero."""
        trained = any(_any(p.up_OR) and _any(p.down_RI) for p in self.pairs.values())
        return not trained and not any(map(_any, self.differences.values()))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What the base must have: parameter -> shape, a matrix's flattened to (O, I)."""
        pairs = {
            f"{module}.weight": (pair.up_OR.shape[0], pair.down_RI.shape[1])
            for module, pair in self.pairs.items()
        }
        return {**pairs, **{name: tuple(d.shape) for name, d in self.differences.items()}}


def adapter_from(
    tensors: Mapping[str, Tensor],
    *,
    source: str = "the LoRA",
    metadata: Mapping[str, str] | None = None,
    alpha: float | None = None,
    sha256: str = "",
) -> LoraAdapter:
    """Checks a LoRA's tensors, in any layout, and brings them into one form.

    Args:
        alpha: of every module without an own one, where something beside the file says it.

    Raises:
        InvalidFile: it is no LoRA, is one of another family, or is incomplete.
        DamagedModel: it holds NaN or Inf.
    """
    parts = {name: take_apart(name) for name in tensors}
    refuse_other_kinds(parts, source)
    by_module = _by_module(parts, tensors, source)
    layout = layout_of([part for part in parts.values() if part is not None])
    check_finite(tensors, source=source)
    _refuse_huge(tensors, source)
    pairs, differences = {}, {}
    for module, group in by_module.items():
        for kind, parameter in DIFFERENCES.items():
            if kind in group:
                differences[f"{module}.{parameter}"] = group.pop(kind)
        if group:
            pairs[module] = _pair(module, group, alpha, source)
    _refuse_some_alphas(by_module, source)
    return LoraAdapter(
        source=source,
        layout=layout,
        pairs=pairs,
        differences=differences,
        metadata=dict(metadata or {}),
        sha256=sha256,
    )


def _by_module(
    parts: Mapping[str, TensorName | None], tensors: Mapping[str, Tensor], source: str
) -> dict[str, dict[str, Tensor]]:
    """Tensors by module and kind, in the file's order of modules."""
    grouped: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, part in parts.items():
        assert part is not None, "refused before"
        if part.kind in grouped[part.module]:
            raise InvalidFile(
                f"{source} holds {part.kind!r} of {part.module} twice, under different names.",
                hint="It mixes two LoRAs; give them one by one.",
            )
        grouped[part.module][part.kind] = tensors[name]
    return dict(grouped)


def _pair(module: str, group: Mapping[str, Tensor], alpha: float | None, source: str) -> LowRank:
    for kind in ("down", "up"):
        if kind not in group:
            lacks = "only an alpha" if set(group) == {"alpha"} else f"no {kind} matrix"
            raise InvalidFile(f"{source} has {lacks} for {module}.", hint=_HINT)
    down, up = group["down"], group["up"]
    _check_matrices(module, down, up, source)
    rank = down.shape[0]
    own = group.get("alpha")
    value = _alpha_value(own, module, source) if own is not None else alpha
    return LowRank(
        down_RI=down.flatten(1),
        up_OR=up.flatten(1),
        alpha=float(rank) if value is None else value,
    )


def _check_matrices(module: str, down: Tensor, up: Tensor, source: str) -> None:
    for kind, matrix in (("down", down), ("up", up)):
        if matrix.ndim < 2 or not matrix.is_floating_point() or not matrix.numel():
            raise InvalidFile(
                f"{source} has no usable {kind} matrix for {module}: {_told(matrix)}.", hint=_HINT
            )
    down_rank, up_rank = down.shape[0], up.flatten(1).shape[1]
    if down_rank != up_rank:
        turned = down.flatten(1).shape[1] == up.shape[0] and down.ndim == up.ndim == 2
        guess = "; both look transposed" if turned else ""
        raise InvalidFile(
            f"{source} has rank {down_rank} in the down matrix and {up_rank} in the up matrix of "
            f"{module}{guess}.",
            hint=_HINT,
        )
    if down_rank > MAX_RANK:
        raise InvalidFile(
            f"{source} has rank {down_rank:,} in {module}; at most {MAX_RANK:,} is possible.",
            hint="A LoRA's rank is small, for instance 32.",
        )


def _alpha_value(tensor: Tensor, module: str, source: str) -> float:
    value = float(tensor) if tensor.numel() == 1 else 0.0
    if not 0 < value <= MAX_VALUE:
        told = _told(tensor) if tensor.numel() != 1 else f"{value:g}"
        raise InvalidFile(
            f"{source} has an impossible alpha for {module}: {told}.",
            hint="Alpha is one number above zero.",
        )
    return value


def _refuse_some_alphas(by_module: Mapping[str, Mapping[str, Tensor]], source: str) -> None:
    """A file has an alpha for every pair or for none; some alone would be guesswork."""
    paired = {module: group for module, group in by_module.items() if "down" in group}
    without = [module for module, group in paired.items() if "alpha" not in group]
    if without and len(without) < len(paired):
        raise InvalidFile(
            f"{source} has an alpha for {len(paired) - len(without)} of {len(paired)} modules; "
            f"the first without is {without[0]}.",
            hint=_HINT,
        )


def _refuse_huge(tensors: Mapping[str, Tensor], source: str) -> None:
    for name, tensor in tensors.items():
        largest = float(tensor.to(torch.float32).abs().amax()) if tensor.numel() else 0.0
        if largest > MAX_VALUE:
            raise InvalidFile(
                f"{source} holds values up to {largest:.3g} in {name[:80]!r}, which no training "
                "gives.",
                hint=_HINT,
            )


def _any(tensor: Tensor) -> bool:
    """True if a number of it is not zero; float8 has no such question of its own."""
    return bool(tensor.to(torch.float32).any())


def _told(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
