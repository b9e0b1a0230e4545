"""One book of the device: what does not fit is refused with a sentence, and all comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, OutOfMemory
from videosketcher_app.services.job import JobFailed
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import (
    GIB,
    DeviceLease,
    DeviceMemory,
    device_lease,
    measure_device,
)
from videosketcher_app.services.model_shelf import ModelShelf, weight_bytes

LIMIT_S = 60.0


@pytest.fixture
def lease() -> DeviceLease:
    memory = DeviceMemory(total_bytes=10 * GIB, free_bytes=9 * GIB)
    return DeviceLease(memory=lambda: memory)


def test_a_job_has_the_device_and_gives_it_back(lease: DeviceLease) -> None:
    with lease.lease("A sketch", 2 * GIB) as grant:
        assert lease.grants() == (grant,)
        assert lease.granted_bytes == 2 * GIB
    assert lease.grants() == ()
    with pytest.raises(ZeroDivisionError), lease.lease("A sketch", GIB):
        raise ZeroDivisionError
    assert lease.grants() == ()


def test_what_cannot_fit_is_refused_and_says_who_holds_what(lease: DeviceLease) -> None:
    lease.keep("the drawing session of a guest", 6 * GIB)
    with pytest.raises(OutOfMemory) as caught, lease.lease("A sketch", 5 * GIB):
        raise AssertionError("never inside")
    message = str(caught.value)
    assert "A sketch needs 5.00 GB of memory and 4.00 GB are free" in message
    assert "the drawing session of a guest (6.00 GB)" in message
    assert caught.value.hint
    lease.release("the drawing session of a guest")
    with lease.lease("A sketch", 5 * GIB):
        pass


def test_what_other_programs_use_counts_too(lease: DeviceLease) -> None:
    with pytest.raises(OutOfMemory, match=r"9\.00 GB are free"):
        lease.keep("weights", 10 * GIB)


def test_a_resident_grant_stays_beside_jobs_and_changes_its_size(lease: DeviceLease) -> None:
    lease.keep("weights", 4 * GIB)
    with lease.lease("A sketch", 3 * GIB), lease.resident("a session", GIB):
        assert [grant.holder for grant in lease.grants()] == ["A sketch", "weights", "a session"]
    lease.keep("weights", 5 * GIB)
    with pytest.raises(OutOfMemory):
        lease.keep("weights", 30 * GIB)
    assert lease.granted_bytes == 5 * GIB
    lease.release("weights")
    lease.release("weights")
    assert lease.granted_bytes == 0


def test_the_limit_of_the_settings_is_the_device(lease: DeviceLease) -> None:
    small = device_lease("cpu", memory_gb=0.5)
    assert small.memory().total_bytes == GIB // 2
    with pytest.raises(OutOfMemory):
        small.keep("weights", GIB)
    measured = measure_device("cpu")
    assert 0 < measured.free_bytes <= measured.total_bytes


def test_two_jobs_never_have_the_device_at_once(lease: DeviceLease) -> None:
    inside, most = 0, 0
    book = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lease.lease("job", GIB):
                with book:
                    inside += 1
                    most = max(most, inside)
                with book:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_worker_holds_the_lease_until_the_body_is_closed(lease: DeviceLease) -> None:
    seen: list[list[str]] = []

    def body(_: CancelToken) -> Iterator[int]:
        try:
            seen.append([grant.holder for grant in lease.grants()])
            yield 0
        finally:
            seen.append([grant.holder for grant in lease.grants()])

    with JobQueue(lease=lease) as queue:
        queue.submit(body, name="A sketch", num_bytes=GIB).result(LIMIT_S)
        assert seen == [["A sketch"], ["A sketch"]]
        assert lease.grants() == ()
        too_large = queue.submit(body, name="A mural", num_bytes=100 * GIB).wait(LIMIT_S)
        assert isinstance(too_large, JobFailed)
        assert isinstance(too_large.error, OutOfMemory)
        assert len(seen) == 2
        queue.submit(body, name="A sketch").result(LIMIT_S)


def test_the_shelf_books_what_the_weights_take(lease: DeviceLease) -> None:
    shelf = ModelShelf(device="cpu", lease=lease)
    model = shelf.get("tiny")
    assert shelf.state("tiny").num_bytes == lease.granted_bytes == weight_bytes(model) > 100_000
    shelf.clear()
    assert lease.grants() == ()


def test_a_pinned_model_stays_beside_others_and_is_booked_once(lease: DeviceLease) -> None:
    shelf = ModelShelf(device="cpu", lease=lease)
    pinned = shelf.pin("tiny", "a drawing")
    assert shelf.pin("tiny", "another drawing") is pinned
    assert shelf.get("tiny") is pinned
    assert [grant.holder for grant in lease.grants()] == ["tiny"]
    shelf.get("tiny-brush")
    assert [grant.holder for grant in lease.grants()] == ["tiny", "tiny-brush"]
    assert shelf.state("tiny").state == shelf.state("tiny-brush").state == "ready"
    shelf.unpin("a drawing")
    assert shelf.get("tiny-brush") is not pinned
    assert shelf.pin("tiny", "another drawing") is pinned
    shelf.unpin("another drawing")
    shelf.unpin("another drawing")
    assert [grant.holder for grant in lease.grants()] == ["tiny-brush"]
    assert shelf.state("tiny").state == "not loaded"
    shelf.pin("tiny-brush", "a drawing")
    shelf.unpin("a drawing")
    assert shelf.state("tiny-brush").state == "ready", "it was asked for, too"
    shelf.clear()
    assert lease.grants() == ()


def test_a_pin_that_fails_holds_nothing(lease: DeviceLease) -> None:
    shelf = ModelShelf(device="cpu", lease=lease)
    with pytest.raises(InvalidRequest):
        shelf.pin("no such model", "a drawing")
    assert shelf.state("no such model").state == "failed"
    assert lease.grants() == ()
    shelf.pin("tiny", "a drawing")
    assert shelf.state("no such model").state == "not loaded"


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded() -> None:
    memory = DeviceMemory(total_bytes=1000, free_bytes=1000)
    shelf = ModelShelf(device="cpu", lease=DeviceLease(memory=lambda: memory))
    with pytest.raises(OutOfMemory, match="tiny needs"):
        shelf.get("tiny")
    state = shelf.state("tiny")
    assert state.state == "failed"
    assert isinstance(state.error, OutOfMemory)


def test_a_crash_while_loading_is_seen_and_books_nothing(
    lease: DeviceLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = ModelShelf(device="cpu", lease=lease)

    def crash(*_: object) -> None:
        raise RuntimeError("driver lost")

    with monkeypatch.context() as patch:
        patch.setattr(shelf, "_load", crash)
        with pytest.raises(RuntimeError):
            shelf.get("tiny")
    assert shelf.state("tiny").state == "failed"
    assert lease.grants() == ()
    shelf.get("tiny")
    assert shelf.state("tiny").state == "ready"
