"""What was trained here, other tools load: the published keys, peft's folder, the same numbers."""

from __future__ import annotations

import json
import re

import pytest
import torch

from tests.models.lora.made import TARGETS, made, modules_of
from videosketcher_app.core.errors import DamagedModel, InvalidRequest
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.facts import describe
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.lora.trigger_words import MAX_WORDS, trigger_words_in
from videosketcher_app.models.lora.writing import named_as, trained_adapter, write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_metadata, read_safetensors

PUBLISHED_KEY = re.compile(
    r"blocks\.[01]\.((self_attn|cross_attn)\.[qkvo]|ffn\.[02])\.lora_[AB]\.default\.weight"
)


@pytest.fixture
def tiny():
    return tiny_model().transformer


def trained_with_peft(network, *, rank=3, alpha=6, steps=2):
    """A few real steps of a peft adapter on the network; returns what makes its output."""
    from peft import LoraConfig, inject_adapter_in_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        config = LoraConfig(
            r=rank, lora_alpha=alpha, target_modules=["q", "k", "v", "o", "ffn.0", "ffn.2"]
        )
        wrapped = inject_adapter_in_model(config, network)
    learned = [value for name, value in wrapped.named_parameters() if "lora_" in name]
    optimizer = torch.optim.AdamW(learned, lr=0.05)
    x = torch.randn(1, 6, network.dim, generator=torch.Generator().manual_seed(2))
    for _ in range(steps):
        optimizer.zero_grad()
        sum(block_outputs(wrapped, x)).square().mean().backward()
        optimizer.step()
    return wrapped


def block_outputs(network, x):
    return [
        layer(x)
        for block in network.blocks
        for layer in (block.self_attn.q, block.cross_attn.o, block.ffn)
    ]


def test_an_exported_run_has_the_published_keys_and_draws_the_same(tiny, tmp_path):
    wrapped = trained_with_peft(tiny)
    adapter = trained_adapter(wrapped, alpha=6)
    path = tmp_path / "style.safetensors"
    write_lora(path, adapter, trigger_words=["tigersticker_unique001"])
    stored = read_safetensors(path)
    assert len(stored) == 40
    assert all(PUBLISHED_KEY.fullmatch(name) for name in stored)
    assert trigger_words_in(read_metadata(path)) == ("tigersticker_unique001",)
    again = tiny_model().transformer
    again.load_state_dict(merged(again.state_dict(), read_lora(path)))
    x = torch.randn(1, 6, tiny.dim, generator=torch.Generator().manual_seed(5))
    fresh = tiny_model().transformer
    for ours, theirs, base in zip(
        block_outputs(again, x), block_outputs(wrapped, x), block_outputs(fresh, x), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=5e-6, rtol=0)
        assert not torch.allclose(ours, base, atol=1e-3)


@pytest.mark.parametrize("hotload", [False, True])
def test_diffsynths_own_loader_gives_the_same_output(tiny, tmp_path, hotload):
    from diffsynth.diffusion.base_pipeline import BasePipeline

    adapter = adapter_from(made(modules_of(tiny)))
    write_lora(tmp_path / "x.safetensors", adapter)
    pipe = BasePipeline(device="cpu", torch_dtype=torch.float32)
    theirs = tiny_model().transformer
    if hotload:
        theirs = pipe.enable_lora_hot_loading(theirs)
    pipe.load_lora(theirs, str(tmp_path / "x.safetensors"), hotload=hotload)
    x = torch.randn(1, 6, tiny.dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        expected = block_outputs(theirs, x)
        tiny.load_state_dict(merged(tiny.state_dict(), adapter))
        ours = block_outputs(tiny, x)
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, atol=5e-6 if hotload else 0.0, rtol=0)


def test_peft_reads_the_folder_that_is_written_for_it(tiny, tmp_path):
    from peft import PeftModel

    doubled = {n: v * 2 for n, v in made(modules_of(tiny)).items()}
    adapter = adapter_from(doubled, alpha=2.0)  # half of the rank
    write_lora(tmp_path / "style", adapter, LAYOUTS["peft"])
    assert json.loads((tmp_path / "style" / "adapter_config.json").read_text())["r"] == 4
    theirs = PeftModel.from_pretrained(tiny_model().transformer, tmp_path / "style")
    tiny.load_state_dict(merged(tiny.state_dict(), adapter))
    x = torch.randn(1, 6, tiny.dim, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        for one, other in zip(
            block_outputs(tiny, x), block_outputs(theirs.base_model.model, x), strict=True
        ):
            torch.testing.assert_close(one, other, atol=5e-6, rtol=0)


def test_the_same_adapter_gives_the_same_bytes(tiny, tmp_path):
    adapter = adapter_from(made(modules_of(tiny)))
    first = write_lora(tmp_path / "a.safetensors", adapter, trigger_words=["x"])
    again = write_lora(tmp_path / "b.safetensors", adapter, trigger_words=["x"])
    assert first == again
    assert read_lora(tmp_path / "a.safetensors").sha256 == first


def test_numbers_can_be_rounded_for_publishing(tiny, tmp_path):
    adapter = adapter_from(made(modules_of(tiny)))
    write_lora(tmp_path / "x.safetensors", adapter, dtype=torch.bfloat16)
    assert describe(read_lora(tmp_path / "x.safetensors")).numbers == ("bfloat16",)


def test_a_run_that_diverged_is_not_exported(tiny):
    wrapped = trained_with_peft(tiny, steps=1)
    with torch.no_grad():
        wrapped.blocks[0].self_attn.q.lora_A["default"].weight[0, 0] = torch.nan
    with pytest.raises(DamagedModel, match="the run holds NaN"):
        trained_adapter(wrapped, alpha=6)


def test_what_peft_has_no_place_for_is_refused(tiny, tmp_path):
    tensors = made(modules_of(tiny)) | {"blocks.0.norm3.diff": torch.ones(48)}
    with pytest.raises(InvalidRequest, match="peft's settings have no place"):
        write_lora(tmp_path / "style", adapter_from(tensors), LAYOUTS["peft"])
    assert not (tmp_path / "style").exists()
    named = named_as(adapter_from(tensors), LAYOUTS["kohya"])
    assert "lora_unet_blocks_0_norm3.diff" in named
    assert adapter_from(named).differences.keys() == {"blocks.0.norm3.weight"}


def test_an_untrained_adapter_says_so(tiny):
    tensors = made(modules_of(tiny))
    zeroed = {n: torch.zeros_like(v) if "lora_B" in n else v for n, v in tensors.items()}
    assert "changes nothing" in describe(adapter_from(zeroed)).note
    assert describe(adapter_from(tensors)).note == ""
    assert len(TARGETS) == 6


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, ()),
        ({"trigger_words": '["a", "b c"]'}, ("a", "b c")),
        ({"trigger_words": "a, b"}, ("a", "b")),
        ({"trigger_words": "3"}, ("3",)),
        ({"trigger_words": "[" * 10_000}, ("[" * 200,)),
        ({"modelspec.trigger_phrase": "ink wash, brush"}, ("ink wash", "brush")),
        ({"instance_prompt": "a\x00b\nc"}, ("ab c",)),
        ({"trigger_word": ""}, ()),
        ({"trigger_words": str(list(range(100)))}, tuple(str(n) for n in range(MAX_WORDS))),
    ],
)
def test_trigger_words_are_found_and_cleaned(metadata, words):
    assert trigger_words_in(metadata) == words
