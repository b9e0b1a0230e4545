"""Every scripted fault ends verified or with a clear sentence, and no wrong byte gets the name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.download_faults import CASES, PATH, TRUTH, Case, Scene, arranged
from tests.storage.local_hub import LocalHub, serving
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError
from videosketcher_app.storage.downloads.errors import DownloadFailed
from videosketcher_app.storage.downloads.fetch import fetch
from videosketcher_app.storage.downloads.hosts import HostRules
from videosketcher_app.storage.downloads.hubs import HuggingFace, Repository
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.part import num_bytes_waiting
from videosketcher_app.storage.downloads.patience import patiently
from videosketcher_app.storage.downloads.wire import Wire

pytestmark = pytest.mark.faults

SKETCHES = Repository(hub="huggingface", repo="someone/sketches", revision="main")
LIMITS = Limits(
    connect_s=2.0,
    stall_s=0.4,
    tries=3,
    pause_s=0.01,
    keep_free_bytes=50_000,
    check_room_every_bytes=30_000,
)
PATIENT = replace(LIMITS, stall_s=20.0)


def download(scene: Scene, limits: Limits) -> None:
    token = CancelToken()
    with Wire(HostRules([scene.hub.url]), limits=limits) as wire:
        place = HuggingFace(scene.hub.url)
        snapshot = patiently(lambda: place.look(wire, SKETCHES), limits, token, lambda _: None)
        if PATH not in snapshot.files:
            raise DownloadFailed(f"There is no file {PATH}.", hint="Check the revision.")
        fetch(
            snapshot.files[PATH],
            scene.target,
            wire=wire,
            on_progress=lambda _: None,
            cancel=token,
            free_bytes=lambda _: _next(scene.free_bytes),
        )


def _next(looks: list[int]) -> int:
    if not looks:
        return 1 << 40
    return looks.pop(0) if len(looks) > 1 else looks[0]


def end_of(case: Case, scene: Scene) -> AppError | None:
    """The error that a fault ended in; None if the download got over it."""
    # Only silence needs a short temper; the others must not fail on a slow machine.
    limits = LIMITS if case in SILENT else PATIENT
    try:
        with arranged(case, scene):
            download(scene, limits)
    except AppError as error:
        return error
    return None


SILENT = [case for case in CASES if case.name.startswith(("stalls", "never"))]


@pytest.mark.row("F17", "scripted faults")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_ends_verified_or_with_a_sentence(case: Case, tmp_path: Path) -> None:
    with serving({PATH: TRUTH}) as hub:
        scene = Scene(hub, tmp_path / "models" / PATH)
        end = end_of(case, scene)
        if case.ends == "verified":
            assert end is None
            assert scene.target.read_bytes() == TRUTH
            assert [entry.name for entry in scene.target.parent.iterdir()] == [PATH]
            return
        assert end is not None
        assert case.ends in end.message
        assert end.hint
        assert end.message.endswith(".")
        assert not scene.target.exists()
        if case.keeps_part is not None:
            assert bool(num_bytes_waiting(scene.target)) == (case.keeps_part and _sends(case))
        _then_it_works(scene)


def _sends(case: Case) -> bool:
    """False for faults under which no byte ever arrives."""
    return "without a word" not in case.name


def _then_it_works(scene: Scene) -> None:
    if scene.target.parent.is_file():
        scene.target.parent.unlink()
    _forget(scene.hub)
    scene.free_bytes.clear()
    download(scene, PATIENT)
    assert scene.target.read_bytes() == TRUTH


def _forget(hub: LocalHub) -> None:
    hub.honest_again()
    hub.files[PATH] = TRUTH


def test_there_are_sixty_faults_and_no_two_are_named_alike() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60
