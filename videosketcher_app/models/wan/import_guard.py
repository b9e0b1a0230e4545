"""What has to be so while diffsynth is imported for the first time.

A broken attention kernel must not take all of diffsynth down with it: it imports flash-attention and
sageattention when it is imported itself, and expects at most that they are missing. One that was
built for another torch fails in other ways; such a package is hidden here, so that diffsynth finds
it missing, and `attention` can still say what is wrong with it.

And torch's compiler must not be loaded, which takes half of the time of a sketch's imports.
diffsynth compiles a FlexAttention that none of our models calls, imports torchvision, which loads
it, to crop the pictures of its own datasets, and keeps compilers out of what reads weights.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

KERNEL_PACKAGES = ("flash_attn_interface", "flash_attn", "sageattention")
# Package -> why it cannot be imported.
broken: dict[str, str] = {}


def import_diffsynth() -> None:
    """Imports the part of diffsynth that all others import."""
    hide_broken_kernels()
    stand_ins = {
        "torch.nn.attention.flex_attention": None,
        "torchvision": Promise("torchvision"),
        "pandas": Promise("pandas"),
        "torch._dynamo": Promise("torch._dynamo", disable=disabled_when_called),
    }
    with ExitStack() as stack:
        for package, stand_in in stand_ins.items():
            stack.enter_context(standing_in(package, stand_in))
        import_module("diffsynth.core")


def hide_broken_kernels() -> None:
    """Imports each kernel package that is installed; one that fails is as good as missing."""
    for package in KERNEL_PACKAGES:
        if package in sys.modules or find_spec(package) is None:
            continue
        try:
            import_module(package)
        except (ImportError, OSError, RuntimeError, AttributeError, ValueError, TypeError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            broken[package] = reason[0][:160].rstrip(".")
            sys.modules[package] = None  # type: ignore[assignment]


class Promise(ModuleType):
    """A package that is imported when something of it is asked for, but for what is given here."""

    def __init__(self, package: str, **given: Any) -> None:
        super().__init__(package)
        self.__spec__ = find_spec(package)
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def standing_in(package: str, stand_in: ModuleType | None) -> Iterator[None]:
    """Inside, importing a package that is not loaded yet gives something else; None: it is missing."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = stand_in  # type: ignore[assignment]
    try:
        yield
    finally:
        if package in sys.modules and sys.modules[package] is stand_in:
            del sys.modules[package]


def disabled_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """`torch.compiler.disable`, which loads the compiler, asked when the function is called."""

    @functools.cache
    def disabled() -> Callable[..., Any]:
        import torch

        return torch.compiler.disable(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return disabled()(*args, **kwargs)

    return call
