"""torch.compile for many canvases: one wrapper a function, and room for as many shapes as are drawn.

Code for a card is compiled on the machine that draws, with Triton and a C compiler; Windows comes
without the first and many a fresh system without the second. `can_compile` finds out by trying.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

logger = logging.getLogger(__name__)
MAX_SHAPES = 64  # of canvases, number formats and LoRAs in the life of a process


@cache
def compiled(function: Callable[..., Any], **how: Any) -> Any:
    """The function compiled for this device; at its first call with a shape.

    Args:
        how: of `torch.compile`.
    """
    allow_shapes()
    return torch.compile(function, **how)


@cache
def can_compile(device_type: str) -> bool:
    """Whether a line of arithmetic can be compiled for "cuda", "cpu" or "mps" here; tried once.

    Raises:
        OutOfMemoryError: not even this line fits; it says nothing about compiling.
    """
    try:
        torch.compile(_a_line)(torch.ones(3, device=device_type))
    except torch.OutOfMemoryError:
        raise
    except (
        RuntimeError,
        ImportError,
        OSError,
    ) as error:  # what compilers raise when they miss parts
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        logger.warning("nothing is compiled for %s here, which is slower: %s", device_type, reason)
        return False
    return True


def _a_line(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x) * 2 + 1


def allow_shapes() -> None:
    """Room for many shapes, and an eye on hooks.

    torch's default gives up after eight shapes, without a word, and runs uncompiled. It also takes
    hooks for constant: code that was compiled before a LoRA was applied would leave it out.
    """
    limit = torch._dynamo.config.recompile_limit
    torch._dynamo.config.recompile_limit = max(limit, MAX_SHAPES)
    torch._dynamo.config.skip_nnmodule_hook_guards = False
