"""A batch draws what it can, reports the rest, and goes on where it stopped."""

from __future__ import annotations

import json
import time
import zipfile

import pytest

from tests.patience import within
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import CannotWrite, InvalidFile, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
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


def write(tmp_path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '["a cat", " a house, small "]'),
        ("p.JSON", '[{"prompt": "a cat"}, "a house, small"]'),
        ("p.csv", 'number,Prompt\n1,a cat\n2,"a house, small"\n'),
        ("p.csv", 'a cat\n"a house, small"\n\n'),
        ("p.txt", "a cat\na house, small"),
    ],
)
def test_prompts_come_as_text_json_or_csv(tmp_path, name, text):
    assert read_prompts(write(tmp_path, name, text)) == ["a cat", "a house, small"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.json", '["a cat",\n"a house"', "Line 2"),
        ("p.json", '["a cat", 7]', "Entry 2"),
        ("p.json", '[{"prompt": "a cat", "sed": 1}]', "Entry 1"),
        ("p.json", '{"prompt": "a cat"}', "no list"),
        ("p.json", "[" * 100_000, "deeply"),
        ("p.json", "[]", "empty"),
        ("p.csv", 'prompt\na cat\n"a house\n', "not CSV"),
        ("p.csv", "n,prompt\n1,a cat\n2\n", "Line 3"),
        ("p.csv", "1,a cat\n", "names no column"),
        ("p.csv", "prompt\n" + "x" * 200_000, "Line 2"),
        ("p.txt", "a cat\n" * 20_001, "20,001"),
    ],
)
def test_a_broken_prompts_file_is_refused_with_its_line(tmp_path, name, text, told):
    with pytest.raises(InvalidFile, match=told) as caught:
        read_prompts(write(tmp_path, name, text))
    assert caught.value.hint


def test_the_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "p.txt"
    path.write_bytes(b"a cat\na caf\xe9\n")
    with pytest.raises(InvalidFile, match="Line 2"):
        read_prompts(path)


def start(services, prompts, settings=SETTINGS, **options):
    return services.batches.start(prompts, settings, parent=services.settings.output_dir, **options)


def statuses(run) -> list[str]:
    return [row.status for row in run.rows(0, 100)]


def until(run, status: str, row: int) -> None:
    """Waits until a row has this status; the worker's own events are what changes it."""
    deadline = time.monotonic() + 60
    while run.rows(row, 1)[0].status != status:
        assert time.monotonic() < deadline, statuses(run)
        time.sleep(0.005)


def test_the_app_draws_like_the_command_line(services, tmp_path):
    run = start(services, ["a cat", "x" * 5000, "a house"])
    assert run.wait(60)
    assert statuses(run) == ["done", "failed", "done"]
    assert run.counts.ended == run.counts.total == 3
    list(
        run_batch(
            services.generation,
            ["a cat", "x" * 5000, "a house"],
            SETTINGS,
            output_dir=tmp_path / "line",
        )
    )
    mine, others = (
        json.loads((folder / "batch_summary.json").read_text(encoding="utf-8"))
        for folder in (run.folder, tmp_path / "line")
    )
    for summary in (mine, others):
        del summary["written"]
        for result in summary["results"]:
            del result["seconds"]
    assert mine == others
    for name in ("1_cat/1_cat.mp4", "3_house/3_house.svg"):
        assert (run.folder / name).read_bytes() == (tmp_path / "line" / name).read_bytes()


def test_stop_keeps_what_is_done_and_the_same_prompts_go_on(services):
    slow = {**SETTINGS, "num_inference_steps": 60}
    run = start(services, ["a cat", "a house", "a tree"], slow)
    until(run, "drawing", 1)
    run.stop()
    assert run.wait(20)
    assert run.is_stopped
    assert statuses(run) == ["done", "waiting", "waiting"]
    summary = json.loads((run.folder / "batch_summary.json").read_text(encoding="utf-8"))
    assert (summary["done"], summary["total_prompts"]) == (1, 3)
    again = start(services, ["a cat", "a house", "a tree"], slow)
    assert again.folder == run.folder
    assert again.wait(60)
    assert statuses(again) == ["skipped", "done", "done"]


