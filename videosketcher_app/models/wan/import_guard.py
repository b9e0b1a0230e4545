"""Keeps a broken attention kernel from taking all of diffsynth down with it.

diffsynth imports flash-attention and sageattention when it is imported itself, and expects at most
that they are missing. One that was built for another torch fails in other ways; such a package is
hidden here, so that diffsynth finds it missing, and `attention` can still say what is wrong with it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

KERNEL_PACKAGES = ("flash_attn_interface", "flash_attn", "sageattention")
# Package -> why it cannot be imported.
broken: dict[str, str] = {}


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
