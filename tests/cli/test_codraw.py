"""`codraw` and `rollout` on the tiny model: files, lengths, and one clear line when it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.models.model_rows import CHECKPOINTS
from videosketcher_app.services.saved import open_saved
from videosketcher_app.storage import media

TINY = ["--model", "tiny", "--width", "48", "--height", "48", "--num-inference-steps", "1"]


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main([*words])
    out, err = capsys.readouterr()
    return code, out, err


def _result(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code, out, err = _run(capsys, *words, "--json", "--quiet")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    return json.loads(line)


def _script(folder: Path, *turns: Any) -> Path:
    path = folder / "turns.json"
    request = {"concept": "a unicorn", "model": "tiny", "width": 48, "height": 48}
    path.write_text(json.dumps({"request": request, "turns": turns}), encoding="utf-8")
    return path


def test_a_script_leaves_a_drawing_like_every_other_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script(
        tmp_path, {"draw": [[[5, 5], [40, 30]]]}, {"generate": 12}, {"undo": 1}, {"generate": 12}
    )
    out = tmp_path / "out"
    result = _result(capsys, "codraw", "--script", str(script), "--output-dir", str(out), "--gif")
    folder = Path(result["folder"])
    assert folder == out / "unicorn"
    names = {"mp4", "png", "svg", "gif"}
    assert {path.suffix[1:] for path in folder.iterdir()} >= names
    assert [turn["frames"] for turn in result["turns"]] == [12, 12]
    saved = open_saved(folder)
    assert saved.request.prompt == "a unicorn"
    replayed = json.loads((folder / "unicorn_turns.json").read_text(encoding="utf-8"))
    assert [next(iter(turn)) for turn in replayed["turns"]] == ["draw", "generate"]
    again = _result(capsys, "codraw", "--script", str(script), "--output-dir", str(out), "--gif")
    assert again["folder"] == result["folder"], "the same request finds its own folder"


@pytest.mark.parametrize(("count", "frames"), [(1, 81), (2, 153), (3, 225)])
def test_a_rollout_has_the_references_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, frames: int
) -> None:
    words = ["rollout", "a cat", "--num-rollout", str(count), "--output-dir", str(tmp_path), *TINY]
    result = _result(capsys, *words)
    assert result["frames"] == frames
    clip = media.read_video(Path(result["files"]["mp4"]))
    assert len(clip.frames_THW3) == frames
    assert clip.fps == pytest.approx(15)


def test_a_rollout_is_drawn_in_a_mode_of_speed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = _result(
        capsys, "rollout", "a cat", *TINY, "--mode", "sketch", "--output-dir", str(tmp_path)
    )
    config = json.loads(Path(result["files"]["config"]).read_text("utf-8"))
    assert config["settings"]["mode"] == "sketch"
    assert config["request"]["mode"] == "sketch"


def test_a_rollout_begins_with_its_background(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.full((48, 48, 3), 255, np.uint8)
    picture[20:28] = 0
    media.write_png(tmp_path / "back.png", picture)
    more = ["--background-image", str(tmp_path / "back.png"), "--output-dir", str(tmp_path)]
    result = _result(capsys, "rollout", "a cat", "--num-frames", "33", *more, *TINY)
    config = json.loads(Path(result["files"]["config"]).read_text(encoding="utf-8"))
    assert config["settings"]["background"] is True
    assert result["frames"] == 33


def test_an_endless_rollout_is_one_clip_as_long_as_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["rollout", "a cat", "--endless", "120", "--output-dir", str(tmp_path), *TINY]
    result = _result(capsys, *words)
    assert result["turns"] == [{**result["turns"][0], "frames": 129, "ending": "done"}]
    assert (Path(result["folder"]) / "cat.mp4").is_file()


def test_the_references_spelling_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat\n\na house\n", encoding="utf-8")
    words = ["longvideo_autoregressive_inference.py", "--prompt_file_path", str(prompts)]
    words += ["--output_folder", str(tmp_path / "out"), "--num_rollout", "1", "--num_frames", "21"]
    code, out, _ = _run(capsys, *words, *TINY)
    assert code == 0
    assert [Path(line).parent.name for line in out.splitlines()] == ["1_cat", "2_house"]


def test_words_change_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rollout", "a cat", "--num-frames", "33", *TINY]
    pictures = []
    for name, switches in {"same": [], "other": ["--switch", "21:a house"]}.items():
        result = _result(capsys, *words, *switches, "--output-dir", str(tmp_path / name))
        pictures.append(media.read_image(Path(result["files"]["png"])))
        config = json.loads(Path(result["files"]["config"]).read_text(encoding="utf-8"))
        assert config["settings"].get("switches") == ([[21, "a house"]] if switches else None)
    assert not np.array_equal(*pictures)


def test_words_change_in_an_endless_rollout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["rollout", "a cat", "--endless", "33", "--switch", "21:a house"]
    result = _result(capsys, *words, "--output-dir", str(tmp_path), *TINY)
    assert result["concept"] == "a house"
    assert result["turns"][0]["frames"] == 33


def test_a_rollout_draws_over_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = np.full((48, 48, 3), 255, np.uint8)
    picture[8:24, 8:24] = 0
    media.write_png(tmp_path / "still.png", picture)
    words = ["rollout", "a cat", "--num-frames", "21", "--input-video", str(tmp_path / "still.png")]
    last = []
    for strength in ("0.001", "0.2", "1"):
        out = ["--output-dir", str(tmp_path / strength), "--strength", strength]
        result = _result(capsys, *words, *out, *TINY)
        assert result["frames"] == 21
        clip = media.read_video(Path(result["files"]["mp4"])).frames_THW3
        last.append(clip[-1].astype(int))
    near, far = (np.abs(frame - last[0]).mean() for frame in last[1:])
    assert near < far, "little is drawn anew where little may be"


def test_a_checkpoint_that_is_only_a_file_rolls_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from videosketcher_app.models.tiny import tiny_model

    tiny_model(name="tiny").save(tmp_path / "mine")
    words = ["rollout", "a cat", "--checkpoint", str(tmp_path / "mine"), "--num-frames", "21"]
    words += ["--width", "48", "--height", "48", "--num-inference-steps", "1"]
    result = _result(capsys, *words, "--output-dir", str(tmp_path / "out"))
    assert result["frames"] == 21
    _, out, _ = _run(capsys, "models", "list")
    assert not [line for line in out.splitlines() if line.startswith("checkpoint")], "only lent"


def test_a_checkpoint_that_does_not_draw_by_turns_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = CHECKPOINTS / "pocket-brush"
    code, _, err = _run(capsys, "rollout", "a cat", "--checkpoint", str(folder))
    assert code == 2
    assert "does not draw block by block" in err
    assert err.count("\n") == 1


def test_a_bare_causal_transformer_says_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.models import published_wan

    given = published_wan.write_generator(tmp_path / "my ink" / "model.pt")["model.pt"]
    code, _, err = _run(capsys, "rollout", "a cat", "--checkpoint", str(given), "--device", "cpu")
    assert code == 3
    assert "models download umt5-xxl" in err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["rollout"], 2, "exactly one"),
        (["rollout", "a cat", "--endless", "9", "--num-rollout", "2"], 2, "exclude"),
        (["rollout", "a cat", "--num-rollout", "0", *TINY], 2, "num_rollout"),
        (["rollout", "a cat", "--num-overlap-frames", "4", *TINY], 2, "multiple of 3"),
        (["rollout", "a cat", "--checkpoint", "AR_1.3B.pt"], 3, "no weights"),
        (["rollout", "a cat", "--checkpoint", "x.pt", "--model", "tiny"], 2, "exclude"),
        (["rollout", "a cat", "--switch", "a horse", *TINY], 2, "FRAME:WORDS"),
        (["rollout", "a cat", "--switch", "81:a horse", *TINY], 2, "below 81"),
        (["rollout", "a cat", "--endless", "24", "--switch", "24:a horse", *TINY], 2, "below 24"),
        (["rollout", "a cat", "--strength", "0.5", *TINY], 2, "no clip"),
        (["rollout", "a cat", "--endless", "9", "--strength", "0.5", *TINY], 2, "no video"),
        (["rollout", "a cat", "--input-video", "nothing.mp4", *TINY], 2, "nothing.mp4"),
        (["rollout", "a cat", "--model", "wan2.1-t2v-1.3b"], 3, "draws by turns"),
        (["rollout", "a cat", "--background-image", "nothing.png", *TINY], 2, "nothing.png"),
        (["codraw", "--script", "nothing.json"], 2, "cannot be read"),
        (["codraw"], 2, "--script"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    got, out, err = _run(capsys, *words)
    assert (got, out) == (code, "")
    (line,) = err.splitlines()
    assert says in line