def test_everybody_else_goes_first(services):
    slow = {**SETTINGS, "num_inference_steps": 60}
    run = start(services, ["a cat", "a house", "a tree"], slow)
    until(run, "drawing", 0)
    request = SketchRequest(prompt="a cup", **SETTINGS)
    jobs = [services.generation.submit(request, session=f"s{i}") for i in range(3)]
    until(run, "drawing", 1)
    assert not jobs[0].ended  # the running prompt was not interrupted for it
    until(run, "done", 1)
    assert all(job.ended for job in jobs)
    run.stop()
    assert run.wait(20)


def test_one_batch_at_a_time(services):
    run = start(services, ["a cat"], {**SETTINGS, "num_inference_steps": 100})
    with pytest.raises(InvalidRequest, match="already"):
        start(services, ["a house"])
    run.stop()
    assert run.wait(20)
    assert services.batches.current(Role.OWNER, "another page") is run


def test_guests_have_ten_prompts_and_their_own_batch(services, tmp_path):
    guest = {"role": Role.GUEST, "session": "guest-1"}
    with pytest.raises(InvalidRequest, match="at most 10"):
        start(services, ["a cat"] * 11, **guest)
    run = services.batches.start(["a cat"], SETTINGS, parent=tmp_path / "guest", **guest)
    assert run.wait(60)
    assert statuses(run) == ["done"]
    assert services.batches.current(Role.GUEST, "guest-2") is None
    assert services.history.drawings() == []


def test_a_guest_who_left_stops_being_drawn_for(services, tmp_path, monkeypatch):
    monkeypatch.setattr("videosketcher_app.services.batch_runs.AWAY_S", 0.2)
    slow = {**SETTINGS, "num_inference_steps": 200}
    guest = {"role": Role.GUEST, "session": "guest-1"}
    run = services.batches.start(["a cat"], slow, parent=tmp_path / "guest", **guest)
    assert run.wait(20)
    assert run.is_stopped


def test_what_stops_every_prompt_is_said(services, tmp_path):
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    run = start(services, ["a cat", "a house"])
    assert run.wait(20)
    assert run.error
    assert not run.is_stopped
    assert statuses(run) == ["waiting", "waiting"]


def test_closing_the_app_ends_the_batch(services):
    run = start(services, ["a cat", "a house"], {**SETTINGS, "num_inference_steps": 100})
    until(run, "drawing", 0)
    services.queue.shutdown()
    assert run.wait(20)


def test_the_zip_holds_the_drawings_and_the_summary(services):
    run = start(services, ["a cat", "?!"])
    with pytest.raises(InvalidRequest, match="Nothing"):
        run.pack()
    assert run.wait(60)
    with zipfile.ZipFile(run.pack()) as packed:
        names = {name.split("/", 1)[1] for name in packed.namelist()}
        assert packed.testzip() is None
    assert {"batch_summary.json", "1_cat/1_cat.mp4", "1_cat/1_cat.svg"} <= names
    assert len(names) == 6


def test_ten_thousand_finished_prompts_are_skipped_in_seconds(services):
    prompts = ["a cat"] * 10_000
    folder = services.settings.output_dir
    request = SketchRequest(prompt="a cat", **SETTINGS)
    config = json.dumps({"request": request.to_mapping()})
    for index in range(1, len(prompts) + 1):
        place = folder / f"{index}_cat"
        place.mkdir(parents=True)
        (place / f"{index}_cat_config.json").write_text(config, encoding="utf-8")
    begun = time.monotonic()
    done = entries(services, prompts)
    assert {entry.status for entry in done} == {"skipped"}
    assert within(time.monotonic() - begun, 30.0)
    summary = json.loads((folder / "batch_summary.json").read_text(encoding="utf-8"))
    assert summary["skipped"] == 10_000
