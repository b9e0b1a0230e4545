"""`models list|verify|where|import|remove`: one line a result, one line an error."""

from __future__ import annotations

import json

import pytest
import torch

from videosketcher_app.cli.main import main
from videosketcher_app.models.identify.networks import shapes_of
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.weights_folder import use_weights
from videosketcher_app.storage.tensors import write_safetensors

DECODER = "tiny-decoder"


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "COMFYUI_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    yield tmp_path / "workspace"
    use_weights(None)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """23 MB, written once; nobody changes it."""
    path = tmp_path_factory.mktemp("given") / "taew2_1.safetensors"
    write_safetensors(path, {n: torch.zeros(s).half() for n, s in shapes_of("taew2.1").items()})
    return path


def run(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def results(capsys, *words):
    code, out, err = run(capsys, *words, "--json", "--quiet")
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def test_list_tells_what_draws_and_on_request_everything(capsys):
    drawing = {row["name"]: row for row in results(capsys, "models", "list")}
    assert drawing["pocket-t2v"]["here"] is True
    assert drawing["videosketcher-ar"]["kind"] == "causal"
    assert drawing["wan2.1-t2v-1.3b"]["needs_missing"] == ["umt5-xxl", "wan2.1-vae"]
    assert "umt5-xxl" not in drawing
    everything = {row["name"]: row for row in results(capsys, "models", "list", "--all")}
    assert {"umt5-xxl", DECODER, "videosketcher-data", "vector-tiger-lora"} <= everything.keys()
    planners = {name for name, row in everything.items() if row["kind"] == "planner"}
    assert planners == {"qwen2.5-7b-instruct"}
    assert not planners & drawing.keys()


def test_from_import_to_removal(capsys, decoder, workspace):
    (seen,) = results(capsys, "models", "identify", decoder)
    assert (seen["model"], seen["problems"]) == (DECODER, [])
    assert not workspace.exists()
    (told,) = results(capsys, "models", "import", decoder)
    assert told["name"] == DECODER
    (place,) = results(capsys, "models", "where", DECODER)
    assert (place["folder"], place["whole"]) == (str(workspace / "models" / DECODER), True)
    (report,) = results(capsys, "models", "verify", DECODER)
    assert report == {"name": DECODER, "verified": True, "flaws": []}
    (gone,) = results(capsys, "models", "remove", DECODER)
    assert gone["removed"]
    code, _, err = run(capsys, "models", "where", DECODER)
    assert (code, err.count("\n")) == (3, 1)
    assert "models download tiny-decoder" in err


def test_files_elsewhere_are_used_where_they_are(capsys, decoder, workspace):
    words = ["models", "where", DECODER, "--look-in", decoder.parent, "--use"]
    (place,) = results(capsys, *words)
    assert place["layout"] == "folder"
    (row,) = [row for row in results(capsys, "models", "list", "--all") if row["name"] == DECODER]
    assert (row["state"], row["folder"]) == ("here", str(decoder.parent))
    results(capsys, "models", "remove", DECODER)
    assert decoder.is_file()
    results(capsys, "models", "import", decoder, "--link")
    assert not (workspace / "models" / DECODER).exists()


def test_verify_ends_with_3_where_something_is_damaged(capsys, decoder, workspace):
    results(capsys, "models", "import", decoder)
    own = workspace / "models" / DECODER / decoder.name
    own.write_bytes(own.read_bytes()[:-2])
    code, out, err = run(capsys, "models", "verify")
    assert code == 3
    assert "pocket-t2v is whole" in out
    assert "tiny-decoder is damaged" in out
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["import", "nothing.safetensors"], 3, "There are no weights"),
        (["remove", "pocket-t2v"], 2, "part of the app"),
        (["remove", "wan2.1-vae"], 3, "Nothing of wan2.1-vae"),
        (["verify", "wan2.1-vae"], 3, "models download wan2.1-vae"),
        (["where", "unknown"], 2, "no model named"),
    ],
)
def test_errors_are_one_line(words, code, told, capsys):
    found, out, err = run(capsys, "models", *words)
    assert (found, out) == (code, "")
    assert told in err
    assert err.count("\n") == 1


def test_an_imported_model_rolls_out_by_its_name(capsys, tmp_path):
    run_folder = tmp_path / "ink run"
    tiny_model(name="tiny").save(run_folder / "model")
    (run_folder / "run.json").write_text('{"stage": "ode"}')
    (told,) = results(capsys, "models", "import", run_folder)
    assert told["name"] == "ink_run"
    words = ["rollout", "a cat", "--model", "ink_run", "--width", 48, "--height", 48]
    words += ["--num-inference-steps", 1, "--num-frames", 21, "--output-dir", tmp_path / "out"]
    (drawing,) = results(capsys, *words)
    assert drawing["frames"] == 21
    script = tmp_path / "turns.json"
    request = {"concept": "a cat", "model": "ink_run", "width": 48, "height": 48}
    script.write_text(json.dumps({"request": request, "turns": [{"generate": 12}]}))
    out = tmp_path / "turns"
    (drawn,) = results(capsys, "codraw", "--script", script, "--output-dir", out)
    assert drawn["turns"][0]["frames"] == 21, "two blocks, the first of nine frames"


def test_an_imported_causal_wan_rolls_out_and_co_draws(capsys, tmp_path, workspace):
    from tests.models import published_wan

    given = published_wan.write_generator(tmp_path / "my ink" / "model.pt")["model.pt"]
    (told,) = results(capsys, "models", "import", given)
    assert told["name"] == "my_ink"
    words = ["rollout", "a cat", "--model", "my_ink", "--width", 64, "--height", 48]
    words += ["--num-inference-steps", 1, "--num-frames", 21, "--device", "cpu"]
    code, _, err = run(capsys, *words, "--output-dir", tmp_path / "out")
    assert code == 3, "text encoder and VAE are not here"
    assert "models download umt5-xxl" in err
    published_wan.write_text_encoder(workspace / "models" / "umt5-xxl")
    published_wan.write_vae(workspace / "models" / "wan2.1-vae")
    (drawing,) = results(capsys, *words, "--output-dir", tmp_path / "out")
    assert drawing["frames"] == 21
    script = tmp_path / "turns.json"
    request = {"concept": "a cat", "model": "my_ink", "width": 64, "height": 48}
    turns = [{"draw": [[[5, 5], [40, 30]]]}, {"generate": 12}]
    script.write_text(json.dumps({"request": request, "turns": turns}))
    out = tmp_path / "turns"
    (drawn,) = results(capsys, "codraw", "--script", script, "--output-dir", out)
    assert [turn["frames"] for turn in drawn["turns"]] == [12]
