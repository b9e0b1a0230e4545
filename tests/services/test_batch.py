"""A batch draws what it can, reports the rest, and goes on where it stopped."""

from __future__ import annotations

import json

import pytest

from videosketcher_app.core.errors import CannotWrite, InvalidFile, InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.batch import read_prompts, run_batch
from videosketcher_app.services.container import build

SETTINGS = {"model": "tiny", "num_frames": 9}


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def entries(services, prompts, **options):
    folder = services.settings.output_dir
    events = run_batch(services.generation, prompts, SETTINGS, output_dir=folder, **options)
    return [event.entry for event in events if event.entry]


def test_every_prompt_gets_its_numbered_folder(services):
    done = entries(services, ["a cat", "a house"])
    assert [(entry.status, entry.folder) for entry in done] == [
        ("done", "1_cat"),
        ("done", "2_house"),
    ]
    assert (services.settings.output_dir / "2_house" / "2_house.mp4").is_file()


def test_broken_prompt_is_reported_and_the_rest_goes_on(services):
    done = entries(services, ["x" * 5000, "a cat", "?!"])
    assert [entry.status for entry in done] == ["failed", "done", "failed"]
    assert "5,000 characters" in done[0].error
    text = (services.settings.output_dir / "batch_summary.json").read_text(encoding="utf-8")
    summary = json.loads(text)
    assert (summary["total_prompts"], summary["done"], summary["failed"]) == (3, 1, 2)
    assert [result["status"] for result in summary["results"]] == ["failed", "done", "failed"]


def test_stopped_batch_goes_on_where_it_stopped(services):
    folder = services.settings.output_dir
    batch = run_batch(services.generation, ["a cat", "a house"], SETTINGS, output_dir=folder)
    for event in batch:
        if event.entry:
            batch.close()
    again = entries(services, ["a cat", "a house"])
    assert [entry.status for entry in again] == ["skipped", "done"]


def test_force_draws_again_into_the_same_folders(services):
    entries(services, ["a cat"])
    assert [entry.status for entry in entries(services, ["a cat"], force=True)] == ["done"]
    assert sorted(path.name for path in services.settings.output_dir.iterdir()) == [
        "1_cat",
        "batch_summary.json",
    ]


def test_another_prompt_at_the_same_place_is_not_skipped(services):
    entries(services, ["a cat"])
    assert entries(services, ["a house"])[0].status == "done"


def test_bad_setting_stops_the_batch_at_once(services):
    with pytest.raises(InvalidRequest, match="fps"):
        list(
            run_batch(
                services.generation,
                ["a cat"],
                {**SETTINGS, "fps": 0},
                output_dir=services.settings.output_dir,
            )
        )


def test_unwritable_folder_stops_the_batch(services, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CannotWrite):
        list(run_batch(services.generation, ["a cat"], SETTINGS, output_dir=tmp_path / "file"))


def test_prompts_are_the_non_empty_lines(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffa cat\r\n\r\n  un café  \n".encode())
    assert read_prompts(path) == ["a cat", "un café"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfea\x00", b"a\n" * 3_000_000])
def test_prompts_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "prompts.txt"
    path.write_bytes(content)
    with pytest.raises(InvalidFile):
        read_prompts(path)


def test_missing_prompts_file_is_refused(tmp_path):
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")
