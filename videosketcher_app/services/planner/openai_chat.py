"""OpenAI, or any server with the same chat completions: one bounded request over httpx.

The whole exchange, from the look-up of the name to the last byte, ends within its seconds: it runs
as one cancellable task on a thread of its own, and a server that sends a byte at a time is cut off
like one that is silent. Nothing that the server says is quoted in an error or in a log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from videosketcher_app.core.secret import SecretFilter
from videosketcher_app.core.settings import DEFAULT_BASE_URL
from videosketcher_app.services.planner.chat import PlannerFailed
from videosketcher_app.services.planner.keys import LanguageModelAccess, is_loopback
from videosketcher_app.services.planner.prompt import Message

if TYPE_CHECKING:
    import httpx

LIMIT_S = 10.0
CONNECT_S = 4.0
GRACE_S = 0.5  # for the thread to report that time is over
MAX_REPLY_BYTES = 256 * 1024
PAUSE_S = 0.5
DEFAULT_BUSY_PAUSE_S = 1.0
# They write the server's headers at DEBUG, in which a server could echo the key.
_TALKATIVE_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
)
_filter = SecretFilter()


class OpenAIChat:
    """A server that speaks OpenAI's chat completions."""

    name = "openai"
    limit_s = LIMIT_S
    tries = 2

    def __init__(self, access: LanguageModelAccess) -> None:
        self._access = access
        is_default = access.base_url == DEFAULT_BASE_URL
        self.title = "OpenAI" if is_default else f"The server {urlsplit(access.base_url).hostname}"
        for name in _TALKATIVE_LOGGERS:
            logging.getLogger(name).addFilter(_filter)

    def complete(self, messages: Sequence[Message], *, seconds: float) -> str:
        """The reply to a conversation, within `seconds`.

        Raises:
            PlannerFailed: the server cannot be reached, refuses, is too slow or sends nonsense.
        """
        try:
            body = _on_a_thread(lambda: self._post(messages, seconds), seconds)
        except (NotInTime, asyncio.TimeoutError):
            raise PlannerFailed(
                f"{self.title} gave no whole answer within {LIMIT_S:.0f} s",
                hint="Try again later, or choose the library.",
            ) from None
        return self._content(body)

    async def _post(self, messages: Sequence[Message], seconds: float) -> bytes:
        return await asyncio.wait_for(self._exchange(messages, seconds), seconds)

    async def _exchange(self, messages: Sequence[Message], seconds: float) -> bytes:
        import httpx

        access = self._access
        headers = {"Accept-Encoding": "identity", "Accept": "application/json"}
        if access.key is not None:
            headers["Authorization"] = f"Bearer {access.key.get_secret_value()}"
        content = {"model": access.model, "messages": list(messages)}
        try:
            async with (
                httpx.AsyncClient(
                    timeout=httpx.Timeout(seconds, connect=min(CONNECT_S, seconds)),
                    follow_redirects=False,
                    # A proxy of the environment is right for the internet, wrong for this machine.
                    trust_env=not is_loopback(access.base_url),
                ) as client,
                client.stream(
                    "POST", f"{access.base_url}/chat/completions", json=content, headers=headers
                ) as response,
            ):
                self._check_status(response)
                return await self._capped(response)
        except httpx.TimeoutException:
            raise asyncio.TimeoutError from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            # Their texts may name proxies with passwords or hold what the server sent.
            raise PlannerFailed(
                f"{self.title} cannot be reached",
                hint="Check the connection and the address.",
                retry_after_s=PAUSE_S,
            ) from None

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status == 429:
            raise PlannerFailed(
                f"{self.title} is busy or the account's limit is reached",
                retry_after_s=_retry_after_s(response.headers.get("retry-after")),
            )
        if status >= 500:
            raise PlannerFailed(
                f"{self.title} has trouble of its own (error {status})", retry_after_s=PAUSE_S
            )
        told = {
            401: "refused the key",
            403: "refused the key",
            404: "does not know the model or the address",
        }
        if 300 <= status < 400:
            raise PlannerFailed(f"{self.title} pointed to another address, which is not followed")
        raise PlannerFailed(
            f"{self.title} {told.get(status, f'refused the request (error {status})')}",
            hint="Check key, address and model in the planner's settings.",
        )

    async def _capped(self, response: httpx.Response) -> bytes:
        """The body as sent, read no further than the cap."""
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._nonsense()  # unpacking could multiply its size
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                raise self._nonsense()
        return bytes(body)

    def _content(self, body: bytes) -> str:
        """The message's text in the server's JSON."""
        try:
            message = json.loads(body.decode("utf-8"))["choices"][0]["message"]["content"]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise self._nonsense() from None
        key = self._access.key
        if not isinstance(message, str) or (key is not None and key.get_secret_value() in message):
            raise self._nonsense()
        return message

    def _nonsense(self) -> PlannerFailed:
        return PlannerFailed(
            f"{self.title} sent something that is no chat reply", retry_after_s=PAUSE_S
        )


def _retry_after_s(header: str | None) -> float:
    """Seconds that the server asks to wait; dates and nonsense count as the default."""
    try:
        seconds = float(header or "")
    except ValueError:
        return DEFAULT_BUSY_PAUSE_S
    return seconds if 0 <= seconds < float("inf") else DEFAULT_BUSY_PAUSE_S


def _on_a_thread(work: Callable[[], Coroutine[Any, Any, bytes]], seconds: float) -> bytes:
    """Runs a coroutine on a new thread; gives up on it soon after `seconds`.

    The thread is left behind only while the system looks a name up, which nothing can cancel.

    Raises:
        NotInTime: it has not ended.
    """
    outcome: Future[bytes] = Future()

    async def report() -> None:
        try:
            outcome.set_result(await work())
        except BaseException as error:  # whatever it is belongs to the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=lambda: asyncio.run(report()), name="planner", daemon=True).start()
    return outcome.result(timeout=max(0.0, seconds) + GRACE_S)
