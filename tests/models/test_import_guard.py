"""What is imported for a drawing: no compiler, and nothing that is missing afterwards."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

import pytest

from videosketcher_app.models.wan.import_guard import (
    Promise,
    disabled_when_called,
    standing_in,
)

DRAWS = """
import sys
import videosketcher_app.engines.text
import videosketcher_app.models.pocket
import videosketcher_app.models.tiny
print([name for name in ("torch._dynamo", "torch._inductor", "torchvision") if name in sys.modules])
"""
USES = """
from PIL import Image
from videosketcher_app.models.wan import network
from diffsynth.core.data.operators import ImageCropAndResize
from diffsynth.core.vram.layers import AutoWrappedModule
import torch, torch._dynamo, torchvision
from torch.nn.attention.flex_attention import flex_attention
small = ImageCropAndResize(8, 8, None, 8, 8)(Image.new("RGB", (16, 32)))
print(small.size, torch._dynamo.disable.__module__, torchvision.__file__.endswith("__init__.py"))
"""
CONSTANT = """
import sys
from videosketcher_app.models.compiling import compiled, constant_when_compiled

asked = []

@constant_when_compiled
def answer():
    asked.append(1)
    return len(asked)

assert "torch._dynamo" not in sys.modules
import torch

def sum_with_answer(x):
    return x + answer()

quick = compiled(sum_with_answer, backend="eager", fullgraph=True)
print([int(quick(torch.tensor(n))) for n in (10, 20, 30)], len(asked))
late = constant_when_compiled(lambda: 5)
print(late._dynamo_marked_constant)
"""


def test_a_drawing_loads_no_compiler(run_python):
    done = run_python(DRAWS)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.slow
def test_what_was_kept_out_is_there_when_it_is_used(run_python):
    done = run_python(USES)
    assert done.stdout.strip() == "(8, 8) torch._dynamo.decorators True", done.stderr


@pytest.mark.slow
def test_a_function_is_constant_from_the_first_compilation_on(run_python):
    done = run_python(CONSTANT)
    assert done.stdout.split("\n")[:2] == ["[11, 21, 31] 1", "True"], done.stderr


def test_a_promise_is_kept_when_something_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "promised_thing.py").write_text("value = 7\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    promise = Promise("promised_thing", given=3)
    with standing_in("promised_thing", promise):
        assert import_module("promised_thing") is promise
        assert promise.given == 3
        assert import_module("promised_thing") is promise
    assert "promised_thing" not in sys.modules
    assert promise.value == 7
    assert sys.modules.pop("promised_thing") is not promise
    with pytest.raises(AttributeError):
        promise.nothing_of_that_name  # noqa: B018
    del sys.modules["promised_thing"]


def test_a_promise_is_kept_while_it_stands_in(tmp_path, monkeypatch):
    (tmp_path / "promised_thing.py").write_text("value = 7\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with standing_in("promised_thing", Promise("promised_thing")):
        assert import_module("promised_thing").value == 7
        real = import_module("promised_thing")
        assert type(real) is ModuleType
    assert sys.modules.pop("promised_thing") is real


def test_a_package_that_is_loaded_is_left_alone():
    with standing_in("sys", None):
        assert sys.modules["sys"] is sys
    assert sys.modules["sys"] is sys


def test_a_function_that_is_never_compiled_keeps_its_name_and_answers():
    @disabled_when_called
    def doubled(x):
        """Twice."""
        return 2 * x

    assert (doubled(4), doubled.__name__, doubled.__doc__) == (8, "doubled", "Twice.")
