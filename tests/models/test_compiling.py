"""Compiled code and LoRAs that come and go."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from videosketcher_app.models.compiling import allow_shapes


def test_compiled_code_sees_hooks_that_came_later_and_hooks_that_went() -> None:
    allow_shapes()
    layer, x = nn.Linear(4, 4), torch.randn(2, 4)
    graphs: list[torch.fx.GraphModule] = []

    def kept(graph: torch.fx.GraphModule, _inputs: list[Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    def project(module: nn.Module, value: Tensor) -> Tensor:
        return module(value) + 1

    compiled = torch.compile(project, backend=kept)
    assert torch.equal(compiled(layer, x), project(layer, x))
    for amount in (1.0, 2.0, 3.0):
        change = torch.full((4,), amount)
        hook = layer.register_forward_hook(lambda _m, _i, out, change=change: out + change)
        assert torch.equal(compiled(layer, x), project(layer, x))
        hook.remove()
    assert torch.equal(compiled(layer, x), project(layer, x))
    assert len(graphs) >= 2
