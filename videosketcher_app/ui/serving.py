"""serve: opens the doors, brings the page up, loads the model behind it, and closes cleanly."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType

from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import DEFAULT_MODEL
from videosketcher_app.services import allocator
from videosketcher_app.services.container import Services
from videosketcher_app.services.launch import LaunchOptions
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui import tunnel
from videosketcher_app.ui.components import banner
from videosketcher_app.ui.doors import (
    Clock,
    Door,
    GuestDoor,
    OwnerDoor,
    made_up_login,
    role_of_door,
)
from videosketcher_app.ui.guard import Guard
from videosketcher_app.ui.mounting import common_temporary_folder, mounted, temporary_files
from videosketcher_app.ui.server import DoorServer, free_socket

logger = logging.getLogger(__name__)

LOCAL = "127.0.0.1"
SWEEP_S = 60.0
TICK_S = 1.0
LOAD_AFTER_S = 15.0
Say = Callable[[str], None]


class Serving:
    """The open doors of one start, from `open` to `close`; also a context.

    Args:
        services: what handlers call.
        options: see LaunchOptions.
        clock: seconds that never jump; decides when a link closes.
        say: shows one line to the person at the terminal.
    """

    def __init__(
        self,
        services: Services,
        options: LaunchOptions,
        *,
        clock: Clock = time.monotonic,
        say: Say = print,
    ) -> None:
        self._services = services
        self._options = options
        self._clock = clock
        self._say = say
        self._doors: list[tuple[Door, Guard, DoorServer]] = []
        self._tunnel: tunnel.Tunnel | None = None
        self._environment = ExitStack()
        self._swept_at = clock()
        self.owner_door = OwnerDoor(clock=clock)
        self.guest_door: GuestDoor | None = None
        self.owner_port = 0
        self.guest_port = 0

    @property
    def has_page(self) -> bool:
        """True once a page is up in some browser."""
        return any(guard.has_page for _, guard, _ in self._doors)

    @property
    def owner_url(self) -> str:
        """The owner's address with its key."""
        return f"http://{LOCAL}:{self.owner_port}/?token={self.owner_door.token}"

    def open(self) -> None:
        """Opens the owner's door, and the guests' if others may come in.

        Raises:
            InvalidRequest: a port that was asked for is in use, or the host is not ours.
        """
        settings, options = self._services.settings, self._options
        allocator.keep_few_heaps()
        self._environment.enter_context(temporary_files(common_temporary_folder(self._services)))
        for_guests = options.share or role_of_door(settings.host, share=False) is Role.GUEST
        is_exact = "port" in settings.model_fields_set
        guest_socket = None
        owner_port, owner_is_exact = settings.port, is_exact
        if for_guests and not options.share:
            # Who names a host and a port means the port at which others come in.
            guest_socket = self._take(settings.host, settings.port, only=is_exact)
            owner_port, owner_is_exact = guest_socket.getsockname()[1] + 1, False
        try:
            owner_socket = self._take(LOCAL, owner_port, only=owner_is_exact)
        except BaseException:
            if guest_socket is not None:
                guest_socket.close()
            raise
        if for_guests:
            self._prepare_guests(guest_socket)
        self.owner_port = self._serve(self.owner_door, owner_socket)
        if for_guests:
            taken = guest_socket or self._take(LOCAL, self.owner_port + 1, only=False, quiet=True)
            assert self.guest_door is not None
            self.guest_port = self._serve(self.guest_door, taken)
        self._say(f"Running on local URL: {self.owner_url}")
        if for_guests:
            self._tell_about_guests()

    def tick(self) -> None:
        """What time brings: links close, visits end, memory goes back. Call now and then."""
        door = self.guest_door
        if door is not None and door.is_closed and self.guest_port:
            self.close_guests()
            self._say("The shared link has closed: its time is over.")
        now = self._clock()
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            self._services.guests.sweep()
            self._services.codraw.sweep()
            if not self._services.queue.is_running:
                allocator.give_back()

    def close_guests(self) -> None:
        """Closes the tunnel and the guests' port; the owner's page stays."""
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None
        for entry in [entry for entry in self._doors if entry[0].role is Role.GUEST]:
            _close(entry)
            self._doors.remove(entry)
        self.guest_port = 0
        self._services.guests.clear()

    def close(self) -> None:
        """Closes every door and port."""
        self.close_guests()
        for entry in self._doors:
            _close(entry)
        self._doors.clear()
        self._environment.close()

    def __enter__(self) -> Serving:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, host: str, port: int, *, only: bool, quiet: bool = False) -> socket.socket:
        taken = free_socket(host, port, only=only)
        found = taken.getsockname()[1]
        if found != port and not quiet:
            self._say(f"Port {port} is in use; using {found}.")
        return taken

    def _prepare_guests(self, listener: socket.socket | None) -> None:
        book, options = self._services.guests, self._options
        book.free_floor_bytes = options.keep_free_bytes
        if options.is_class:
            book.open_class()
        book.clear()  # nobody of an earlier start holds a cookie any more
        host = self._services.settings.host
        door = GuestDoor(book=book, login=options.login or made_up_login(), clock=self._clock)
        if listener is not None:
            is_any = host in ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared, not bound
            names = {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}
            door.hosts |= names if is_any else {host.strip("[]").lower()}
            door.any_address = is_any
        self.guest_door = door

    def _serve(self, door: Door, listener: socket.socket) -> int:
        options, services = self._options, self._services
        workspace = Workspace(services.settings.workspace)
        page, memory = mounted(services, door.role, model=options.model or DEFAULT_MODEL)
        guard = Guard(
            page,
            door,
            services.guests,
            spool=workspace.cache / "incoming",
            status=lambda: banner.status(door.role, services, self.guest_door),
            upload_timeout_s=options.upload_timeout_s,
            memory=memory,
        )
        server = DoorServer(guard, listener, silence_s=options.upload_timeout_s)
        self._doors.append((door, guard, server))
        server.start()
        return server.port

    def _tell_about_guests(self) -> None:
        door, options = self.guest_door, self._options
        assert door is not None
        host = self._services.settings.host
        if options.share:
            self._open_tunnel(door)
        else:
            name = socket.gethostname() if door.any_address else host
            shown = f"[{name}]" if ":" in name else name
            door.link = f"http://{shown}:{self.guest_port}/"
        if not door.link:
            return
        user, password = door.login
        self._say(f"For guests: {door.link}")
        if options.login is None:
            self._say(f"Guests need a login. User: {user}  Password: {password}")
        hours = (door.closes_after_s or 0) / 3600
        self._say(f"Guests get their own, smaller page. The link closes in {hours:.0f} hours.")

    def _open_tunnel(self, door: GuestDoor) -> None:
        try:
            self._tunnel = tunnel.open_tunnel(self.guest_port)
        except tunnel.NoTunnel as error:
            self._say(str(error))
            self.close_guests()
            self.guest_door = None
            return
        door.link = self._tunnel.url
        door.hosts.add(self._tunnel.host)


def _close(entry: tuple[Door, Guard, DoorServer]) -> None:
    _, guard, server = entry
    server.close(guard.close_streams)


def serve(
    services: Services, options: LaunchOptions, *, announce: Callable[[int, str], None]
) -> None:
    """Opens the doors and keeps them open until somebody stops the app.

    The model starts to load when the page is up in a browser, so that the page does not wait for
    torch; if nobody opens one, a little later. Returns after a polite request to end (SIGTERM).

    Args:
        announce: is told the owner's port and address once the page is up.

    Raises:
        KeyboardInterrupt: Ctrl+C, after everything was closed.
        AppError: a door cannot be opened.
    """
    stop = threading.Event()
    with _stopping_on_sigterm(stop), Serving(services, options, say=_say) as serving:
        announce(serving.owner_port, serving.owner_url)
        if options.open_browser:
            webbrowser.open(serving.owner_url)
        load_at, is_loading = time.monotonic() + LOAD_AFTER_S, False
        while not stop.wait(TICK_S):
            serving.tick()
            if not is_loading and (serving.has_page or time.monotonic() >= load_at):
                services.generation.preload(options.model or DEFAULT_MODEL)
                is_loading = True


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def _stopping_on_sigterm(stop: threading.Event) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
