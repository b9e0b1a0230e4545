"""Merging writes a whole model beside the base, or nothing; the base's files are only read."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch

from tests.models.lora.made import made, modules_of
from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, Interrupted
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.merged_model import write_merged
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors


@pytest.fixture(scope="module")
def tiny():
    return tiny_model()


@pytest.fixture(scope="module")
def stack(tiny):
    modules = modules_of(tiny.transformer)
    return [(adapter_from(made(modules, seed=seed)), scale) for seed, scale in ((1, 0.5), (2, -1))]


@pytest.fixture
def pocket(tiny, tmp_path):
    """A Pocket folder with int8 weights."""
    tiny.save(tmp_path / "base")
    return tmp_path / "base"


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_pocket_folder_is_merged_without_rounding_again(pocket, stack, tmp_path):
    before = hashes(pocket)
    (written,) = write_merged(pocket, stack, tmp_path / "styled")
    base = load_pocket(pocket, "cpu", torch.float32)
    model = load_pocket(tmp_path / "styled", "cpu", torch.float32)
    weights = base.transformer.state_dict()
    for adapter, scale in stack:
        weights = merged(weights, adapter, scale)
    for name, value in model.transformer.state_dict().items():
        torch.testing.assert_close(value, weights[name], atol=1e-6, rtol=0)
    for name, value in model.text_encoder.state_dict().items():
        assert torch.equal(value, base.text_encoder.state_dict()[name])
    assert written.parent.name == "styled"
    assert (model.name, base.name) == ("styled", "tiny")
    assert hashes(pocket) == before


def test_shards_are_merged_one_by_one(tiny, stack, tmp_path):
    weights = {n: v.to(torch.bfloat16) for n, v in tiny.transformer.state_dict().items()}
    names = sorted(weights)
    for part, start in enumerate((0, 15, 30)):
        end = len(names) if part == 2 else start + 15
        shard = {f"model.{n}": weights[n] for n in names[start:end]}
        write_safetensors(tmp_path / "wan" / f"part-{part}.safetensors", shard)
    before = hashes(tmp_path / "wan")
    files = write_merged(tmp_path / "wan", stack, tmp_path / "out")
    assert [file.name for file in files] == [f"part-{n}.safetensors" for n in range(3)]
    written = {name: value for file in files for name, value in read_safetensors(file).items()}
    whole = weights
    expected = {n: v.float() for n, v in weights.items()}
    for adapter, scale in stack:
        expected = merged(expected, adapter, scale)
    assert written.keys() == whole.keys()
    for name, value in written.items():
        assert torch.equal(value, expected[name].to(torch.bfloat16)), name
    assert hashes(tmp_path / "wan") == before


def test_a_file_becomes_a_file(tiny, stack, tmp_path):
    base = tmp_path / "wan.safetensors"
    write_safetensors(base, tiny.transformer.state_dict())
    (out,) = write_merged(base, stack[:1], tmp_path / "out.safetensors")
    assert out == tmp_path / "out.safetensors"
    assert not torch.equal(
        read_safetensors(out)["blocks.0.ffn.0.weight"],
        read_safetensors(base)["blocks.0.ffn.0.weight"],
    )


def test_what_cannot_be_merged_is_refused_and_leaves_nothing(pocket, stack, tmp_path):
    foreign = adapter_from(made({"blocks.9.self_attn.q": (48, 48)}))
    packed = pocket / "transformer.safetensors"
    (tmp_path / "empty").mkdir()
    (tmp_path / "adapted").mkdir()
    (tmp_path / "adapted" / "model.json").write_text(json.dumps({"name": "x", "base": "tiny"}))
    cases = [
        (tmp_path / "nowhere", stack, "out", "no model at"),
        (pocket, stack, "empty", "something at"),
        (pocket, stack, "out.safetensors", "cannot hold"),
        (packed, stack, "out", "cannot hold"),
        (packed, stack, "out.safetensors", "packed as int8"),
        (tmp_path / "empty", stack, "out", "no safetensors files"),
        (tmp_path / "adapted", stack, "out", "shares the weights of another model"),
        (pocket, [*stack, (foreign, 1.0)], "out", "0 of 1 adapted modules match"),
    ]
    there = sorted(path.name for path in tmp_path.iterdir())
    for base, adapters, name, told in cases:
        with pytest.raises(AppError, match=told):
            write_merged(base, adapters, tmp_path / name)
        assert sorted(path.name for path in tmp_path.iterdir()) == there


def test_a_break_while_writing_leaves_no_half_model(pocket, stack, tmp_path):
    before = hashes(pocket)
    with faults.armed("atomic.opened"), pytest.raises(Interrupted):
        write_merged(pocket, stack, tmp_path / "styled")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    assert hashes(pocket) == before
