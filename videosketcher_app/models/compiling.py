"""torch.compile for many canvases: one wrapper a function, and room for as many shapes as are drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

MAX_SHAPES = 64  # of canvases, number formats and LoRAs in the life of a process


@cache
def compiled(function: Callable[..., Any], **how: Any) -> Any:
    """The function compiled for this device; at its first call with a shape.

    Args:
        how: of `torch.compile`.
    """
    allow_shapes()
    return torch.compile(function, **how)


def allow_shapes() -> None:
    """Room for many shapes, and an eye on hooks.

    torch's default gives up after eight shapes, without a word, and runs uncompiled. It also takes
    hooks for constant: code that was compiled before a LoRA was applied would leave it out.
    """
    limit = torch._dynamo.config.recompile_limit
    torch._dynamo.config.recompile_limit = max(limit, MAX_SHAPES)
    torch._dynamo.config.skip_nnmodule_hook_guards = False
