"""Compiled code and LoRAs that come and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import RunPython
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


ASKED = """
import logging
import sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from videosketcher_app.models.compiling import can_compile
print(can_compile("cpu"), can_compile("cpu"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_machine_is_asked_whether_it_compiles(
    has_compiler: bool, run_python: RunPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    if not has_compiler:
        monkeypatch.setenv("CXX", str(tmp_path / "no-such-compiler"))
    done = run_python(ASKED)
    assert done.returncode == 0, done.stderr[-2000:]
    told = done.stdout.count("nothing is compiled for cpu here")
    assert done.stdout.strip().endswith(f"{has_compiler} {has_compiler}")
    assert told == (not has_compiler), "once"
