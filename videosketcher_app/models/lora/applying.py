"""Applying LoRAs to a network for a while, and letting go of them exactly.

The base's numbers are never written. Applied hot, a module's output gets the adapters' product
added by a forward hook: names, parameters and state dict stay the base's own, whatever device or
number format the weights are streamed from. Applied merged, a module works with a changed copy of
its weight, which costs that memory and no time. Either way the end gives back the very tensors that
were there before.

Hot is the rule, because it does not round: in bfloat16 a LoRA that moves the weights by 1 % loses a
sixth of itself when it is merged. Only hot can an adapter wait for its noise level (`levels`): a
changed copy, and a module that is not linear, draw at every level.

Legend: R ranks of all adapters together, I inputs and O outputs of a module.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.levels import EVERY_LEVEL, first_level_in
from videosketcher_app.models.lora.merging import changed_weights, check_fit
from videosketcher_app.models.lora.names import without_wrappers
from videosketcher_app.models.noise_level import noise_level
from videosketcher_app.models.row_scaled import RowScaledLinear

Stack = Sequence[tuple[LoraAdapter, float]]
_ROUNDING = 1e-5  # of noise levels


@contextmanager
def applied(
    network: nn.Module, stack: Stack, *, base: str = "this base model", merge: bool = False
) -> Iterator[None]:
    """The network draws with these adapters, at these scales, inside the block.

    Args:
        stack: adapters with their scales, all of them at once.
        base: what messages call the network.
        merge: works with changed copies of the weights instead of hooks.

    Raises:
        InvalidFile: one of them does not fit; nothing was touched.
    """
    shapes = base_shapes(network)
    for adapter, _ in stack:
        check_fit(adapter, shapes, base)
    active = [(adapter, scale) for adapter, scale in stack if scale]
    hot = {} if merge else _hot_modules(network, active)
    parameters = {without_wrappers(name): value for name, value in network.named_parameters()}
    with ExitStack() as undo:
        base_values = {**parameters, **_unpacked(network, active, leave_out=hot)}
        changed = changed_weights(base_values, active, leave_out=hot)
        for name, value in changed.items():
            undo.callback(_set, parameters[name], parameters[name].data)
            _set(parameters[name], value)
        for name, module in hot.items():
            for branch in _branches(name, active):
                undo.callback(module.register_forward_hook(branch).remove)
        yield


def base_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shapes of the network's parameters, of linear layers as computed, however they are stored."""
    shapes = {
        without_wrappers(name): tuple(value.shape) for name, value in network.named_parameters()
    }
    for name, module in network.named_modules():
        inputs, outputs = (getattr(module, f"{side}_features", None) for side in ("in", "out"))
        if isinstance(inputs, int) and isinstance(outputs, int):
            shapes[f"{without_wrappers(name)}.weight"] = (outputs, inputs)
    return shapes


def _branches(name: str, stack: Stack) -> list[_SideBranch]:
    """What a module's output gets: one product of all adapters that begin at the same level."""
    by_level: dict[float, list[tuple[Tensor, Tensor]]] = {}
    for adapter, scale in stack:
        if name in adapter.pairs:
            factors = by_level.setdefault(first_level_in(adapter.metadata), [])
            factors.append(adapter.pairs[name].factors(scale))
    return [_SideBranch(factors, level) for level, factors in by_level.items()]


class _SideBranch:
    """Adds up(down(x)) to a linear layer's output, in the number format of its input.

    Args:
        first_level: above this noise level it adds nothing.
    """

    def __init__(self, factors: Sequence[tuple[Tensor, Tensor]], first_level: float) -> None:
        self._first_level = first_level
        self._down_RI = torch.cat([down for down, _ in factors], dim=0)
        self._up_OR = torch.cat([up for _, up in factors], dim=1)

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if self._first_level < EVERY_LEVEL and noise_level() > self._first_level + _ROUNDING:
            return output
        x = inputs[0]
        if self._down_RI.device != x.device or self._down_RI.dtype != x.dtype:
            with torch.inference_mode(False):  # so that a pass with gradients can use them too
                self._down_RI, self._up_OR = self._down_RI.to(x), self._up_OR.to(x)
        return output + F.linear(F.linear(x, self._down_RI), self._up_OR)


def _hot_modules(network: nn.Module, stack: Stack) -> dict[str, nn.Module]:
    """The linear layers that the stack adapts; anything else is small and works on a copy."""
    wanted = {name for adapter, _ in stack for name in adapter.pairs}
    plain = {without_wrappers(name): module for name, module in network.named_modules()}
    return {
        name: module
        for name, module in plain.items()
        if name in wanted and hasattr(module, "in_features")
    }


def _unpacked(network: nn.Module, stack: Stack, *, leave_out: Container[str]) -> dict[str, Tensor]:
    """What 8-bit weights mean, of those that the stack changes themselves."""
    changed = {
        f"{module}.weight" for a, _ in stack for module in a.pairs if module not in leave_out
    }
    changed |= {name for adapter, _ in stack for name in adapter.differences}
    layers = {
        f"{without_wrappers(name)}.weight": module
        for name, module in network.named_modules()
        if isinstance(module, RowScaledLinear)
    }
    return {name: layers[name].exact() for name in changed & layers.keys()}


def _set(parameter: nn.Parameter, value: Tensor) -> None:
    parameter.data = value
