"""T13 and T19: a download asks nobody but the hubs, shows its key to nobody else, keeps no forgery."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger import Count
from tests.storage.local_hub import Exchange, LocalHub, content_of, serving, sha256
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.secret import Secret
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.model_rows import ModelFile, ModelRow, Source
from videosketcher_app.services.downloads import Downloads
from videosketcher_app.storage.downloads.errors import DownloadFailed, Offline, Trouble
from videosketcher_app.storage.downloads.hosts import HostRules, origin_of
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.wire import Wire

pytestmark = pytest.mark.security

HUBS = ("https://huggingface.co", "https://modelscope.cn")
LIMITS = Limits(connect_s=5.0, stall_s=20.0, tries=2, pause_s=0.01, keep_free_bytes=0)
PORT = "PORT"  # of the canary
FOREIGN = [
    f"http://127.0.0.1:{PORT}/",
    f"https://127.0.0.1:{PORT}/",
    f"http://localhost:{PORT}/",
    f"http://[::1]:{PORT}/",
    f"http://[::ffff:127.0.0.1]:{PORT}/",
    f"http://2130706433:{PORT}/",
    f"http://0x7f000001:{PORT}/",
    f"http://0177.0.0.1:{PORT}/",
    f"http://127.1:{PORT}/",
    f"http://0:{PORT}/",
    f"http://127.0.0.1.nip.io:{PORT}/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://example.org/",
    "https://huggingface.co.example.org/",
    "https://huggingface.com/",
    "https://evilhuggingface.co/",
    "https://huggingface.co@example.org/",
    f"https://huggingface.co@127.0.0.1:{PORT}/",
    "https://me:secret@huggingface.co/",
    "https://example.org/huggingface.co",
    "https://example.org/?huggingface.co",
    "https://example.org#.huggingface.co",
    f"https://127.0.0.1:{PORT}\\.huggingface.co/",
    "https://example.org\\@huggingface.co/",
    "https://huggingface.co\t.example.org/",
    "https://huggingface.co\n/",
    "https://huggingface.co /",
    "http://huggingface.co/",
    "https://huggingface.co:8443/",
    f"https://huggingface.co:{PORT}/",
    "https://huggingface.co:99999/",
    "https://huggingface.co:port/",
    "https://huggingface.co./",
    "https://xn--huggingface-.co/",
    "https://huggingfac\u0435.co/",
    "https://hf\u3002co/",
    "ftp://huggingface.co/",
    "file:///etc/passwd",
    "file://huggingface.co/etc/passwd",
    "gopher://huggingface.co/",
    "data:text/plain,abc",
    "javascript:alert(1)",
    "//huggingface.co/",
    "huggingface.co/file",
    "https://",
    "",
]
INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.0.7",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "fe80::1%eth0",
    "fd12::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "ff02::1",
]


@pytest.fixture
def canary() -> Iterator[LocalHub]:
    with serving({"secret.txt": b"secret"}) as running:
        yield running


@pytest.mark.row("T13", "addresses and redirects", cases=len(FOREIGN))
def test_no_foreign_address_is_asked(canary: LocalHub) -> None:
    assert len(FOREIGN) >= 50
    rules = HostRules(HUBS, resolve=lambda *_: ["127.0.0.1"])
    with Wire(rules, limits=LIMITS) as wire:
        for url in (url.replace(PORT, str(canary.port)) for url in FOREIGN):
            with pytest.raises(DownloadFailed):
                rules.check(url)
            with pytest.raises(DownloadFailed), wire.get(url):
                pytest.fail(f"{url} was asked")
    assert canary.num_requests() == 0


@pytest.mark.row("T13", "addresses and redirects")
def test_no_redirect_leads_to_a_foreign_address(canary: LocalHub, ledger: Count) -> None:
    foreign = [url.replace(PORT, str(canary.port)) for url in FOREIGN if "//" in url]
    absolute = [url for url in foreign if url.isascii() and url.isprintable() and ":" in url]
    assert len(absolute) > 35
    with serving({}) as hub, Wire(HostRules([hub.url]), limits=LIMITS) as wire:
        for url in absolute:
            hub.then("strange", lambda e: e.head("302 Found", {"Location": "/hop"}))
            hub.then("strange", lambda e, to=url: e.head("307 Moved", {"Location": to}))
            with pytest.raises((DownloadFailed, Trouble)), wire.get(f"{hub.url}/file") as answer:
                pytest.fail(f"{url} was asked: {answer.status}")
            hub.honest_again()
    assert canary.num_requests() == 0
    ledger("T13", cases=len(absolute))


def test_the_hubs_and_their_stores_may_be_asked() -> None:
    rules = HostRules(["https://hf-mirror.com", "http://192.168.1.7:8081"])
    for url in (
        "https://huggingface.co/a/b/resolve/main/c",
        "https://us.aws.cdn.hf.co/x?Signature=y",
        "https://cas-bridge.xethub.hf.co:443/x",
        "https://www.modelscope.cn/api/v1/models/a/b/repo",
        "https://modelhub.oss-cn-hangzhou.aliyuncs.com/x",
        "https://hf-mirror.com/api/models/a/b",
        "https://cdn.hf-mirror.com/x",
        "http://192.168.1.7:8081/api/models/a/b",
    ):
        assert rules.check(url)[1] in url
    for url in ("http://hf-mirror.com/", "http://192.168.1.7:8082/", "http://192.168.1.8:8081/"):
        with pytest.raises(DownloadFailed):
            rules.check(url)


def test_offline_nothing_is_asked_however_it_comes_to_it(canary: LocalHub) -> None:
    with (
        Wire(HostRules([canary.url]), offline=True) as wire,
        pytest.raises(Offline),
        wire.get(f"{canary.url}/api/models/a/b"),
    ):
        pytest.fail("it was asked")
    assert canary.num_requests() == 0


@pytest.mark.row("T13", "addresses and redirects")
@pytest.mark.parametrize("address", INSIDE)
def test_a_hubs_name_that_stands_for_this_network_is_not_asked(
    canary: LocalHub, address: str
) -> None:
    rules = HostRules(HUBS, resolve=lambda *_: ["8.8.8.8", address])
    with (
        Wire(rules, limits=LIMITS) as wire,
        pytest.raises(DownloadFailed, match="this machine or its network"),
        wire.get("https://huggingface.co/api/models/a/b"),
    ):
        pytest.fail("it was asked")
    assert canary.num_requests() == 0


@pytest.mark.row("T13", "addresses and redirects")
def test_the_address_that_was_judged_is_the_one_that_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that gives a good address first and ours later is not asked a second time."""
    import socket

    asked: list[tuple[str, int]] = []
    answers = iter([["203.0.113.9"]])
    monkeypatch.setattr("videosketcher_app.storage.downloads.hosts.is_public", lambda _: True)

    def refuse(sock: socket.socket, address: tuple[str, int]) -> None:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    rules = HostRules(HUBS, resolve=lambda *_: next(answers))
    with (
        Wire(rules, limits=LIMITS) as wire,
        pytest.raises(Trouble),
        wire.get("https://huggingface.co/"),
    ):
        pytest.fail("it was reached")
    assert asked == [("203.0.113.9", 443)]


