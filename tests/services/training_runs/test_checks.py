"""Before a run begins: one clear sentence for each thing that is wrong, and no folder left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.training_runs.small_runs import make_book, settings_of, small_request
from tests.training.style_cases import brush_set
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.container import Services, build


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    make_book(tmp_path)
    with build(settings_of(tmp_path)) as built:
        yield built


BAD = [
    ({"dataset": "nowhere"}, "no dataset 'nowhere'"),
    ({"dataset": "../../etc"}, "no dataset"),
    ({"dataset": "a\x00b"}, "no dataset"),
    ({"dataset": "one"}, "one drawing"),
    ({"dataset": "empty"}, "no drawings"),
    ({"model": "oil-on-canvas"}, "no model named"),
    ({"model": "wan2.1-t2v-14b"}, "not on this disk"),
    ({"model": "tiny-brush"}, "painted with a brush"),
    ({"model": "tiny-brush", "brush": "broom_green"}, "no brush 'broom_green'"),
    ({"model": "tiny-brush", "brush": "marker_blue:#12"}, "no brush 'marker_blue:#12'"),
    ({"brush": "marker_blue"}, "tiny draws without a brush"),
    ({"model": "tiny-brush", "brush": "marker_blue", "dataset": "films"}, "strokes of a sketch"),
    ({"preset": "baroque"}, "no style preset"),
    ({"preset": "gone.yaml"}, "cannot be read"),
    ({"start_from": "gone"}, "no LoRA 'gone'"),
]


@pytest.mark.parametrize(("change", "told"), BAD, ids=range(len(BAD)))
def test_one_sentence_for_what_is_wrong(
    services: Services, tmp_path: Path, change: dict[str, str], told: str
) -> None:
    make_book(tmp_path, name="one", num_sketches=1)
    make_book(tmp_path, name="empty", num_sketches=0)
    brush_set(tmp_path / "datasets" / "films")
    request = small_request(tmp_path).model_copy(update=change)
    with pytest.raises(AppError, match=told) as caught:
        services.training.start(request)
    assert caught.value.hint
    assert len(caught.value.message) < 300
    assert services.training.runs() == ()


def test_rounds_are_counted_once_in_steps(services: Services, tmp_path: Path) -> None:
    preset = tmp_path / "rounds.yaml"
    preset.write_text("epochs: 3\nrepeat: 4\nbatch_size: 2\nvariants: 1\n", encoding="utf-8")
    request = small_request(tmp_path).model_copy(update={"preset": str(preset)})
    num_sketches = len(services.sketchbooks.book("ink").sketches)
    assert services.training.checked(request).num_steps == 3 * 4 * num_sketches // 2
    given = request.model_copy(update={"num_steps": 5})
    assert services.training.checked(given).num_steps == 5


def test_a_damaged_sketch_is_named(services: Services, tmp_path: Path) -> None:
    sketch = services.sketchbooks.book("ink").sketches[0].id
    file = tmp_path / "datasets" / "ink" / "sketches" / f"{sketch}.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(AppError, match=sketch):
        services.training.start(small_request(tmp_path))


def test_a_name_is_taken_by_a_run_or_a_lora(services: Services, tmp_path: Path) -> None:
    services.training.prepare(small_request(tmp_path, name="inky"))
    with pytest.raises(InvalidRequest, match="another training run"):
        services.training.prepare(small_request(tmp_path, name="INKY"))
    services.loras.folder.mkdir()
    (services.loras.folder / "taken.safetensors").write_bytes(b"x")
    with pytest.raises(InvalidRequest, match="a LoRA named 'taken'"):
        services.training.prepare(small_request(tmp_path, name="taken"))


def test_of_two_starts_at_once_with_one_name_one_wins(services: Services, tmp_path: Path) -> None:
    request = small_request(tmp_path)
    together = threading.Barrier(4)
    outcomes: list[str] = []

    def prepare() -> None:
        together.wait()
        try:
            services.training.prepare(request)
            outcomes.append("made")
        except InvalidRequest as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("made") == 1
    assert len(services.training.runs()) == 1


def test_a_full_disk_is_told_before_anything_is_written(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    from videosketcher_app.services.training_runs import checks

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5_000_000))
    with pytest.raises(AppError, match="5 MB are free"):
        services.training.start(small_request(tmp_path))
    assert services.training.runs() == ()


def test_the_request_that_is_kept_names_places_that_stay(
    services: Services, tmp_path: Path
) -> None:
    from videosketcher_app.training.style_request import read_request

    run = services.training.prepare(small_request(tmp_path))
    request = read_request(run.path)
    assert request.dataset == str(tmp_path / "datasets" / "ink")
    assert Path(request.preset).is_absolute()
    assert services.training.view(run.id).dataset == request.dataset


def test_a_vector_style_may_teach_the_first_levels_of_a_shipped_model() -> None:
    from videosketcher_app.services.training_runs.checks import check_fit

    check_fit("pocket-t2v", "style_vector")
    with pytest.raises(InvalidRequest, match="knows how to draw step by step already"):
        check_fit("pocket-t2v", "style_draw")
