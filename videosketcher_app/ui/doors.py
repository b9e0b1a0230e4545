"""The two doors: who may come in, by what, and under which names a door can be reached.

The owner comes in by a key that is in the address once and in a cookie from then on. Guests come
in by a password and get a seat. Neither follows from an address or from a header that a client
can write.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from videosketcher_app.core.access import LINK_HOURS, WRONG_TRIES_A_MINUTE, Role
from videosketcher_app.services.guests import Guest, GuestBook

GUEST_SCOPE = "videosketcher.guest"
TUNNEL_TRIES_A_MINUTE = 30
OWN_ROUTES = ("/codraw/",)  # of the line that the Co-draw tab speaks over
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_KEYS = 10_000
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?", re.ASCII)
Clock = Callable[[], float]


def role_of_door(host: str, *, share: bool) -> Role:
    """Owner only where nobody but this machine can come in."""
    if share:
        return Role.GUEST
    return Role.OWNER if _is_loopback(host) else Role.GUEST


def session_of(request: Any) -> str:
    """Whose job a handler's request is: a guest's name, made by the server, or the owner's page.

    Args:
        request: the gr.Request of the handler.
    """
    inner = getattr(request, "request", None)
    guest = getattr(inner, "scope", {}).get(GUEST_SCOPE)
    return guest.name if guest is not None else str(request.session_hash)


class Attempts:
    """Counts wrong tries a minute, so that guessing does not pay.

    Args:
        most: wrong tries in a minute after which the door stays shut for whoever made them.
    """

    def __init__(self, most: int, *, clock: Clock = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}

    def locked(self, key: str = "") -> bool:
        """True while there were too many within the last minute."""
        with self._lock:
            return len(self._recent(key)) >= self._most

    def failed(self, key: str = "") -> None:
        """Books one wrong try."""
        with self._lock:
            recent = [*self._recent(key), self._clock()]
            if len(self._failures) >= _MAX_KEYS:
                self._failures.clear()
            self._failures[key] = recent[-self._most :]

    def _recent(self, key: str) -> list[float]:
        now = self._clock()
        return [at for at in self._failures.get(key, ()) if now - at < 60]


@dataclass(kw_only=True, eq=False)
class Door:
    """What both doors have.

    Attributes:
        role: of everybody who comes in here.
        hosts: names under which it can be reached, besides addresses.
        any_address: True if every IP address is a name too; such a name cannot be rebound.
        closes_after_s: None stays open until the app ends.
        routes: first parts of further paths that exist behind it.
    """

    role: Role
    hosts: set[str] = field(default_factory=lambda: set(_LOCAL_NAMES))
    any_address: bool = False
    closes_after_s: float | None = None
    routes: tuple[str, ...] = OWN_ROUTES
    clock: Clock = time.monotonic
    opened_at: float = field(init=False)
    cookie: str = field(init=False)

    def __post_init__(self) -> None:
        self.opened_at = self.clock()
        # Cookies do not know ports: another app of this machine must not overwrite ours.
        self.cookie = f"vs_{self.role.value}_{secrets.token_hex(4)}"

    @property
    def seconds_left(self) -> float | None:
        """Until it closes by itself; None if it does not."""
        if self.closes_after_s is None:
            return None
        return max(0.0, self.opened_at + self.closes_after_s - self.clock())

    @property
    def is_closed(self) -> bool:
        """True once its time is over."""
        return self.seconds_left == 0.0

    def knows_host(self, host: str) -> bool:
        """True if the Host header names this door; any port, since ports may be forwarded."""
        name = host_name(host)
        return name in self.hosts or (self.any_address and _is_address(name))


@dataclass(kw_only=True, eq=False)
class OwnerDoor(Door):
    """The owner's: one key a start.

    Attributes:
        token: in the address that the terminal shows and the browser opens.
    """

    role: Role = Role.OWNER
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    attempts: Attempts = field(init=False)
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.attempts = Attempts(WRONG_TRIES_A_MINUTE, clock=self.clock)

    def fits(self, token: str) -> bool:
        """True if it is the key; takes as long for every wrong one."""
        return _equal(token, self.token)

    def knows(self, cookie: str) -> bool:
        """True if the cookie is the one that the key was exchanged for."""
        return _equal(cookie, self._secret)

    def new_cookie(self) -> str:
        """What the browser keeps instead of the key."""
        return self._secret


@dataclass(kw_only=True, eq=False)
class GuestDoor(Door):
    """The guests': a name and a password, the same for all, and a seat for each.

    Attributes:
        login: (user, password).
        link: the address to give away; known once a tunnel is up.
    """

    role: Role = Role.GUEST
    book: GuestBook
    login: tuple[str, str] = field(repr=False)
    link: str = ""
    closes_after_s: float | None = LINK_HOURS * 3600
    attempts: Attempts = field(init=False)
    all_attempts: Attempts = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.attempts = Attempts(WRONG_TRIES_A_MINUTE, clock=self.clock)
        self.all_attempts = Attempts(TUNNEL_TRIES_A_MINUTE, clock=self.clock)

    def locked(self, peer: str) -> bool:
        """True while this visitor, or all together, tried too often."""
        return self.attempts.locked(peer) or self.all_attempts.locked()

    def fits(self, user: str, password: str, *, peer: str) -> bool:
        """True if it is the login; a wrong one is booked for whoever tried."""
        fits = _equal(user, self.login[0]) & _equal(password, self.login[1])
        if not fits:
            self.attempts.failed(peer)
            self.all_attempts.failed()
        return fits

    def guest(self, cookie: str) -> Guest | None:
        """Who holds this cookie."""
        return self.book.find(cookie) if cookie else None


def made_up_login() -> tuple[str, str]:
    """A login for a link that was asked for without one."""
    return "guest", secrets.token_urlsafe(9)


def host_name(host: str) -> str:
    """The name in a Host header without its port and brackets, in lower case; "" if it is none."""
    found = _HOST.fullmatch(host.lower())
    return (found[1] or found[2]) if found else ""


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    name = host.strip("[]")
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