@pytest.mark.row("T15", "ways out of the process")
def test_a_key_goes_to_its_own_hub_only(canary: LocalHub, caplog: pytest.LogCaptureFixture) -> None:
    """Another port is another origin, even when the owner allowed it."""
    caplog.set_level(logging.DEBUG)
    with serving({}) as hub:

        def echo(exchange: Exchange) -> None:
            words = {"Location": f"{canary.url}/store/x", "Echo": exchange.headers["authorization"]}
            exchange.head("302 Found", words)

        hub.then("strange", echo)
        origin = origin_of(hub.url)
        assert origin is not None
        rules = HostRules([hub.url, canary.url])
        with (
            Wire(rules, limits=LIMITS, keys={origin: Secret("hf_key_123456")}) as wire,
            wire.get(f"{hub.url}/file") as answer,
        ):
            assert answer.status == 404
        (at_hub,), (at_store,) = hub.requests["strange"], canary.requests["bytes"]
    assert at_hub.headers["authorization"] == "Bearer hf_key_123456"
    assert "authorization" not in at_store.headers
    assert "hf_key" not in str(at_store.headers)
    assert "Echo" in caplog.text  # the library did write headers
    assert "hf_key" not in caplog.text


@pytest.mark.parametrize(
    "endpoint",
    ["", "hf-mirror.com", "ftp://hub", "http://me:secret@hub", "https://hub/?x=1", "http://a b"],
)
def test_an_impossible_mirror_is_refused(endpoint: str) -> None:
    with pytest.raises(InvalidRequest, match="HF_ENDPOINT"):
        HostRules([endpoint])


TRUTH = content_of(11, 40_000)


def _tampered(number: int) -> bytes:
    """One bit flipped, or the end cut off, or something added: each at another place."""
    place = number * len(TRUTH) // 20
    if number % 4 == 3:
        return TRUTH[: place + 1]
    if number % 4 == 2:
        return TRUTH + TRUTH[: place + 1]
    return TRUTH[:place] + bytes([TRUTH[place] ^ (1 << number % 8)]) + TRUTH[place + 1 :]


@pytest.mark.row("T19", "forged downloads")
@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("where", ["upstream", "on the way"])
def test_a_forged_file_never_gets_the_name(number: int, where: str, tmp_path: Path) -> None:
    forged = _tampered(number)
    file = ModelFile(path="w.pt", num_bytes=None, sha256=sha256(TRUTH), repo_path="w.pt")
    source = Source(hub="huggingface", repo="someone/sketches", revision="main")
    row = ModelRow(
        name="w", kind="model", family="wan", about="", licence="", files=(file,), sources=(source,)
    )

    def send_forged(exchange: Exchange) -> None:
        exchange.head("200 OK", {})
        exchange.send(forged)

    with serving({"w.pt": forged if where == "upstream" else TRUTH}) as hub:
        if where == "on the way":
            hub.always["bytes"] = send_forged
        settings = load_settings(hf_endpoint=hub.url, offline=False, workspace=tmp_path)
        downloads = Downloads(
            tmp_path,
            settings,
            row_of={"w": row}.__getitem__,
            limits=LIMITS,
        )
        try:
            downloads.start("w")
            last = list(downloads.follow(["w"], every_s=0.05))[-1]
        finally:
            downloads.close()
    assert last.state == "failed"
    assert last.message
    assert last.hint
    assert not (tmp_path / "w" / "w.pt").exists()


def test_a_hub_cannot_name_a_file_outside_the_folder(tmp_path: Path) -> None:
    names = ["../out", "/etc/out", "a/../../out", "C:\\out", "a\\..\\out", "con", "a/\x00", "a:b"]
    source = Source(hub="huggingface", repo="someone/sketches", revision="main")
    row = ModelRow(name="w", kind="model", family="wan", about="", licence="", sources=(source,))
    from videosketcher_app.services.download_plan import plan_files
    from videosketcher_app.storage.downloads.hubs import RemoteFile, Repository, Snapshot

    repository = Repository(hub="huggingface", repo="a/b", revision="main")
    for name in names:
        files = {name: RemoteFile(url="https://huggingface.co/x", path=name, num_bytes=1)}
        with pytest.raises(AppError):
            plan_files(row, Snapshot(repository=repository, commit="x", files=files), tmp_path)
