"""T3: a page of another origin, or a name that was rebound to this machine, changes nothing."""

from __future__ import annotations

import itertools
import socket

import httpx
import pytest

from tests.security.served import API, served

pytestmark = [
    pytest.mark.security,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]

FILES = {"files": ("canary.png", b"canary")}


def headers_of(port):
    """Eight Host and eight Origin headers; {port} is the door's."""
    hosts = [
        (f"127.0.0.1:{port}", True),
        (f"localhost:{port}", True),
        (f"[::1]:{port}", True),
        ("evil.example", False),
        (f"evil.example:{port}", False),
        (f"127.0.0.1.evil.example:{port}", False),
        (f"127.0.0.1@evil.example:{port}", False),
        ("", False),
    ]
    origins = [
        None,
        "SAME",
        "null",
        "http://evil.example",
        f"http://127.0.0.1:{port + 1}",
        "https://127.0.0.1.evil.example",
        "file://",
        f"http://evil.example:{port}",
    ]
    return hosts, origins


def ask(client, route, headers):
    if route == "page":
        return client.get("/config", headers=headers)
    if route == "upload":
        return client.post(f"{API}/upload", files=FILES, headers=headers)
    if route == "join":
        message = {"data": [], "fn_index": 0, "session_hash": "x"}
        return client.post(f"{API}/queue/join", json=message, headers=headers)
    return client.post(f"{API}/cancel", json={"session_hash": "x"}, headers=headers)


@pytest.mark.row("T3", "Host x Origin x route")
def test_only_our_own_pages_change_anything(tmp_path, ledger):
    with served(tmp_path, guests=False) as app, app.owner() as client:
        hosts, origins = headers_of(app.serving.owner_port)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        num_cases, num_uploads = 0, 0
        routes = ("page", "upload", "join", "cancel")
        for (host, known), origin, route in itertools.product(hosts, origins, routes):
            headers = {"Host": host, "Cookie": cookie}
            if origin is not None:
                headers["Origin"] = f"http://{host}" if origin == "SAME" else origin
            status = ask(client, route, headers).status_code
            may = known and (route == "page" or origin in (None, "SAME"))
            assert (status != 403) == may or (not may and status == 400), (host, origin, route)
            num_uploads += may and route == "upload"
            num_cases += 1
        assert num_cases == 256
        kept = [path for path in (tmp_path / "home" / "cache").rglob("*") if path.is_file()]
        assert len(kept) == 1  # all that were allowed had the same content
        assert num_uploads == 6
    ledger("T3", cases=num_cases)


def test_a_foreign_upload_is_refused_before_its_body_is_read(tmp_path):
    with served(tmp_path, guests=False) as app, app.owner() as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        port = app.serving.owner_port
        head = (
            f"POST {API}/upload HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
            "Origin: http://evil.example\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 1000000000\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
            sender.sendall(head.encode())  # and not one byte of the body
            assert sender.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_another_site_asked_is_refused(tmp_path, site):
    with served(tmp_path, guests=False) as app, app.owner() as client:
        answer = client.post(f"{API}/cancel", json={}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403


def test_answers_carry_the_headers_that_keep_browsers_careful(tmp_path):
    with served(tmp_path) as app, app.owner() as client:
        for base, path in [(app.owner_base, "/"), (app.guest_base, "/"), (app.owner_base, "/x")]:
            answer = client.get(f"{base}{path}")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert httpx.options(f"{app.owner_base}/config").status_code in (403, 405)
