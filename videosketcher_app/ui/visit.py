"""Visit: what the guard needs to know of one request, read once from the ASGI scope."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

READING = frozenset({"GET", "HEAD"})
METHODS = READING | {"POST"}


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request or handshake.

    Attributes:
        headers: by lower-case name; where a name came twice, all values, joined by ", ".
        query: all values of each name.
        peer: whom wrong tries are booked for. Behind a tunnel every visitor comes from this
            machine; there the last forwarded address tells them apart, and lying about it helps
            only until all tries together are too many.
    """

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, list[str]]
    cookies: dict[str, str]
    peer: str
    is_socket: bool = False

    @property
    def host(self) -> str:
        """The Host header."""
        return self.headers.get("host", "")

    @property
    def changes_state(self) -> bool:
        """True for what another page must never be able to ask for."""
        return self.is_socket or self.method not in READING

    @property
    def is_https(self) -> bool:
        """True if the browser's side of the connection is encrypted."""
        return self.headers.get("x-forwarded-proto", "") == "https"

    def is_from_own_page(self) -> bool:
        """True unless a browser says that a page of another origin asked.

        Programs that are no browser send neither header; they cannot be tricked by a page. A
        socket needs the Origin: every browser sends it, and no other check stands in its way.
        """
        origin = self.headers.get("origin")
        if origin is not None:
            parts = urlsplit(origin)
            return (
                parts.scheme in ("http", "https") and bool(self.host) and parts.netloc == self.host
            )
        if self.is_socket:
            return False
        return self.headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def visit_of(scope: dict[str, Any]) -> Visit:
    """Reads a scope of type "http" or "websocket"."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return Visit(
        method=scope.get("method", "GET"),
        path=scope["path"],
        headers=headers,
        query=query,
        cookies=_cookies(headers.get("cookie", "")),
        peer=_peer(scope, headers),
        is_socket=scope["type"] == "websocket",
    )


def _cookies(text: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def _peer(scope: dict[str, Any], headers: dict[str, str]) -> str:
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        is_tunnel = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_tunnel = False
    forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return f"via {forwarded[:64]}" if is_tunnel and forwarded else host
