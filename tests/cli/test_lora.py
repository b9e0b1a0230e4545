"""`lora` and `--lora`: one line a result, one line an error, nothing half-written."""

from __future__ import annotations

import json

import pytest

from tests.models.lora.made import made, modules_of, published_modules
from videosketcher_app.cli.main import main
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model

DRAW = ["--model", "tiny", "--num-frames", "9", "--device", "cpu"]


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "home"))


@pytest.fixture
def ink(tmp_path):
    adapter = adapter_from(made(modules_of(tiny_model().transformer)))
    write_lora(tmp_path / "ink.safetensors", adapter, trigger_words=["ink wash"])
    return tmp_path / "ink.safetensors"


def run(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_inspect_says_what_it_is(capsys, ink):
    code, out, _ = run(capsys, "lora", "inspect", ink)
    assert code == 0
    for told in ("fits:           tiny", "layout:         diffsynth", "20 in 2 blocks", "ink wash"):
        assert told in out
    code, out, _ = run(capsys, "lora", "inspect", ink, "--json")
    facts = json.loads(out)
    assert (facts["fits"], facts["ranks"], facts["num_modules"]) == ("tiny", [4], 20)
    assert facts["sha256"] == read_lora(ink).sha256


def test_inspect_knows_the_published_sizes(capsys, tmp_path):
    tensors = made(published_modules(1536, 8960, 30), rank=1)
    write_lora(tmp_path / "x.safetensors", adapter_from(tensors), LAYOUTS["kohya"])
    _, out, _ = run(capsys, "lora", "inspect", tmp_path / "x.safetensors")
    assert "fits:           Wan 1.3B" in out
    assert "layout:         kohya" in out


def test_the_folder_from_import_to_remove(capsys, ink):
    assert run(capsys, "lora", "list") == (0, "", "")
    assert run(capsys, "lora", "import", ink, "--name", "wash")[0] == 0
    _, out, _ = run(capsys, "lora", "list")
    assert out.split() == ["wash", "tiny", "rank", "4,", "say", "ink", "wash"]
    _, out, _ = run(capsys, "lora", "words", "wash", "soft", "wet ink", "--json")
    assert json.loads(out)["trigger_words"] == ["soft", "wet ink"]
    assert run(capsys, "lora", "inspect", "wash")[0] == 0
    assert run(capsys, "lora", "remove", "wash") == (0, "wash: gone\n", "")
    code, out, err = run(capsys, "lora", "remove", "wash")
    assert (code, out) == (3, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_convert_writes_every_layout(capsys, ink, layout, tmp_path):
    out = tmp_path / ("style" if layout == "peft" else "out.safetensors")
    code, told, _ = run(capsys, "lora", "convert", ink, out, "--layout", layout, "--json")
    assert code == 0
    assert json.loads(told)["layout"] == layout
    assert read_lora(out).layout == layout
    assert run(capsys, "lora", "convert", ink, out)[0] == 2  # it is there already


def test_merge_writes_a_model_that_draws(capsys, ink, tmp_path):
    tiny_model().save(tmp_path / "base")
    out = tmp_path / "styled"
    words = ["lora", "merge", "--base", tmp_path / "base", "--lora", f"{ink}=0.5", out]
    assert run(capsys, *words)[:2] == (0, f"{out}\n")
    assert {path.name for path in out.iterdir()} == {
        "model.json",
        "tokenizer.json",
        "transformer.safetensors",
        "text_encoder.safetensors",
        "vae.safetensors",
    }


def test_sketch_with_a_lora_and_its_replay(capsys, ink, tmp_path):
    out = ["--output-dir", tmp_path / "out"]
    words = ["sketch", "a cat", *DRAW, "--lora", f"{ink}=0.5", *out, "--json"]
    code, told, remarks = run(capsys, *words)
    assert code == 0
    assert "answers to words of its own: ink wash." in remarks
    config = json.loads(told)["files"]["config"]
    replay = ["sketch", "--request", config, "--device", "cpu", *out, "--quiet"]
    assert run(capsys, *replay)[0] == 0
    ink.unlink()
    code, _, err = run(capsys, *replay)
    assert code == 3
    assert "There is no LoRA at" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cat"]


def test_a_batch_draws_again_when_the_lora_has_changed(capsys, ink, tmp_path):
    (tmp_path / "prompts.txt").write_text("a cat\n", encoding="utf-8")
    words = ["sketch", "--prompts-file", tmp_path / "prompts.txt", *DRAW, "--lora", ink]
    words += ["--output-dir", tmp_path / "out", "--json", "--quiet"]

    def status():
        code, out, _ = run(capsys, *words)
        assert code == 0
        return json.loads(out)["status"]

    assert [status(), status()] == ["done", "skipped"]
    adapter = adapter_from(made(modules_of(tiny_model().transformer), seed=5))
    write_lora(ink, adapter)
    assert [status(), status()] == ["done", "skipped"]


BAD = {
    "no such file": (["inspect", "nothing.safetensors"], 3, "There is no LoRA at"),
    "an odd layout": (["convert", "{ink}", "{out}", "--layout", "sd"], 2, "Known: diffsynth"),
    "nothing to merge": (["merge", "--base", "tiny", "{out}"], 2, "no LoRA to merge"),
    "no base": (["merge", "--lora", "{ink}", "{out}"], 2, "--base"),
    "an odd scale": (["merge", "--base", "tiny", "--lora", "{ink}=x", "{out}"], 2, "a number"),
    "an unknown base": (["merge", "--base", "x", "--lora", "{ink}", "{out}"], 2, "no model named"),
    "no file to import": (["import", "nothing"], 3, "There is no LoRA at"),
    "no name to remove": (["remove", "../ink"], 2, "cannot be used here"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_one_line(capsys, ink, case, as_json, tmp_path):
    words, code, told = BAD[case]
    paths = {"ink": ink, "out": tmp_path / "out"}
    filled = [word.format(**paths) for word in words]
    found, out, err = run(capsys, "lora", *filled, *(["--json"] if as_json else []))
    assert (found, out) == (code, "")
    assert err.count("\n") == 1
    assert told in err
    assert not (tmp_path / "out").exists()
