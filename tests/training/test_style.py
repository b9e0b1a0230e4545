"""A style run leaves what it promises, obeys its control file, and resumes bit for bit."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.style_cases import (
    PLAN,
    SMALL,
    small_run,
    small_sketch,
    without_caption,
    write_book,
)
from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, CannotWrite, Interrupted, InvalidRequest
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.levels import first_level_in
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.storage import atomic
from videosketcher_app.storage.media import read_image, read_video
from videosketcher_app.storage.tensors import read_metadata, read_safetensors, write_safetensors
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_folder import RunFolder

WAIT_S = 120.0


def status_of(folder: Path) -> dict:
    return json.loads((folder / "status.json").read_text("utf-8"))


def result_of(folder: Path) -> bytes:
    return (folder / "lora.safetensors").read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    folder = small_run(tmp_path_factory.mktemp("finished") / "run", trigger="in ink")
    run_style(folder, resume=False)
    return folder


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    status = status_of(finished)
    assert (status["state"], status["step"], status["num_steps"]) == ("done", 4, 4)
    assert status["loss"] > 0
    assert status["memory_bytes"] > 0
    assert status["seconds_left"] == 0
    assert len((finished / "log.csv").read_text("utf-8").splitlines()) == 1 + 4
    for step in (0, 2, 4):
        folder = finished / "samples" / str(step)
        (row,) = json.loads((folder / "index.json").read_text("utf-8"))
        assert row["prompt"].startswith("Step by step sketch process of a cat in ink, following")
        assert read_image(folder / row["png"]).shape[:2] == (48, 48)
        assert len(read_video(folder / row["mp4"]).frames_THW3) == 9
    names = sorted(path.name for path in (finished / "checkpoints").iterdir())
    assert names == ["lora_2.safetensors", "lora_4.safetensors"]


def test_a_preset_s_strength_is_what_the_file_and_the_samples_carry(tmp_path: Path) -> None:
    learned = {}
    for strength in (1.0, 0.5):
        folder = small_run(tmp_path / f"run{strength}", strength=strength)
        run_style(folder, resume=False)
        learned[strength] = read_lora(folder / "lora.safetensors")
    for module, whole in learned[1.0].pairs.items():
        half = learned[0.5].pairs[module].difference(1.0)
        assert torch.allclose(half, 0.5 * whole.difference(1.0), rtol=2e-3, atol=1e-7)
    assert not learned[0.5].does_nothing
    last = [(tmp_path / f"run{s}" / "samples" / "4" / "0.png").read_bytes() for s in learned]
    assert last[0] != last[1]
    losses = [_losses(tmp_path / f"run{s}") for s in learned]
    assert losses[0] == losses[1], "it learns the same"


def _losses(folder: Path) -> list[str]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as log:
        return [row["loss"] for row in csv.DictReader(log)]


def test_the_result_is_a_lora_of_the_library(finished: Path, tmp_path: Path) -> None:
    library = LoraLibrary(tmp_path / "loras")
    entry = library.add(finished / "lora.safetensors", name="mine")
    assert (entry.fits, entry.layout, entry.ranks) == ("tiny", "diffsynth", (2,))
    assert entry.trigger_words == ("in ink",)
    assert library.add(finished / "checkpoints" / "lora_2.safetensors", name="early").flaw == ""
    metadata = read_metadata(finished / "lora.safetensors")
    assert {"base", "base_sha256", "step"} <= set(metadata)
    model = tiny_model()
    how = model.defaults
    kept = round(0.375 * how.num_inference_steps)
    assert first_level_in(metadata) == sigmas(how.num_inference_steps, how.shift)[kept]
    x, context = torch.randn(1, 57, 1, 6, 6), torch.randn(1, 4, 32)
    from videosketcher_app.models.wan.forward import predict_velocity

    timesteps = torch.full((1, 1), 500.0)
    with torch.no_grad():
        before = predict_velocity(model.transformer, x, timesteps, context)
        with applied(model.transformer, [(read_lora(finished / "lora.safetensors"), 1.0)]):
            after = predict_velocity(model.transformer, x, timesteps, context)
    assert (after - before).abs().max() > 1e-4


@pytest.mark.row("F1", "kills over five recipes")
@pytest.mark.parametrize("killed_before", [0, 1, 3])
def test_a_killed_run_ends_with_the_same_numbers(
    finished: Path, tmp_path: Path, killed_before: int
) -> None:
    folder = small_run(tmp_path / "run", trigger="in ink")
    with (
        faults.armed("training.before_step", skip=killed_before),
        pytest.raises(Interrupted),
    ):
        run_style(folder, resume=False)
    write_book(tmp_path / "book", [small_sketch(number + 50) for number in range(2)])
    run_style(folder, resume=True)  # what was prepared is kept, whatever became of the drawings
    assert result_of(folder) == result_of(finished)
    assert len((folder / "log.csv").read_text("utf-8").splitlines()) == 1 + 4


@pytest.mark.row("F2", "kills inside saves")
def test_a_kill_inside_any_write_loses_nothing(finished: Path, tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", trigger="in ink")
    with faults.traced() as passed:
        run_style(folder, resume=False)
    writes = passed.count("atomic.before_replace")
    killed = small_run(tmp_path / "killed", trigger="in ink")
    for skip in range(3, writes, writes // 3):
        with faults.armed("atomic.before_replace", skip=skip), pytest.raises(Interrupted):
            run_style(killed, resume=False)
        run_style(killed, resume=True)
        assert result_of(killed) == result_of(finished)


def test_a_run_from_the_start_forgets_the_earlier_one(finished: Path, tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", num_steps=2, rate=0.5)
    run_style(folder, resume=False)
    small_run(folder, trigger="in ink")
    run_style(folder, resume=False)
    assert result_of(folder) == result_of(finished)


def control(folder: Path, want: str, *, gives_way: bool = False) -> None:
    atomic.write_json(folder / "control.json", {"want": want, "yield": gives_way})


def test_a_stopped_run_keeps_its_result_and_goes_on(finished: Path, tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", trigger="in ink")
    with faults.armed("training.before_step", lambda: control(folder, "stop"), skip=1):
        run_style(folder, resume=False)
    status = status_of(folder)
    assert status["state"] == "stopped"
    assert 0 < status["step"] < 4
    assert read_lora(folder / "lora.safetensors").ranks == (2,)
    control(folder, "run")
    run_style(folder, resume=True)
    assert status_of(folder)["state"] == "done"
    assert result_of(folder) == result_of(finished)


def test_a_run_that_is_told_to_stop_at_once_ends_without_a_result(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    control(folder, "stop")
    run_style(folder, resume=False)
    assert status_of(folder)["state"] == "stopped"
    assert not (folder / "lora.safetensors").exists()


@pytest.mark.parametrize(
    ("want", "gives_way", "told"), [("pause", False, "paused"), ("run", True, "yielding")]
)
def test_a_waiting_run_says_so_and_goes_on(
    finished: Path, tmp_path: Path, want: str, gives_way: bool, told: str
) -> None:
    folder = small_run(tmp_path / "run", trigger="in ink")
    seen: list[dict] = []

    def release() -> None:
        seen.append(_awaited(folder, lambda status: status["state"] == told))
        control(folder, "run")

    watcher = threading.Thread(target=release)
    with faults.armed(
        "training.before_step", lambda: control(folder, want, gives_way=gives_way), skip=1
    ) as point:
        point.action = _once(point.action)
        watcher.start()
        run_style(folder, resume=False)
    watcher.join()
    assert seen[0]["state"] == told
    assert status_of(folder)["state"] == "done"
    assert result_of(folder) == result_of(finished)


def _once(action: Callable[[], None]) -> Callable[[], None]:
    done = threading.Event()

    def first_time() -> None:
        if not done.is_set():
            done.set()
            action()

    return first_time


def _awaited(folder: Path, wanted: Callable[[dict], bool]) -> dict:
    """The status as soon as it is as wanted."""
    changed = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        status = status_of(folder) if (folder / "status.json").exists() else {}
        if status and wanted(status):
            return status
        changed.wait(0.02)
    raise AssertionError(f"never seen: {status_of(folder)}")


def test_a_broken_control_file_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.may_go_on()
    for text in ("", "{", "[]", '{"want": "dance"}', '{"want": 3}', "\x00"):
        (tmp_path / "control.json").write_text(text, "utf-8")
        folder._looked = 0.0
        assert folder.control().want == "run"


@pytest.mark.row("F7", "injections into loss, gradient, latents and pixels")
def test_numbers_that_are_none_stop_the_run_with_a_sentence(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", num_steps=30, sample_every=0)
    with faults.armed("training.before_step"), pytest.raises(Interrupted):
        run_style(folder, resume=False)
    file = folder / "prepared.safetensors"
    tensors = read_safetensors(file)
    write_safetensors(file, {**tensors, "clean_VCFhw": tensors["clean_VCFhw"] * float("nan")})
    with pytest.raises(AppError, match="not finite"):
        run_style(folder, resume=True)


def test_a_run_that_learns_no_more_ends_early(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", num_steps=400, rate=1e-8, patience=3, sample_every=0)
    run_style(folder, resume=False)
    status = status_of(folder)
    assert status["state"] == "done"
    assert status["step"] < 400
    assert "stopped early" in status["message"]
    assert (folder / "samples" / str(status["step"])).is_dir()


def test_another_lora_is_gone_on_from(finished: Path, tmp_path: Path) -> None:
    start = finished / "lora.safetensors"
    folder = small_run(tmp_path / "run", rank=3, rate=1e-8, num_steps=1, start_from=str(start))
    run_style(folder, resume=False)
    was, now = read_lora(start), read_lora(folder / "lora.safetensors")
    assert now.ranks == (3,)
    for module, pair in was.pairs.items():
        torch.testing.assert_close(
            now.pairs[module].difference(1.0), pair.difference(1.0), atol=1e-4, rtol=1e-2
        )
    with pytest.raises(InvalidRequest, match="rank 2"):
        run_style(small_run(tmp_path / "less", rank=1, start_from=str(start)), resume=False)


@pytest.mark.parametrize(
    ("sketches", "sentence"),
    [
        ([], "no drawings"),
        ([small_sketch(0)], "one drawing"),
        ([small_sketch(0), without_caption(small_sketch(1))], "s1 has no caption"),
    ],
)
def test_a_poor_dataset_is_refused_in_one_sentence(
    tmp_path: Path, sketches: list, sentence: str
) -> None:
    write_book(tmp_path / "poor", sketches)
    folder = small_run(tmp_path / "run", dataset=str(tmp_path / "poor"))
    with pytest.raises(AppError, match=sentence) as error:
        run_style(folder, resume=False)
    assert error.value.hint


def test_a_broken_sketch_is_named(tmp_path: Path) -> None:
    book = write_book(tmp_path / "broken", [small_sketch(0), small_sketch(1)])
    (book / "sketches" / "s1.json").write_text("{", "utf-8")
    with pytest.raises(AppError, match="s1"):
        run_style(small_run(tmp_path / "run", dataset=str(book)), resume=False)
    with pytest.raises(AppError, match="no dataset"):
        run_style(small_run(tmp_path / "run", dataset=str(tmp_path / "nowhere")), resume=False)


def test_a_full_disk_is_seen_before_the_first_step(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", disk_budget_mb=1_000_000)
    with pytest.raises(CannotWrite, match="are free"):
        run_style(folder, resume=False)


def test_old_samples_and_checkpoints_go_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (0, 10, 20, 30):
        folder.sample_folder(step).mkdir(parents=True)
        (folder.sample_folder(step) / "0.mp4").write_bytes(bytes(2 * 1024**2))
        folder.checkpoint_file(step).parent.mkdir(exist_ok=True)
        folder.checkpoint_file(step).write_bytes(bytes(1024**2))
    folder.keep_within(7)
    assert sorted(int(p.name) for p in (tmp_path / "samples").iterdir()) == [0, 30]
    left = sorted(p.stem for p in (tmp_path / "checkpoints").iterdir())
    assert left[-1] == "lora_30"
    assert len(left) <= 3
    folder.keep_within(1)
    assert sorted(int(p.name) for p in (tmp_path / "samples").iterdir()) == [0, 30]
    assert [p.stem for p in (tmp_path / "checkpoints").iterdir()] == ["lora_30"]


def test_what_a_batch_left_is_a_dataset(tmp_path: Path) -> None:
    import numpy as np

    from videosketcher_app.storage.media import write_video
    from videosketcher_app.training.style_data import read_drawings

    for name in ("1_cat", "2_cat"):
        folder = tmp_path / "batch" / name
        folder.mkdir(parents=True)
        atomic.write_json(folder / "cat_config.json", {"plan": {"text": PLAN}})
        write_video(
            folder / "cat.mp4",
            [np.full((48, 48, 3), 255 - 20 * t, np.uint8) for t in range(5)],
            fps=16,
        )
    drawings = read_drawings(tmp_path / "batch")
    assert [drawing.caption for drawing in drawings] == [PLAN, PLAN]

    class Canvas:
        width, height = 48, 48

    clip = drawings[0].clip(Canvas(), 9)
    assert clip.shape == (9, 48, 48, 3)
    assert SMALL["num_frames"] == len(clip)
