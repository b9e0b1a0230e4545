"""Studio models from the shell: drawn from files in the published layouts, over a clip, as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models import published_wan
from videosketcher_app.cli.main import main
from videosketcher_app.models.weights_folder import use_weights
from videosketcher_app.storage.media import write_png, write_video
from videosketcher_app.storage.tensors import write_safetensors

NAME = "wan2.1-t2v-1.3b"
SMALL = ["--num-inference-steps", "1", "--width", "64", "--height", "48", "--quiet", "--json"]


def run(capsys, *words):
    code = main(list(map(str, words)))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace of this test's own."""
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    yield tmp_path / "workspace"
    use_weights(None)


@pytest.fixture
def studio(workspace):
    """Tiny files of Wan 1.3B where downloads would put them."""
    published_wan.write_model(workspace / "models", NAME)
    return workspace


def config_of(out):
    folder = Path(json.loads(out)["folder"])
    return json.loads((folder / f"{folder.name}_config.json").read_text("utf-8"))


def test_a_studio_model_draws_and_says_how(studio, capsys, tmp_path):
    words = ["sketch", "a cat", "--model", NAME, *SMALL, "--output-dir", tmp_path / "out"]
    how = ["--num-frames", 5, "--attention", "auto", "--negative-prompt", "a dog"]
    code, out, err = run(capsys, *words, *how)
    assert code == 0, err
    assert json.loads(out)["frames"] == 5
    settings = config_of(out)["settings"]
    assert settings["attention"] == "torch"
    assert settings["rounding"] == "none"
    assert settings["cfg_scale"] == 5.0

    code, out, err = run(capsys, *words, "--num-frames", 1)
    assert code == 0, err
    assert json.loads(out)["frames"] == 1, "one frame is a picture"


def test_an_empty_negative_prompt_is_none_at_all(studio, capsys, tmp_path):
    def drawn(*what):
        folder = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
        code, out, err = run(capsys, *what, "--json", "--quiet", "--output-dir", folder)
        assert code == 0, err
        drawing = Path(json.loads(out)["folder"])
        return config_of(out), (drawing / f"{drawing.name}.mp4").read_bytes()

    sketch = ["sketch", "a cat", "--model", NAME, *SMALL[:-2], "--num-frames", 5]
    own, own_video = drawn(*sketch)
    none, none_video = drawn(*sketch, "--negative-prompt", "")
    assert (own["request"]["negative_prompt"], none["request"]["negative_prompt"]) == (None, "")
    assert own_video != none_video, (
        "one moves away from the published words, the other from nothing"
    )
    replayed = tmp_path / "config.json"
    for config, video in ((own, own_video), (none, none_video)):
        replayed.write_text(json.dumps(config), "utf-8")
        assert drawn("sketch", "--request", replayed) == (config, video)
    del own["request"]["negative_prompt"]  # a file in which nobody said anything of it
    replayed.write_text(json.dumps(own), "utf-8")
    assert drawn("sketch", "--request", replayed)[1] == own_video


def test_a_missing_kernel_and_a_missing_file_are_one_sentence(studio, capsys, tmp_path):
    words = ["sketch", "a cat", "--model", NAME, *SMALL, "--output-dir", tmp_path / "out"]
    code, _, err = run(capsys, *words, "--num-frames", 5, "--attention", "xformers")
    assert code == 2
    assert "'xformers' does not work here" in err
    (studio / "models" / "wan2.1-vae" / published_wan.VAE_FILE).unlink()
    code, _, err = run(capsys, *words, "--num-frames", 5)
    assert code == 3
    assert "wan2.1-vae" in err


def write_lora(path, rank=2):
    """A LoRA in the published layout, for the tiny transformer."""
    random = torch.Generator().manual_seed(4)
    tensors = {}
    for name, value in published_wan.dit_tensors().items():
        module = name.removesuffix(".weight")
        if module.endswith((".q", ".k", ".v", ".o", ".ffn.0", ".ffn.2")):
            outer, inner = value.shape
            tensors[f"{module}.lora_A.default.weight"] = torch.randn(rank, inner, generator=random)
            tensors[f"{module}.lora_B.default.weight"] = torch.randn(outer, rank, generator=random)
    write_safetensors(path, tensors)


def test_the_vector_preset_draws_with_its_lora(studio, capsys, tmp_path):
    words = ["sketch", "a tigersticker_unique001 cub", "--preset", "vector_style", *SMALL]
    words += ["--num-frames", 5, "--output-dir", tmp_path / "out"]
    code, _, err = run(capsys, *words)
    assert code == 3
    assert "models download vector-tiger-lora" in err
    write_lora(studio / "models" / "vector-tiger-lora" / "lora.safetensors")
    code, out, err = run(capsys, *words)
    assert code == 0, err
    config = config_of(out)
    assert config["request"]["as_written"] is True
    assert list(config["loras"]) == ["vector-tiger-lora"]
    code, _, err = run(capsys, "sketch", "a cat", "--preset", "vectors")
    assert (code, "Known presets: default" in err) == (2, True)


def test_a_clip_is_drawn_over(workspace, capsys, tmp_path):
    clip = tmp_path / "clip.mp4"
    frames = np.full((12, 96, 144, 3), 255, np.uint8)
    frames[6:, 40:50, 20:120] = 0
    write_video(clip, frames, fps=8)
    words = ["sketch", "a cat", "--model", "tiny", "--num-frames", 9, "--quiet", "--json"]
    words += ["--output-dir", tmp_path / "out"]
    drawn = []
    for how in ([], ["--input-video", clip, "--strength", "0.3"]):
        code, out, err = run(capsys, *words, *how)
        assert code == 0, err
        drawn.append(config_of(out))
    plain, over = drawn
    assert "input_video" not in plain["request"]
    assert over["request"]["input_video"] == str(clip)
    assert over["settings"]["strength"] == 0.3

    picture = tmp_path / "picture.png"
    write_png(picture, frames[-1])
    code, _, err = run(capsys, *words, "--input-video", picture)
    assert code == 0, err


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (["--strength", "0.5"], "there is no clip"),
        (["--input-video", "no-such-clip.mp4"], "no-such-clip.mp4"),
        (["--attention", "flash"], "does not attend with 'flash'"),
        (["--rounding", "reference"], "no published rounding"),
    ],
)
def test_what_a_model_cannot_do_is_refused(workspace, capsys, tmp_path, how, told):
    words = ["sketch", "a cat", "--model", "tiny", "--num-frames", "9", "--quiet"]
    code, _, err = run(capsys, *words, "--output-dir", tmp_path / "out", *how)
    assert code == 2
    assert told in err
