"""Gradio's start without its type stubs.

Every class of a Gradio component, ours included, parses the file it stands in and writes a stub
(`.pyi`) beside it, each time that it is imported. Editors may want these; a window that shall open
quickly does not: they are a third of the processor time until the page is up.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

_WRITER = "gradio.component_meta"


class _WithoutStubs(SourceFileLoader):
    """Loads the module that writes stubs, and takes the pen away from it."""

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module."""
        super().exec_module(module)
        assert hasattr(module, "create_or_modify_pyi"), "Gradio writes its stubs elsewhere now"
        module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    """Finds that one module, and leaves all others to Python."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module with our loader; None for every other name."""
        if name != _WRITER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _WithoutStubs(name, spec.origin)
        return spec


def skip_type_stubs() -> None:
    """Call it before Gradio is imported for the first time; later it changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
