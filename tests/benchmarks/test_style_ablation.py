"""The ablation of the two stages runs from a raw base to its report, in pieces, on tiny networks."""

from __future__ import annotations

import json

import pytest

from benchmarks.style_ablation import main
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.lora.reading import read_lora

TINY = (
    "{dim: 48, num_layers: 1, num_heads: 2, ffn_dim: 64, width: 96, height: 48, num_frames: 9, "
    "num_steps: 2, batch_size: 1, num_workers: 0, compiled: false, max_stamps: 512, budget_s: null}"
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_every_piece_leaves_what_the_next_one_needs(tmp_path, capsys):
    def piece(name, *words):
        main([name, "--folder", str(tmp_path), *words])

    with pytest.raises(InvalidRequest, match="no raw base"):
        piece("style", "--alone")
    piece("base", "--changes", TINY)
    few = ["--rank", "4", "--steps", "2"]
    piece("draw", *few, "--drawings", "3")
    draw = tmp_path / "draw_4" / "lora.safetensors"
    assert read_lora(draw).ranks == (4,)
    for arm in ([], ["--alone"]):
        piece("style", *few, *arm)
    piece("score", "--rank", "4", "--limit", "1")
    (tmp_path / "alone_4.json").write_text('{"order": 0.5}', "utf-8")
    scored = json.loads((tmp_path / "both_4.json").read_text("utf-8"))
    (tmp_path / "both_4.json").write_text(json.dumps({**scored, "order": 0.75}), "utf-8")
    capsys.readouterr()
    piece("report")
    told = json.loads(capsys.readouterr().out)
    assert told["gain"] == {"4": 0.25}
    both, alone = (tmp_path / f"{arm}_4" / "lora.safetensors" for arm in ("both", "alone"))
    assert both.read_bytes() != alone.read_bytes()
