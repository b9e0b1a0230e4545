"""Downloads of the app: one after another, paused, continued, given up, found again, verified."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.storage.local_hub import COMMIT, Exchange, LocalHub, content_of, serving, sha256
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import Forbidden, InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.model_rows import ModelFile, ModelRow, Source
from videosketcher_app.services.download_plan import RECORD, read_record
from videosketcher_app.services.download_rate import Rate
from videosketcher_app.services.download_work import open_lines
from videosketcher_app.services.downloads import Downloads, DownloadView
from videosketcher_app.storage.downloads.errors import Offline
from videosketcher_app.storage.downloads.hosts import origin_of
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.part import num_bytes_waiting

FILES = {
    "a.safetensors": content_of(1, 200_000),
    "sub/b.safetensors": content_of(2, 100_000),
    "config.json": b'{"width": 24}',
    ".gitattributes": b"* lfs",
}
LIMITS = Limits(connect_s=2.0, stall_s=20.0, tries=2, pause_s=0.01, keep_free_bytes=0)
HUGGING_FACE = Source(hub="huggingface", repo="someone/sketches", revision="main")
MODELSCOPE = Source(hub="modelscope", repo="someone/sketches", revision="master")
TOTAL = sum(len(FILES[path]) for path in ("a.safetensors", "sub/b.safetensors"))


def file(path: str, *, num_bytes: int | None = None, digest: str | None = None) -> ModelFile:
    return ModelFile(path=path, num_bytes=num_bytes, sha256=digest, repo_path=path)


def row(name: str = "big", **options: object) -> ModelRow:
    facts = {
        "kind": "model",
        "family": "wan",
        "about": "a model",
        "licence": "MIT",
        "files": (file("a.safetensors"), file("sub/b.safetensors")),
        "sources": (HUGGING_FACE,),
        **options,
    }
    return ModelRow(name=name, **facts)  # type: ignore[arg-type]


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serving(FILES) as running:
        yield running


class KnownPlaces:
    """A disk that holds these rows, and notes which were put to use."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.used: list[str] = []

    def has(self, name: str) -> bool:
        return name in self.names

    def use(self, name: str) -> None:
        self.used.append(name)


@contextmanager
def opened(
    folder: Path,
    hub: LocalHub,
    *rows: ModelRow,
    places: KnownPlaces | None = None,
    offline: bool = False,
    limits: Limits = LIMITS,
) -> Iterator[Downloads]:
    known = {each.name: each for each in rows}
    settings = load_settings(
        hf_endpoint=hub.url, modelscope_endpoint=hub.url, offline=offline, workspace=folder
    )
    downloads = Downloads(folder, settings, row_of=known.__getitem__, places=places, limits=limits)
    try:
        yield downloads
    finally:
        downloads.close()


def ended(downloads: Downloads, *names: str) -> dict[str, DownloadView]:
    last = {}
    for view in downloads.follow(names, every_s=0.05):
        last[view.name] = view
    return last


def until(downloads: Downloads, name: str, num_bytes: int) -> None:
    """Returns once so many bytes are here."""
    for view in downloads.follow([name], every_s=0.05):
        if view.bytes_done >= num_bytes:
            return


def stalling_at(num_bytes: int, reached: threading.Event) -> Callable[[Exchange], None]:
    """Sends so many bytes honestly and then nothing, until the hub stops."""

    def script(exchange: Exchange) -> None:
        exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": len(exchange.data)})
        exchange.send(exchange.data[:num_bytes])
        reached.set()
        exchange.pause(60)

    return script


def test_a_row_arrives_with_its_needs_first(hub: LocalHub, tmp_path: Path) -> None:
    vae = row("vae", files=(file("config.json"),))
    big = row(needs=("vae", "encoder"))
    disk = KnownPlaces(("encoder",))
    with opened(tmp_path, hub, big, vae, row("encoder"), places=disk) as downloads:
        first = downloads.start("big")
        assert (first.name, first.bytes_done) == ("big", 0)
        assert [view.name for view in downloads.views()] == ["vae", "big"]
        last = ended(downloads, "vae", "big")
    assert disk.used == ["encoder"]
    assert last["big"].state == last["vae"].state == "done"
    assert (last["big"].bytes_done, last["big"].bytes_total) == (TOTAL, TOTAL)
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {
        "big/a.safetensors",
        "big/sub/b.safetensors",
        f"big/{RECORD}",
        "vae/config.json",
        f"vae/{RECORD}",
    }
    assert (tmp_path / "big/sub/b.safetensors").read_bytes() == FILES["sub/b.safetensors"]


def test_a_row_without_files_is_the_whole_repository(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row(files=())) as downloads:
        downloads.start("big")
        assert ended(downloads, "big")["big"].state == "done"
    names = {p.name for p in (tmp_path / "big").rglob("*") if p.is_file()}
    assert names == {"a.safetensors", "b.safetensors", "config.json", RECORD}


def test_a_pattern_names_many_files(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row(files=(file("*.safetensors"),))) as downloads:
        downloads.start("big")
        assert ended(downloads, "big")["big"].bytes_done == TOTAL


