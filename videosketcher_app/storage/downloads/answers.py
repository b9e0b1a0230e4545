"""What a server's answer means for a person: wait, give up, or go on."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from videosketcher_app.storage.downloads.errors import DownloadFailed, Trouble
from videosketcher_app.storage.downloads.wire import Answer

_BUSY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_GOOD = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}


def refuse(answer: Answer, what: str) -> None:
    """Lets good answers through (200, 206, 416).

    Raises:
        Trouble: the server is busy or broken for the moment.
        DownloadFailed: it says no.
    """
    status = answer.status
    if status in _GOOD:
        return
    if status in _BUSY or status >= 520:
        raise Trouble(
            f"The server has no time for {what} (status {status}).",
            wait_s=_seconds(answer.headers.get("Retry-After")),
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise DownloadFailed(
            f"{what} wants a login that may read it (status {status}).",
            hint="Accept its terms on the hub's page and set HF_TOKEN, or check its name.",
        )
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise DownloadFailed(
            f"There is no {what} (status {status}).",
            hint="Check the name and the revision, or use another source.",
        )
    raise DownloadFailed(
        f"The server refuses {what} (status {status}).", hint="Try another source, or later."
    )


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After header, which holds seconds or a date."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
