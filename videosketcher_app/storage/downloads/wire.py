"""Guarded requests: every hop is judged before it is asked, and a key goes to its own hub only."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

import httpx

from videosketcher_app import __version__
from videosketcher_app.core.secret import Secret, SecretFilter
from videosketcher_app.storage.downloads.errors import DownloadFailed, Offline, Trouble
from videosketcher_app.storage.downloads.hosts import HostRules, Origin, is_address, is_public
from videosketcher_app.storage.downloads.limits import Limits

_REDIRECTS = (301, 302, 303, 307, 308)
# They write the server's headers at DEBUG, in which a server could echo the key.
_TALKATIVE_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.proxy")
_filter = SecretFilter()
_AGENT = f"videosketcher/{__version__}"


@dataclass(frozen=True)
class Answer:
    """A server's answer, its body not read yet.

    Attributes:
        headers: of the last hop.
        hub_headers: of every hop at the origin that was asked first; later ones win.
    """

    status: int
    headers: Mapping[str, str]
    hub_headers: Mapping[str, str]
    _response: httpx.Response

    def chunks(self) -> Iterator[bytes]:
        """The body as it travels, never unpacked.

        Raises:
            Trouble: it stalls or is cut.
        """
        with _explained(str(self._response.request.headers.get("Host", "the server"))):
            yield from self._response.iter_raw()

    def content(self, max_bytes: int) -> bytes:
        """The whole body.

        Raises:
            Trouble: it stalls or is cut.
            DownloadFailed: it is longer than `max_bytes`.
        """
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > max_bytes:
                raise DownloadFailed(
                    "The hub's list of files is longer than any should be.",
                    hint="Try again later, or another source.",
                )
        return bytes(body)


class Wire:
    """One line to the hubs, used by one thread; `hang_up` and `close` may come from another.

    Args:
        offline: nothing may be asked.
        keys: of hubs, by origin.
    """

    def __init__(
        self,
        rules: HostRules,
        *,
        limits: Limits | None = None,
        offline: bool = False,
        keys: Mapping[Origin, Secret] | None = None,
    ) -> None:
        self.rules, self.limits, self.offline = rules, limits or Limits(), offline
        self.keys = dict(keys or {})
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._transports: dict[str | None, httpx.BaseTransport] = {}
        for name in _TALKATIVE_LOGGERS:
            logging.getLogger(name).addFilter(_filter)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """The answer to a request, redirects followed.

        Raises:
            Offline: nothing may be asked.
            DownloadFailed: a hop leads where no request may go, or there are too many.
            Trouble: a server cannot be reached, stalls, or hangs up.
        """
        if self.offline:
            raise Offline
        first = self.rules.check(url)
        hub_headers: dict[str, str] = {}
        for _ in range(self.limits.max_redirects + 1):
            origin = self.rules.check(url)
            response = self._send(url, origin, headers or {})
            try:
                if origin == first:
                    hub_headers |= response.headers
                if response.status_code not in _REDIRECTS:
                    status = response.status_code
                    yield Answer(status, response.headers, hub_headers, response)
                    return
                url = _next(url, response)
            finally:
                self._let_go(response)
        raise DownloadFailed(
            f"{first[1]} redirects more than {self.limits.max_redirects} times.",
            hint="Try again later, or another source.",
        )

    def hang_up(self) -> None:
        """Ends what is being read right now; its reader meets a Trouble."""
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends everything."""
        self.hang_up()
        for transport in self._transports.values():
            transport.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, url: str, origin: Origin, extra: Mapping[str, str]) -> httpx.Response:
        limits = self.limits
        headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **extra}
        if origin in self.keys:
            headers["Authorization"] = f"Bearer {self.keys[origin].get_secret_value()}"
        patience = httpx.Timeout(limits.stall_s, connect=limits.connect_s)
        with _explained(origin[1]):
            request = httpx.Request(
                "GET", url, headers=headers, extensions={"timeout": patience.as_dict()}
            )
            response = self._reach(request, origin)
        response.request = request
        with self._lock:
            self._socket = _socket_of(response)
        return response

    def _reach(self, request: httpx.Request, origin: Origin) -> httpx.Response:
        """Through the environment's proxy if there is one, else to an address that was judged."""
        proxy = _proxy(origin)
        if proxy is not None:
            return self._transport(proxy).handle_request(request)
        problem: httpx.TransportError | None = None
        for address in self.rules.addresses(origin):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # the Host header names the host, not the address
                extensions={**request.extensions, "sni_hostname": origin[1]},
            )
            try:
                return self._transport(None).handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        assert problem is not None, "a name has at least one address"
        raise problem

    def _transport(self, proxy: str | None) -> httpx.BaseTransport:
        if proxy not in self._transports:
            try:
                # No line is kept open: a second request hours later must not meet a dead one.
                few = httpx.Limits(max_connections=4, max_keepalive_connections=0)
                self._transports[proxy] = httpx.HTTPTransport(proxy=proxy, limits=few)
            except (ImportError, ValueError) as error:
                raise DownloadFailed(
                    "The proxy that the environment names is of a kind that is not supported.",
                    hint="Set HTTPS_PROXY to an http address.",
                ) from error
        return self._transports[proxy]

    def _let_go(self, response: httpx.Response) -> None:
        with self._lock:
            self._socket = None
        response.close()


def _next(url: str, response: httpx.Response) -> str:
    target = response.headers.get("Location")
    if not target:
        raise Trouble(f"{response.request.url.host} redirects without saying where to.")
    return urljoin(url, target)


def _proxy(origin: Origin) -> str | None:
    """The environment's proxy for the internet; this machine and its network need none."""
    scheme, host, _ = origin
    if host == "localhost" or (is_address(host) and not is_public(host)) or proxy_bypass(host):
        return None
    return getproxies().get(scheme)


def _socket_of(response: httpx.Response) -> socket.socket | None:
    stream = response.extensions.get("network_stream")
    return cast("socket.socket | None", stream.get_extra_info("socket")) if stream else None


@contextmanager
def _explained(host: str) -> Iterator[None]:
    """Turns what the library says into something that may pass, or that never will."""
    try:
        yield
    except httpx.ConnectError as error:
        raise Trouble(
            f"{host} cannot be reached: {str(error)[:120] or 'no connection'}."
        ) from error
    except httpx.TimeoutException as error:
        raise Trouble(f"{host} does not answer in time.") from error
    except httpx.TransportError as error:
        raise Trouble(f"The line to {host} was cut.") from error
    except httpx.InvalidURL as error:
        raise DownloadFailed(
            f"{host} leads to an address that cannot be read.", hint="Try another source."
        ) from error