def test_pause_and_go_on_continue_where_it_was(hub: LocalHub, tmp_path: Path) -> None:
    reached = threading.Event()
    hub.then("bytes", stalling_at(50_000, reached))
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        assert reached.wait(20)
        until(downloads, "big", 50_000)
        assert downloads.pause("big").state == "paused"
        downloads.go_on("big")
        last = ended(downloads, "big")["big"]
    assert last.state == "done"
    assert [exchange.start for exchange in hub.requests["bytes"]] == [None, 50_000, None]
    assert (tmp_path / "big/a.safetensors").read_bytes() == FILES["a.safetensors"]


def test_starting_what_runs_changes_nothing(hub: LocalHub, tmp_path: Path) -> None:
    reached = threading.Event()
    hub.then("bytes", stalling_at(50_000, reached))
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        assert reached.wait(20)
        until(downloads, "big", 50_000)
        assert downloads.start("big", revision="other").bytes_done == 50_000
        (view,) = downloads.views()
        assert (view.state, view.bytes_done) == ("running", 50_000)
    assert len(hub.requests["look"]) == 1


def test_a_restart_finds_what_was_left_and_keeps_what_is_whole(
    hub: LocalHub, tmp_path: Path
) -> None:
    reached = threading.Event()
    part = tmp_path / "big/sub/b.safetensors"

    def second(exchange: Exchange) -> None:
        if sha256(exchange.data) == sha256(FILES["a.safetensors"]):
            exchange.honest()
        else:
            stalling_at(60_000, reached)(exchange)

    hub.always["bytes"] = second
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big", revision="v1")
        assert reached.wait(20)
        until(downloads, "big", 260_000)
    assert num_bytes_waiting(part) == 60_000
    hub.honest_again()
    hub.requests.clear()
    with opened(tmp_path, hub, row()) as downloads:
        (left,) = downloads.views()
        assert (left.state, left.bytes_done, left.bytes_total) == ("paused", 260_000, TOTAL)
        downloads.go_on("big")
        assert ended(downloads, "big")["big"].state == "done"
    assert [exchange.start for exchange in hub.requests["bytes"]] == [60_000]
    assert (
        [exchange.path for exchange in hub.requests["look"]]
        == [
            f"/api/models/someone/sketches/revision/{COMMIT}?blobs=true"  # as begun, not where v1 is now
        ]
    )
    record = read_record(tmp_path / "big")
    assert record is not None
    assert record.chosen_revision == "v1"
    with opened(tmp_path, hub, row()) as downloads:
        assert downloads.views() == ()


def test_a_download_that_is_given_up_leaves_nothing(hub: LocalHub, tmp_path: Path) -> None:
    reached = threading.Event()
    hub.then("bytes", lambda exchange: exchange.honest(), stalling_at(10_000, reached))
    (tmp_path / "big").mkdir()
    (tmp_path / "big/mine.txt").write_text("kept")
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        assert reached.wait(20)
        downloads.stop("big")
        assert downloads.views() == ()
        with pytest.raises(InvalidRequest):
            downloads.pause("big")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["mine.txt"]


