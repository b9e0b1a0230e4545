"""Which servers a download may talk to: the hubs, the stores they redirect to, and nobody else.

A name is judged twice: as it is written, and by the addresses that it stands for. The second look is
the one that is connected to, so a name server that changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult, urlsplit

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import DEFAULT_HF_ENDPOINT, DEFAULT_MODELSCOPE_ENDPOINT
from videosketcher_app.storage.downloads.errors import DownloadFailed, Trouble

# Where the two hubs keep the bytes. aliyuncs.com holds ModelScope's store, and strangers' too: no
# key is ever sent there, and what comes back is compared with the hub's SHA-256.
STORES = ("huggingface.co", "hf.co", "modelscope.cn", "modelscope.ai", "aliyuncs.com")
_HUBS = (DEFAULT_HF_ENDPOINT, DEFAULT_MODELSCOPE_ENDPOINT)
_PORTS = {"https": 443, "http": 80}
# IPv4 addresses in the clothes of IPv6: for a translating router (RFC 6052).
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], Sequence[str]]
Origin = tuple[str, str, int]


def system_addresses(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class HostRules:
    """Judges addresses.

    Args:
        endpoints: the hubs' addresses, as the owner set them. One that is not a hub's own may be on
            this machine or in its network, and may speak http: the owner named it.
        stores: names whose hosts and subdomains redirects may lead to.
        resolve: gives the addresses of a name.

    Raises:
        InvalidRequest: an endpoint is no http or https address.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        stores: Sequence[str] = STORES,
        resolve: Resolve = system_addresses,
    ) -> None:
        self._named = frozenset(
            _endpoint(text) for text in endpoints if text.rstrip("/") not in _HUBS
        )
        own = [host for _, host, _ in self._named if not is_address(host)]
        self._stores = (*stores, *own)
        self._resolve = resolve

    def is_named(self, origin: Origin) -> bool:
        """True for an endpoint that the owner chose instead of a hub's own."""
        return origin in self._named

    def check(self, url: str) -> Origin:
        """The origin (scheme, host, port) of an address that may be asked.

        Raises:
            DownloadFailed: no request may go there.
        """
        parts, origin = _parsed(url)
        if origin is None or parts.username is not None or parts.password is not None:
            raise _refused(url)
        if self.is_named(origin):
            return origin
        scheme, host, port = origin
        if scheme != "https" or port != _PORTS["https"] or not self._is_store(host):
            raise _refused(url)
        return origin

    def addresses(self, origin: Origin) -> tuple[str, ...]:
        """The addresses to connect to.

        Raises:
            Trouble: the name is not known at the moment.
            DownloadFailed: it stands for this machine or its network.
        """
        _, host, port = origin
        try:
            found = tuple(self._resolve(host, port))
        except (OSError, UnicodeError):
            raise Trouble(f"The name {host} cannot be looked up.") from None
        if not found:
            raise Trouble(f"The name {host} stands for no address.")
        if not self.is_named(origin) and not all(map(is_public, found)):
            raise DownloadFailed(
                f"{host} stands for an address of this machine or its network; nothing was asked.",
                hint="Check the name server or the VPN.",
            )
        return found

    def _is_store(self, host: str) -> bool:
        return any(host == store or host.endswith("." + store) for store in self._stores)


def origin_of(url: str) -> Origin | None:
    """Scheme, host and port of an address; None if it has none."""
    return _parsed(url)[1]


def _parsed(url: str) -> tuple[SplitResult, Origin | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return SplitResult("", "", "", "", ""), None
    if parts.scheme not in _PORTS or not parts.hostname or any(c in url for c in "\\\r\n\t "):
        return parts, None
    return parts, (parts.scheme, parts.hostname, port)


def _endpoint(text: str) -> Origin:
    parts, origin = _parsed(text)
    if origin is None or parts.username is not None or parts.query or parts.fragment:
        raise InvalidRequest(
            f"The hub's address {text[:80]!r} is not possible.",
            hint="Set HF_ENDPOINT or MODELSCOPE_ENDPOINT to something like "
            "https://hf-mirror.com, or leave it out.",
        )
    return origin


def is_address(host: str) -> bool:
    """True for a numeric address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """True for a numeric address of the internet, whatever form it is dressed in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


def _refused(url: str) -> DownloadFailed:
    origin = origin_of(url)
    where = f"{origin[0]}://{origin[1]}" if origin else repr(url[:60])
    return DownloadFailed(
        f"The download leads to {where}, which is not among the allowed hosts; nothing was asked.",
        hint="If you use a mirror, name it in HF_ENDPOINT.",
    )
