"""T2, T20: the owner is whoever has the key, and a link that was left open closes by itself."""

from __future__ import annotations

import random
import secrets

import httpx
import pytest

from tests.security.served import LOGIN, served, token_of

pytestmark = [
    pytest.mark.security,
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
]

FORGED_NAMES = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Authorization",
    "Cookie",
    "X-Role",
)
FORGED_VALUES = (
    "127.0.0.1",
    "::1",
    "localhost",
    "for=127.0.0.1;host=localhost",
    "owner",
    "vs_owner=1; role=owner",
)


@pytest.mark.row("T2", "forged headers")
def test_no_forged_header_makes_an_owner(tmp_path, ledger):
    with served(tmp_path) as app:
        statuses = [
            httpx.get(f"{base}{path}", headers={name: value}).status_code
            for name in FORGED_NAMES
            for value in FORGED_VALUES
            for base, path in [(app.owner_base, "/config")]
        ]
        assert statuses == [401] * 60
        with app.guest().client as guest:
            name, value = next(iter(guest.cookies.items()))
            headers = {"Cookie": f"{name}={value}; {app.serving.owner_door.cookie}={value}"}
            assert httpx.get(f"{app.owner_base}/config", headers=headers).status_code == 401
    ledger("T2", cases=len(statuses))


@pytest.mark.row("T2", "wrong keys")
def test_a_thousand_keys_are_refused_and_then_not_even_looked_at(tmp_path, ledger):
    now = [0.0]
    with served(tmp_path, guests=False, clock=lambda: now[0]) as app:
        right = token_of(app.serving.owner_url)
        rng = random.Random(0)
        near = [right[:-1], right + "x", right.swapcase(), "", right[::-1]]
        wrong = near + [secrets.token_urlsafe(rng.choice([8, 32, 64])) for _ in range(995)]
        with app.stranger(app.owner_base) as client:
            answers = [client.get("/", params={"token": key}).status_code for key in wrong]
            assert answers == [401] * 5 + [429] * 995
            assert client.get("/", params={"token": right}).status_code == 429
            now[0] = 61.0
            entered = client.get("/", params={"token": right, "__theme": "dark"})
            assert entered.status_code == 303
            assert entered.headers["location"] == "/?__theme=dark"
            assert client.get("/config").status_code == 200
    ledger("T2", cases=len(wrong))


def test_a_foreign_page_cannot_lock_the_owner_out(tmp_path):
    with served(tmp_path, guests=False) as app, app.stranger(app.owner_base) as client:
        for _ in range(20):
            answer = client.get("/?token=x", headers={"Sec-Fetch-Site": "cross-site"})
            assert answer.status_code == 401
        assert client.get(app.serving.owner_url).status_code == 303


def test_the_guests_password_cannot_be_guessed_at_speed(tmp_path):
    now = [0.0]
    with served(tmp_path, clock=lambda: now[0]) as app, app.stranger(app.guest_base) as client:

        def attempt(password, forwarded=""):
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            data = {"username": LOGIN[0], "password": password}
            return client.post("/login", data=data, headers=headers).status_code

        assert [attempt(f"wrong {n}") for n in range(8)] == [401] * 5 + [429] * 3
        assert attempt(LOGIN[1]) == 429
        # Lying about the address helps only until all tries together are too many.
        lies = [attempt(f"wrong {n}", f"10.0.0.{n}") for n in range(40)]
        assert lies.count(401) == 25
        assert attempt(LOGIN[1], "10.1.1.1") == 429
        now[0] = 61.0
        assert attempt(LOGIN[1]) == 303


@pytest.mark.row("T20", "a link after 8 hours")
def test_a_link_that_was_left_open_closes_after_eight_hours(tmp_path):
    now = [0.0]
    with served(tmp_path, clock=lambda: now[0]) as app:
        guest = app.guest()
        told = guest.client.get("/videosketcher/sharing").json()
        assert told["role"] == "guest"
        assert "guest" in told["lines"][0]
        assert "vs-shared" in guest.client.get("/").text
        with app.owner() as owner:
            shown = owner.get("/videosketcher/sharing").json()
            assert app.serving.guest_door.link in shown["lines"][0]
        now[0] = 8 * 3600.0
        assert guest.client.get("/").status_code == 410
        assert guest.client.get("/config").status_code == 410
        app.serving.tick()
        with pytest.raises(httpx.TransportError):
            guest.client.get("/")
        assert "closed" in app.said[-1]
        with app.owner() as owner:
            assert owner.get("/config").status_code == 200