def test_giving_up_what_is_done_removes_nothing(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        ended(downloads, "big")
        downloads.stop("big")
    assert (tmp_path / "big/a.safetensors").is_file()


def test_the_second_source_takes_over_and_mixes_no_versions(hub: LocalHub, tmp_path: Path) -> None:
    wrong = content_of(9, len(FILES["a.safetensors"]))
    hub.always["bytes"] = lambda exchange: (
        exchange.honest()
        if "FilePath" in exchange.path
        else _plain(exchange, wrong if len(exchange.data) == len(wrong) else exchange.data)
    )
    with opened(tmp_path, hub, row(sources=(HUGGING_FACE, MODELSCOPE))) as downloads:
        downloads.start("big")
        assert ended(downloads, "big")["big"].state == "done"
    assert (tmp_path / "big/a.safetensors").read_bytes() == FILES["a.safetensors"]
    record = read_record(tmp_path / "big")
    assert record is not None
    assert record.hub == "modelscope"


def _plain(exchange: Exchange, data: bytes) -> None:
    exchange.head("200 OK", {"Content-Length": len(data)})
    exchange.send(data)


def test_a_chosen_source_is_the_only_one(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row(sources=(HUGGING_FACE, MODELSCOPE))) as downloads:
        downloads.start("big", source="modelscope")
        assert ended(downloads, "big")["big"].state == "done"
        assert not hub.requests["resolve"]
        with pytest.raises(InvalidRequest, match="not known"):
            downloads.start("big", source="elsewhere")


@pytest.mark.parametrize(
    "wrong",
    [file("a.safetensors", digest="0" * 64), file("a.safetensors", num_bytes=7)],
    ids=["hash", "length"],
)
def test_a_file_that_was_replaced_upstream_is_refused_before_its_first_byte(
    hub: LocalHub, tmp_path: Path, wrong: ModelFile
) -> None:
    with opened(tmp_path, hub, row(files=(wrong,))) as downloads:
        downloads.start("big")
        view = ended(downloads, "big")["big"]
    assert view.state == "failed"
    assert "not the file that the catalogue describes" in view.message
    assert view.hint
    assert not hub.requests["bytes"]
    assert not list(tmp_path.rglob("*.safetensors"))


def test_starting_again_repairs_what_was_damaged(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        ended(downloads, "big")
        target = tmp_path / "big/a.safetensors"
        target.write_bytes(content_of(5, len(FILES["a.safetensors"])))
        hub.requests.clear()
        downloads.start("big")
        assert ended(downloads, "big")["big"].state == "done"
    assert target.read_bytes() == FILES["a.safetensors"]
    assert len(hub.requests["bytes"]) == 1


def packed(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".csv", text)
    return content.getvalue()


def test_a_data_set_is_unpacked_beside_its_archives(tmp_path: Path) -> None:
    data = replace(HUGGING_FACE, repo_type="dataset")
    rows = row("sketches", kind="dataset", files=(), sources=(data,))
    archives = {"shapes.zip": packed(shapes__video__1="one"), "more/shapes.zip": packed(a="two")}
    with serving(archives) as hub, opened(tmp_path, hub, rows) as downloads:
        downloads.start("sketches")
        assert ended(downloads, "sketches")["sketches"].state == "done"
        assert "/datasets/" in hub.requests["bytes"][0].path
        unpacked = tmp_path / "sketches/data"
        assert (unpacked / "shapes/video/1.csv").read_text() == "one"
        assert (unpacked / "more/shapes/a.csv").read_text() == "two"
        (unpacked / "shapes/video/1.csv").write_text("mine")
        hub.files["more/shapes.zip"] = packed(a="three")  # the publisher corrects it
        (tmp_path / "sketches/more/shapes.zip").unlink()
        downloads.start("sketches")
        assert ended(downloads, "sketches")["sketches"].state == "done"
    assert (unpacked / "shapes/video/1.csv").read_text() == "mine"
    assert (unpacked / "more/shapes/a.csv").read_text() == "three"


def test_offline_and_guests_are_refused_with_a_sentence(hub: LocalHub, tmp_path: Path) -> None:
    with opened(tmp_path, hub, row(), offline=True) as downloads:
        with pytest.raises(Offline, match="offline"):
            downloads.start("big")
        assert downloads.views() == ()
    with opened(tmp_path, hub, row()) as downloads:
        for act in (downloads.start, downloads.pause, downloads.go_on, downloads.stop):
            with pytest.raises(Forbidden):
                act("big", role=Role.GUEST)
    assert hub.num_requests() == 0


def test_what_comes_with_the_app_is_not_downloaded(hub: LocalHub, tmp_path: Path) -> None:
    with (
        opened(tmp_path, hub, row(sources=())) as downloads,
        pytest.raises(InvalidRequest, match="comes with the app"),
    ):
        downloads.start("big")


def test_room_for_everything_is_asked_for_before_the_first_byte(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room for each of the two files, and not for both."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=TOTAL - 1))
    with opened(tmp_path, hub, row()) as downloads:
        downloads.start("big")
        view = ended(downloads, "big")["big"]
    assert view.state == "failed"
    assert "no room for big" in view.message
    assert not hub.requests["bytes"]


def test_going_on_brings_what_was_never_begun(hub: LocalHub, tmp_path: Path) -> None:
    reached = threading.Event()
    hub.then("bytes", stalling_at(50_000, reached))
    rows = (row(), row("vae", files=(file("config.json"),), needs=("big",)))
    with opened(tmp_path, hub, *rows) as downloads:
        downloads.start("vae")
        assert reached.wait(20)
        until(downloads, "big", 50_000)
    with opened(tmp_path, hub, *rows) as downloads:
        downloads.start("vae")
        downloads.pause("vae")
        downloads.go_on("vae")
        assert {view.state for view in ended(downloads, "big", "vae").values()} == {"done"}


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [("https://huggingface.co/", "hf_stored_login"), ("https://hf-mirror.com", None)],
)
def test_a_stored_login_is_for_the_hub_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, found: str | None
) -> None:
    from huggingface_hub import constants

    stored = tmp_path / "token"
    stored.write_text("hf_stored_login\n")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(stored))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    settings = load_settings(hf_endpoint=endpoint, offline=False)
    lines = open_lines(settings)
    origin = origin_of(endpoint)
    assert origin is not None
    key = lines.wire.keys.get(origin)
    assert (key.get_secret_value() if key else None) == found


def test_the_rate_is_that_of_the_last_seconds() -> None:
    now = [0.0]
    rate = Rate(clock=lambda: now[0])
    assert rate.bytes_per_s() == 0
    for second in range(31):
        now[0] = float(second)
        rate.saw(second * 100 if second <= 20 else 2000 + (second - 20) * 500)
    assert rate.bytes_per_s() == pytest.approx(500)
    now[0] += 100
    assert 0 < rate.bytes_per_s() < 50
    rate.saw(10)  # it began again
    assert rate.bytes_per_s() == 0
