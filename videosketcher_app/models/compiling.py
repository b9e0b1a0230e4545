"""torch.compile for many canvases: one wrapper a function, and room for as many shapes as are drawn.

Code for a card is compiled on the machine that draws, with Triton and a C compiler; Windows comes
without the first and many a fresh system without the second. `can_compile` finds out by trying.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

logger = logging.getLogger(__name__)
_constant_later: list[Callable[..., Any]] = []
MAX_SHAPES = 64  # of canvases, number formats and LoRAs in the life of a process


@cache
def compiled(function: Callable[..., Any], **how: Any) -> Any:
    """The function compiled for this device; at its first call with a shape.

    Args:
        how: of `torch.compile`.
    """
    allow_shapes()
    while _constant_later:
        torch.compiler.assume_constant_result(_constant_later.pop())
    return torch.compile(function, **how)


def constant_when_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.compiler.assume_constant_result`, which loads the compiler, as soon as that is loaded.

    A sketch that compiles nothing is drawn without it, seconds sooner.
    """
    if "torch._dynamo" in sys.modules:
        return torch.compiler.assume_constant_result(function)
    _constant_later.append(function)
    return function


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
