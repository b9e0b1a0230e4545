"""The public link: Gradio's tunnel from a public server to the guests' port of this machine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from videosketcher_app.core.errors import AppError

LOCAL = "127.0.0.1"


class NoTunnel(AppError):
    """No public link could be made."""

    code = "NO_TUNNEL"


@dataclass(frozen=True)
class Tunnel:
    """An open tunnel; `url` is what guests type."""

    url: str
    _process: Any

    @property
    def host(self) -> str:
        """The name under which guests reach the door."""
        return (urlsplit(self.url).hostname or "").lower()

    def close(self) -> None:
        """Ends the tunnel's process, and with it the link."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


def open_tunnel(port: int) -> Tunnel:
    """A public link to a port of this machine.

    Raises:
        NoTunnel: this machine is offline, or the tunnel's program cannot be had.
    """
    import httpx
    from gradio import networking, tunneling
    from gradio.exceptions import ChecksumMismatchError

    before = len(tunneling.CURRENT_TUNNELS)
    try:
        url = networking.setup_tunnel(LOCAL, port, secrets.token_urlsafe(32), None, None)
    except (
        RuntimeError,
        OSError,
        ValueError,
        httpx.HTTPError,
        ChecksumMismatchError,
    ) as error:
        raise NoTunnel(
            f"No public link could be made: {error}",
            hint="The app is open on this machine only; check the connection, or use --listen.",
        ) from error
    opened = tunneling.CURRENT_TUNNELS[before:]
    process = opened[-1].proc if opened else None
    return Tunnel(url=f"https://{urlsplit(url).netloc}/", _process=process)
