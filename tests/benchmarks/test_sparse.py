"""The benchmark of sparse attention measures what it says, on a shape of a few tokens."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from benchmarks import sparse
from benchmarks.lines import Lines
from videosketcher_app.models.sparse_attention.presets import PUBLISHED


@pytest.fixture(params=["wan2.1-14b-480p", "cogvideox-1.5-768p"])
def setting(request):
    small = sparse.setting_of(request.param, is_small=True, rounds=1)
    layout = replace(small.model.layout, tokens_per_frame=24)
    model = replace(small.model, layout=layout, num_heads=2, head_width=32)
    return replace(small, model=model, device=torch.device("cpu"), dtype=torch.float32)


def _lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_row_writes_valid_lines(setting, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sparse, "PLANTED_HEADS", 6)
    path = tmp_path / "results" / "sparse.jsonl"
    with torch.inference_mode():
        for row in sparse.ROWS.values():
            row(setting, Lines("sparse", path))
    lines = _lines(capsys)
    assert [line["valid"] for line in lines] == [True] * 5
    assert {line["shape"] for line in lines} == {setting.shape}
    planted = next(line for line in lines if line["what"] == "planted heads")
    assert planted["recognized"] == planted["heads"] == 6
    layer = lines[-1]
    assert set(layer["seconds"]) == {"dense", "kernel", "layer"}
    assert 0 < layer["density"] < 1
    assert len(path.read_text("utf-8").splitlines()) == 5


def test_a_wrong_kernel_voids_its_speed(setting, capsys, monkeypatch):
    monkeypatch.setattr(sparse, "band_attention", lambda _, q, k, v, band: v)
    with torch.inference_mode():
        sparse.cosine_row(setting, Lines("sparse"))
        sparse.speed_row(setting, Lines("sparse"))
    assert not any(line["valid"] for line in _lines(capsys))


def test_shapes_are_the_published_ones():
    setting = sparse.setting_of("wan2.1-14b-480p", is_small=False, rounds=7)
    assert setting.model == PUBLISHED["wan2.1-14b-480p"]
    assert (setting.model.num_heads, setting.model.head_width) == (40, 128)
    assert setting.model.layout.num_tokens == 21 * 1560
