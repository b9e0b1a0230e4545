"""T10, T21: what guests send fits into their share of the disk, and half a request blocks nobody."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace

import httpx
import pytest

from tests.security.served import API, PATIENCE_S, served, wait_until
from videosketcher_app.core.access import LIMITS, Role

pytestmark = [
    pytest.mark.security,
    pytest.mark.timeout(900),  # a slow machine is no fault: the limit only ends what hangs
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]

MIB = 1 << 20
SESSION_BYTES = 4_000_000
NUM_FILES = 5000
HALF_OPEN = 200
TIMEOUT_S = 2.0


def stored(app):
    book = app.services.guests
    return [path for path in book.uploads.rglob("*") if path.is_file()]


def cookie_of(client):
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def half_upload(app, cookie):
    """Opens an upload and never finishes it."""
    port = app.serving.guest_port
    head = (
        f"POST {API}/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nabc'
    )
    sender = socket.create_connection(("127.0.0.1", port), timeout=30)
    sender.sendall(head.encode())
    return sender


@pytest.mark.row("T10", "files of one guest", cases=NUM_FILES)
def test_one_guest_cannot_fill_the_disk(tmp_path):
    """5,000 files in requests of 100, then large ones; shares are made small, the rules stay."""
    now = [0.0]
    limits = replace(LIMITS[Role.GUEST], session_bytes=SESSION_BYTES, session_files=50)
    with served(tmp_path, clock=lambda: now[0]) as app:
        book = app.services.guests
        book.limits, book._clock = limits, lambda: now[0]
        hostile, honest = app.guest(), app.guest()
        statuses = set()
        for batch in range(NUM_FILES // 100):
            files = [("files", (f"{n}.png", f"{batch} {n}".encode())) for n in range(100)]
            statuses.add(hostile.client.post(f"{API}/upload", files=files).status_code)
        for number in range(100):
            file = {"files": ("one.png", f"small {number}".encode())}
            statuses.add(hostile.client.post(f"{API}/upload", files=file).status_code)
        assert statuses <= {200, 413, 429}
        assert len(stored(app)) <= 50
        second = app.guest()
        for number in range(12):
            body = bytes([number]) * 1_000_000
            second.client.post(f"{API}/upload", files={"files": ("big.png", body)})
        large = [path for path in stored(app) if path.stat().st_size == 1_000_000]
        assert 1 <= len(large) * 1_000_000 <= SESSION_BYTES
        answer = honest.client.post(f"{API}/upload", files={"files": ("mine.png", b"mine")})
        assert answer.status_code == 200
        assert honest.read(answer.json()[0]).content == b"mine"
        now[0] += 3601.0
        wait_until(lambda: book.sweep() >= 0 and stored(app) == [], timeout_s=10)
        assert list((tmp_path / "home" / "cache" / "incoming").iterdir()) == []


@pytest.mark.row("T10", "files of one guest", cases=NUM_FILES)
def test_the_real_quotas_hold(tmp_path):
    """T10 at its figures: 5,000 files and 3 GB of one guest, and 2 GiB of all guests together."""
    now = [0.0]
    with served(tmp_path, clock=lambda: now[0]) as app:
        book = app.services.guests
        book._clock = lambda: now[0]
        assert book.limits == LIMITS[Role.GUEST]
        assert (book.limits.session_bytes, book.limits.total_bytes) == (200 * MIB, 2048 * MIB)
        hostile, honest = app.guest(), app.guest()
        sizes = [49 * MIB] * 4 + [3 * MIB, 2 * MIB, MIB, MIB - 1000]  # a body has a frame too
        statuses = [upload(hostile.client, num_bytes) for num_bytes in sizes]
        assert statuses == [200] * 5 + [413, 413, 200]
        assert stored_bytes(app) <= 200 * MIB
        for _ in range(60):  # 3 GB, of which no byte is asked for
            assert announced_upload(app, cookie_of(hostile.client), 50 * MIB) in (413, 429)
        for batch in range(NUM_FILES // 8):
            files = [("files", (f"{n}.png", f"{batch} {n}".encode())) for n in range(8)]
            assert hostile.client.post(f"{API}/upload", files=files).status_code in (413, 429)
        assert stored_bytes(app) <= 200 * MIB
        assert upload(honest.client, MIB) == 200
        fill(app, 2048 * MIB - book.total_bytes() - MIB)
        assert upload(honest.client, 2 * MIB) == 413
        assert honest.client.post(f"{API}/upload", files=one_file(b"x")).status_code == 200
        now[0] += 3601.0
        wait_until(lambda: book.sweep() >= 0 and stored(app) == [] and not book.total_bytes())
        assert list((tmp_path / "home" / "cache" / "incoming").iterdir()) == []


def stored_bytes(app):
    return sum(path.stat().st_size for path in stored(app))


def one_file(body):
    return {"files": ("a.png", body)}


def upload(client, num_bytes):
    """The status for a file of its own kind: equal ones would be kept once."""
    body = os.urandom(16) + bytes(num_bytes - 16)
    return client.post(f"{API}/upload", files=one_file(body)).status_code


def announced_upload(app, cookie, num_bytes):
    """The status for an upload of which only the head is sent."""
    port = app.serving.guest_port
    head = (
        f"POST {API}/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {num_bytes}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sender:
        sender.sendall(head.encode())
        return int(sender.recv(100).split()[1])


def fill(app, num_bytes):
    """More guests leave drawings of so many bytes, none more than it may keep; sparse files."""
    book = app.services.guests
    while num_bytes > 0:
        _, guest = book.admit()
        guest.folder.mkdir(parents=True)
        size = min(num_bytes, book.limits.session_bytes)
        with (guest.folder / "cat.mp4").open("wb") as file:
            file.truncate(size)
        num_bytes -= size


@pytest.mark.row("T10", "requests over a budget or below the floor")
def test_a_body_that_lies_about_its_length_is_counted(tmp_path):
    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        while True:
            yield b"x" * 100_000

    with served(tmp_path) as app:
        app.services.guests.limits = replace(LIMITS[Role.GUEST], upload_bytes=2_000_000)
        guest = app.guest()
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        try:
            answer = guest.client.post(f"{API}/upload", content=endless(), headers=headers)
            assert answer.status_code == 413
        except httpx.TransportError:  # hung up on while it was still sending
            pass
        assert stored(app) == []


@pytest.mark.row("T10", "requests over a budget or below the floor")
def test_a_full_disk_is_said_before_the_body_is_sent(tmp_path):
    with served(tmp_path) as app:
        app.services.guests.free_floor_bytes = 10**18
        guest = app.guest()
        answer = guest.client.post(f"{API}/upload", files={"files": ("a.png", b"x")})
        assert answer.status_code == 413
        assert "stay free" in answer.text
        owner = app.owner().post(f"{API}/upload", files={"files": ("a.png", b"x")})
        assert owner.status_code == 413


@pytest.mark.row("T21", "half-open uploads")
def test_half_open_uploads_block_nobody_and_end(tmp_path, ledger):
    with served(tmp_path, upload_timeout_s=TIMEOUT_S) as app:
        owner = app.owner()
        cookies = [cookie_of(app.guest().client) for _ in range(10)]
        desk = next(guard.desk for door, guard, _ in app.serving._doors if door.role is Role.GUEST)
        senders = []
        try:
            for number in range(HALF_OPEN):
                senders.append(half_upload(app, cookies[number % len(cookies)]))
            wait_until(lambda: desk.num_busy == 8)
            begun = time.monotonic()
            assert owner.get("/").status_code == 200
            page_s = time.monotonic() - begun
            assert desk.num_busy <= 8
            wait_until(lambda: desk.num_busy == 0)
            free = app.guest().client.post(f"{API}/upload", files={"files": ("a.png", b"x")})
            assert free.status_code == 200
        finally:
            for sender in senders:
                sender.close()
        assert len(stored(app)) == 1
        ledger("T21", cases=HALF_OPEN, worst_s=round(page_s, 2))


@pytest.mark.row("T21", "connections that say nothing")
def test_a_connection_that_says_nothing_is_hung_up_on(tmp_path):
    with served(tmp_path, guests=False, upload_timeout_s=0.5) as app:
        address = ("127.0.0.1", app.serving.owner_port)
        for text in (b"", b"GET / HTTP/1.1\r\nHost: 127"):
            with socket.create_connection(address, timeout=PATIENCE_S) as silent:
                silent.sendall(text)
                assert silent.recv(100) == b""


def test_a_foreign_upload_cannot_be_read_or_named(tmp_path):
    with served(tmp_path) as app:
        one, other = app.guest(), app.guest()
        path = one.client.post(f"{API}/upload", files={"files": ("a.png", b"x")}).json()[0]
        assert one.read(path).status_code == 200
        assert other.read(path).status_code == 403
        named = {"path": path, "meta": {"_type": "gradio.FileData"}}
        assert other.join(other.message(0, [named])).status_code == 403
