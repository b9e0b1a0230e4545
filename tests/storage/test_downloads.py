"""Files from a hub: looked up, brought in pieces, continued, verified, and only then named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.local_hub import COMMIT, Exchange, LocalHub, content_of, serving
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.storage.downloads.errors import DownloadFailed
from videosketcher_app.storage.downloads.fetch import Progress, fetch
from videosketcher_app.storage.downloads.hosts import HostRules
from videosketcher_app.storage.downloads.hubs import HuggingFace, ModelScope, Repository, Snapshot
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.part import num_bytes_waiting, part_path, remove_part
from videosketcher_app.storage.downloads.wire import Wire

LARGE, SMALL = "model/weights.safetensors", "config.json"
FILES = {LARGE: content_of(1, 300_000), SMALL: b'{"width": 24}'}
LIMITS = Limits(connect_s=2.0, stall_s=5.0, tries=3, pause_s=0.01, keep_free_bytes=0)
MODEL = Repository(hub="huggingface", repo="someone/sketches", revision="main")


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serving(FILES) as running:
        yield running


def wire_to(hub: LocalHub, **options: object) -> Wire:
    return Wire(HostRules([hub.url]), limits=LIMITS, **options)  # type: ignore[arg-type]


def look(hub: LocalHub, repository: Repository = MODEL) -> Snapshot:
    place = HuggingFace(hub.url) if repository.hub == "huggingface" else ModelScope(hub.url)
    with wire_to(hub) as wire:
        return place.look(wire, repository)


def bring(hub: LocalHub, path: str, target: Path, **options: object) -> list[Progress]:
    seen: list[Progress] = []
    token = options.pop("cancel", CancelToken())
    with wire_to(hub) as wire:
        fetch(
            look(hub).files[path],
            target,
            wire=wire,
            on_progress=seen.append,
            cancel=token,  # type: ignore[arg-type]
            **options,  # type: ignore[arg-type]
        )
    return seen


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_a_file_arrives_whole_and_leaves_nothing_beside_it(
    hub: LocalHub, tmp_path: Path, path: str
) -> None:
    target = tmp_path / "models" / "file"
    seen = bring(hub, path, target)
    assert target.read_bytes() == FILES[path]
    assert [entry.name for entry in target.parent.iterdir()] == ["file"]
    assert {progress.stage for progress in seen} == {"fetching", "verifying"}
    assert seen[-1] == Progress("verifying", len(FILES[path]))


def test_a_repository_is_looked_up_at_one_commit(hub: LocalHub) -> None:
    snapshot = look(hub)
    assert snapshot.commit == COMMIT
    large, small = snapshot.files[LARGE], snapshot.files[SMALL]
    assert large.num_bytes == 300_000
    assert large.sha256 is not None
    assert large.git_sha1 is None
    assert (small.sha256, small.git_sha1 is not None) == (None, True)
    assert COMMIT in large.url
    assert "datasets/" not in large.url
    data = Repository(hub="huggingface", repo="someone/sketches", revision="main", is_dataset=True)
    assert "/datasets/someone/sketches/resolve/" in look(hub, data).files[LARGE].url


def test_the_second_source_brings_the_same_bytes(hub: LocalHub, tmp_path: Path) -> None:
    model = Repository(hub="modelscope", repo="someone/sketches", revision="master")
    remote = look(hub, model).files[LARGE]
    with wire_to(hub) as wire:
        fetch(remote, tmp_path / "f", wire=wire, on_progress=lambda _: None, cancel=CancelToken())
    assert (tmp_path / "f").read_bytes() == FILES[LARGE]


def test_a_stopped_download_goes_on_where_it_was(hub: LocalHub, tmp_path: Path) -> None:
    target, token = tmp_path / "file", CancelToken()

    def half(exchange: Exchange) -> None:  # the person stops while the server is still sending
        exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": len(exchange.data)})
        exchange.send(exchange.data[:100_000])
        exchange.pause(30)

    hub.then("bytes", half)
    with wire_to(hub) as wire:

        def stop_at_half(progress: Progress) -> None:
            if progress.num_bytes == 100_000:
                token.cancel()
                wire.hang_up()

        remote = look(hub).files[LARGE]
        with pytest.raises(Cancelled):
            fetch(remote, target, wire=wire, on_progress=stop_at_half, cancel=token)
    assert not target.exists()
    assert num_bytes_waiting(target) == 100_000
    bring(hub, LARGE, target)
    assert hub.requests["bytes"][-1].start == 100_000
    assert target.read_bytes() == FILES[LARGE]


def test_what_has_the_name_stays_until_the_new_file_is_whole(hub: LocalHub, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    seen: list[bytes] = []
    with wire_to(hub) as wire:
        fetch(
            look(hub).files[LARGE],
            target,
            wire=wire,
            on_progress=lambda _: seen.append(target.read_bytes()),
            cancel=CancelToken(),
        )
    assert set(seen) == {b"old"}
    assert target.read_bytes() == FILES[LARGE]


def piece(exchange: Exchange, data: bytes, where: str, **headers: object) -> None:
    lines = {"ETag": exchange.etag, "Content-Length": len(data), "Content-Range": where, **headers}
    exchange.head("206 Partial Content", lines)
    exchange.send(data)


def endless_piece(exchange: Exchange, data: bytes, where: str) -> None:
    exchange.head("206 Partial Content", {"ETag": exchange.etag, "Content-Range": where})
    exchange.send(data)


def cut(exchange: Exchange) -> None:
    exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": SIZE})
    exchange.send(exchange.data[:HALF])


def cut_without_tag(exchange: Exchange) -> None:
    exchange.head("200 OK", {"Content-Length": SIZE})
    exchange.send(exchange.data[:HALF])


OTHER, HALF, SIZE = content_of(2, 300_000), 150_000, 300_000


@pytest.mark.parametrize(
    "answer",
    [
        lambda e: piece(e, OTHER[HALF:], f"bytes {HALF}-{SIZE - 1}/{SIZE}", ETag='"other"'),
        lambda e: endless_piece(e, e.data[:HALF], f"bytes 0-{HALF - 1}/{SIZE}"),
        lambda e: piece(e, OTHER[HALF:], f"bytes {HALF}-{SIZE - 1}/{SIZE + 1}"),
    ],
    ids=["another tag", "another place", "another length"],
)
def test_without_a_hash_the_answer_itself_must_prove_that_it_goes_on(
    hub: LocalHub, tmp_path: Path, answer: Callable[[Exchange], None]
) -> None:
    hub.then("bytes", cut, answer)
    remote = replace(look(hub).files[LARGE], sha256=None)
    with wire_to(hub) as wire:
        fetch(remote, tmp_path / "f", wire=wire, on_progress=lambda _: None, cancel=CancelToken())
    assert (tmp_path / "f").read_bytes() == FILES[LARGE]
    assert hub.requests["bytes"][1].headers["if-range"] == hub.requests["bytes"][1].etag


def test_without_hash_and_tag_nothing_proves_that_it_goes_on(hub: LocalHub, tmp_path: Path) -> None:
    hub.then("bytes", cut_without_tag)
    remote = replace(look(hub).files[LARGE], sha256=None)
    with wire_to(hub) as wire:
        fetch(remote, tmp_path / "f", wire=wire, on_progress=lambda _: None, cancel=CancelToken())
    assert (tmp_path / "f").read_bytes() == FILES[LARGE]
    assert [exchange.start for exchange in hub.requests["bytes"]] == [None, None]


def test_with_a_hash_any_server_of_the_hub_may_go_on(hub: LocalHub, tmp_path: Path) -> None:
    hub.then("bytes", cut)
    hub.then(
        "bytes",
        lambda e: piece(e, e.data[HALF:], f"bytes {HALF}-{SIZE - 1}/{SIZE}", ETag='"other"'),
    )
    bring(hub, LARGE, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == FILES[LARGE]
    assert [exchange.start for exchange in hub.requests["bytes"]] == [None, HALF]


def test_a_file_too_large_for_http_names_the_hubs_own_tool(hub: LocalHub, tmp_path: Path) -> None:
    hub.always["bytes"] = lambda e: e.head("403 Forbidden", {"Content-Length": 0})
    limits = replace(LIMITS, largest_bytes=1000)
    with (
        Wire(HostRules([hub.url]), limits=limits) as wire,
        pytest.raises(DownloadFailed, match="more than the hub gives out") as caught,
    ):
        fetch(
            look(hub).files[LARGE],
            tmp_path / "file",
            wire=wire,
            on_progress=lambda _: None,
            cancel=CancelToken(),
        )
    assert f"{tmp_path} with the hub's own tool, `hf download`" in caught.value.hint


def test_a_part_can_be_given_up(tmp_path: Path) -> None:
    target = tmp_path / "file"
    part_path(target).write_bytes(b"abc")
    assert num_bytes_waiting(target) == 3
    remove_part(target)
    remove_part(target)
    assert num_bytes_waiting(target) == 0


@pytest.mark.parametrize(
    "name", ["sketches", "a/b/c", "../b", "a/..", "a b/c", "", "a/" + "x" * 97]
)
def test_impossible_repositories_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        Repository(hub="huggingface", repo=name, revision="main")
    with pytest.raises(InvalidRequest):
        Repository(hub="huggingface", repo="a/b", revision=f"{name}?x")
    with pytest.raises(InvalidRequest):
        Repository(hub="elsewhere", repo="a/b", revision="main")
