"""What the machine says of itself, without a graphics card and without torch at import."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from videosketcher_app.models import machine
from videosketcher_app.models.machine import ALLOCATOR, free_unused, hold_to, look_at, use_gaps
from videosketcher_app.models.pocket import best_dtype


def test_this_machine_is_described() -> None:
    found = look_at("cpu")
    assert found.device == "cpu"
    assert found.shares_memory
    assert found.total_bytes == found.ram_bytes == psutil.virtual_memory().total
    assert 0 < found.free_bytes <= found.total_bytes
    assert found.number_bytes == best_dtype("cpu").itemsize
    assert found.name


def test_a_card_without_bfloat16_still_computes_in_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, Any] = {
        "mem_get_info": (5 * 1024**3, 6 * 1024**3),
        "get_device_capability": (7, 5),
        "get_device_name": "NVIDIA GeForce RTX 2060",
        "is_bf16_supported": False,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    found = look_at("cuda:1")
    assert found.device == "cuda:1"
    assert (found.free_bytes, found.total_bytes) == answers["mem_get_info"]
    assert not found.shares_memory
    assert not found.has_bf16
    assert not found.has_fp8
    assert found.number_bytes == 2


@pytest.mark.parametrize(("capability", "has_fp8"), [((8, 9), False), ((9, 0), True)])
def test_products_in_8_bits_are_those_that_layers_are_made_for(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], has_fp8: bool
) -> None:
    answers: dict[str, Any] = {
        "mem_get_info": (5 * 1024**3, 6 * 1024**3),
        "get_device_capability": capability,
        "get_device_name": "A card",
        "is_bf16_supported": True,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    assert look_at("cuda:0").has_fp8 == has_fp8


def test_the_driver_is_read_from_where_linux_has_it(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n"
    (tmp_path / "version").write_text(text, encoding="utf-8")
    monkeypatch.setattr(machine, "DRIVER_FILE", tmp_path / "version")
    assert machine.driver_version() == "driver 580.95.05"
    (tmp_path / "version").write_text("", encoding="utf-8")
    assert machine.driver_version() == ""
    monkeypatch.setattr(machine, "DRIVER_FILE", tmp_path / "none")
    assert machine.driver_version() == ""


def test_a_limit_reaches_torch_only_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_to("cpu", 1)
    shares: list[tuple[float, int]] = []

    class Properties:
        total_memory = 8 * 1024**3

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _index: Properties)
    monkeypatch.setattr(
        torch.cuda,
        "set_per_process_memory_fraction",
        lambda share, index: shares.append((share, index)),
    )
    for budget in (2 * 1024**3, 80 * 1024**3, None):
        hold_to("cuda:1", budget)
    assert shares == [(0.25, 1), (1.0, 1), (1.0, 1)]


@pytest.mark.parametrize(
    ("system", "before", "after"),
    [
        ("linux", {}, {ALLOCATOR: "expandable_segments:True"}),
        ("linux", {ALLOCATOR: "backend:native"}, {ALLOCATOR: "backend:native"}),
        ("linux", {"PYTORCH_CUDA_ALLOC_CONF": "x"}, {"PYTORCH_CUDA_ALLOC_CONF": "x"}),
        ("win32", {}, {}),
    ],
)
def test_gaps_are_used_where_torch_can_and_nobody_said_otherwise(
    system: str, before: dict[str, str], after: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict(before)
    monkeypatch.setattr(machine, "os", SimpleNamespace(environ=found))
    monkeypatch.setattr(machine.sys, "platform", system)
    use_gaps()
    assert found == after


def test_asking_costs_no_torch(run_python: Callable[..., Any]) -> None:
    code = (
        "import sys; from videosketcher_app.models import machine; machine.free_unused();"
        "assert not machine.is_out_of_memory(RuntimeError('out of memory'));"
        "assert 'torch' not in sys.modules"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    free_unused()
