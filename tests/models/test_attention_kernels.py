"""Attention kernels: tried before they are used; a broken one is a sentence and nothing else."""

from __future__ import annotations

import sys
import types

import pytest
import torch
import torch.nn.functional as F

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.wan import attention as kernels
from videosketcher_app.models.wan.forward import dense_attention

CPU = torch.device("cpu")


def tokens_first(q, k, v):
    """A right kernel in the layout (B, L, N, E) of flash-attention and xformers."""
    out = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)))
    return out.transpose(1, 2)


def off_by_one(q, k, v):
    return tokens_first(q, k, v) + 1


def no_kernel(q, k, v):
    raise RuntimeError("no kernel image is available for execution on the device\nmore lines")


@pytest.fixture
def installed(monkeypatch):
    """Puts a kernel package in place."""

    def install(package, name, kernel):
        module = types.ModuleType(package)
        setattr(module, name, kernel)
        parts = package.split(".")
        for depth in range(1, len(parts)):
            monkeypatch.setitem(
                sys.modules, ".".join(parts[:depth]), types.ModuleType(parts[depth - 1])
            )
        monkeypatch.setitem(sys.modules, package, module)

    return install


def drawn_with(name):
    found, kernel = kernels.chosen(name, CPU, torch.float32)
    q, k, v = torch.randn(3, 1, 2, 8, 16, generator=torch.Generator().manual_seed(0)).unbind()
    return found, float((kernel(q, k, v) - dense_attention(q, k, v)).abs().max())


@pytest.mark.parametrize(
    ("name", "package", "function"),
    [
        ("flash", "flash_attn", "flash_attn_func"),
        ("flash", "flash_attn_interface", "flash_attn_func"),
        ("xformers", "xformers.ops", "memory_efficient_attention"),
    ],
)
def test_kernels_that_want_tokens_first_compute_the_same(installed, name, package, function):
    installed(package, function, tokens_first)
    assert drawn_with(name) == (name, pytest.approx(0, abs=1e-6))
    assert drawn_with("auto")[0] == name


def test_statistics_beside_the_result_are_left_alone(installed):
    installed("flash_attn_interface", "flash_attn_func", lambda *x: (tokens_first(*x), None))
    assert drawn_with("flash") == ("flash", pytest.approx(0, abs=1e-6))


def test_sage_reads_heads_first_and_is_never_chosen_by_itself(installed):
    installed("sageattention", "sageattn", F.scaled_dot_product_attention)
    assert drawn_with("sage") == ("sage", 0)
    assert drawn_with("auto") == ("torch", 0)


@pytest.mark.parametrize(
    ("kernel", "told"),
    [(no_kernel, "no kernel image is available"), (off_by_one, "it is off by 1 on a trial")],
)
def test_a_kernel_that_does_not_work_is_one_sentence(installed, kernel, told):
    installed("flash_attn", "flash_attn_func", kernel)
    with pytest.raises(InvalidRequest, match=told) as caught:
        kernels.chosen("flash", CPU, torch.float32)
    assert "\n" not in str(caught.value)
    assert drawn_with("auto")[0] == "torch"


def test_a_package_that_cannot_be_imported_takes_nothing_down(run_python, tmp_path):
    package = tmp_path / "flash_attn"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('undefined symbol: _ZN3c10')\n")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import torch
from videosketcher_app.models.wan.network import TransformerConfig
from videosketcher_app.models.wan.attention import chosen
from videosketcher_app.core.errors import InvalidRequest
try:
    chosen("flash", "cpu", torch.float32)
except InvalidRequest as error:
    print(error.message)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert "undefined symbol: _ZN3c10" in done.stdout
