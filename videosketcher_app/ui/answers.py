"""What the guard answers by itself: small pages without scripts, and one line for programs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from videosketcher_app.ui.texts import t

Send = Callable[[dict[str, Any]], Awaitable[None]]

# Everything comes from this app and nothing may frame it. Gradio's pages need inline scripts.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    # Not "no-referrer": with it, browsers send "Origin: null" with the login form.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; "
        b"base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    ),
)
_STYLE = """
body { background: #faf8f3; color: #22262b; font: 1rem/1.55 ui-sans-serif, system-ui, sans-serif;
  display: grid; place-items: center; min-height: 90vh; margin: 0; padding: 1rem; }
main { max-width: 26rem; } h1 { font: 500 1.6rem Palatino, Georgia, serif; }
label { display: block; margin: 0.8rem 0 0.2rem; }
input { width: 100%; box-sizing: border-box; padding: 0.5rem; font: inherit; background: #fff;
  color: #22262b; border: 1px solid #8a867c; border-radius: 3px; }
button { margin-top: 1.2rem; padding: 0.5rem 1.4rem; font: inherit; background: #22262b;
  color: #faf8f3; border: 0; border-radius: 3px; cursor: pointer; }
[role=alert] { color: #9c3d2e; } :focus-visible { outline: 2px solid #2f5d8a; outline-offset: 2px; }
@media (prefers-color-scheme: dark) { body { background: #1d1f21; color: #e8e4da; }
  [role=alert] { color: #f0a596; } button { background: #e8e4da; color: #1d1f21; } }
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One complete response."""

    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    async def give(self, send: Send) -> None:
        """Sends it.

        The connection stays open after a refusal, so that the answer outruns a body on its way;
        what arrives is thrown away.
        """
        headers = [
            (b"content-type", self.kind.encode("latin-1")),
            (b"content-length", str(len(self.body)).encode("latin-1")),
            (b"cache-control", b"no-store"),
            *self.headers,
            *SECURITY_HEADERS,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def line(status: int, text: str, *, hang_up: bool = False) -> Answer:
    """One sentence, for programs and for Gradio's own error messages."""
    return Answer(
        headers=((b"connection", b"close"),) if hang_up else (),
        status=status,
        body=json.dumps({"detail": text}, ensure_ascii=False).encode("utf-8"),
        kind="application/json",
    )


def as_json(value: object) -> Answer:
    """A value for a script of our pages."""
    return Answer(status=200, body=json.dumps(value).encode("utf-8"), kind="application/json")


def redirect(location: str, *cookies: str) -> Answer:
    """On to another address of this app, by GET."""
    headers = [(b"location", location.encode("latin-1", "replace"))]
    headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies]
    return Answer(status=303, headers=tuple(headers))


def cookie(name: str, value: str, *, is_https: bool) -> str:
    """A cookie that scripts cannot read and other sites cannot use."""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if is_https else "")


def page(status: int, title: str, content: str) -> Answer:
    """A small page; `title` is escaped, `content` is HTML."""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{content}</main>"
        "</body></html>"
    )
    return Answer(status=status, body=html.encode("utf-8"), kind="text/html; charset=utf-8")


def notice(status: int, title: str, *paragraphs: str, link: str = "") -> Answer:
    """A page of plain paragraphs, with a link to the start if `link` names it."""
    content = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    if link:
        content += f'<p><a href="/">{escape(link)}</a></p>'
    return page(status, title, content)


def login_page(status: int, *, problem: str = "", user: str = "") -> Answer:
    """The guests' login."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    fields = (
        f'<label for="user">{escape(t("sharing.login_user"))}</label>'
        f'<input id="user" name="username" required autocomplete="username" value="{escape(user)}">'
        f'<label for="password">{escape(t("sharing.login_password"))}</label>'
        '<input id="password" name="password" type="password" required autofocus '
        'autocomplete="current-password">'
    )
    form = (
        f'<form method="post" action="/login">{fields}'
        f"<button>{escape(t('sharing.login_enter'))}</button></form>"
    )
    return page(
        status,
        t("sharing.login_title"),
        f"<p>{escape(t('sharing.login'))}</p>{alert}{form}",
    )
