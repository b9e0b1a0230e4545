"""Merging: an adapter added to a base's weights, in tables of tensors; the inputs stay as they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.models.lora.adapter import LoraAdapter, adapter_from
from videosketcher_app.models.lora.families import family_of

_NAMED = 3  # so many names are told


def merge_into(
    state_dict: Mapping[str, Tensor],
    lora_tensors: Mapping[str, Tensor],
    scale: float = 1.0,
    *,
    source: str = "the LoRA",
) -> dict[str, Tensor]:
    """The base's weights with a LoRA added: W + scale x alpha / rank x up @ down.

    The sum is computed in float32 and rounded once, to the base's number format. Tensors that the
    LoRA leaves alone are the very same objects as in `state_dict`; nothing is changed in place.

    Args:
        state_dict: weights under a bare Wan transformer's names, "blocks.0.self_attn.q.weight".
        lora_tensors: a LoRA in any layout that `names` knows.

    Raises:
        InvalidFile: it is no LoRA, is incomplete, or does not fit this base.
        DamagedModel: it holds NaN or Inf.
    """
    return merged(state_dict, adapter_from(lora_tensors, source=source), scale)


def merged(
    state_dict: Mapping[str, Tensor], adapter: LoraAdapter, scale: float = 1.0
) -> dict[str, Tensor]:
    """`merge_into` with an adapter that was read before.

    Raises:
        InvalidFile: it does not fit this base.
    """
    check_fit(adapter, {name: tuple(value.shape) for name, value in state_dict.items()})
    return {**state_dict, **changed_weights(state_dict, [(adapter, scale)])}


@torch.no_grad()
def changed_weights(
    base: Mapping[str, Tensor],
    stack: Sequence[tuple[LoraAdapter, float]],
    *,
    leave_out: Container[str] = (),
) -> dict[str, Tensor]:
    """Those of the base's tensors that a stack of adapters changes, as new tensors.

    Adapters are added in order, in float32, on the base's device.

    Args:
        leave_out: modules whose pairs are not added.
    """
    additions: dict[str, list[Callable[[], Tensor]]] = defaultdict(list)
    for adapter, scale in stack:
        for module, pair in adapter.pairs.items():
            if module not in leave_out:
                additions[f"{module}.weight"].append(partial(pair.difference, scale))
        for name, difference in adapter.differences.items():
            additions[name].append(partial(_scaled, difference, scale))
    return {name: _sum(base[name], added) for name, added in additions.items()}


def only_within(adapter: LoraAdapter, names: Container[str]) -> LoraAdapter:
    """The part of an adapter that changes parameters among `names`: a shard's part."""
    return replace(
        adapter,
        pairs={m: pair for m, pair in adapter.pairs.items() if f"{m}.weight" in names},
        differences={n: value for n, value in adapter.differences.items() if n in names},
    )


def check_fit(
    adapter: LoraAdapter, base_shapes: Mapping[str, tuple[int, ...]], base: str = "this base model"
) -> None:
    """Refuses an adapter that does not fit a base in every one of its modules.

    Args:
        base_shapes: of the base's parameters, under a bare Wan transformer's names.

    Raises:
        InvalidFile: says how many modules match, the first that does not, and the size that the
            adapter looks made for.
    """
    shapes = adapter.shapes()
    found = {name: _shape_for(adapter, name, base_shapes.get(name)) for name in shapes}
    wrong = [name for name, shape in shapes.items() if found[name] != shape]
    if not wrong:
        return
    missing = [name for name in wrong if found[name] is None]
    flaw = f"it has no {_listed(missing)}" if missing else _other_shape(adapter, wrong[0], found)
    looks = family_of(shapes)
    likeness = f" It looks made for {looks}." if looks else ""
    raise InvalidFile(
        f"{adapter.source} does not fit {base}: {len(shapes) - len(wrong)} of {len(shapes)} adapted "
        f"modules match; {flaw}.{likeness}",
        hint=f"Choose a LoRA that was trained on {base}, or the model that this one was trained on.",
    )


def _shape_for(
    adapter: LoraAdapter, name: str, shape: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """A parameter's shape as the adapter counts it: matrices for pairs, (O, I)."""
    is_pair = name.removesuffix(".weight") in adapter.pairs
    return (shape[0], math.prod(shape[1:])) if is_pair and shape and len(shape) > 1 else shape


def _other_shape(
    adapter: LoraAdapter, name: str, found: Mapping[str, tuple[int, ...] | None]
) -> str:
    shape, pair = adapter.shapes()[name], adapter.pairs.get(name.removesuffix(".weight"))
    is_turned = pair is not None and found[name] in (shape[::-1], (pair.rank, pair.rank))
    turned = " (it looks transposed)" if is_turned else ""
    return f"{name} is {found[name]}, the LoRA is for {shape}{turned}"


def _sum(weight: Tensor, additions: Sequence[Callable[[], Tensor]]) -> Tensor:
    """One weight at a time, so that a large model's float32 copies never stand side by side."""
    total = weight.to(torch.float32)
    for addition in additions:
        total = total + addition().to(weight.device).view(weight.shape)
    return total.to(weight.dtype)


def _scaled(difference: Tensor, scale: float) -> Tensor:
    return difference.to(torch.float32) * scale


def _listed(names: list[str]) -> str:
    listed = ", ".join(name.removesuffix(".weight")[:80] for name in names[:_NAMED])
    return f"{listed} and {len(names) - _NAMED} more" if len(names) > _NAMED else listed
