"""Variations: one job, the bytes of single sketches, and a best one that was really measured."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import pytest

from tests.services.drawings import drawn
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest, QueueFull
from videosketcher_app.core.events import Preview, Progress, Waiting
from videosketcher_app.core.requests import MAX_SEED, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.jobs import State
from videosketcher_app.services.variations import (
    Begun,
    Drawn,
    Verdict,
    _Judge,
    best_of,
    variations_of,
)

CAT = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9)
SLOW = CAT.replaced(num_inference_steps=100)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def submit(services, request=CAT, **options):
    return services.variations.submit(request, folder=services.settings.output_dir, **options)


def hashes(folder: Path) -> dict[str, str]:
    """Files by kind, whatever the folder's name."""
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {
        path.name.removeprefix(folder.name): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def by_kind(events, kind):
    return [event.event for event in events if isinstance(event.event, kind)]


def test_four_variations_are_one_job_with_the_next_seeds(services):
    job = submit(services)
    assert services.queue.waiting() + services.queue.is_running == 1
    events = list(services.variations.follow(job))
    assert [event.seed for event in by_kind(events, Begun)] == [7, 8, 9, 10]
    folders = [done.folder.name for done in by_kind(events, Drawn)]
    assert folders == ["cat", "cat_s8", "cat_s9", "cat_s10"]
    for index in range(4):
        own = [event.event for event in events if event.index == index]
        assert any(isinstance(event, Preview) for event in own)
        assert isinstance(own[-1], Verdict)
    assert job.state is State.DONE


def test_each_has_the_bytes_of_a_single_sketch_with_its_seed(services, tmp_path):
    events = list(services.variations.follow(submit(services, count=3)))
    for done, seed in zip(by_kind(events, Drawn), (7, 8, 9), strict=True):
        alone = tmp_path / f"alone_{seed}"
        request = CAT.replaced(seed=seed)
        run = services.generation.run(request, destination=Destination(folder=alone))
        assert hashes(done.folder) == hashes(list(run)[-1].drawing.folder)


def test_each_is_in_the_history(services):
    list(services.variations.follow(submit(services, count=2)))
    rows = services.history.drawings()
    assert sorted(row.seed for row in rows) == [7, 8]
    assert services.history.recover().interrupted == 0


def is_drawing(event) -> bool:
    return isinstance(event.event, Progress) and event.event.stage == "drawing"


def followed(services, job, is_enough):
    """The events of a job that is cancelled at the first one that is enough."""
    events = []
    with contextlib.suppress(Cancelled):
        for event in services.variations.follow(job):
            events.append(event)
            if is_enough(event):
                job.cancel()
    assert job.state is State.CANCELLED
    return events


def states(services) -> list[str]:
    store = services.history._opened()
    return [job.state for job in store.jobs("waiting", "running", "done", "cancelled", "failed")]


def test_cancel_after_the_first_keeps_it_and_frees_the_worker(services):
    job = submit(services, SLOW, count=4)
    events = followed(
        services, job, lambda event: isinstance(event.event, Begun) and event.index == 1
    )
    first = by_kind(events, Drawn)[0].folder
    assert [path.name for path in services.settings.output_dir.iterdir()] == [first.name]
    assert list(services.generation.run(CAT))[-1].drawing is not None  # the worker is free
    assert [row.seed for row in services.history.drawings()] == [7]
    assert sorted(states(services)) == ["cancelled", "cancelled", "cancelled", "done"]


def test_cancel_stops_within_one_step(services):
    job = submit(services, SLOW)
    events = followed(services, job, is_drawing)
    steps = [event.event.step for event in events if is_drawing(event)]
    assert max(steps) - steps[0] <= 1


def test_a_waiting_job_that_is_cancelled_draws_nothing(services):
    running = services.generation.submit(SLOW)
    next(iter(running.events()))
    job = submit(services)
    assert isinstance(next(services.variations.follow(job)).event, Waiting)
    job.cancel()
    running.cancel()
    running.wait(20)
    assert set(states(services)) == {"cancelled"}
    assert list(services.settings.output_dir.iterdir()) == []


def test_a_failure_leaves_no_waiting_entries(services):
    job = submit(services, CAT.replaced(width=152))
    with pytest.raises(AppError):
        list(services.variations.follow(job))
    assert states(services) == ["failed"]


def test_guests_keep_their_limit_and_leave_no_history(services, tmp_path):
    running = services.generation.submit(SLOW)
    next(iter(running.events()))
    guest = {"role": Role.GUEST, "session": "guest-1"}
    jobs = [
        services.variations.submit(CAT, folder=tmp_path / "guest", count=1, **guest)
        for _ in range(2)
    ]
    with pytest.raises(QueueFull):
        services.variations.submit(CAT, folder=tmp_path / "guest", **guest)
    for job in [running, *jobs]:
        job.cancel()
    running.wait(20)
    assert states(services) == []


def test_a_full_queue_leaves_no_entries(services):
    running = services.generation.submit(SLOW)
    next(iter(running.events()))
    waiting = [services.generation.submit(CAT, session=f"s{i}") for i in range(20)]
    with pytest.raises(QueueFull):
        submit(services)
    for job in [running, *waiting]:
        job.cancel()
    assert states(services) == []


@pytest.mark.parametrize("count", [0, 10, True, 2.5, None])
def test_counts_out_of_range_are_refused(services, count):
    with pytest.raises(InvalidRequest, match="1 to 9"):
        submit(services, count=count)
    assert not services.settings.output_dir.exists()


def test_seeds_go_round_at_the_end():
    seeds = [request.seed for request in variations_of(CAT.replaced(seed=MAX_SEED), 3)]
    assert seeds == [MAX_SEED, 0, 1]


def test_a_given_plan_is_drawn(services):
    planned = drawn("house").planned
    job = submit(services, count=2, planned=planned)
    folders = [done.folder.name for done in by_kind(services.variations.follow(job), Drawn)]
    assert folders == ["house", "house_s8"]


def test_the_evaluator_sees_a_true_drawing_and_marks_it():
    judge = _Judge()
    good, bad = judge.verdict(drawn("cat")), judge.verdict(drawn("cat", scribble=True))
    assert (good.num_seen, good.order) == (good.num_parts, 1.0)
    assert good.is_judged
    assert best_of([bad, good]) == 1
    assert best_of([good, good]) == 0
    assert best_of([good]) is None
    assert best_of([None, good]) is None


def test_a_plan_with_unknown_parts_is_not_judged(services):
    prompt = (
        "Step by step sketch process of a zorp, following this drawing order: 1. Gnarl. 2. Wib."
    )
    events = list(
        services.variations.follow(submit(services, CAT.replaced(prompt=prompt), count=2))
    )
    verdicts = by_kind(events, Verdict)
    assert [verdict.unknown for verdict in verdicts] == [("Gnarl", "Wib")] * 2
    assert best_of(verdicts) is None


def test_order_counts_before_parts_and_parts_before_extra_ink():
    def verdict(order, seen, extra=0.1):
        return Verdict(num_parts=5, num_seen=seen, order=order, extra_ink=extra)

    assert best_of([verdict(0.9, 5), verdict(1.0, 3), verdict(1.0, 4, 0.5)]) == 2
    assert best_of([verdict(1.0, 4, 0.5), verdict(1.0, 4, 0.2)]) == 1
    assert best_of([verdict(None, 0), verdict(None, 1)]) is None
    assert best_of([verdict(None, 1), verdict(0.0, 2)]) == 1


def test_missing_evaluator_is_said(services, monkeypatch, tmp_path):
    from videosketcher_app.core.errors import MissingModel
    from videosketcher_app.evaluation import detector

    def none_there():
        raise MissingModel("The evaluator's file is missing.")

    monkeypatch.setattr(detector, "load_detector", none_there)
    verdict = _Judge().verdict(drawn("cat"))
    assert "missing" in verdict.problem
    assert best_of([verdict, verdict]) is None
