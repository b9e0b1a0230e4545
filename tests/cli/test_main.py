"""The command line: exit codes, one line on stderr, and no heavy imports before they are needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import within
from videosketcher_app import __version__
from videosketcher_app.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
DRAW = ["--model", "tiny", "--num-frames", "9"]


def run(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


BAD = [
    (["sketch", ""], "empty"),
    (["sketch", "x" * 5_000_000], "5,000,000 characters"),
    (["sketch", "a cat\nand a dog"], "line breaks"),
    (["sketch", "?!", "--model", "tiny"], "no words"),
    (["sketch"], "exactly one of"),
    (["sketch", "a cat", "--prompts-file", "x.txt"], "exactly one of"),
    (["sketch", "a cat", "--num-frames", "80"], "Try 81."),
    (["sketch", "a cat", "--width", "433"], "Try 432."),
    (["sketch", "a cat", "--width", "wide"], "--width"),
    (["sketch", "a cat", "--seed", "-1"], "seed"),
    (["sketch", "a cat", "--seed", "1.5"], "--seed"),
    (["sketch", "a cat", "--cfg-scale", "nan"], "cfg_scale"),
    (["sketch", "a cat", "--cfg-scale", "1e308"], "cfg_scale"),
    (["sketch", "a cat", "--mode", "quick"], "mode"),
    (["sketch", "a cat", "--lora", "ink=strong"], "scale of a LoRA"),
    (["sketch", "a cat", "--sed", "7"], "--seed"),
    (["sketch", "a cat", "--extend-prompt", "--as-written"], "exclude each other"),
    (["sketch", "--prompts-file", "no-such-file.txt"], "cannot be read"),
    (["sketch", "--request", "no-such-file.json"], "cannot be read"),
    (["sketch", "a cat", "--model", "tiny", "--width", "152"], "multiples of"),
    (["sketch", "a cat", "--strength", "0.5"], "there is no clip"),
    (["sketch", "a cat", "--model", "tiny", "--device", "abacus"], "VIDEOSKETCHER_DEVICE"),
    (["plan", ""], "empty"),
    (["plan", "a cat", "--refine-backend", "oracle"], "planner"),
    (["paint", "a cat"], "paint"),
    (["app", "--auth", "nobody"], "USER:PASSWORD"),
    (["app", "--port", "0"], "VIDEOSKETCHER_PORT"),
]


@pytest.mark.parametrize(("words", "told"), BAD, ids=range(len(BAD)))
def test_bad_input_exits_2_with_one_line(capsys, tmp_path, words, told):
    where = ["--output-dir", str(tmp_path)] if words[0] == "sketch" else []
    code, out, err = run(capsys, *words, *where)
    assert code == 2
    assert out == ""
    assert told in err
    problem = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(problem) == 1
    assert len(problem[0]) < 500
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_exits_2(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    code, _, err = run(capsys, "sketch", "a cat", *DRAW, "--output-dir", str(tmp_path / "file"))
    assert code == 2
    assert "cannot be written" in err


def test_missing_model_exits_3_and_says_how_to_get_it(capsys, tmp_path):
    words = ["sketch", "a cat", "--model", "wan2.1-t2v-14b", "--output-dir", str(tmp_path)]
    code, _, err = run(capsys, *words)
    assert code == 3
    assert "models download" in err


def test_sketch_prints_one_json_object_and_nothing_else(capsys, tmp_path):
    words = ["sketch", "a cat", *DRAW, "--seed", "7", "--output-dir", str(tmp_path), "--json"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    told = json.loads(out)
    assert told["folder"] == str(tmp_path / "cat")
    assert told["seed"] == 7
    assert len(list((tmp_path / "cat").iterdir())) == 5


def test_quiet_prints_the_result_only(capsys, tmp_path):
    code, out, err = run(capsys, "sketch", "a cat", *DRAW, "--output-dir", str(tmp_path), "--quiet")
    assert (code, err) == (0, "")
    assert out.strip() == str(tmp_path / "cat" / "cat.mp4")


def test_config_replays(capsys, tmp_path):
    run(capsys, "sketch", "a cat", *DRAW, "--output-dir", str(tmp_path))
    before = (tmp_path / "cat" / "cat.mp4").read_bytes()
    config = str(tmp_path / "cat" / "cat_config.json")
    code, out, _ = run(
        capsys, "sketch", "--request", config, "--output-dir", str(tmp_path / "again"), "--json"
    )
    assert code == 0
    assert json.loads(out)["concept"] == "a cat"
    assert (tmp_path / "again" / "cat" / "cat.mp4").read_bytes() == before


def test_batch_prints_every_prompt_and_exits_1_if_one_failed(capsys, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat\n?!\n", encoding="utf-8")
    words = ["sketch", "--prompts-file", str(prompts), *DRAW, "--json"]
    code, out, _ = run(capsys, *words, "--output-dir", str(tmp_path / "out"))
    assert code == 1
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["done", "failed"]


def test_plan_is_one_line_on_stdout(capsys):
    code, out, _ = run(capsys, "plan", "a cat")
    assert code == 0
    assert out.startswith("Step by step sketch process of a cat, following this drawing order: 1. ")
    assert out.count("\n") == 1


def test_reference_spelling_draws_too(capsys, tmp_path):
    words = ["inference.py", "--prompt", "a cat", "--num_frames", "9", "--model", "tiny"]
    code, out, _ = run(capsys, *words, "--output_dir", str(tmp_path), "--extend_prompt", "--json")
    assert code == 0
    assert json.loads(out)["concept"] == "a cat"


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("words", [["sketch"], ["bench", "text"], ["models", "list"], []])
def test_every_command_has_help(capsys, words):
    code, out, _ = run(capsys, *words, "--help")
    assert code == 0
    assert "Usage" in out


WITHOUT_TORCH = """
import resource, sys
sys.modules["torch"] = sys.modules["gradio"] = None
from videosketcher_app.cli.main import main
code = main(["sketch", "--help"])
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


def test_help_needs_neither_torch_nor_a_second(run_python):
    done = run_python(WITHOUT_TORCH)
    code, seconds = done.stderr.split()[-2:]
    assert (done.returncode, code) == (0, "0")
    assert within(float(seconds), 1.0)


@pytest.mark.parametrize(
    ("words", "code"),
    [(["plan", "a cat"], 0), (["sketch", "a cat", "--num-frames", "80"], 2), (["paint"], 2)],
)
def test_process_exits_with_the_code(run_python, words, code):
    done = run_python(
        "import runpy, sys; sys.argv[0] = 'videosketcher';"
        "runpy.run_module('videosketcher_app', run_name='__main__')",
        *words,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_interrupt_exits_130_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "videosketcher_app", "sketch", "a cat", "--model", "tiny"]
    command += ["--num-inference-steps", "200", "--output-dir", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "a cat:\n"  # planned: the model is next
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 130
    assert "error: Stopped." in rest
    assert "Traceback" not in rest
    assert list((tmp_path / "out").iterdir()) == []
