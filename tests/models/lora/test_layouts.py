"""Every published way to name a LoRA's tensors is identified, and holds the same adapter."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.lora.made import made, modules_of, published_modules
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.facts import describe
from videosketcher_app.models.lora.families import SIZES
from videosketcher_app.models.lora.layouts import LAYOUTS, UNNAMED, layout_named
from videosketcher_app.models.lora.merging import merge_into
from videosketcher_app.models.lora.names import take_apart
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.lora.writing import named_as, write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors


@pytest.fixture(scope="module")
def tiny():
    return tiny_model().transformer


@pytest.fixture(scope="module")
def tensors(tiny):
    return made(modules_of(tiny))


def same(one, other):
    """True if two adapters add exactly the same to every module."""
    equal = [
        torch.equal(pair.difference(1.0), other.pairs[module].difference(1.0))
        for module, pair in one.pairs.items()
    ]
    return one.pairs.keys() == other.pairs.keys() and all(equal)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_is_identified_and_holds_the_same_adapter(name, tensors, tmp_path):
    adapter = adapter_from(tensors)
    assert adapter.layout == "diffsynth"
    write_lora(tmp_path / "x.safetensors", adapter, LAYOUTS[name])
    again = read_lora(tmp_path / "x.safetensors")
    assert again.layout == name
    assert len(again.pairs) == 20
    assert same(adapter, again)


def test_names_of_all_layouts_at_14b_are_taken_apart():
    modules = published_modules(5120, 13824, 40)
    modules |= {"blocks.0.cross_attn.k_img": (5120, 5120), "head.head": (64, 5120)}
    modules |= {"blocks.3.norm3": (1, 1), "blocks.3": (1, 1)}
    modules |= {
        f"{part}.{n}": (1, 1) for part in ("text_embedding", "time_embedding") for n in (0, 2)
    }
    modules |= {"time_projection.1": (1, 1), "img_emb.proj.1": (1, 1), "img_emb.proj.3": (1, 1)}
    for layout in LAYOUTS.values():
        for module in modules:
            for ending, kind in ((layout.down, "down"), (layout.up, "up"), ("alpha", "alpha")):
                part = take_apart(f"{layout.base_of(module)}.{ending}")
                assert part is not None
                assert (part.module, part.kind) == (module, kind), layout.name


def test_a_layout_is_named_by_its_name():
    assert layout_named("kohya").has_alpha
    with pytest.raises(InvalidRequest, match="no LoRA layout 'sd'"):
        layout_named("sd")


# What VideoSketcher and the vector style publish, by their sizes.
PUBLISHED = {
    "Wan 14B": (5120, 13824, 40, 800),
    "Wan 1.3B": (1536, 8960, 30, 600),
    "Pocket": (384, 1024, 7, 140),
}


@pytest.mark.parametrize("prefix", ["", "pipe.dit.", "diffusion_model.", "base_model.model."])
@pytest.mark.parametrize("size", PUBLISHED)
def test_published_files_are_identified_by_their_shapes(size, prefix, tmp_path):
    dim, ffn_dim, num_layers, num_tensors = PUBLISHED[size]
    modules = published_modules(dim, ffn_dim, num_layers)
    tensors = made(modules, rank=1, dtype=torch.bfloat16)
    assert len(tensors) == num_tensors
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {prefix + name: value for name, value in tensors.items()})
    facts = describe(read_lora(path))
    assert (facts.fits, facts.num_modules, facts.num_blocks) == (
        size,
        num_tensors // 2,
        num_layers,
    )
    assert facts.ranks == (1,)
    assert facts.numbers == ("bfloat16",)
    assert facts.targets["cross_attn.v"] == num_layers
    assert len(facts.targets) == 10


@pytest.mark.parametrize(
    "dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16, torch.float64]
)
def test_number_formats_are_read_and_applied_as_they_are(tiny, dtype, tmp_path):
    write_safetensors(tmp_path / "x.safetensors", made(modules_of(tiny), dtype=dtype))
    adapter = read_lora(tmp_path / "x.safetensors")
    assert describe(adapter).numbers == (str(dtype).removeprefix("torch."),)
    assert describe(adapter).note == ""
    pair = adapter.pairs["blocks.0.ffn.0"]
    expected = pair.up_OR.float() @ pair.down_RI.float()
    weights = merge_into(tiny.state_dict(), read_safetensors(tmp_path / "x.safetensors"))
    added = weights["blocks.0.ffn.0.weight"] - tiny.state_dict()["blocks.0.ffn.0.weight"]
    torch.testing.assert_close(added, expected, atol=1e-6, rtol=0)


def test_sizes_do_not_explain_each_other():
    for size in SIZES:
        shapes = {
            f"{module}.weight": shape
            for module, shape in published_modules(size.dim, size.ffn_dim, size.num_layers).items()
        }
        assert [other.name for other in SIZES if other.explains(shapes)] == [size.name]


def test_prefixes_and_wrappers_on_top_of_each_other(tiny, tensors):
    wrapped = {
        f"base_model.model._orig_mod.diffusion_model.{name}": value
        for name, value in tensors.items()
    }
    adapter = adapter_from(wrapped)
    assert same(adapter, adapter_from(tensors))
    assert adapter.layout == UNNAMED
    merged = merge_into(tiny.state_dict(), wrapped)
    plain = merge_into(tiny.state_dict(), tensors)
    assert all(torch.equal(merged[name], plain[name]) for name in plain)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize("container", ["", "state_dict", "lora"])
def test_plain_pickles_are_read(suffix, container, tensors, tmp_path):
    path = tmp_path / f"x{suffix}"
    torch.save({container: tensors} if container else tensors, path)
    assert same(read_lora(path), adapter_from(tensors))


def test_alpha_scales_by_the_rank(tensors):
    layout = LAYOUTS["musubi"]
    named = named_as(adapter_from(tensors), layout)
    halved = {k: v * 0.5 if k.endswith(".alpha") else v for k, v in named.items()}
    adapter = adapter_from(halved)
    for module, pair in adapter_from(tensors).pairs.items():
        assert torch.equal(adapter.pairs[module].difference(1.0), pair.difference(0.5))
    folded = adapter_from(named_as(adapter))  # no alpha in the published layout
    assert same(folded, adapter)
    assert {pair.alpha for pair in folded.pairs.values()} == {4.0}


def test_alpha_beside_a_peft_folder(tensors, tmp_path):
    named = named_as(adapter_from(tensors), LAYOUTS["peft"])
    write_safetensors(tmp_path / "adapter_model.safetensors", named)
    for settings, strength in (
        ({"r": 4, "lora_alpha": 8}, 2.0),
        ({"r": 4, "lora_alpha": 8, "use_rslora": True}, 4.0),
    ):
        (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
        adapter = read_lora(tmp_path)
        pair = adapter.pairs["blocks.0.ffn.0"]
        assert pair.alpha / pair.rank == strength


def test_whole_differences_come_along(tiny, tensors):
    """Few-step LoRAs hold differences of biases, norms and modulations too."""
    dim = tiny.dim
    extra = {
        "blocks.0.self_attn.q.diff_b": torch.full((dim,), 0.5),
        "blocks.1.norm3.diff": torch.full((dim,), 0.25),
        "blocks.1.diff_m": torch.full((1, 6, dim), 0.125),
    }
    base = tiny.state_dict()
    merged = merge_into(base, {f"diffusion_model.{k}": v for k, v in (tensors | extra).items()}, 2)
    for name, added in (
        ("blocks.0.self_attn.q.bias", 1.0),
        ("blocks.1.norm3.weight", 0.5),
        ("blocks.1.modulation", 0.25),
    ):
        torch.testing.assert_close(merged[name] - base[name], torch.full_like(base[name], added))
