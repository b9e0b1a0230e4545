"""A wrong LoRA is refused by one clear sentence, and the base is never touched."""

from __future__ import annotations

import pytest
import torch

from tests.models.lora.made import made, modules_of
from tests.models.lora.wrong_loras import WRONG
from videosketcher_app.core.errors import AppError
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.tiny import tiny_model

MAX_SENTENCE = 400


@pytest.fixture(scope="module")
def tiny():
    return tiny_model().transformer


@pytest.fixture(scope="module")
def good(tiny):
    return adapter_from(made(modules_of(tiny), seed=3))


def draw_with(network, good, path, merge):
    with applied(network, [(good, 1.0), (read_lora(path), 1.0)], base="tiny", merge=merge):
        raise RuntimeError("the base was touched")


def test_there_are_enough_of_them():
    assert len(WRONG) >= 60


@pytest.mark.row("F6", "wrong LoRAs")
@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_loras_are_refused_before_the_base_is_touched(name, merge, tiny, good, tmp_path):
    make, sentence = WRONG[name]
    path = make(tmp_path)
    before = {name: (value, value.clone()) for name, value in tiny.state_dict().items()}
    with pytest.raises(AppError, match=sentence) as caught:
        draw_with(tiny, good, path, merge)
    told = caught.value
    assert told.hint
    assert "\n" not in told.message
    assert 20 < len(told.message) <= MAX_SENTENCE
    after = tiny.state_dict()
    assert after.keys() == before.keys()
    for name, (value, copy) in before.items():
        assert after[name].data_ptr() == value.data_ptr()
        assert torch.equal(after[name], copy)
    assert not any(module._forward_hooks for module in tiny.modules())
